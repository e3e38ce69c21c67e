import { afterAll, beforeAll, expect, test } from "vitest";
import { drainShop } from "#apply";
import { type Deps, sealCredentials } from "#connections";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { quietDeps } from "../../tests/kit/deps.ts";
import { createReplay } from "../../tests/kit/replay.ts";
import { applyDeps, expectCoherentState, makeShop, type ShopOptions, stockOf, type TestShop } from "../../tests/kit/shop.ts";
import { pollOrders } from "./order-poll.ts";

/** A store that answers what it is told to. */
let db: TestDatabase;
let deps: Deps;
let store: Awaited<ReturnType<typeof createReplay>>;
beforeAll(async () => {
	db = await freshDatabase();
	deps = quietDeps(db.pool);
});
afterAll(async () => {
	await store.close();
	await db.drop();
});

/** The store is the shop's, and its product 61 is the shop's first item. */
async function open(account: string, options: ShopOptions = {}): Promise<TestShop> {
	await store?.close();
	store = await createReplay(account);
	store.setDate("2026-11-21T10:00:00Z");
	const shop = await makeShop(db.pool, { cutAt: "2026-11-21T09:00:00Z", ...options });
	const { rowCount } = await db.pool.query("UPDATE listing SET external_id = '61' WHERE shop_id = $1 AND item_id = $2", [
		shop.shopId,
		shop.items[0],
	]);
	expect(rowCount).toBe(1);
	const keys = { consumerKey: "ck_123456789", consumerSecret: "cs_123456789" };
	const sealed = sealCredentials(deps.keyRing, { shopId: shop.shopId, channel: "woocommerce", account }, keys);
	await db.pool.query("UPDATE connection SET account = $2, credentials = $3 WHERE id = $1", [shop.guest, account, sealed]);
	return shop;
}
const order = (id: number, at: string, { status = "processing", quantity = 1 } = {}) => ({
	id,
	number: `${id}`,
	status,
	date_created_gmt: `2026-11-21T${at}`,
	date_modified_gmt: `2026-11-21T${at}`,
	billing: { first_name: "Jane" },
	line_items: [
		{ id: id * 10, product_id: 61, variation_id: 0, quantity, sku: "A", meta_data: [{ key: "_reduced_stock", value: String(quantity) }] },
	],
});
const drain = ({ shopId }: TestShop) => drainShop(applyDeps(db.pool), shopId, {});

test("R24 R32 a poll takes every order that fits, parks the one that does not, once, and moves its watermark", async () => {
	const shop = await open("shop.example");
	store.answer(() => ({
		body: [
			order(1, "09:30:01", { quantity: 2 }),
			order(2, "09:30:02", { status: "packed-by-plugin", quantity: 5 }),
			order(3, "09:30:03", { status: "on-hold" }),
		],
	}));

	for (const fresh of [2, 0]) {
		const outcome = await pollOrders(deps, shop.shopId, shop.guest);
		expect(outcome).toMatchObject({ outcome: "polled", orders: 2, fresh });
		expect(outcome.outcome === "polled" && Date.parse(outcome.watermark)).toBeLessThanOrEqual(Date.parse("2026-11-21T10:00:00Z"));
		await drain(shop);
	}
	expect(await stockOf(db.pool, shop, 0)).toMatchObject({ available: 7, short: 0 });
	const parked = await db.pool.query("SELECT topic, outcome, error, payload FROM inbox_event WHERE shop_id = $1 AND status = 'parked'", [
		shop.shopId,
	]);
	expect(parked.rows).toMatchObject([
		{ topic: "order.poll", outcome: "unexpected-shape", error: expect.stringContaining('"packed-by-plugin"'), payload: { id: 2 } },
	]);
	expect(JSON.stringify(parked.rows)).not.toContain("Jane");
	const dead = await db.pool.query("SELECT error_class, state FROM dead_letter WHERE shop_id = $1", [shop.shopId]);
	expect(dead.rows).toEqual([{ error_class: "unexpected-shape", state: "open" }]);
	const asked = store.requests[0]?.url.searchParams.get("modified_after");
	expect(asked).toBe("2026-11-21T08:54:59");
	await expectCoherentState(db.pool, shop.shopId);
});

test("R24 a poll whose second page fails keeps what the first one brought, and the next poll goes on there, with its overlap", async () => {
	const shop = await open("poll.example", { opening: 500 });
	const watermark = async () => {
		const { rows } = await db.pool.query<{ order_watermark: Date }>("SELECT order_watermark FROM connection WHERE id = $1", [shop.guest]);
		return rows[0]?.order_watermark.toISOString();
	};
	const before = await watermark();
	// A full page, so that the poll asks for another one.
	const first = Array.from({ length: 100 }, (_, n) => order(n + 1, `09:${10 + Math.floor(n / 10)}:00`));
	const last = order(101, "09:40:00");
	const isTrash = (url: URL) => url.searchParams.get("status") === "trash";
	const isFirst = (url: URL) => (url.searchParams.get("modified_after") ?? "") < "2026-11-21T09:15:00";
	store.answer(({ url }) => (isFirst(url) ? { body: first } : { status: 500, body: "<html>500</html>" }));
	expect(await pollOrders(deps, shop.shopId, shop.guest)).toMatchObject({ outcome: "failed" });
	expect(await watermark()).toBe(before);
	await drain(shop);
	expect((await stockOf(db.pool, shop, 0)).available).toBe(400);

	const asked = () => store.requests[0]?.url.searchParams.get("modified_after");
	expect(asked()).toBe("2026-11-21T08:54:59");
	store.requests.length = 0;
	store.answer(({ url }) => ({ body: isTrash(url) ? [] : isFirst(url) ? first : [last] }));
	expect(await pollOrders(deps, shop.shopId, shop.guest)).toMatchObject({ outcome: "polled", fresh: 1 });
	// The first page came as far as 09:19.
	expect(asked()).toBe("2026-11-21T09:13:59");
	await drain(shop);
	expect((await stockOf(db.pool, shop, 0)).available).toBe(399);
	expect(Date.parse((await watermark()) ?? "")).toBeGreaterThan(Date.parse(before ?? ""));
	await expectCoherentState(db.pool, shop.shopId);
});
