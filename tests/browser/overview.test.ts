import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FilledShop, fillShop, sell } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
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
			// Earlier hours, a slow one among them.
			await query(
				`INSERT INTO lag_sample (shop_id, connection_id, lag_ms, at)
				 SELECT $1, $2, 300 + n * (7 + 40 * (h = 9)::int), now() - h * interval '1 hour' FROM generate_series(1, 20) n, unnest(ARRAY[2, 3, 5, 8, 9, 10, 14]) h`,
				[shop.shopId, connection],
			);
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
		expect(await app.getByTestId("lag").allInnerTexts()).toEqual(["0.4 s usually", "0.4 s usually"]);
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
		expect(await app.getByTestId("needs-you").innerText()).toContain("The product is in the bin (5 attempts)");
		const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(high);
		await page.screenshot({ path: picturePath("overview-phone") });
		expect(complaints).toEqual([]);
		await close();
	});

	test("R35 the guide leads from the installation to the first live channel, and is gone then", async () => {
		const guest = (state: string, linked: boolean) =>
			query("UPDATE connection SET state = $2 WHERE id = $1", [shop.woocommerce, state]).then(() =>
				query(
					"UPDATE listing SET link_state = $2, item_id = CASE WHEN $2 = 'linked' THEN coalesce(item_id, (SELECT id FROM item i WHERE i.shop_id = listing.shop_id AND i.sku = listing.sku)) END WHERE connection_id = $1",
					[shop.woocommerce, linked ? "linked" : "unlinked"],
				),
			);
		try {
			await guest("disconnected", true);
			const { page, app, complaints, close } = await stage.open();
			const guide = app.getByTestId("guide");
			const done = () => guide.getByText("Done", { exact: true }).count();
			await guide.getByText("Connect a sales channel").waitFor();
			expect(await done()).toBe(1);
			expect(await violationsOf(app)).toEqual([]);
			await page.screenshot({ path: picturePath("overview-guide") });
			await guest("connecting", false);
			await guide.getByText("Continue with WooCommerce").waitFor({ timeout: LIVE_WITHIN_MS });
			expect(await done()).toBe(2);
			await guest("watching", true);
			await guide.getByText("See what would change").waitFor({ timeout: LIVE_WITHIN_MS });
			expect(await done()).toBe(4);
			await page.screenshot({ path: picturePath("overview-guide-watching") });
			await guest("live", true);
			await guide.waitFor({ state: "detached", timeout: LIVE_WITHIN_MS });
			await guest("disconnected", true);
			await app.getByRole("link", { name: "Choose a channel" }).click();
			await page.locator("#app-title", { hasText: "Channels" }).waitFor();
			expect(complaints).toEqual([]);
			await close();
		} finally {
			await guest("live", true);
		}
	});

	test("R15 how fast sales arrived, hour by hour, is said to whoever cannot see it too", async () => {
		const { page, app, complaints, close } = await stage.open(PHONE);
		const chart = app
			.getByTestId("lag-hours")
			.getByRole("img", { name: /^WooCommerce: in \d hours with sales, the slowest of a hundred took/ });
		await chart.scrollIntoViewIfNeeded();
		expect(await chart.locator(".lag-usual").count()).toBe(8);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("overview-lag-phone") });
		expect(complaints).toEqual([]);
		await close();
	});

	test("R31 R35 what cannot be reached needs a person, and its page is one press away", async () => {
		await query(
			"UPDATE connection SET health = 'red', health_reason = 'The store refused its keys.', health_since = now() - interval '7 minutes' WHERE id = $1",
			[shop.woocommerce],
		);
		const { page, app, complaints, close } = await stage.open();
		const list = app.getByTestId("needs-you");
		await list.getByText("For 7 min now. What should be sent waits").waitFor();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("overview-needs-you") });
		await list.getByRole("link", { name: "Open channel: WooCommerce" }).click();
		await page.locator("#app-title", { hasText: "WooCommerce" }).waitFor();
		expect(complaints).toEqual([]);
		await close();
	});

	test("a channel that cannot be reached is named with its reason", async () => {
		await query("UPDATE connection SET health = 'red', health_reason = 'The store refused its keys.', health_since = now() WHERE id = $1", [
			shop.woocommerce,
		]);
		const { app, close } = await stage.open();
		await app.getByText("WooCommerce cannot be reached").waitFor();
		await app.getByText("The store refused its keys.").first().waitFor();
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
