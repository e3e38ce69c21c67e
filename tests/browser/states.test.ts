import type { Frame } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { makeHuge, RUN } from "../kit/huge-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { AMAZON_ENVIRONMENT } from "./journey-world.ts";
import { pictureOf, type State } from "./screens.ts";
import { chromiumPath, type Opened, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const APP = "/store/northwind-outdoor/apps/lockstep/app";
const SIZES = [
	{ width: 1280, height: 900, suffix: "" },
	{ width: 390, height: 844, suffix: "-phone" },
];
const SOON = { timeout: 30_000 };
/** Looks broken off by leaving, Chromium's wish for a faster machine, and what the browser says of an answer that a state is about. */
const NO_FAULT = /net::ERR_ABORTED|was preloaded using link preload/;
const EXPECTED: Partial<Record<State, RegExp>> = { failing: /\b500\b/, "no-right": /\b403\b/ };
const FAILING = "This page could not be loaded";
const NO_RIGHT = "You need another right for this page";

/** `from`: the page that leads there. `watching`: as long as the store is not live. */
type PageOf = { name: string; path: string; ready: string; from: string; watching?: boolean };
type Router = {
	__remixRouter: { navigate(path: string): Promise<void>; state: { location: { pathname: string }; navigation: { state: string } } };
};

/** In the browser: the router has the page, and React has drawn it. */
async function isThere(path: string | undefined): Promise<boolean> {
	const { location, navigation } = (globalThis as unknown as Router).__remixRouter.state;
	if (location.pathname !== path || navigation.state !== "idle") return false;
	await new Promise((resolve) => setTimeout(resolve, 100));
	return true;
}

describe.skipIf(!chromiumPath)("R35 every page in every state, at both sizes", () => {
	let stage: Stage;
	let shop: FilledShop;
	let amazon: number;
	/** A listing that is linked to nothing, and a failed update. */
	let single: number;
	let failure: number;
	let run: number;
	let changes: number;
	let oversell: number;
	let totals: number;
	let bulk: number;
	let stockCheck: number;
	let difference: number;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	beforeAll(async () => {
		stage = await openStage({ environment: AMAZON_ENVIRONMENT });
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	/** The page as it stands, with a picture: nothing wider than the screen, nothing said to the console, accessible. */
	async function check({ page, complaints }: Opened, app: Frame, [name, state, suffix]: [string, State, string]) {
		await page.screenshot({ path: picturePath(`${pictureOf(name, state)}${suffix}`) });
		const [wide, screen] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		const violations = await violationsOf(app);
		// A bar that follows a list when it is scrolled covers nothing as long as nobody scrolls.
		expect([name, state, suffix, await app.locator('[class*="IndexFiltersSticky"]').count()]).toEqual([name, state, suffix, 0]);
		const said = complaints.splice(0).filter((text) => !NO_FAULT.test(text) && !EXPECTED[state]?.test(text));
		expect([name, state, suffix, wide, violations, said]).toEqual([name, state, suffix, screen, [], []]);
	}

	/** Each page by its address. */
	async function look(state: State, pages: readonly PageOf[]) {
		for (const { suffix, ...size } of SIZES) {
			const opened = await stage.open({ path: `${APP}/settings`, ...size });
			for (const { name, path, ready } of pages) {
				await opened.page.goto(new URL(`${APP}${path}`, stage.gateway.url()).href);
				const app = await frameOf(opened);
				await app.getByText(ready).first().waitFor(SOON);
				await check(opened, app, [name, state, suffix]);
			}
			await opened.close();
		}
	}

	/**
	 * Each page from the one that leads there, as a press on a link asks for it. `loading`: looked at while it is on its way, too.
	 * `away`: tables that are not there meanwhile.
	 */
	async function come(state: State, pages: readonly PageOf[], { loading = false, away = [] as string[] } = {}) {
		for (const { suffix, ...size } of SIZES) {
			const opened = await stage.open({ path: `${APP}/settings`, ...size });
			const { page, app } = opened;
			await app.getByText("Where stock is counted").first().waitFor(SOON);
			let held = Promise.resolve();
			await page.route(/\.data(\?|$)/, async (route) => {
				await held;
				// Left meanwhile, nobody waits for it any more.
				await route.continue().catch(() => {});
			});
			let at = "";
			const go = (path: string) => app.evaluate((to) => void (globalThis as unknown as Router).__remixRouter.navigate(to), `/app${path}`);
			const arrive = async ({ name, path, ready }: PageOf) => {
				await app.waitForFunction(isThere, `/app${path}`.split("?")[0], SOON);
				await page.locator("#loading").waitFor({ state: "hidden", ...SOON });
				await app.getByText(ready).first().waitFor(SOON);
				at = name;
			};
			/** The one that leads there stays until it comes, to be read and pressed. */
			const watchComing = async (one: PageOf) => {
				const from = all().find(({ name }) => name === one.from);
				if (!from) throw new Error(`No page leads to ${one.name}`);
				await query("UPDATE connection SET state = $2 WHERE id = $1", [shop.woocommerce, one.watching ? "watching" : "live"]);
				if (at !== from.name) {
					await go(from.path);
					await arrive(from);
				}
				let release = () => {};
				held = new Promise((resolve) => {
					release = resolve;
				});
				await go(one.path);
				await page.locator("#loading").waitFor({ state: "visible", ...SOON });
				await app.getByText(from.ready).first().waitFor(SOON);
				await check(opened, app, [one.name, "loading", suffix]);
				release();
			};
			for (const table of away) await query(`ALTER TABLE ${table} RENAME TO ${table}_away`);
			try {
				for (const one of pages) {
					if (loading) await watchComing(one);
					else await go(one.path);
					await arrive(one);
					await check(opened, app, [one.name, state, suffix]);
				}
			} finally {
				for (const table of away) await query(`ALTER TABLE ${table}_away RENAME TO ${table}`);
			}
			await opened.close();
		}
	}

	const channel = (rest = "") => `/channels/${shop.woocommerce}${rest}`;
	const pages = (): PageOf[] => [
		{ name: "overview", path: "", ready: "Your stock is kept here", from: "channels" },
		{ name: "channels", path: "/channels", ready: "Your channels", from: "overview" },
		{ name: "channel", path: channel(), ready: "How it is connected", from: "channels" },
		{ name: "matching", path: channel("/matching?tab=linked"), ready: "These follow your stock", from: "channel" },
		{ name: "choose-product", path: channel(`/matching/${single}?q=jacket`), ready: "Find your product", from: "matching" },
		{ name: "go-live", path: channel("/go-live"), ready: "Of 8,000 linked listings", from: "channel", watching: true },
		{ name: "watch", path: channel("/watch"), ready: "What Lockstep saw", from: "channel", watching: true },
		{ name: "stock", path: "/stock", ready: "NW-0001", from: "overview" },
		{ name: "item", path: `/items/${shop.items[0]}`, ready: "On the sales channels", from: "stock" },
		{ name: "orders", path: "/orders", ready: "1005000", from: "overview" },
		{ name: "order", path: `/orders/${shop.woocommerce}/1005000`, ready: "Was it taken in?", from: "orders" },
		{ name: "oversells", path: "/oversells", ready: "1005000", from: "overview" },
		{ name: "oversell", path: `/oversells/${oversell}`, ready: "What became of it", from: "oversells" },
		{ name: "failed-updates", path: "/failed-updates", ready: "Refused by the channel", from: "overview" },
		{ name: "failed-update", path: `/failed-updates/${failure}`, ready: "What was tried", from: "failed-updates" },
		{ name: "replay-ended", path: `/failed-updates/runs/${run}`, ready: RUN, from: "failed-updates" },
		{ name: "approval", path: `/approvals/${changes}`, ready: "What happened", from: "overview" },
		{ name: "totals", path: `/checks/totals/${totals}`, ready: "Where they differ", from: "overview" },
		{ name: "bulk-changes", path: "/bulk-changes", ready: "Stock count of the", from: "stock" },
		{ name: "bulk-change", path: `/bulk-changes/${bulk}`, ready: "What would change", from: "bulk-changes" },
		{ name: "checks", path: "/checks", ready: "Why figures differed", from: "overview" },
		{ name: "check", path: `/checks/${stockCheck}`, ready: "Found to differ", from: "checks" },
		{ name: "difference", path: `/checks/differences/${difference}`, ready: "Should have shown", from: "checks" },
		{ name: "activity", path: "/activity", ready: "Changed the rule of", from: "overview" },
		{ name: "settings", path: "/settings", ready: "People", from: "overview" },
	];
	const forms = (): PageOf[] => [
		{ name: "connect", path: "/channels/connect/woocommerce", ready: "Address of the store", from: "channels" },
		{ name: "rules", path: channel("/rules"), ready: "For listings without a rule of their own", from: "channel" },
		{ name: "renew", path: `/channels/${amazon}/renew`, ready: "Continue to Amazon", from: "channels" },
		{ name: "new-keys", path: channel("/renew"), ready: "Test and use these keys", from: "channel" },
		{ name: "disconnect", path: channel("/disconnect"), ready: "For 8,000 listings", from: "channel" },
		{
			name: "stock-edit",
			path: `/stock/edit?${shop.items
				.slice(0, 50)
				.map((id) => `item=${id}`)
				.join("&")}`,
			ready: "The same for all lines below",
			from: "stock",
		},
		{ name: "replay-preview", path: "/failed-updates/replay?through=999999", ready: "failures as they stand now", from: "failed-updates" },
		{ name: "stock-bulk", path: "/stock/bulk", ready: "Look first what becomes of the figures", from: "stock" },
		{ name: "bulk-new", path: "/bulk-changes/new", ready: "From a file", from: "bulk-changes" },
	];
	const all = () => [...pages(), ...forms()];

	test("empty: a shop without products, orders or channels; then a channel, a product and an order with nothing to them", async () => {
		const first = await stage.open();
		await first.app.getByTestId("verdict").waitFor(SOON);
		await first.close();
		await query("UPDATE shop SET import_state = 'done', import_done = 0, import_total = 0");
		await query("DELETE FROM audit");
		const page = (name: string, path: string, ready: string): PageOf => ({ name, path, ready, from: "" });
		await look("empty", [
			page("overview", "", "No sales channel is connected yet"),
			page("channels", "/channels", "Nothing else is connected yet"),
			page("stock", "/stock", "No products yet"),
			page("orders", "/orders", "No orders yet"),
			page("oversells", "/oversells", "Nothing was ever sold twice"),
			page("failed-updates", "/failed-updates", "Nothing has failed"),
			page("checks", "/checks", "Nothing has differed"),
			page("replay-preview", "/failed-updates/replay?through=5", "Nothing to try again"),
			page("bulk-changes", "/bulk-changes", "Nothing has been changed in bulk yet"),
			page("activity", "/activity", "Nothing has been done yet"),
			page("settings", "/settings", "People"),
		]);
		const one = async (sql: string) => Number((await query(sql)).rows[0]?.id);
		const store = await one(
			`INSERT INTO connection (shop_id, channel, account, name, is_home, state, webhook_token)
			 SELECT id, 'woocommerce', 'new.example', 'WooCommerce', false, 'connecting', 'new' FROM shop RETURNING id`,
		);
		await query("INSERT INTO connection_setup (shop_id, connection_id, catalogue_read_at) SELECT id, $1, now() FROM shop", [store]);
		await query(
			`INSERT INTO sales_order (shop_id, connection_id, order_id, name, created_on_channel_at, stamp, content_hash, as_of, first_source, created_at)
			 SELECT id, $1, '1', '#1', now(), now(), 'x', now(), 'webhook', now() FROM shop`,
			[store],
		);
		const at = `/channels/${store}`;
		await look("empty", [page("matching", `${at}/matching`, "WooCommerce has no listings yet")]);
		const item = await one(
			"INSERT INTO item (shop_id, external_id, sku, title) SELECT id, 'lonely', 'NW-1', 'Trail jacket' FROM shop RETURNING id",
		);
		await look("empty", [
			page("channel", at, "0 listings found"),
			page("go-live", `${at}/go-live`, "dry run"),
			page("watch", `${at}/watch`, "Watching has not begun"),
			page("disconnect", `${at}/disconnect`, "Lockstep has not changed any figure"),
			page("item", `/items/${item}`, "On the sales channels"),
			page("order", `/orders/${store}/1`, "It holds nothing that is linked to a product"),
			page("stock-edit", "/stock/edit?item=999999", "None of these products is on a sales channel"),
			page("stock-bulk", "/stock/bulk?q=no-such-thing", "No product matches the filter"),
		]);
		const listing = await one(
			`INSERT INTO listing (shop_id, connection_id, external_id, sku, title, link_state)
			 SELECT id, ${store}, 'own', 'OWN-1', 'Gift card', 'unlinked' FROM shop RETURNING id`,
		);
		await look("empty", [page("choose-product", `${at}/matching/${listing}`, "No product has a code like this one")]);
		for (const table of ["listing", "connection_setup", "sales_order", "item"]) await query(`DELETE FROM ${table}`);
		await query("DELETE FROM connection WHERE NOT is_home");
	}, 300_000);

	describe("with 8,000 products of long names, 5,000 orders, twelve locations", () => {
		beforeAll(async () => {
			shop = await fillShop(stage.database.pool, SHOP, { listings: 8_000 });
			({
				amazon,
				single,
				failure,
				run,
				changes,
				oversell,
				totals,
				bulk,
				check: stockCheck,
				difference,
			} = await makeHuge(stage.database.pool, shop));
		}, 120_000);

		beforeEach(async () => {
			await query("UPDATE member SET granted = 'approve' WHERE user_id = '548380009'");
			await query("UPDATE connection SET state = 'live' WHERE id = $1", [shop.woocommerce]);
		});

		test("huge, and on its way there: the page that was there stays until it comes", () => come("huge", all(), { loading: true }), 900_000);

		test("R40 who may only look sees every page, and is told of the forms who can help", async () => {
			await query("UPDATE member SET granted = 'look' WHERE user_id = '548380009'");
			await query("UPDATE connection SET state = 'watching' WHERE id = $1", [shop.woocommerce]);
			await look("look", pages());
			await look(
				"no-right",
				forms().map((form) => ({ ...form, ready: NO_RIGHT })),
			);
		}, 600_000);

		test("failing: each page says so, and that stock is kept in step all the same", async () => {
			/** They read only who is asking, and whose channel it is. */
			const readLittle = ["connect", "renew", "new-keys"];
			const failing = all().map((one) => ({ ...one, ready: FAILING }));
			const away = [
				"location",
				"listing",
				"item",
				"sales_order",
				"oversell",
				"audit",
				"dead_letter",
				"replay_run",
				"change_set",
				"totals_check",
				"bulk_change",
				"reconcile_difference",
			];
			await come(
				"failing",
				failing.filter(({ name }) => !readLittle.includes(name)),
				{ away },
			);
			await come(
				"failing",
				failing.filter(({ name }) => readLittle.includes(name)),
				{ away: ["connection"] },
			);
		}, 600_000);
	});
});

async function frameOf({ page }: Opened): Promise<Frame> {
	const app = await (await page.waitForSelector("#app-frame")).contentFrame();
	if (!app) throw new Error("The admin shows no app");
	return app;
}
