import type { Client } from "#app/db.server.ts";
import type { Pace } from "../plan-write.ts";

/** More than so many changes in a minute is fast, however many more. */
const MOVEMENTS_MAX = 200;

/**
 * What the connection sold of each listing's item lately, by our clock. A bundle sells as fast as the part of it that goes
 * fastest. Read backwards along movement_item, so it costs the same on the millionth movement.
 */
export async function readPaces(
	tx: Client,
	{ shopId, connectionId }: { shopId: number; connectionId: number },
	listingIds: readonly number[],
): Promise<Map<number, Pace>> {
	if (listingIds.length === 0) return new Map();
	const { rows } = await tx.query<Pace & { id: number }>(paceStatement, [shopId, connectionId, listingIds, MOVEMENTS_MAX]);
	return new Map(rows.map(({ id, ...pace }) => [id, pace]));
}

const paceStatement = `
SELECT l.id, max(ceil(sold.in_minute::float8 / part.quantity))::int AS "unitsInMinute",
  max(ceil(sold.in_ten_seconds::float8 / part.quantity))::int AS "unitsInTenSeconds"
FROM listing l
CROSS JOIN LATERAL (
  SELECT l.item_id AS item_id, 1 AS quantity UNION ALL
  SELECT component_item_id, quantity FROM bundle_component b WHERE b.shop_id = l.shop_id AND b.bundle_item_id = l.item_id
) part
CROSS JOIN LATERAL (
  SELECT coalesce(-sum(m.delta), 0) AS in_minute,
    coalesce(-sum(m.delta) FILTER (WHERE m.created_at > now() - interval '10 seconds'), 0) AS in_ten_seconds
  FROM (
    SELECT delta, cause, connection_id, created_at FROM movement
    WHERE shop_id = l.shop_id AND item_id = part.item_id ORDER BY id DESC LIMIT $4
  ) m WHERE m.cause = 'sale' AND m.delta < 0 AND m.connection_id = $2 AND m.created_at > now() - interval '1 minute'
) sold
WHERE l.shop_id = $1 AND l.id = ANY($3::bigint[])
GROUP BY l.id`;
