import type { Client } from "#app/db.server.ts";
import type { ReachedHome } from "#ledger";

/** Lag counts what made the listing dirty; the mark is set by another machine's clock, a moment apart from the movement's. */
const CLOCKS_APART_MS = 2_000;
/** A listing that caught up after days must not write a million samples. */
const SAMPLES_MAX = 1_000;

export type Reached = { itemId: number; fromMovementId: number; throughMovementId: number; dirtySince: number | null };

/**
 * One sample per sale made on another connection that this channel shows from now on: from the sale itself, by its channel's
 * own stamp, to this moment (R15). A bundle's listing follows the sales of its components.
 */
export async function sampleLag(tx: Client, shopId: number, connectionId: number, reached: readonly Reached[]): Promise<void> {
	const moved = reached.filter((r) => r.throughMovementId > r.fromMovementId && r.dirtySince !== null);
	if (moved.length === 0) return;
	const rows = moved.map((r) => ({
		item_id: r.itemId,
		from_id: r.fromMovementId,
		through_id: r.throughMovementId,
		since: new Date((r.dirtySince ?? 0) - CLOCKS_APART_MS).toISOString(),
	}));
	await tx.query(sampleStatement, [shopId, connectionId, JSON.stringify(rows), SAMPLES_MAX]);
}

const sampleStatement = `
INSERT INTO lag_sample (shop_id, connection_id, lag_ms)
SELECT $1, $2, least(greatest(1000 * extract(epoch FROM clock_timestamp() - m.occurred_at), 0), 2147483647)::int
FROM jsonb_to_recordset($3::jsonb) AS r(item_id bigint, from_id bigint, through_id bigint, since timestamptz)
CROSS JOIN LATERAL (
  SELECT r.item_id AS id UNION ALL
  SELECT component_item_id FROM bundle_component b WHERE b.shop_id = $1 AND b.bundle_item_id = r.item_id
) part
JOIN movement m ON m.shop_id = $1 AND m.item_id = part.id AND m.id > r.from_id AND m.id <= r.through_id
WHERE m.cause = 'sale' AND m.delta < 0 AND m.connection_id IS DISTINCT FROM $2 AND m.created_at >= r.since
LIMIT $4`;

/** The same for home, which is told of every sale made elsewhere, per item and location. */
export async function sampleHomeLag(tx: Client, shopId: number, connectionId: number, reached: readonly ReachedHome[]): Promise<void> {
	if (reached.length === 0) return;
	const rows = reached.map((r) => ({
		item_id: r.itemId,
		location_id: r.locationId,
		from_id: r.fromMovementId,
		through_id: r.throughMovementId,
	}));
	await tx.query(homeStatement, [shopId, connectionId, JSON.stringify(rows), SAMPLES_MAX]);
}

const homeStatement = `
INSERT INTO lag_sample (shop_id, connection_id, lag_ms)
SELECT $1, $2, least(greatest(1000 * extract(epoch FROM clock_timestamp() - m.occurred_at), 0), 2147483647)::int
FROM jsonb_to_recordset($3::jsonb) AS r(item_id bigint, location_id bigint, from_id bigint, through_id bigint)
JOIN movement m ON m.shop_id = $1 AND m.item_id = r.item_id AND m.id > r.from_id AND m.id <= r.through_id
WHERE m.location_id = r.location_id AND m.cause = 'sale' AND m.delta < 0 AND m.connection_id IS DISTINCT FROM $2
LIMIT $4`;
