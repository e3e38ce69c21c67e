import { afterEach, beforeEach, expect, test } from "vitest";
import type { RateLimitedError } from "#app/channels/errors.ts";
import type { ChannelClient, OrderPage } from "#channels";
import { openClient } from "#connections";
import type { OrderSnapshot } from "#domain";
import type { Shop } from "../../sandbox/channels/shopify/index.ts";
import { openShopifyWorld, type ShopifyWorld } from "../kit/shopify-world.ts";

let world: ShopifyWorld;
let shop: Shop;
let shopId: number;
let client: ChannelClient;

beforeEach(async () => {
	world = await openShopifyWorld({ seed: 11 });
	shop = world.shopify.createShop({ domain: "orders.myshopify.com", searchLagMs: 0 });
	shop.seed({
		locations: [{ name: "Main" }, { name: "Store" }],
		products: Array.from({ length: 30 }, (_, n) => ({ title: `Thing ${n}`, variants: [{ sku: sku(n), stock: { Main: 50, Store: 50 } }] })),
		bundles: [
			{
				title: "Set",
				sku: "SET",
				components: [
					{ sku: sku(0), quantity: 2 },
					{ sku: sku(1), quantity: 1 },
				],
			},
		],
	});
	const opened = await world.openApp(shop);
	({ shopId } = opened);
	({ client } = await openClient(world.deps, shopId, opened.homeConnectionId));
	await world.import(shopId);
});
afterEach(async () => {
	await client.close();
	await world.close();
});

const sku = (n: number) => `SKU-${n}`;
const buy = (lines: { sku: string; quantity: number }[], more = {}) => {
	const bought = shop.checkout({ lines, ...more });
	if (bought.outcome !== "placed") throw new Error(`not sold: ${bought.outcome}`);
	return bought.orderId;
};

/** Everything that webhooks said of an order with this stamp: of two changes in one second both carry it. */
async function byWebhook(orderId: string, stamp: string): Promise<OrderSnapshot[]> {
	const { rows } = await world.database.pool.query<{ event: OrderSnapshot }>(
		`SELECT event FROM inbox_event WHERE shop_id = $1 AND source = 'webhook' AND event->>'type' = 'order.snapshot'
		   AND event->>'orderId' = $2 AND event->>'stamp' = $3 ORDER BY id`,
		[shopId, orderId, stamp],
	);
	return rows.map(({ event }) => event);
}

const ALWAYS = "2020-01-01T00:00:00Z";
async function byPoll(since = ALWAYS, further: { goOnFrom?: string } = {}): Promise<Map<string, OrderSnapshot>> {
	const found = new Map<string, OrderSnapshot>();
	for await (const { orders } of client.listOrders({ since, ...further })) for (const order of orders) found.set(order.orderId, order);
	return found;
}

const essence = ({ contentHash, stamp, createdAt, cancelled, complete, locationExternalId, lines, name }: OrderSnapshot) => ({
	...{ contentHash, stamp, createdAt, cancelled, complete, locationExternalId, name },
	lines: [...lines].sort((a, b) => (a.lineId < b.lineId ? -1 : 1)),
});

