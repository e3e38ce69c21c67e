import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWooStore, type WooStore } from "../../sandbox/channels/woocommerce/index.ts";
import { type AppProcess, startAppProcess } from "../kit/app-process.ts";
import { appEnvironment, chromiumPath, openStage, PUBLIC_ORIGIN, picturePath, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const WOO = "outlet.stores.example";
const CHANNELS = "/store/northwind-outdoor/apps/lockstep/app/channels";
/** A worker on a busy machine, a store with its own queue, and pages that look every few seconds. */
const SOON = { timeout: 60_000 };

describe.skipIf(!chromiumPath)("R35 R42 a merchant connects a store, alone", () => {
	let stage: Stage;
	let store: WooStore;
	let worker: AppProcess;
	beforeAll(async () => {
		stage = await openStage();
		store = createWooStore(stage.world, { host: WOO, queue: { kind: "timer", everyMs: 300 } });
		store.seed(
			[
				["NW-0", 9],
				["NW-1", 8],
				["nw-set", 4],
				["GARDEN", 3],
			].map(([sku, quantity]) => ({ sku: String(sku), name: `Outlet ${sku}`, quantity: Number(quantity) })),
		);
		// Anew, so that it finds the way to the store as well.
		await stage.stopApp();
		await stage.startApp();
		stage.world.route(PUBLIC_ORIGIN, stage.appOrigin());
		worker = await startAppProcess("server/worker.ts", appEnvironment({ ...stage, port: 0 }));
	}, STAGE_TIMEOUT_MS);
	afterAll(async () => {
		await worker?.stop();
		await stage?.close();
	});

	const shows = (sku: string) => store.products().find((product) => product.sku === sku)?.shown;
	const until = async (what: string, isSo: () => boolean | Promise<boolean>) => {
		for (const end = Date.now() + SOON.timeout; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200)))
			if (await isSo()) return;
		throw new Error(`It never came to this: ${what}`);
	};

	test("connect, match, answer, watch, dry run, live with one and then all, an order, a buffer, disconnect", async () => {
		// Installing is the first sight of the app; channels can be connected when the products have been read.
		const first = await stage.open();
		await first.app
			.getByText("Connect a channel", { exact: false })
			.first()
			.waitFor(SOON)
			.catch(() => {});
		await until(
			"the products are read",
			async () => (await stage.database.pool.query("SELECT FROM shop WHERE import_state = 'done'")).rowCount === 1,
		);
		await first.close();

		const { page, app, complaints, close } = await stage.open({ path: CHANNELS, width: 1280 });
		await app.getByRole("link", { name: "Connect WooCommerce" }).click();

		// Wrong keys: the store's own reason, and nothing is connected.
		const keys = store.addKey();
		await app.getByLabel("Address of the store").fill(`https://${WOO}/`);
		await app.getByLabel("Consumer key").fill("ck_0000000000000000000000000000000000000000");
		await app.getByLabel("Consumer secret").fill("cs_0000000000000000000000000000000000000000");
		await app.getByRole("button", { name: "Test and connect" }).click();
		await app.getByText("The store does not know this API key").waitFor(SOON);
		await page.screenshot({ path: picturePath("channel-connect-refused") });
		await app.getByLabel("Consumer key").fill(keys.consumerKey);
		await app.getByLabel("Consumer secret").fill(keys.consumerSecret);
		await app.getByRole("button", { name: "Test and connect" }).click();

		// Its listings are read by a worker; the merchant matches them.
		await app.getByText("4 listings found").waitFor(SOON);
		await page.screenshot({ path: picturePath("channel-set-up"), fullPage: true });
		await app.getByRole("link", { name: "Match listings" }).click();
		await page.getByRole("button", { name: "Link all 2 exact matches" }).click();
		await page.getByRole("status").getByText("2 listings linked.").waitFor(SOON);
		await app.getByRole("tab", { name: "Look-alikes (1)" }).click();
		await app.getByText("SKU differs in letter case").waitFor(SOON);
		await app.getByRole("link", { name: "Choose a product for nw-set" }).click();
		await app.getByRole("button", { name: "Link to NW-SET" }).click();
		await app.getByRole("tab", { name: "Linked (3)" }).waitFor(SOON);

		// It can be left and taken up again.
		await page.goto(new URL(CHANNELS, stage.gateway.url()).href);
		const again = (await (await page.$("#app-frame"))?.contentFrame()) ?? app;
		await again.getByRole("link", { name: "Open WooCommerce" }).click();
		await again.getByRole("radio", { name: "No", exact: true }).check({ force: true });
		await again.getByRole("button", { name: "Save answer" }).click();
		await again.getByRole("button", { name: "Start watching" }).click();
		await again.getByText("Its orders are counted, and lower your stock").waitFor(SOON);
		expect(["NW-0", "NW-1", "nw-set"].map(shows)).toEqual([9, 8, 4]);

		// Watching: an order lowers the stock in Shopify, and nothing is written to the store.
		const product = store.products().find(({ sku }) => sku === "NW-1");
		await store.checkout({ lines: [{ productId: product?.productId ?? 0, variationId: 0, quantity: 1 }] });
		await until("the order reached Shopify", () => stage.shop.available("NW-1") === 7);
		await again.getByRole("link", { name: "What Lockstep saw" }).click();
		await again.getByTestId("watch-orders").getByText("1", { exact: true }).waitFor(SOON);
		await page.screenshot({ path: picturePath("channel-watch"), fullPage: true });
		expect(["NW-0", "NW-1", "nw-set"].map(shows)).toEqual([9, 7, 4]);

		// Dry run, one listing first, then all.
		await again.getByRole("link", { name: "Dry run" }).click();
		await again.getByRole("button", { name: "Start dry run" }).click();
		await again.getByTestId("dry-run").waitFor(SOON);
		expect(await again.getByTestId("dry-run").innerText()).toBe("2 listings would change, 0 to zero; 0 units held back");
		await page.screenshot({ path: picturePath("channel-dry-run"), fullPage: true });
		await again.getByRole("row", { name: /NW-0/ }).getByRole("checkbox").check({ force: true });
		await again.getByRole("button", { name: "Go live with these first" }).click();
		await until("the first listing is right", () => shows("NW-0") === 7);
		expect(shows("nw-set")).toBe(4);
		await page.getByRole("button", { name: "Go live with all others" }).click();
		await again.getByRole("dialog").getByRole("button", { name: "Go live", exact: true }).click();
		await until("all are right", () => shows("nw-set") === 3);
		await again.getByText("Live", { exact: true }).first().waitFor(SOON);
		await page.screenshot({ path: picturePath("channel-live"), fullPage: true });

		// A buffer: what changes is shown before, and arrives after.
		await again.getByRole("link", { name: "Change what the channel shows" }).click();
		await again.getByRole("combobox", { name: "Shows" }).selectOption("buffer");
		await again.getByLabel("Buffer").fill("2");
		await again.getByText("3 listings of 3 change, 0 to zero").waitFor(SOON);
		await page.screenshot({ path: picturePath("channel-rules"), fullPage: true });
		await page.getByRole("button", { name: "Save" }).click();
		await until("the store shows two less", () => shows("NW-0") === 5);

		// And away again.
		await again.getByRole("button", { name: "WooCommerce" }).first().click();
		await again.getByRole("link", { name: "Disconnect…" }).click();
		await again.getByText("For 3 listings Lockstep has kept").waitFor(SOON);
		await page.screenshot({ path: picturePath("channel-disconnect"), fullPage: true });
		await again.getByLabel("I know that WooCommerce will sell on").check({ force: true });
		await again.getByRole("button", { name: "Disconnect WooCommerce" }).click();
		await again.getByText("Nothing else is connected yet").waitFor(SOON);
		expect(shows("NW-0")).toBe(5);
		// Looks that a page broke off when it was left, and Chromium's wish that a slow machine had been faster.
		expect(complaints.filter((text) => !/net::ERR_ABORTED|was preloaded using link preload/.test(text))).toEqual([]);
		await close();
	}, 400_000);
});
