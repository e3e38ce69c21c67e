import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FilledShop, fillShop, sell } from "../kit/fill-shop.ts";
import { makeBulk } from "../kit/make-bulk.ts";
import { shiftOf, violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const ROOT = "/store/northwind-outdoor/apps/lockstep";
const STAFF = "548380009";
const WIDTHS = [
	{ name: "desktop", width: 1280, height: 900, suffix: "" },
	{ name: "phone", width: 390, height: 844, suffix: "-phone" },
];
/** Google's bound for "good" is 0.1; the promise here is a fifth of it (issue 3). */
const SHIFT_MAX = 0.02;

/**
 * A page that is not there answers 404, which the browser writes to its console. And Shopify's library announces its script by the
 * address that it has at Shopify, while the sandbox serves it with a query behind it: the browser remarks on that after some seconds.
 */
const isExpected = (path: string, text: string) =>
	(path.endsWith("999999") && text.includes("404")) || text.includes("preloaded using link preload");

describe.skipIf(!chromiumPath)("R35 every page: nothing to complain of, on a desktop and on a phone", () => {
	let stage: Stage;
	let shop: FilledShop;
	/** A listing whose SKU is a product's but for letter case. */
	let unlinked: number;
	let bulk: number;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 60 });
		await query("INSERT INTO member (shop_id, user_id, granted, installation) VALUES ($1, $2, 'approve', 1), ($1, '77', 'look', 1)", [
			shop.shopId,
			STAFF,
		]);
		for (let n = 0; n < 5; n++) {
			await sell(stage.database.pool, shop, { connection: shop.woocommerce, order: String(3000 + n), item: shop.items[0] ?? 0, units: 1 });
		}
		await query("UPDATE listing SET shown = shown + 1, dirty_since = now() WHERE shop_id = $1 AND item_id = $2", [
			shop.shopId,
			shop.items[0],
		]);
		await query("UPDATE listing SET paused = true WHERE shop_id = $1 AND item_id = $2", [shop.shopId, shop.items[1]]);
		await query("UPDATE listing SET parked = true WHERE shop_id = $1 AND item_id = $2", [shop.shopId, shop.items[2]]);
		await query("INSERT INTO audit (shop_id, actor, action, subject, before, after) VALUES ($1, '77', 'policy.changed', $2, $3, $4)", [
			shop.shopId,
			String(shop.woocommerce),
			JSON.stringify({ policy: { kind: "exact" }, listingIds: null }),
			JSON.stringify({ policy: { kind: "buffer", buffer: 1 }, listingIds: null }),
		]);
		const { rows } = await query(
			`INSERT INTO listing (shop_id, connection_id, external_id, sku, title, link_state)
			 VALUES ($1, $2, 'own', 'nw-0009', 'Socks of wool', 'unlinked') RETURNING id`,
			[shop.shopId, shop.woocommerce],
		);
		unlinked = Number(rows[0].id);
		bulk = await makeBulk(stage.database.pool, shop, { name: "count.csv", sets: 6, problems: 3 });
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	test.each([
		["/app/stock", "Enamel mug, 350 ml", "On the sales channels"],
		["/app/orders", "#3004", "Was it taken in?"],
	])("in a window that turns out to be narrow, a press on a row of %s opens it inside of the app", async (path, row, whole) => {
		const { app, complaints, close } = await stage.open({ width: 390, height: 844, path: `${ROOT}${path}` });
		await app.locator("li").getByRole("link", { name: row }).first().click();
		await app.getByText(whole).first().waitFor();
		expect(complaints.filter((text) => !isExpected(path, text))).toEqual([]);
		await close();
	});

	/** Path, what stands there when the page is whole, and the name of its picture, where no other test makes it. */
	const pages = (): [path: string, whole: string, picture?: string][] => [
		["/app", "Sales just taken"],
		["/app/stock", "NW-0001"],
		["/app/stock?q=nothing-like-it", "No products found"],
		[`/app/stock/edit?item=${shop.items[0]}&item=${shop.items[1]}`, "The same for all lines below", "stock-edit"],
		["/app/stock/bulk", "Look first what becomes of the figures", "stock-bulk"],
		["/app/bulk-changes", "count.csv", "bulk-changes"],
		["/app/bulk-changes/new", "From a file", "bulk-new"],
		[`/app/bulk-changes/${bulk}`, "What would change", "bulk-change"],
		[`/app/items/${shop.items[0]}`, "On the sales channels"],
		["/app/orders", "#3004"],
		["/app/failed-updates", "Nothing has failed"],
		["/app/checks", "Nothing has differed"],
		[`/app/orders/${shop.woocommerce}/3004`, "Was it taken in?"],
		["/app/activity", "Changed the rule of WooCommerce"],
		["/app/settings", "Where stock is counted"],
		["/app/channels", "Not available here", "channels"],
		["/app/items/999999", "This is not here"],
		[`/app/channels/${shop.woocommerce}`, "How it is connected", "channel"],
		[`/app/channels/${shop.woocommerce}/matching/${unlinked}`, "1 listing here already", "choose-product"],
		[`/app/channels/${shop.woocommerce}/matching`, "WooCommerce"],
		[`/app/channels/${shop.woocommerce}/rules`, "WooCommerce"],
		[`/app/channels/${shop.woocommerce}/disconnect`, "WooCommerce"],
	];

	for (const { name, width, height, suffix } of WIDTHS) {
		test(`R35 no console errors, no axe violations, nothing that moves by itself, no sideways scrolling: ${name}`, async () => {
			const found: Record<string, unknown> = {};
			for (const [path, whole, picture] of pages()) {
				const { page, app, complaints, close } = await stage.open({ path: `${ROOT}${path}`, width, height });
				await app.getByText(whole).first().waitFor({ timeout: 10_000 });
				const shift = await shiftOf(app);
				if (picture) await page.screenshot({ path: picturePath(`${picture}${suffix}`) });
				const violations = await violationsOf(app);
				const sideways = await app.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
				const said = complaints.filter((text) => !isExpected(path, text));
				if (shift > SHIFT_MAX || violations.length > 0 || sideways > 0 || said.length > 0)
					found[path] = { shift, violations, sideways, said };
				await close();
			}
			expect(found).toEqual({});
		}, 120_000);
	}

	test("R35 a page that fails says so, and that stock is kept in step all the same; trying again brings it", async () => {
		await query("ALTER TABLE bundle_component RENAME TO bundle_component_away");
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/stock` });
		await app.getByText("This page could not be loaded").waitFor();
		await page.screenshot({ path: picturePath("stock-failed") });
		await query("ALTER TABLE bundle_component_away RENAME TO bundle_component");
		await app.getByRole("button", { name: "Try again" }).click();
		await app.getByRole("row").filter({ hasText: "NW-0001" }).waitFor();
		await close();
	});

	test("R35 while another page of a list is on its way, the one that is there stays readable and the admin's line runs", async () => {
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/stock`, width: 1280, height: 900 });
		await app.getByRole("row").filter({ hasText: "NW-0001" }).waitFor();
		let release = () => {};
		const held = new Promise<void>((resolve) => {
			release = resolve;
		});
		await page.route(/\/app\/stock\.data/, async (route) => {
			await held;
			await route.continue();
		});
		await app.getByRole("button", { name: "Next" }).click();
		await app.locator('[data-testid="index-list"][aria-busy="true"]').waitFor();
		expect(await app.getByRole("row").filter({ hasText: "NW-0001" }).isVisible()).toBe(true);
		await page.locator("#loading").waitFor({ state: "visible" });
		await page.screenshot({ path: picturePath("stock-next-page") });
		release();
		await app.getByRole("row").filter({ hasText: "NW-0051" }).waitFor();
		await close();
	});

	test("R12 a listing that is not live yet says so, and is not put live by resuming it here", async () => {
		const item = shop.items[7];
		await query("UPDATE listing SET paused = true, paused_reason = 'not live yet' WHERE shop_id = $1 AND item_id = $2", [
			shop.shopId,
			item,
		]);
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/stock?q=NW-0008` });
		const row = app.getByRole("row").filter({ hasText: "NW-0008" });
		await row.getByText("Not live yet").waitFor();
		await row.getByRole("checkbox").check({ force: true });
		await app.getByRole("button", { name: "Resume" }).click();
		await page.getByText("0 listings resumed").waitFor();
		const { rows } = await query("SELECT paused, paused_reason FROM listing WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item]);
		expect(rows).toEqual([{ paused: true, paused_reason: "not live yet" }]);
		await close();
	});

	test("R35 with the keyboard alone: a row is reached and opened, a rule is changed, nothing holds the focus", async () => {
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/stock?q=NW-0005`, width: 1280, height: 900 });
		await app.getByRole("row").filter({ hasText: "NW-0005" }).waitFor();
		await app.getByRole("link", { name: "Camp stove, gas" }).focus();
		await page.keyboard.press("Enter");
		await app.getByRole("button", { name: /Edit rule of/ }).waitFor();
		await app.getByRole("button", { name: /Edit rule of/ }).focus();
		await page.keyboard.press("Enter");
		await app.getByLabel("How much is shown").waitFor();
		const focused = () => app.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.tagName ?? "");
		const seen: string[] = [];
		for (let presses = 0; presses < 12; presses++) {
			await page.keyboard.press("Tab");
			seen.push(await focused());
			if (seen.at(-1) === "SELECT") break;
		}
		expect(seen).toContain("SELECT");
		await page.keyboard.press("End");
		await app.getByLabel("Units shown").waitFor();
		await close();
	});
});
