import type { Queryable } from "#app/db.server.ts";

/** Who a delivery comes from. `secrets` are the connection's own; a channel that signs with the app's secret has none here. */
export type Sender = { shopId: number; connectionId: number; account: string; secrets: readonly string[] };
export type SenderLookup = { outcome: "known"; sender: Sender } | { outcome: "unknown" } | { outcome: "unavailable"; error: unknown };

/** A flash sale is thousands of deliveries of one shop: one query for all of them. It is also how long a disconnected one is still heard. */
const KNOWN_MS = 10_000;
/** A new connection's first delivery waits for no more than this; guessing addresses costs one query each. */
const UNKNOWN_MS = 2_000;
/** About 5 MB. Past it the one that was looked up longest ago is asked for again. */
const KNOWN_MAX = 10_000;
const UNKNOWN_MAX = 1_000;
/** A database that says nothing must not use up the sender's patience (Shopify: 5 s) before the commit is even tried. */
const LOOK_UP_TIMEOUT_MS = 1_000;
/** After such a silence what was known is used at once for a while. */
const STALE_MS = 5_000;

export type Senders = {
	find(key: string): Promise<SenderLookup>;
	/** What was just created or found by other means. */
	remember(key: string, sender: Sender): void;
};

/**
 * Remembers senders for a few seconds, so that the hot path asks the database nothing before its INSERT. When the database is
 * away, what was known stays known however old it is: without its secret a delivery could be neither verified nor spooled.
 */
export function createSenders(
	lookUp: (key: string) => Promise<Sender | null>,
	{ now = Date.now, timeoutMs = LOOK_UP_TIMEOUT_MS }: { now?: () => number; timeoutMs?: number } = {},
): Senders {
	const known = new Map<string, { sender: Sender; until: number }>();
	const unknown = new Map<string, number>();
	const asking = new Map<string, Promise<SenderLookup>>();

	const remember = (key: string, sender: Sender, forMs = KNOWN_MS) => {
		unknown.delete(key);
		keep(known, key, { sender, until: now() + forMs }, KNOWN_MAX);
	};

	const ask = async (key: string): Promise<SenderLookup> => {
		try {
			const sender = await lookUp(key);
			if (sender) {
				remember(key, sender);
				return { outcome: "known", sender };
			}
			known.delete(key);
			keep(unknown, key, now() + UNKNOWN_MS, UNKNOWN_MAX);
			return { outcome: "unknown" };
		} catch (error) {
			return staleOr(key, { outcome: "unavailable", error });
		} finally {
			asking.delete(key);
		}
	};

	const staleOr = (key: string, otherwise: SenderLookup): SenderLookup => {
		const stale = known.get(key);
		if (!stale) return otherwise;
		remember(key, stale.sender, STALE_MS);
		return { outcome: "known", sender: stale.sender };
	};

	return {
		remember: (key, sender) => remember(key, sender),
		async find(key) {
			const hit = known.get(key);
			if (hit && hit.until > now()) return { outcome: "known", sender: hit.sender };
			if ((unknown.get(key) ?? 0) > now()) return { outcome: "unknown" };
			const asked = asking.get(key) ?? ask(key);
			if (!asking.has(key)) asking.set(key, asked);
			return withTimeout(asked, timeoutMs, () =>
				staleOr(key, { outcome: "unavailable", error: new Error(`no answer within ${timeoutMs} ms`) }),
			);
		},
	};
}

/** The question goes on, and its answer serves those who ask later. */
async function withTimeout<T>(answer: Promise<T>, ms: number, otherwise: () => T): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<T>((resolve) => {
		timer = setTimeout(() => resolve(otherwise()), ms);
	});
	try {
		return await Promise.race([answer, late]);
	} finally {
		clearTimeout(timer);
	}
}

/** A map forgets in the order in which it learnt: newest last. */
function keep<V>(map: Map<string, V>, key: string, value: V, max: number): void {
	map.delete(key);
	map.set(key, value);
	if (map.size > max) map.delete(map.keys().next().value as string);
}

/** How a sender is asked for: by its own address, or by the account it names at an address that all of a channel share. */
export const byToken = (channel: string, token: string) => `token ${channel} ${token}`;
export const byAccount = (channel: string, account: string) => `account ${channel} ${account}`;
export function readKey(key: string): { by: "token" | "account"; channel: string; value: string } {
	const [by, channel = "", ...value] = key.split(" ");
	return { by: by === "token" ? "token" : "account", channel, value: value.join(" ") };
}

export type ConnectionSecret = { shopId: number; connectionId: number; account: string; sealed: string | null };

/** Connections whose webhooks come to an address of their own. */
export async function findByToken(db: Queryable, channel: string, token: string): Promise<ConnectionSecret | null> {
	const { rows } = await db.query<ConnectionSecret>(
		`SELECT shop_id AS "shopId", id AS "connectionId", account, credentials AS sealed
		 FROM connection WHERE webhook_token = $2 AND channel = $1 AND state <> 'disconnected'`,
		[channel, token],
	);
	return rows[0] ?? null;
}

/**
 * Connections whose webhooks all come to one address and name their account. The live one, else the newest: what comes after
 * an uninstall (`shop/redact`, two days later) still belongs to it. Two statements, because only the live ones have an index,
 * and nearly all are live.
 */
export async function findByAccount(db: Queryable, channel: string, account: string): Promise<ConnectionSecret | null> {
	const found = `SELECT shop_id AS "shopId", id AS "connectionId", account, NULL AS sealed FROM connection WHERE channel = $1 AND account = $2`;
	const live = await db.query<ConnectionSecret>(`${found} AND state <> 'disconnected'`, [channel, account]);
	if (live.rows[0]) return live.rows[0];
	const past = await db.query<ConnectionSecret>(`${found} ORDER BY id DESC LIMIT 1`, [channel, account]);
	return past.rows[0] ?? null;
}

/** Connections whose messages are fetched and name their account. What comes after a disconnection belongs to nobody. */
export async function findLiveByAccount(db: Queryable, channel: string, account: string): Promise<ConnectionSecret | null> {
	const { rows } = await db.query<ConnectionSecret>(
		`SELECT shop_id AS "shopId", id AS "connectionId", account, NULL AS sealed
		 FROM connection WHERE channel = $1 AND account = $2 AND state <> 'disconnected' AND NOT is_home`,
		[channel, account],
	);
	return rows[0] ?? null;
}
