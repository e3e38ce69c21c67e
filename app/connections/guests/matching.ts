/** One thing that a channel sells and one that home stocks, as far as matching looks at them. */
export type Sellable = { id: number; sku: string | null; barcode: string | null; title: string };

export type Match = { listingId: number; itemId: number; by: "sku" | "barcode" };
export type NearMiss = {
	listingId: number;
	itemIds: number[];
	by: "sku" | "barcode";
	difference: "blanks" | "letter case" | "leading zeros" | "separators" | "pack size";
};
export type Matching = {
	exact: Match[];
	/** Looks alike, and is shown to a person; never linked by itself. */
	near: NearMiss[];
	/** Nobody can tell which: the code stands on several things at home, or SKU and barcode name different ones (`both`). */
	ambiguous: { listingId: number; itemIds: number[]; by: "sku" | "barcode" | "both" }[];
	missingAtHome: number[];
	missingOnChannel: number[];
};

/**
 * Proposes which listing stands for which item: the exact SKU first, then the exact barcode, each only if it is unique among
 * *all* of home's items. Everything less than exact is listed and never guessed: `A-1` and `a-1` are two SKUs to Shopify.
 * Several listings may stand for one item (R14). `listed`: items that have a listing on this channel already.
 */
export function matchListings(
	listings: readonly Sellable[],
	items: readonly Sellable[],
	listed: ReadonlySet<number> = new Set(),
): Matching {
	const index = indexOf(items);
	const result: Matching = { exact: [], near: [], ambiguous: [], missingAtHome: [], missingOnChannel: [] };
	const named = new Set(listed);
	for (const listing of listings) {
		const listingId = listing.id;
		const found = lookUp(listing, index);
		for (const itemId of found.itemIds) named.add(itemId);
		if (found.kind === "exact") result.exact.push({ listingId, itemId: found.itemIds[0], by: found.by });
		else if (found.kind === "ambiguous") result.ambiguous.push({ listingId, itemIds: found.itemIds, by: found.by });
		else if (found.kind === "near") result.near.push({ listingId, itemIds: found.itemIds, by: found.by, difference: found.difference });
		else result.missingAtHome.push(listingId);
	}
	result.missingOnChannel = items.filter(({ id }) => !named.has(id)).map(({ id }) => id);
	return result;
}

/** More things that look alike than a person would go through say nothing. */
const CANDIDATES_MAX = 20;

type Found =
	| { kind: "exact"; itemIds: [number]; by: Match["by"] }
	| { kind: "ambiguous"; itemIds: number[]; by: Matching["ambiguous"][number]["by"] }
	| { kind: "near"; itemIds: number[]; by: NearMiss["by"]; difference: NearMiss["difference"] }
	| { kind: "missing"; itemIds: [] };

type Index = ReturnType<typeof indexOf>;

function indexOf(items: readonly Sellable[]) {
	return {
		sku: groupBy(items, (item) => item.sku),
		barcode: groupBy(items, (item) => item.barcode),
		loose: LOOSE.map((way) => groupBy(items, (item) => looseForm(item, way))),
	};
}

function lookUp(listing: Sellable, index: Index): Found {
	const bySku = get(index.sku, listing.sku);
	const byBarcode = get(index.barcode, listing.barcode);
	const [bySkuOnly, ...moreBySku] = bySku;
	const [byBarcodeOnly, ...moreByBarcode] = byBarcode;
	if (bySkuOnly !== undefined) {
		if (moreBySku.length > 0) return { kind: "ambiguous", itemIds: bySku.slice(0, CANDIDATES_MAX), by: "sku" };
		const contradicted = byBarcodeOnly !== undefined && moreByBarcode.length === 0 && byBarcodeOnly !== bySkuOnly;
		if (contradicted) return { kind: "ambiguous", itemIds: [bySkuOnly, byBarcodeOnly], by: "both" };
		return { kind: "exact", itemIds: [bySkuOnly], by: "sku" };
	}
	if (byBarcodeOnly !== undefined) {
		if (moreByBarcode.length > 0) return { kind: "ambiguous", itemIds: byBarcode.slice(0, CANDIDATES_MAX), by: "barcode" };
		return { kind: "exact", itemIds: [byBarcodeOnly], by: "barcode" };
	}
	for (const [n, way] of LOOSE.entries()) {
		const itemIds = get(index.loose[n] ?? new Map(), looseForm(listing, way));
		if (itemIds.length > 0 && itemIds.length <= CANDIDATES_MAX) return { kind: "near", itemIds, by: way.by, difference: way.difference };
	}
	return { kind: "missing", itemIds: [] };
}

type Loose = { by: NearMiss["by"]; difference: NearMiss["difference"]; form: (code: string) => string };

const noBlanks = (code: string) => code.normalize("NFKC").replace(/\s+/g, "");
const noZeros = (code: string) => code.replace(/^0+(?=.)/, "");

/** The ways in which people write one code two ways, the mildest first. A barcode's zeros: UPC, EAN and GTIN-14 are one number. */
const LOOSE: readonly Loose[] = [
	{ by: "sku", difference: "blanks", form: noBlanks },
	{ by: "sku", difference: "letter case", form: (code) => noBlanks(code).toLowerCase() },
	{ by: "sku", difference: "leading zeros", form: (code) => noZeros(noBlanks(code).toLowerCase()) },
	{
		by: "sku",
		difference: "separators",
		form: (code) =>
			noZeros(
				code
					.normalize("NFKC")
					.toLowerCase()
					.replace(/[^\p{L}\p{N}]+/gu, ""),
			),
	},
	{ by: "barcode", difference: "leading zeros", form: (code) => noZeros(code.replace(/\D+/g, "")) },
	{ by: "sku", difference: "pack size", form: (code) => withoutPack(noBlanks(code).toLowerCase()) },
];

/**
 * `MUG-6PK`, `MUG_X6`, `6xMUG`, `MUG-PACK12`: the code of one piece with a number of pieces before or behind it. Sold as a pack it
 * takes several pieces of home's product, so a person must look: linked as they are, each pack would count as one piece.
 */
const PACK =
	/(?<=[\p{L}\p{N}])[-_./]?(?:x\d{1,3}|\d{1,3}(?:x|pk|pack|pcs|ct|er)|(?:pk|pack|set)[-_.]?\d{1,3})$|^\d{1,3}x[-_./]?(?=[\p{L}\p{N}])/u;
const withoutPack = (code: string) => code.replace(PACK, "");

const looseForm = (of: Sellable, { by, form }: Loose): string | null => (of[by] ? form(of[by]) : null);

/** A code of blanks is no code. */
const get = (map: ReadonlyMap<string, number[]>, code: string | null): number[] => (code?.trim() ? (map.get(code) ?? []) : []);

function groupBy(items: readonly Sellable[], code: (item: Sellable) => string | null): Map<string, number[]> {
	const map = new Map<string, number[]>();
	for (const item of items) {
		const key = code(item);
		if (!key?.trim()) continue;
		const list = map.get(key);
		if (list) list.push(item.id);
		else map.set(key, [item.id]);
	}
	return map;
}
