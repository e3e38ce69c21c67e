import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const APP = "/store/northwind-outdoor/apps/lockstep/app";
const SIZES = [
	{ width: 1280, height: 900, suffix: "" },
	{ width: 390, height: 844, suffix: "-phone" },
];
const SOON = { timeout: 30_000 };
/** Looks broken off by leaving, Chromium's wish for a faster machine, and what the browser says of an answer that a state is about. */
const NO_FAULT = /net::ERR_ABORTED|was preloaded using link preload/;
const EXPECTED = { failing: /\b500\b/, "no-right": /\b403\b/ } as const;
/** Far longer than any screen is wide; and more than anybody reads. */
const LONG = "Expedition down jacket with detachable hood, recycled shell and storm flap, limited winter edition, midnight pine";

type PageOf = { name: string; path: string; ready: string };

describe.skipIf(!chromiumPath)("R35 every page in every state, at both sizes", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	beforeAll(async () => {
		stage = await openStage();
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	/** The page as it stands, with a picture: nothing wider than the screen, nothing said to the console, accessible. */
	async function look(state: string, { name, path, ready }: PageOf) {
		for (const { suffix, ...size } of SIZES) {
			const { page, app, complaints, close } = await stage.open({ path: `${APP}${path}`, ...size });
			await app.getByText(ready).first().waitFor(SOON);
			const [wide, screen] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
			await page.screenshot({ path: picturePath(`${name}-${state}${suffix}`) });
			const expected = state in EXPECTED ? EXPECTED[state as keyof typeof EXPECTED] : /$^/;
			const said = complaints.filter((text) => !NO_FAULT.test(text) && !expected.test(text));
			expect([name, state, suffix, wide, await violationsOf(app), said]).toEqual([name, state, suffix, screen, [], []]);
			await close();
		}
	}

	test("empty: a shop without products, orders or channels", async () => {
		const first = await stage.open();
		await first.app.getByTestId("verdict").waitFor(SOON);
		await first.close();
		await query("UPDATE shop SET import_state = 'done', import_done = 0, import_total = 0");
		await look("empty", { name: "overview", path: "", ready: "No sales channel is connected yet" });
		await look("empty", { name: "stock", path: "/stock", ready: "No products yet" });
		await look("empty", { name: "orders", path: "/orders", ready: "No orders yet" });
		await query("DELETE FROM audit");
		await look("empty", { name: "activity", path: "/activity", ready: "Nothing has been done yet" });
		await look("empty", { name: "settings", path: "/settings", ready: "People" });
	}, 240_000);

	describe("with 8,000 products of long names, 5,000 orders, twelve locations", () => {
		const pages = (): PageOf[] => [
			{ name: "overview", path: "", ready: "Your stock is kept here" },
			{ name: "channels", path: "/channels", ready: "Your channels" },
			{ name: "channel", path: `/channels/${shop.woocommerce}`, ready: "How it is connected" },
			{ name: "matching", path: `/channels/${shop.woocommerce}/matching?tab=linked`, ready: "These follow your stock" },
			{ name: "rules", path: `/channels/${shop.woocommerce}/rules`, ready: "For listings without a rule of their own" },
			{ name: "go-live", path: `/channels/${shop.woocommerce}/go-live`, ready: "Dry run and go live" },
			{ name: "watch", path: `/channels/${shop.woocommerce}/watch`, ready: "What Lockstep saw" },
			{ name: "stock", path: "/stock", ready: "NW-0001" },
			{ name: "item", path: `/items/${shop.items[0]}`, ready: "On the sales channels" },
			{ name: "orders", path: "/orders", ready: "1005000" },
			{ name: "order", path: `/orders/${shop.woocommerce}/1005000`, ready: "Was it taken in?" },
			{ name: "activity", path: "/activity", ready: "Changed the rule of" },
			{ name: "settings", path: "/settings", ready: "People" },
		];
		const forms = (): PageOf[] => [
			{ name: "rules", path: `/channels/${shop.woocommerce}/rules`, ready: "" },
			{ name: "stock-edit", path: `/stock/edit?item=${shop.items[0]}`, ready: "" },
			{ name: "connect", path: "/channels/connect/woocommerce", ready: "" },
			{ name: "disconnect", path: `/channels/${shop.woocommerce}/disconnect`, ready: "" },
		];

		beforeAll(async () => {
			shop = await fillShop(stage.database.pool, SHOP, { listings: 8_000 });
			await query("UPDATE item SET title = $2 || ' ' || id WHERE shop_id = $1 AND id % 3 = 0 OR id = $3", [
				shop.shopId,
				LONG,
				shop.items[0],
			]);
			await query("UPDATE listing SET title = $2 WHERE shop_id = $1 AND id % 3 = 0", [shop.shopId, LONG]);
			await query("UPDATE listing SET sku = repeat('NW-VERY-LONG-SKU-', 4) || id WHERE shop_id = $1 AND id % 7 = 0", [shop.shopId]);
			await query("UPDATE stock SET available = 1234567 WHERE shop_id = $1 AND item_id % 5 = 0", [shop.shopId]);
			await query("UPDATE listing SET desired = 1234567, shown = 1234560, dirty_since = now() WHERE shop_id = $1 AND item_id % 5 = 0", [
				shop.shopId,
			]);
			await query(
				`INSERT INTO location (shop_id, external_id, name)
				 SELECT $1, 'more-' || n, 'Warehouse number ' || n || ', Gewerbegebiet Nordhafen West, Hall ' || n FROM generate_series(1, 11) n`,
				[shop.shopId],
			);
			await query(
				`INSERT INTO sales_order (shop_id, connection_id, order_id, name, created_on_channel_at, stamp, content_hash, as_of, first_source, created_at)
				 SELECT $1, $2, 1000000 + n, '#' || 1000000 + n, at, at, 'x', at, 'webhook', at
				   FROM (SELECT n, now() - (5000 - n) * interval '1 minute' AS at FROM generate_series(1, 5000) n) o`,
				[shop.shopId, shop.woocommerce],
			);
			await query(
				`INSERT INTO audit (shop_id, actor, action, subject, before, after)
				 SELECT $1, '548380009', 'policy.changed', $2, '{"policy":{"kind":"exact"}}', '{"policy":{"kind":"buffer","buffer":2}}' FROM generate_series(1, 3000)`,
				[shop.shopId, String(shop.woocommerce)],
			);
			await query(
				`INSERT INTO member (shop_id, user_id, granted, installation, name)
				 SELECT $1, 1000 + n, 'look', 1, 'Alexandra Konstantinopoulou-Featherstonehaugh the ' || n || 'th' FROM generate_series(1, 40) n`,
				[shop.shopId],
			);
			await query(
				"UPDATE connection SET account = 'a-very-long-name-of-a-store-that-somebody-really-registered.northwind-outdoor.example', cut_at = now() - interval '3 days' WHERE id = $1",
				[shop.woocommerce],
			);
			await query("ANALYZE");
		}, 120_000);

		beforeEach(() => query("UPDATE member SET granted = 'approve' WHERE user_id = '548380009'"));

		test("huge", async () => {
			for (const page of pages()) await look("huge", page);
		}, 600_000);

		test("R40 who may only look sees every page, and is told of the forms who can help", async () => {
			await query("UPDATE member SET granted = 'look' WHERE user_id = '548380009'");
			for (const page of pages().filter(({ name }) => name !== "rules")) await look("look", page);
			for (const form of forms()) await look("no-right", { ...form, ready: "You need another right for this page" });
		}, 600_000);

		test("failing: each page says so, and that stock is kept in step all the same", async () => {
			const needs: [string, string[]][] = [
				["location", ["settings"]],
				["listing", ["overview", "channels", "channel", "matching", "rules", "go-live", "watch", "stock", "item"]],
				["sales_order", ["orders", "order"]],
				["audit", ["activity"]],
			];
			for (const [table, names] of needs) {
				await query(`ALTER TABLE ${table} RENAME TO ${table}_away`);
				for (const page of pages().filter(({ name }) => names.includes(name)))
					await look("failing", { ...page, ready: "This page could not be loaded" });
				await query(`ALTER TABLE ${table}_away RENAME TO ${table}`);
			}
		}, 600_000);
	});
});
