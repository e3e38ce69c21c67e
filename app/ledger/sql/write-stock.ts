import type { PoolClient } from "pg";
import type { DeltaLine, Movement, Oversell, Prediction, Stock } from "../types.ts";

/**
 * Writes the changed stock rows. The condition stands in the WHERE: the row must still hold the net that was decided on
 * (`from`), which the row lock guarantees; if it does not, the count is wrong and the transaction fails rather than
 * overwrites. New rows are inserted; CHECKs stand behind both.
 */
export async function writeStock(tx: PoolClient, shopId: number, rows: readonly { stock: Stock; from: number | null }[]): Promise<void> {
	if (rows.length === 0) return;
	const fresh = rows.filter((r) => r.from === null);
	const known = rows.filter((r) => r.from !== null);
	if (fresh.length > 0) {
		await tx.query(
			`INSERT INTO stock (shop_id, item_id, location_id, available, short, home_quantity, home_read_at, home_unexplained, withheld, delta_owed, owed_since)
			 SELECT $1, item_id, location_id, greatest(net, 0), greatest(-net, 0), home_quantity, home_read_at, home_unexplained, withheld, delta_owed, owed_since
			 FROM jsonb_to_recordset($2::jsonb) AS r(item_id bigint, location_id bigint, net int, home_quantity int, home_read_at timestamptz,
			   home_unexplained int, withheld int, delta_owed int, owed_since timestamptz)
			 ORDER BY item_id, location_id`,
			[shopId, JSON.stringify(fresh.map(({ stock }) => record(stock, 0)))],
		);
	}
	if (known.length > 0) {
		const result = await tx.query(
			`UPDATE stock s SET available = greatest(r.net, 0), short = greatest(-r.net, 0), home_quantity = r.home_quantity,
			   home_read_at = r.home_read_at, home_unexplained = r.home_unexplained, withheld = r.withheld, delta_owed = r.delta_owed, owed_since = r.owed_since,
			   updated_at = now()
			 FROM jsonb_to_recordset($2::jsonb) AS r(item_id bigint, location_id bigint, "from" int, net int, home_quantity int,
			   home_read_at timestamptz, home_unexplained int, withheld int, delta_owed int, owed_since timestamptz)
			 WHERE s.shop_id = $1 AND s.item_id = r.item_id AND s.location_id = r.location_id AND s.available - s.short = r."from"`,
			[shopId, JSON.stringify(known.map(({ stock, from }) => record(stock, from ?? 0)))],
		);
		if (result.rowCount !== known.length) {
			throw new Error(`Stock moved under its lock in shop ${shopId}: ${known.length - (result.rowCount ?? 0)} of ${known.length} rows`);
		}
	}
}

const record = (stock: Stock, from: number) => ({
	item_id: stock.itemId,
	location_id: stock.locationId,
	from,
	net: stock.net,
	home_quantity: stock.homeQuantity,
	home_read_at: iso(stock.homeReadAt),
	home_unexplained: stock.homeUnexplained,
	withheld: stock.withheld,
	delta_owed: stock.deltaOwed,
	owed_since: iso(stock.owedSince),
});

/** Appends movements; a `source_key` that exists already means that the event was applied before, and fails the batch. */
export async function insertMovements(tx: PoolClient, shopId: number, movements: readonly Movement[]): Promise<Map<string, number>> {
	if (movements.length === 0) return new Map();
	const result = await tx.query(
		`INSERT INTO movement (shop_id, item_id, location_id, delta, after, cause, connection_id, order_id, line_id, event_id, correlation_id, source_key, occurred_at)
		 SELECT $1, item_id, location_id, delta, after, cause, connection_id, order_id, line_id, event_id, correlation_id, source_key, occurred_at
		 FROM jsonb_to_recordset($2::jsonb) AS r(position int, item_id bigint, location_id bigint, delta int, after int, cause text, connection_id bigint,
		   order_id text, line_id text, event_id bigint, correlation_id text, source_key text, occurred_at timestamptz)
		 ORDER BY position
		 RETURNING id, source_key`,
		[
			shopId,
			JSON.stringify(
				movements.map((m, position) => ({
					position,
					item_id: m.itemId,
					location_id: m.locationId,
					delta: m.delta,
					after: m.after,
					cause: m.cause,
					connection_id: m.connectionId,
					order_id: m.orderId,
					line_id: m.lineId,
					event_id: m.eventId,
					correlation_id: m.correlationId,
					source_key: m.sourceKey,
					occurred_at: iso(m.occurredAt),
				})),
			),
		],
	);
	return new Map(result.rows.map((r) => [r.source_key as string, r.id as number]));
}

