import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FilledShop, fillShop, sell } from "../kit/fill-shop.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const PHONE = { width: 390, height: 844 };
/** Two looks at the server and the drawing in between; the rest is for machines that are busy otherwise. */
const LIVE_WITHIN_MS = 20_000;

describe.skipIf(!chromiumPath)("R35 the overview inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 482 });
		for (const [n, item] of shop.items.slice(0, 9).entries()) {
			const connection = n % 3 === 0 ? shop.shopify : shop.woocommerce;
			await sell(stage.database.pool, shop, { connection, order: String(1040 + n), item, units: 1 + (n % 2), agoMs: (9 - n) * 41_000 });
		}
		for (const connection of [shop.shopify, shop.woocommerce]) {
			await query(`INSERT INTO lag_sample (shop_id, connection_id, lag_ms) SELECT $1, $2, 350 + n * 9 FROM generate_series(1, 100) n`, [
				shop.shopId,
				connection,
			]);
		}
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());
	beforeEach(async () => {
		await query("DELETE FROM dead_letter");
		await query("DELETE FROM oversell");
		await query("UPDATE connection SET state = 'live', health = 'green', health_reason = NULL");
		await query("UPDATE shop SET import_state = 'done'");
	});

	test("it opens, says that everything is in step, and complains about nothing", async () => {
		const { page, app, complaints, close } = await stage.open();
		await app.getByText("Everything is in step").waitFor();
		expect(await app.getByTestId("figure-in-step").innerText()).toBe("964");
		expect(await app.getByTestId("figure-orders").innerText()).toBe("9");
		expect(await app.getByTestId("lag").allInnerTexts()).toEqual(["0.8 s usually", "0.8 s usually"]);
		expect(await app.getByTestId("sales").locator("li").count()).toBe(8);
		expect(await page.locator("#app-title").innerText()).toBe("Overview");
		expect(await page.getByText("Simulated Shopify admin").isVisible()).toBe(true);
		await page.screenshot({ path: picturePath("overview") });
		expect(complaints).toEqual([]);
		await close();
	});

	test("a sale appears without a reload, as does the moment when its figure is everywhere", async () => {
		const { app, complaints, close } = await stage.open();
		await app.getByText("Everything is in step").waitFor();
		await app.evaluate(() => Object.assign(window, { notReloaded: true }));
		const item = shop.items[20] ?? 0;
		await query("UPDATE listing SET shown = shown + 1, dirty_since = now() WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item]);
		await sell(stage.database.pool, shop, { connection: shop.woocommerce, order: "2001", item, units: 1 });
		const newest = app.getByTestId("sales").locator("li").first();
		await newest.getByText("#2001").waitFor({ timeout: LIVE_WITHIN_MS });
		expect(await newest.innerText()).toContain("Updating");
		await query("UPDATE listing SET shown = desired, dirty_since = NULL WHERE shop_id = $1", [shop.shopId]);
		await newest.getByText("left").waitFor({ timeout: LIVE_WITHIN_MS });
		expect(await app.getByTestId("figure-orders").innerText()).toBe("10");
		expect(await app.evaluate(() => "notReloaded" in window)).toBe(true);
		expect(complaints).toEqual([]);
		await close();
	});

	test("R11 R21 what needs a person is at the top, in words, on a phone without sideways scrolling", async () => {
		await query(
			`INSERT INTO dead_letter (shop_id, direction, connection_id, listing_id, operation, error_class, error, source_key, correlation_id, attempts)
			 SELECT $1, 'out', $2, min(id), 'write stock', 'rejected', 'The product is in the bin', 'k', 'c', 5 FROM listing WHERE shop_id = $1`,
			[shop.shopId, shop.woocommerce],
		);
		await query(
			`INSERT INTO oversell (shop_id, item_id, location_id, connection_id, order_id, units, source_key, occurred_at)
			 VALUES ($1, $2, $3, $4, '1041', 2, 'o', now())`,
			[shop.shopId, shop.items[1], shop.location, shop.woocommerce],
		);
		const { page, app, complaints, close } = await stage.open(PHONE);
		await app.getByText("2 units are oversold").waitFor();
		expect(await app.getByTestId("figure-attention").innerText()).toBe("2");
		expect(await app.getByTestId("attention").innerText()).toContain("The product is in the bin (5 attempts)");
		const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(high);
		await page.screenshot({ path: picturePath("overview-phone") });
		expect(complaints).toEqual([]);
		await close();
	});

	test("a channel that cannot be reached is named with its reason", async () => {
		await query("UPDATE connection SET health = 'red', health_reason = 'The store refused its keys.', health_since = now() WHERE id = $1", [
			shop.woocommerce,
		]);
		const { app, close } = await stage.open();
		await app.getByText("WooCommerce cannot be reached").waitFor();
		await app.getByText("The store refused its keys.").waitFor();
		await app.getByTestId("channels").getByText("Not reachable").waitFor();
		await close();
	});

	test("R42 a watched channel says that nothing is changed there", async () => {
		await query("UPDATE connection SET state = 'watching' WHERE id = $1", [shop.woocommerce]);
		const { app, close } = await stage.open();
		await app.getByText("Watching WooCommerce").waitFor();
		await app.getByText("Nothing is changed there.").waitFor();
		await close();
	});

	test("while the products of a new shop are read, the progress is what the page is about", async () => {
		await query("UPDATE shop SET import_state = 'running', import_done = 312, import_total = 500");
		const { page, app, complaints, close } = await stage.open();
		await app.getByText("Reading your products: 312 of 500").waitFor();
		await page.screenshot({ path: picturePath("overview-first-import") });
		await query("UPDATE shop SET import_done = 480");
		await app.getByText("Reading your products: 480 of 500").waitFor({ timeout: LIVE_WITHIN_MS });
		expect(complaints).toEqual([]);
		await close();
	});

	test("a page that fails says so and that stock is kept in step all the same; trying again brings it", async () => {
		await query("ALTER TABLE oversell RENAME TO oversell_away");
		const { app, close } = await stage.open();
		await app.getByText("This page could not be loaded").waitFor();
		await query("ALTER TABLE oversell_away RENAME TO oversell");
		await app.getByRole("button", { name: "Try again" }).click();
		await app.getByText("Everything is in step").waitFor();
		await close();
	});

	test("nobody looks: nothing is asked; somebody looks again: at once", async () => {
		const { page, app, close } = await stage.open();
		await app.getByText("Everything is in step").waitFor();
		const looks: number[] = [];
		page.on("request", (request) => {
			if (request.url().endsWith("/app/live/overview")) looks.push(Date.now());
		});
		const setHidden = (hidden: boolean) =>
			app.evaluate((value) => {
				Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
				document.dispatchEvent(new Event("visibilitychange"));
			}, hidden);
		await setHidden(true);
		looks.length = 0;
		await page.waitForTimeout(4_500);
		expect(looks).toEqual([]);
		// Less than the ordinary wait between two looks.
		const asked = page.waitForRequest((request) => request.url().endsWith("/app/live/overview"), { timeout: 1_500 });
		await setHidden(false);
		await asked;
		await close();
	});

	test("an unchanged page is answered with 304, and the app being away is said and survived", async () => {
		const { page, app, close } = await stage.open();
		await app.getByText("Everything is in step").waitFor();
		await page.waitForResponse((response) => response.url().endsWith("/app/live/overview") && response.status() === 304, {
			timeout: LIVE_WITHIN_MS,
		});
		await stage.stopApp();
		await app.getByText("Reconnecting…").waitFor({ timeout: 40_000 });
		expect(await app.getByText("Everything is in step").isVisible()).toBe(true);
		await stage.startApp();
		await app.getByText("Live", { exact: true }).waitFor({ timeout: 60_000 });
		await close();
	}, 150_000);
});
