import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bringFile, confirmBulk, runBulk } from "#app/backfill/index.ts";
import { quietDeps } from "../kit/deps.ts";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { makeOwing, type Owing } from "../kit/make-oversells.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, type Opened, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const PHONE = { width: 390, height: 844 };
const APP = "/store/northwind-outdoor/apps/lockstep/app";
const isOurs = (text: string) => !text.includes("preloaded using link preload");

describe.skipIf(!chromiumPath)("R11 R35 what is owed, inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	let owing: Owing;
	/** What `owing` counts seconds from. */
	let owedFrom: number;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const rows = async (sql: string, values: unknown[] = []) => (await query(sql, values)).rows;
	const see = async ({ page, app, complaints }: Opened, name: string) => {
		const [wide, screen] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect([name, wide]).toEqual([name, screen]);
		expect([name, await violationsOf(app)]).toEqual([name, []]);
		await page.screenshot({ path: picturePath(name), fullPage: true });
		expect([name, complaints.filter(isOurs)]).toEqual([name, []]);
	};

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 12 });
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	test("nothing was ever owed: it says so", async () => {
		const opened = await stage.open({ path: `${APP}/oversells` });
		await opened.app.getByText("Nothing was ever sold twice").waitFor();
		await see(opened, "oversells-empty");
		await opened.close();
		const phone = await stage.open({ path: `${APP}/oversells`, ...PHONE });
		await phone.app.getByText("Nothing was ever sold twice").waitFor();
		await see(phone, "oversells-empty-phone");
		await phone.close();
	});

	test("from the overview to the owed order, why it is owed, and taking it from another location: it is solved", async () => {
		owedFrom = Date.now();
		owing = await makeOwing(stage.database.pool, shop);
		const item = shop.items[0] ?? 0;
		// Shopify sold the last one, and told of it a minute later; by then the store had sold it as well.
		await owing.takenAtHome({ order: "2001", item, units: 1, boughtS: 100, heardS: 40 });
		const first = await owing.sold({ order: "3101", item, units: 1, boughtS: 60, heardS: 30 });
		const second = await owing.sold({ order: "3102", item, units: 2, boughtS: 20, heardS: 19 });
		expect([first > 0, second > first]).toEqual([true, true]);
		const opened = await stage.open();
		const { app, page } = opened;
		await app.getByRole("link", { name: "Oversold, last 24 hours" }).click();
		await app.getByText("3 units owed to 2 orders", { exact: false }).waitFor();
		await see(opened, "oversells");
		await app.getByRole("link", { name: "#3101" }).click();
		await app.getByTestId("reason").getByText("Shopify told of its sale late").waitFor();
		expect(await app.locator(".timeline-slow").innerText()).toContain("Lockstep heard of it from Shopify");
		expect(await app.getByTestId("timeline").locator("li").count()).toBeGreaterThanOrEqual(5);
		expect(await app.getByTestId("place").innerText()).toContain("First");
		await app.getByText("Leaves 3 at Shop floor.", { exact: false }).waitFor();
		await see(opened, "oversell");
		// One of the two presses finds nothing left to do.
		await app.getByRole("button", { name: "Take 1 from Shop floor" }).dblclick();
		await page.getByText("1 unit taken from there").waitFor();
		await app.getByText("Nothing is owed to this order any more").waitFor();
		await app.getByText("2 units of the same are owed to other orders, so it is held at 0 for now.").waitFor();
		await app
			.getByTestId("history")
			.getByText("Took 1 unit of NW-0001 for order #3101 on WooCommerce from Shop floor", { exact: false })
			.waitFor();
		await see(opened, "oversell-solved");
		expect(
			await rows("SELECT available - short AS net, delta_owed FROM stock WHERE shop_id = $1 AND item_id = $2 ORDER BY location_id", [
				shop.shopId,
				item,
			]),
		).toEqual([
			{ net: -2, delta_owed: -2 },
			{ net: 3, delta_owed: -1 },
		]);
		await opened.close();
	});

	test("another product is sent instead, chosen by its SKU; a note for whoever packs it", async () => {
		const id = await owing.sold({ order: "3103", item: shop.items[0] ?? 0, units: 1, boughtS: 10, heardS: 9 });
		const opened = await stage.open({ path: `${APP}/oversells/${id}` });
		const { app, page } = opened;
		await app.getByLabel("Note for whoever packs it").fill("The pine one is gone: send the blue one, the buyer agreed");
		await app.getByRole("button", { name: "Keep note" }).click();
		await page.getByText("Note kept").waitFor();
		await app.getByRole("button", { name: "Choose another product" }).click();
		await app.getByLabel("Which product?").fill("NW-0002");
		await app.getByRole("button", { name: "Send NW-0002" }).waitFor();
		await see(opened, "oversell-instead");
		await app.getByRole("button", { name: "Send NW-0002" }).click();
		await page.getByText("1 unit of it taken instead").waitFor();
		await app.getByText("Something else sent").first().waitFor();
		expect(
			await rows("SELECT item_id, instead_of FROM order_line_allocation WHERE shop_id = $1 AND order_id = '3103'", [shop.shopId]),
		).toEqual([{ item_id: shop.items[1], instead_of: shop.items[0] }]);
		await opened.close();
	});

	test.each([
		{ order: "3105", suffix: "", size: {} },
		{ order: "3106", suffix: "-phone", size: PHONE },
	])("R27 units that a bulk change took: it is named, and one press leads to it ($order)", async ({ order, suffix, size }) => {
		const deps = quietDeps(stage.database.pool);
		const item = shop.items[suffix === "" ? 3 : 4] ?? 0;
		const text = `SKU,Location,Quantity\nNW-000${suffix === "" ? 4 : 5},Main warehouse,0\n`;
		const file = { bytes: Buffer.from(text), name: "count of november.csv", actor: "548380009", press: `bulk${suffix}` };
		const brought = await bringFile(deps, shop.shopId, file);
		if (brought.outcome !== "kept") throw new Error(brought.reason);
		const work = () => runBulk(deps, shop.shopId, { waitingMax: Number.POSITIVE_INFINITY });
		await work();
		const { changeId } = brought;
		expect(await confirmBulk(deps, shop.shopId, { changeId, leaveOut: false, actor: "548380009", right: "approve" })).toEqual({
			outcome: "confirmed",
		});
		await work();
		// A whole second later, as the store's stamps go, and nobody has told it to show less.
		await new Promise((resolve) => setTimeout(resolve, 2_000));
		const ago = (owedFrom - Date.now()) / 1_000;
		const id = await owing.sold({ order, item, units: 1, boughtS: ago, heardS: ago });
		const opened = await stage.open({ path: `${APP}/oversells/${id}`, ...size });
		const { app } = opened;
		await app.getByTestId("reason").getByText("A bulk change took the units off").waitFor();
		await app.getByTestId("timeline").getByText("taken off in a bulk change", { exact: false }).waitFor();
		await see(opened, `oversell-bulk${suffix}`);
		await app.getByRole("link", { name: "count of november.csv" }).click();
		await app.getByTestId("bulk-result").getByText("1 change made", { exact: false }).waitFor();
		await opened.close();
	});

	test("cancelling asks first; dismissing asks why; both are on record, and what is dismissed can be opened again", async () => {
		const [{ id }] = (await rows("SELECT id FROM oversell WHERE shop_id = $1 AND order_id = '3102'", [shop.shopId])) as [{ id: number }];
		const opened = await stage.open({ path: `${APP}/oversells/${id}` });
		const { app, page } = opened;
		await app.getByTestId("place").getByText("First", { exact: false }).waitFor();
		await app.getByRole("button", { name: "Cancel the order" }).click();
		await app.getByText("Cancel order #3102 on WooCommerce? This cannot be undone.").waitFor();
		await see(opened, "oversell-cancel");
		await app.getByRole("button", { name: "Yes, cancel it" }).click();
		await app.getByText("WooCommerce is being asked.", { exact: false }).first().waitFor();
		expect(await rows("SELECT state FROM order_cancellation WHERE shop_id = $1", [shop.shopId])).toEqual([{ state: "asked" }]);
		await page.getByRole("button", { name: "Dismiss" }).first().click();
		await app.getByText("Dismiss this?").waitFor();
		await see(opened, "oversell-dismiss");
		await app.getByRole("button", { name: "Dismiss" }).click();
		await app
			.getByText("Ann Ferris: Settled with the buyer", { exact: false })
			.or(app.getByText("You: Settled with the buyer", { exact: false }))
			.waitFor();
		await page.getByRole("button", { name: "Open again" }).click();
		await app.getByText("2 units are owed to a buyer").waitFor();
		await opened.close();
	});

	test("on a phone: the list, the card from top to bottom; the product's page leads here", async () => {
		const opened = await stage.open({ path: `${APP}/items/${shop.items[0]}`, ...PHONE });
		const { app } = opened;
		await app.getByText("owed to orders", { exact: false }).first().waitFor();
		await app.getByRole("link", { name: "See which, and what to do" }).click();
		await app.getByText("#3102").waitFor();
		await see(opened, "oversells-phone");
		await app.getByRole("link", { name: "#3102" }).click();
		await app.getByTestId("reason").waitFor();
		await see(opened, "oversell-phone");
		await opened.close();
	});
});
