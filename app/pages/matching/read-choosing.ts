import { matchListings, readSellables } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";
import { type Candidate, likely } from "./read-matching.ts";

export type Choosing = {
	listing: { id: number; sku: string; title: string; barcode: string; linkedTo: Candidate | null };
	/** What the listing could be by its codes, or what the search found. */
	products: (Candidate & { barcode: string; listings: number })[];
	why: "alike" | "searched" | "nothing";
	isPack: boolean;
};

const FOUND_MAX = 25;

/** For linking one listing by hand. null: the shop's channel has no such listing. */
export async function readChoosing(
	db: Queryable,
	shopId: number,
	{ connectionId, listingId, query }: { connectionId: number; listingId: number; query: string },
): Promise<Choosing | null> {
	const { rows } = await db.query<{ sku: string; title: string; barcode: string; item_id: number | null }>(
		`SELECT coalesce(sku, '') AS sku, title, coalesce(barcode, '') AS barcode, item_id FROM listing
		 WHERE shop_id = $1 AND connection_id = $2 AND id = $3 AND sold_from IS NULL`,
		[shopId, connectionId, listingId],
	);
	const row = rows[0];
	if (!row) return null;
	const { item_id: itemId, ...codes } = row;
	const [linkedTo] = itemId === null ? [] : await readProducts(db, shopId, { connectionId, itemIds: [itemId] });
	const listing = { id: listingId, ...codes, linkedTo: linkedTo ?? null };
	if (query !== "") {
		const itemIds = await searchItems(db, shopId, query);
		return { listing, products: await readProducts(db, shopId, { connectionId, itemIds }), why: "searched", isPack: false };
	}
	const { items } = await readSellables(db, shopId, connectionId);
	const matching = matchListings([{ id: listingId, sku: codes.sku || null, barcode: codes.barcode || null, title: "" }], items);
	const found = matching.near[0] ?? matching.ambiguous[0];
	const itemIds = matching.exact[0] ? [matching.exact[0].itemId] : (found?.itemIds ?? []);
	return {
		listing,
		products: await readProducts(db, shopId, { connectionId, itemIds }),
		why: itemIds.length > 0 ? "alike" : "nothing",
		isPack: matching.near[0]?.difference === "pack size",
	};
}

async function searchItems(db: Queryable, shopId: number, query: string): Promise<number[]> {
	const { rows } = await db.query<{ id: number }>(
		`SELECT id FROM item WHERE shop_id = $1 AND deleted_at IS NULL AND (sku ILIKE $2 OR title ILIKE $2 OR barcode ILIKE $2)
		 ORDER BY lower(sku) = lower($3) DESC NULLS LAST, coalesce(sku, ''), id LIMIT $4`,
		[shopId, `%${likely(query)}%`, query, FOUND_MAX],
	);
	return rows.map(({ id }) => id);
}

async function readProducts(
	db: Queryable,
	shopId: number,
	{ connectionId, itemIds }: { connectionId: number; itemIds: readonly number[] },
): Promise<Choosing["products"]> {
	const { rows } = await db.query<Choosing["products"][number]>(
		`SELECT i.id AS "itemId", coalesce(i.sku, '') AS sku, i.title, coalesce(i.barcode, '') AS barcode,
		   (SELECT count(*)::int FROM listing l WHERE l.shop_id = $1 AND l.connection_id = $2 AND l.item_id = i.id) AS listings
		 FROM item i WHERE i.shop_id = $1 AND i.id = ANY($3::bigint[])`,
		[shopId, connectionId, itemIds],
	);
	return rows.sort((a, b) => itemIds.indexOf(a.itemId) - itemIds.indexOf(b.itemId));
}
