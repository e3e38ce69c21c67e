import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { pino } from "pino";
import type { RemoteListing } from "#channels";
import type { Deps } from "#connections";
import { askForCheck, runCheck } from "#reconcile";
import { freePort } from "../server/embedded/postgres.ts";
import { APP_SECRET } from "../tests/kit/senders.ts";
import type { Bench, Measure } from "./harness.ts";
import { addShop } from "./ingest.ts";
import type { LiveSender } from "./live-sender.ts";
import { serveFile } from "./processes.ts";

const SIZES = [10_000, 100_000, 1_000_000] as const;
const LARGEST = 1_000_000;
const PAIRS = 5;
/** Figures that differ, spread over the list. */
const CHANGED = 50;
/** As WooCommerce gives them at most; Amazon's report comes in 500. */
const PAGE = 100;
const MEMORY_EVERY_MS = 20;
/** Live messages beside it: a busy shop's, evenly. */
const MESSAGE_EVERY_MS = 20;
const IDLE_MESSAGES = 500;
/** Of the largest, while messages come in: of fewer messages a 99th is a matter of luck. */
const CHECKS_BESIDE = 3;
/** A process that has just started answers slowly. */
const WARM_MS = 3_000;
const HOST = "bench.myshopify.com";

type Sized = { shopId: number; connectionId: number; size: number };

/**
 * All listings of one connection compared, from the first page to the last difference that is asked for, against nothing but the same
 * rows copied in order into a table of the same columns and key. Rows come from a generator in the adapters' own shape, so that neither
 * side waits for a channel. Its figures are of the largest; the growth is over all sizes.
 */
export async function openReconcile(
	pool: pg.Pool,
	{ databaseUrl, directory, quick }: { databaseUrl: string; directory: string; quick: boolean },
): Promise<Bench> {
	const places = new Map<number, Sized>();
	for (const size of SIZES) places.set(size, await fill(pool, size));
	await pool.query("CREATE UNLOGGED TABLE bench_row (LIKE reconcile_row INCLUDING ALL)");
	await pool.query("VACUUM ANALYZE");
	await addShop(pool);
	const live = await openLive({ databaseUrl, directory });
	const copyMs = new Map<number, number>();
	const checkMs = new Map<number, number>();

	const copyAll = async (): Promise<Measure> => {
		for (const size of SIZES) copyMs.set(size, await copyRows(pool, size));
		return { ms: copyMs.get(LARGEST) ?? 0, also: {} };
	};
	const checkAll = async (): Promise<Measure> => {
		let peakMb = 0;
		for (const size of SIZES) {
			const place = places.get(size) as Sized;
			const { ms, memoryMb } = await check(pool, place);
			checkMs.set(size, ms);
			peakMb = Math.max(peakMb, memoryMb);
			await putBack(pool, place);
		}
		// Some more with messages beside them, and as many messages with nothing beside them: the copies have none.
		const beside = places.get(LARGEST) as Sized;
		const idleP99 = await live.during(() => sleep(IDLE_MESSAGES * MESSAGE_EVERY_MS));
		const busyP99 = await live.during(async (pausing) => {
			for (let n = 0; n < CHECKS_BESIDE; n++) {
				await check(pool, beside);
				await pausing(() => putBack(pool, beside));
			}
		});
		if (copyMs.size === 0) await copyAll();
		const [small = 0, large = 0] = [checkMs.get(100_000), checkMs.get(LARGEST)];
		return {
			ms: large,
			also: {
				...Object.fromEntries(SIZES.map((size) => [`times_copy_${size / 1_000}k`, (checkMs.get(size) ?? 0) / (copyMs.get(size) ?? 1)])),
				...Object.fromEntries(SIZES.map((size) => [`ms_${size / 1_000}k`, checkMs.get(size) ?? 0])),
				memory_mb: peakMb,
				growth_exponent: Math.log10(large / small),
				ingest_p99_idle_ms: idleP99,
				ingest_p99_ms: busyP99,
				ingest_p99_times_idle: busyP99 / idleP99,
			},
		};
	};
	return {
		name: "reconcile",
		question: `${LARGEST.toLocaleString("en")} listings compared with a channel's list: the whole run against an ordered COPY of the same rows`,
		floorMs: 100,
		pairs: quick ? 1 : PAIRS,
		ours: checkAll,
		theirs: copyAll,
		goals: [
			{ figure: `times_copy_${LARGEST / 1_000}k`, atMost: 2 },
			{ figure: "memory_mb", atMost: 120 },
			{ figure: "growth_exponent", atMost: 1.05 },
			{ figure: "ingest_p99_times_idle", atMost: 1.2 },
		],
		close: () => live.close(),
	};
}

