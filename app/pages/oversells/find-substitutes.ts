import type { Queryable } from "#app/db.server.ts";
import { likely } from "../matching/read-matching.ts";

/** `free`: units that could be sent for this order, where its channel sells from. */
export type Substitute = { itemId: number; sku: string; title: string; barcode: string; free: number };

const FOUND_MAX = 8;

/** Products that can be sent instead, by SKU, barcode or title: counted, no bundle, not the same, and there. */
export async function findSubstitutes(
	db: Queryable,
	shopId: number,
	{ oversellId, query }: { oversellId: number; query: string },
): Promise<Substitute[]> {
	if (query === "") return [];
	const { rows } = await db.query<Substitute>(
		`SELECT i.id AS "itemId", coalesce(i.sku, '') AS sku, i.title, coalesce(i.barcode, '') AS barcode, sum(s.available)::int AS free
		   FROM oversell o
		   JOIN item i ON i.shop_id = $1 AND i.id <> o.item_id AND i.deleted_at IS NULL AND i.tracked
		     AND (i.sku ILIKE $3 OR i.title ILIKE $3 OR i.barcode ILIKE $3)
		     AND NOT EXISTS (SELECT FROM bundle_component b WHERE b.shop_id = $1 AND b.bundle_item_id = i.id)
		   JOIN stock s ON s.shop_id = $1 AND s.item_id = i.id AND s.available > 0
		   JOIN location l ON l.shop_id = $1 AND l.id = s.location_id AND
		     CASE WHEN EXISTS (SELECT FROM connection_location c WHERE c.shop_id = $1 AND c.connection_id = o.connection_id)
		       THEN EXISTS (SELECT FROM connection_location c WHERE c.shop_id = $1 AND c.connection_id = o.connection_id AND c.location_id = l.id)
		       ELSE l.active AND l.fulfills_online AND NOT l.fulfillment_service END
		  WHERE o.shop_id = $1 AND o.id = $2
		  GROUP BY i.shop_id, i.id ORDER BY lower(i.sku) = lower($4) DESC NULLS LAST, coalesce(i.sku, ''), i.id LIMIT $5`,
		[shopId, oversellId, `%${likely(query)}%`, query, FOUND_MAX],
	);
	return rows;
}
