import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const PHONE = { width: 390, height: 844 };
const ROOT = "/store/northwind-outdoor/apps/lockstep";

/** Chromium's wish that a slow machine had been faster is none. */
const faultsOf = (complaints: readonly string[]) => complaints.filter((text) => !/was preloaded using link preload/.test(text));

describe.skipIf(!chromiumPath)("R14 a product's listings, linked and unlinked inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const item = (n: number) => shop.items[n] ?? 0;
	const path = (n: number) => `${ROOT}/app/items/${item(n)}`;
	/** The listing that was linked to that product at first. */
	const listing = async (n: number) =>
		(
			await query("SELECT item_id, desired FROM listing WHERE shop_id = $1 AND connection_id = $2 AND external_id = $3", [
				shop.shopId,
				shop.woocommerce,
				`woo-${item(n)}`,
			])
		).rows[0];

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 8 });
		await query("UPDATE stock SET available = 13, home_quantity = 13, home_read_at = now() WHERE shop_id = $1", [shop.shopId]);
		await query("UPDATE stock SET available = 5, home_quantity = 5 WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item(0)]);
		await query("UPDATE listing SET desired = 13, shown = 13 WHERE shop_id = $1", [shop.shopId]);
		await query("UPDATE listing SET desired = 5, shown = 5 WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item(0)]);
		// Two that nobody has linked yet.
		await query("UPDATE listing SET item_id = NULL, link_state = 'unlinked', desired = NULL WHERE shop_id = $1 AND item_id = ANY($2)", [
			shop.shopId,
			[item(5), item(6)],
		]);
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	test("R12 R45 listings are found, linked and moved; the page foretells each figure, saving keeps its word, and Activity takes it back", async () => {
		const { page, app, complaints, close } = await stage.open({ path: path(0) });
		await app.getByRole("button", { name: "Link a listing" }).click();
		await app.getByLabel("Find a listing").fill("NW-0006");
		await app.getByRole("button", { name: "Link NW-0006" }).click();
		await app.getByLabel("Find a listing").fill("NW-0002");
		await app.getByText("NW-0002 · linked to NW-0002").waitFor();
		await app.getByRole("button", { name: "Move here: NW-0002" }).click();
		const preview = app.getByTestId("links-preview");
		await preview.getByText("Shows 13 → 5.", { exact: true }).waitFor();
		await preview.getByText("Shows 13 → 5. It was NW-0002's and moves here.").waitFor();
		expect([await listing(5), await listing(1)]).toEqual([
			{ item_id: null, desired: null },
			{ item_id: item(1), desired: 13 },
		]);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("item-links-edit") });
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await app.getByRole("button", { name: "Unlink NW-0006 on WooCommerce" }).waitFor();
		expect([await listing(5), await listing(1)]).toEqual([
			{ item_id: item(0), desired: 5 },
			{ item_id: item(0), desired: 5 },
		]);
		await app.getByText("Linked NW-0002 on WooCommerce to another product").waitFor();
		await app.getByRole("button", { name: "Link a listing" }).waitFor();
		await page.screenshot({ path: picturePath("item-links"), fullPage: true });
		await close();
		const activity = await stage.open({ path: `${ROOT}/app/activity` });
		await activity.app.getByRole("button", { name: "Undo: Linked NW-0002 on WooCommerce to another product" }).click();
		await activity.page.getByText("Undone: 1 thing as before. Sales in between are kept.").waitFor();
		expect(await listing(1)).toEqual({ item_id: item(1), desired: 13 });
		await activity.close();
		expect(faultsOf([...complaints, ...activity.complaints])).toEqual([]);
	});

	test("unlinking says before it is saved that the figure stays and follows no more; discarded, nothing changes", async () => {
		const { page, app, complaints, close } = await stage.open({ path: path(2) });
		await app.getByRole("button", { name: "Unlink NW-0003 on WooCommerce" }).click();
		await app.getByText("Keeps showing 13, and follows no product any more. Its sales take no stock.").waitFor();
		await page.screenshot({ path: picturePath("item-unlink") });
		await page.locator("#save-bar").getByRole("button", { name: "Discard" }).click();
		await app.getByRole("button", { name: "Unlink NW-0003 on WooCommerce" }).click();
		await app.getByRole("button", { name: "Keep link of NW-0003 on WooCommerce" }).click();
		await page.locator("#save-bar").waitFor({ state: "hidden" });
		expect(await listing(2)).toEqual({ item_id: item(2), desired: 13 });
		await app.getByRole("button", { name: "Unlink NW-0003 on WooCommerce" }).click();
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await app.getByText("It is linked to no listing.").waitFor();
		expect(await listing(2)).toEqual({ item_id: null, desired: null });
		await close();
		expect(faultsOf(complaints)).toEqual([]);
	});

	test("on a phone nothing scrolls sideways, and everything is reached; what somebody did meanwhile is not written over", async () => {
		const { page, app, close } = await stage.open({ path: path(4), ...PHONE });
		await app.getByRole("button", { name: "Link a listing" }).click();
		await app.getByLabel("Find a listing").fill("NW-0007");
		await app.getByRole("button", { name: "Link NW-0007" }).click();
		await app.getByTestId("links-preview").getByText("Stays 13.").waitFor();
		const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(high);
		expect(await violationsOf(app)).toEqual([]);
		await app.getByTestId("links-preview").scrollIntoViewIfNeeded();
		await page.screenshot({ path: picturePath("item-links-edit-phone") });
		await query("UPDATE listing SET item_id = $2, link_state = 'linked' WHERE shop_id = $1 AND external_id = $3", [
			shop.shopId,
			item(7),
			`woo-${item(6)}`,
		]);
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await page.getByText("Somebody linked it otherwise meanwhile.").waitFor();
		expect((await listing(6)).item_id).toBe(item(7));
		await close();
	});

	test("R40 who may only look sees the listings and no buttons", async () => {
		await query("UPDATE member SET granted = 'look' WHERE shop_id = $1", [shop.shopId]);
		const { app, close } = await stage.open({ path: path(3) });
		await app.getByText("On the sales channels").waitFor();
		expect(await app.getByRole("button", { name: /^(Unlink|Link a listing)/ }).count()).toBe(0);
		await close();
	});
});
