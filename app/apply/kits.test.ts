import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { drainShop } from "#apply";
import type { CanonicalEvent } from "#domain";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { applyDeps, at, desiredOf, expectCoherentState, makeShop, order, put, stockOf, type TestShop } from "../../tests/kit/shop.ts";

let db: TestDatabase;
let shop: TestShop;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());

/** SKU-3 is a gift box of two SKU-0 and one SKU-1, and SKU-4 six of SKU-0: home knows neither, for it they are plain variants. */
const [GIFT_BOX, SIX_PACK] = [3, 4];
beforeEach(async () => {
	const [giftBox, sixPack] = [
		[
			{ item: 0, quantity: 2 },
			{ item: 1, quantity: 1 },
		],
		[{ item: 0, quantity: 6 }],
	];
	shop = await makeShop(db.pool, { opening: 20, bundles: [giftBox, sixPack] });
	await db.pool.query("UPDATE item SET is_home_bundle = false WHERE shop_id = $1", [shop.shopId]);
	await db.pool.query("UPDATE bundle_component SET made_here = true WHERE shop_id = $1", [shop.shopId]);
	await drain();
});

const drain = () => drainShop(applyDeps(db.pool), shop.shopId, {});
const sold = (id: string, lines: { item: number; held: number }[], when: Parameters<typeof order>[2] = {}): CanonicalEvent =>
	order(
		id,
		lines.map((line) => ({ ...line, external: `variant:${line.item}` })),
		when,
	);
const toHome = { connection: "home" as const };
const stocks = async () => [await stockOf(db.pool, shop, 0), await stockOf(db.pool, shop, 1)];
const kitUnits = async () =>
	(await db.pool.query("SELECT held, kit_units FROM order_line WHERE shop_id = $1 ORDER BY order_id, line_id", [shop.shopId])).rows;

describe("R14 kits that the merchant made, sold at home", () => {
	test("R06 R07 home is owed the parts, once, however often it is told; they come back along what was stored, not what the kit is made of by then", async () => {
		const sale = sold("1", [
			{ item: GIFT_BOX, held: 3 },
			{ item: 0, held: 1 },
		]);
		await put(db.pool, shop, [sale, sale], toHome);
		await drain();
		await put(db.pool, shop, [sale], toHome);
		await drain();
		// Of the plain line home lowers its own figure (a prediction): it is not owed.
		expect(await stocks()).toEqual([
			{ available: 13, short: 0, owed: -6 },
			{ available: 17, short: 0, owed: -3 },
		]);
		expect([await desiredOf(db.pool, shop, GIFT_BOX), await desiredOf(db.pool, shop, SIX_PACK), await desiredOf(db.pool, shop, 0)]).toEqual(
			[6, 2, 13],
		);
		await db.pool.query("UPDATE bundle_component SET quantity = 5 WHERE shop_id = $1 AND bundle_item_id = $2 AND component_item_id = $3", [
			shop.shopId,
			shop.items[GIFT_BOX],
			shop.items[0],
		]);
		const cancelled = sold("1", [], { stamp: at("10:01:00"), created: at("10:00:00") });
		await put(db.pool, shop, [cancelled, cancelled], toHome);
		await drain();
		expect(await stocks()).toEqual([
			{ available: 19, short: 0, owed: 0 },
			{ available: 20, short: 0, owed: 0 },
		]);
		expect(await kitUnits()).toEqual([
			{ held: 0, kit_units: 0 },
			{ held: 0, kit_units: 0 },
		]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("units from before it was a kit, or from before the cut, took no parts and give none back", async () => {
		await put(db.pool, shop, [sold("old", [{ item: GIFT_BOX, held: 2 }], { created: "2026-02-27T10:00:00Z" })], toHome);
		await db.pool.query("UPDATE bundle_component SET made_here = false WHERE shop_id = $1", [shop.shopId]);
		await put(db.pool, shop, [sold("1", [{ item: GIFT_BOX, held: 2 }])], toHome);
		await drain();
		expect(await stocks()).toMatchObject([{ available: 20 }, { available: 20 }]);
		await db.pool.query("UPDATE bundle_component SET made_here = true WHERE shop_id = $1", [shop.shopId]);
		const later = (minute: string, held: number) => [
			sold("old", [{ item: GIFT_BOX, held }], { created: "2026-02-27T10:00:00Z", stamp: at(`10:${minute}:00`) }),
			sold("1", [{ item: GIFT_BOX, held }], { stamp: at(`10:${minute}:00`), created: at("10:00:00") }),
		];
		await put(db.pool, shop, later("01", 3), toHome);
		await drain();
		expect(await stocks()).toMatchObject([{ available: 16 }, { available: 18 }]);
		await put(db.pool, shop, later("02", 0), toHome);
		await drain();
		expect(await stocks()).toEqual([
			{ available: 20, short: 0, owed: 0 },
			{ available: 20, short: 0, owed: 0 },
		]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("R11 parts that are not there are an oversell of the home order, and every listing that needs them shows 0", async () => {
		await put(db.pool, shop, [sold("1", [{ item: SIX_PACK, held: 4 }])], toHome);
		await drain();
		expect(await stockOf(db.pool, shop, 0)).toEqual({ available: 0, short: 4, owed: -24 });
		const { rows } = await db.pool.query("SELECT connection_id, order_id, units, state FROM oversell WHERE shop_id = $1", [shop.shopId]);
		expect(rows).toEqual([{ connection_id: shop.home, order_id: "1", units: 4, state: "open" }]);
		for (const item of [0, GIFT_BOX, SIX_PACK]) expect([item, await desiredOf(db.pool, shop, item)]).toEqual([item, 0]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	test("a bundle of Shopify's own is left to Shopify, which lowers the parts itself, also where parts were once said here", async () => {
		await db.pool.query("UPDATE item SET is_home_bundle = true WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.items[GIFT_BOX]]);
		await db.pool.query("UPDATE bundle_component SET made_here = false WHERE shop_id = $1 AND bundle_item_id = $2", [
			shop.shopId,
			shop.items[SIX_PACK],
		]);
		await put(
			db.pool,
			shop,
			[
				sold("1", [
					{ item: GIFT_BOX, held: 1 },
					{ item: SIX_PACK, held: 1 },
				]),
			],
			toHome,
		);
		await drain();
		expect(await stocks()).toEqual([
			{ available: 20, short: 0, owed: 0 },
			{ available: 20, short: 0, owed: 0 },
		]);
		expect(await kitUnits()).toMatchObject([{ kit_units: 0 }, { kit_units: 0 }]);
	});
});
