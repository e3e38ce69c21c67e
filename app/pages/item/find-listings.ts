import type { Queryable } from "#app/db.server.ts";
import { likely } from "../matching/read-matching.ts";

/** A listing that a person may link to a product. `linkedTo`: another product's until then. */
export type FoundListing = {
	listingId: number;
	sku: string;
	title: string;
	shows: number | null;
	linkedTo: { itemId: number; sku: string; title: string } | null;
};

const FOUND_MAX = 8;

type Row = Omit<FoundListing, "linkedTo"> & { itemId: number | null; itemSku: string; itemTitle: string };

/**
 * Listings of one channel by SKU, barcode, title or the channel's own id, those without a product first. What sells another listing's
 * stock is never linked itself.
 */
export async function findListingsToLink(
	db: Queryable,
	shopId: number,
	{ itemId, connectionId, query }: { itemId: number; connectionId: number; query: string },
): Promise<FoundListing[]> {
	if (query === "") return [];
	const { rows } = await db.query<Row>(
		`SELECT l.id AS "listingId", coalesce(nullif(l.sku, ''), l.external_id) AS sku, l.title, l.shown AS shows, l.item_id AS "itemId",
		   coalesce(i.sku, '') AS "itemSku", coalesce(i.title, '') AS "itemTitle"
		 FROM listing l LEFT JOIN item i ON i.shop_id = l.shop_id AND i.id = l.item_id
		 WHERE l.shop_id = $1 AND l.connection_id = $2 AND l.sold_from IS NULL AND l.item_id IS DISTINCT FROM $3
		   AND (l.sku ILIKE $4 OR l.title ILIKE $4 OR l.barcode ILIKE $4 OR l.external_id = $5)
		 ORDER BY l.item_id IS NOT NULL, lower(l.sku) = lower($5) DESC NULLS LAST, coalesce(l.sku, ''), l.id LIMIT $6`,
		[shopId, connectionId, itemId, `%${likely(query)}%`, query, FOUND_MAX],
	);
	return rows.map(({ itemId: linked, itemSku, itemTitle, ...listing }) => ({
		...listing,
		linkedTo: linked === null ? null : { itemId: linked, sku: itemSku, title: itemTitle },
	}));
}
