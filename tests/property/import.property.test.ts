import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { applyDepsOf } from "#app/wiring.ts";
import { askForOverdueReadings, drainShop } from "#apply";
import { type Deps, handleLifecycle, runImport } from "#connections";
import { runFetches } from "#ingest";
import { pollOrders } from "#reconcile";
import type { WebhookFault } from "../../sandbox/faults.ts";
import { checkNow } from "../kit/check.ts";
import { dyingPool } from "../kit/dying-pool.ts";
import { expectCoherentState } from "../kit/shop.ts";
import { openShopifyWorld, type ShopifyWorld } from "../kit/shopify-world.ts";
import { type Deed, type DeedKind, KINDS, type Staff, seedShop, staffOf } from "./import-day.ts";

/**
 * A shop that goes on selling while its first import runs: deeds fall between any two requests of it and between any two slices
 * of the export, webhooks come late, twice, in another order or never, and the importing process is killed, more than once. Once
 * it is quiet, our stock is Shopify's, and Shopify's is what the sandbox's books say.
 */
let w: ShopifyWorld;
beforeAll(async () => {
	w = await openShopifyWorld({ seed: 45 });
});
afterAll(() => w.close());

/** `call`: how many requests of the import the shop has answered when it happens. */
type Moment = Deed & { call: number };
type Kill = { at: number; moment: "before" | "after" };
type Day = {
	before: Deed[];
	opening: Deed[];
	during: Moment[];
	after: Deed[];
	/** Two processes at once, each killed at its places, one after another. */
	kills: Kill[][];
	webhooks: { name: string; rate: number; fault: WebhookFault }[];
};

const deed = {
	kind: fc.constantFrom(...KINDS),
	pick: fc.nat(30),
	units: fc.integer({ min: 1, max: 3 }),
	skipMs: fc.constantFrom(0, 0, 0, 200, 600, 1_100),
};
const some = (minLength: number, maxLength: number) => fc.array(fc.record(deed), { minLength, maxLength, size: "max" });
const kills = fc.array(
	fc.record({
		at: fc.oneof(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 25, max: 120 })),
		moment: fc.constantFrom("before", "after"),
	}),
	{ maxLength: 3, size: "max" },
) as fc.Arbitrary<Kill[]>;
const fault = (name: string, made: WebhookFault, rates: number[]) => fc.constantFrom(...rates).map((rate) => ({ name, rate, fault: made }));
const day: fc.Arbitrary<Day> = fc.record({
	before: some(3, 8),
	opening: some(0, 3),
	during: fc.array(fc.record({ ...deed, call: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 4, max: 14 })) }), {
		minLength: 6,
		maxLength: 16,
		size: "max",
	}),
	after: some(2, 6),
	kills: fc.tuple(kills, kills).map(([one, other]) => (other.length === 3 ? [one, other.slice(1)] : [one])),
	webhooks: fc.tuple(
		fault("lost", { kind: "lost" }, [0, 0, 0.3, 1]),
		fault("twice", { kind: "duplicate", copies: 1 }, [0, 0.3]),
		fault("late", { kind: "late", delayMs: 900 }, [0, 0.3]),
		fault("reordered", { kind: "reordered" }, [0, 0.3]),
	),
});

/** Which moment a kill or a deed meets depends on the machine: days are played until everything was met, so many at most. */
const RUNS = Number(process.env.FC_RUNS ?? 8);
const ROUNDS_MAX = 10;
const PHASES = ["no export", "export created", "export running", "export ready", "import done"] as const;
type Phase = (typeof PHASES)[number];
const met = {
	kinds: new Map<DeedKind, number>(),
	phases: new Map<Phase, number>(),
	fates: new Map<string, number>(),
	killed: new Map<string, number>(),
	figures: 0,
	read: 0,
	baseline: 0,
	counted: 0,
	twoAtOnce: 0,
	clean: 0,
};
const count = <K>(map: Map<K, number>, key: K) => void map.set(key, (map.get(key) ?? 0) + 1);

