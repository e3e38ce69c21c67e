import { type Client, type Pool, transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { sumUp } from "../sum-up.ts";
import { type Columns, findColumns } from "./columns.ts";
import { readFacts } from "./read-facts.ts";
import { type LineWish, readLine } from "./read-line.ts";
import { type CsvRecord, type Encoding, readRecords, UnreadableFileError } from "./read-records.ts";
import { saveLines } from "./save-lines.ts";
import { type ListingEffect, type QuantityEffect, settleLine } from "./settle-line.ts";

/** Lines that are looked up and kept in one transaction; only the draft's own row is locked meanwhile. */
const PAGE_LINES = 1_000;
/** Then others have their turn. What was read before is passed over again, which takes a second for the largest file. */
const PAGES_PER_JOB_MAX = 50;

type Draft = { id: number; encoding: Encoding; read: number };

/**
 * Reads the shop's oldest file that nobody has read yet: what each line would do is settled and kept, page by page, with how far it is.
 * Nothing is changed by it. Killed anywhere, the next one goes on with the next page; two at once, one finds the page done.
 */
export async function readFiles(deps: Deps, shopId: number): Promise<"done" | "more"> {
	const draft = await findUnread(deps.pool, shopId);
	if (!draft) return "done";
	try {
		return await readOn(deps, shopId, draft);
	} catch (error) {
		if (!(error instanceof UnreadableFileError)) throw error;
		await refuse(deps.pool, shopId, draft.id, error.message);
		return "more";
	}
}

async function readOn(deps: Deps, shopId: number, draft: Draft): Promise<"more"> {
	const records = readRecords(partsOf(deps.pool, shopId, draft.id), draft.encoding);
	const head = await records.next();
	if (head.done) throw new UnreadableFileError("The file is empty.");
	const found = findColumns(head.value.cells);
	if (found.outcome === "refused") throw new UnreadableFileError(found.reason);
	let page: CsvRecord[] = [];
	let read = 0;
	let pages = 0;
	const keep = async (): Promise<boolean> => {
		const kept = await keepPage(deps.pool, shopId, { draft, columns: found.columns, from: read - page.length, page });
		page = [];
		return kept;
	};
	for await (const record of records) {
		read++;
		if (read <= draft.read) continue;
		page.push(record);
		if (page.length < PAGE_LINES) continue;
		if (!(await keep()) || ++pages === PAGES_PER_JOB_MAX) return "more";
	}
	if (page.length > 0 && !(await keep())) return "more";
	if (read === 0) throw new UnreadableFileError("Below its first line the file is empty.");
	await sumUp(deps.pool, shopId, draft.id, { lines: read, unknown: found.unknown });
	return "more";
}

async function findUnread(pool: Pool, shopId: number): Promise<Draft | undefined> {
	const { rows } = await pool.query<Draft>(
		`SELECT b.id, b.encoding, b.read_records AS read FROM bulk_change b JOIN shop s ON s.id = b.shop_id AND s.state = 'installed'
		 WHERE b.shop_id = $1 AND b.source = 'file' AND b.done_at IS NULL AND b.cancelled_at IS NULL AND b.read_at IS NULL AND b.refusal IS NULL
		 ORDER BY b.id LIMIT 1`,
		[shopId],
	);
	return rows[0];
}

async function* partsOf(pool: Pool, shopId: number, changeId: number): AsyncGenerator<Uint8Array> {
	for (let part = 0; ; part++) {
		const { rows } = await pool.query<{ bytes: Buffer }>(
			"SELECT bytes FROM bulk_change_file WHERE shop_id = $1 AND change_id = $2 AND part = $3",
			[shopId, changeId, part],
		);
		if (!rows[0]) return;
		yield rows[0].bytes;
	}
}

async function refuse(pool: Pool, shopId: number, changeId: number, reason: string): Promise<void> {
	await transactionWithRetry(pool, async (tx) => {
		const refused = await tx.query(
			"UPDATE bulk_change SET refusal = $3 WHERE shop_id = $1 AND id = $2 AND read_at IS NULL AND refusal IS NULL",
			[shopId, changeId, reason],
		);
		if (refused.rowCount === 0) return;
		for (const table of ["bulk_change_line", "bulk_change_quantity", "bulk_change_problem", "bulk_change_file"])
			await tx.query(`DELETE FROM ${table} WHERE shop_id = $1 AND change_id = $2`, [shopId, changeId]);
	});
}

type Page = { draft: Draft; columns: Columns; from: number; page: readonly CsvRecord[] };
export type SettledPage = {
	problems: { line: number; sku: string; reason: string }[];
	quantities: (QuantityEffect & { line: number })[];
	listings: (ListingEffect & { line: number })[];
	/** What each line calls its product. */
	skus: Map<number, string>;
};

/** False: somebody else has read this page, or the file was put away meanwhile. */
async function keepPage(pool: Pool, shopId: number, { draft, columns, from, page }: Page): Promise<boolean> {
	return transactionWithRetry(pool, async (tx) => {
		const mine = await tx.query(
			`SELECT FROM bulk_change WHERE shop_id = $1 AND id = $2 AND read_records = $3 AND read_at IS NULL AND refusal IS NULL AND cancelled_at IS NULL FOR UPDATE`,
			[shopId, draft.id, from],
		);
		if (mine.rowCount === 0) return false;
		const settled = await settlePage(tx, shopId, columns, page);
		await saveLines(tx, { shopId, changeId: draft.id }, settled);
		await tx.query("UPDATE bulk_change SET read_records = $3 WHERE shop_id = $1 AND id = $2", [shopId, draft.id, from + page.length]);
		return true;
	});
}

async function settlePage(tx: Client, shopId: number, columns: Columns, page: readonly CsvRecord[]): Promise<SettledPage> {
	const settled: SettledPage = { problems: [], quantities: [], listings: [], skus: new Map() };
	const wishes: { line: number; wish: LineWish }[] = [];
	for (const { line, cells } of page) {
		const read = readLine(columns, cells);
		if (read === "empty") continue;
		if ("wish" in read) wishes.push({ line, wish: read.wish });
		else settled.problems.push({ line, sku: read.sku, reason: read.problems.join(" ") });
	}
	const facts = await readFacts(
		tx,
		shopId,
		wishes.map(({ wish }) => wish),
	);
	for (const { line, wish } of wishes) {
		settled.skus.set(line, wish.key.value);
		const one = settleLine(wish, facts);
		if ("problem" in one) settled.problems.push({ line, sku: wish.key.value, reason: one.problem });
		else {
			if (one.quantity) settled.quantities.push({ line, ...one.quantity });
			settled.listings.push(...one.listings.map((listing) => ({ line, ...listing })));
		}
	}
	return settled;
}
