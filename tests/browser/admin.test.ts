import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, openStage, picturePath, STAGE_TIMEOUT_MS, STORE, type Stage } from "./stage.ts";

const ROOT = "/store/northwind-outdoor";

describe.skipIf(!chromiumPath)("the simulated admin's own pages", () => {
	let stage: Stage;
	beforeAll(async () => {
		stage = await openStage();
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	test("the merchant's hand: a new figure is stock at that location, a bundle's is not typed in", async () => {
		const { page, complaints, close } = await stage.open({ path: `${ROOT}/products` });
		await page.getByLabel("NW-0 at Main warehouse").fill("12");
		await page.getByLabel("NW-0 at Main warehouse").press("Enter");
		await page.getByText("NW-0: 12 available at Main warehouse").waitFor();
		expect(stage.world.books.edits()).toMatchObject([{ channel: "shopify", sku: "NW-0", delta: 7 }]);
		expect(stage.shop.available("NW-0")).toBe(14);
		expect(await page.getByRole("row", { name: /Weekend set/ }).innerText()).toContain("Bundle");
		expect(await page.getByLabel("NW-SET at Main warehouse").count()).toBe(0);
		expect(complaints).toEqual([]);
		await close();
	});

	test("an order placed here appears in the list and in the world's books", async () => {
		const { page, complaints, close } = await stage.open({ path: `${ROOT}/orders` });
		await page.getByLabel("Product", { exact: true }).fill("NW-1");
		await page.getByLabel("Quantity", { exact: true }).fill("2");
		await page.getByRole("button", { name: "Place order" }).click();
		await page.getByRole("cell", { name: "#1001" }).waitFor();
		expect(stage.world.books.sales()).toMatchObject([{ channel: "shopify", sku: "NW-1", units: 2 }]);
		expect(stage.shop.available("NW-1")).toBe(6);
		await page.getByLabel("Product", { exact: true }).fill("NO-SUCH");
		await page.getByRole("button", { name: "Place order" }).click();
		await page.getByText("No product here has the SKU NO-SUCH").waitFor();
		// The refusal is an HTTP 422, which the browser writes to its console.
		expect(complaints.filter((text) => !text.includes("422"))).toEqual([]);
		await close();
	});

	test("a fault is switched on and off again, and the caller's own button is pressed", async () => {
		const { page, close } = await stage.open({ path: `${ROOT}/break-it` });
		const lose = page.getByRole("button", { name: "Lose notifications" }).nth(1);
		await lose.click();
		await page.getByText("WooCommerce: lose notifications, on").waitFor();
		expect(stage.world.faults.active()).toMatchObject([{ channel: "woocommerce", kind: "lost", rate: 0.3 }]);
		await page.locator("button[aria-pressed=true]").waitFor();
		await page.screenshot({ path: picturePath("break-it") });
		await lose.click();
		await page.getByText("WooCommerce: lose notifications, off").waitFor();
		expect(stage.world.faults.active()).toEqual([]);
		await page.getByRole("button", { name: "Kill the worker" }).click();
		await page.getByText("Killed").waitFor();
		await close();
	});

	test("the store on the other channel is one click away, under its own name", async () => {
		const { page, close } = await stage.open({ path: `${ROOT}/orders` });
		const [store] = await Promise.all([page.waitForEvent("popup"), page.getByRole("link", { name: "Northwind store" }).click()]);
		await store.getByRole("heading", { name: STORE }).waitFor();
		await close();
	});

	test("another site cannot press its buttons", async () => {
		const answer = await fetch(new URL(`${ROOT}/break-it`, stage.world.origin()), {
			method: "POST",
			headers: { "sec-fetch-site": "cross-site" },
			body: new URLSearchParams({ id: "worker" }),
		});
		expect(answer.status).toBe(403);
	});
});
