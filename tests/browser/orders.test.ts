import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FilledShop, fillShop, sell } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const ROOT = "/store/northwind-outdoor/apps/lockstep";

describe.skipIf(!chromiumPath)("R35 the orders page inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 8 });
		for (let n = 0; n < 60; n++) {
			const item = shop.items[n % 8] ?? 0;
			await sell(stage.database.pool, shop, {
				connection: shop.woocommerce,
				order: String(2000 + n),
				item,
				units: 1,
				agoMs: (60 - n) * 60_000,
			});
		}
		await query(
			`INSERT INTO order_line (shop_id, connection_id, order_id, line_id, external_ref, item_id, held)
			 SELECT m.shop_id, m.connection_id, m.order_id, '1', 'woo-' || m.item_id, m.item_id, 1 FROM movement m WHERE m.shop_id = $1`,
			[shop.shopId],
		);
		await query(
			`INSERT INTO order_line_allocation (shop_id, connection_id, order_id, line_id, item_id, location_id, quantity)
			 SELECT shop_id, connection_id, order_id, line_id, item_id, $2, held FROM order_line WHERE shop_id = $1`,
			[shop.shopId, shop.location],
		);
		await query("UPDATE sales_order SET baseline = true WHERE shop_id = $1 AND order_id = '2000'", [shop.shopId]);
		await query("UPDATE sales_order SET content_hash = 'unmapped' WHERE shop_id = $1 AND order_id = '2058'", [shop.shopId]);
		await query("UPDATE sales_order SET cancelled = true WHERE shop_id = $1 AND order_id = '2057'", [shop.shopId]);
		await query(
			`INSERT INTO oversell (shop_id, item_id, location_id, connection_id, order_id, units, source_key, occurred_at) VALUES ($1, $2, $3, $4, '2059', 1, 'o', now())`,
			[shop.shopId, shop.items[3], shop.location, shop.woocommerce],
		);
		await query("UPDATE order_line_allocation SET short = 1 WHERE shop_id = $1 AND order_id = '2059'", [shop.shopId]);
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	test("a filter that nothing passes says so", async () => {
		const { app, close } = await stage.open({ path: `${ROOT}/app/orders?state=unlinked&channel=999999` });
		await app.getByText("No orders found").waitFor();
		await close();
	});

	test("orders as they were taken in, newest first, each with its state; the second page holds the rest", async () => {
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/orders` });
		const row = (name: string) => app.getByRole("row").filter({ hasText: name });
		await row("#2059").waitFor();
		expect(await row("#2059").innerText()).toContain("Oversold, 1 owed");
		expect(await row("#2058").innerText()).toContain("Not fully counted");
		expect(await row("#2057").innerText()).toContain("Cancelled");
		await page.screenshot({ path: picturePath("orders") });
		await app.getByRole("button", { name: "Next" }).click();
		await row("#2000").waitFor();
		expect(await row("#2000").innerText()).toContain("Before connecting");
		expect((await app.getByTestId("index-list").innerText()).match(/#\d{4}/g)).toHaveLength(10);
		expect(complaints).toEqual([]);
		await close();
	});

	test("R35 an order is found by its number, with or without the sign, and tells what it did per line", async () => {
		for (const typed of ["2041", "%232041"]) {
			const { app, close } = await stage.open({ path: `${ROOT}/app/orders?q=${typed}` });
			await app.getByRole("row").filter({ hasText: "#2041" }).waitFor();
			expect((await app.getByTestId("index-list").innerText()).match(/#\d{4}/g)).toEqual(["#2041"]);
			await close();
		}
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/orders?state=oversold`, width: 1280, height: 900 });
		await app.getByRole("link", { name: "#2059" }).click();
		await app.getByText("Was it taken in?").waitFor();
		await app.getByText("1 unit is still owed.").waitFor();
		expect(await app.getByTestId("lines").innerText()).toContain("1 from Main warehouse, 1 of them not there");
		expect(await app.getByTestId("moves").innerText()).toContain("Sold: NW-0004 −1");
		await page.screenshot({ path: picturePath("order") });
		expect(complaints).toEqual([]);
		await close();
	});

	test("R23 R35 what came of an order is listed; one or all of it is counted again, and the channel is asked again, which moves nothing", async () => {
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/orders?q=2041` });
		const snapshot = { v: 1, type: "order.snapshot", orderId: "2041", name: "#2041", contentHash: "x", complete: true, cancelled: false };
		await query(
			`INSERT INTO inbox_event (shop_id, connection_id, topic, source, status, error, correlation_id, event)
			 SELECT $1, $2, topic, 'webhook', status, error, 'c', $3 FROM (VALUES ('order.created', 'processed', NULL), ('order.updated', 'parked', 'The line is linked to nothing'))
			   AS e(topic, status, error)`,
			[
				shop.shopId,
				shop.woocommerce,
				JSON.stringify({
					...snapshot,
					...{ createdAt: "2026-03-01T10:00:00Z", stamp: "2026-03-01T10:00:00Z", locationExternalId: null, lines: [], fetched: null },
				}),
			],
		);
		await app.getByRole("link", { name: "#2041" }).click();
		await app.getByText("What came of it").waitFor();
		await app.getByText(/The line is linked to nothing/).waitFor();
		const movements = async () => (await query("SELECT count(*)::int AS n FROM movement")).rows[0];
		const before = await movements();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("order-messages"), fullPage: true });
		await app
			.getByRole("button", { name: /^Count again/ })
			.first()
			.click();
		await page.getByText("1 message counted again. What was counted already moves nothing.").waitFor();
		await app.getByTestId("messages").getByText("counted again by hand").waitFor();
		await page.getByRole("button", { name: "Read again" }).click();
		await page.getByText(/^Reading the order from .* again/).waitFor();
		expect((await query("SELECT kind FROM fetch_request WHERE reason = 'asked for by hand'")).rows).toEqual([{ kind: "order" }]);
		expect(await movements()).toEqual(before);
		await page.setViewportSize({ width: 390, height: 844 });
		await app.getByText("What came of it").scrollIntoViewIfNeeded();
		const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(high);
		await page.screenshot({ path: picturePath("order-messages-phone") });
		await query("DELETE FROM fetch_request WHERE reason = 'asked for by hand'");
		expect(complaints.filter((text) => !text.includes("preloaded using link preload"))).toEqual([]);
		await close();
	});

	test("a number that nobody took is said to be none; one that is announced is being read", async () => {
		const none = await stage.open({ path: `${ROOT}/app/orders?q=9999` });
		await none.app.getByText("No orders found").waitFor();
		await none.close();
		await query("INSERT INTO fetch_request (shop_id, connection_id, kind, external_id) VALUES ($1, $2, 'order', '9999')", [
			shop.shopId,
			shop.woocommerce,
		]);
		const { app, close } = await stage.open({ path: `${ROOT}/app/orders?q=9999` });
		await app.getByText("Order 9999 is being read").waitFor();
		await close();
	});

	test("R21 messages that could not be read are counted, because their orders are not", async () => {
		await query(
			`INSERT INTO dead_letter (shop_id, direction, connection_id, operation, error_class, error, source_key, correlation_id)
			 VALUES ($1, 'in', $2, 'order.created', 'unexpected-shape', 'line_items is missing', 'k', 'c')`,
			[shop.shopId, shop.woocommerce],
		);
		const { app, close } = await stage.open({ path: `${ROOT}/app/orders` });
		await app.getByText("1 message could not be read").waitFor();
		await close();
	});

	test("on a phone nothing scrolls sideways", async () => {
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/orders`, width: 390, height: 844 });
		await app.getByText("#2059").waitFor();
		const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(high);
		await page.screenshot({ path: picturePath("orders-phone") });
		await app.getByRole("link", { name: "#2059" }).first().click();
		await app.getByText("Was it taken in?").waitFor();
		await page.screenshot({ path: picturePath("order-phone") });
		await close();
	});
});
