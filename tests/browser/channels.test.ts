import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { chromiumPath, type Opened, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const APP = "/store/northwind-outdoor/apps/lockstep/app";
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const SOON = { timeout: 30_000 };
/** The frame's own looks that were broken off by leaving, and Chromium's wish that a slow machine had been faster. */
const NO_FAULT = /net::ERR_ABORTED|was preloaded using link preload/;

describe.skipIf(!chromiumPath)("R35 the channels' pages, in every state", () => {
	let stage: Stage;
	let shop: FilledShop;
	let other: FilledShop;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	beforeAll(async () => {
		stage = await openStage();
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	const channel = (rest = "") => `${APP}/channels/${shop.woocommerce}${rest}`;
	const set = (sql: string) => query(`UPDATE connection SET ${sql} WHERE shop_id = $1 AND id = $2`, [shop.shopId, shop.woocommerce]);
	/** One page at both sizes, each with a picture of its own, nothing wider than the screen, and nothing to complain of. */
	const look = async (name: string, path: string, ready: (opened: Opened) => Promise<unknown>, faults = NO_FAULT) => {
		for (const [size, suffix] of [
			[DESKTOP, ""],
			[PHONE, "-phone"],
		] as const) {
			const opened = await stage.open({ path, ...size });
			await ready(opened);
			const [wide, screen] = await opened.app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
			await opened.page.screenshot({ path: picturePath(`${name}${suffix}`) });
			expect([name, suffix, wide]).toEqual([name, suffix, screen]);
			expect(opened.complaints.filter((text) => !faults.test(text))).toEqual([]);
			await opened.close();
		}
	};

	test("a new shop: home alone, what can be connected, and nothing else while the products are read", async () => {
		// The first sight of the app makes its reader a member.
		const first = await stage.open();
		await first.app.getByTestId("verdict").waitFor();
		await first.close();
		await look("channels-importing", `${APP}/channels`, ({ app }) =>
			app.getByText("Your products are still being read").first().waitFor(SOON),
		);
		await query("UPDATE shop SET import_state = 'done'");
		await look("channels-empty", `${APP}/channels`, ({ app }) => app.getByText("Nothing else is connected yet").waitFor(SOON));
		await look("connect", `${APP}/channels/connect/woocommerce`, ({ app }) => app.getByLabel("Consumer key").waitFor(SOON));
	}, 120_000);

	describe("with a store of 8,000 listings", () => {
		beforeAll(async () => {
			shop = await fillShop(stage.database.pool, SHOP, { listings: 8_000 });
			other = await fillShop(stage.database.pool, "somebody-else.myshopify.com", { listings: 7 });
			// 7,412 exact, 200 in lower case, 100 packs, 88 of which two products have the SKU, 200 unknown ones.
			await query(
				`UPDATE listing SET item_id = NULL, link_state = 'unlinked', desired = NULL, shown = NULL,
				   sku = CASE WHEN n <= 7412 THEN sku WHEN n <= 7612 THEN lower(sku) WHEN n <= 7712 THEN sku || '-6PK' WHEN n <= 7800 THEN 'NW-TWICE' ELSE 'OWN-' || n END
				 FROM (SELECT id AS listing_id, row_number() OVER (ORDER BY id) AS n FROM listing WHERE shop_id = $1) numbered
				 WHERE shop_id = $1 AND id = listing_id`,
				[shop.shopId],
			);
			await query("UPDATE item SET sku = 'NW-TWICE' WHERE shop_id = $1 AND id = ANY($2)", [shop.shopId, shop.items.slice(7_712, 7_714)]);
			await query("ANALYZE");
		}, 120_000);
		beforeEach(async () => {
			await query("DELETE FROM connection_setup");
			await query("UPDATE member SET granted = 'approve'");
			await set("state = 'connecting', health = 'green', health_reason = NULL, cut_at = NULL");
		});

		test("its listings are being read; then they are matched", async () => {
			await query(
				`INSERT INTO connection_setup (shop_id, connection_id, work, work_asked_at, work_done) VALUES ($1, $2, 'catalogue', now(), 3200)`,
				[shop.shopId, shop.woocommerce],
			);
			await look("channel-reading", channel(), ({ app }) =>
				app.getByTestId("working").getByText("Reading: 3,200 listings so far").waitFor(SOON),
			);
			await query(
				"UPDATE connection_setup SET work = NULL, failed_work = 'catalogue', failed_reason = 'The store did not answer in time.'",
			);
			await look("channel-reading-failed", channel(), ({ app }) => app.getByText("Its listings could not be read").waitFor(SOON));
		}, 120_000);

		test("the matching's tabs, each with its count and its hint", async () => {
			await look("matching", channel("/matching"), ({ app }) => app.getByText("NW-0001").first().waitFor(SOON));
			await look("matching-look-alikes", channel("/matching?tab=near"), ({ app }) => app.getByText("pack size").first().waitFor(SOON));
			await look("matching-several", channel("/matching?tab=several"), ({ app }) =>
				app.getByText("Several with this SKU").first().waitFor(SOON),
			);
			await look("matching-nothing-found", channel("/matching?q=no-such-thing"), ({ app }) =>
				app.getByText("No listings found").waitFor(SOON),
			);
			const { app, page, close } = await stage.open({ path: channel("/matching"), ...DESKTOP });
			for (const name of [
				"Exact matches (7,412)",
				"Look-alikes (300)",
				"Several possible (88)",
				"Only on WooCommerce (200)",
				"Linked (0)",
			]) {
				await app.getByRole("tab", { name }).waitFor(SOON);
			}
			await app.getByRole("tab", { name: "Only on WooCommerce (200)" }).click();
			await app.getByRole("link", { name: "Choose product for OWN-7801" }).click();
			await app.getByLabel("Find your product").fill("NW-7999");
			await app.getByRole("button", { name: "Link to NW-7999" }).waitFor(SOON);
			await page.screenshot({ path: picturePath("choose-product-searched") });
			await close();
		}, 240_000);

		test("R45 all exact matches with one press, and back again with one", async () => {
			const { page, app, complaints, close } = await stage.open({ path: channel("/matching"), ...DESKTOP });
			await page.getByRole("button", { name: "Link all 7,412 exact matches" }).click();
			await app.getByRole("tab", { name: "Linked (7,412)" }).waitFor({ timeout: 60_000 });
			await app.getByRole("button", { name: "Undo" }).click();
			await app.getByRole("tab", { name: "Linked (0)" }).waitFor({ timeout: 60_000 });
			expect(complaints.filter((text) => !NO_FAULT.test(text))).toEqual([]);
			await close();
		}, 180_000);

		test("the unmatched as a file, out and filled in again; each bad line by its number", async () => {
			const { page, app, close } = await stage.open({ path: channel("/matching"), ...DESKTOP });
			const [file] = await Promise.all([page.waitForEvent("download"), app.getByRole("button", { name: "Export unmatched" }).click()]);
			expect(file.suggestedFilename()).toBe("unmatched-listings.csv");
			const wanted = await query("SELECT external_id FROM listing WHERE shop_id = $1 AND sku = 'OWN-7801'", [shop.shopId]);
			const text = `Listing ID,Shopify SKU\n${wanted.rows[0].external_id},NW-7900\nnobody,NW-7900\n`;
			await app.getByLabel("File with matches").setInputFiles({ name: "filled.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
			await app.getByText("1 listing linked, 1 line could not be used").waitFor(SOON);
			await app.getByText('Line 3: There is no listing "nobody" on this channel.').waitFor(SOON);
			await page.screenshot({ path: picturePath("matching-imported") });
			await close();
			await query("UPDATE listing SET item_id = NULL, link_state = 'unlinked' WHERE shop_id = $1", [shop.shopId]);
		}, 120_000);

		test("R43 orders that another app copies: it does not go on, and says why", async () => {
			await query(
				"UPDATE listing SET item_id = (SELECT min(id) FROM item WHERE shop_id = $1), link_state = 'linked' WHERE shop_id = $1 AND sku = 'NW-0001'",
				[shop.shopId],
			);
			const importer = { app: "Marketplace Importer", name: "importer", orders: 31, numbered: 28, numberedElsewhere: 2 };
			const found = {
				...{ outcome: "looked", orders: 412, complete: true, numbersKnown: false },
				sources: [{ ...importer, tags: ["woocommerce"], newest: "#1412" }],
			};
			await query(
				"INSERT INTO connection_setup (shop_id, connection_id, mirrored, order_sources, order_sources_at) VALUES ($1, $2, 'unsure', $3, now())",
				[shop.shopId, shop.woocommerce, JSON.stringify(found)],
			);
			await look("channel-mirrored", channel(), async ({ app }) => {
				await app.getByText("Lockstep cannot go on like this").waitFor(SOON);
				await app
					.getByText("31 orders were written into Shopify by the app Marketplace Importer (it calls itself importer)", { exact: false })
					.waitFor(SOON);
				await app.getByText("28 of them carry an order number of the system it comes from", { exact: false }).waitFor(SOON);
			});
			// Whom it saw is not taken for the maker of copies: the merchant names it.
			const { page, app, close } = await stage.open({ path: channel(), ...DESKTOP });
			await app.getByRole("radio", { name: "Yes, and each lowers the stock in Shopify" }).check({ force: true });
			const maker = app.getByRole("checkbox", { name: "the app Marketplace Importer (it calls itself importer)" });
			expect(await maker.isChecked()).toBe(false);
			await maker.check({ force: true });
			await page.screenshot({ path: picturePath("channel-mirrored-named"), fullPage: true });
			await app.getByRole("button", { name: "Save answer" }).click();
			await page.getByRole("status").getByText("Answer saved").waitFor(SOON);
			await close();
			const kept = await query("SELECT mirror, mirror_sources FROM connection WHERE shop_id = $1 AND id = $2", [
				shop.shopId,
				shop.woocommerce,
			]);
			expect(kept.rows).toEqual([{ mirror: "takes-stock", mirror_sources: ["importer"] }]);
			await set("mirror = 'none', mirror_sources = '{}'");
		}, 120_000);

		test("watching, with trouble, paused and out of reach; a dry run; rules", async () => {
			await query(
				`UPDATE listing l SET item_id = i.id, link_state = 'linked', desired = k.available, shown = k.available + (l.id % 3)::int, read_at = now(), original_quantity = 4
				 FROM item i JOIN stock k ON k.shop_id = i.shop_id AND k.item_id = i.id WHERE l.shop_id = $1 AND i.shop_id = $1 AND l.external_id = 'woo-' || i.id`,
				[shop.shopId],
			);
			await set("state = 'watching', cut_at = now() - interval '3 days'");
			const dryRun = {
				listings: 8000,
				heldBack: 312,
				heldBackOn: 156,
				changes: 214,
				increases: 20,
				decreases: 194,
				toZero: 3,
				unmanaged: 2,
				gone: 1,
			};
			await query(
				`INSERT INTO connection_setup (shop_id, connection_id, mirrored, catalogue_read_at, dry_run, dry_run_at) VALUES ($1, $2, 'no', now(), $3, now() - interval '4 minutes')`,
				[shop.shopId, shop.woocommerce, JSON.stringify(dryRun)],
			);
			await query(
				`INSERT INTO dry_run_line (shop_id, connection_id, listing_id, from_quantity, to_quantity, problem)
				 SELECT $1, $2, id, CASE WHEN n > 3 THEN n END, CASE WHEN n > 3 THEN greatest(0, n - 7) END, CASE WHEN n < 3 THEN 'unmanaged' WHEN n = 3 THEN 'gone' END
				 FROM (SELECT id, row_number() OVER (ORDER BY id)::int AS n FROM listing WHERE shop_id = $1) numbered WHERE n <= 217`,
				[shop.shopId, shop.woocommerce],
			);
			await look("channel-watching", channel(), ({ app }) => app.getByText("Set up WooCommerce").waitFor(SOON));
			await look("go-live", channel("/go-live"), ({ app }) =>
				app.getByText("214 listings would change, 3 to zero; 312 units held back").waitFor(SOON),
			);
			await look("dry-run-problems", channel("/go-live?shown=problems"), ({ app }) =>
				app.getByText("Not on the channel any more").first().waitFor(SOON),
			);
			await look("watch", channel("/watch"), ({ app }) => app.getByText("How well it was predicted").waitFor(SOON));
			await look("channels-connected", `${APP}/channels`, ({ app }) => app.getByText("8,000 linked listings").waitFor(SOON));
			await look("disconnect", channel("/disconnect"), ({ app }) => app.getByText("For 8,000 listings").waitFor(SOON));
			await set("state = 'paused'");
			await look("channel-paused", channel(), ({ app }) => app.getByText("Updates to this channel are paused").waitFor(SOON));
			await set("state = 'live', health = 'red', health_reason = 'The store does not know this API key; it may have been revoked.'");
			await look("channel-unreachable", channel(), ({ app }) => app.getByText("WooCommerce cannot be reached").waitFor(SOON));
			await look("rules", channel("/rules"), async ({ app }) => {
				await app.getByRole("combobox", { name: "Shows" }).selectOption("buffer");
				await app.getByLabel("Buffer").fill("2");
				await app.getByText(/listings of 8,000 change/).waitFor(SOON);
			});
		}, 400_000);

		test("R40 who may only look sees the same, and is offered nothing; the forms say who can help", async () => {
			await query("UPDATE member SET granted = 'look'");
			await look("channels-look", `${APP}/channels`, async ({ app }) => {
				await app.getByText("To connect a channel you need the right").first().waitFor(SOON);
				expect(await app.getByRole("link", { name: "Connect WooCommerce" }).count()).toBe(0);
			});
			await look(
				"channel-connect-look",
				`${APP}/channels/connect/woocommerce`,
				({ app }) => app.getByText("You need another right for this page").waitFor(SOON),
				/403|net::ERR_ABORTED|was preloaded/,
			);
			const { app, close } = await stage.open({ path: channel(), ...DESKTOP });
			await app.getByText("How it is connected").waitFor(SOON);
			for (const door of ["disconnect", "rules"]) expect([door, await app.locator(`a[href$="/${door}"]`).count()]).toEqual([door, 0]);
			await close();
		}, 120_000);

		test("R31 new keys for a store, typed in or made by it", async () => {
			await look("new-keys", channel("/renew"), async ({ app }) => {
				await app.getByText("Where to get the keys").waitFor(SOON);
				await app.getByRole("button", { name: "Get new keys from the store" }).waitFor(SOON);
			});
			await look("new-keys-refused", channel("/renew"), async ({ app }) => {
				await app.getByRole("button", { name: "Test and use these keys" }).click();
				await app.getByText("Consumer key is missing.").waitFor(SOON);
			});
		}, 120_000);

		test("a channel with which this server is not registered is not there to connect, and a former one's consent cannot be renewed", async () => {
			await look(
				"connect-unavailable",
				`${APP}/channels/connect/amazon`,
				({ app }) => app.getByText("This channel cannot be connected here").waitFor(SOON),
				/404|net::ERR_ABORTED|was preloaded/,
			);
			const { rows } = await query(
				`INSERT INTO connection (shop_id, channel, account, name, is_home, state, webhook_token, consented_at)
				 VALUES ($1, 'amazon', 'A2NORTHWIND0001', 'Amazon', false, 'live', 'amazon', now() - interval '370 days') RETURNING id`,
				[shop.shopId],
			);
			await look("renew-unavailable", `${APP}/channels/${rows[0].id}/renew`, async ({ app }) => {
				await app.getByText("Whoever runs this server has not registered the app with Amazon").waitFor(SOON);
				await app.getByText("Your consent ended on").waitFor(SOON);
				expect(await app.getByRole("button", { name: "Continue to Amazon" }).isDisabled()).toBe(true);
			});
			await query("DELETE FROM connection WHERE channel = 'amazon'");
		}, 120_000);

		test("its former figures are being put back: how far it is, and that it can be stopped", async () => {
			await query("UPDATE listing SET original_quantity = 4, original_at = now() WHERE shop_id = $1", [shop.shopId]);
			await set("state = 'live', cut_at = now() - interval '3 days'");
			await query(
				`INSERT INTO connection_setup (shop_id, connection_id, work, work_asked_at, work_done, work_total) VALUES ($1, $2, 'restore', now(), 3200, 8000)`,
				[shop.shopId, shop.woocommerce],
			);
			await look("disconnect-restoring", channel("/disconnect"), async ({ app }) => {
				await app.getByText("of 8,000 listings put back").first().waitFor(SOON);
				await app.getByRole("button", { name: "Stop and stay connected" }).waitFor(SOON);
			});
		}, 120_000);

		test("an address that is nobody's, and a page that fails", async () => {
			await look(
				"channel-not-there",
				`${APP}/channels/999999999`,
				({ app }) => app.getByText("This is not here").waitFor(SOON),
				/404|net::ERR_ABORTED|was preloaded/,
			);
			await query("ALTER TABLE rate_budget RENAME TO rate_budget_away");
			await look(
				"channel-error",
				channel(),
				({ app }) => app.getByText("This page could not be loaded").waitFor(SOON),
				/500|net::ERR_ABORTED|was preloaded/,
			);
			await query("ALTER TABLE rate_budget_away RENAME TO rate_budget");
		}, 120_000);

		test("R37 R40 every page and action with another shop's channel is 404; every action without the right is 403; nothing changes", async () => {
			const { app, close } = await stage.open({ path: channel(), ...DESKTOP });
			await app.getByText("How it is connected").waitFor(SOON);
			/** As the page itself asks: with the session token that App Bridge puts on it. */
			const ask = (path: string, body?: Record<string, string> | string) =>
				app.evaluate(
					async ([path, body]) => {
						const isText = typeof body === "string";
						const headers = isText ? { "content-type": "application/json" } : undefined;
						const form = isText ? body : body && new URLSearchParams(body);
						const answer = await fetch(path as string, {
							...(form ? { method: "POST", body: form } : {}),
							...(headers ? { headers } : {}),
						});
						return answer.status;
					},
					[path, body] as const,
				);
			const listing = (await query("SELECT min(id) AS id FROM listing WHERE connection_id = $1", [other.woocommerce])).rows[0].id as number;
			const pages = (id: number) => [
				`/app/channels/${id}.data`,
				`/app/channels/${id}/matching.data`,
				`/app/channels/${id}/matching/${listing}.data`,
				`/app/channels/${id}/matching/csv`,
				`/app/channels/${id}/go-live.data`,
				`/app/channels/${id}/dry-run`,
				`/app/channels/${id}/former`,
				`/app/channels/${id}/watch.data`,
				`/app/channels/${id}/rules.data`,
				`/app/channels/${id}/disconnect.data`,
				`/app/channels/${id}/renew.data`,
			];
			const rules = JSON.stringify({ intent: "save", policy: { kind: "exact" }, locationIds: [] });
			const actions = (id: number): [string, Record<string, string> | string][] => [
				[`/app/channels/${id}.data?index`, { intent: "set-up", work: "catalogue" }],
				[`/app/channels/${id}.data?index`, { intent: "mirrored", mirrored: "no" }],
				[`/app/channels/${id}.data?index`, { intent: "pause" }],
				[`/app/channels/${id}.data?index`, { intent: "resume" }],
				[`/app/channels/${id}/matching.data?index`, { intent: "link-exact" }],
				[`/app/channels/${id}/matching.data?index`, { intent: "unlink", listing: String(listing) }],
				[`/app/channels/${id}/matching.data?index`, { intent: "undo", auditId: "1" }],
				[`/app/channels/${id}/matching.data?index`, { intent: "import", file: "x" }],
				[`/app/channels/${id}/matching.data?index`, { intent: "read" }],
				[`/app/channels/${id}/matching/${listing}.data`, { intent: "link", item: "1" }],
				[`/app/channels/${id}/matching/${listing}.data`, { intent: "unlink" }],
				[`/app/channels/${id}/go-live.data`, { intent: "run" }],
				[`/app/channels/${id}/go-live.data`, { intent: "all" }],
				[`/app/channels/${id}/go-live.data`, { intent: "some", listing: String(listing) }],
				[`/app/channels/${id}/rules.data`, rules],
				[`/app/channels/${id}/disconnect.data`, { intent: "restore" }],
				[`/app/channels/${id}/disconnect.data`, { intent: "stop" }],
				[`/app/channels/${id}/disconnect.data`, { intent: "disconnect" }],
				[`/app/channels/${id}/renew.data`, {}],
			];
			const state = async () =>
				(
					await query(
						`SELECT c.id, c.state, c.policy, (SELECT count(*)::int FROM audit a WHERE a.shop_id = c.shop_id AND a.action NOT LIKE 'right.%') AS audits,
						   (SELECT count(*)::int FROM listing l WHERE l.connection_id = c.id AND l.link_state = 'linked') AS linked,
						   (SELECT work FROM connection_setup u WHERE u.connection_id = c.id) AS work
						 FROM connection c WHERE NOT c.is_home ORDER BY c.id`,
					)
				).rows;
			const before = await state();
			const got: unknown[] = [];
			for (const path of pages(other.woocommerce)) got.push([path, await ask(path)]);
			expect(got).toEqual(pages(other.woocommerce).map((path) => [path, 404]));
			const foreign: [string, string, number][] = [];
			for (const [path, body] of actions(other.woocommerce)) foreign.push([path, JSON.stringify(body), await ask(path, body)]);
			expect(foreign.filter(([, , status]) => status !== 404)).toEqual([]);
			expect(await state()).toEqual(before);
			await query("UPDATE member SET granted = 'look'");
			const refused: [string, string, number][] = [];
			for (const [path, body] of actions(shop.woocommerce)) refused.push([path, JSON.stringify(body), await ask(path, body)]);
			refused.push(["connect", "", await ask("/app/channels/connect/woocommerce.data", { account: "x" })]);
			expect(refused.filter(([, , status]) => status !== 403)).toEqual([]);
			expect(await state()).toEqual(before);
			await close();
		}, 120_000);
	});
});
