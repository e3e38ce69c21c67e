import type { Pool } from "#app/db.server.ts";
import { type Deps, openClient } from "#connections";
import { sayFailure } from "../channel-failure.ts";
import { type JudgedOrder, judgePage } from "./judge-page.ts";
import { LISTED_MAX, type ListedOrder, type OrdersSummary } from "./summary.ts";

/** A merchant with a hundred orders a day has so many in 90 days; of more, the first that changed are looked at. */
const ORDERS_MAX = 10_000;
/**
 * A channel with a small quota gives its first pages at once and then one every few minutes. Its other pages are left to the reading
 * itself, since a change that is under way stands still meanwhile.
 */
const LOOK_MS_MAX = 180_000;

export type LookOptions = { ordersMax?: number; lookMsMax?: number };
type Draft = { id: number; connectionId: number; since: Date };

/**
 * Looks at the orders of the shop's oldest draft that nobody has looked at: page by page, each compared with what is here. Nothing goes
 * into the inbox. What was seen is kept once, at the end, so that killed anywhere the next one begins anew; of two at once the first says
 * what was seen, and one that was put away meanwhile is left alone.
 */
export async function readOrderDrafts(deps: Deps, shopId: number, options: LookOptions = {}): Promise<"done" | "more"> {
	const draft = await findUnread(deps.pool, shopId);
	if (!draft) return "done";
	try {
		const seen = await look(deps, shopId, draft, options);
		if (seen !== "gone") await keep(deps.pool, shopId, draft.id, seen);
	} catch (error) {
		const reason = await sayFailure(deps, { shopId, connectionId: draft.connectionId }, error);
		await refuse(deps.pool, shopId, draft.id, reason);
	}
	return "more";
}

const UNREAD = "b.confirmed_at IS NULL AND b.read_at IS NULL AND b.refusal IS NULL AND b.cancelled_at IS NULL AND b.done_at IS NULL";

async function findUnread(pool: Pool, shopId: number): Promise<Draft | undefined> {
	const { rows } = await pool.query<Draft>(
		`SELECT b.id, b.connection_id AS "connectionId", b.since FROM bulk_change b JOIN shop s ON s.id = b.shop_id AND s.state = 'installed'
		 WHERE b.shop_id = $1 AND b.source = 'orders' AND ${UNREAD} ORDER BY b.id LIMIT 1`,
		[shopId],
	);
	return rows[0];
}

type Seen = { judged: JudgedOrder[]; unreadable: number; isCut: boolean };

/** gone: it was put away, somebody else has looked at it, or the shop or the channel is gone. */
async function look(
	deps: Deps,
	shopId: number,
	{ id, connectionId, since }: Draft,
	{ ordersMax = ORDERS_MAX, lookMsMax = LOOK_MS_MAX }: LookOptions,
): Promise<Seen | "gone"> {
	const until = Date.now() + lookMsMax;
	/** One that changes while it is read comes twice: as it was last counts. */
	const judged = new Map<string, JudgedOrder>();
	const unreadable = new Set<string>();
	const isNew = ({ orderId }: { orderId: string }) => !judged.has(orderId) && !unreadable.has(orderId);
	let isFull = false;
	let isCut = false;
	const { client } = await openClient(deps, shopId, connectionId);
	try {
		for await (const page of client.listOrders({ since: since.toISOString() })) {
			isCut = isFull && [...page.orders, ...(page.unreadable ?? [])].some(isNew);
			if (isCut) break;
			for (const order of await judgePage(deps.pool, { shopId, connectionId }, page)) judged.set(order.id, order);
			for (const order of page.unreadable ?? []) unreadable.add(order.orderId);
			const read = judged.size + unreadable.size;
			isFull = read >= ordersMax || Date.now() >= until;
			if (!(await noteRead(deps.pool, shopId, { id, connectionId, read }))) return "gone";
		}
	} finally {
		await client.close();
	}
	return { judged: [...judged.values()], unreadable: unreadable.size, isCut };
}

/** False: nobody waits for it any more. */
async function noteRead(
	pool: Pool,
	shopId: number,
	{ id, connectionId, read }: { id: number; connectionId: number; read: number },
): Promise<boolean> {
	const { rowCount } = await pool.query(
		`UPDATE bulk_change b SET read_records = $4 FROM shop s, connection c
		 WHERE b.shop_id = $1 AND b.id = $2 AND ${UNREAD} AND s.id = b.shop_id AND s.state = 'installed'
		   AND c.shop_id = b.shop_id AND c.id = $3 AND c.state <> 'disconnected'`,
		[shopId, id, connectionId, read],
	);
	return (rowCount ?? 0) > 0;
}

async function keep(pool: Pool, shopId: number, id: number, seen: Seen): Promise<void> {
	const summary = sumUp(seen);
	await pool.query(
		`UPDATE bulk_change b SET summary = $3, total = $4, read_records = $4, read_at = clock_timestamp() WHERE b.shop_id = $1 AND b.id = $2 AND ${UNREAD}`,
		[shopId, id, JSON.stringify({ ...summary, list: listOf(seen.judged) }), summary.orders],
	);
}

function sumUp({ judged, unreadable, isCut }: Seen): OrdersSummary {
	const summary: OrdersSummary = {
		...{ kind: "orders", orders: judged.length + unreadable, known: 0, changed: 0, missing: 0, older: 0, heard: 0 },
		...{ unreadable, units: 0, unlinked: 0, recent: 0, isCut },
	};
	for (const { kind, units, unlinked, isRecent } of judged) {
		summary[kind]++;
		if (kind !== "missing") continue;
		summary.units += units;
		summary.unlinked += unlinked;
		if (isRecent) summary.recent++;
	}
	return summary;
}

/** The newest first. */
const listOf = (judged: readonly JudgedOrder[]): ListedOrder[] =>
	judged
		.flatMap(({ id, name, placedAt, kind, units }) =>
			kind === "missing" || kind === "changed" ? [{ id, name, placedAt, kind, units }] : [],
		)
		.sort((a, b) => Date.parse(b.placedAt) - Date.parse(a.placedAt))
		.slice(0, LISTED_MAX);

/** Of a shop that has uninstalled the app meanwhile nothing is said: it is looked at when the app comes back. */
async function refuse(pool: Pool, shopId: number, id: number, reason: string): Promise<void> {
	await pool.query(
		`UPDATE bulk_change b SET refusal = $3 FROM shop s WHERE b.shop_id = $1 AND b.id = $2 AND ${UNREAD} AND s.id = b.shop_id AND s.state = 'installed'`,
		[shopId, id, reason],
	);
}
