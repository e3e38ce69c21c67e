import type { Queryable } from "#app/db.server.ts";
import { storableText } from "./storable.ts";

export type FetchKind = "order" | "levels" | "product" | "location" | "listing";

export type NewFetch = {
	shopId: number;
	connectionId: number;
	kind: FetchKind;
	/** The channel's id of what is read: order, inventory item, product, location, listing. */
	externalId: string;
	/** Why, for the person who reads the row. */
	reason: string;
	correlationId: string;
	/** Not before this long from now (a tie within home's clock is read again after 10 s). */
	delayMs?: number;
};

/**
 * Asks for something to be read from its channel. One row per thing: a thousand hints of one order are one request at a
 * time, and a hint that comes while it is being read causes one more. A later wish does not replace a sooner one, nor is it
 * served by it: `due_at` is the soonest, `again_at` the latest moment at which somebody wants it read.
 *
 * A hint does not shorten the backoff of a row that keeps failing: what delayed it (the channel) has not changed.
 */
export async function requestFetch(db: Queryable, rows: readonly NewFetch[]): Promise<void> {
	if (rows.length === 0) return;
	const merged = new Map<string, { row: NewFetch; sooner: number; later: number }>();
	for (const row of rows) {
		const delay = row.delayMs ?? 0;
		const identity = `${row.shopId} ${row.connectionId} ${row.kind} ${row.externalId}`;
		const same = merged.get(identity);
		// ON CONFLICT DO UPDATE refuses to touch one row twice in one statement.
		if (same === undefined) merged.set(identity, { row, sooner: delay, later: delay });
		else merged.set(identity, { row: same.row, sooner: Math.min(same.sooner, delay), later: Math.max(same.later, delay) });
	}
	const wishes = [...merged.values()];
	await db.query(requestStatement, [
		wishes.map(({ row }) => row.shopId),
		wishes.map(({ row }) => row.connectionId),
		wishes.map(({ row }) => row.kind),
		wishes.map(({ row }) => storableText(row.externalId)),
		wishes.map(({ row }) => storableText(row.reason)),
		wishes.map(({ row }) => row.correlationId),
		wishes.map(({ sooner }) => sooner),
		wishes.map(({ later }) => later),
	]);
}

/** Rows are locked in one order, so that two callers with the same wishes do not deadlock. */
const requestStatement = `
INSERT INTO fetch_request (shop_id, connection_id, kind, external_id, reason, correlation_id, due_at, again_at)
SELECT shop_id, connection_id, kind, external_id, reason, correlation_id,
  clock_timestamp() + sooner * interval '1 millisecond', clock_timestamp() + later * interval '1 millisecond'
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::float8[])
  AS t (shop_id, connection_id, kind, external_id, reason, correlation_id, sooner, later)
ORDER BY shop_id, connection_id, kind, external_id
ON CONFLICT (shop_id, connection_id, kind, external_id) DO UPDATE SET
  seq = fetch_request.seq + 1,
  due_at = CASE
    WHEN fetch_request.seq = fetch_request.done_seq THEN excluded.due_at
    WHEN fetch_request.attempts > 0 THEN fetch_request.due_at
    ELSE least(fetch_request.due_at, excluded.due_at) END,
  again_at = greatest(fetch_request.again_at, excluded.again_at),
  reason = excluded.reason,
  correlation_id = excluded.correlation_id`;
