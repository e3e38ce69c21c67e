import type { Queryable } from "#app/db.server.ts";
import type { Deps } from "../deps.ts";
import { parseCsv, toCsv } from "./csv.ts";
import { linkListings, readSellables } from "./links.ts";
import { matchListings, type Sellable } from "./matching.ts";

/** Of the file: a catalogue of 100,000 listings with long titles is about 20 MB, and far from what a person fills in by hand. */
export const FILE_BYTES_MAX = 5_000_000;
export const FILE_LINES_MAX = 20_000;
/** More complaints than this are not read one by one. */
const COMPLAINTS_MAX = 200;

const COLUMNS = ["Listing ID", "Listing title", "Listing SKU", "Listing barcode", "Why not matched", "Could be", "Shopify SKU"] as const;
/** By these two the file is read again; all others are for the reader's eyes. */
const ID_COLUMN = COLUMNS[0];
const SKU_COLUMN = COLUMNS[6];

/** The listings without a link as a file to fill in: in its last column, the SKU of the product that each of them is. */
export async function exportUnmatched(db: Queryable, shopId: number, connectionId: number): Promise<string> {
	const { listings, items, listed } = await readSellables(db, shopId, connectionId);
	const external = await db.query<{ id: number; external_id: string }>(
		"SELECT id, external_id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'unlinked' AND sold_from IS NULL",
		[shopId, connectionId],
	);
	const externalIds = new Map(external.rows.map(({ id, external_id }) => [id, external_id]));
	const skuOf = new Map(items.map(({ id, sku }) => [id, sku ?? ""]));
	const matching = matchListings(listings, items, listed);
	const why = new Map<number, { reason: string; itemIds: readonly number[] }>();
	for (const { listingId, itemId } of matching.exact) why.set(listingId, { reason: "Exact match, not linked yet", itemIds: [itemId] });
	for (const near of matching.near) why.set(near.listingId, { reason: `Differs in ${near.difference}`, itemIds: near.itemIds });
	for (const many of matching.ambiguous) why.set(many.listingId, { reason: "Several products are possible", itemIds: many.itemIds });
	const rows = listings.map(({ id, title, sku, barcode }) => {
		const { reason, itemIds } = why.get(id) ?? { reason: "No such SKU or barcode in Shopify", itemIds: [] };
		const could = itemIds.map((itemId) => skuOf.get(itemId)).join(" | ");
		return [externalIds.get(id) ?? "", title, sku ?? "", barcode ?? "", reason, could, ""];
	});
	return toCsv([COLUMNS, ...rows]);
}

export type FileImport =
	/** `complaints`: by line of the file; lines without a SKU are passed over. Good lines are linked, whatever the others are. */
	| { outcome: "imported"; linked: number; empty: number; complaints: { line: number; reason: string }[]; moreComplaints: number }
	/** Not such a file at all; nothing was changed. */
	| { outcome: "refused"; reason: string };

/** Reads the filled-in file and links what it names. Imported twice, the second changes nothing. */
export async function importMatches(
	deps: Deps,
	shopId: number,
	connectionId: number,
	{ text, actor }: { text: string; actor: string },
): Promise<FileImport> {
	if (Buffer.byteLength(text) > FILE_BYTES_MAX) return { outcome: "refused", reason: "The file is larger than 5 MB." };
	const [head, ...lines] = parseCsv(text);
	const columnOf = (name: string) => head?.cells.findIndex((one) => one.trim().toLowerCase() === name.toLowerCase()) ?? -1;
	const [idColumn, skuColumn] = [columnOf(ID_COLUMN), columnOf(SKU_COLUMN)];
	if (idColumn < 0 || skuColumn < 0) {
		return { outcome: "refused", reason: `The file needs the columns “${ID_COLUMN}” and “${SKU_COLUMN}” in its first line.` };
	}
	if (lines.length > FILE_LINES_MAX) return { outcome: "refused", reason: "The file has more than 20,000 lines. Please split it." };

	const listings = await deps.pool.query<{ id: number; external_id: string; sold_from: string | null }>(
		"SELECT id, external_id, sold_from FROM listing WHERE shop_id = $1 AND connection_id = $2",
		[shopId, connectionId],
	);
	const listingOf = new Map(listings.rows.map((row) => [row.external_id, row]));
	const { items } = await readSellables(deps.pool, shopId, connectionId);
	const find = itemFinder(
		items,
		lines.map(({ cells }) => (cells[skuColumn] ?? "").trim()),
	);
	const complaints: { line: number; reason: string }[] = [];
	const wanted = new Map<number, { line: number; itemId: number }>();
	let empty = 0;
	for (const { line, cells } of lines) {
		const complain = (reason: string) => void complaints.push({ line, reason });
		const [externalId, sku] = [(cells[idColumn] ?? "").trim(), (cells[skuColumn] ?? "").trim()];
		if (sku === "") empty++;
		else {
			const listing = listingOf.get(externalId);
			const item = find(sku);
			if (!listing) complain(`There is no listing ${JSON.stringify(externalId)} on this channel.`);
			else if (listing.sold_from !== null) complain("This listing sells another listing's stock; link that one.");
			else if ("reason" in item) complain(item.reason);
			else if (wanted.get(listing.id) && wanted.get(listing.id)?.itemId !== item.id) {
				complain(`Line ${wanted.get(listing.id)?.line} names another product for the same listing.`);
			} else wanted.set(listing.id, { line, itemId: item.id });
		}
	}
	const links = [...wanted].map(([listingId, { itemId }]) => ({ listingId, itemId }));
	const done = links.length > 0 ? await linkListings(deps, shopId, connectionId, links, actor) : { linked: 0, refused: [] };
	for (const { listingId, reason } of done.refused) complaints.push({ line: wanted.get(listingId)?.line ?? 0, reason });
	complaints.sort((a, b) => a.line - b.line);
	return {
		outcome: "imported",
		linked: done.linked,
		empty,
		complaints: complaints.slice(0, COMPLAINTS_MAX),
		moreComplaints: Math.max(0, complaints.length - COMPLAINTS_MAX),
	};
}

/** Exactly one product has the SKU, or the sentence that says what is wrong with it. `skus`: all that will be asked for. */
function itemFinder(items: readonly Sellable[], skus: readonly string[]): (sku: string) => { id: number } | { reason: string } {
	const bySku = new Map<string, number[]>();
	for (const { id, sku } of items) if (sku?.trim()) bySku.set(sku, [...(bySku.get(sku) ?? []), id]);
	const unknown = [...new Set(skus)].filter((sku) => sku !== "" && !bySku.has(sku));
	const { near } = matchListings(
		unknown.map((sku, id) => ({ id, sku, barcode: null, title: "" })),
		items,
	);
	const skuOf = new Map(items.map(({ id, sku }) => [id, sku ?? ""]));
	const alike = new Map(near.map(({ listingId, itemIds }) => [unknown[listingId], itemIds.slice(0, ALIKE_MAX).map((id) => skuOf.get(id))]));
	return (sku) => {
		const [id, ...more] = bySku.get(sku) ?? [];
		if (id !== undefined && more.length === 0) return { id };
		if (id !== undefined) return { reason: `${more.length + 1} products in Shopify have the SKU ${sku}. Link this one by hand.` };
		const hint = alike.get(sku) ? ` Did you mean ${alike.get(sku)?.join(" or ")}? Spreadsheets drop leading zeros.` : "";
		return { reason: `No product in Shopify has the SKU ${sku}.${hint}` };
	};
}
const ALIKE_MAX = 3;
