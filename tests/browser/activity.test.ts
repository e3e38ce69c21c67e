import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const ROOT = "/store/northwind-outdoor/apps/lockstep";
const STAFF = "548380009";

describe.skipIf(!chromiumPath)("R35 the activity page inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const listing = async (n: number) =>
		(await query("SELECT id, policy, desired, paused FROM listing WHERE shop_id = $1 AND item_id = $2", [shop.shopId, shop.items[n]]))
			.rows[0] as {
			id: number;
			policy: unknown;
			desired: number;
			paused: boolean;
		};
	const note = (action: string, subject: string, before: unknown, after: unknown, actor = STAFF) =>
		query("INSERT INTO audit (shop_id, actor, action, subject, before, after) VALUES ($1, $2, $3, $4, $5, $6)", [
			shop.shopId,
			actor,
			action,
			subject,
			JSON.stringify(before),
			JSON.stringify(after),
		]);

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 8 });
		const woo = String(shop.woocommerce);
		const { id } = await listing(0);
		await note("connection.live", woo, { state: "watching" }, { state: "live" });
		await query(`UPDATE listing SET policy = '{"kind":"buffer","buffer":2}', desired = desired - 2 WHERE id = $1`, [id]);
		await note("policy.changed", woo, { listings: [{ id, policy: null }] }, { listings: [{ id, policy: { kind: "buffer", buffer: 2 } }] });
		await note("locations.chosen", woo, { locationIds: [] }, { locationIds: [shop.location] });
		await query("INSERT INTO connection_location (shop_id, connection_id, location_id) VALUES ($1, $2, $3)", [
			shop.shopId,
			woo,
			shop.location,
		]);
		const many = (await query("SELECT id FROM listing WHERE shop_id = $1 ORDER BY id", [shop.shopId])).rows.map((row) => row.id as number);
		await query("UPDATE listing SET paused = true WHERE shop_id = $1", [shop.shopId]);
		await note("listings.paused", woo, { listingIds: many, paused: false }, { listingIds: many, paused: true, reason: "by hand" }, "77");
		await query("INSERT INTO member (shop_id, user_id, granted, installation, name) VALUES ($1, '77', 'operate', 1, 'Robin Okafor')", [
			shop.shopId,
		]);
		await query("INSERT INTO member (shop_id, user_id, granted, installation) VALUES ($1, $2, 'approve', 1)", [shop.shopId, STAFF]);
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	test("R40 who did what, with before and after in words", async () => {
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/activity` });
		await app.getByText("Went live on WooCommerce").waitFor();
		const text = await app.getByTestId("index-list").innerText();
		expect(text).toContain("Changed the rule of NW-0001 on WooCommerce");
		expect(text).toContain("the channel's rule → 2 units held back");
		expect(text).toContain("all that fulfil online orders → Main warehouse");
		expect(text).toContain("Paused 8 listings (NW-0001, NW-0002, NW-0003, …) on WooCommerce");
		expect(text).toContain("Robin Okafor");
		expect(text).toContain("You");
		await page.screenshot({ path: picturePath("activity") });
		expect(complaints).toEqual([]);
		await close();
	});

	test("filters by kind and by person stand in the address", async () => {
		const { app, close } = await stage.open({ path: `${ROOT}/app/activity?person=77` });
		await app.getByText("Paused 8 listings").waitFor();
		expect(await app.getByText("Went live on WooCommerce").count()).toBe(0);
		await close();
		const kinds = await stage.open({ path: `${ROOT}/app/activity` });
		await kinds.app.getByRole("tab", { name: "Rules" }).click();
		await kinds.app.getByText("Went live on WooCommerce").waitFor({ state: "detached" });
		await kinds.app.getByText("Changed the rule of NW-0001").waitFor();
		await kinds.close();
	});

	test("R45 rules, pauses and locations are undone by one press each; a second press finds nothing left", async () => {
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/activity` });
		const before = await listing(0);
		await app.getByRole("button", { name: "Undo: Changed the rule of NW-0001 on WooCommerce" }).click();
		await page.getByText("Undone: 1 thing as before.").waitFor();
		expect(await listing(0)).toMatchObject({ policy: null, desired: before.desired + 2 });
		await app.getByRole("button", { name: /^Undo: Paused 8 listings/ }).click();
		await page.getByText("Undone: 8 things as before.").waitFor();
		expect((await listing(5)).paused).toBe(false);
		await app.getByRole("button", { name: "Undo: Chose the locations that feed WooCommerce" }).click();
		await page.getByText("Undone: 1 thing as before.").nth(1).waitFor();
		expect((await query("SELECT FROM connection_location WHERE shop_id = $1", [shop.shopId])).rowCount).toBe(0);
		await app.getByRole("button", { name: /^Undo: Paused 8 listings/ }).click();
		await page.getByText("It was changed again since. Nothing was changed now.").waitFor();
		expect(complaints).toEqual([]);
		await close();
	});

	test("on a phone each entry is a block, without sideways scrolling", async () => {
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/activity`, width: 390, height: 844 });
		await app.getByText("Went live on WooCommerce").waitFor();
		const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(high);
		await page.screenshot({ path: picturePath("activity-phone") });
		await close();
	});
});
