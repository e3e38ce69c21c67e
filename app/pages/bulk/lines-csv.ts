import { readListingLines, readProblems, readQuantities } from "#app/backfill/index.ts";
import { toCsv } from "#app/connections/guests/index.ts";
import type { Pool } from "#app/db.server.ts";
import { readNames } from "#app/overview/sql/read-names.ts";
import type { BulkLine } from "./bulk.ts";
import { sayListing, sayQuantity } from "./say-line.ts";

const READ_ROWS = 1_000;
const HEAD = ["Line", "SKU", "Product", "Location or channel", "What", "From", "To", "Result"];

/** Every line of a set with what it makes of what, and every line of its file with something wrong. Read page by page. */
export async function* linesCsv(pool: Pool, shopId: number, changeId: number): AsyncGenerator<string> {
	yield toCsv([HEAD]);
	const names = await readNames(pool, shopId);
	for (let after: readonly [number, number] = [0, 0]; ; ) {
		const rows = await readQuantities(pool, shopId, { changeId, after, limit: READ_ROWS, open: false });
		yield more(rows.map(sayQuantity).map(cellsOf));
		const last = rows.at(-1);
		if (!last || rows.length < READ_ROWS) break;
		after = [last.itemId, last.locationId];
	}
	for (let after = 0; ; ) {
		const rows = await readListingLines(pool, shopId, { changeId, after, limit: READ_ROWS, open: false });
		yield more(rows.flatMap((row) => sayListing(row, names.get(row.connectionId) ?? "")).map(cellsOf));
		const last = rows.at(-1);
		if (!last || rows.length < READ_ROWS) break;
		after = last.listingId;
	}
	for (let after = 0; ; ) {
		const rows = await readProblems(pool, shopId, { changeId, after, limit: READ_ROWS });
		yield more(rows.map(({ line, sku, reason }) => [line, sku, "", "", "Something is wrong", "", "", reason]));
		const last = rows.at(-1);
		if (!last || rows.length < READ_ROWS) return;
		after = last.line;
	}
}

const cellsOf = ({ line, sku, product, where, what, from, to, result }: BulkLine) => [
	...[line ?? "", sku, product, where, what, from, to, result],
];

/** Lines behind the first: the mark of UTF-8 stands at the beginning of a file only. */
const more = (rows: (string | number)[][]) => toCsv(rows).replace(/^\uFEFF/, "");
