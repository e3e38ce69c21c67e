import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type JourneyWorld, openJourneyWorld, WOO } from "./journey-world.ts";
import { chromiumPath, STAGE_TIMEOUT_MS } from "./stage.ts";
import { openWalk, type Size, type Walk } from "./walk.ts";

const APP = "/store/northwind-outdoor/apps/lockstep/app";
/** A worker on a busy machine, a store with its own queue, and pages that look every few seconds. */
const SOON = { timeout: 60_000 };
/** The member of the staff whom the simulated admin signs in. */
const STAFF = "548380009";
const SIZES: (Size & { name: string })[] = [
	{ name: "on a desktop", width: 1280, height: 900, suffix: "" },
	{ name: "on a phone", width: 390, height: 844, suffix: "-phone" },
];

describe.skipIf(!chromiumPath).each(SIZES)("R35 R42 R45 a merchant's whole way, alone, $name", (size) => {
	let world: JourneyWorld;
	let walk: Walk;
	beforeAll(async () => {
		world = await openJourneyWorld();
	}, STAGE_TIMEOUT_MS);
	afterAll(() => world?.close());

	const query = (sql: string, values: unknown[] = []) => world.stage.database.pool.query(sql, values);
	const shows = (sku: string) => world.store.products().find((product) => product.sku === sku)?.shown;
	const showing = (...skus: string[]) => skus.map(shows);
	const buy = (sku: string, quantity: number) => {
		const product = world.store.products().find((one) => one.sku === sku);
		return world.store.checkout({ lines: [{ productId: product?.productId ?? 0, variationId: 0, quantity }] });
	};
	const until = async (what: string, isSo: () => boolean | Promise<boolean>) => {
		for (const end = Date.now() + SOON.timeout; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200)))
			if (await isSo()) return;
		throw new Error(`It never came to this: ${what}`);
	};

	test("install, guide, WooCommerce, live, an order, a rule, undo, Amazon, its consent again, and away with the figures from before", async () => {
		walk = await openWalk(world.stage, size);
		await installAndGuide();
		await connectWooCommerce();
		await match();
		await watch();
		await goLive();
		await sell();
		await changeRuleAndUndo();
		await connectAmazon();
		await renewConsent();
		await disconnectAmazon();
		await restoreAndDisconnect();
		expect(walk.complaints()).toEqual([]);
	}, 600_000);

	/** Installing is the first sight of the app. */
	async function installAndGuide() {
		const { app } = walk;
		await app.getByTestId("guide").waitFor(SOON);
		await until("the products are read", async () => (await query("SELECT FROM shop WHERE import_state = 'done'")).rowCount === 1);
		await app.getByTestId("guide").getByRole("link", { name: "Choose a channel" }).waitFor(SOON);
		await walk.see("01-guide");
		await app.getByRole("link", { name: "Choose a channel" }).click();
		await app.getByRole("link", { name: "Connect WooCommerce" }).waitFor(SOON);
		await walk.see("02-channels");
	}

	/** Wrong keys first: the store's own reason, and nothing is connected. */
	async function connectWooCommerce() {
		const { app } = walk;
		await app.getByRole("link", { name: "Connect WooCommerce" }).click();
		const keys = world.store.addKey();
		await app.getByLabel("Address of the store").fill(`https://${WOO}/`);
		await app.getByLabel("Consumer key").fill("ck_0000000000000000000000000000000000000000");
		await app.getByLabel("Consumer secret").fill("cs_0000000000000000000000000000000000000000");
		await app.getByRole("button", { name: "Test and connect" }).click();
		await app.getByText("The store does not know this API key").waitFor(SOON);
		// Also for whoever pressed at the form's end, on a phone.
		expect(await isInSight("WooCommerce is not connected")).toBe(true);
		await walk.see("03-connect-refused");
		await app.getByLabel("Consumer key").fill(keys.consumerKey);
		await app.getByLabel("Consumer secret").fill(keys.consumerSecret);
		await app.getByRole("button", { name: "Test and connect" }).click();
		await app.getByText("4 listings found").waitFor(SOON);
		await walk.see("04-listings-read");
	}

	const isInSight = (text: string) =>
		walk.app
			.getByText(text)
			.first()
			.evaluate((element) => {
				const { top, bottom } = element.getBoundingClientRect();
				return top >= 0 && bottom <= window.innerHeight;
			});

	async function match() {
		const { app, page } = walk;
		await app.getByRole("link", { name: "Match listings" }).click();
		await app.getByText("Outlet NW-0").first().waitFor(SOON);
		await walk.see("05-matching");
		await page.getByRole("button", { name: "Link all 2 exact matches" }).click();
		await page.getByRole("status").getByText("2 listings linked.").waitFor(SOON);
		await app.getByRole("tab", { name: "Look-alikes (1)" }).click();
		await app.getByText("SKU differs in letter case").waitFor(SOON);
		await walk.see("06-look-alikes");
		await app.getByRole("link", { name: "Choose product for nw-set" }).click();
		await app.getByRole("button", { name: "Link to NW-SET" }).waitFor(SOON);
		await walk.see("07-choose-product");
		await app.getByRole("button", { name: "Link to NW-SET" }).click();
		await app.getByRole("tab", { name: "Linked (3)" }).waitFor(SOON);
	}

	/** The set-up can be left and taken up again; while it watches, orders count and nothing is written. */
	async function watch() {
		const { app } = walk;
		await walk.go(`${APP}/channels`);
		await app.getByRole("link", { name: "Continue WooCommerce" }).click();
		// Who writes orders into Shopify was looked up meanwhile; nothing is chosen for the merchant.
		await app.getByTestId("order-sources").getByText("No other app has written any of them", { exact: false }).waitFor(SOON);
		expect(await app.getByRole("button", { name: "Save answer" }).isDisabled()).toBe(true);
		await app.getByRole("radio", { name: "No", exact: true }).check({ force: true });
		await walk.see("08-question");
		await app.getByRole("button", { name: "Save answer" }).click();
		await app.getByRole("button", { name: "Start watching" }).click();
		await app.getByText("Its orders are counted, and lower your stock").waitFor(SOON);
		await walk.see("09-watching");
		expect(showing("NW-0", "NW-1", "nw-set")).toEqual([9, 8, 4]);
		await buy("NW-1", 1);
		await until("the order reached Shopify", () => world.stage.shop.available("NW-1") === 7);
		await app.getByRole("link", { name: "What Lockstep saw" }).click();
		await app.getByTestId("watch-orders").getByText("1", { exact: true }).waitFor(SOON);
		await walk.see("10-what-it-saw");
		expect(showing("NW-0", "NW-1", "nw-set")).toEqual([9, 7, 4]);
	}

	/** A dry run, one listing first, then all. */
	async function goLive() {
		const { app, page } = walk;
		await app.getByRole("link", { name: "Dry run" }).click();
		await app.getByRole("button", { name: "Start dry run" }).click();
		await app.getByTestId("dry-run").waitFor(SOON);
		expect(await app.getByTestId("dry-run").innerText()).toBe("2 listings would change, 0 to zero; 0 units held back");
		await walk.see("11-dry-run");
		await beginWith("NW-0");
		await until("the first listing is right", () => shows("NW-0") === 7);
		expect(shows("nw-set")).toBe(4);
		await page.getByRole("button", { name: "Go live with all others" }).click();
		await app.getByRole("dialog").getByRole("button", { name: "Go live", exact: true }).waitFor(SOON);
		await walk.see("12-go-live-question");
		await app.getByRole("dialog").getByRole("button", { name: "Go live", exact: true }).click();
		await until("all are right", () => shows("nw-set") === 3);
		await app.getByText("Live", { exact: true }).first().waitFor(SOON);
		await walk.see("13-live");
	}

	/** On a phone the rows of a list are not chosen: each has its own button. */
	async function beginWith(sku: string) {
		const { app } = walk;
		if (size.suffix) return app.getByRole("button", { name: `Go live with this first: ${sku}` }).click();
		await app
			.getByRole("row", { name: new RegExp(sku) })
			.getByRole("checkbox")
			.check({ force: true });
		await app.getByRole("button", { name: "Go live with these first" }).click();
	}

	/** An order on the store arrives: in Shopify's stock, in the list of orders, and on the other listings of the same thing. */
	async function sell() {
		const { app } = walk;
		const { orderId } = (await buy("NW-0", 1)) as unknown as { orderId: number };
		await until("the order reached Shopify", () => world.stage.shop.available("NW-0") === 6);
		await walk.go(`${APP}/orders`);
		await app.getByText(String(orderId)).first().waitFor(SOON);
		await walk.see("14-orders");
		await app
			.getByRole("link", { name: new RegExp(String(orderId)) })
			.first()
			.click();
		await app.getByText("Trail jacket").first().waitFor(SOON);
		await walk.see("15-order");
		await walk.go(APP);
		await app.getByText("Everything is in step").waitFor(SOON);
		await walk.see("16-in-step");
	}

	/** What changes is shown before, arrives after, and is taken back with one press. */
	async function changeRuleAndUndo() {
		const { app, page } = walk;
		await walk.go(`${APP}/channels`);
		await app.getByRole("link", { name: "Open WooCommerce" }).click();
		await app.getByRole("link", { name: "Change what the channel shows" }).click();
		await app.getByRole("combobox", { name: "Shows" }).selectOption("buffer");
		await app.getByLabel("Buffer").fill("2");
		await app.getByText("3 listings of 3 change, 0 to zero").waitFor(SOON);
		await walk.see("17-buffer");
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await until("the store shows two less", () => shows("NW-0") === 4);
		await walk.go(`${APP}/activity`);
		const undo = app.getByRole("button", { name: "Undo: Changed the rule of WooCommerce" });
		await undo.first().waitFor(SOON);
		await walk.see("18-activity");
		await undo.first().click();
		await page.getByText("Undone: 1 thing as before.").waitFor(SOON);
		await until("the store shows it all again", () => shows("NW-0") === 6);
		await walk.see("19-undone");
	}

	/** Out of the admin to Amazon's own page and back into the frame, finished by whoever set out. */
	async function connectAmazon() {
		const { app, page } = walk;
		await walk.go(`${APP}/channels`);
		await app.getByRole("link", { name: "Connect Amazon" }).click();
		await app.getByRole("button", { name: "Agree on Amazon's page" }).waitFor(SOON);
		await walk.see("20-connect-amazon");
		await app.getByRole("button", { name: "Agree on Amazon's page" }).click();
		await page.getByRole("heading", { name: "Authorize an application" }).waitFor(SOON);
		await walk.seeOutside("21-consent-on-amazon");
		await page.getByLabel("Northwind Outdoor").check();
		await page.getByRole("button", { name: "Confirm" }).click();
		await app.getByText("3 listings found").waitFor(SOON);
		const { rows } = await query("SELECT user_id, state, sealed FROM connect_request WHERE channel = 'amazon'");
		expect(rows).toEqual([{ user_id: STAFF, state: "used", sealed: null }]);
		await walk.see("22-amazon-connected");
	}

	/** A month before its end the consent is renewed: not with another account, and with this one nothing else changes. */
	async function renewConsent() {
		const { app, page } = walk;
		await query("UPDATE connection SET consented_at = now() - interval '345 days' WHERE channel = 'amazon'");
		await walk.go(APP);
		await app.getByText("Renew it on the channel's page").waitFor(SOON);
		await app.getByRole("link", { name: /Open channel: Amazon/ }).click();
		await app.getByText("Your consent on Amazon ends soon").waitFor(SOON);
		expect(await app.getByTestId("consent").innerText()).toMatch(/^Consent ends on \w+ \d+, \d{4}\. Renew it$/);
		await walk.see("23-consent-ends");
		const agreeAs = async (account: string) => {
			await app.getByRole("button", { name: "Continue to Amazon" }).click();
			await page.getByRole("heading", { name: "Authorize an application" }).waitFor(SOON);
			await page.getByLabel(account).check();
			await page.getByRole("button", { name: "Confirm" }).click();
		};
		await app.getByRole("link", { name: "Renew it" }).click();
		await app.getByRole("button", { name: "Continue to Amazon" }).waitFor(SOON);
		await walk.see("24-renew", "renew");
		const before = (await query("SELECT id, account, consented_at, credentials FROM connection WHERE channel = 'amazon'")).rows;
		await agreeAs("Harbour Antiques");
		await app.getByText("is another account than the one of this connection").waitFor(SOON);
		await walk.see("25-renew-refused");
		expect((await query("SELECT id, account, consented_at, credentials FROM connection WHERE channel = 'amazon'")).rows).toEqual(before);
		await agreeAs("Northwind Outdoor");
		await page.getByRole("status").getByText("Consent renewed").waitFor(SOON);
		await app.getByText("Your consent on Amazon ends soon").waitFor({ state: "detached" });
		const { rows } = await query(
			"SELECT id, state, account, consented_at > now() - interval '2 minutes' AS fresh FROM connection WHERE channel = 'amazon'",
		);
		expect(rows).toEqual([{ id: before[0].id, state: "connecting", account: world.seller.id, fresh: true }]);
		await walk.see("26-renewed");
	}

	async function openDisconnecting(name: string) {
		const { app } = walk;
		await walk.go(`${APP}/channels`);
		await app.getByRole("link", { name: new RegExp(`^(Open|Continue) ${name}$`) }).click();
		await app.getByRole("link", { name: "Disconnect…" }).click();
	}

	async function disconnectAmazon() {
		const { app } = walk;
		await openDisconnecting("Amazon");
		await app.getByText("Lockstep has not changed any figure").first().waitFor(SOON);
		await walk.see("27-disconnect-amazon");
		await app.getByLabel("I know that Amazon will sell on").check({ force: true });
		await app.getByRole("button", { name: "Disconnect Amazon" }).click();
		await app.getByText("Your channels").waitFor(SOON);
	}

	/** Goods came in meanwhile, and the store shows them; what it showed before Lockstep comes back, less what it sold itself, and it is disconnected. */
	async function restoreAndDisconnect() {
		const { app } = walk;
		world.stage.shop.editStock({ sku: "NW-0", delta: 10 });
		await until("the store shows the new goods", () => shows("NW-0") === 16);
		await openDisconnecting("WooCommerce");
		await app.getByText("For 3 listings Lockstep has kept", { exact: false }).waitFor(SOON);
		await app.getByText("9 before, 1 sold there since, shows 16 now").waitFor(SOON);
		expect(await app.getByTestId("former-summary").innerText()).toMatch(/^1 listing would change, 0 of them to zero/);
		await walk.see("28-former-figures");
		await app.getByRole("button", { name: "Put figures back, then disconnect" }).click();
		// The page is led away by itself, once the store shows them all.
		await app.getByText("Nothing else is connected yet").waitFor(SOON);
		expect(showing("NW-0", "NW-1", "nw-set")).toEqual([8, 7, 3]);
		await walk.see("29-all-disconnected");
		const { rows } = await query("SELECT channel, state FROM connection WHERE NOT is_home ORDER BY channel");
		expect(rows.map(({ channel, state }) => [channel, state])).toEqual([
			["amazon", "disconnected"],
			["woocommerce", "disconnected"],
		]);
	}
});
