import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FilledShop, fillShop, sell } from "../kit/fill-shop.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const PHONE = { width: 390, height: 844 };
const ROOT = "/store/northwind-outdoor/apps/lockstep";

describe.skipIf(!chromiumPath)("R35 a product's page inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	let item: number;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const one = async (sql: string, values: unknown[] = []) => (await query(sql, values)).rows[0] as Record<string, unknown>;
	const listing = () => one("SELECT id, policy, desired, paused FROM listing WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item]);
	const path = () => `${ROOT}/app/items/${item}`;

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 12 });
		item = shop.items[4] ?? 0;
		await query(
			"UPDATE stock SET available = 12, home_quantity = 12, home_read_at = now() - interval '2 hours' WHERE shop_id = $1 AND item_id = $2",
			[shop.shopId, item],
		);
		await query("UPDATE listing SET desired = 9, shown = 9 WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item]);
		await sell(stage.database.pool, shop, { connection: shop.woocommerce, order: "2041", item, units: 2, agoMs: 900_000 });
		await sell(stage.database.pool, shop, { connection: shop.shopify, order: "1007", item, units: 1, agoMs: 300_000 });
		const attempt = (outcome: string, quantity: number, ago: string, error: string | null) =>
			query(
				`INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, operation, quantity, outcome, error, correlation_id, at)
				 SELECT $1, $2, id, 'listing.write', $4, $5, $6, 'c', now() - $7::interval FROM listing WHERE shop_id = $1 AND item_id = $3`,
				[shop.shopId, shop.woocommerce, item, quantity, outcome, error, ago],
			);
		await attempt("failed", 9, "296 seconds", "The store answered 503");
		await attempt("landed", 9, "290 seconds", null);
		await query(
			`INSERT INTO delta_batch (shop_id, connection_id, idempotency_key, state, correlation_id, created_at) VALUES ($1, $2, 'k', 'landed', 'c', now() - interval '890 seconds')`,
			[shop.shopId, shop.shopify],
		);
		await query(
			`INSERT INTO delta_line (shop_id, batch_id, item_id, location_id, delta, state, answered_at)
			 SELECT $1, max(id), $2, $3, -2, 'landed', now() - interval '888 seconds' FROM delta_batch WHERE shop_id = $1`,
			[shop.shopId, item, shop.location],
		);
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	test("R10 why is it 9: sales, updates and answers in order, newest first, with what was left", async () => {
		const { page, app, complaints, close } = await stage.open({ path: path() });
		await app.getByText("Why is it 9?").waitFor();
		const told = (await app.getByTestId("story").getByRole("listitem").allInnerTexts()).map((text) => text.split("\n")[0]);
		expect(told).toEqual([
			"WooCommerce was told 9 and confirmed it",
			"WooCommerce could not be told 9; it is tried again",
			"1 unit sold on Shopify (order #1007)",
			"Shopify was told −2 of sales elsewhere, and has it",
			"2 units sold on WooCommerce (order #2041)",
		]);
		expect(await app.getByTestId("story").innerText()).toContain("The store answered 503");
		expect(await app.getByTestId("available").innerText()).toBe("9");
		await page.screenshot({ path: picturePath("item") });
		expect(complaints).toEqual([]);
		await close();
	});

	test("R12 R45 a rule shows its effect before it is saved, the story tells of it, and a former one comes back by one press", async () => {
		const { page, app, complaints, close } = await stage.open({ path: path() });
		const { id } = await listing();
		await app.getByRole("button", { name: /Edit rule of/ }).click();
		await app.getByLabel("How much is shown").selectOption("buffer");
		await app.getByLabel("Units held back").fill("4");
		await app
			.getByTestId(`preview-${String(id)}`)
			.getByText("9 available: WooCommerce shows 5 instead of 9")
			.waitFor();
		expect((await listing()).policy).toBeNull();
		await page.screenshot({ path: picturePath("item-rule") });
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await page.getByText("1 rule saved").waitFor();
		await app.getByText("Changed the rule of NW-0005 on WooCommerce").waitFor();
		expect(await listing()).toMatchObject({ policy: { kind: "buffer", buffer: 4 }, desired: 5 });
		await app.getByRole("button", { name: "Use again" }).click();
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await app.getByText("Changed the rule of NW-0005 on WooCommerce").nth(1).waitFor();
		expect(await listing()).toMatchObject({ policy: null, desired: 9 });
		expect(complaints).toEqual([]);
		await close();
	});

	test("a figure that is none cannot be saved, and discarding brings the rule back", async () => {
		const { page, app, close } = await stage.open({ path: path() });
		await app.getByRole("button", { name: /Edit rule of/ }).click();
		await app.getByLabel("How much is shown").selectOption("percentage");
		await app.getByLabel("Share in %").fill("150");
		await app.getByText("A whole number from 0 to 100").waitFor();
		expect(await page.locator("#save-bar").getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
		await page.locator("#save-bar").getByRole("button", { name: "Discard" }).click();
		await page.locator("#save-bar").waitFor({ state: "hidden" });
		expect((await listing()).policy).toBeNull();
		await close();
	});

	test("R12 pause and resume, by one press each", async () => {
		const { page, app, close } = await stage.open({ path: path() });
		await app.getByRole("button", { name: "Pause NW-0005 on WooCommerce" }).click();
		await page.getByText("Nothing is sent to it until it is resumed.").waitFor();
		expect((await listing()).paused).toBe(true);
		await app.getByRole("button", { name: "Resume NW-0005 on WooCommerce" }).click();
		await page.getByText("It is brought to its figure now.").waitFor();
		expect((await listing()).paused).toBe(false);
		await close();
	});

	test("R14 a bundle shows what it is made of; its parts show the bundle", async () => {
		const bundle = shop.items[0] ?? 0;
		await query("DELETE FROM stock WHERE shop_id = $1 AND item_id = $2", [shop.shopId, bundle]);
		await query(
			"INSERT INTO bundle_component (shop_id, bundle_item_id, component_item_id, quantity) VALUES ($1, $2, $3, 2), ($1, $2, $4, 1)",
			[shop.shopId, bundle, item, shop.items[5]],
		);
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/items/${bundle}` });
		await app.getByText("It has as many as its parts suffice for.").waitFor();
		expect(await app.getByTestId("available").innerText()).toBe("4");
		await page.screenshot({ path: picturePath("item-bundle") });
		await app.getByRole("link", { name: /2 × / }).click();
		await app.getByText("A sale of these takes units of this product as well.").waitFor();
		await close();
	});

	test("on a phone nothing scrolls sideways", async () => {
		const { page, app, close } = await stage.open({ path: path(), ...PHONE });
		await app.getByText("Why is it 9?").waitFor();
		const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(high);
		await page.screenshot({ path: picturePath("item-phone") });
		await close();
	});

	test("R37 another shop's product, and what is no product, are not there", async () => {
		const other = await fillShop(stage.database.pool, "somebody-else.myshopify.com", { listings: 2 });
		for (const id of [other.items[0], 999_999_999, "nonsense", -1]) {
			const { app, close } = await stage.open({ path: `${ROOT}/app/items/${id}` });
			await app.getByText("This is not here").waitFor();
			await close();
		}
	});
});
