import { type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { type ChannelOverview, readOverview } from "#app/overview/index.ts";
import { channels } from "#channels";
import { ownWords, type Policy, policySchema } from "#domain";
import { countFoundByPoll } from "#reconcile";
import { type Consent, readConsent } from "./read-consent.ts";
import { type OtherWriter, readOtherWriter } from "./read-other-writer.ts";
import { readSetUps, type SetUp } from "./read-set-up.ts";

/** Everything the page of one channel shows. */
export type ChannelPage = {
	asOf: string;
	channel: ChannelOverview & { kind: string; hasWebhooks: boolean };
	setUp: SetUp;
	/** Channel's clock: orders from here on count. */
	countsSince: string | null;
	policy: Policy;
	locations: LocationChoice[];
	/** `late`: of the last 24 hours, orders that the channel had not reported by itself. */
	orders: {
		lastReadAt: string | null;
		error: string | null;
		readUpTo: string | null;
		late: number;
		/** Minutes between two readings; null: as usual. `leastMinutes`: what the channel's quota allows. */
		everyMinutes: number | null;
		leastMinutes: number;
	};
	webhooksCheckedAt: string | null;
	/** The channel was last asked whether it answers. */
	healthCheckedAt: string | null;
	comparedAt: string | null;
	limits: LimitInUse[];
	consent: Consent | null;
	/** Its access was typed in: where the owner changes it there, it is typed in here again. */
	hasKeys: boolean;
	otherWriter: OtherWriter | null;
	/** What the account told of itself when it was connected ("version": "11.0.1"). */
	account: Record<string, string>;
};
export type LocationChoice = { id: number; name: string; sellsOnline: boolean; chosen: boolean };
export type LimitInUse = { name: string; free: number; capacity: number; perSecond: number; blockedUntil: string | null };

/** null: the shop has no such channel, or it was disconnected. */
export async function readChannel(pool: Pool, shopId: number, connectionId: number): Promise<ChannelPage | null> {
	const overview = await readOverview(pool, shopId);
	const found = overview.channels.find(({ id }) => id === connectionId);
	if (!found) return null;
	const kind = channels().find(({ id }) => id === found.channel);
	return transaction(
		pool,
		async (tx) => {
			const row = await readRow(tx, shopId, connectionId);
			return {
				asOf: overview.asOf,
				channel: { ...found, kind: kind?.name ?? found.channel, hasWebhooks: kind?.webhooks.signature?.secret === "connection" },
				setUp: (await readSetUps(tx, shopId))(connectionId),
				countsSince: row.cut_at?.toISOString() ?? null,
				policy: policySchema.parse(row.policy),
				locations: await readLocations(tx, shopId, connectionId),
				orders: {
					...(await readOrders(tx, shopId, connectionId, row.order_watermark)),
					everyMinutes: row.poll_minutes,
					leastMinutes: (kind?.capabilities.pollEveryMs ?? 0) / 60_000,
				},
				webhooksCheckedAt: row.webhooks_checked_at?.toISOString() ?? null,
				healthCheckedAt: row.health_checked_at?.toISOString() ?? null,
				comparedAt: row.compared_at?.toISOString() ?? null,
				limits: await readLimits(tx, shopId, connectionId),
				consent: await readConsent(tx, shopId, connectionId),
				hasKeys: kind?.role === "guest" && !kind.authorization,
				otherWriter: await readOtherWriter(tx, shopId, connectionId),
				account: row.settings.account ?? {},
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

type Row = {
	policy: unknown;
	settings: { account?: Record<string, string> };
	cut_at: Date | null;
	order_watermark: Date | null;
	poll_minutes: number | null;
	webhooks_checked_at: Date | null;
	health_checked_at: Date | null;
	compared_at: Date | null;
};

async function readRow(db: Queryable, shopId: number, connectionId: number): Promise<Row> {
	const { rows } = await db.query<Row>(
		"SELECT policy, settings, cut_at, order_watermark, poll_minutes, webhooks_checked_at, compared_at, health_checked_at FROM connection WHERE shop_id = $1 AND id = $2",
		[shopId, connectionId],
	);
	if (!rows[0])
		throw new Error(`Connection ${connectionId} of shop ${shopId} was in the overview a moment ago: rows are never deleted alone`);
	return rows[0];
}

async function readLocations(db: Queryable, shopId: number, connectionId: number): Promise<LocationChoice[]> {
	const { rows } = await db.query<LocationChoice>(
		`SELECT l.id, l.name, l.active AND l.fulfills_online AND NOT l.fulfillment_service AS "sellsOnline",
		   EXISTS (SELECT FROM connection_location c WHERE c.shop_id = $1 AND c.connection_id = $2 AND c.location_id = l.id) AS chosen
		 FROM location l WHERE l.shop_id = $1 AND l.active ORDER BY l.priority, l.id`,
		[shopId, connectionId],
	);
	return rows;
}

async function readOrders(
	db: Queryable,
	shopId: number,
	connectionId: number,
	watermark: Date | null,
): Promise<Omit<ChannelPage["orders"], "everyMinutes" | "leastMinutes">> {
	const { rows } = await db.query<{ at: Date; error: string | null }>(
		"SELECT at, error FROM order_poll WHERE shop_id = $1 AND connection_id = $2 ORDER BY id DESC LIMIT 1",
		[shopId, connectionId],
	);
	const late = await countFoundByPoll(db, shopId, connectionId, new Date(Date.now() - 86_400_000));
	const last = rows[0];
	const readUpTo = watermark?.toISOString() ?? null;
	return { lastReadAt: last?.at.toISOString() ?? null, error: last?.error ? ownWords(last.error) : null, readUpTo, late };
}

/** Tokens as they are now: what was left, and what has come back since. */
async function readLimits(db: Queryable, shopId: number, connectionId: number): Promise<LimitInUse[]> {
	const { rows } = await db.query<Omit<LimitInUse, "blockedUntil"> & { blocked_until: Date | null }>(
		`SELECT name, capacity, refill_per_second AS "perSecond", CASE WHEN blocked_until > now() THEN blocked_until END AS blocked_until,
		   greatest(0, least(capacity, tokens + refill_per_second * extract(epoch FROM clock_timestamp() - updated_at)))::float8 AS free
		 FROM rate_budget WHERE shop_id = $1 AND connection_id = $2 ORDER BY name`,
		[shopId, connectionId],
	);
	return rows.map(({ blocked_until, ...limit }) => ({ ...limit, blockedUntil: blocked_until?.toISOString() ?? null }));
}
