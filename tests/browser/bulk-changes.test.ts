import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { askForBulkRules, bringFile, confirmBulk, runBulk } from "#app/backfill/index.ts";
import type { Deps } from "#connections";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const PHONE = { width: 390, height: 844 };
const STAFF = "548380009";
const APP = "/store/northwind-outdoor/apps/lockstep/app";
const SOON = { timeout: 30_000 };
/** Shopify's library announces its script by the address at Shopify; on a busy machine the browser remarks on that (pages.test.ts). */
const isOurs = (text: string) => !text.includes("preloaded using link preload");
const LISTINGS = 60;

describe.skipIf(!chromiumPath)("R27 R35 bulk changes", () => {
	let stage: Stage;
	let shop: FilledShop;
	let deps: Deps;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const allow = (granted: string) =>
		query(
			`INSERT INTO member (shop_id, user_id, granted, installation) SELECT id, $3, $2, installation FROM shop WHERE id = $1
			 ON CONFLICT (shop_id, user_id) DO UPDATE SET granted = excluded.granted`,
			[shop.shopId, granted, STAFF],
		);
	/** What a worker would do; the stage has none. */
	const work = (batchesMax = 50, waitingMax = Number.POSITIVE_INFINITY) => runBulk(deps, shop.shopId, { batchesMax, waitingMax });
	const netOf = async (sku: string) =>
		(
			await query(
				"SELECT s.available - s.short AS net FROM stock s JOIN item i ON i.shop_id = s.shop_id AND i.id = s.item_id WHERE s.shop_id = $1 AND i.sku = $2",
				[shop.shopId, sku],
			)
		).rows[0]?.net;
	/** Ten of every product, and nothing was ever changed in bulk. */
	const lines = (change: (n: number) => string) =>
		Array.from({ length: 45 }, (_, n) => `NW-${String(n + 1).padStart(4, "0")},${change(n)}`);

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: LISTINGS });
		deps = {
			pool: stage.database.pool,
			keyRing: [{ id: "k", key: randomBytes(32) }],
			env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
			log: pino({ level: "silent" }),
			wake: async () => {},
		};
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());
	beforeEach(async () => {
		for (const table of ["bulk_change", "inbox_event", "audit"]) await query(`DELETE FROM ${table}`);
		await query(
			"UPDATE stock SET available = 10, short = 0, home_quantity = 10, home_read_at = now() - interval '1 hour', delta_owed = 0, owed_since = NULL",
		);
		await query("UPDATE listing SET desired = 10, shown = 10, dirty_since = NULL, policy = NULL, paused = false, paused_reason = NULL");
		await allow("approve");
	});

	test("a file with errors in it, told by line; looked at, done with a bar that moves, and rolled back", async () => {
		const { page, app, complaints, close } = await stage.open({ path: `${APP}/stock` });
		await app.getByText("NW-0001").first().waitFor(SOON);
		await page.getByRole("button", { name: "Import" }).click();
		await app.getByText("From a file").waitFor(SOON);
		expect(await violationsOf(app)).toEqual([]);
		const text = ["SKU,Quantity,Buffer,Colour", ...lines((n) => `${n < 2 ? "x" : 20},${n === 5 ? 3 : ""},red`), "GONE-1,4,,"].join("\n");
		await app
			.getByLabel("File with changes")
			.setInputFiles({ name: "count of november.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
		await app.getByTestId("bulk-progress").waitFor(SOON);
		await page.screenshot({ path: picturePath("bulk-flow-reading") });
		await work();
		const problems = app.getByTestId("bulk-problems");
		await problems.getByText("Line 2: Quantity “x” is not a whole number.").waitFor(SOON);
		await problems.getByText("Line 3: Quantity “x” is not a whole number.").waitFor();
		await problems.getByText("Line 47: No product in Shopify has the SKU GONE-1.").waitFor();
		await app.getByText("46 lines in the file: 44 changes, 0 so already, 3 with something wrong.").waitFor();
		await app.getByText("Columns that mean nothing here, and are passed over: Colour.").waitFor();
		const make = app.getByRole("button", { name: "Make 44 changes" });
		expect(await make.isDisabled()).toBe(true);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("bulk-flow-ready"), fullPage: true });
		expect(await netOf("NW-0010")).toBe(10);
		await app.getByLabel("Leave out the 3 lines with something wrong").check();
		await make.click();
		const progress = app.getByTestId("bulk-progress");
		await progress.getByText("0 of 44 changes done").waitFor(SOON);
		// With delivery's hands full a round is one line; the rule comes before them.
		for (let n = 0; n < 20; n++) await work(2, 0);
		await progress.getByText("21 of 44 changes done").waitFor(SOON);
		expect(await app.getByRole("progressbar").getAttribute("value")).toBe("48");
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("bulk-flow-running") });
		await page.getByRole("button", { name: "Pause" }).click();
		await app.getByText("Nothing more is begun until it goes on").waitFor(SOON);
		await work();
		expect(await netOf("NW-0040")).toBe(10);
		await page.getByRole("button", { name: "Go on" }).click();
		await app.getByText("Sales never wait for it").or(app.getByText("so that sales never wait")).first().waitFor(SOON);
		await work();
		await app.getByTestId("bulk-result").getByText("44 changes made, 430 units added.").waitFor(SOON);
		expect([await netOf("NW-0001"), await netOf("NW-0010"), await netOf("NW-0040")]).toEqual([10, 20, 20]);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("bulk-flow-done") });

		await app.getByRole("button", { name: "Roll back" }).click();
		await app.getByText("what was sold in the meantime stays sold").waitFor();
		await app.getByRole("button", { name: "Yes, roll back 44 changes" }).click();
		await progress.getByText("0 of 44 changes done").waitFor(SOON);
		await work();
		await app.getByText("It took").waitFor(SOON);
		expect(await netOf("NW-0040")).toBe(10);
		await app.getByRole("button", { name: "Bulk changes" }).click();
		const sets = app.getByTestId("bulk-sets");
		await sets.getByText("Rolled back: count of november.csv").waitFor(SOON);
		await sets.getByText("Rolled back", { exact: true }).waitFor();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("bulk-flow-list") });
		expect(complaints.filter(isOurs)).toEqual([]);
		await close();
	});

	test.each([
		{ suffix: "", width: 1280, height: 900 },
		{ suffix: "-phone", ...PHONE },
	])("rolled back in one press while it is under way ($width)", async ({ suffix, ...size }) => {
		const bytes = Buffer.from(["SKU,Change", ...lines(() => "+5")].join("\n"));
		const brought = await bringFile(deps, shop.shopId, { bytes, name: "recount.csv", actor: STAFF, press: `back${suffix}` });
		if (brought.outcome !== "kept") throw new Error(brought.reason);
		await work();
		await confirmBulk(deps, shop.shopId, { changeId: brought.changeId, leaveOut: false, actor: STAFF, right: "approve" });
		for (let n = 0; n < 20; n++) await work(1, 0);
		const { page, app, complaints, close } = await stage.open({ path: `${APP}/bulk-changes/${brought.changeId}`, ...size });
		const progress = app.getByTestId("bulk-progress");
		await progress.getByText("20 of 45 changes done").waitFor(SOON);
		// One of the two presses finds it said.
		await page.getByRole("button", { name: "Roll back" }).dblclick();
		await app.getByText("Then all that was done is taken back, with your sales kept.", { exact: false }).waitFor(SOON);
		await app.getByText("Being rolled back").first().waitFor();
		expect(await page.getByRole("button", { name: "Roll back" }).count()).toBe(0);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath(`bulk-flow-rolling-back${suffix}`), fullPage: true });
		// Ended, and a few of it taken back.
		while ((await query("SELECT FROM bulk_change WHERE undoes_change IS NOT NULL")).rowCount === 0) await work(1, 0);
		await work(1, 0);
		await app.getByTestId("bulk-result").getByText("20 changes made, 100 units added.").waitFor(SOON);
		await app.getByText("It is being taken back by").waitFor(SOON);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath(`bulk-flow-taken-back${suffix}`), fullPage: true });
		await work();
		await app.getByText("It was taken back by").waitFor(SOON);
		expect((await query("SELECT DISTINCT available FROM stock WHERE shop_id = $1", [shop.shopId])).rows).toEqual([{ available: 10 }]);
		expect(complaints.filter(isOurs)).toEqual([]);
		await close();
	});

	test("on a phone: more than goes unasked needs somebody who may approve, and what is put away is gone", async () => {
		const brought = await bringFile(deps, shop.shopId, {
			bytes: Buffer.from(["SKU,Quantity", ...lines(() => "0")].join("\n")),
			name: "zero.csv",
			actor: STAFF,
			press: "phone",
		});
		if (brought.outcome !== "kept") throw new Error(brought.reason);
		await work();
		await allow("operate");
		const { page, app, complaints, close } = await stage.open({ path: `${APP}/bulk-changes/${brought.changeId}`, ...PHONE });
		await app.getByText("This takes 45 listings to zero, more than 10").waitFor(SOON);
		expect(await app.getByRole("button", { name: "Make 45 changes" }).isDisabled()).toBe(true);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("bulk-flow-ready-phone"), fullPage: true });
		await app.getByRole("button", { name: "Put away" }).click();
		await app.getByText("Nothing has been changed in bulk yet").waitFor(SOON);
		expect((await query("SELECT FROM bulk_change")).rowCount).toBe(0);
		expect(complaints.filter(isOurs)).toEqual([]);
		await close();
	});

	test("R40 who may only look sees how far it is and what came of it, and is offered nothing", async () => {
		await askForBulkRules(deps, shop.shopId, { itemIds: shop.items, channelId: null, policy: null, actor: STAFF, press: "rule" });
		const brought = await bringFile(deps, shop.shopId, {
			bytes: Buffer.from("SKU,Change\nNW-0001,+1\n"),
			name: "a.csv",
			actor: STAFF,
			press: "a",
		});
		if (brought.outcome !== "kept") throw new Error(brought.reason);
		await work();
		await confirmBulk(deps, shop.shopId, { changeId: brought.changeId, leaveOut: false, actor: STAFF, right: "operate" });
		await work();
		await allow("look");
		const { page, app, close } = await stage.open({ path: `${APP}/bulk-changes/${brought.changeId}`, ...PHONE });
		await app.getByTestId("bulk-result").getByText("1 change made, 1 unit added.").waitFor(SOON);
		expect(await app.getByRole("button", { name: "Roll back" }).count()).toBe(0);
		const [file] = await Promise.all([page.waitForEvent("download"), app.getByRole("button", { name: "Download all lines" }).click()]);
		expect(file.suggestedFilename()).toBe(`bulk-change-${brought.changeId}.csv`);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("bulk-flow-done-phone") });
		await close();
	});
});
