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

	/** Each with several filters: whose marks are pressed away one by one. */
	const lists = () => [
		{ name: "stock", path: `/stock?q=NW&channel=${shop.woocommerce}&state=out` },
		{ name: "orders", path: `/orders?q=1&channel=${shop.woocommerce}` },
		{ name: "failed-updates", path: `/failed-updates?q=NW&channel=${shop.woocommerce}` },
		{ name: "oversells", path: `/oversells?channel=${shop.woocommerce}` },
		{ name: "checks", path: `/checks?q=NW&channel=${shop.woocommerce}&cause=another-writer&state=open` },
		{ name: "activity", path: "/activity?person=548380009" },
	];

	test.each(SIZES)(
		"every mark of a filter can be read and pressed ($width wide)",
		async ({ suffix, ...size }) => {
			for (const { name, path } of lists()) {
				const { page, app, close } = await stage.open({ path: `${APP}${path}`, ...size });
				await app.locator('[class*="IndexFilters"]').first().waitFor(SOON);
				await page.locator("#loading").waitFor({ state: "hidden", ...SOON });
				await page.screenshot({ path: picturePath(`filtered-${name}${suffix}`) });
				expect([name, size.width, await violationsOf(app)]).toEqual([name, size.width, []]);
				await close();
			}
		},
		120_000,
	);
});
