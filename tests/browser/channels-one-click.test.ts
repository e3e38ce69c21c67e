import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWooStore, type WooStore } from "../../sandbox/channels/woocommerce/index.ts";
import { fillShop } from "../kit/fill-shop.ts";
import { chromiumPath, type Opened, openStage, PUBLIC_ORIGIN, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const WOO = "atelier.stores.example";
const CONNECT = "/store/northwind-outdoor/apps/lockstep/app/channels/connect/woocommerce";
const SOON = { timeout: 30_000 };

describe.skipIf(!chromiumPath)("R35 connecting a store on the store's own page", () => {
	let stage: Stage;
	let woo: WooStore;

	beforeAll(async () => {
		stage = await openStage();
		woo = createWooStore(stage.world, { host: WOO, queue: { kind: "manual" } });
		await stage.stopApp();
		await stage.startApp();
		stage.world.route(PUBLIC_ORIGIN, stage.appOrigin());
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	/** The real addresses of the store and of Shopify's admin lead a person's browser to their stand-ins. */
	const lead = async ({ page }: Opened) => {
		const gateway = new URL(stage.gateway.url());
		const to = (location: string) => ({ status: 302, headers: { location } });
		await page.route(`https://${WOO}/**`, (route) => {
			const { pathname, search } = new URL(route.request().url());
			return route.fulfill(to(`http://${WOO}.localhost:${gateway.port}${pathname}${search}`));
		});
		await page.route("https://admin.shopify.com/**", (route) => {
			const { pathname, search } = new URL(route.request().url());
			return route.fulfill(to(`${gateway.origin}${pathname.replace(/\/apps\/[^/]+/, "/apps/lockstep")}${search}`));
		});
	};
	const press = async (opened: Opened, answer: "Approve" | "Deny") => {
		await lead(opened);
		await opened.app.getByLabel("Address of the store").fill(WOO);
		await opened.app.getByRole("button", { name: "Connect with one click" }).click();
		await opened.page.getByRole("heading", { name: "Lockstep would like to connect to your store" }).waitFor(SOON);
		await opened.page.getByRole("link", { name: answer }).click();
	};
	const connections = async () =>
		(
			await stage.database.pool.query(
				"SELECT c.account, c.state, u.work FROM connection c LEFT JOIN connection_setup u ON u.connection_id = c.id WHERE c.account = $1",
				[WOO],
			)
		).rows;

	test("denied there, nothing is connected and it says so; approved, it is connected and its listings are asked for, once", async () => {
		const first = await stage.open();
		await first.app.getByTestId("verdict").waitFor(SOON);
		await first.close();
		await fillShop(stage.database.pool, SHOP, { listings: 3 });

		const denied = await stage.open({ path: CONNECT });
		await press(denied, "Deny");
		await denied.page.frameLocator("#app-frame").getByText("The store was told not to. Nothing has changed.").waitFor(SOON);
		expect(await connections()).toEqual([]);
		await denied.close();

		const approved = await stage.open({ path: CONNECT });
		// The store itself sends the browser on, which no route of the test sees: its wish is carried out by hand.
		const sentTo = approved.page.waitForRequest((request) => request.url().startsWith("https://admin.shopify.com/"), SOON);
		await press(approved, "Approve");
		const { pathname, search } = new URL((await sentTo).url());
		await approved.page.goto(new URL(`${pathname.replace(/\/apps\/[^/]+/, "/apps/lockstep")}${search}`, stage.gateway.url()).href);
		await approved.page.frameLocator("#app-frame").getByText(WOO, { exact: true }).waitFor(SOON);
		expect(await connections()).toEqual([{ account: WOO, state: "connecting", work: "catalogue" }]);

		// The way back, loaded once more: it leads to the same store, and connects nothing again.
		const nonce = (await stage.database.pool.query("SELECT nonce FROM connect_request WHERE state = 'used'")).rows[0].nonce as string;
		const again = await stage.open({ path: `${CONNECT}?success=1&user_id=${nonce}` });
		await again.app.getByText(WOO, { exact: true }).waitFor(SOON);
		expect(await connections()).toHaveLength(1);
		await approved.close();
		await again.close();
	}, 180_000);

	test("R31 keys that the store deleted: the channel's page leads to new ones, typed in or made by the store, and is green again", async () => {
		const { id } = (await stage.database.pool.query<{ id: number }>("SELECT id FROM connection WHERE account = $1", [WOO])).rows[0] ?? {};
		const red = () =>
			stage.database.pool.query(
				"UPDATE connection SET health = 'red', health_reason = 'The store does not know this API key.', health_since = now() WHERE account = $1",
				[WOO],
			);
		const health = async () =>
			(await stage.database.pool.query("SELECT health FROM connection WHERE account = $1", [WOO])).rows[0].health as string;
		const channel = `/store/northwind-outdoor/apps/lockstep/app/channels/${id}`;
		await red();
		const typed = await stage.open({ path: channel });
		await typed.app.getByText("cannot be reached").waitFor(SOON);
		await typed.app.getByRole("link", { name: "Enter new keys" }).click();
		await typed.app.getByLabel("Consumer key").fill("ck_00000000000000000000");
		await typed.app.getByLabel("Consumer secret").fill("cs_00000000000000000000");
		await typed.app.getByRole("button", { name: "Test and use these keys" }).click();
		await typed.app.getByText("These keys are not used").waitFor(SOON);
		await typed.app.getByText("does not know this API key").waitFor(SOON);
		expect(await health()).toBe("red");
		const { consumerKey, consumerSecret } = woo.addKey();
		await typed.app.getByLabel("Consumer key").fill(consumerKey);
		await typed.app.getByLabel("Consumer secret").fill(consumerSecret);
		await typed.app.getByRole("button", { name: "Test and use these keys" }).click();
		await typed.page.getByRole("status").getByText("New keys are in use").waitFor(SOON);
		expect(await health()).toBe("green");
		await typed.close();

		await red();
		const made = await stage.open({ path: `${channel}/renew` });
		await lead(made);
		const sentTo = made.page.waitForRequest((request) => request.url().startsWith("https://admin.shopify.com/"), SOON);
		await made.app.getByRole("button", { name: "Get new keys from the store" }).click();
		await made.page.getByRole("heading", { name: "Lockstep would like to connect to your store" }).waitFor(SOON);
		await made.page.getByRole("link", { name: "Approve" }).click();
		const { pathname, search } = new URL((await sentTo).url());
		await made.page.goto(new URL(`${pathname.replace(/\/apps\/[^/]+/, "/apps/lockstep")}${search}`, stage.gateway.url()).href);
		await made.page.getByRole("status").getByText("New keys are in use").waitFor(SOON);
		expect(await health()).toBe("green");
		expect(await connections()).toHaveLength(1);
		await made.close();
	}, 180_000);
});