it("R44 R08 import while sales run, webhooks late, twice, reordered and lost, processes killed: our stock = Shopify's = the books'", {
	timeout: 60_000 + RUNS * ROUNDS_MAX * 3_000,
}, async () => {
	const seed = Number(process.env.FC_SEED ?? 20261121);
	for (let round = 0; round < ROUNDS_MAX && notMet().length > 0; round++)
		await fc.assert(fc.asyncProperty(day, live), { numRuns: RUNS, seed: seed + round, endOnFailure: true });
	expect(notMet()).toEqual([]);
});

/** What the generator has not met (often enough) so far: without it the test would show less than its name says. */
function notMet(): string[] {
	const rare = <K extends string>(kinds: readonly K[], counted: ReadonlyMap<K, number>, least: number) =>
		kinds.filter((kind) => (counted.get(kind) ?? 0) < least);
	const few = (counts: Record<string, number>, least: number) => Object.keys(counts).filter((name) => (counts[name] ?? 0) < least);
	const { figures, baseline, counted, read, twoAtOnce, clean } = met;
	return [
		...rare(KINDS, met.kinds, 2),
		...rare(PHASES, met.phases, 5),
		...rare(["delivered", "duplicate", "late", "lost", "reordered"], met.fates, 10),
		...rare(["locations", "export", "rows", "applying"], met.killed, 1),
		...few({ figures, baseline, counted }, 10),
		// A later wish for the same item takes the reason's place, so "read" counts too few.
		...few({ read, twoAtOnce, clean }, 1),
	];
}

let days = 0;
/** Far more than any of these days needs. */
const TURNS_MAX = 500;

async function live({ before, opening, during, after, kills, webhooks }: Day): Promise<void> {
	const name = `day-${++days}`;
	const shop = w.shopify.createShop({
		domain: `${name}.myshopify.com`,
		booksAs: name,
		bulk: { startMs: 30, sliceMs: 25, slice: 2 },
		bucket: { maximum: 20_000, restoreRate: 1_000 },
	});
	seedShop(shop, name);
	const staff = staffOf(shop, name, w.world);
	for (const one of before) staff.act(one);
	w.world.clock.skip(2_100);
	for (const { name: what, rate, fault: made } of webhooks) w.world.faults.onWebhooks(name, what, rate, made);
	const { shopId } = await w.openApp(shop);
	for (const one of opening) staff.act(one);
	const { id: homeId } = await row<{ id: number }>("SELECT id FROM connection WHERE shop_id = $1 AND is_home", [shopId]);

	let answered = 0;
	let over = false;
	const phase = (): Phase => {
		const [operation] = [...shop.state.bulkOperations.values()].slice(-1);
		if (over) return "import done";
		if (!operation) return "no export";
		if (operation.status === "CREATED") return "export created";
		return operation.status === "RUNNING" ? "export running" : "export ready";
	};
	const act = (one: Deed) => {
		count(met.phases, phase());
		staff.act(one);
	};
	const stop = w.world.books.watch(({ kind, channel }) => {
		if (kind !== "called" || channel !== name) return;
		const call = ++answered;
		for (const one of during) if (one.call === call) setImmediate(() => act(one));
	});
	const processes = kills.map(async (places) => {
		for (const place of places) await runProcess(shopId, homeId, place);
		await runProcess(shopId, homeId, null);
	});
	if (kills.length > 1) met.twoAtOnce++;
	await Promise.all(processes);
	stop();
	over = true;
	for (const one of after) act(one);
	const state = await row<{ import_state: string; import_error: string | null }>(
		"SELECT import_state, import_error FROM shop WHERE id = $1",
		[shopId],
	);
	expect(state).toEqual({ import_state: "done", import_error: null });

	// What was lost is found by the regular looks; without a loss nothing is asked for but what the app asks for by itself.
	const lost = () => w.world.books.deliveries(name).filter(({ fate }) => fate === "lost").length;
	w.world.faults.clear(name);
	await settle(shopId, homeId, shop);
	if (lost() > 0) {
		expect(await pollOrders(w.deps, shopId, homeId)).toMatchObject({ outcome: "polled" });
		expect(await checkNow(w.deps, shopId, homeId)).toMatchObject({ outcome: "done" });
		await settle(shopId, homeId, shop);
	} else met.clean++;
	await verdict(shopId, name, staff, lost() > 0);

	const { figures, read, cut } = await row<{ figures: number; read: number; cut: Date }>(
		`SELECT (SELECT count(*)::int FROM inbox_event WHERE shop_id = $1 AND topic = 'import.reading') AS figures,
		   (SELECT count(*)::int FROM fetch_request WHERE shop_id = $1 AND reason = 'changed during the import') AS read,
		   (SELECT cut_at FROM connection WHERE shop_id = $1 AND is_home) AS cut`,
		[shopId],
	);
	met.figures += figures;
	met.read += read;
	const orders = shop.orders();
	met.baseline += orders.filter(({ createdAt }) => createdAt < cut.getTime()).length;
	met.counted += orders.filter(({ createdAt }) => createdAt >= cut.getTime()).length;
	for (const { fate } of w.world.books.deliveries(name)) count(met.fates, fate);
	for (const kind of staff.done()) count(met.kinds, kind);
}

