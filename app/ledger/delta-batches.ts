import { randomUUID } from "node:crypto";
import type { PoolClient } from "pg";

/** Shopify takes at most this many changes in one inventoryAdjustQuantities (general input-array limit of its Admin API). */
const LINES_MAX = 250;

export type FormedBatch = {
	batchId: number;
	idempotencyKey: string;
	changes: { itemExternalId: string; locationExternalId: string; delta: number }[];
};

/**
 * Takes what is owed to home out of `stock.delta_owed` into one immutable batch with its own key, decreases first (doubt
 * lowers first). Items with a line under way wait: one outstanding write per (item, location). Must run in a transaction;
 * net stock does not change by it.
 * Returns null when nothing is owed that could be sent now.
 */
export async function formDeltaBatch(
	tx: PoolClient,
	shopId: number,
	options: { connectionId: number; linesMax?: number; correlationId: string },
): Promise<FormedBatch | null> {
	const owed = await tx.query(
		`SELECT s.item_id, s.location_id, s.delta_owed, i.external_id AS item_external_id, l.external_id AS location_external_id
		 FROM stock s
		 JOIN item i ON i.shop_id = s.shop_id AND i.id = s.item_id
		 JOIN location l ON l.shop_id = s.shop_id AND l.id = s.location_id
		 WHERE s.shop_id = $1 AND s.delta_owed <> 0 AND (s.next_attempt_at IS NULL OR s.next_attempt_at <= now())
		   AND NOT EXISTS (SELECT 1 FROM delta_line d WHERE d.shop_id = s.shop_id AND d.item_id = s.item_id AND d.location_id = s.location_id AND d.state = 'open')
		 ORDER BY s.delta_owed > 0, s.owed_since LIMIT $2
		 FOR UPDATE OF s SKIP LOCKED`,
		[shopId, Math.min(LINES_MAX, options.linesMax ?? LINES_MAX)],
	);
	if (owed.rows.length === 0) return null;
	const idempotencyKey = randomUUID();
	const batch = await tx.query(
		`INSERT INTO delta_batch (shop_id, connection_id, idempotency_key, correlation_id) VALUES ($1, $2, $3, $4) RETURNING id`,
		[shopId, options.connectionId, idempotencyKey, options.correlationId],
	);
	const batchId: number = batch.rows[0].id;
	const keys = [shopId, owed.rows.map((r) => r.item_id), owed.rows.map((r) => r.location_id)];
	await tx.query(
		`INSERT INTO delta_line (shop_id, batch_id, item_id, location_id, delta, through_movement_id)
		 SELECT s.shop_id, $4, s.item_id, s.location_id, s.delta_owed,
		   coalesce((SELECT max(m.id) FROM movement m WHERE m.shop_id = s.shop_id AND m.item_id = s.item_id AND m.location_id = s.location_id), 0)
		 FROM stock s JOIN unnest($2::bigint[], $3::bigint[]) AS k(item_id, location_id) USING (item_id, location_id)
		 WHERE s.shop_id = $1`,
		[...keys, batchId],
	);
	await tx.query(
		`UPDATE stock s SET delta_owed = 0, owed_since = NULL, next_attempt_at = NULL
		 FROM unnest($2::bigint[], $3::bigint[]) AS k(item_id, location_id)
		 WHERE s.shop_id = $1 AND s.item_id = k.item_id AND s.location_id = k.location_id`,
		keys,
	);
	return {
		batchId,
		idempotencyKey,
		changes: owed.rows.map((r) => ({
			itemExternalId: r.item_external_id,
			locationExternalId: r.location_external_id,
			delta: r.delta_owed,
		})),
	};
}

/** The batch as it was formed: the same variables under the same key, however often it is sent. */
export async function readDeltaBatch(tx: PoolClient, shopId: number, batchId: number): Promise<FormedBatch | null> {
	const rows = await tx.query(
		`SELECT b.idempotency_key, i.external_id AS item_external_id, l.external_id AS location_external_id, d.delta
		 FROM delta_batch b JOIN delta_line d ON d.shop_id = b.shop_id AND d.batch_id = b.id
		 JOIN item i ON i.shop_id = d.shop_id AND i.id = d.item_id
		 JOIN location l ON l.shop_id = d.shop_id AND l.id = d.location_id
		 WHERE b.shop_id = $1 AND b.id = $2 ORDER BY d.id`,
		[shopId, batchId],
	);
	const first = rows.rows[0];
	if (!first) return null;
	return {
		batchId,
		idempotencyKey: first.idempotency_key,
		changes: rows.rows.map((r) => ({ itemExternalId: r.item_external_id, locationExternalId: r.location_external_id, delta: r.delta })),
	};
}
