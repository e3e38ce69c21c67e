import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Deps } from "#connections";
import { pushListings } from "#delivery";
import { runCheck } from "#reconcile";
import { settleNow } from "../kit/check.ts";
import { deliveryDeps } from "../kit/delivery.ts";
import { quietDeps } from "../kit/deps.ts";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { createNeighbourList, type NeighbourList } from "../kit/neighbour-list.ts";
import { createNeighbourStore, type NeighbourStore } from "../kit/neighbour-store.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, type Opened, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const PHONE = { width: 390, height: 844 };
const APP = "/store/northwind-outdoor/apps/lockstep/app";
const STAFF = "548380009";
const SOON = { timeout: 30_000 };
const isOurs = (text: string) => !text.includes("preloaded using link preload");
const LISTINGS = 40;
/** With a slow store in it. */
const LONG_MS = 120_000;

describe.skipIf(!chromiumPath)("R25 R35 all stock of a channel is checked, inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	let store: NeighbourStore;
	let list: NeighbourList;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const deps = (): Deps => quietDeps(stage.database.pool);
	const push = () => pushListings(deliveryDeps(stage.database.pool, new Map([[shop.woocommerce, store]])), shop.shopId, shop.woocommerce);
	/** What a worker would do; the stage has none. */
	const run = () => runCheck(deps(), shop.shopId, shop.woocommerce, { open: list.open });
	const settle = async () => {
		for (let round = 0; round < 4; round++) {
			await query("UPDATE reconcile_difference SET marked_read_at = marked_read_at - interval '5 seconds'");
			await settleNow(deps(), shop.shopId);
			await push();
		}
	};
	const see = async ({ page, app, complaints }: Opened, name: string) => {
		const [wide, screen] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect([name, wide]).toEqual([name, screen]);
		expect([name, await violationsOf(app)]).toEqual([name, []]);
		await page.screenshot({ path: picturePath(name), fullPage: true });
		expect([name, complaints.filter(isOurs)]).toEqual([name, []]);
	};
	const allow = (granted: string) =>
		query(
			`INSERT INTO member (shop_id, user_id, granted, installation) SELECT id, $3, $2, installation FROM shop WHERE id = $1
			 ON CONFLICT (shop_id, user_id) DO UPDATE SET granted = excluded.granted`,
			[shop.shopId, granted, STAFF],
		);

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: LISTINGS });
		await query("UPDATE connection SET cut_at = now() - interval '1 day'");
		await query("UPDATE listing SET read_at = now() - interval '1 hour'");
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());
	beforeEach(async () => {
		await allow("approve");
		const { rows } = await query("SELECT external_id AS id, shown FROM listing WHERE connection_id = $1 ORDER BY id", [shop.woocommerce]);
		store = createNeighbourStore(Object.fromEntries(rows.map(({ id, shown }) => [id, shown])));
		list = createNeighbourList(store, { pageSize: 10 });
		const names = await query("SELECT external_id AS id, sku, title FROM listing WHERE connection_id = $1", [shop.woocommerce]);
		for (const { id, sku, title } of names.rows) list.rows.set(id, { sku, title });
	});

	test(
		"a check from its press to its result, with its progress; a difference opened; what a channel keeps stands on the overview",
		async () => {
			const [raised = "", refusing = ""] = [...store.figures.keys()];
			const was = store.figures.get(raised) ?? 0;
			store.figures.set(raised, was + 15);
			// It sells no more than one of this.
			store.strike["after-write"] = () => void store.figures.set(refusing, 1);
			store.figures.set(refusing, 1);
			store.figures.set("OWN-9", 3);
			list.rows.set("OWN-9", { sku: "OWN-9", title: "Gift card" });

			const opened = await stage.open({ path: `${APP}/checks` });
			const { app, page } = opened;
			await app.getByText("Nothing has differed").waitFor(SOON);
			await see(opened, "checks-never");
			await app.getByRole("button", { name: "Check now: WooCommerce" }).dblclick();
			await page.getByText("The check has begun").waitFor(SOON);
			await app.getByTestId(`standing-${shop.woocommerce}`).getByText("Begins in a moment").waitFor(SOON);
			let release = () => {};
			const held = new Promise<void>((resolve) => {
				release = resolve;
			});
			list.beforePage = async (number) => {
				if (number < 3) return;
				// A slow store: what has gathered is written after two seconds.
				await new Promise((resolve) => setTimeout(resolve, 2_500));
				if (number === 4) await held;
			};
			const running = run();
			await app
				.getByTestId(`standing-${shop.woocommerce}`)
				.getByText(/[1-9]\d* of about 40 read/)
				.waitFor(SOON);
			await app.getByRole("progressbar").first().waitFor();
			expect(await app.getByRole("button", { name: "Check now: WooCommerce" }).isDisabled()).toBe(true);
			await see(opened, "checks-running");
			release();
			expect(await running).toMatchObject({ outcome: "done", found: 3 });
			await app.getByText("3 differed", { exact: false }).first().waitFor(SOON);
			await push();
			// The missing units of what the store keeps low: no order claims them.
			await query(
				"UPDATE listing SET unseen = 0, recheck = true, dirty_since = now(), next_attempt_at = NULL, assumed = 0, assumed_until = NULL WHERE unseen > 0",
			);
			await push();
			await settle();
			await app.getByTestId("reasons").getByText("Channel keeps its own figure").waitFor(SOON);
			await app.getByTestId("reasons").getByText("Something else changes stock").waitFor();
			await see(opened, "checks");

			await app.getByRole("row").filter({ hasText: "Something else changes stock" }).getByRole("link").first().click();
			await app.getByTestId("difference").waitFor(SOON);
			expect(await app.getByTestId("difference").innerText()).toContain(String(was + 15));
			await app.getByText("Neither an order there nor Lockstep made this change", { exact: false }).waitFor();
			await app.getByText("Corrected").first().waitFor();
			await see(opened, "difference");
			await app.getByRole("link", { name: "The check that found it" }).click();
			await app.getByTestId("check-progress").getByText("40 listings compared").waitFor(SOON);
			await see(opened, "check");
			await app.getByRole("link", { name: "Gift card" }).click();
			await app.getByRole("link", { name: "Choose its product" }).waitFor(SOON);
			await page.goto(new URL(APP, stage.gateway.url()).href);
			const overview = await (await page.waitForSelector("#app-frame")).contentFrame();
			await overview?.getByTestId("needs-you").getByText("Figures that a channel keeps").waitFor(SOON);
			await overview
				?.getByTestId("needs-you")
				.getByRole("link", { name: /^See what differs/ })
				.click();
			await overview?.getByText("Channel keeps its own figure").first().waitFor(SOON);
			await opened.close();
		},
		LONG_MS,
	);

	test(
		"on a phone: the list by cause and SKU, a difference, and which differences are only counted",
		async () => {
			const opened = await stage.open({ path: `${APP}/checks`, ...PHONE });
			const { app, page } = opened;
			await app.getByTestId("check-runs").waitFor(SOON);
			await see(opened, "checks-phone");
			await app.getByLabel("WooCommerce", { exact: true }).fill("2");
			await app.getByRole("button", { name: "Save for WooCommerce" }).click();
			await page.getByText("Differences of up to 2 units are only counted").waitFor(SOON);
			expect((await query("SELECT settings->>'stockTolerance' AS units FROM connection WHERE id = $1", [shop.woocommerce])).rows).toEqual([
				{ units: "2" },
			]);
			await opened.close();
			const filtered = await stage.open({ path: `${APP}/checks?cause=unmapped&q=own`, ...PHONE });
			await filtered.app.getByRole("link", { name: "Gift card" }).first().click();
			// The list says the same of its causes: only the difference's own page leads to its check.
			await filtered.app.getByRole("link", { name: "The check that found it" }).waitFor(SOON);
			await filtered.app.getByText("its sales lower nobody's stock", { exact: false }).waitFor(SOON);
			await see(filtered, "difference-phone");
			await filtered.app.getByRole("link", { name: "The check that found it" }).click();
			await filtered.app.getByTestId("check-progress").waitFor(SOON);
			await see(filtered, "check-phone");
			await filtered.close();
		},
		LONG_MS,
	);

	test("R40 who may only look sees what was found, and begins nothing; a check that could not be made says why", async () => {
		await allow("look");
		await query(
			`INSERT INTO reconcile_run (shop_id, connection_id, asked_by, state, sentence, began_at, ended_at)
			 VALUES ($1, $2, 'timer', 'failed', 'The store is being updated', now(), now())`,
			[shop.shopId, shop.woocommerce],
		);
		const opened = await stage.open({ path: `${APP}/checks` });
		await opened.app.getByText("The store is being updated").first().waitFor(SOON);
		expect(await opened.app.getByRole("button", { name: /Check now/ }).count()).toBe(0);
		await see(opened, "checks-not-made");
		await opened.close();
	});
});
