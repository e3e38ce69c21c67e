import type { Client } from "#app/db.server.ts";

const PACE_SECONDS = 10;
/** More than so many changes in ten seconds is fast, however many more. */
const MOVEMENTS_MAX = 200;

/**
 * Units that the connection sold of each listing's item in the last ten seconds, by our clock. A bundle sells as fast as the part of it that goes
 * fastest. Read backwards along movement_item, so it costs the same on the millionth movement.
 */
export async function readPaces(
	tx: Client,
	{ shopId, connectionId }: { shopId: number; connectionId: number },
	listingIds: readonly number[],
): Promise<Map<number, number>> {
	if (listingIds.length === 0) return new Map();
	const { rows } = await tx.query<{ id: number; pace: number }>(paceStatement, [
		shopId,
		connectionId,
		listingIds,
		MOVEMENTS_MAX,
		PACE_SECONDS,
	]);
	return new Map(rows.map(({ id, pace }) => [id, pace]));
}

const paceStatement = `
SELECT l.id, max(ceil(sold.units::float8 / part.quantity))::int AS pace
FROM listing l
CROSS JOIN LATERAL (
  SELECT l.item_id AS item_id, 1 AS quantity UNION ALL
  SELECT component_item_id, quantity FROM bundle_component b WHERE b.shop_id = l.shop_id AND b.bundle_item_id = l.item_id
) part
CROSS JOIN LATERAL (
  SELECT coalesce(-sum(m.delta), 0) AS units
  FROM (
    SELECT delta, cause, connection_id, created_at FROM movement
    WHERE shop_id = l.shop_id AND item_id = part.item_id ORDER BY id DESC LIMIT $4
  ) m WHERE m.cause = 'sale' AND m.delta < 0 AND m.connection_id = $2 AND m.created_at > now() - $5 * interval '1 second'
) sold
WHERE l.shop_id = $1 AND l.id = ANY($3::bigint[])
GROUP BY l.id`;
