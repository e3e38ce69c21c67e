import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const ROOT = "/store/northwind-outdoor/apps/lockstep";
const STAFF = "548380009";
const COLLEAGUE = "548380010";

describe.skipIf(!chromiumPath)("R35 the settings inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const one = async (sql: string, values: unknown[] = []) => (await query(sql, values)).rows[0] as Record<string, unknown>;
	const granted = async (userId: string) =>
		(await one("SELECT granted FROM member WHERE shop_id = $1 AND user_id = $2", [shop.shopId, userId])).granted;

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 3 });
		await query("INSERT INTO location (shop_id, external_id, name) VALUES ($1, 'loc-2', 'Harbour store')", [shop.shopId]);
		await query("INSERT INTO member (shop_id, user_id, granted, installation) VALUES ($1, $2, 'approve', 1)", [shop.shopId, STAFF]);
		await query("INSERT INTO member (shop_id, user_id, granted, installation, name) VALUES ($1, $2, 'look', 1, 'Robin Okafor')", [
			shop.shopId,
			COLLEAGUE,
		]);
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	test("R40 rights, names and what newcomers get are changed together, and each is on record", async () => {
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/settings` });
		await app.getByLabel("Right of Robin Okafor").selectOption("operate");
		await app.getByLabel(`Name of Shopify user ${STAFF}`).fill("Sam Rivera");
		await app.getByLabel("People who open Lockstep for the first time may").selectOption("operate");
		await page.screenshot({ path: picturePath("settings") });
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await page.getByText("Settings saved").waitFor();
		expect(await granted(COLLEAGUE)).toBe("operate");
		const { rows } = await query("SELECT action, subject FROM audit WHERE shop_id = $1 AND actor = $2 ORDER BY id", [shop.shopId, STAFF]);
		expect(rows).toEqual([
			{ action: "newcomers.right_changed", subject: "" },
			{ action: "member.named", subject: STAFF },
			{ action: "right.changed", subject: COLLEAGUE },
		]);
		expect(complaints).toEqual([]);
		await close();
	});

	test("R40 the last one who may approve stays, and is told why", async () => {
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/settings` });
		await app.getByLabel("Right of Sam Rivera").selectOption("look");
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await page.getByText("Somebody must keep the right").waitFor();
		expect(await granted(STAFF)).toBe("approve");
		await close();
	});

	test("what a new channel begins with: a buffer and locations, saved as they are shown", async () => {
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/settings` });
		await app.getByLabel("Buffer").fill("2");
		await app.getByText("Only these").click();
		await app.getByRole("checkbox", { name: "Harbour store" }).uncheck();
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await page.getByText("Settings saved").waitFor();
		expect((await one("SELECT settings->'channelDefaults' AS d FROM shop WHERE id = $1", [shop.shopId])).d).toEqual({
			policy: { kind: "buffer", buffer: 2 },
			locationIds: [shop.location],
		});
		expect(complaints).toEqual([]);
		await close();
	});

	test("R40 which mass changes wait for approval: numbers, or nobody is asked; a number that is none is not saved", async () => {
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/settings` });
		const products = app.getByLabel("More than").first();
		await products.fill("0");
		await app.getByText("A whole number from 1 to 1,000,000").waitFor();
		await products.fill("20");
		await app.getByLabel("Or more than").fill("3");
		await app.getByLabel("Ask before many products are raised").uncheck();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("settings-mass-changes"), fullPage: true });
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await page.getByText("Settings saved").waitFor();
		const stored = async () => (await one("SELECT settings->'guards' AS g FROM shop WHERE id = $1", [shop.shopId])).g;
		expect(await stored()).toEqual({ zero: { products: 20, percent: 3 }, raise: null });
		await app.getByLabel("Ask before many products go to zero").uncheck();
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await expect.poll(stored).toEqual({ zero: null, raise: null });
		expect(complaints).toEqual([]);
		await close();
	});

	test("a person who may look sees it all and can press nothing", async () => {
		await query("UPDATE member SET granted = CASE user_id WHEN $2 THEN 'look' ELSE 'approve' END WHERE shop_id = $1", [shop.shopId, STAFF]);
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/settings`, width: 390, height: 844 });
		await app.getByText("You can look at the settings").waitFor();
		expect(await app.getByRole("combobox").evaluateAll((all) => all.every((one) => (one as HTMLSelectElement).disabled))).toBe(true);
		const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(high);
		await page.screenshot({ path: picturePath("settings-phone") });
		await close();
	});
});
