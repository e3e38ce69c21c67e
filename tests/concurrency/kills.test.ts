import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RiverDeps, runRiver } from "../kit/river.ts";
import { APP_ORIGIN, openRiverWorld, type RiverWorld } from "../kit/river-world.ts";
import { expectCoherentState } from "../kit/shop.ts";
import type { Kind, Plan } from "./kill-at.ts";

/** Every k of every kind, before and after, with FULL_KILLS=1; else as many as fit into this time, spread evenly. */
const IS_FULL = process.env.FULL_KILLS === "1";
const TIME_MS = 35_000;
const ROUNDS_MIN = 8;
const ROOT = path.resolve(import.meta.dirname, "../..");
const OPENING = 2_000;
/** HOME sells at Shopify, TOLD at the store, UNTOLD at the store whose webhooks of it are lost, BACK is cancelled there. */
const SKUS = ["HOME", "TOLD", "UNTOLD", "BACK"] as const;
/** Polls do not move their watermark past what changed in the last 30 s by the channel's clock. */
const POLL_SETTLES_MS = 31_000;

let world: RiverWorld;
let river: RiverDeps;
/** A start of a process costs half of its time with what the one before it compiled. */
let cacheDir: string;
let next: Promise<Riverman> | undefined;

beforeAll(async () => {
	cacheDir = await mkdtemp(path.join(tmpdir(), "lockstep-test-"));
	world = await openRiverWorld({ name: "kills", skus: SKUS, opening: OPENING, storeQueueMs: 10, seed: 31 });
	river = { ...world.kit.deps, wake: async () => {}, rescue: async () => {}, publicUrl: APP_ORIGIN };
	await toTheEnd();
	expectInStep();
	// From here on every round has an order of the round before to cancel and one to change.
	await sell();
	await toTheEnd();
	expectInStep("after the first sales");
	next = startRiverman();
}, 60_000);

afterAll(async () => {
	(await next?.catch(() => undefined))?.child.kill("SIGKILL");
	await world?.close();
	await rm(cacheDir, { recursive: true, force: true });
});

it(
	"R01 R06 R08 R15 a worker killed before and after its k-th database, HTTP and queue call: nothing acknowledged is lost, nothing counts twice, all ends in step",
	async () => {
		const clean = await round(null);
		if (clean.ended !== "finished") throw new Error(`The clean run ${clean.ended}: ${clean.errors}`);
		const { database, http, queue } = clean.counts;
		expect(Math.min(database, http, queue)).toBeGreaterThan(0);

		const plans = plansOf(clean.counts);
		const until = Date.now() + TIME_MS;
		const tried: Record<Kind, number> = { database: 0, http: 0, queue: 0 };
		let survived = 0;
		for (const [n, plan] of plans.entries()) {
			if (!IS_FULL && n >= ROUNDS_MIN && Date.now() > until) break;
			const { ended, errors } = await round(plan);
			if (ended === "failed") throw new Error(`${said(plan)}: the process failed by itself: ${errors}`);
			tried[plan.kind]++;
			if (ended === "finished") survived++;
		}
		const rounds = tried.database + tried.http + tried.queue;
		const each = `${tried.database} database, ${tried.http} HTTP, ${tried.queue} queue`;
		process.stdout.write(
			`kills: N = ${database + http + queue} calls in a clean run (${database} database, ${http} HTTP, ${queue} queue); ` +
				`K = ${rounds} of the ${plans.length} kills before and after them tried (${each})${IS_FULL ? "" : "; FULL_KILLS=1 tries all"}\n`,
		);
		// Rounds differ by a call or two, so the last k may not be reached.
		expect(survived).toBeLessThanOrEqual(Math.ceil(rounds / 10));
	},
	IS_FULL ? 3_600_000 : 120_000,
);

/** All kills; each kind is spread over its own calls, and the kinds take turns, so that any beginning of the list is a fair sample. */
function plansOf(counts: Record<Kind, number>): Plan[] {
	const lists = (["database", "http", "queue"] as const).map((kind) => {
		const ks = Array.from({ length: counts[kind] }, (_, n) => n).sort((a, b) => halving(a) - halving(b));
		const pass = (first: number) => ks.map((n, i): Plan => ({ kind, k: n + 1, when: i % 2 === first ? "before" : "after" }));
		return [...pass(0), ...pass(1)];
	});
	return Array.from({ length: Math.max(...lists.map((l) => l.length)) }, (_, n) => lists.flatMap((list) => list[n] ?? [])).flat();
}

/** Van der Corput's sequence backwards: in this order numbers halve what is left open. */
function halving(n: number): number {
	let place = 0;
	for (let bit = 0; bit < 16; bit++) if (n & (1 << bit)) place += 2 ** (15 - bit);
	return place;
}

const said = ({ kind, k, when }: Plan) => `killed ${when} the ${k}. ${kind} call`;

/** Sales, a river that is killed (or not), the same river once more to its end, and everything must be as if nothing had been. */
async function round(plan: Plan | null): Promise<Ended> {
	await sell();
	const riverman = await (next ?? startRiverman());
	next = startRiverman();
	const ended = await riverman.run(plan);
	await toTheEnd();
	const where = plan ? said(plan) : "the clean run";
	expectInStep(where);
	await expectCoherentState(world.kit.database.pool, world.shopId);
	const { rows: letters } = await world.kit.database.pool.query("SELECT error_class, error FROM dead_letter WHERE shop_id = $1", [
		world.shopId,
	]);
	expect([where, letters]).toEqual([where, []]);
	expect([where, world.kit.world.books.violations("shopify"), world.kit.world.books.violations("woocommerce")]).toEqual([where, [], []]);
	return ended;
}

