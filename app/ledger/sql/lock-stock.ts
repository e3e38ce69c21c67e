import type { PoolClient } from "pg";
import type { DeltaLine, Oversell, Prediction, Stock } from "../types.ts";

/** More unexplained changes than this in a day are unclear anyway. */
const HOME_MOVES_MAX = 500;
const MOVES = (cause: string) => `ARRAY(SELECT m.delta FROM movement m WHERE m.shop_id = l.shop_id AND m.item_id = l.item_id
		     AND m.location_id = l.location_id AND m.cause = ${cause} AND m.created_at >= b.first_tried_at ORDER BY m.id DESC LIMIT ${HOME_MOVES_MAX})`;

/**
 * Locks the stock rows of `itemIds` in key order (every writer takes them in this order, so two never wait for each other in
 * a circle) and then reads what belongs to them. The lines and predictions are read after the lock is held: whoever moves
 * units between `delta_owed` and a delta line holds the same row lock.
 */
export async function lockStock(
	tx: PoolClient,
	shopId: number,
	itemIds: readonly number[],
): Promise<{ stock: Stock[]; predictions: Prediction[]; deltas: DeltaLine[]; oversells: Oversell[] }> {
	if (itemIds.length === 0) return { stock: [], predictions: [], deltas: [], oversells: [] };
	const stock = await tx.query(
		`SELECT item_id, location_id, available - short AS net, home_quantity, home_read_at, home_unexplained, withheld, delta_owed, owed_since
		 FROM stock WHERE shop_id = $1 AND item_id = ANY($2::bigint[])
		 ORDER BY item_id, location_id FOR UPDATE`,
		[shopId, itemIds],
	);
	const predictions = await tx.query(
		`SELECT id, item_id, location_id, connection_id, order_id, line_id, quantity, stamp, received_at
		 FROM prediction WHERE shop_id = $1 AND item_id = ANY($2::bigint[]) ORDER BY id`,
		[shopId, itemIds],
	);
	const deltas = await tx.query(
		`SELECT l.id, l.batch_id, l.item_id, l.location_id, l.delta, l.state, l.landed_at, l.answered_at, b.first_tried_at IS NOT NULL AND b.claim_token IS NOT NULL AS under_way,
		   CASE WHEN l.state = 'open' THEN b.unresolved_at END AS expired_at,
		   CASE WHEN l.state = 'open' AND b.unresolved_at IS NOT NULL THEN ${MOVES("'home'")} END AS home_moves,
		   CASE WHEN l.state = 'open' AND b.unresolved_at IS NOT NULL THEN ${MOVES("'home-explained'")} END AS explained
		 FROM delta_line l JOIN delta_batch b ON b.shop_id = l.shop_id AND b.id = l.batch_id
		 WHERE l.shop_id = $1 AND l.item_id = ANY($2::bigint[]) AND l.state IN ('open', 'landed', 'unresolved') ORDER BY l.id`,
		[shopId, itemIds],
	);
	const oversells = await tx.query(
		`SELECT id, item_id, location_id, connection_id, order_id, line_id, units, covered, source_key, occurred_at, placed_at,
		   moved, cancelled, substituted, ended_by
		 FROM oversell WHERE shop_id = $1 AND item_id = ANY($2::bigint[]) AND covered < units ORDER BY id`,
		[shopId, itemIds],
	);
	return {
		stock: stock.rows.map((r) => ({
			itemId: r.item_id,
			locationId: r.location_id,
			net: r.net,
			homeQuantity: r.home_quantity,
			homeReadAt: ms(r.home_read_at),
			homeUnexplained: r.home_unexplained,
			withheld: r.withheld,
			deltaOwed: r.delta_owed,
			owedSince: ms(r.owed_since),
		})),
		predictions: predictions.rows.map((r) => ({
			id: r.id,
			itemId: r.item_id,
			locationId: r.location_id,
			connectionId: r.connection_id,
			orderId: r.order_id,
			lineId: r.line_id,
			quantity: r.quantity,
			stamp: r.stamp.getTime(),
			receivedAt: r.received_at.getTime(),
		})),
		deltas: deltas.rows.map((r) => ({
			id: r.id,
			batchId: r.batch_id,
			itemId: r.item_id,
			locationId: r.location_id,
			delta: r.delta,
			state: r.state,
			landedAt: ms(r.landed_at),
			answeredAt: ms(r.answered_at),
			underWay: r.under_way,
			expired: r.expired_at === null ? null : { at: r.expired_at.getTime(), homeMoves: r.home_moves, explained: r.explained },
		})),
		oversells: oversells.rows.map((r) => ({
			id: r.id,
			itemId: r.item_id,
			locationId: r.location_id,
			connectionId: r.connection_id,
			orderId: r.order_id,
			lineId: r.line_id,
			units: r.units,
			covered: r.covered,
			state: "open",
			sourceKey: r.source_key,
			occurredAt: r.occurred_at.getTime(),
			placedAt: (r.placed_at ?? r.occurred_at).getTime(),
			ended: { moved: r.moved, cancelled: r.cancelled, substituted: r.substituted, by: r.ended_by ?? "system" },
		})),
	};
}

const ms = (value: Date | null): number | null => value?.getTime() ?? null;
