import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const PHONE = { width: 390, height: 844 };
const ROOT = "/store/northwind-outdoor/apps/lockstep";

/** Of a product that has parts, and of one that has none yet. */
const EDIT = /^(Edit what it is made of|Add parts)$/;

describe.skipIf(!chromiumPath)("R14 what a product is made of, edited inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const item = (n: number) => shop.items[n] ?? 0;
	const path = (n: number) => `${ROOT}/app/items/${item(n)}`;
	const parts = async (n: number) =>
		(
			await query(
				"SELECT component_item_id AS item, quantity FROM bundle_component WHERE shop_id = $1 AND bundle_item_id = $2 ORDER BY 1",
				[shop.shopId, item(n)],
			)
		).rows;
	const desired = async (n: number) =>
		(await query("SELECT desired FROM listing WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item(n)])).rows[0]?.desired;

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 8 });
		await query("UPDATE stock SET available = 13, home_quantity = 13, home_read_at = now() WHERE shop_id = $1", [shop.shopId]);
		await query("UPDATE listing SET desired = 13, shown = 13 WHERE shop_id = $1", [shop.shopId]);
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	test("R12 R45 parts are found and added, the form foretells each channel's figure, saving keeps its word, and Activity takes it back", async () => {
		const { page, app, complaints, close } = await stage.open({ path: path(0) });
		await app.getByRole("button", { name: EDIT }).click();
		await app.getByLabel("Add a part").fill("NW-0002");
		await app.getByRole("button", { name: "Add NW-0002" }).click();
		await app.getByLabel("Units of NW-0002 in one").fill("4");
		await app.getByLabel("Add a part").fill("NW-0003");
		await app.getByRole("button", { name: "Add NW-0003" }).click();
		await app.getByTestId("parts-preview").getByText("WooCommerce, NW-0001: 13 → 3").waitFor();
		expect(await parts(0)).toEqual([]);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("item-bundle-edit") });
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await app.getByText("It has as many as its parts suffice for.").waitFor();
		await app.getByText("Changed what NW-0001 is made of").waitFor();
		expect(await parts(0)).toEqual([
			{ item: item(1), quantity: 4 },
			{ item: item(2), quantity: 1 },
		]);
		expect(await desired(0)).toBe(3);
		expect(await app.getByTestId("available").innerText()).toBe("3");
		await close();
		const activity = await stage.open({ path: `${ROOT}/app/activity` });
		await activity.app.getByText("Changed what NW-0001 is made of").first().waitFor();
		await activity.app.getByRole("button", { name: /Undo/ }).first().click();
		await activity.page.getByText("Undone: 1 thing as before. Sales in between are kept.").waitFor();
		expect([await parts(0), await desired(0)]).toEqual([[], 13]);
		await activity.close();
		expect([...complaints, ...activity.complaints]).toEqual([]);
	});

	test("a figure that is none cannot be saved, what cannot be a part says why, and discarding changes nothing", async () => {
		await query("UPDATE item SET tracked = false WHERE id = $1", [item(5)]);
		const { page, app, close } = await stage.open({ path: path(3) });
		await app.getByRole("button", { name: EDIT }).click();
		await app.getByLabel("Add a part").fill("NW-0006");
		await app.getByText("Shopify does not count it.").waitFor();
		expect(await app.getByRole("button", { name: "Add NW-0006" }).count()).toBe(0);
		await app.getByLabel("Add a part").fill("NW-0007");
		await app.getByRole("button", { name: "Add NW-0007" }).click();
		await app.getByLabel("Units of NW-0007 in one").fill("1000");
		await app.getByText("1 to 999").waitFor();
		expect(await page.locator("#save-bar").getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
		await page.locator("#save-bar").getByRole("button", { name: "Discard" }).click();
		await page.locator("#save-bar").waitFor({ state: "hidden" });
		expect(await parts(3)).toEqual([]);
		await close();
	});

	test("on a phone nothing scrolls sideways, and everything is reached", async () => {
		const { page, app, close } = await stage.open({ path: path(4), ...PHONE });
		await app.getByRole("button", { name: EDIT }).click();
		await app.getByLabel("Add a part").fill("NW-0001");
		await app.getByRole("button", { name: "Add NW-0001" }).click();
		await app.getByLabel("Units of NW-0001 in one").fill("6");
		await app.getByTestId("parts-preview").getByText("WooCommerce, NW-0005: 13 → 2").waitFor();
		const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(high);
		expect(await violationsOf(app)).toEqual([]);
		await app.getByTestId("parts").scrollIntoViewIfNeeded();
		await page.screenshot({ path: picturePath("item-bundle-edit-phone") });
		await close();
	});

	test("a bundle of Shopify's own is shown and not edited, and says where it is", async () => {
		await query("UPDATE item SET is_home_bundle = true WHERE id = $1", [item(6)]);
		await query("INSERT INTO bundle_component (shop_id, bundle_item_id, component_item_id, quantity) VALUES ($1, $2, $3, 2)", [
			shop.shopId,
			item(6),
			item(7),
		]);
		const { app, close } = await stage.open({ path: path(6) });
		await app.getByText("What it is made of is edited in Shopify.").waitFor();
		expect(await app.getByRole("button", { name: EDIT }).count()).toBe(0);
		await close();
	});

	test("R40 who may only look sees the parts and no form", async () => {
		const { app, close } = await stage.open({ path: path(7) });
		await app.getByText("A sale of these takes units of this product as well.").waitFor();
		await query("UPDATE member SET granted = 'look' WHERE shop_id = $1", [shop.shopId]);
		await close();
		const looking = await stage.open({ path: path(2) });
		await looking.app.getByText("On the sales channels").waitFor();
		expect(await looking.app.getByRole("button", { name: EDIT }).count()).toBe(0);
		await looking.close();
	});
});
