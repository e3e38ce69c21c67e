import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FilledShop, fillShop, sell } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, type Opened, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const APP = "/store/northwind-outdoor/apps/lockstep/app";
const SIZES = [
	["", {}],
	["-phone", { width: 390, height: 844 }],
] as const;
const SOON = { timeout: 30_000 };

describe.skipIf(!chromiumPath)("R24 R26 R33 R43 the safety net inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const one = async (sql: string, values: unknown[] = []) => (await query(sql, values)).rows[0] as Record<string, unknown>;
	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 6 });
		await query("UPDATE connection SET cut_at = now() - interval '9 days' WHERE shop_id = $1", [shop.shopId]);
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	async function fine({ app, complaints }: Opened) {
		const [wide, screen] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect([wide, await violationsOf(app), complaints.filter((text) => !/preload/.test(text))]).toEqual([screen, [], []]);
	}

	test.each(SIZES)(
		"R10 R35 why was it 12: any past moment of a product, what had been told by then, and what led there (%s)",
		async (suffix, size) => {
			const item = shop.items[suffix === "" ? 2 : 3] ?? 0;
			const order = `${suffix || "wide"}-1`;
			await query(
				"UPDATE stock SET available = 14, home_quantity = 14, home_read_at = now() - interval '5 days' WHERE shop_id = $1 AND item_id = $2",
				[shop.shopId, item],
			);
			await query(
				`INSERT INTO movement (shop_id, item_id, location_id, delta, after, cause, connection_id, correlation_id, source_key, occurred_at, created_at)
			 VALUES ($1, $2, $3, 14, 14, 'opening', $4, 'c', 'past' || $2::bigint, now() - interval '5 days', now() - interval '5 days')`,
				[shop.shopId, item, shop.location, shop.shopify],
			);
			await query(
				`INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, operation, quantity, outcome, correlation_id, at)
			 SELECT $1, $2, id, 'listing.write', 14, 'landed', 'c', now() - interval '4 days' FROM listing WHERE shop_id = $1 AND item_id = $3`,
				[shop.shopId, shop.woocommerce, item],
			);
			await sell(stage.database.pool, shop, { connection: shop.woocommerce, order, item, units: 2, agoMs: 3 * 86_400_000 });
			await sell(stage.database.pool, shop, { connection: shop.shopify, order: `${order}-2`, item, units: 5, agoMs: 3_600_000 });
			const opened = await stage.open({ path: `${APP}/items/${item}`, ...size });
			const { page, app, close } = opened;
			await app.getByText("Why is it 7?").waitFor(SOON);
			const moment = await app.evaluate(() => {
				const at = new Date(Date.now() - 2 * 86_400_000);
				return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
			});
			await app.getByLabel("How it stood at").fill(moment);
			await app.getByRole("button", { name: "Show", exact: true }).click();
			await app.getByText("Why was it 12?").waitFor(SOON);
			expect(await app.getByTestId("then").innerText()).toContain("12 units there");
			await app.getByText("WooCommerce: told 14 and confirmed", { exact: false }).waitFor();
			await app.getByText("sold 2 itself since, so it showed 12", { exact: false }).waitFor();
			expect(await app.getByTestId("story").innerText()).not.toContain("5 units sold");
			await fine(opened);
			await app.getByText("Why was it 12?").scrollIntoViewIfNeeded();
			await page.screenshot({ path: picturePath(`item-past${suffix}`) });
			await app.getByRole("button", { name: "Back to now" }).click();
			await app.getByText("Why is it 7?").waitFor(SOON);
			await close();
		},
	);

	test("R24 R45 how often orders are read is chosen on the channel's page, and stays", async () => {
		const opened = await stage.open({ path: `${APP}/channels/${shop.woocommerce}` });
		const { page, app, close } = opened;
		await app.getByLabel("Read orders").selectOption("30");
		await page.getByText("Saved").first().waitFor(SOON);
		await expect
			.poll(async () => (await one("SELECT poll_minutes AS minutes FROM connection WHERE id = $1", [shop.woocommerce])).minutes, SOON)
			.toBe(30);
		await app.getByLabel("Read orders").scrollIntoViewIfNeeded();
		await page.screenshot({ path: picturePath("channel-polling") });
		await fine(opened);
		await close();
	});

	test.each(SIZES)("R33 R43 Channels: each version and its end, and what sets stock in Shopify back (%s)", async (suffix, size) => {
		if (suffix === "") {
			await query(
				`WITH b AS (INSERT INTO delta_batch (shop_id, connection_id, idempotency_key, state, correlation_id) VALUES ($1, $2, 'w', 'landed', 'c') RETURNING id),
				 d AS (INSERT INTO delta_line (shop_id, batch_id, item_id, location_id, delta, state, landed_at) SELECT $1, b.id, $3, $4, -2, 'contained', now() - interval '12 minutes' FROM b)
				 INSERT INTO movement (shop_id, item_id, location_id, delta, after, cause, connection_id, correlation_id, source_key, occurred_at)
				 VALUES ($1, $3, $4, 2, 21, 'home', $2, 'c', 'undone', now())`,
				[shop.shopId, shop.shopify, shop.items[0], shop.location],
			);
		}
		const opened = await stage.open({ path: `${APP}/channels`, ...size });
		const { page, app, close } = opened;
		await app.getByText("Something else sets stock back in Shopify").waitFor(SOON);
		await app
			.getByText("went back once to what it was before units were sold on another channel, on 1 product", { exact: false })
			.waitFor();
		await app.getByRole("link", { name: "NW-0001" }).waitFor();
		await page.screenshot({ path: picturePath(`channels-set-back${suffix}`) });
		const versions = app.getByTestId("versions");
		expect(await versions.innerText()).toMatch(/Shopify\s+2026-10\s+Answered until/);
		expect(await versions.innerText()).toMatch(/WooCommerce\s+wc\/v3\s+No end announced/);
		await versions.scrollIntoViewIfNeeded();
		await page.screenshot({ path: picturePath(`channels-versions${suffix}`) });
		await fine(opened);
		await close();
	});

	test.each(SIZES)(
		"R26 a week's totals that differ: the overview says so, and the page which orders they are (%s)",
		async (suffix, size) => {
			if (suffix === "") {
				const { id } = await one(
					`WITH k AS (INSERT INTO totals_check (shop_id, connection_id, from_at, to_at, state, done_at, orders_there, orders_here, units_there, units_here, revenue,
				     stock_there, stock_here, drift)
				   VALUES ($1, $2, '2026-11-23', '2026-11-30', 'done', now(), 812, 810, 1604, 1600, '[{"currency":"USD","there":"20312.50","here":"20250.00"}]', 5210, 5210, 0.0031) RETURNING id),
				 d AS (INSERT INTO totals_difference (shop_id, check_id, order_id, name, kind, there, here)
				   SELECT $1, k.id, v.* FROM k, (VALUES ('77', '#1077', 'missing-here', 2, NULL), ('78', '#1078', 'missing-here', 1, NULL), ('2041', '#2041', 'units', 3, 2),
				     ('90', '#1090', 'missing-there', NULL, 1)) v)
				 SELECT id FROM k`,
					[shop.shopId, shop.woocommerce],
				);
				await query("INSERT INTO alert (shop_id, kind, subject, detail, opened_at) VALUES ($1, 'totals', $2, $3, now())", [
					shop.shopId,
					String(shop.woocommerce),
					JSON.stringify({ perMille: 3.1, check: Number(id) }),
				]);
			}
			const opened = await stage.open(size);
			const { page, app, close } = opened;
			await app.getByTestId("needs-you").getByText("Totals differ").waitFor(SOON);
			await app.getByRole("link", { name: /See what differs/ }).click();
			await app.getByText("Where they differ").waitFor(SOON);
			expect(await app.getByTestId("totals").innerText()).toContain("812 on WooCommerce, 810 in Lockstep");
			await app.getByText("0.31%").waitFor();
			await app.getByText("WooCommerce has it and Lockstep did not.").first().waitFor();
			await page.screenshot({ path: picturePath(`totals${suffix}`) });
			await fine(opened);
			await close();
		},
	);

	test.each(SIZES)("R24 R26 Checks: the totals week by week, and what reading the orders found day by day (%s)", async (suffix, size) => {
		if (suffix === "")
			await query(
				`INSERT INTO inbox_event (shop_id, connection_id, topic, source, status, outcome, event, correlation_id, received_at)
				 SELECT $1, $2, 'order.poll', 'poll', 'processed', 'first', jsonb_build_object('orderId', 'p' || n, 'stamp', 'x', 'contentHash', 'y'), 'c', now() - n * interval '9 hours'
				 FROM generate_series(1, 6) n`,
				[shop.shopId, shop.woocommerce],
			);
		const opened = await stage.open({ path: `${APP}/checks`, ...size });
		const { page, app, close } = opened;
		const weeks = app.getByTestId("totals-weeks");
		await weeks.getByText("Differs by 0.31%").waitFor(SOON);
		expect(await weeks.innerText()).toContain("Nov 23, 2026 to Nov 29, 2026");
		expect(await app.getByTestId("found-by-poll").innerText()).toMatch(/WooCommerce: \d/);
		await weeks.scrollIntoViewIfNeeded();
		await page.screenshot({ path: picturePath(`checks-totals${suffix}`) });
		await fine(opened);
		await app.getByRole("link", { name: "See the totals of WooCommerce up to 2026-11-30" }).click();
		await app.getByText("Where they differ").waitFor(SOON);
		await close();
	});
});
