import { finished } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import { type Pool, type Queryable, transaction } from "#app/db.server.ts";
import type { RunLease } from "./run.ts";

/** One thing that the other side has, as it is compared. */
export type StagedRow = {
	/** A guest's listing; home's item; home's figure of an item at a place. */
	kind: "l" | "i" | "s";
	externalId: string;
	place: string | null;
	parent: string | null;
	sku: string | null;
	barcode: string | null;
	title: string | null;
	quantity: number | null;
	/** Home's clock, ISO. */
	at: string | null;
	flags: number | null;
};

/** Some megabytes of text. Each is a transaction with a commit to disk, which fewer would waste and more would not notice. */
const FLUSH_ROWS = 10_000;
/** A slow channel's rows are seen by whoever watches, and survive nothing but that. */
const FLUSH_MS = 2_000;
/** One statement's share when rows are thrown away. */
const FORGET_ROWS = 100_000;

const COPY = `COPY reconcile_row (shop_id, run_id, attempt, n, kind, asked_s, external_id, place, parent, sku, barcode, title, quantity, at, flags) FROM STDIN`;

/** Takes rows one by one and brings them into `reconcile_row` by COPY, some thousand at a time: memory holds no more than that. */
export type Staging = {
	/** `askedAt`: our clock, before what told of it was asked for. */
	add(row: StagedRow, askedAt: number): void;
	/** To be called between pages: writes what has gathered, if it is much or long ago. */
	flowOn(): Promise<void>;
	/** Writes the rest; how many rows there are in all. */
	finish(): Promise<number>;
};

export function createStaging(pool: Pool, shopId: number, lease: RunLease): Staging {
	const { id, attempt, beganAt } = lease.run;
	const began = Date.parse(beganAt ?? "");
	const head = `${shopId}\t${id}\t${attempt}\t`;
	let lines: string[] = [];
	let n = 0;
	let flushedAt = performance.now();
	/** One batch is written while the next one is read. */
	let writing: Promise<void> = Promise.resolve();

	const flush = async () => {
		await writing;
		const body = Buffer.from(lines.join(""));
		const read = n;
		lines = [];
		flushedAt = performance.now();
		writing = write(body, read);
		// Whoever waits for it next is told of its failure.
		writing.catch(() => {});
	};
	const write = (body: Buffer, read: number) =>
		transaction(pool, async (tx) => {
			// First the lease: a reader that has lost it adds nothing to what another one reads.
			await lease.save(tx, { read });
			const copy = copyFrom(COPY);
			// Listened to before it begins: a connection that breaks in between fails this transaction and not the process.
			const done = finished(copy);
			done.catch(() => {});
			await tx.query(copy);
			copy.end(body);
			await done;
		});
	return {
		add(row, askedAt) {
			const asked = Math.max(0, Math.floor((askedAt - began) / 1_000));
			lines.push(`${head}${++n}\t${row.kind}\t${asked}\t${toLine(row)}\n`);
		},
		async flowOn() {
			if (lines.length >= FLUSH_ROWS || (lines.length > 0 && performance.now() - flushedAt >= FLUSH_MS)) await flush();
		},
		async finish() {
			if (lines.length > 0) await flush();
			await writing;
			return n;
		},
	};
}

const toLine = (row: StagedRow): string =>
	`${text(row.externalId)}\t${text(row.place)}\t${text(row.parent)}\t${text(row.sku)}\t${text(row.barcode)}\t${text(row.title)}\t${row.quantity ?? "\\N"}\t${row.at ?? "\\N"}\t${row.flags ?? "\\N"}`;

/** COPY's text format: a backslash, and what ends a field or a line, are written with one. PostgreSQL holds no U+0000. */
const text = (value: string | null): string => {
	if (value === null) return "\\N";
	return SPECIAL.test(value) ? value.replaceAll(SPECIAL_ALL, (sign) => ESCAPED[sign] ?? "\uFFFD") : value;
};
const SPECIAL = /[\\\t\n\r\0]/;
const SPECIAL_ALL = new RegExp(SPECIAL, "g");
const ESCAPED: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** Are all rows there that were written? The table does not outlive a crash of the database, and the run's counter does. */
export async function isStaged(
	db: Queryable,
	shopId: number,
	{ id, attempt }: { id: number; attempt: number },
	rows: number,
): Promise<boolean> {
	const { rows: counted } = await db.query<{ n: number }>(
		"SELECT count(*)::int AS n FROM reconcile_row WHERE shop_id = $1 AND run_id = $2 AND attempt = $3",
		[shopId, id, attempt],
	);
	return counted[0]?.n === rows;
}

/** Throws away what a run has read, all its attempts. By ranges: a statement that looks for "some" again walks over what is gone. */
export async function forgetRows(db: Queryable, shopId: number, runId: number): Promise<void> {
	const { rows } = await db.query<{ attempt: number; last: number }>(
		"SELECT attempt, max(n) AS last FROM reconcile_row WHERE shop_id = $1 AND run_id = $2 GROUP BY attempt",
		[shopId, runId],
	);
	for (const { attempt, last } of rows) {
		for (let from = 0; from < last; from += FORGET_ROWS) {
			await db.query("DELETE FROM reconcile_row WHERE shop_id = $1 AND run_id = $2 AND attempt = $3 AND n > $4 AND n <= $5", [
				shopId,
				runId,
				attempt,
				from,
				from + FORGET_ROWS,
			]);
		}
	}
}

/** What a run left that was killed between its end and this. Hourly. */
export async function forgetLeftRows(db: Queryable): Promise<number> {
	const { rowCount } = await db.query(
		`DELETE FROM reconcile_row WHERE ctid = ANY (ARRAY(
		   SELECT r.ctid FROM reconcile_row r WHERE NOT EXISTS (
		     SELECT FROM reconcile_run u WHERE u.shop_id = r.shop_id AND u.id = r.run_id AND u.ended_at IS NULL) LIMIT $1))`,
		[FORGET_ROWS],
	);
	return rowCount ?? 0;
}
