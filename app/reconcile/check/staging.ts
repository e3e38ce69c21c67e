import { finished } from "node:stream/promises";
import { setImmediate as breathe, setTimeout as sleep } from "node:timers/promises";
import { from as copyFrom } from "pg-copy-streams";
import { type Pool, transaction } from "#app/db.server.ts";
import { tableOf } from "./rooms.ts";
import type { RunLease } from "./run.ts";
import { watchTraffic } from "./traffic.ts";

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

/** Some megabytes of text, and a transaction each. */
const FLUSH_ROWS = 20_000;
/** A database that crashes has lost the table anyway: its commits wait for no disk, and sales do not wait behind them. */
const NOT_FOR_GOOD = "BEGIN; SET LOCAL synchronous_commit = off";
/** A slow channel's rows are seen by whoever watches, and survive nothing but that. */
const FLUSH_MS = 2_000;
/** A list that is here already (a file) would let nothing else of this process come to its turn, the writing of the last batch least of all. */
const BREATH_ROWS = 1_000;
/** A batch takes some tenths of a second; on a machine that takes far longer for it no more is waited. */
const ASIDE_MAX_MS = 1_000;

const copyInto = (room: number) =>
	`COPY ${tableOf(room)} (shop_id, run_id, attempt, n, kind, asked_s, external_id, place, parent, sku, barcode, title, quantity, at, flags) FROM STDIN`;

/** Takes rows one by one and brings them into `reconcile_row` by COPY, some thousand at a time: memory holds no more than that. */
export type Staging = {
	/** `askedAt`: our clock, before what told of it was asked for. */
	add(row: StagedRow, askedAt: number): void;
	/**
	 * To be called between pages: writes what has gathered, if it is much or long ago. Where messages come in meanwhile it takes turns
	 * with them: reading and writing one after the other, and as long a pause.
	 */
	flowOn(): Promise<void>;
	/** Writes the rest; how many rows there are in all. */
	finish(): Promise<number>;
};

export function createStaging(pool: Pool, shopId: number, lease: RunLease): Staging {
	const { id, attempt, room, beganAt } = lease.run;
	const began = Date.parse(beganAt ?? "");
	const head = `${shopId}\t${id}\t${attempt}\t`;
	/** A text that grows is written down once, when it leaves: an array of lines takes a fifth longer. */
	let lines = "";
	let gathered = 0;
	let breathedAt = 0;
	let n = 0;
	let flushedAt = performance.now();
	const traffic = watchTraffic(pool);
	/** One batch is written while the next one is read. */
	let writing: Promise<void> = Promise.resolve();

	const flush = async () => {
		await writing;
		const body = Buffer.from(lines);
		const read = n;
		lines = "";
		gathered = 0;
		flushedAt = performance.now();
		writing = write(body, read);
		// Whoever waits for it next is told of its failure.
		writing.catch(() => {});
	};
	const write = (body: Buffer, read: number) =>
		transaction(
			pool,
			async (tx) => {
				// First the lease: a reader that has lost it adds nothing to what another one reads.
				await lease.save(tx, { read });
				const copy = copyFrom(copyInto(room));
				// Listened to before it begins: a connection that breaks in between fails this transaction and not the process.
				const done = finished(copy);
				done.catch(() => {});
				await tx.query(copy);
				copy.end(body);
				await done;
			},
			{ begin: NOT_FOR_GOOD },
		);
	return {
		add(row, askedAt) {
			const asked = Math.max(0, Math.floor((askedAt - began) / 1_000));
			lines += `${head}${++n}\t${row.kind}\t${asked}\t${toLine(row)}\n`;
			gathered++;
		},
		async flowOn() {
			const isDue = gathered >= FLUSH_ROWS || (gathered > 0 && performance.now() - flushedAt >= FLUSH_MS);
			if (n - breathedAt >= BREATH_ROWS) {
				breathedAt = n;
				await breathe();
			}
			if (!isDue) return;
			const asideFrom = performance.now();
			await flush();
			if (!(await traffic.cameIn())) return;
			await writing;
			// Preparing a batch takes about as long as writing it.
			await sleep(Math.min(ASIDE_MAX_MS, 2 * (performance.now() - asideFrom)));
		},
		async finish() {
			if (gathered > 0) await flush();
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