/** A shop whose one guest shows just what it should, of so many listings. */
async function fill(pool: pg.Pool, size: number): Promise<Sized> {
	const one = async (sql: string, values: unknown[]) => Number((await pool.query<{ id: number }>(sql, values)).rows[0]?.id);
	const shopId = await one("INSERT INTO shop (domain, import_state) VALUES ($1, 'done') RETURNING id", [`size-${size}.myshopify.com`]);
	await pool.query("INSERT INTO shop_lane (shop_id) VALUES ($1)", [shopId]);
	const connectionId = await one(
		`INSERT INTO connection (shop_id, channel, account, name, state, cut_at, compared_at, webhook_token)
		 VALUES ($1, 'woocommerce', $2, $2, 'live', now(), now(), $2) RETURNING id`,
		[shopId, `store-${size}.example`],
	);
	const client = await pool.connect();
	try {
		await client.query("SET statement_timeout = 0");
		for (let from = 0; from < size; from += 100_000) {
			const values = [shopId, from, Math.min(size, from + 100_000) - 1];
			await client.query(
				"INSERT INTO item (shop_id, external_id, sku, title) SELECT $1, 'item-' || n, 'NW-' || n, 'Product ' || n FROM generate_series($2::int, $3::int) n",
				values,
			);
			await client.query(
				`INSERT INTO listing (shop_id, connection_id, external_id, sku, title, item_id, link_state, desired, shown, read_at, updated_at)
				 SELECT $1, $4, (1000000 + n)::text, i.sku, i.title, i.id, 'linked', 3 + n % 40, 3 + n % 40, now() - interval '1 day', now() - interval '1 day'
				 FROM generate_series($2::int, $3::int) n JOIN item i ON i.shop_id = $1 AND i.external_id = 'item-' || n ORDER BY n`,
				[...values, connectionId],
			);
		}
	} finally {
		client.release(true);
	}
	return { shopId, connectionId, size };
}

function* pagesOf(size: number): Generator<RemoteListing[]> {
	const every = Math.floor(size / CHANGED);
	for (let from = 0; from < size; from += PAGE) {
		const page: RemoteListing[] = [];
		for (let n = from; n < Math.min(size, from + PAGE); n++) {
			page.push({
				externalId: String(1_000_000 + n),
				parentExternalId: n % 3 === 0 ? null : String(1_000_000 + n - (n % 3)),
				sku: `NW-${n}`,
				barcode: String(4_000_000_000_000 + n),
				title: `Trail jacket with detachable hood, pine, size ${n % 12}`,
				quantity: 3 + (n % 40) + (n % every === every - 1 ? 7 : 0),
				managed: true,
			});
		}
		yield page;
	}
}

async function check(pool: pg.Pool, { shopId, connectionId, size }: Sized): Promise<{ ms: number; memoryMb: number }> {
	const deps: Deps = {
		pool,
		keyRing: [],
		env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
		log: pino({ level: "silent" }),
		wake: async () => {},
	};
	await askForCheck(deps, shopId, connectionId, "bench");
	globalThis.gc?.();
	const idle = process.memoryUsage().rss;
	let peak = idle;
	const timer = setInterval(() => {
		peak = Math.max(peak, process.memoryUsage().rss);
	}, MEMORY_EVERY_MS);
	const startedAt = performance.now();
	const outcome = await runCheck(deps, shopId, connectionId, {
		open: async () => ({
			channel: { capabilities: {} },
			client: {
				async *listListings() {
					yield* pagesOf(size);
				},
				close: async () => {},
			},
		}),
	});
	const ms = performance.now() - startedAt;
	clearInterval(timer);
	if (outcome.outcome !== "done" || outcome.found !== CHANGED) throw new Error(`The run ended with ${JSON.stringify(outcome)}`);
	return { ms, memoryMb: (peak - idle) / 1024 / 1024 };
}