export async function writePredictions(
	tx: PoolClient,
	shopId: number,
	change: { added: readonly Prediction[]; absorbed: readonly number[] },
): Promise<void> {
	if (change.absorbed.length > 0) {
		await tx.query("DELETE FROM prediction WHERE shop_id = $1 AND id = ANY($2::bigint[])", [shopId, change.absorbed]);
	}
	if (change.added.length > 0) {
		await tx.query(
			`INSERT INTO prediction (shop_id, item_id, location_id, connection_id, order_id, line_id, quantity, stamp, received_at)
			 SELECT $1, item_id, location_id, connection_id, order_id, line_id, quantity, stamp, received_at
			 FROM jsonb_to_recordset($2::jsonb) AS r(item_id bigint, location_id bigint, connection_id bigint, order_id text, line_id text,
			   quantity int, stamp timestamptz, received_at timestamptz)`,
			[
				shopId,
				JSON.stringify(
					change.added.map((p) => ({
						item_id: p.itemId,
						location_id: p.locationId,
						connection_id: p.connectionId,
						order_id: p.orderId,
						line_id: p.lineId,
						quantity: p.quantity,
						stamp: iso(p.stamp),
						received_at: iso(p.receivedAt),
					})),
				),
			],
		);
	}
}

export async function writeDeltaLines(tx: PoolClient, shopId: number, lines: readonly DeltaLine[]): Promise<void> {
	if (lines.length === 0) return;
	await tx.query(
		`UPDATE delta_line l SET state = r.state, landed_at = r.landed_at, answered_at = r.answered_at
		 FROM jsonb_to_recordset($2::jsonb) AS r(id bigint, state text, landed_at timestamptz, answered_at timestamptz)
		 WHERE l.shop_id = $1 AND l.id = r.id`,
		[shopId, JSON.stringify(lines.map((l) => ({ id: l.id, state: l.state, landed_at: iso(l.landedAt), answered_at: iso(l.answeredAt) })))],
	);
}

/**
 * New oversells are inserted, open ones updated as they come to an end. What a person has dismissed meanwhile stays dismissed: the
 * decision is another transaction's, and does not wait for the lane. Returns the ids by `source_key`.
 */
export async function writeOversells(tx: PoolClient, shopId: number, rows: readonly Oversell[]): Promise<Map<string, number>> {
	if (rows.length === 0) return new Map();
	const written = await tx.query<{ id: number; source_key: string }>(
		`INSERT INTO oversell (shop_id, item_id, location_id, connection_id, order_id, line_id, units, covered, state, source_key, occurred_at, placed_at,
		   moved, cancelled, substituted, ended_by, resolved_at)
		 SELECT $1, item_id, location_id, connection_id, order_id, line_id, units, covered, state, source_key, occurred_at, placed_at,
		   moved, cancelled, substituted, CASE WHEN state <> 'open' THEN ended_by END, CASE WHEN state <> 'open' THEN now() END
		 FROM jsonb_to_recordset($2::jsonb) AS r(item_id bigint, location_id bigint, connection_id bigint, order_id text, line_id text,
		   units int, covered int, state text, source_key text, occurred_at timestamptz, placed_at timestamptz, moved int, cancelled int, substituted int, ended_by text)
		 ON CONFLICT (shop_id, source_key) DO UPDATE SET covered = excluded.covered, moved = excluded.moved, cancelled = excluded.cancelled,
		   substituted = excluded.substituted, ended_by = excluded.ended_by, resolved_at = excluded.resolved_at,
		   state = CASE WHEN oversell.state = 'dismissed' THEN 'dismissed' ELSE excluded.state END
		 RETURNING id, source_key`,
		[
			shopId,
			JSON.stringify(
				rows.map((o) => ({
					item_id: o.itemId,
					location_id: o.locationId,
					connection_id: o.connectionId,
					order_id: o.orderId,
					line_id: o.lineId,
					units: o.units,
					covered: o.covered,
					state: o.state,
					source_key: o.sourceKey,
					occurred_at: iso(o.occurredAt),
					placed_at: iso(o.placedAt ?? o.occurredAt),
					moved: o.ended?.moved ?? 0,
					cancelled: o.ended?.cancelled ?? 0,
					substituted: o.ended?.substituted ?? 0,
					ended_by: o.ended?.by ?? "system",
				})),
			),
		],
	);
	return new Map(written.rows.map((row) => [row.source_key, row.id]));
}

const iso = (value: number | null): string | null => (value === null ? null : new Date(value).toISOString());
