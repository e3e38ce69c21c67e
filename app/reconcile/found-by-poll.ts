import type { Queryable } from "#app/db.server.ts";

/** Topics of polled states: older than what webhooks may take, or of the last moments, whose webhook may still be on its way. */
export const POLLED = "order.poll";
export const POLLED_RECENT = "order.poll-recent";

/** A webhook that is to come comes within so long, or later and then takes the state off the count again. */
const PATIENCE = "2 minutes";

export type FoundOnDay = { connectionId: number /** UTC, ISO 8601. */; day: string; found: number };

/**
 * States of orders that only a poll brought: what webhooks missed (R24), per connection and day of the last `days`. A state is one
 * stamp and content of one order. One that a webhook brought as well, before or after, and one that had been read singly before (on a
 * webhook's word), are not among them; nor is one that changed nothing because a newer one was known.
 */
export async function readFoundByPoll(db: Queryable, shopId: number, { days }: { days: number }): Promise<FoundOnDay[]> {
	const { rows } = await db.query<FoundOnDay>(
		`SELECT p.connection_id AS "connectionId", to_char(p.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, count(*)::int AS found
		 FROM inbox_event p WHERE p.shop_id = $1 AND p.received_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - ($2 - 1) * interval '1 day'
		   AND ${ALONE} GROUP BY 1, 2 ORDER BY 2 DESC, 1`,
		[shopId, days],
	);
	return rows;
}

/** The same of one connection, since a moment of our clock. */
export async function countFoundByPoll(db: Queryable, shopId: number, connectionId: number, since: Date): Promise<number> {
	const { rows } = await db.query<{ found: number }>(
		`SELECT count(*)::int AS found FROM inbox_event p WHERE p.shop_id = $1 AND p.connection_id = $2 AND p.received_at >= $3 AND ${ALONE}`,
		[shopId, connectionId, since],
	);
	return rows[0]?.found ?? 0;
}

/** For whoever runs this, by channel, of all shops' last 24 hours. */
export async function countFoundByPollOfAll(db: Queryable): Promise<{ channel: string; found: number }[]> {
	const { rows } = await db.query<{ channel: string; found: number }>(
		`SELECT c.channel, count(*)::int AS found FROM connection c JOIN inbox_event p ON p.shop_id = c.shop_id AND p.connection_id = c.id
		 WHERE p.received_at >= now() - interval '24 hours' AND ${ALONE} GROUP BY c.channel`,
	);
	return rows;
}

/** Through the indexes inbox_event_polled and inbox_event_order; both hold few rows. */
const ALONE = `p.source = 'poll' AND p.status = 'processed' AND p.outcome IN ('first', 'newer', 'baseline')
	AND (p.topic = '${POLLED}' OR (p.topic = '${POLLED_RECENT}' AND p.received_at < clock_timestamp() - interval '${PATIENCE}'))
	AND NOT EXISTS (SELECT FROM inbox_event w WHERE w.shop_id = p.shop_id AND w.event ->> 'orderId' = p.event ->> 'orderId'
	  AND w.connection_id = p.connection_id AND (w.source IN ('webhook', 'queue') OR (w.source = 'fetch' AND w.id < p.id))
	  AND w.event ->> 'stamp' = p.event ->> 'stamp' AND w.event ->> 'contentHash' = p.event ->> 'contentHash')`;