async function putBack(pool: pg.Pool, { shopId }: Sized): Promise<void> {
	await pool.query("DELETE FROM reconcile_run WHERE shop_id = $1", [shopId]);
	await pool.query(
		"UPDATE listing SET dirty_since = NULL, updated_at = now() - interval '1 day' WHERE shop_id = $1 AND dirty_since IS NOT NULL",
		[shopId],
	);
	await pool.query("CHECKPOINT");
}

async function copyRows(pool: pg.Pool, size: number): Promise<number> {
	await pool.query("TRUNCATE bench_row");
	const client = await pool.connect();
	try {
		await client.query("SET statement_timeout = 0");
		const startedAt = performance.now();
		const copy = client.query(
			copyFrom(
				"COPY bench_row (shop_id, run_id, attempt, n, kind, asked_s, external_id, place, parent, sku, barcode, title, quantity) FROM STDIN",
			),
		);
		const done = new Promise<void>((resolve, reject) => copy.on("finish", resolve).on("error", reject));
		let n = 0;
		let lines: string[] = [];
		for (const page of pagesOf(size)) {
			for (const l of page)
				lines.push(
					`1\t1\t1\t${++n}\tl\t0\t${l.externalId}\t\\N\t${l.parentExternalId ?? "\\N"}\t${l.sku}\t${l.barcode}\t${l.title}\t${l.quantity}\n`,
				);
			if (lines.length < 1_000) continue;
			if (!copy.write(lines.join(""))) await new Promise((resolve) => copy.once("drain", resolve));
			lines = [];
		}
		copy.end(lines.join(""));
		await done;
		return performance.now() - startedAt;
	} finally {
		client.release(true);
	}
}

/** The real web process, which gets a message every few milliseconds: how long its slowest answers take. */
async function openLive({ databaseUrl, directory }: { databaseUrl: string; directory: string }) {
	const port = await freePort();
	const web = await serveFile("server/web.ts", {
		port,
		readyPath: "/readyz",
		log: path.join(directory, "web.log"),
		env: {
			NODE_ENV: "test",
			PORT: String(port),
			DATABASE_URL: databaseUrl,
			LOCKSTEP_DATA_DIR: directory,
			LOCKSTEP_KEYS: `bench:${randomBytes(32).toString("base64")}`,
			SHOPIFY_API_KEY: "key",
			SHOPIFY_API_SECRET: APP_SECRET,
			SHOPIFY_APP_URL: "https://app.lockstep.example",
		},
	});
	const settings: LiveSender = { origin: web.origin, shop: HOST, everyMs: MESSAGE_EVERY_MS };
	const sender = fork(new URL("./live-sender.ts", import.meta.url), [JSON.stringify(settings)]);
	/** The 99th of a hundred answers since this was asked last. */
	const p99 = async (): Promise<number> => {
		sender.send("p99");
		const [figure] = (await once(sender, "message")) as [number];
		return figure;
	};
	return {
		/** Messages come in while `work` goes on, but not while it is `pausing` with something that is not to be measured. */
		async during(work: (pausing: (other: () => Promise<void>) => Promise<void>) => Promise<void>): Promise<number> {
			sender.send("go");
			await sleep(WARM_MS);
			await p99();
			await work(async (other) => {
				sender.send("pause");
				await other();
				sender.send("go");
			});
			const figure = await p99();
			sender.send("pause");
			return figure;
		},
		async close() {
			sender.disconnect();
			await web.stop();
		},
	};
}
