import { toCsv } from "#app/connections/guests/index.ts";
import type { Pool } from "#app/db.server.ts";
import { readStock, type StockRequest } from "./read-stock.ts";
import type { StockPage, StockRow } from "./stock.ts";

/** Products read at once: small transactions, and a first line that leaves soon. */
const READ_ROWS = 500;
/** A file of more is not opened by anybody's spreadsheet; the largest plan of Shopify has fewer variants in one shop's practice. */
const ROWS_MAX = 200_000;

const HEAD = [
	"SKU",
	"Product",
	"In Shopify",
	"Owed",
	"Channel",
	"SKU on channel",
	"Should show",
	"Shows",
	"Held back",
	"State",
	"Rule",
	"Buffer",
	"Minimum",
	"Maximum",
	"Confirmed at (channel's clock, UTC)",
];

/** What the filter shows, all pages of it, a line per product and listing. Read page by page: an edit in between may be in or not. */
export async function* stockCsv(pool: Pool, shopId: number, request: StockRequest): AsyncGenerator<string> {
	yield toCsv([HEAD]);
	let after: string | null = null;
	for (let lines = 0; lines < ROWS_MAX; ) {
		const page: StockPage = await readStock(pool, shopId, { ...request, after, before: null }, READ_ROWS);
		const names = new Map(page.channels.map(({ id, name }) => [id, name]));
		const text = page.rows.flatMap((row) => linesOf(row, names, request.channelId));
		lines += text.length;
		yield more(text);
		after = page.pages.after;
		if (after === null) return;
	}
	yield more([[`Only the first ${ROWS_MAX} lines are here: narrow the filter for the rest.`]]);
}

/** Lines behind the first: the mark of UTF-8 stands at the beginning of a file only. */
const more = (rows: Cell[][]) => toCsv(rows).replace(/^\uFEFF/, "");

type Cell = string | number;

function linesOf(row: StockRow, names: ReadonlyMap<number, string>, channelId: number | null): Cell[][] {
	const product = [row.sku, row.title, row.counted ? row.available : "", row.owed];
	const listings = row.listings.filter((listing) => channelId === null || listing.channelId === channelId);
	if (listings.length === 0) return [[...product, ...HEAD.slice(product.length).map(() => "")]];
	return listings.map((listing) => [
		...product,
		names.get(listing.channelId) ?? "",
		listing.sku,
		listing.should ?? "",
		listing.shows ?? "",
		listing.heldBack,
		listing.mark,
		listing.policy?.kind ?? "channel's",
		listing.policy?.buffer ?? "",
		listing.policy?.minimum ?? "",
		listing.policy?.maximum ?? "",
		listing.confirmedAt ?? "",
	]);
}
