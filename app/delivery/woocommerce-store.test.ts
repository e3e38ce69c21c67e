import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type DeliveryDeps, deliver, pushListings } from "#delivery";
import { createWooStore, type WooStore, type WooStoreOptions } from "../../sandbox/channels/woocommerce/index.ts";
import { installUpstreams, type Upstreams } from "../../sandbox/preload.ts";
import { createWorld, type World } from "../../sandbox/world.ts";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { drain, homeShows, listingOf, openShop, timePasses } from "../../tests/kit/delivery.ts";
import { expectCoherentState, put, type TestShop } from "../../tests/kit/shop.ts";
import { woocommerce } from "../channels/woocommerce/index.ts";
import { budgetHooks } from "../connections/budget.ts";

/** Delivery over the real adapter to a store of the sandbox, over HTTP. The sandbox's books give the verdict. */
const HOST = "teahouse.example";
let database: TestDatabase;
let world: World;
let store: WooStore;
let upstreams: Upstreams;
let shop: TestShop;
let deps: DeliveryDeps;

beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
afterEach(async () => {
	await upstreams.restore();
	await world.close();
});

/** `plain` products and one with two variations, of each `units`, in step with home. */
async function begin(plain: number, units: number, options: Partial<WooStoreOptions> = {}): Promise<void> {
	world = createWorld({ seed: 7 });
	store = createWooStore(world, { host: HOST, atomicCheckout: true, queue: { kind: "manual" }, ...options });
	await world.listen();
	upstreams = installUpstreams(world.upstreams());
	const skus = Array.from({ length: plain + 2 }, (_, n) => `SKU-${n}`);
	for (const sku of skus) world.books.open(sku, units);
	const ids = store.seed([
		...skus.slice(0, plain).map((sku) => ({ sku, name: sku, quantity: units })),
		{ sku: "PARENT", name: "Shirt", variations: skus.slice(plain).map((sku) => ({ sku, quantity: units, option: sku })) },
	]);
	shop = await openShop(database.pool, { items: plain + 2, opening: units });
	for (const [n, sku] of skus.entries()) {
		const id = ids.get(sku);
		const [external, parent] = id?.variationId ? [id.variationId, id.productId] : [id?.productId, null];
		await database.pool.query("UPDATE listing SET external_id = $2, parent_external_id = $3 WHERE id = $1", [
			shop.listings[n],
			`${external}`,
			parent === null ? null : `${parent}`,
		]);
	}
	const { consumerKey, consumerSecret } = store.addKey();
	const log = pino({ level: "silent" });
	const { limits } = woocommerce;
	deps = {
		pool: database.pool,
		log,
		openClient: async (shopId, connectionId) => {
			const budget = budgetHooks({ pool: database.pool, warn: (error) => log.warn(error) }, { shopId, connectionId, limits });
			return {
				channel: woocommerce,
				client: woocommerce.connect({ account: HOST, credentials: { consumerKey, consumerSecret }, ...budget }),
			};
		},
	};
	await push();
}
const push = () => pushListings(deps, shop.shopId, shop.guest);
const shown = (n: number) => world.books.shown("woocommerce", `SKU-${n}`);
const operations = () => world.books.calls("woocommerce").map((call) => call.operation);

test("R15 R17 figures reach products and variations by the store's batch endpoints, within its limits", async () => {
	await begin(60, 10);
	const before = operations().length;
	await put(
		database.pool,
		shop,
		Array.from({ length: 62 }, (_, n) => ({
			v: 1 as const,
			type: "home.reading" as const,
			itemExternalId: `item-${n}`,
			locationExternalId: "loc-0",
			quantity: n % 7,
			readAt: "2026-03-02T12:00:00Z",
			via: "webhook" as const,
			askedAt: null,
			stocked: true,
		})),
		{ connection: "home" },
	);
	await drain(database.pool, shop);
	expect(await push()).toMatchObject({ outcome: "done", againInMs: null });
	expect(Array.from({ length: 62 }, (_, n) => shown(n))).toEqual(Array.from({ length: 62 }, (_, n) => n % 7));
	// 62 listings: two batches of products, one of variations; each read once before it is written.
	expect(operations().length - before).toBeLessThanOrEqual(7);
	expect(world.books.violations("woocommerce")).toEqual([]);
	await expectCoherentState(database.pool, shop.shopId);
});