/** One process that imports, applies and reads until the import is over, or until it is killed. */
async function runProcess(shopId: number, homeId: number, kill: Kill | null): Promise<void> {
	const { pool, isDead } = kill ? mortal(kill) : { pool: w.deps.pool, isDead: () => false };
	const deps: Deps = { ...w.deps, pool };
	try {
		for (let turn = 0; ; turn++) {
			if (turn === TURNS_MAX) throw new Error("The import does not end");
			const { outcome } = await runImport(deps, shopId);
			await drainShop(applyDepsOf(deps), shopId);
			await runFetches(deps, shopId, homeId);
			if (outcome !== "again") return;
			await sleep(8);
		}
	} catch (error) {
		if (!isDead()) throw error;
		const { phase } = await row<{ phase: string | null }>("SELECT import_progress->>'phase' AS phase FROM shop WHERE id = $1", [shopId]);
		count(met.killed, phase ?? "locations");
		// What a dead process held ends by itself; here the wait is cut short.
		await w.deps.pool.query("UPDATE shop SET import_progress = import_progress - 'leaseUntil' - 'nextAt' WHERE id = $1", [shopId]);
		await w.deps.pool.query("UPDATE fetch_request SET lease_until = NULL WHERE shop_id = $1", [shopId]);
	}
}

function mortal(kill: Kill): { pool: Deps["pool"]; isDead: () => boolean } {
	const { pool, statements } = dyingPool(w.deps.pool, kill);
	return { pool, isDead: () => statements() >= kill.at };
}

/** All webhooks have arrived, everything is applied, and what the app reads again after a while has been read: minutes later. */
async function settle(shopId: number, homeId: number, shop: { pendingWebhooks(): number }): Promise<void> {
	w.world.clock.skip(45_000);
	for (let calm = 0, turn = 0; calm < 2; turn++) {
		await handleLifecycle(w.deps, shopId);
		await drainShop(applyDepsOf(w.deps), shopId);
		await w.deps.pool.query(
			"UPDATE fetch_request SET due_at = clock_timestamp(), again_at = least(again_at, clock_timestamp()) WHERE shop_id = $1 AND seq > done_seq AND lease_until IS NULL",
			[shopId],
		);
		// What no reading has held for 30 seconds is asked for; here they have passed.
		await w.deps.pool.query("UPDATE prediction SET received_at = received_at - interval '40 seconds' WHERE shop_id = $1", [shopId]);
		await runFetches(w.deps, shopId, homeId);
		const { waiting, unread } = await row<{ waiting: number; unread: number }>(
			`SELECT (SELECT count(*)::int FROM inbox_event WHERE shop_id = $1 AND status = 'pending')
			    + (SELECT count(*)::int FROM fetch_request WHERE shop_id = $1 AND seq > done_seq) AS waiting,
			  (SELECT count(*)::int FROM prediction WHERE shop_id = $1) AS unread`,
			[shopId],
		);
		const calmNow = waiting === 0 && shop.pendingWebhooks() === 0;
		await askForOverdueReadings(w.deps.pool);
		calm = calmNow && unread === 0 ? calm + 1 : 0;
		if (turn === TURNS_MAX) throw new Error(`It does not become quiet: ${waiting} wait, ${unread} are unread`);
		await sleep(10);
	}
}

