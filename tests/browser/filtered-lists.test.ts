import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const APP = "/store/northwind-outdoor/apps/lockstep/app";
const SOON = { timeout: 30_000 };
const SIZES = [
	{ width: 1280, height: 900, suffix: "" },
	{ width: 390, height: 844, suffix: "-phone" },
];

describe.skipIf(!chromiumPath)("R35 lists that are narrowed down", () => {
	let stage: Stage;
	let shop: FilledShop;
	beforeAll(async () => {
		stage = await openStage();
		shop = await fillShop(stage.database.pool, SHOP, { listings: 30 });
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	/** All lists have the same marks (components/index-list.tsx); this one has the most. */
	test.each(SIZES)("every mark of a filter can be read and pressed ($width wide)", async ({ suffix, ...size }) => {
		const path = `${APP}/stock?q=NW&channel=${shop.woocommerce}&state=out`;
		const { page, app } = await stage.open({ path, ...size });
		const clear = app.locator(".Polaris-Filters-FilterPill--clearButton");
		await clear.last().waitFor(SOON);
		await page.locator("#loading").waitFor({ state: "hidden", ...SOON });
		await page.screenshot({ path: picturePath(`filtered-stock${suffix}`) });
		expect(await violationsOf(app)).toEqual([]);
		await app.getByText("No products found").waitFor(SOON);
		await clear.first().click();
		await app.getByText("NW-0001").first().waitFor(SOON);
	});
});