/** Orders of the round before: one is cancelled at the store, one gets a unit more at Shopify, which tells of it by a hint only. */
let back: number | null = null;
let edited: number | null = null;
async function sell() {
	const { clock, faults } = world.kit.world;
	const { shop, store } = world;
	const buy = async (sku: (typeof SKUS)[number]) => {
		const orderId = await world.buyAtStore(sku);
		if (orderId === null) throw new Error(`The store shows no ${sku}`);
		return orderId;
	};
	faults.onWebhooks("woocommerce", "lost", 1, { kind: "lost" });
	await buy("UNTOLD");
	await store.runQueue();
	faults.clear();
	clock.skip(POLL_SETTLES_MS);
	await buy("TOLD");
	if (back !== null) await store.cancelOrder(back);
	back = await buy("BACK");
	if (edited !== null) shop.editOrder({ orderId: edited, set: [{ sku: "HOME", quantity: 2 }] });
	const placed = shop.checkout({ lines: [{ sku: "HOME", quantity: 1 }] });
	if (placed.outcome !== "placed") throw new Error(`The shop refused HOME: ${JSON.stringify(placed)}`);
	edited = placed.orderId;
	await world.delivered();
	clock.skip(2_000);
}

/** Runs the river, unkilled, until it rests with every effect read back; what waits for a moment is due at once. */
async function toTheEnd() {
	const { pool } = world.kit.database;
	for (let turn = 0; turn < 40; turn++) {
		await world.delivered();
		await runRiver(river, { polls: turn === 0 });
		await world.delivered();
		const { rows } = await pool.query<{ waiting: number }>(
			`SELECT (SELECT count(*) FROM inbox_event WHERE shop_id = $1 AND status = 'pending')::int
			   + (SELECT count(*) FROM fetch_request WHERE shop_id = $1 AND seq > done_seq)::int
			   + (SELECT count(*) FROM prediction WHERE shop_id = $1)::int
			   + (SELECT count(*) FROM delta_line WHERE shop_id = $1 AND state IN ('open', 'landed'))::int
			   + (SELECT count(*) FROM stock WHERE shop_id = $1 AND delta_owed <> 0)::int
			   + (SELECT count(*) FROM listing WHERE shop_id = $1 AND link_state = 'linked' AND dirty_since IS NOT NULL)::int AS waiting`,
			[world.shopId],
		);
		if (rows[0]?.waiting === 0) return;
		world.kit.world.clock.skip(2_000);
		await timePasses();
	}
}

/** Leases, backoffs, horizons and the lag of home's reads are over; a killed process's own locks ended with it. */
async function timePasses() {
	const columns: Record<string, string[]> = {
		listing: ["next_attempt_at", "uncertain_until", "assumed_until", "claimed_until"],
		delta_batch: ["next_attempt_at", "claimed_until", "first_tried_at"],
		delta_line: ["answered_at"],
		stock: ["next_attempt_at"],
		connection: ["breaker_until"],
		rate_budget: ["updated_at", "blocked_until"],
		fetch_request: ["due_at", "again_at", "lease_until"],
		prediction: ["received_at"],
	};
	for (const [table, names] of Object.entries(columns)) {
		const set = names.map((name) => `${name} = ${name} - interval '7 minutes'`).join(", ");
		await world.kit.database.pool.query(`UPDATE ${table} SET ${set} WHERE shop_id = $1`, [world.shopId]);
	}
}

/** By the sandbox's own books. */
function expectInStep(where = "after the first push") {
	const { books } = world.kit.world;
	const figures = SKUS.map((sku) => [sku, world.shop.available(sku), books.shown("woocommerce", sku)]);
	expect([where, figures]).toEqual([where, SKUS.map((sku) => [sku, books.truth(sku), books.truth(sku)])]);
}

type Ended = ({ ended: "finished"; counts: Record<Kind, number> } & { errors: string }) | { ended: "killed" | "failed"; errors: string };
type Riverman = { child: ChildProcess; run(plan: Plan | null): Promise<Ended> };

/** A process that has loaded everything and waits for its word. */
async function startRiverman(): Promise<Riverman> {
	const preloads = ["sandbox/preload.ts", "tests/concurrency/kill-at.ts"].flatMap((file) => ["--import", path.join(ROOT, file)]);
	const child = spawn(process.execPath, [...preloads, path.join(ROOT, "tests/concurrency/river-process.ts")], {
		stdio: ["pipe", "pipe", "pipe"],
		cwd: ROOT,
		env: { ...world.environment(), LOG_LEVEL: "warn", NODE_COMPILE_CACHE: cacheDir },
	});
	let said = "";
	let errors = "";
	child.stderr.on("data", (chunk) => {
		errors = (errors + chunk).slice(-4_000);
	});
	const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
	await new Promise<void>((resolve, reject) => {
		child.stdout.on("data", (chunk) => {
			said += chunk;
			if (said.includes("ready\n")) resolve();
		});
		child.once("exit", (code) => reject(new Error(`The river's process ended (${code}) before it was ready: ${errors}`)));
	});
	return {
		child,
		async run(plan) {
			child.stdin.write(`${JSON.stringify(plan)}\n`);
			const [code, signal] = await ended;
			const counts = /counted (.*)\n/.exec(said)?.[1];
			errors += said.replace(/^.*(ready|counted).*\n/gm, "");
			if (signal === "SIGKILL") return { ended: "killed", errors };
			if (code === 0 && counts) return { ended: "finished", counts: JSON.parse(counts) as Record<Kind, number>, errors };
			return { ended: "failed", errors };
		},
	};
}