test("R06 whatever became of an order, webhook and poll say the same of it", async () => {
	const orders = {
		plain: buy([{ sku: sku(2), quantity: 3 }]),
		bundle: buy([{ sku: "SET", quantity: 2 }]),
		pos: buy([{ sku: sku(3), quantity: 1 }], { via: "pos", locationId: shop.location("Store")?.id }),
		restocked: buy([
			{ sku: sku(4), quantity: 3 },
			{ sku: sku(5), quantity: 1 },
		]),
		kept: buy([{ sku: sku(6), quantity: 3 }]),
		both: buy([{ sku: sku(7), quantity: 5 }]),
		cancelled: buy([{ sku: sku(8), quantity: 2 }]),
		lost: buy([{ sku: sku(9), quantity: 2 }]),
		edited: buy([{ sku: sku(10), quantity: 4 }]),
		removed: buy([
			{ sku: sku(11), quantity: 2 },
			{ sku: sku(12), quantity: 1 },
		]),
		shipped: buy([{ sku: sku(13), quantity: 2 }]),
	};
	const line = (n: number, quantity: number) => ({ sku: sku(n), quantity, locationId: shop.location("Main")?.id ?? 0 });
	shop.refund({ orderId: orders.restocked, lines: [line(4, 2)], restock: true });
	shop.refund({ orderId: orders.kept, lines: [line(6, 2)], restock: false });
	shop.refund({ orderId: orders.both, lines: [line(7, 1)], restock: false });
	shop.refund({ orderId: orders.both, lines: [line(7, 2)], restock: true });
	shop.cancelOrder({ orderId: orders.cancelled, restock: true });
	shop.cancelOrder({ orderId: orders.lost, restock: false });
	shop.editOrder({ orderId: orders.edited, set: [{ sku: sku(10), quantity: 1 }], add: [{ sku: sku(14), quantity: 2 }], restock: true });
	shop.editOrder({ orderId: orders.removed, set: [{ sku: sku(11), quantity: 0 }], restock: true });
	shop.fulfil({ orderId: orders.shipped });
	await world.quiet(shopId);

	const polled = await byPoll();
	expect(polled.size).toBe(11);
	for (const [id, order] of polled) {
		expect((await byWebhook(id, order.stamp)).map(essence)).toContainEqual(essence(order));
		expect(order.fetched).not.toBeNull();
		expect(await client.readOrder(id)).toMatchObject({ contentHash: order.contentHash });
	}
	const held = (id: number) => Object.fromEntries((polled.get(String(id))?.lines ?? []).map((l) => [l.sku, l.held]));
	expect(held(orders.plain)).toEqual({ [sku(2)]: 3 });
	expect(held(orders.bundle)).toEqual({ [sku(0)]: 4, [sku(1)]: 2 });
	expect(held(orders.restocked)).toEqual({ [sku(4)]: 1, [sku(5)]: 1 });
	expect(held(orders.kept)).toEqual({ [sku(6)]: 3 });
	expect(held(orders.both)).toEqual({ [sku(7)]: 3 });
	expect(held(orders.cancelled)).toEqual({ [sku(8)]: 0 });
	expect(held(orders.lost)).toEqual({ [sku(9)]: 2 });
	expect(held(orders.edited)).toEqual({ [sku(10)]: 1, [sku(14)]: 2 });
	expect(held(orders.removed)).toEqual({ [sku(11)]: 0, [sku(12)]: 1 });
	expect(held(orders.shipped)).toEqual({ [sku(13)]: 2 });
	expect(polled.get(String(orders.pos))).toMatchObject({ locationExternalId: String(shop.location("Store")?.id) });
	expect(polled.get(String(orders.cancelled))).toMatchObject({ cancelled: true });
});

test("R24 a list that was broken off is taken up where it was: together they bring every order, and the rest alone is the shorter one", async () => {
	const ids = Array.from({ length: 40 }, (_, n) => {
		world.world.clock.skip(60_000);
		return String(buy([{ sku: sku(n % 30), quantity: 1 }]));
	});
	await world.quiet(shopId);
	let first: OrderPage | undefined;
	for await (const page of client.listOrders({ since: ALWAYS })) {
		first = page;
		break;
	}
	if (first?.reached === undefined) throw new Error("It says how far it came");
	expect(first.orders.length).toBeLessThan(40);
	const rest = await byPoll(ALWAYS, { goOnFrom: first.reached });
	expect(rest.size).toBeLessThan(40);
	expect([...new Set([...first.orders.map(({ orderId }) => orderId), ...rest.keys()])].sort()).toEqual(ids.sort());
});

test("R24 a poll brings every order that changed since, over all pages, and five minutes from before for what the index had not yet", async () => {
	const ids = Array.from({ length: 40 }, (_, n) => buy([{ sku: sku(n % 30), quantity: 1 }]));
	await world.quiet(shopId);
	expect([...(await byPoll()).keys()].sort()).toEqual(ids.map(String).sort());
	const now = world.world.clock.now();
	expect((await byPoll(new Date(now + 4 * 60_000).toISOString())).size).toBe(40);
	expect((await byPoll(new Date(now + 6 * 60_000).toISOString())).size).toBe(0);
	expect(await client.readOrder("999999999")).toBeNull();
});

