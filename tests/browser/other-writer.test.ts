import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const APP = "/store/northwind-outdoor/apps/lockstep/app";
const PHONE = { width: 390, height: 844 };
const SAID =
	"In the last 7 days 4 figures were changed on WooCommerce neither by an order nor by Lockstep, on 3 products: 3 raised, 1 lowered.";

describe.skipIf(!chromiumPath)("R43 something else writes a channel's stock, said inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const channel = (rest = "") => `${APP}/channels/${shop.woocommerce}${rest}`;
	const state = async () => (await query("SELECT state FROM connection WHERE id = $1", [shop.woocommerce])).rows[0]?.state;

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 8 });
		await query("UPDATE connection SET state = 'watching', cut_at = now() - interval '3 days' WHERE id = $1", [shop.woocommerce]);
		await query(
			`INSERT INTO difference (shop_id, connection_id, listing_id, expected, found, cause, at)
			 SELECT l.shop_id, l.connection_id, l.id, l.shown, l.shown + r.more, 'raised-elsewhere', now() - r.hours * interval '1 hour'
			 FROM (VALUES (1, 6, 30), (2, 5, 9), (3, 12, 4), (1, -3, 2)) r(n, more, hours)
			 JOIN (SELECT *, row_number() OVER (ORDER BY id) AS n FROM listing WHERE shop_id = $1) l ON l.n = r.n`,
			[shop.shopId],
		);
		await query(
			`INSERT INTO connection_setup (shop_id, connection_id, mirrored, catalogue_read_at, dry_run, dry_run_at) VALUES ($1, $2, 'no', now(), $3, now())`,
			[
				shop.shopId,
				shop.woocommerce,
				JSON.stringify({
					...{ listings: 8, heldBack: 0, heldBackOn: 0, changes: 1, increases: 1, decreases: 0, toZero: 0 },
					...{ unmanaged: 0, gone: 0 },
				}),
			],
		);
		await query(
			"INSERT INTO dry_run_line (shop_id, connection_id, listing_id, from_quantity, to_quantity) SELECT shop_id, connection_id, min(id), 3, 4 FROM listing WHERE shop_id = $1 GROUP BY 1, 2",
			[shop.shopId],
		);
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	test.each([
		["other-writer-channel", "", {}],
		["other-writer-channel-phone", "", PHONE],
		["other-writer-watch", "/watch", {}],
	])("how often, where, when last and what to do (%s)", async (name, rest, size) => {
		const { page, app, complaints, close } = await stage.open({ path: channel(rest), ...size });
		await app.getByText("Something else changes stock on WooCommerce").waitFor();
		await app.getByTestId("other-writer").getByText(SAID).waitFor();
		await app.getByRole("link", { name: "NW-0003" }).waitFor();
		await app.getByText("WooCommerce does not tell who it was", { exact: false }).waitFor();
		const [wide, screen] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(screen);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath(name), fullPage: true });
		expect(complaints.filter((text) => !/preload/.test(text))).toEqual([]);
		await close();
	});

	test("going live is warned of it first: with one listing, with all, and also where the page was opened before", async () => {
		const { page, app, close } = await stage.open({ path: channel("/go-live") });
		app.page().setDefaultTimeout(6_000);
		await app.getByTestId("other-writer").getByText(SAID).waitFor();
		await app.getByRole("row").filter({ hasText: "NW-0001" }).getByRole("checkbox").check({ force: true });
		await app.getByRole("button", { name: "Go live with these first" }).click();
		await app.getByRole("dialog").getByText("Go live with 1 listing of WooCommerce?").waitFor();
		await app.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
		expect(await state()).toBe("watching");
		// A page from before anything was seen: what it sends is not enough.
		const answered = await app.evaluate(
			async ([path]) => (await fetch(path as string, { method: "POST", body: new URLSearchParams({ intent: "all" }) })).text(),
			[`/app/channels/${shop.woocommerce}/go-live.data`],
		);
		expect(answered).toContain("Something else changes stock there. Nothing was sent");
		expect(await state()).toBe("watching");
		await page.getByRole("button", { name: "Go live with all" }).click();
		const dialog = app.getByRole("dialog");
		await dialog.getByText("WooCommerce does not tell who it was", { exact: false }).waitFor();
		await page.screenshot({ path: picturePath("other-writer-go-live") });
		await dialog.getByRole("button", { name: "Go live all the same" }).click();
		await app.getByText("Something else changes stock on WooCommerce").waitFor();
		await app.getByText("While both write", { exact: false }).waitFor();
		expect(await state()).toBe("live");
		await close();
	});

	test("nothing is said where nothing was changed for a week", async () => {
		await query("UPDATE difference SET at = at - interval '8 days' WHERE shop_id = $1", [shop.shopId]);
		const { app, close } = await stage.open({ path: channel() });
		await app.getByText("How it is connected").waitFor();
		expect(await app.getByText("Something else changes stock").count()).toBe(0);
		await close();
	});
});
