/** One thing that a channel sells and one that home stocks, as far as matching looks at them. */
export type Sellable = { id: number; sku: string | null; barcode: string | null; title: string };

export type Match = { listingId: number; itemId: number; by: "sku" | "barcode" };
export type NearMiss = { listingId: number; itemId: number; difference: "letter case" | "blanks" | "leading zeros" | "separators" };
export type Matching = {
	exact: Match[];
	/** Looks alike, and is shown to a person; never linked by itself. */
	near: NearMiss[];
	/** The same code stands on several things at home: nobody can tell which. */
	ambiguous: { listingId: number; itemIds: number[]; by: "sku" | "barcode" }[];
	missingAtHome: number[];
	missingOnChannel: number[];
};

/**
 * Proposes which listing stands for which item: the exact SKU first, then the exact barcode. Everything less than exact is
 * listed and never guessed: `A-1` and `a-1` are two SKUs to Shopify. Several listings may stand for one item (R14).
 */
export function matchListings(listings: readonly Sellable[], items: readonly Sellable[]): Matching {
	const bySku = groupBy(items, (i) => i.sku);
	const byBarcode = groupBy(items, (i) => i.barcode);
	const loose = looseIndex(items);
	const result: Matching = { exact: [], near: [], ambiguous: [], missingAtHome: [], missingOnChannel: [] };
	const used = new Set<number>();
	for (const listing of listings) {
		const found = lookUp(listing, bySku, byBarcode);
		if (found && found.items.length === 1) {
			const itemId = (found.items[0] as Sellable).id;
			result.exact.push({ listingId: listing.id, itemId, by: found.by });
			used.add(itemId);
		} else if (found) {
			result.ambiguous.push({ listingId: listing.id, itemIds: found.items.map((i) => i.id), by: found.by });
			for (const item of found.items) used.add(item.id);
		} else {
			const near = nearMiss(listing, loose);
			if (near) result.near.push(near);
			else result.missingAtHome.push(listing.id);
			if (near) used.add(near.itemId);
		}
	}
	result.missingOnChannel = items.filter((i) => !used.has(i.id)).map((i) => i.id);
	return result;
}

function lookUp(listing: Sellable, bySku: Map<string, Sellable[]>, byBarcode: Map<string, Sellable[]>) {
	const sku = listing.sku ? bySku.get(listing.sku) : undefined;
	if (sku) return { items: sku, by: "sku" as const };
	const barcode = listing.barcode ? byBarcode.get(listing.barcode) : undefined;
	return barcode ? { items: barcode, by: "barcode" as const } : null;
}

/** The ways in which people write one SKU two ways, the mildest first. */
const LOOSE: readonly { difference: NearMiss["difference"]; form: (sku: string) => string }[] = [
	{ difference: "blanks", form: (sku) => sku.replace(/\s+/g, "") },
	{ difference: "letter case", form: (sku) => sku.replace(/\s+/g, "").toLowerCase() },
	{ difference: "leading zeros", form: (sku) => sku.replace(/\s+/g, "").toLowerCase().replace(/^0+(?=.)/, "") },
	{ difference: "separators", form: (sku) => sku.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "").replace(/^0+(?=.)/, "") },
];

const looseIndex = (items: readonly Sellable[]) => LOOSE.map(({ form }) => groupBy(items, (i) => (i.sku ? form(i.sku) : null)));

function nearMiss(listing: Sellable, loose: readonly Map<string, Sellable[]>[]): NearMiss | null {
	if (!listing.sku) return null;
	for (const [n, { difference, form }] of LOOSE.entries()) {
		const form_ = form(listing.sku);
		const items = form_ === "" ? undefined : loose[n]?.get(form_);
		if (items?.length === 1) return { listingId: listing.id, itemId: (items[0] as Sellable).id, difference };
	}
	return null;
}

function groupBy(items: readonly Sellable[], key: (item: Sellable) => string | null): Map<string, Sellable[]> {
	const map = new Map<string, Sellable[]>();
	for (const item of items) {
		const k = key(item);
		if (!k) continue;
		const list = map.get(k);
		if (list) list.push(item);
		else map.set(k, [item]);
	}
	return map;
}
