import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KeyRing } from "#app/crypto.server.ts";
import { drainShop } from "#apply";
import { type Deps, sealCredentials } from "#connections";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { createReplay } from "../../tests/kit/replay.ts";
import { applyDeps, expectCoherentState, makeShop, stockOf } from "../../tests/kit/shop.ts";
import { pollOrders } from "./order-poll.ts";

let db: TestDatabase;
let store: Awaited<ReturnType<typeof createReplay>>;
beforeAll(async () => {
	db = await freshDatabase();
	store = await createReplay("shop.example");
});
afterAll(async () => {
	await store.close();
	await db.drop();
});

const keyRing: KeyRing = [{ id: "k1", key: randomBytes(32) }];
const deps = (): Deps => ({
	pool: db.pool,
	keyRing,
	env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
	log: pino({ level: "silent" }),
	wake: async () => {},
});

test("R24 R32 a poll takes every order that fits, parks the one that does not, once, and moves its watermark", async () => {
	const shop = await makeShop(db.pool, { cutAt: "2026-11-21T09:00:00Z" });
	const listing = await db.pool.query<{ external_id: string }>(
		"UPDATE listing SET external_id = '61' WHERE shop_id = $1 AND item_id = $2 RETURNING external_id",
		[shop.shopId, shop.items[0]],
	);
	expect(listing.rowCount).toBe(1);
	const sealed = sealCredentials(
		keyRing,
		{ shopId: shop.shopId, channel: "woocommerce", account: "shop.example" },
		{ consumerKey: "ck_123456789", consumerSecret: "cs_123456789" },
	);
	await db.pool.query("UPDATE connection SET account = 'shop.example', credentials = $2 WHERE id = $1", [shop.guest, sealed]);
	const order = (id: number, status: string, quantity: number) => ({
		id,
		number: `${id}`,
		status,
		date_created_gmt: "2026-11-21T09:30:00",
		date_modified_gmt: `2026-11-21T09:30:0${id % 10}`,
		billing: { first_name: "Jane" },
		line_items: [
			{ id: id * 10, product_id: 61, variation_id: 0, quantity, sku: "A", meta_data: [{ key: "_reduced_stock", value: String(quantity) }] },
		],
	});
	store.setDate("2026-11-21T10:00:00Z");
	store.answer(() => ({ body: [order(1, "processing", 2), order(2, "packed-by-plugin", 5), order(3, "on-hold", 1)] }));

	for (const fresh of [2, 0]) {
		const outcome = await pollOrders(deps(), shop.shopId, shop.guest);
		expect(outcome).toMatchObject({ outcome: "polled", orders: 2, fresh });
		expect(outcome.outcome === "polled" && Date.parse(outcome.watermark)).toBeLessThanOrEqual(Date.parse("2026-11-21T10:00:00Z"));
		await drainShop(applyDeps(db.pool), shop.shopId, {});
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
