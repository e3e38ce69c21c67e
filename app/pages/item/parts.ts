import type { Queryable } from "#app/db.server.ts";

/** Shopify's own limit for fixed bundles; more would also be more than a person reads. */
export const PARTS_MAX = 30;
export const UNITS_MAX = 999;

/** What one of a product is made of. */
export type Part = { itemId: number; quantity: number };

/** What decides whether an item can be a part, or have parts. */
export type PartFacts = {
	itemId: number;
	sku: string;
	title: string;
	tracked: boolean;
	sellsWhenOut: boolean;
	isHomeBundle: boolean;
	/** It has parts itself. */
	isBundle: boolean;
	/** A bundle has it as a part. */
	isPart: boolean;
};

export async function readPartFacts(db: Queryable, shopId: number, itemIds: readonly number[]): Promise<PartFacts[]> {
	const { rows } = await db.query<PartFacts>(
		`SELECT i.id AS "itemId", coalesce(i.sku, '') AS sku, i.title, i.tracked, i.sells_when_out AS "sellsWhenOut", i.is_home_bundle AS "isHomeBundle",
		   EXISTS (SELECT FROM bundle_component b WHERE b.shop_id = i.shop_id AND b.bundle_item_id = i.id) AS "isBundle",
		   EXISTS (SELECT FROM bundle_component b WHERE b.shop_id = i.shop_id AND b.component_item_id = i.id) AS "isPart"
		 FROM item i WHERE i.shop_id = $1 AND i.id = ANY($2::bigint[]) AND i.deleted_at IS NULL`,
		[shopId, itemIds],
	);
	return rows;
}

/** Why it cannot be a part of this product; null: it can. */
export function whyNoPart(of: number, part: PartFacts): string | null {
	if (part.itemId === of) return "That is this product itself.";
	if (part.isBundle || part.isHomeBundle) return "It is a bundle itself: add what that one is made of.";
	if (!part.tracked) return "Shopify does not count it.";
	return null;
}

/** Why nobody says here what it is made of; null: a person may. */
export function whyNoBundle(item: Pick<PartFacts, "isHomeBundle" | "isPart">): string | null {
	if (item.isHomeBundle) return "What it is made of is edited in Shopify.";
	if (item.isPart) return "It is a part of a bundle, so it cannot be one itself.";
	return null;
}
