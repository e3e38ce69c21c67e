import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "#app/db.server.ts";
import { type CopyBatch, openBatch } from "./copy-batch.ts";
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

/** Some hundred kilobytes of text: handed over while the next rows are read. */
const CHUNK_ROWS = 1_000;
/** And where messages come in, a few at a time: a chunk as large takes a processor from them for as long as they take themselves. */
const DRIP_ROWS = 100;
/** After each: the database, which is the slower of the two, still has work all the time from large chunks, and hardly any from small ones. */
const REST_MS = 1;
/** So often it is asked whether messages come in; sooner at first, for until then it is taken that they do. */
const LOOK_MS = 250;
const FIRST_LOOK_MS = 100;
/** A slow channel's rows are seen by whoever watches, and a batch is open no longer. */
const BATCH_MS = 2_000;
/** Rows that took so long to come were waited for, and so will be the next: no connection is held meanwhile. */
const SLOW_MS = 50;

const copyInto = (room: number) =>
	`COPY ${tableOf(room)} (shop_id, run_id, attempt, n, kind, asked_s, external_id, place, parent, sku, barcode, title, quantity, at, flags) FROM STDIN`;

/** Takes rows one by one and brings them into `reconcile_row` by COPY, while they are read: memory holds no more than a few thousand. */
export type Staging = {
	/** `askedAt`: our clock, before what told of it was asked for. */
	add(row: StagedRow, askedAt: number): void;
	/**
	 * To be called between pages: hands over what has gathered, if it is much or long ago. Where messages come in it goes slowly.
	 */
	flowOn(): Promise<void>;
	/** Writes the rest; how many rows there are in all. */
	finish(): Promise<number>;
	/** What is not written by now is never to be. To be called at the end in any case. */
	close(): Promise<void>;
};

export function createStaging(pool: Pool, shopId: number, lease: RunLease): Staging {
	const { id, attempt, room, beganAt } = lease.run;
	const began = Date.parse(beganAt ?? "");
	const head = `${shopId}\t${id}\t${attempt}\t`;
	/** A text that grows is written down once, when it leaves: an array of lines takes a fifth longer. */
	let lines = "";
	let n = 0;
	let handed = { rows: 0, at: performance.now() };
	const traffic = watchTraffic(pool);
	/** From here on. */
	const known = traffic.cameIn();
	known.catch(() => {});
	let isBusy = true;
	let lookAt = performance.now() + FIRST_LOOK_MS;
	let batch: CopyBatch | null = null;

	const open = () =>
		openBatch(pool, {
			copy: copyInto(room),
			longestMs: BATCH_MS,
			// A reader that has lost its lease adds nothing to what another one reads.
			finish: (tx) => lease.save(tx, { read: handed.rows }),
		});
	const closeBatch = async () => {
		const open = batch;
		batch = null;
		open?.end();
		await open?.written;
	};
	const handOver = async () => {
		if (batch?.hasEnded) await closeBatch();
		batch ??= await open();
		const chunk = lines;
		lines = "";
		handed = { rows: n, at: performance.now() };
		await batch.write(chunk);
	};
	const look = async () => {
		await known;
		isBusy = await traffic.cameIn();
		lookAt = performance.now() + LOOK_MS;
	};
	return {
		add(row, askedAt) {
			const asked = Math.max(0, Math.floor((askedAt - began) / 1_000));
			lines += `${head}${++n}\t${row.kind}\t${asked}\t${toLine(row)}\n`;
		},
		async flowOn() {
			const gathered = n - handed.rows;
			const tookMs = performance.now() - handed.at;
			if (gathered >= (isBusy ? DRIP_ROWS : CHUNK_ROWS)) {
				await handOver();
				if (tookMs >= SLOW_MS) await closeBatch();
				await sleep(REST_MS);
				if (performance.now() >= lookAt) await look();
			} else if (gathered > 0 && tookMs >= BATCH_MS) {
				// Its next page is long in coming too: nothing waits for it.
				await handOver();
				await closeBatch();
			}
		},
		async finish() {
			if (n > handed.rows) await handOver();
			await closeBatch();
			return n;
		},
		async close() {
			batch?.abandon();
			await batch?.written.catch(() => {});
			batch = null;
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
