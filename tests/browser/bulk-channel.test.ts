import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runBulk } from "#app/backfill/index.ts";
import { type Deps, sealCredentials } from "#connections";
import { createWooStore, type WooStore } from "../../sandbox/channels/woocommerce/index.ts";
import { installUpstreams } from "../../sandbox/preload.ts";
import { quietDeps } from "../kit/deps.ts";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, type Opened, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const SIZES = [
	{ suffix: "", width: 1280, height: 900 },
	{ suffix: "-phone", width: 390, height: 844 },
];
const STAFF = "548380009";
const APP = "/store/northwind-outdoor/apps/lockstep/app";
const SOON = { timeout: 30_000 };
/** Shopify's library announces its script by the address at Shopify; on a busy machine the browser remarks on that (pages.test.ts). */
const isOurs = (text: string) => !text.includes("preloaded using link preload");
const LISTINGS = 30;
/** Some dozen pages, on a machine that is busy otherwise. */
const LONG_MS = 90_000;
const HOST = "outlet.stores.example";
const HOUR_S = 3_600;

describe.skipIf(!chromiumPath)("R27 R35 a channel that is read again", () => {
	let stage: Stage;
	let shop: FilledShop;
	let deps: Deps;
	let store: WooStore;
	let upstreams: ReturnType<typeof installUpstreams>;
	let shelf: ReturnType<WooStore["seed"]>;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	/** What a worker would do, once round; the stage has none. With delivery's hands full (0) a round is one listing. */
	const work = async (waitingMax = Number.POSITIVE_INFINITY) => {
		await query("DELETE FROM rate_budget");
		await runBulk(deps, shop.shopId, { waitingMax });
	};
	const see = async ({ page, app, complaints }: Opened, name: string) => {
		const [wide, screen] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect([name, wide]).toEqual([name, screen]);
		expect([name, await violationsOf(app)]).toEqual([name, []]);
		await page.screenshot({ path: picturePath(name), fullPage: true });
		expect([name, complaints.filter(isOurs)]).toEqual([name, []]);
	};
	/** Bought so many hours ago; no message of it ever came. */
	const buy = async (sku: string, units: number, hours: number): Promise<number> => {
		const place = shelf.get(sku);
		if (!place) throw new Error(sku);
		const bought = await store.checkout({ lines: [{ ...place, quantity: units }] });
		const order = bought.outcome === "refused" ? undefined : store.state.orders.get(bought.orderId);
		if (!order) throw new Error(`${sku} could not be bought`);
		order.createdAt -= hours * HOUR_S;
		order.modifiedAt -= hours * HOUR_S;
		return order.id;
	};

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: LISTINGS });
		deps = quietDeps(stage.database.pool);
		store = createWooStore(stage.world, { host: HOST, queue: { kind: "manual" } });
		upstreams = installUpstreams(stage.world.upstreams());
		shelf = store.seed(["NW-0001", "NW-0002"].map((sku) => ({ sku, name: `Outlet ${sku}`, quantity: 500 })));
		const { consumerKey, consumerSecret } = store.addKey();
		const place = { shopId: shop.shopId, channel: "woocommerce", account: HOST };
		await query("UPDATE connection SET account = $2, credentials = $3, cut_at = now() - interval '3 days' WHERE id = $1", [
			...[shop.woocommerce, HOST],
			sealCredentials(deps.keyRing, place, { consumerKey, consumerSecret }),
		]);
		for (const [sku, { productId }] of shelf)
			await query("UPDATE listing SET external_id = $3 WHERE shop_id = $1 AND sku = $2", [shop.shopId, sku, String(productId)]);
		await query(
			`INSERT INTO member (shop_id, user_id, granted, installation) SELECT id, $2, 'operate', installation FROM shop WHERE id = $1
			 ON CONFLICT (shop_id, user_id) DO UPDATE SET granted = excluded.granted`,
			[shop.shopId, STAFF],
		);
	}, STAGE_TIMEOUT_MS);
	afterAll(async () => {
		await upstreams?.restore();
		await stage?.close();
	});
	beforeEach(async () => {
		for (const table of ["bulk_change", "inbox_event", "delivery_key", "order_line", "sales_order", "audit"])
			await query(`DELETE FROM ${table}`);
		store.state.orders.clear();
		stage.world.faults.clear();
	});

	test.each(SIZES)(
		"its orders since a day: looked at, counted when somebody says so, and done ($width)",
		async ({ suffix, ...size }) => {
			for (let n = 0; n < 11; n++) await buy(n % 2 ? "NW-0001" : "NW-0002", 1 + (n % 3), 2 + n);
			const [changed, strange] = [await buy("NW-0001", 4, 30), await buy("NW-0001", 1, 31)];
			await buy("NW-0001", 2, 24 * 5);
			const order = store.state.orders.get(strange);
			if (order) order.status = "packed-by-plugin";
			await query(
				`INSERT INTO sales_order (shop_id, connection_id, order_id, name, created_on_channel_at, stamp, content_hash, as_of, first_source)
			 VALUES ($1, $2, $3, '#' || $3, now() - interval '30 hours', now() - interval '31 hours', 'x', now() - interval '30 hours', 'webhook')`,
				[shop.shopId, shop.woocommerce, String(changed)],
			);
			const opened = await stage.open({ path: `${APP}/bulk-changes/new`, ...size });
			const { page, app } = opened;
			await app.getByText("From a channel").waitFor(SOON);
			await see(opened, `bulk-channel-new${suffix}`);
			await app.getByRole("button", { name: "Look at it first" }).click();
			await app.getByTestId("bulk-progress").getByText("0 orders read so far").waitFor(SOON);
			await app.getByText("WooCommerce is only looked at: nothing is counted yet.", { exact: false }).waitFor();
			await see(opened, `bulk-channel-reading${suffix}`);
			await query("UPDATE bulk_change SET read_records = 312");
			await app.getByTestId("bulk-progress").getByText("312 orders read so far").waitFor(SOON);
			await work();
			const summary = app.getByTestId("bulk-summary");
			await summary.getByText("14 orders of WooCommerce since", { exact: false }).waitFor(SOON);
			await summary.getByText("11 are missing here. Counted, they take 21 units.").waitFor();
			await summary.getByText("1 is known here and changed on the channel since. What changed is counted.").waitFor();
			await summary.getByText("1 is from before the channel was connected: noted, and no stock moves.").waitFor();
			await summary.getByText("1 was not understood, and would be among the failed updates.").waitFor();
			const listed = app.getByTestId("bulk-orders").locator("li");
			expect(await listed.count()).toBe(10);
			expect(await listed.first().innerText()).toMatch(/Missing.*1 unit/s);
			await see(opened, `bulk-channel-ready${suffix}`);
			expect((await query("SELECT FROM inbox_event")).rowCount).toBe(0);
			const [file] = await Promise.all([page.waitForEvent("download"), app.getByRole("button", { name: "Download the list" }).click()]);
			expect((await readFile(await file.path(), "utf8")).trim().split("\r\n")).toHaveLength(13);
			await app.getByRole("button", { name: "Count 12 orders" }).click();
			await app.getByTestId("bulk-progress").getByText("0 of 14 orders read").waitFor(SOON);
			await see(opened, `bulk-channel-running${suffix}`);
			await work();
			await app.getByTestId("bulk-result").getByText("13 orders read").waitFor(SOON);
			await see(opened, `bulk-channel-done${suffix}`);
			expect((await query("SELECT FROM inbox_event WHERE status = 'pending'")).rowCount).toBe(13);
			await opened.close();
		},
		LONG_MS,
	);

	test.each(SIZES)(
		"where all is here it says so, and offers nothing ($width)",
		async ({ suffix, ...size }) => {
			const opened = await stage.open({ path: `${APP}/bulk-changes/new`, ...size });
			const { app } = opened;
			await app.getByRole("button", { name: "Look at it first" }).click();
			await app.getByTestId("bulk-progress").waitFor(SOON);
			await work();
			await app.getByText("Nothing is missing").waitFor(SOON);
			expect(await app.getByRole("button", { name: /^(Read|Count)/ }).count()).toBe(0);
			await see(opened, `bulk-channel-nothing${suffix}`);
			// The next one has come meanwhile, and there are more than are looked at.
			await buy("NW-0001", 1, 1);
			await app.getByRole("button", { name: "Look again" }).click();
			await app.getByTestId("bulk-progress").waitFor(SOON);
			await work();
			await query('UPDATE bulk_change SET summary = summary || \'{"isCut": true, "orders": 10000, "known": 9999}\'');
			await app
				.getByRole("button", { name: "Count 1 order" })
				.or(app.getByRole("button", { name: "Read the orders again" }))
				.waitFor(SOON);
			await opened.page.reload();
			const again = (await (await opened.page.waitForSelector("#app-frame")).contentFrame()) ?? app;
			await again.getByText("There are more than are looked at beforehand.", { exact: false }).waitFor(SOON);
			await again.getByRole("button", { name: "Read the orders again" }).waitFor();
			await see({ ...opened, app: again }, `bulk-channel-more${suffix}`);
			await again.getByRole("button", { name: "Put away" }).click();
			await again.getByText("Nothing has been changed in bulk yet").waitFor(SOON);
			await opened.close();
		},
		LONG_MS,
	);

	test.each(SIZES)(
		"a channel that cannot be read says why, and is tried again ($width)",
		async ({ suffix, ...size }) => {
			await buy("NW-0001", 1, 1);
			stage.world.faults.onRequests(store.channel, "down", 1, { kind: "status", status: 503 });
			const opened = await stage.open({ path: `${APP}/bulk-changes/new`, ...size });
			const { app } = opened;
			await app.getByRole("button", { name: "Look at it first" }).click();
			await app.getByTestId("bulk-progress").waitFor(SOON);
			await work();
			await app.getByText("The orders of WooCommerce could not be read").waitFor(SOON);
			await see(opened, `bulk-channel-refused${suffix}`);
			stage.world.faults.clear();
			await app.getByRole("button", { name: "Try again" }).click();
			await app.getByTestId("bulk-progress").waitFor(SOON);
			await work();
			await app.getByText("1 is missing here.", { exact: false }).waitFor(SOON);
			await app.getByRole("button", { name: "Count 1 order" }).click();
			stage.world.faults.onRequests(store.channel, "down", 1, { kind: "status", status: 503 });
			await app.getByTestId("bulk-progress").waitFor(SOON);
			await work();
			await app.getByText("It stopped by itself", { exact: false }).waitFor(SOON);
			await see(opened, `bulk-channel-stopped${suffix}`);
			stage.world.faults.clear();
			await opened.page.getByRole("button", { name: "Go on" }).click();
			await app.getByText("so that sales never wait", { exact: false }).waitFor(SOON);
			await work();
			await app.getByTestId("bulk-result").getByText("1 order read").waitFor(SOON);
			await opened.close();
		},
		LONG_MS,
	);

	test.each(SIZES)(
		"every listing: how many there are, a bar that moves, and done ($width)",
		async ({ suffix, ...size }) => {
			await query("UPDATE listing SET dirty_since = NULL");
			const opened = await stage.open({ path: `${APP}/bulk-changes/new`, ...size });
			const { app } = opened;
			await app.getByText("Every listing").click();
			await app.getByRole("button", { name: "Look at it first" }).click();
			await app.getByTestId("bulk-summary").getByText(`${LISTINGS} listings of WooCommerce are read`, { exact: false }).waitFor(SOON);
			await see(opened, `bulk-listings-ready${suffix}`);
			await app.getByRole("button", { name: `Read ${LISTINGS} listings again` }).click();
			await app.getByTestId("bulk-progress").getByText(`0 of ${LISTINGS} listings done`).waitFor(SOON);
			for (let n = 0; n < 12; n++) await work(0);
			await app.getByTestId("bulk-progress").getByText(`12 of ${LISTINGS} listings done`).waitFor(SOON);
			expect(await app.getByRole("progressbar").getAttribute("value")).toBe("40");
			await see(opened, `bulk-listings-running${suffix}`);
			await work();
			await app.getByTestId("bulk-result").getByText(`${LISTINGS} listings read`).waitFor(SOON);
			await see(opened, `bulk-listings-done${suffix}`);
			expect((await query("SELECT FROM listing WHERE dirty_since IS NOT NULL")).rowCount).toBe(LISTINGS);
			await opened.close();
		},
		LONG_MS,
	);
});
