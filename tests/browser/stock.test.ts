import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runBulk } from "#app/backfill/index.ts";
import { quietDeps } from "../kit/deps.ts";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, type Opened, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const PHONE = { width: 390, height: 844 };
const ROOT = "/store/northwind-outdoor/apps/lockstep";

/** Chromium's wish that a slow machine had been faster is none. */
const faultsOf = (complaints: readonly string[]) => complaints.filter((text) => !/was preloaded using link preload/.test(text));

describe.skipIf(!chromiumPath)("R35 the stock page inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const one = async (sql: string, values: unknown[] = []) => (await query(sql, values)).rows[0] as Record<string, unknown>;
	const audits = async () => Number((await one("SELECT count(*)::int AS n FROM audit WHERE shop_id = $1", [shop.shopId])).n);

	beforeAll(async () => {
		stage = await openStage();
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());
	beforeEach(() => {
		expect.hasAssertions();
	});

	test("before the first product the page says what it waits for", async () => {
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/stock` });
		await app.getByText("Your products are being read").waitFor();
		await page.screenshot({ path: picturePath("stock-empty") });
		expect(complaints).toEqual([]);
		await close();
	});

	test("every product with its figure in Shopify and on each channel, with marks where they differ", async () => {
		shop = await fillShop(stage.database.pool, SHOP, { listings: 130 });
		const item = (n: number) => shop.items[n];
		await query("UPDATE listing SET shown = shown + 2, dirty_since = now() WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item(0)]);
		await query("UPDATE listing SET shown = shown + 1, parked = true WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item(1)]);
		await query("UPDATE listing SET paused = true, paused_reason = 'by hand' WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item(2)]);
		await query("UPDATE stock SET available = 0, short = 3 WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item(3)]);
		await query("UPDATE listing SET desired = 0, shown = 0 WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item(3)]);
		await query("DELETE FROM listing WHERE shop_id = $1 AND item_id = $2", [shop.shopId, item(4)]);
		await query(
			`UPDATE listing SET policy = '{"kind":"buffer","buffer":2}', desired = desired - 2, shown = shown - 2 WHERE shop_id = $1 AND item_id = $2`,
			[shop.shopId, item(5)],
		);
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/stock` });
		const row = (sku: string) => app.getByRole("row").filter({ hasText: sku });
		await row("NW-0001").waitFor();
		expect(await app.getByRole("row").count()).toBeGreaterThanOrEqual(51);
		expect(await row("NW-0001").innerText()).toContain("On its way");
		expect(await row("NW-0002").innerText()).toContain("Update failed");
		expect(await row("NW-0003").innerText()).toContain("Paused");
		expect(await row("NW-0005").innerText()).toContain("Not listed");
		expect(await row("NW-0006").innerText()).toContain("2 held back");
		await page.screenshot({ path: picturePath("stock") });
		expect(complaints).toEqual([]);
		await close();
	});

	test("pages go forwards and back; each product stands on exactly one", async () => {
		const { app, close } = await stage.open({ path: `${ROOT}/app/stock` });
		const seen: string[] = [];
		const read = async (first: string) => {
			await app.getByRole("row").filter({ hasText: first }).waitFor();
			seen.push(...((await app.getByTestId("index-list").innerText()).match(/NW-\d{4}/g) ?? []));
		};
		await read("NW-0001");
		await app.getByRole("button", { name: "Next" }).click();
		await read("NW-0051");
		await app.getByRole("button", { name: "Next" }).click();
		await read("NW-0101");
		expect(new Set(seen).size).toBe(130);
		expect(seen).toHaveLength(130);
		await app.getByRole("button", { name: "Previous" }).click();
		await app.getByRole("row").filter({ hasText: "NW-0051" }).waitFor();
		expect(await app.getByRole("row").filter({ hasText: "NW-0101" }).count()).toBe(0);
		await close();
	});

	test("views and search narrow the list and live in the address", async () => {
		const { app, close } = await stage.open({ path: `${ROOT}/app/stock` });
		await app.getByRole("row").filter({ hasText: "NW-0001" }).waitFor();
		await app.getByRole("tab", { name: "Update failed" }).click();
		await app.waitForURL(/state=failed/);
		await app.getByRole("row").filter({ hasText: "NW-0001" }).waitFor({ state: "detached" });
		expect((await app.getByTestId("index-list").innerText()).match(/NW-\d{4}/g)).toEqual(["NW-0002"]);
		await close();
		const again = await stage.open({ path: `${ROOT}/app/stock?q=NW-012&channel=${shop.woocommerce}` });
		await again.app.getByRole("row").filter({ hasText: "NW-0120" }).waitFor();
		expect((await again.app.getByTestId("index-list").innerText()).match(/NW-\d{4}/g)).toHaveLength(10);
		await again.close();
	});

	test("a saved view is everybody's, and can be deleted", async () => {
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/stock?q=NW-01` });
		await app.getByRole("row").filter({ hasText: "NW-0100" }).waitFor();
		await app.getByRole("button", { name: "Save as" }).click({ timeout: 5_000 });
		await app.getByLabel("Name").fill("Hundreds", { timeout: 5_000 });
		await app.getByRole("button", { name: "Save", exact: true }).last().click();
		await page.getByText("View saved for everybody in this shop").waitFor();
		await app.getByRole("tab", { name: "Hundreds" }).waitFor();
		expect((await one("SELECT name, query FROM saved_view WHERE shop_id = $1", [shop.shopId])).query).toBe("q=NW-01");
		await close();
	});

	test("the file holds what the filter shows, and no text of it is a formula", async () => {
		await query(`UPDATE item SET title = '=HYPERLINK("http://evil.example")' WHERE shop_id = $1 AND id = $2`, [shop.shopId, shop.items[0]]);
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/stock?state=off` });
		await app.getByRole("row").filter({ hasText: "NW-0001" }).waitFor();
		const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export" }).click()]);
		const chunks: Buffer[] = [];
		for await (const chunk of await file.createReadStream()) chunks.push(chunk as Buffer);
		const lines = Buffer.concat(chunks).toString("utf8").trim().split("\r\n");
		expect(file.suggestedFilename()).toBe("stock.csv");
		expect(lines).toHaveLength(3);
		expect(lines[1]).toContain(`NW-0001,"'=HYPERLINK(""http://evil.example"")",`);
		expect(lines[2]).toContain("NW-0002,");
		await close();
		await query("UPDATE item SET title = 'Enamel mug, 350 ml' WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.items[0]]);
	});

	/** What the worker does that is woken for it; a worker of its own would also deliver, to stores that are only rows here. */
	const work = () => runBulk(quietDeps(stage.database.pool), shop.shopId);
	const chooseAll = async (app: Opened["app"]) => {
		await app.getByRole("row").filter({ hasText: "NW-0001" }).waitFor();
		await app
			.getByRole("checkbox", { name: /Select all/ })
			.first()
			.check({ force: true });
		await app.getByRole("button", { name: "Select all 130 products that match" }).click();
		await app.getByText("All 130 products that match are selected").waitFor();
	};
	const undoNewest = async (name: string) => {
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/activity` });
		await app.getByRole("button", { name }).click();
		await page.getByText("Being undone for").waitFor();
		await work();
		await close();
	};

	test("R12 R45 all that a filter matches is chosen over all pages, seen before, asked for once, followed until it is done, and undone", async () => {
		const linked = await one("SELECT count(*)::int AS n FROM listing WHERE shop_id = $1 AND link_state = 'linked'", [shop.shopId]);
		const rules = () => one("SELECT count(policy)::int AS own, sum(desired)::int AS units FROM listing WHERE shop_id = $1", [shop.shopId]);
		const before = await rules();
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/stock` });
		await chooseAll(app);
		await page.screenshot({ path: picturePath("stock-all-chosen") });
		await app.getByRole("button", { name: "One rule for all" }).click();
		await app.getByText("All 130 products that match the filter").waitFor();
		await app.getByRole("combobox", { name: "Shows" }).selectOption("fixed");
		await app.getByLabel("Figure").fill("1");
		await app.getByRole("button", { name: "Look what changes" }).click();
		await app.getByText(`${linked.n} listings get this rule`, { exact: false }).waitFor();
		await page.screenshot({ path: picturePath("stock-bulk-preview"), fullPage: true });
		await app.getByRole("button", { name: `Change ${linked.n} listings` }).click();
		await app.getByText(`0 of ${linked.n} listings done`, { exact: false }).waitFor();
		await page.screenshot({ path: picturePath("stock-bulk-progress"), fullPage: true });
		expect(await one("SELECT total, done FROM bulk_change WHERE shop_id = $1", [shop.shopId])).toEqual({ total: linked.n, done: 0 });
		await work();
		await app.getByText(`Done: ${linked.n} listings changed. It can be undone in Activity.`).waitFor();
		await page.screenshot({ path: picturePath("stock-bulk-done"), fullPage: true });
		expect((await rules()).own).toBe(linked.n);
		await close();
		await undoNewest(`Undo: Changed the rule of ${linked.n} listings at once`);
		expect(await rules()).toEqual(before);
		expect(faultsOf(complaints)).toEqual([]);
	});

	test("R12 R45 all that a filter matches is paused with one press that says how many, resumed with another, and that is undone as one", async () => {
		await query("UPDATE listing SET shown = shown + 1 WHERE shop_id = $1 AND item_id = $2", [shop.shopId, shop.items[60]]);
		const paused = async () => Number((await one("SELECT count(*)::int AS n FROM listing WHERE shop_id = $1 AND paused", [shop.shopId])).n);
		const linked = Number(
			(await one("SELECT count(*)::int AS n FROM listing WHERE shop_id = $1 AND link_state = 'linked'", [shop.shopId])).n,
		);
		const before = await paused();
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/stock` });
		await chooseAll(app);
		await app.getByRole("button", { name: "Pause all" }).click();
		await app.getByText(`${linked - before} listings will be paused`).waitFor();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("stock-pause-all"), fullPage: true });
		await app.getByRole("button", { name: `Pause ${linked - before} listings` }).click();
		await app.getByText(`0 of ${linked - before} listings done`, { exact: false }).waitFor();
		await work();
		await app.getByText(`Done: ${linked - before} listings paused. It can be undone in Activity.`).waitFor();
		await page.screenshot({ path: picturePath("stock-pause-all-done"), fullPage: true });
		expect(await paused()).toBe(linked);
		await close();
		const phone = await stage.open({ path: `${ROOT}/app/stock/bulk?act=resume`, ...PHONE });
		await phone.app.getByText(`${linked} listings will be resumed and brought to the figure of today.`).waitFor();
		await phone.page.screenshot({ path: picturePath("stock-resume-all-phone"), fullPage: true });
		await phone.app.getByRole("button", { name: `Resume ${linked} listings` }).click();
		await phone.app.getByText(`0 of ${linked} listings done`, { exact: false }).waitFor();
		await work();
		await phone.app.getByText(`Done: ${linked} listings resumed. It can be undone in Activity.`).waitFor();
		expect(await paused()).toBe(0);
		await phone.close();
		await undoNewest(`Undo: Resumed ${linked} listings at once`);
		expect(await paused()).toBe(linked);
		await query("UPDATE listing SET paused = false, paused_reason = NULL WHERE shop_id = $1", [shop.shopId]);
		await query("UPDATE listing SET shown = desired WHERE shop_id = $1 AND item_id = $2", [shop.shopId, shop.items[60]]);
		expect(faultsOf([...complaints, ...phone.complaints])).toEqual([]);
	});

	test("R12 R40 many rules are edited at once: the effect is shown, saved with the admin's bar, and on record", async () => {
		const before = await audits();
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/stock?q=NW-003` });
		await app.getByRole("row").filter({ hasText: "NW-0030" }).waitFor();
		for (const sku of ["NW-0030", "NW-0031"])
			await app.getByRole("row").filter({ hasText: sku }).getByRole("checkbox").check({ force: true });
		await app.getByRole("button", { name: "Edit rules" }).click();
		await app.getByLabel("Buffer of NW-0030 on WooCommerce").fill("3");
		await app.getByLabel("Maximum of NW-0031 on WooCommerce").fill("1");
		await app.getByLabel("Pause NW-0031 on WooCommerce").check();
		const stock = async (n: number) =>
			Number((await one("SELECT available FROM stock WHERE shop_id = $1 AND item_id = $2", [shop.shopId, shop.items[n]])).available);
		const available = await stock(29);
		await app.getByText(`${available} → ${Math.max(0, available - 3)}`).waitFor();
		await page.screenshot({ path: picturePath("stock-edit-changed") });
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await page.getByText("3 changes saved.").waitFor();
		const listing = (n: number) =>
			one("SELECT policy, desired, paused FROM listing WHERE shop_id = $1 AND item_id = $2", [shop.shopId, shop.items[n]]);
		expect(await listing(29)).toEqual({ policy: { kind: "buffer", buffer: 3 }, desired: Math.max(0, available - 3), paused: false });
		expect(await listing(30)).toEqual({ policy: { kind: "exact", maximum: 1 }, desired: 1, paused: true });
		expect(await audits()).toBe(before + 2);
		expect(complaints).toEqual([]);
		await close();
	});

	test("chosen products are paused and resumed by two presses", async () => {
		const { page, app, close } = await stage.open({ path: `${ROOT}/app/stock?q=NW-004` });
		await app.getByRole("row").filter({ hasText: "NW-0040" }).waitFor();
		await app.getByRole("row").filter({ hasText: "NW-0040" }).getByRole("checkbox").check({ force: true });
		await app.getByRole("button", { name: "Pause", exact: true }).click();
		await page.getByText("1 listing paused").waitFor();
		const paused = async () =>
			(await one("SELECT paused FROM listing WHERE shop_id = $1 AND item_id = $2", [shop.shopId, shop.items[39]])).paused;
		expect(await paused()).toBe(true);
		await app.getByRole("row").filter({ hasText: "NW-0040" }).getByRole("checkbox").check({ force: true });
		await app.getByRole("button", { name: "Resume" }).click();
		await page.getByText("1 listing resumed").waitFor();
		expect(await paused()).toBe(false);
		await close();
	});

	test("on a phone each product is a block of lines, without sideways scrolling", async () => {
		const { page, app, complaints, close } = await stage.open({ path: `${ROOT}/app/stock`, ...PHONE });
		await app.getByText("NW-0001").first().waitFor();
		await app.getByText("On its way").first().waitFor();
		const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(high);
		await page.screenshot({ path: picturePath("stock-phone") });
		expect(complaints).toEqual([]);
		await close();
	});
});
