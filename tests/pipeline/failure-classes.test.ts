import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { goLive } from "#app/connections/guests/index.ts";
import { createPool } from "#app/db.server.ts";
import { createQueue, type JobQueue, startWorkers, type Workers } from "#jobs";
import { createHandlers } from "../../server/handlers.ts";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../kit/guest-world.ts";
import { put, reading, type TestShop } from "../kit/shop.ts";
import { startTcpProxy } from "../kit/tcp-proxy.ts";

/** Which failure is whose: of a listing, of a channel, of our own. Stores that real requests reach, and the app's own handlers. */
let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

const SKUS = ["TEA", "MUG", "PAN"] as const;
/** A shop and stores that are live and in step. */
async function liveShop(stores: number): Promise<{ shop: TestShop; opened: { store: OpenStore; connectionId: number }[] }> {
	const shop = await w.shop(SKUS.map((sku) => ({ sku, stock: 9 })));
	const opened: { store: OpenStore; connectionId: number }[] = [];
	for (let n = 0; n < stores; n++) {
		const store = w.store(SKUS.map((sku) => ({ sku, quantity: 9 })));
		const connectionId = await w.join(shop, store, { watch: true });
		await goLive(w.deps, shop.shopId, connectionId, "user-1");
		opened.push({ store, connectionId });
	}
	await w.run();
	return { shop, opened };
}
let minute = 0;
/** The merchant counts: home has so many of it from now on. */
async function count(shop: TestShop, sku: (typeof SKUS)[number], units: number): Promise<void> {
	const at = new Date(Date.parse("2026-03-02T00:00:00Z") + 60_000 * ++minute).toISOString();
	await put(w.deps.pool, shop, [reading(SKUS.indexOf(sku), units, at)], { connection: "home", source: "webhook" });
	await w.drain(shop);
}
const shown = (store: OpenStore, sku: string) => store.products().find((product) => product.sku === sku)?.shown;
const listings = (connectionId: number) =>
	w.all<{ sku: string; attempts: number; parked: boolean }>(
		"SELECT sku, attempts, parked FROM listing WHERE connection_id = $1 ORDER BY sku",
		[connectionId],
	);
const unblamed = SKUS.toSorted().map((sku) => ({ sku, attempts: 0, parked: false }));
const letters = (shop: TestShop) => w.all("SELECT id FROM dead_letter WHERE shop_id = $1", [shop.shopId]);
const breaker = async (connectionId: number) =>
	(await w.one<{ failures: number }>("SELECT breaker_failures AS failures FROM connection WHERE id = $1", [connectionId])).failures;
/** As if the pause were over: five minutes of an outage in a second. */
const pauseIsOver = (connectionId: number) =>
	w.all("UPDATE connection SET breaker_until = now() - interval '1 second' WHERE id = $1 AND breaker_until IS NOT NULL", [connectionId]);

test("R18 an outage of five minutes blames the channel and no listing: nothing is parked, and it catches up with the newest figures", async () => {
	const { shop, opened } = await liveShop(1);
	const [{ store, connectionId }] = opened as [(typeof opened)[number]];
	w.world.faults.onRequests(store.channel, "down", 1, { kind: "status", status: 502 });
	// Pauses of at most 16 s each: five minutes are some forty tries.
	for (let n = 0; n < 40; n++) {
		await count(shop, SKUS[n % 3] as "TEA", 8 - (n % 5));
		await w.run();
		await pauseIsOver(connectionId);
	}
	expect(await breaker(connectionId)).toBeGreaterThanOrEqual(40);
	expect(await listings(connectionId)).toEqual(unblamed);
	expect(await letters(shop)).toEqual([]);
	const calls = w.calls(store, /./);
	await w.run();
	await w.run();
	// Half open: one call finds out, whatever waits.
	expect(w.calls(store, /./) - calls).toBe(1);

	w.world.faults.clear();
	await pauseIsOver(connectionId);
	const written = w.calls(store, /^(PUT|POST|PATCH) products/);
	await w.run();
	expect(SKUS.map((sku) => shown(store, sku))).toEqual([4, 6, 5]);
	// Forty changes of three products: at most one write for each, the probe's own and a batch.
	expect(w.calls(store, /^(PUT|POST|PATCH) products/) - written).toBeLessThanOrEqual(SKUS.length);
	expect(await breaker(connectionId)).toBe(0);
});