test("R17 R18 a host that answers 429, 503 and web pages is left alone and ends in step, without a storm", async () => {
	await begin(4, 10);
	for (const item of [0, 1, 2, 3]) await homeShows(database.pool, shop, item, 3);
	world.faults.next("woocommerce", 1, { kind: "status", status: 429, retryAfterSeconds: 1 });
	world.faults.next("woocommerce", 1, { kind: "html" });
	world.faults.next("woocommerce", 2, { kind: "status", status: 503 });
	const before = operations().length;
	for (let n = 0; n < 20 && shown(0) !== 3; n++) {
		await deliver(deps, { shopId: shop.shopId, connectionId: shop.guest });
		await timePasses(database.pool, shop, "1 minute");
	}
	expect([0, 1, 2, 3].map(shown)).toEqual([3, 3, 3, 3]);
	// Four that failed, one read and one write: nobody hammered.
	expect(operations().length - before).toBeLessThanOrEqual(8);
	expect(await listingOf(database.pool, shop, 0)).toMatchObject({ parked: false, attempts: 0 });
	const letters = await database.pool.query("SELECT 1 FROM dead_letter WHERE shop_id = $1", [shop.shopId]);
	expect(letters.rowCount).toBe(0);
});

test("R21 a product that is gone or counted no more is parked alone", async () => {
	await begin(3, 10);
	store.deleteProduct("SKU-0");
	await store.editStock("SKU-1", null);
	for (const item of [0, 1, 2]) await homeShows(database.pool, shop, item, 5);
	await push();
	expect(shown(2)).toBe(5);
	const letters = await database.pool.query("SELECT listing_id, error_class FROM dead_letter WHERE shop_id = $1 ORDER BY listing_id", [
		shop.shopId,
	]);
	expect(letters.rows).toEqual([
		{ listing_id: shop.listings[0], error_class: "listing-not-found" },
		{ listing_id: shop.listings[1], error_class: "rejected" },
	]);
});

test("R41 a store that sells out while home adds stock oversells nothing", async () => {
	const units = 8;
	await begin(1, units, { roundTripMs: [40, 160] });
	const productId = store.products().find((product) => product.sku === "SKU-0")?.productId ?? 0;
	let level = units;
	const arriving: Promise<void>[] = [];
	const { client } = (await deps.openClient(shop.shopId, shop.guest)) ?? {};
	const orderReader = client as ReturnType<typeof woocommerce.connect>;
	let pushing = true;
	const worker = (async () => {
		while (pushing) {
			await push();
			await sleep(30);
		}
	})();
	for (let tick = 0; tick < 24; tick++) {
		await sleep(200);
		const bought = await store.checkout({ lines: [{ productId, quantity: 1 }] });
		if (bought.outcome === "bought") arriving.push(arrive(bought.orderId, 100 + (tick % 5) * 150));
		if (tick === 6 || tick === 14) {
			level += 5;
			world.books.edited({ channel: "home", sku: "SKU-0", delta: 5 });
			await homeShows(database.pool, shop, 0, level);
		}
	}
	await Promise.all(arriving);
	pushing = false;
	await worker;
	// The order poll comes by: whatever the store was short of and no order has claimed is not missing any more.
	const watermark = new Date(world.clock.now() + 120_000).toISOString();
	await put(database.pool, shop, [{ v: 1, type: "orders.watermark", watermark }], { source: "app" });
	await drain(database.pool, shop);
	for (let n = 0; n < 5; n++) {
		await timePasses(database.pool, shop, "10 seconds");
		await push();
	}
	expect(world.books.oversoldUnits()).toBe(0);
	expect(world.books.sales().length).toBeGreaterThan(units);
	expect(shown(0)).toBe(world.books.sellable("SKU-0"));
	await expectCoherentState(database.pool, shop.shopId);

	/** The order comes to us after a while, as a webhook would bring it. */
	async function arrive(orderId: number, afterMs: number) {
		await sleep(afterMs);
		const snapshot = await orderReader.readOrder(String(orderId));
		if (!snapshot) throw new Error(`The store has lost order ${orderId}`);
		await put(database.pool, shop, [{ ...snapshot, fetched: null }]);
		await drain(database.pool, shop);
	}
});