async function verdict(shopId: number, name: string, staff: Staff, hasLost: boolean): Promise<void> {
	const { rows: ours } = await w.deps.pool.query<{ sku: string; location: string; figure: number; fulfils: boolean }>(
		`SELECT i.sku, l.name AS location, s.available - s.short AS figure FROM stock s
		 JOIN item i ON i.shop_id = s.shop_id AND i.id = s.item_id AND i.deleted_at IS NULL AND NOT i.is_home_bundle
		 JOIN location l ON l.shop_id = s.shop_id AND l.id = s.location_id
		 WHERE s.shop_id = $1 ORDER BY i.sku, l.name`,
		[shopId],
	);
	const nonzero = (figures: { sku: string; location: string; figure: number }[]) =>
		Object.fromEntries(
			figures
				.filter(({ figure }) => figure !== 0)
				.map(({ sku, location, figure }) => [`${sku} at ${location}`, figure])
				.sort(),
		);
	// A product that began after the export, and of which every word was lost, is not known; what is known is right.
	const { rows: known } = await w.deps.pool.query<{ sku: string }>("SELECT sku FROM item WHERE shop_id = $1 AND deleted_at IS NULL", [
		shopId,
	]);
	const isKnown = (sku: string) => !hasLost || !sku.includes("-NEW-") || known.some((item) => item.sku === sku);
	const theirs = staff.figures().filter(({ sku }) => isKnown(sku));
	const skus = staff.skus().filter(isKnown);
	expect(nonzero(ours)).toEqual(nonzero(theirs));
	const sums = (figures: { sku: string; figure: number }[]) =>
		Object.fromEntries(skus.map((sku) => [sku, figures.reduce((sum, one) => sum + (one.sku === sku ? one.figure : 0), 0)]));
	expect(sums(ours)).toEqual(Object.fromEntries(skus.map((sku) => [sku, w.world.books.truth(sku)])));
	// What an order took before the export began is in its figures, and nothing that it took is taken twice. (Where nobody had
	// heard of an older order's last state before the export when its next one came, that one seems to have taken it all, until the
	// next reading.)
	const { rows: taken } = await w.deps.pool.query<{ orderId: string; units: number; cut: Date }>(
		`SELECT m.order_id AS "orderId", sum(-m.delta)::int AS units, c.cut_at AS cut FROM movement m
		 JOIN connection c ON c.shop_id = m.shop_id AND c.id = m.connection_id
		 WHERE m.shop_id = $1 AND m.cause = 'sale' GROUP BY m.order_id, c.cut_at`,
		[shopId],
	);
	const tooMuch = taken.filter(({ orderId, units, cut }) => {
		const sold = w.world.books
			.sales()
			.filter((sale) => sale.channel === name && sale.orderId === orderId && sale.units > 0 && second(sale.at) >= cut.getTime());
		const isOlder = (w.world.books.sales().find((sale) => sale.channel === name && sale.orderId === orderId)?.at ?? 0) < cut.getTime();
		if (isOlder && w.world.books.deliveries(name).some(({ fate }) => ["lost", "late", "reordered"].includes(fate))) return false;
		return units > sold.reduce((sum, sale) => sum + sale.units, 0);
	});
	expect(tooMuch).toEqual([]);
	const { rows: letters } = await w.deps.pool.query("SELECT operation, error FROM dead_letter WHERE shop_id = $1 AND state = 'open'", [
		shopId,
	]);
	expect(letters).toEqual([]);
	await expectCoherentState(w.deps.pool, shopId);
}

const row = async <T extends object>(statement: string, values: unknown[]): Promise<T> => {
	const { rows } = await w.deps.pool.query<T>(statement, values);
	if (!rows[0]) throw new Error("No row");
	return rows[0];
};
const second = (at: number) => Math.floor(at / 1000) * 1000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
