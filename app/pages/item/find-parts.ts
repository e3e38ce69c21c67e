import type { Queryable } from "#app/db.server.ts";
import { likely } from "../matching/read-matching.ts";
import { type PartFacts, readPartFacts, whyNoPart } from "./parts.ts";

/** `why`: it cannot be a part of this product, and why. */
export type FoundPart = Pick<PartFacts, "itemId" | "sku" | "title"> & { available: number; why: string | null };

const FOUND_MAX = 8;

/** Products that a person may add as a part, by SKU, barcode or title; what cannot be one says why. */
export async function findParts(db: Queryable, shopId: number, { itemId, query }: { itemId: number; query: string }): Promise<FoundPart[]> {
	if (query === "") return [];
	const { rows } = await db.query<{ id: number; available: number }>(
		`SELECT i.id, coalesce((SELECT sum(s.available - s.short) FROM stock s WHERE s.shop_id = i.shop_id AND s.item_id = i.id), 0)::int AS available
		   FROM item i WHERE i.shop_id = $1 AND i.id <> $5 AND i.deleted_at IS NULL AND (i.sku ILIKE $2 OR i.title ILIKE $2 OR i.barcode ILIKE $2)
		  ORDER BY lower(i.sku) = lower($3) DESC NULLS LAST, coalesce(i.sku, ''), i.id LIMIT $4`,
		[shopId, `%${likely(query)}%`, query, FOUND_MAX, itemId],
	);
	const facts = await readPartFacts(
		db,
		shopId,
		rows.map(({ id }) => id),
	);
	return rows.flatMap(({ id, available }) => {
		const fact = facts.find((one) => one.itemId === id);
		return fact ? [{ itemId: id, sku: fact.sku, title: fact.title, available, why: whyNoPart(itemId, fact) }] : [];
	});
}