test("R18 R38 the database goes away in the middle of an update: neither listing nor channel is blamed, and it is sent again", async () => {
	const { shop, opened } = await liveShop(1);
	const [{ store, connectionId }] = opened as [(typeof opened)[number]];
	const proxy = await startTcpProxy(w.database.url);
	const pool = createPool({ url: proxy.through(w.database.url), max: 4, name: "behind the proxy" });
	const handlers = createHandlers({ ...w.deps, pool, rescue: async () => {}, orderPollMs: 86_400_000, stockCheckMs: 86_400_000 });
	const push = () =>
		handlers["delivery.push"]?.({ shopId: shop.shopId, connectionId }, { log: w.deps.log, signal: new AbortController().signal });
	try {
		for (const operation of [/^GET products/, /^(PUT|POST) products/]) {
			await count(shop, "TEA", operation.test("GET products") ? 7 : 6);
			await w.refill();
			// The moment that the request is with the store.
			w.world.faults.next(store.channel, 1, { kind: "slow", delayMs: 300 }, (called) => {
				if (!operation.test(called)) return false;
				proxy.cut();
				return true;
			});
			await expect(push()).rejects.toThrow();
			expect(await listings(connectionId)).toEqual(unblamed);
			expect(await breaker(connectionId)).toBe(0);
			expect(await letters(shop)).toEqual([]);
			proxy.restore();
			// What the dead one had claimed is free when its claim has ended.
			await w.all("UPDATE listing SET claimed_until = now() WHERE connection_id = $1 AND claimed_until IS NOT NULL", [connectionId]);
			await w.all("UPDATE listing SET uncertain_until = now() WHERE connection_id = $1 AND uncertain_until IS NOT NULL", [connectionId]);
			await w.run();
			expect(shown(store, "TEA")).toBe(operation.test("GET products") ? 7 : 6);
		}
	} finally {
		await pool.end();
		await proxy.close();
	}
});

describe("R19 bulkheads, with the real queue and workers", () => {
	let queue: JobQueue;
	let workers: Workers;
	beforeEach(() => {
		queue = createQueue({ databaseUrl: w.database.url, redisUrl: undefined, log: w.deps.log });
	});
	afterEach(async () => {
		w.world.faults.clear();
		// Silent stores: their calls end when they are cut off.
		await Promise.all([workers?.close(), sleep(0)]);
		await queue.close();
	});
	/** A worker with room for two calls at once among channels that are well, and for one among those that are not. */
	const work = () => {
		const timing = { orderPollMs: 86_400_000, stockCheckMs: 86_400_000 };
		workers = startWorkers(createHandlers({ ...w.deps, wake: queue.wake, rescue: queue.rescue, ...timing }), {
			queue,
			concurrency: { channels: 2, troubled: 1 },
		});
	};
	const soon = { timeout: 20_000, interval: 20 };

	test("stores that hang, more of them than there are places, keep no figure from a store that answers", async () => {
		const { shop, opened } = await liveShop(4);
		const well = opened.at(-1) as (typeof opened)[number];
		const hanging = opened.slice(0, -1);
		// They hung before, and are tried again all at once.
		for (const { store, connectionId } of hanging) {
			w.world.faults.onRequests(store.channel, "silent", 1, { kind: "slow", delayMs: 8_000 });
			await w.all("UPDATE connection SET breaker_failures = 1, breaker_until = now() - interval '1 second' WHERE id = $1", [connectionId]);
		}
		await count(shop, "TEA", 3);
		await w.refill();
		const answered = () => hanging.reduce((sum, { store }) => sum + w.calls(store, /products/), 0);
		const before = answered();
		// First come, first served: whoever has no place of its own waits behind the others.
		for (const { connectionId } of opened.toSorted((a, b) => Number(a === well) - Number(b === well)))
			await queue.wake("delivery.push", { shopId: shop.shopId, connectionId });
		work();
		await expect.poll(() => shown(well.store, "TEA"), soon).toBe(3);
		expect(answered()).toBe(before);
		// And none is forgotten: each has its turn behind the others.
		w.world.faults.clear();
		await expect.poll(() => hanging.map(({ store }) => shown(store, "TEA")), { timeout: 28_000, interval: 50 }).toEqual([3, 3, 3]);
	}, 60_000);

	test("a shop with thousands of events does not stand before another's sale, and a product that the store refuses not before its neighbours", async () => {
		const noisy = await w.shop(SKUS.map((sku) => ({ sku, stock: 9 })));
		const { shop, opened } = await liveShop(1);
		const [{ store, connectionId }] = opened as [(typeof opened)[number]];
		const events = Array.from({ length: 4_000 }, (_, n) =>
			reading(n % 3, n % 90, new Date(Date.parse("2026-03-03T00:00:00Z") + n * 1_000).toISOString()),
		);
		for (let at = 0; at < events.length; at += 500)
			await put(w.deps.pool, noisy, events.slice(at, at + 500), { connection: "home", source: "webhook" });
		store.lockProducts(["PAN"]);
		const at = new Date(Date.parse("2026-03-02T00:00:00Z") + 60_000 * ++minute).toISOString();
		await put(w.deps.pool, shop, [reading(0, 2, at), reading(2, 2, at)], { connection: "home", source: "webhook" });
		await w.refill();
		let noisyLeft = -1;
		work();
		await expect
			.poll(async () => {
				if (shown(store, "TEA") !== 2) return false;
				noisyLeft = (
					await w.one<{ n: number }>("SELECT count(*)::int AS n FROM inbox_event WHERE shop_id = $1 AND status = 'pending'", [noisy.shopId])
				).n;
				return true;
			}, soon)
			.toBe(true);
		expect(noisyLeft).toBeGreaterThan(0);
		await expect.poll(() => letters(shop).then(({ length }) => length), soon).toBe(1);
		expect(await listings(connectionId)).toEqual(
			unblamed.map((row) => (row.sku === "PAN" ? { ...row, attempts: expect.any(Number), parked: true } : row)),
		);
		store.lockProducts([]);
	}, 60_000);
});
