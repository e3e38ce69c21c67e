import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KeyRing } from "#app/crypto.server.ts";
import { drainShop } from "#apply";
import { sealCredentials } from "#connections";
import { pollOrders } from "#reconcile";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";
import { createReplay } from "../kit/replay.ts";
import { applyDeps, expectCoherentState, makeShop, stockOf } from "../kit/shop.ts";

const ACCOUNT = "poll.example";
/** Full pages, so that the poll asks for another one. */
const PAGE = 100;

let db: TestDatabase;
let store: Awaited<ReturnType<typeof createReplay>>;
beforeAll(async () => {
	db = await freshDatabase();
	store = await createReplay(ACCOUNT);
});
afterAll(async () => {
	await store.close();
	await db.drop();
});

const order = (id: number, minute: number) => ({
	id,
	number: `${id}`,
	status: "processing",
	date_created_gmt: `2026-11-21T09:${String(minute).padStart(2, "0")}:00`,
	date_modified_gmt: `2026-11-21T09:${String(minute).padStart(2, "0")}:00`,
	line_items: [{ id: id * 10, product_id: 61, variation_id: 0, quantity: 1, sku: "A", meta_data: [{ key: "_reduced_stock", value: "1" }] }],
});

test("R24 a poll whose second page fails keeps what the first one brought, and the next poll begins at the same place", async () => {
	const keyRing: KeyRing = [{ id: "k1", key: randomBytes(32) }];
	const deps = {
		pool: db.pool,
		keyRing,
		env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] as [string] },
		log: pino({ level: "silent" }),
		wake: async () => {},
	};
	const shop = await makeShop(db.pool, { cutAt: "2026-11-21T09:00:00Z", opening: 500 });
	await db.pool.query("UPDATE listing SET external_id = '61' WHERE shop_id = $1 AND item_id = $2", [shop.shopId, shop.items[0]]);
	const sealed = sealCredentials(
		keyRing,
		{ shopId: shop.shopId, channel: "woocommerce", account: ACCOUNT },
		{ consumerKey: "ck_123456789", consumerSecret: "cs_123456789" },
	);
	await db.pool.query("UPDATE connection SET account = $2, credentials = $3 WHERE id = $1", [shop.guest, ACCOUNT, sealed]);
	const watermark = async () => {
		const { rows } = await db.pool.query<{ order_watermark: Date }>("SELECT order_watermark FROM connection WHERE id = $1", [shop.guest]);
		return rows[0]?.order_watermark.toISOString();
	};
	const before = await watermark();
	const first = Array.from({ length: PAGE }, (_, n) => order(n + 1, 10 + Math.floor(n / 10)));
	const last = order(PAGE + 1, 40);
	store.setDate("2026-11-21T10:00:00Z");
	const isTrash = (url: URL) => url.searchParams.get("status") === "trash";
	const pageOf = (url: URL) => (url.searchParams.get("modified_after") ?? "") < "2026-11-21T09:15:00";
	store.answer(({ url }) => (pageOf(url) ? { body: first } : { status: 500, body: "<html>500</html>" }));
	expect(await pollOrders(deps, shop.shopId, shop.guest)).toMatchObject({ outcome: "failed" });
	expect(await watermark()).toBe(before);
	await drainShop(applyDeps(db.pool), shop.shopId, {});
	expect((await stockOf(db.pool, shop, 0)).available).toBe(500 - PAGE);

	const asked = store.requests[0]?.url.searchParams.get("modified_after");
	store.requests.length = 0;
	store.answer(({ url }) => ({ body: isTrash(url) ? [] : pageOf(url) ? first : [last] }));
	expect(await pollOrders(deps, shop.shopId, shop.guest)).toMatchObject({ outcome: "polled", fresh: 1 });
	expect(store.requests[0]?.url.searchParams.get("modified_after")).toBe(asked);
	await drainShop(applyDeps(db.pool), shop.shopId, {});
	expect((await stockOf(db.pool, shop, 0)).available).toBe(500 - PAGE - 1);
	expect(Date.parse((await watermark()) ?? "")).toBeGreaterThan(Date.parse(before ?? ""));
	await expectCoherentState(db.pool, shop.shopId);
});
