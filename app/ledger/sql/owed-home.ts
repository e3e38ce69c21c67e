import type { PoolClient } from "pg";

/** What delivery notes on stock rows beside the units themselves. Rows are locked in key order, as by every writer of stock. */

export type ReachedHome = { itemId: number; locationId: number; fromMovementId: number; throughMovementId: number };

/** Home took the batch: its movements have reached home. Returns how far each row has come, and from where. */
export async function markReachedHome(tx: PoolClient, shopId: number, batchId: number): Promise<ReachedHome[]> {
	const { rows } = await tx.query<ReachedHome>(
		`UPDATE stock s SET landed_movement_id = was.through_id
		 FROM (
		   SELECT k.item_id, k.location_id, k.landed_movement_id AS from_id, greatest(k.landed_movement_id, d.through_movement_id) AS through_id
		   FROM stock k JOIN delta_line d ON d.shop_id = k.shop_id AND d.item_id = k.item_id AND d.location_id = k.location_id
		   WHERE k.shop_id = $1 AND d.batch_id = $2 ORDER BY k.item_id, k.location_id FOR UPDATE OF k
		 ) was
		 WHERE s.shop_id = $1 AND s.item_id = was.item_id AND s.location_id = was.location_id
		 RETURNING s.item_id AS "itemId", s.location_id AS "locationId", was.from_id AS "fromMovementId", was.through_id AS "throughMovementId"`,
		[shopId, batchId],
	);
	return rows;
}

/** Home refuses what is owed for these rows: it is not offered again before so long. */
export async function postponeOwed(
	tx: PoolClient,
	shopId: number,
	rows: readonly { itemId: number; locationId: number }[],
	delayMs: number,
): Promise<void> {
	if (rows.length === 0) return;
	await tx.query(
		`UPDATE stock s SET next_attempt_at = now() + $4 * interval '1 millisecond'
		 FROM (
		   SELECT k.item_id, k.location_id FROM stock k JOIN unnest($2::bigint[], $3::bigint[]) AS r(item_id, location_id)
		     ON r.item_id = k.item_id AND r.location_id = k.location_id
		   WHERE k.shop_id = $1 ORDER BY k.item_id, k.location_id FOR UPDATE OF k
		 ) these
		 WHERE s.shop_id = $1 AND s.item_id = these.item_id AND s.location_id = these.location_id`,
		[shopId, rows.map((r) => r.itemId), rows.map((r) => r.locationId), delayMs],
	);
}