test("R07 an order with more lines than a page holds is read whole", async () => {
	const id = buy(Array.from({ length: 30 }, (_, n) => ({ sku: sku(n), quantity: 1 + (n % 3) })));
	shop.refund({ orderId: id, lines: [{ sku: sku(29), quantity: 1, locationId: shop.location("Main")?.id ?? 0 }], restock: false });
	await world.quiet(shopId);
	const order = (await byPoll()).get(String(id));
	expect(order?.lines).toHaveLength(30);
	expect(order?.lines.find((l) => l.sku === sku(29))).toMatchObject({ ordered: 3, held: 3 });
	expect((await byWebhook(String(id), order?.stamp ?? "")).map((o) => o.contentHash)).toContain(order?.contentHash);
});

test("R06 an order that changes while its pages are read is read again until they fit together", async () => {
	const id = buy([{ sku: sku(1), quantity: 3 }]);
	shop.refund({ orderId: id, lines: [{ sku: sku(1), quantity: 1, locationId: shop.location("Main")?.id ?? 0 }], restock: false });
	await new Promise((resolve) => setTimeout(resolve, 1_100));
	// Between the order and its refund a second refund comes.
	world.world.faults.next("shopify", 1, { kind: "slow", delayMs: 300 }, (operation) => /refund|node/i.test(operation));
	const reading = client.readOrder(String(id));
	await new Promise((resolve) => setTimeout(resolve, 150));
	shop.refund({ orderId: id, lines: [{ sku: sku(1), quantity: 1, locationId: shop.location("Main")?.id ?? 0 }], restock: true });
	expect(await reading).toMatchObject({ lines: [{ ordered: 3, held: 2 }] });
	await world.quiet(shopId);
});

test("R20 a difference that we wrote lands once under its key, and comes back as a reading of the second it landed in", async () => {
	const { item } = shop.idsOf(sku(20));
	const main = String(shop.location("Main")?.id);
	const batch = {
		idempotencyKey: crypto.randomUUID(),
		reason: "other",
		reference: "batch 1",
		changes: [{ itemExternalId: String(item), locationExternalId: main, delta: -4 }],
	};
	const first = await client.home?.adjust(batch);
	const again = await client.home?.adjust(batch);
	expect(first).toMatchObject({ outcome: "landed" });
	expect(again).toEqual(first);
	expect(shop.level(sku(20), Number(main))?.available).toBe(46);
	const levels = await client.home?.readLevels([String(item), "999999999"]);
	expect(levels?.items).toMatchObject([{ itemExternalId: String(item), sku: sku(20) }]);
	const reading = levels?.readings.find((r) => r.locationExternalId === main);
	expect(reading).toMatchObject({ quantity: 46, stocked: true, via: "query" });
	expect(first?.outcome === "landed" && Date.parse(reading?.readAt ?? "")).toBe(first?.outcome === "landed" && Date.parse(first.landedAt));
	expect(
		await client.home?.adjust({
			...batch,
			changes: [{ itemExternalId: "999999999", locationExternalId: main, delta: 1 }],
			idempotencyKey: crypto.randomUUID(),
		}),
	).toMatchObject({
		outcome: "refused",
		refused: [{ index: 0, error: { code: "INVALID_INVENTORY_ITEM" } }],
	});
	expect(world.world.books.violations("shopify")).toEqual([]);
});

test("R17 when the shop's points are spent the client waits as long as Shopify says, and then goes on", async () => {
	shop.drainBucket();
	const refused: unknown = await client.home?.listLocations().catch((error: unknown) => error);
	expect(refused).toMatchObject({ errorClass: "rate-limited", retryAfterMs: expect.any(Number) });
	await new Promise((resolve) => setTimeout(resolve, (refused as RateLimitedError).retryAfterMs));
	expect(await client.home?.listLocations()).toHaveLength(2);
});

test("an item that is no longer stocked somewhere reads as such, and a location that closed says so", async () => {
	const store = shop.location("Store")?.id ?? 0;
	shop.deactivateItemAt({ sku: sku(3), locationId: store });
	const levels = await client.home?.readLevels([String(shop.idsOf(sku(3)).item)]);
	expect(levels?.readings.map((r) => [r.locationExternalId, r.stocked, r.quantity])).toContainEqual([String(store), false, 0]);
	shop.changeLocation(store, { active: false });
	expect(await client.home?.listLocations()).toContainEqual(expect.objectContaining({ name: "Store", active: false }));
	await world.quiet(shopId);
	const { rows } = await world.database.pool.query(`SELECT active FROM location WHERE shop_id = $1 AND name = 'Store'`, [shopId]);
	expect(rows).toEqual([{ active: false }]);
});
