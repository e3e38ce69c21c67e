import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Frame, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lookForAlerts } from "#alerts";
import { mailboxPage } from "../../sandbox/admin/pages/mailbox.ts";
import { createWooStore, type WooStore } from "../../sandbox/channels/woocommerce/index.ts";
import { storeBreakages } from "../../sandbox/demo/markets/woo-breakages.ts";
import { createMailbox, MAIL_FROM, type Mailbox } from "../../sandbox/mailbox.ts";
import { type AppProcess, startAppProcess } from "../kit/app-process.ts";
import { violationsOf } from "./accessibility.ts";
import { appEnvironment, chromiumPath, openStage, PUBLIC_ORIGIN, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const ADMIN = "/store/northwind-outdoor";
const APP = `${ADMIN}/apps/lockstep/app`;
const WOO = "outlet.stores.example";
const SOON = { timeout: 60_000 };
const PHONE = { width: 390, height: 844 };
/** Looks that a page broke off when it was left, and Chromium's wish that a slow machine had been faster. */
const NO_FAULT = /net::ERR_ABORTED|was preloaded using link preload/;

/** Everything real: the app's processes, a store, an e-mail server, the admin and a person's browser. */
describe.skipIf(!chromiumPath)("R21 R22 R29 R31 a bad day, from the e-mail to the end of it", () => {
	let stage: Stage;
	let store: WooStore;
	let worker: AppProcess;
	let mailbox: Mailbox;
	let keys: { consumerKey: string; consumerSecret: string };
	const makeKeys = () => {
		keys = store.addKey();
		return keys;
	};

	beforeAll(async () => {
		mailbox = await createMailbox();
		stage = await openStage({
			webhooks: true,
			environment: { SMTP_URL: mailbox.url(), MAIL_FROM },
			pages: [(root) => mailboxPage(mailbox, root)],
			breakages(world) {
				store = createWooStore(world, { host: WOO, queue: { kind: "timer", everyMs: 300 } });
				const seeds = [
					["NW-0", 7],
					["GARDEN", 9],
					["NW-1", 8],
				] as const;
				store.seed(seeds.map(([sku, quantity]) => ({ sku, name: `Outlet ${sku}`, quantity })));
				makeKeys();
				return storeBreakages(store, { group: "WooCommerce", key: { current: () => keys, make: makeKeys } });
			},
		});
		// Anew, so that they find the way to the store as well.
		await stage.stopApp();
		await stage.startApp();
		stage.world.route(PUBLIC_ORIGIN, stage.appOrigin());
		worker = await startAppProcess("server/worker.ts", environment());
	}, STAGE_TIMEOUT_MS);
	afterAll(async () => {
		await worker?.stop();
		await stage?.close();
		await mailbox?.close();
	});

	const environment = () => appEnvironment({ ...stage, port: 0 });
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
	async function run(script: string, args: readonly string[]) {
		const child = spawn(process.execPath, ["--import", file("sandbox/preload.ts"), file(script), ...args], {
			env: environment(),
			stdio: "ignore",
		});
		expect(await once(child, "exit")).toEqual([0, null]);
	}
	const until = async (what: string, isSo: () => boolean | Promise<boolean>) => {
		for (const end = Date.now() + SOON.timeout; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100)))
			if (await isSo()) return;
		throw new Error(`It never came to this: ${what}`);
	};
	const shows = (sku: string) => store.products().find((product) => product.sku === sku)?.shown;
	const subjects = () => mailbox.received().map(({ subject }) => subject);
	/** The worker looks twice a minute, and what must last is some minutes old by then: here at once, and as if it were. */
	const mailOf = (subject: RegExp) =>
		until(`an e-mail ${subject}`, async () => {
			await query("UPDATE alert SET noticed_at = noticed_at - interval '3 minutes' WHERE opened_at IS NULL");
			await lookForAlerts(stage.database.pool, { appUrlOf: () => "https://admin.shopify.com/store/northwind-outdoor/apps/key" });
			return subjects().some((one) => subject.test(one));
		});
	/** As it stands, and as it is on a phone at the same moment. */
	async function see(name: string, { page, app }: { page: Page; app: Frame }) {
		await page.screenshot({ path: picturePath(`bad-day-${name}`) });
		expect([name, await violationsOf(app)]).toEqual([name, []]);
		const phone = await stage.open({ ...PHONE, path: new URL(page.url()).pathname + new URL(page.url()).search });
		await phone.app.locator(".Polaris-Page").first().waitFor(SOON);
		await phone.app.locator('[aria-busy="true"]').first().waitFor({ state: "detached" });
		await phone.page.screenshot({ path: picturePath(`bad-day-${name}-phone`) });
		const [wide, screen] = await phone.app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect([name, wide, await violationsOf(phone.app)]).toEqual([name, screen, []]);
		expect(phone.complaints.filter((text) => !NO_FAULT.test(text))).toEqual([]);
		await phone.close();
	}
	async function press(label: string) {
		const { page, close } = await stage.open({ path: `${ADMIN}/break-it` });
		await page.getByRole("button", { name: label }).click();
		await page.getByRole("status").first().waitFor(SOON);
		await close();
	}
	/** The e-mail as the mailbox shows it, and its link pressed. */
	async function follow(subject: RegExp, link: string | RegExp) {
		const opened = await stage.open({ path: `${ADMIN}/mailbox` });
		await opened.page.getByRole("link", { name: subject }).first().click();
		await opened.page.frameLocator("iframe.letter").getByRole("link", { name: link }).first().click();
		const frame = await (await opened.page.waitForSelector("#app-frame")).contentFrame();
		if (!frame) throw new Error("The admin shows no app");
		return { ...opened, app: frame };
	}

	test("installed, a store that is live, and who is told", async () => {
		const installed = await stage.open();
		await installed.app.getByTestId("guide").waitFor(SOON);
		await installed.close();
		await until("the products are read", async () => (await query("SELECT FROM shop WHERE import_state = 'done'")).rowCount === 1);
		await run("scripts/connect.ts", [
			...["--shop", SHOP, "--channel", "woocommerce", "--account", `https://${WOO}`, "--go-live"],
			...["--set", `consumerKey=${keys.consumerKey}`, "--set", `consumerSecret=${keys.consumerSecret}`],
		]);
		const { page, app, close } = await stage.open({ path: `${APP}/settings` });
		await app.getByLabel("Add an address").fill("ann@example.com");
		await app.getByRole("button", { name: "Add", exact: true }).click();
		await app.getByTestId("recipients").getByText("ann@example.com").waitFor(SOON);
		await app.getByRole("spinbutton", { name: /Many updates fail/ }).fill("1");
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await page.getByText("Settings saved").waitFor(SOON);
		await close();
	}, 180_000);

	test("R31 the store's key is deleted: an e-mail, the channel's page, another key; the sale of the meantime is counted and the figure arrives", async () => {
		await press("Delete Lockstep's key");
		stage.shop.editStock({ sku: "NW-0", delta: -3 });
		await mailOf(/ cannot be reached$/);
		const { page, app, complaints, close } = await follow(/ cannot be reached$/, "Open the channel");
		await app.getByText("cannot be reached").first().waitFor(SOON);
		// Not the refused call's words: the account was looked at, and says what is wrong.
		await app.getByText("The store does not know this API key").waitFor(SOON);
		await see("unreachable", { page, app });
		expect(shows("NW-0")).toBe(7);
		await app.getByRole("link", { name: "Enter new keys" }).click();
		const { consumerKey, consumerSecret } = makeKeys();
		await app.getByLabel("Consumer key").fill(consumerKey);
		await app.getByLabel("Consumer secret").fill(consumerSecret);
		await app.getByRole("button", { name: "Test and use these keys" }).click();
		await page.getByRole("status").getByText("New keys are in use").waitFor(SOON);
		await until("the store shows what is left", () => shows("NW-0") === 4);
		await see("reachable-again", { page, app });
		await mailOf(/ can be reached again$/);
		expect(complaints.filter((text) => !NO_FAULT.test(text))).toEqual([]);
		await close();
	}, 240_000);

	test("R22 R23 what is sold and linked to nothing is linked where it is told of, and its order counts", async () => {
		const product = store.products().find(({ sku }) => sku === "GARDEN");
		await store.checkout({ lines: [{ productId: product?.productId ?? 0, quantity: 1 }] });
		const { page, app, complaints, close } = await stage.open({ path: `${APP}/failed-updates` });
		await app.getByText(/1 message of .* sells something that is linked to no product/).waitFor(SOON);
		await see("unlinked", { page, app });
		await app.getByTestId("index-list").getByRole("link").first().click();
		await app.getByRole("heading", { name: "Link it" }).waitFor(SOON);
		await app.getByLabel("Find your product").fill("NW-1");
		await app.getByRole("button", { name: "Link to NW-1" }).click();
		await app.getByText(/1 failure: /).waitFor(SOON);
		await app.getByText("1 failure: 1 succeeded.").waitFor(SOON);
		await see("linked", { page, app });
		await until(
			"the order counts",
			async () => (await query("SELECT FROM order_line WHERE held = 1 AND item_id IS NOT NULL")).rowCount === 1,
		);
		expect(complaints.filter((text) => !NO_FAULT.test(text))).toEqual([]);
		await close();
	}, 180_000);

	test("R21 R22 products that the store refuses: an e-mail, one problem, all that match tried again when it is mended, and it is over", async () => {
		await press("Lock products");
		stage.shop.editStock({ sku: "NW-0", delta: 2 });
		stage.shop.editStock({ sku: "NW-1", delta: 2 });
		await until("two updates have failed", async () => (await query("SELECT FROM dead_letter WHERE state = 'open'")).rowCount === 2);
		await mailOf(/^2 failed updates$/);
		const { page, app, complaints, close } = await follow(/^2 failed updates$/, "See failed updates");
		await app
			.getByTestId("problems")
			.getByText(/refused 2 updates/i)
			.waitFor(SOON);
		await see("refused", { page, app });
		await press("Lock products");
		await app.getByRole("tab", { name: "Updates" }).click();
		await page.getByRole("button", { name: "Try all 2 again" }).click();
		await app.getByText(/At most 2 updates to /).waitFor(SOON);
		await see("preview", { page, app });
		await app.getByLabel("Why?").fill("The plugin is switched off");
		await app.getByRole("button", { name: "Try 2 failures again" }).click();
		await app.getByText("2 failures: 2 succeeded.").waitFor(SOON);
		await see("tried-again", { page, app });
		await until("the store shows both", () => shows("NW-0") === 6 && shows("NW-1") === 9);
		const after = await stage.open({ path: `${APP}/failed-updates` });
		await after.app.getByText("Nothing has failed").waitFor(SOON);
		await after.close();
		await mailOf(/^Failed updates are few again$/);
		expect(complaints.filter((text) => !NO_FAULT.test(text))).toEqual([]);
		await close();
	}, 240_000);
});
