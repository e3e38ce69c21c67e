import { toCsv } from "#app/connections/guests/index.ts";
import type { Pool } from "#app/db.server.ts";
import { readStock, type StockRequest } from "./read-stock.ts";
import type { StockListing, StockPage, StockRow } from "./stock.ts";

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
	"Percentage",
	"Fixed figure",
	"Paused",
	"Linked",
	"Location",
	"Quantity",
	"Change",
	"Variant ID",
	"Confirmed at (channel's clock, UTC)",
];

/**
 * What the filter shows, all pages of it, a line per product and listing, and each location's figure once. Filled in and brought back it is
 * read by the same columns (app/backfill/file/columns.ts); brought back as it is, it changes nothing.
 * Read page by page: an edit in between may be in or not.
 */
export async function* stockCsv(pool: Pool, shopId: number, request: StockRequest): AsyncGenerator<string> {
	yield toCsv([HEAD]);
	let after: string | null = null;
	for (let lines = 0; lines < ROWS_MAX; ) {
		const page: StockPage = await readStock(pool, shopId, { ...request, after, before: null }, READ_ROWS);
		const names = new Map(page.channels.map(({ id, name }) => [id, name]));
		const places = await readPlaces(
			pool,
			shopId,
			page.rows.map(({ itemId }) => itemId),
		);
		const text = page.rows.flatMap((row) => linesOf(row, { names, channelId: request.channelId, places: places.get(row.itemId) ?? [] }));
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

type Place = { itemId: number; variant: string | null; location: string | null; available: number };
type Beside = { names: ReadonlyMap<number, string>; channelId: number | null; places: readonly Place[] };

/** Of these products the figure at each location, in the merchant's order. */
async function readPlaces(pool: Pool, shopId: number, itemIds: readonly number[]): Promise<Map<number, Place[]>> {
	const { rows } = await pool.query<Place>(
		`SELECT i.id AS "itemId", i.variant_id AS variant, l.name AS location, coalesce(s.available, 0) AS available
		 FROM item i LEFT JOIN (stock s JOIN location l ON l.shop_id = s.shop_id AND l.id = s.location_id AND l.active) ON s.shop_id = i.shop_id AND s.item_id = i.id
		 WHERE i.shop_id = $1 AND i.id = ANY($2::bigint[]) ORDER BY i.id, l.priority, l.id`,
		[shopId, itemIds],
	);
	return Map.groupBy(rows, ({ itemId }) => itemId);
}

function linesOf(row: StockRow, { names, channelId, places }: Beside): Cell[][] {
	const product = [row.sku, row.title, row.counted ? row.available : "", row.owed];
	const listings = row.listings.filter((listing) => channelId === null || listing.channelId === channelId);
	const figures = row.counted && !row.bundle ? places.filter(({ location }) => location !== null) : [];
	return Array.from({ length: Math.max(1, listings.length, figures.length) }, (_, n) => [
		...product,
		...listingCells(listings[n], names),
		...(figures[n] ? [figures[n].location ?? "", figures[n].available] : ["", ""]),
		"",
		places[0]?.variant ?? "",
		listings[n]?.confirmedAt ?? "",
	]);
}

const LISTING_CELLS = 14;

function listingCells(listing: StockListing | undefined, names: ReadonlyMap<number, string>): Cell[] {
	if (!listing) return Array.from({ length: LISTING_CELLS }, () => "");
	const { policy } = listing;
	const figureOf = (kind: "buffer" | "percentage" | "fixed") => (policy?.kind === kind ? (policy[kind] ?? "") : "");
	return [
		names.get(listing.channelId) ?? "",
		listing.sku,
		listing.should ?? "",
		listing.shows ?? "",
		listing.heldBack,
		listing.mark,
		policy?.kind ?? "channel's",
		figureOf("buffer"),
		policy?.minimum ?? "",
		policy?.maximum ?? "",
		figureOf("percentage"),
		figureOf("fixed"),
		listing.paused ? "yes" : "no",
		listing.sku === "" ? "" : "yes",
	];
}
