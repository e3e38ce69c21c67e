import { pino } from "pino";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runReplays } from "#app/replay/index.ts";
import type { Deps } from "#connections";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const PHONE = { width: 390, height: 844 };
const ROOT = "/store/northwind-outdoor/apps/lockstep";
const PATH = `${ROOT}/app/failed-updates`;
/** Shopify's library announces its script by the address at Shopify; on a busy machine the browser remarks on that (pages.test.ts). */
const isOurs = (text: string) => !text.includes("preloaded using link preload");

describe.skipIf(!chromiumPath)("R21 R22 R35 what has failed", () => {
	let stage: Stage;
	let shop: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const one = async <T>(sql: string, values: unknown[] = []) => (await query(sql, values)).rows[0] as T;
	/** So many listings were refused several times, and one message was never understood. */
	const fail = async (listings: number) => {
		await query(
			`WITH parked AS (
			   UPDATE listing SET parked = true, attempts = 5, desired = shown - 1, dirty_since = now() WHERE shop_id = $1 AND id IN (
			     SELECT id FROM listing WHERE shop_id = $1 ORDER BY id LIMIT $3) RETURNING id, desired, external_id),
			 tried AS (
			   INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, operation, quantity, outcome, error_class, error, http_status, request_id, correlation_id, at)
			   SELECT $1, $2, parked.id, 'listing.write', desired, 'failed', 'rejected', 'The product is in the bin', 400, 'req-' || parked.id || '-' || n, 'c-' || parked.id,
			          now() - n * interval '16 seconds' FROM parked, generate_series(1, 5) n)
			 INSERT INTO dead_letter (shop_id, direction, connection_id, listing_id, operation, error_class, error, payload, source_key, correlation_id, attempts)
			 SELECT $1, 'out', $2, id, 'listing.write', CASE WHEN id % 5 = 0 THEN 'listing-not-found' ELSE 'rejected' END, 'The product is in the bin',
			        jsonb_build_object('externalId', external_id, 'sent', desired, 'httpStatus', 400), 'listing:' || id || ':rejected', 'c-' || id, 5 FROM parked`,
			[shop.shopId, shop.woocommerce, listings],
		);
		await query(
			`INSERT INTO dead_letter (shop_id, direction, connection_id, operation, error_class, error, source_key, correlation_id)
			 VALUES ($1, 'in', $2, 'order.updated', 'unexpected-shape', 'line_items[0].quantity: expected number, received string', 'event:1', 'c-in')`,
			[shop.shopId, shop.woocommerce],
		);
	};

	/** What a worker would do; the stage has none. */
	const workerDeps = () => ({ pool: stage.database.pool, wake: async () => {}, log: pino({ level: "silent" }) }) as unknown as Deps;

	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 120 });
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());
	beforeEach(async () => {
		await query("DELETE FROM dead_letter");
		await query("DELETE FROM replay_run");
		await query("DELETE FROM problem_change");
		await query("DELETE FROM problem");
		await query("DELETE FROM delivery_attempt");
		await query("UPDATE listing SET parked = false, attempts = 0, desired = shown, dirty_since = NULL");
	});

	test("nothing has failed: it says so, and what would be here", async () => {
		const { page, app, complaints, close } = await stage.open({ path: PATH });
		await app.getByText("Nothing has failed").waitFor();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("failed-updates-empty") });
		expect(complaints.filter(isOurs)).toEqual([]);
		await close();
	});

	test("from the overview to one failure, its tries, and trying it again", async () => {
		await fail(3);
		const { page, app, complaints, close } = await stage.open();
		await app
			.getByTestId("needs-you")
			.getByRole("link", { name: /^See (them|what to do): WooCommerce refused/ })
			.first()
			.click();
		await app.locator('tbody a[href*="/failed-updates/"]').first().click();
		await app.getByText("What was tried").waitFor();
		expect(await app.getByTestId("tries").locator("li").count()).toBe(5);
		expect(Number(await app.getByTestId("shows").innerText()) - Number(await app.getByTestId("now").innerText())).toBe(1);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("failed-update") });
		await page.getByRole("button", { name: "Try again" }).click();
		await page.getByText("Trying it again").waitFor();
		expect(await one("SELECT count(*)::int AS parked FROM listing WHERE parked")).toEqual({ parked: 2 });
		expect(complaints.filter(isOurs)).toEqual([]);
		await close();
	});

	test("a filter, all that match tried again, the others discarded with a reason that Activity keeps", async () => {
		await fail(60);
		const { page, app, complaints, close } = await stage.open({ path: PATH });
		await app.getByRole("link", { name: "Message “order.updated”" }).waitFor();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("failed-updates") });
		await app.getByRole("tab", { name: "Updates" }).click();
		await page.getByRole("button", { name: "Try all 60 again" }).click();
		await app.getByText("At most 60 updates to WooCommerce.").waitFor();
		expect(await app.getByTestId("replay-sample").locator("li").count()).toBe(10);
		await app
			.getByText(/could not be read just now/)
			.first()
			.waitFor();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("replay-preview") });
		await app.getByLabel("Why?").fill("Taken out of the bin at the store");
		await app.getByRole("button", { name: "Try 60 failures again" }).click();
		await app.getByText("60 failures: 20 on their way and 40 waiting.").waitFor();
		expect(await one("SELECT count(*)::int AS parked FROM listing WHERE parked")).toEqual({ parked: 40 });
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("replay-run") });
		await page.getByRole("button", { name: "Pause" }).click();
		await app.getByText("Nothing more is begun until you resume it.").waitFor();
		// What had begun has come to its end meanwhile, one of them badly: the page shows it by itself.
		await query("UPDATE listing SET dirty_since = NULL, recheck = false, shown = desired WHERE NOT parked");
		await query(
			`UPDATE listing SET parked = true, dirty_since = now() WHERE id = (SELECT min(listing_id) FROM replay_line WHERE state = 'begun')`,
		);
		await runReplays(workerDeps(), shop.shopId);
		await app.getByText("60 failures: 19 succeeded, 1 failed again and 40 waiting.").waitFor();
		await app.getByTestId("run-ended").getByText("Failed again").waitFor();
		await page.getByRole("button", { name: "Cancel the rest" }).click();
		await page.getByText("Cancelled. What has begun").waitFor();
		await runReplays(workerDeps(), shop.shopId);
		await app.getByText("60 failures: 19 succeeded, 1 failed again and 40 were left as they are.").waitFor();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("replay-ended"), fullPage: true });
		await app
			.getByRole("button", { name: "Failed updates" })
			.or(app.getByRole("link", { name: "Failed updates" }))
			.first()
			.click();
		await app.getByTestId("runs").getByText("Cancelled").waitFor();
		await page.screenshot({ path: picturePath("failed-updates-runs") });
		await app.getByRole("tab", { name: "Messages" }).click();
		await page.getByRole("button", { name: "Discard all 1" }).click();
		await app.getByText("Another reason").click();
		await app.getByLabel("Reason", { exact: true }).fill("Counted by hand");
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("failed-updates-discard") });
		await app.getByRole("button", { name: "Discard", exact: true }).last().click();
		await page.getByText("1 failure discarded").waitFor();
		expect(await one("SELECT state, discard_reason FROM dead_letter WHERE direction = 'in'")).toEqual({
			state: "discarded",
			discard_reason: "Counted by hand",
		});
		await page.getByRole("link", { name: "Activity" }).click();
		await app.getByRole("tab", { name: "Failures" }).click();
		await app.getByText("Discarded 1 failure").waitFor();
		await app.getByText("Counted by hand").waitFor();
		await app.getByRole("link", { name: "Began to try 60 failures again: Try 60 failures again" }).waitFor();
		await app.getByText("19 succeeded, 1 failed again, 0 needed nothing any more, 40 left as they were").waitFor();
		expect(complaints.filter(isOurs)).toEqual([]);
		await close();
	});

	test("problems come first: whose they are is said once, ignored ones step back, and each leads to its failures", async () => {
		await fail(60);
		const { page, app, complaints, close } = await stage.open({ path: PATH });
		const problems = app.getByTestId("problems");
		await problems.getByText(/refused 48 updates/).waitFor();
		await problems.getByText(/12 listings are not on .* any more/).waitFor();
		await problems.getByText(/1 message of .* was not understood/).waitFor();
		await problems.getByRole("button", { name: /^I look after it: .*refused 48/ }).click();
		await problems.getByText("Being looked after").waitFor();
		await problems.getByRole("button", { name: /^Ignore: 1 message/ }).click();
		await page.getByText("Ignored until it is over.").waitFor();
		await app.getByText(/1 other problem, with those that are ignored/).waitFor();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("failed-updates-problems") });
		await problems.getByRole("link", { name: /^Show them: 12 listings/ }).click();
		await page.getByRole("button", { name: "Try all 12 again" }).waitFor();
		await page.getByRole("link", { name: "Activity" }).click();
		await app.getByRole("tab", { name: "Failures" }).click();
		await app.getByText(/Looks after a problem on .*: 48 updates, refused by the channel/).waitFor();
		await page.screenshot({ path: picturePath("failed-updates-problems-activity") });
		expect(complaints.filter(isOurs)).toEqual([]);
		await close();
	});

	test("a sale that is linked to nothing is linked where it is told of, and what waited for it is tried again", async () => {
		const listing = await one<{ id: number; external_id: string }>(
			"SELECT id, external_id FROM listing WHERE shop_id = $1 ORDER BY id DESC LIMIT 1",
			[shop.shopId],
		);
		await query("UPDATE listing SET item_id = NULL, link_state = 'unlinked' WHERE id = $1", [listing.id]);
		const line = { lineId: "1", listingExternalId: listing.external_id, sku: null, ordered: 1, held: 1, fulfilledByChannel: false };
		const snapshot = {
			...{ v: 1, type: "order.snapshot", orderId: "4711", name: "#4711", createdAt: "2026-03-01T10:00:00Z", stamp: "2026-03-01T10:00:00Z" },
			...{ contentHash: "x", complete: true, cancelled: false, locationExternalId: null, lines: [line], fetched: null },
		};
		await query(
			`WITH e AS (INSERT INTO inbox_event (shop_id, connection_id, topic, source, status, correlation_id, event)
			   VALUES ($1, $2, 'order.created', 'webhook', 'processed', 'c', $3) RETURNING id)
			 INSERT INTO dead_letter (shop_id, direction, connection_id, event_id, operation, error_class, error, source_key, correlation_id)
			 SELECT $1, 'in', $2, id, 'order.created', 'unmapped-listing', 'Order #4711 sells what is linked to no product here', 'unmapped:1:4711', 'c' FROM e`,
			[shop.shopId, shop.woocommerce, JSON.stringify(snapshot)],
		);
		const { page, app, complaints, close } = await stage.open({ path: PATH });
		await app.getByText(/1 message of WooCommerce sells something that is linked to no product/).waitFor();
		await app.getByRole("link", { name: "Message “order.created”" }).click();
		await app.getByRole("heading", { name: "Link it" }).waitFor();
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("failed-update-link"), fullPage: true });
		await app
			.getByTestId("products")
			.getByRole("button", { name: /^Link to/ })
			.first()
			.click();
		await app.getByText("1 failure: 1 on its way.").waitFor();
		expect(await one("SELECT link_state FROM listing WHERE id = $1", [listing.id])).toEqual({ link_state: "linked" });
		await page.screenshot({ path: picturePath("failed-update-linked") });
		expect(complaints.filter(isOurs)).toEqual([]);
		await close();
	});

	test("a message is corrected by whoever may approve; what is refused is said, and what stood there before is in Activity", async () => {
		const sent = {
			...{
				id: 4712,
				number: "4712",
				status: "processing",
				date_created_gmt: "2026-03-01T12:00:00",
				date_modified_gmt: "2026-03-01T12:00:00",
			},
			line_items: [{ id: 1, product_id: 9, variation_id: 0, sku: "NW-0001", meta_data: [] }],
			meta_data: [],
		};
		await query(
			`WITH e AS (INSERT INTO inbox_event (shop_id, connection_id, topic, source, status, outcome, correlation_id, payload)
			   VALUES ($1, $2, 'order.updated', 'webhook', 'parked', 'unexpected-shape', 'c', $3) RETURNING id)
			 INSERT INTO dead_letter (shop_id, direction, connection_id, event_id, operation, error_class, error, payload, source_key, correlation_id)
			 SELECT $1, 'in', $2, id, 'order.updated', 'unexpected-shape', 'line_items.0.quantity: expected number, received undefined', $3, 'event:' || id, 'c' FROM e`,
			[shop.shopId, shop.woocommerce, JSON.stringify(sent)],
		);
		const { page, app, complaints, close } = await stage.open({ path: PATH });
		await app.getByRole("link", { name: "Message “order.updated”" }).click();
		await page.getByRole("button", { name: "Correct" }).click();
		const field = app.getByLabel("The message");
		const text = await field.inputValue();
		await field.fill(text.replace('"sku"', '"email": "x", "quantity": 1, "sku"'));
		await app.getByRole("button", { name: "Send it in corrected" }).click();
		await page.getByText(/not among those that are kept/).waitFor();
		await field.fill(text.replace('"sku"', '"quantity": 1, "sku"'));
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("failed-update-correct"), fullPage: true });
		await app.getByRole("button", { name: "Send it in corrected" }).click();
		await page.getByText("Sent in corrected. It counts like any other message.").waitFor();
		await app.getByText("Tried again").first().waitFor();
		expect(await one("SELECT count(*)::int AS n FROM inbox_event WHERE source = 'replay' AND event->>'orderId' = '4712'")).toEqual({
			n: 1,
		});
		await page.getByRole("link", { name: "Activity" }).click();
		await app.getByRole("tab", { name: "Failures" }).click();
		await app.getByText("Corrected a message of WooCommerce that could not be counted").waitFor();
		await app.getByText("line_items.0.quantity: 1").waitFor();
		await query("DELETE FROM inbox_event WHERE event->>'orderId' = '4712' OR payload->>'id' = '4712'");
		expect(complaints.filter(isOurs)).toEqual([]);
		await close();
	});

	test("on a phone: what trying again would do, how far it is, and what of it failed again", async () => {
		await fail(12);
		const { page, app, complaints, close } = await stage.open({
			...PHONE,
			path: `${PATH}/replay?side=updates&through=${Number.MAX_SAFE_INTEGER}`,
		});
		await app.getByText("At most 12 updates to WooCommerce.").waitFor();
		const isWide = () => app.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
		expect(await isWide()).toBe(false);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("replay-preview-phone"), fullPage: true });
		await app.getByLabel("Why?").fill("Taken out of the bin at the store");
		await app.getByRole("button", { name: "Try 12 failures again" }).click();
		await app.getByText("12 failures: 12 on their way.").waitFor();
		await query("UPDATE listing SET parked = true WHERE id IN (SELECT listing_id FROM replay_line WHERE state = 'begun')");
		await runReplays(workerDeps(), shop.shopId);
		await app.getByText("12 failures: 12 failed again.").waitFor();
		expect(await isWide()).toBe(false);
		expect(await violationsOf(app)).toEqual([]);
		await page.screenshot({ path: picturePath("replay-ended-phone") });
		// Nothing is left to try again of what was settled; the address of another time says so.
		await query("DELETE FROM dead_letter");
		const again = await stage.open({ path: `${PATH}/replay?through=5` });
		await again.app.getByText("Nothing to try again").waitFor();
		await again.page.screenshot({ path: picturePath("replay-nothing") });
		await again.close();
		expect(complaints.filter(isOurs)).toEqual([]);
		await close();
	});

	test("on a phone, without sideways scrolling; who may only look is offered nothing to press", async () => {
		await fail(12);
		// Whoever opens the app first may do everything; that is taken back here.
		await (await stage.open({ path: PATH })).close();
		await query("UPDATE member SET granted = 'look'");
		try {
			const { page, app, complaints, close } = await stage.open({ ...PHONE, path: PATH });
			await app.getByText("Refused by the channel").first().waitFor();
			const [wide, high] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
			expect(wide).toBe(high);
			expect(await page.getByRole("button", { name: /again|Discard/ }).count()).toBe(0);
			// The filters stand where the list does, and never over the problems.
			const topOf = async (place: Locator) => (await place.boundingBox())?.y ?? 0;
			expect(await topOf(app.getByRole("tab", { name: "Messages" }))).toBeGreaterThan(
				await topOf(app.getByTestId("problems").locator("li").last()),
			);
			expect(await violationsOf(app)).toEqual([]);
			await page.screenshot({ path: picturePath("failed-updates-phone") });
			await app.getByRole("link", { name: "Message “order.updated”" }).waitFor();
			await app.getByTestId("index-list").getByRole("link").nth(1).click();
			await app.getByText("What was tried").waitFor();
			await page.screenshot({ path: picturePath("failed-update-phone") });
			expect(complaints.filter(isOurs)).toEqual([]);
			await close();
		} finally {
			await query("UPDATE member SET granted = 'approve'");
		}
	});
});
