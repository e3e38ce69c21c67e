import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drainShop, refreshListings } from "#apply";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { applyDeps, at, desiredOf, expectCoherentState, makeShop, order, put, reading, stockOf } from "../../tests/kit/shop.ts";

let db: TestDatabase;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());

const drain = (shopId: number, batchMax?: number) => drainShop(applyDeps(db.pool), shopId, batchMax === undefined ? {} : { batchMax });
const movements = async (shopId: number) =>
	(
		await db.pool.query("SELECT cause, delta, after, order_id FROM movement WHERE shop_id = $1 AND cause <> 'opening' ORDER BY id", [
			shopId,
		])
	).rows;

describe("applying orders", () => {
	it("R06 the same order by webhook, poll, fetch and replay, in any order, moves stock once", async () => {
		const shop = await makeShop(db.pool);
		const sale = order("1", [{ item: 0, held: 2 }]);
		await put(db.pool, shop, [sale, sale]);
		await put(db.pool, shop, [sale], { source: "poll" });
		await drain(shop.shopId);
		await put(db.pool, shop, [sale], { source: "replay" });
		await put(
			db.pool,
			shop,
			[
				{
					...sale,
					fetched: { askedAt: new Date(Date.now() + 60_000).toISOString(), answeredAt: new Date(Date.now() + 61_000).toISOString() },
				} as typeof sale,
			],
			{ source: "fetch" },
		);
		await drain(shop.shopId);
		expect(await stockOf(db.pool, shop, 0)).toEqual({ available: 8, short: 0, owed: -2 });
		expect(await movements(shop.shopId)).toEqual([{ cause: "sale", delta: -2, after: 8, order_id: "1" }]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	it("R06 an older snapshot never undoes a newer one; an equal stamp with other content is fetched, not believed", async () => {
		const shop = await makeShop(db.pool);
		await put(db.pool, shop, [
			order("1", [{ item: 0, held: 2 }], { stamp: at("10:05:00") }),
			order("1", [{ item: 0, held: 5 }], { stamp: at("10:01:00") }),
		]);
		await put(db.pool, shop, [order("1", [{ item: 0, held: 4 }], { stamp: at("10:05:00") })]);
		await drain(shop.shopId);
		expect((await stockOf(db.pool, shop, 0)).available).toBe(8);
		const wishes = await db.pool.query("SELECT kind, external_id FROM fetch_request WHERE shop_id = $1", [shop.shopId]);
		expect(wishes.rows).toEqual([{ kind: "order", external_id: "1" }]);
	});

	it("R07 edits, partial cancellations, removed lines and give-backs change stock by exactly the difference", async () => {
		const shop = await makeShop(db.pool);
		await put(db.pool, shop, [
			order("1", [
				{ item: 0, held: 3 },
				{ item: 1, held: 2 },
			]),
		]);
		await put(db.pool, shop, [
			order(
				"1",
				[
					{ item: 0, held: 1 },
					{ item: 1, held: 2 },
				],
				{ stamp: at("10:01:00"), created: at("10:00:00") },
			),
		]);
		await put(db.pool, shop, [order("1", [{ item: 0, held: 1 }], { stamp: at("10:02:00"), created: at("10:00:00"), complete: false })]);
		await drain(shop.shopId);
		expect([(await stockOf(db.pool, shop, 0)).available, (await stockOf(db.pool, shop, 1)).available]).toEqual([9, 8]);
		await put(db.pool, shop, [order("1", [{ item: 0, held: 1 }], { stamp: at("10:03:00"), created: at("10:00:00") })]);
		await drain(shop.shopId);
		expect([(await stockOf(db.pool, shop, 0)).available, (await stockOf(db.pool, shop, 1)).available]).toEqual([9, 10]);
		expect((await stockOf(db.pool, shop, 0)).owed).toBe(-1);
		await expectCoherentState(db.pool, shop.shopId);
	});

	it("R11 a sale that cannot be covered is an oversell by exactly what is short, the listing goes to 0, and stock that comes covers the oldest first", async () => {
		const shop = await makeShop(db.pool, { opening: 2 });
		await put(db.pool, shop, [order("1", [{ item: 0, held: 3 }]), order("2", [{ item: 0, held: 2 }], { created: at("10:00:05") })]);
		await drain(shop.shopId);
		const open = () =>
			db.pool
				.query("SELECT order_id, units, covered, state FROM oversell WHERE shop_id = $1 ORDER BY id", [shop.shopId])
				.then((r) => r.rows);
		expect(await open()).toEqual([
			{ order_id: "1", units: 1, covered: 0, state: "open" },
			{ order_id: "2", units: 2, covered: 0, state: "open" },
		]);
		expect(await stockOf(db.pool, shop, 0)).toEqual({ available: 0, short: 3, owed: -5 });
		expect(await desiredOf(db.pool, shop, 0)).toBe(0);
		await put(db.pool, shop, [reading(0, 4, at("10:10:00"))], { connection: "home" });
		await drain(shop.shopId);
		expect(await open()).toEqual([
			{ order_id: "1", units: 1, covered: 1, state: "covered" },
			{ order_id: "2", units: 2, covered: 1, state: "open" },
		]);
		await put(db.pool, shop, [reading(0, 9, at("10:11:00"))], { connection: "home" });
		await drain(shop.shopId);
		expect((await open()).map((o) => o.state)).toEqual(["covered", "covered"]);
		expect(await desiredOf(db.pool, shop, 0)).toBe(4);
		await expectCoherentState(db.pool, shop.shopId);
	});

	it("R44 orders from before the cut are baseline: their sale moved nothing, their later cancellation does", async () => {
		const shop = await makeShop(db.pool, { cutAt: at("09:00:00") });
		await put(db.pool, shop, [order("old", [{ item: 0, held: 3 }], { created: at("08:00:00") })], { source: "import" });
		await drain(shop.shopId);
		expect((await stockOf(db.pool, shop, 0)).available).toBe(10);
		await put(db.pool, shop, [order("old", [{ item: 0, held: 1 }], { created: at("08:00:00"), stamp: at("11:00:00") })]);
		await drain(shop.shopId);
		expect(await stockOf(db.pool, shop, 0)).toEqual({ available: 12, short: 0, owed: 2 });
		await put(db.pool, shop, [order("older", [{ item: 1, held: 1 }], { created: at("07:00:00"), stamp: at("11:00:00") })]);
		await drain(shop.shopId);
		expect((await db.pool.query("SELECT order_id FROM sales_order WHERE shop_id = $1 AND unknown_older", [shop.shopId])).rows).toEqual([
			{ order_id: "older" },
		]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	it("R44 of an order from before the cut a newer state that is from before it too moves nothing; the one after it does, by the difference", async () => {
		const shop = await makeShop(db.pool, { items: 2, cutAt: at("09:00:00") });
		const state = (held: [number, number?], stamp: string) =>
			order("old", [{ item: 0, held: held[0] }, ...(held[1] === undefined ? [] : [{ item: 1, held: held[1] }])], {
				created: at("08:00:00"),
				stamp: at(stamp),
			});
		await put(db.pool, shop, [state([3, 2], "08:00:00"), state([5], "08:59:59")]);
		await drain(shop.shopId);
		const available = async () => [(await stockOf(db.pool, shop, 0)).available, (await stockOf(db.pool, shop, 1)).available];
		expect(await available()).toEqual([10, 10]);
		await put(db.pool, shop, [state([6], "09:00:00")]);
		await drain(shop.shopId);
		expect(await available()).toEqual([9, 10]);
		// Late, and older than what is known.
		await put(db.pool, shop, [state([4, 4], "08:30:00")]);
		await drain(shop.shopId);
		expect(await available()).toEqual([9, 10]);
		await put(db.pool, shop, [state([0], "09:30:00")]);
		await drain(shop.shopId);
		expect(await available()).toEqual([15, 10]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	it("R14 bundles share components: a bundle and its component in one order, two pack sizes, and a bundle changed between sale and cancellation", async () => {
		const shop = await makeShop(db.pool, {
			items: 2,
			opening: 20,
			bundles: [
				[
					{ item: 0, quantity: 2 },
					{ item: 1, quantity: 1 },
				],
				[{ item: 0, quantity: 6 }],
			],
		});
		await put(db.pool, shop, [
			order("1", [
				{ item: 2, held: 2 },
				{ item: 0, held: 3 },
			]),
			order("2", [{ item: 3, held: 1 }]),
		]);
		await drain(shop.shopId);
		expect([(await stockOf(db.pool, shop, 0)).available, (await stockOf(db.pool, shop, 1)).available]).toEqual([20 - 4 - 3 - 6, 18]);
		expect([await desiredOf(db.pool, shop, 2), await desiredOf(db.pool, shop, 3)]).toEqual([3, 1]);
		await db.pool.query("UPDATE bundle_component SET quantity = 5 WHERE shop_id = $1 AND bundle_item_id = $2 AND component_item_id = $3", [
			shop.shopId,
			shop.items[2],
			shop.items[0],
		]);
		await put(db.pool, shop, [
			order(
				"1",
				[
					{ item: 2, held: 1 },
					{ item: 0, held: 3 },
				],
				{ created: at("10:00:00"), stamp: at("10:30:00") },
			),
		]);
		await drain(shop.shopId);
		expect([(await stockOf(db.pool, shop, 0)).available, (await stockOf(db.pool, shop, 1)).available]).toEqual([9, 19]);
		await put(db.pool, shop, [
			order(
				"1",
				[
					{ item: 2, held: 0 },
					{ item: 0, held: 0 },
				],
				{ created: at("10:00:00"), stamp: at("10:31:00") },
			),
		]);
		await drain(shop.shopId);
		expect([(await stockOf(db.pool, shop, 0)).available, (await stockOf(db.pool, shop, 1)).available]).toEqual([14, 20]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	it("R13 only the chosen locations feed a channel, and a sale takes from them in the merchant's order", async () => {
		const shop = await makeShop(db.pool, { locations: 3, opening: 4 });
		await db.pool.query("INSERT INTO connection_location VALUES ($1, $2, $3), ($1, $2, $4)", [
			shop.shopId,
			shop.guest,
			shop.locations[0],
			shop.locations[2],
		]);
		await refreshListings(applyDeps(db.pool), shop.shopId, { connectionId: shop.guest });
		await drain(shop.shopId);
		expect(await desiredOf(db.pool, shop, 0)).toBe(8);
		await put(db.pool, shop, [order("1", [{ item: 0, held: 6 }])]);
		await drain(shop.shopId);
		const rows = await db.pool.query("SELECT available FROM stock WHERE shop_id = $1 AND item_id = $2 ORDER BY location_id", [
			shop.shopId,
			shop.items[0],
		]);
		expect(rows.rows.map((r) => r.available)).toEqual([0, 4, 2]);
		expect(await desiredOf(db.pool, shop, 0)).toBe(2);
	});

	it("R12 what a listing shows is what its policy says of what is available", async () => {
		const shop = await makeShop(db.pool, { policy: { kind: "buffer", buffer: 3, maximum: 5 } });
		await drain(shop.shopId);
		expect(await desiredOf(db.pool, shop, 0)).toBe(5);
		await put(db.pool, shop, [order("1", [{ item: 0, held: 6 }])]);
		await drain(shop.shopId);
		expect(await desiredOf(db.pool, shop, 0)).toBe(1);
	});

	it("R21 a line that is linked to no product is complained of, the others count, and it counts once it is linked", async () => {
		const shop = await makeShop(db.pool);
		await put(db.pool, shop, [
			order("1", [
				{ item: 0, held: 1 },
				{ item: 9, held: 2, external: "listing-unknown" },
			]),
		]);
		await drain(shop.shopId);
		expect((await stockOf(db.pool, shop, 0)).available).toBe(9);
		const letters = () => db.pool.query("SELECT error_class, state FROM dead_letter WHERE shop_id = $1", [shop.shopId]).then((r) => r.rows);
		expect(await letters()).toEqual([{ error_class: "unmapped-listing", state: "open" }]);
		await db.pool.query(
			"INSERT INTO listing (shop_id, connection_id, external_id, item_id, link_state) VALUES ($1, $2, 'listing-unknown', $3, 'linked')",
			[shop.shopId, shop.guest, shop.items[1]],
		);
		const asked = new Date(Date.now() + 60_000).toISOString();
		await put(
			db.pool,
			shop,
			[
				{
					...order("1", [
						{ item: 0, held: 1 },
						{ item: 9, held: 2, external: "listing-unknown" },
					]),
					fetched: { askedAt: asked, answeredAt: asked },
				} as ReturnType<typeof order>,
			],
			{ source: "fetch" },
		);
		await drain(shop.shopId);
		expect([(await stockOf(db.pool, shop, 0)).available, (await stockOf(db.pool, shop, 1)).available]).toEqual([9, 8]);
		expect(await letters()).toEqual([{ error_class: "unmapped-listing", state: "resolved" }]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	it("R32 an event that cannot be applied is parked alone; the rest of its batch goes on", async () => {
		const shop = await makeShop(db.pool);
		const tooMuch = order("big", [
			{ item: 0, held: 2_147_483_647 },
			{ item: 0, held: 2_147_483_647, id: "2" },
		]);
		await put(db.pool, shop, [
			order("1", [{ item: 0, held: 1 }]),
			tooMuch,
			order("2", [{ item: 1, held: 1 }]),
			{ v: 1, type: "nonsense" } as never,
			order("3", [{ item: 2, held: 1 }]),
		]);
		expect(await drain(shop.shopId)).toEqual({ outcome: "drained", applied: 6, parked: 2 });
		expect([
			(await stockOf(db.pool, shop, 0)).available,
			(await stockOf(db.pool, shop, 1)).available,
			(await stockOf(db.pool, shop, 2)).available,
		]).toEqual([9, 9, 9]);
		const letters = await db.pool.query("SELECT error_class FROM dead_letter WHERE shop_id = $1 ORDER BY id", [shop.shopId]);
		expect(letters.rows.map((r) => r.error_class).sort()).toEqual(["cannot-apply", "unexpected-shape"]);
		await expectCoherentState(db.pool, shop.shopId);
	});
});

describe("the ledger", () => {
	it("R10 refuses to be changed, deleted from or truncated; only the erasure of its shop may", async () => {
		const shop = await makeShop(db.pool);
		await drain(shop.shopId);
		await expect(db.pool.query("UPDATE movement SET delta = 0 WHERE shop_id = $1", [shop.shopId])).rejects.toThrow("append-only");
		await expect(db.pool.query("DELETE FROM movement WHERE shop_id = $1", [shop.shopId])).rejects.toThrow("append-only");
		await expect(db.pool.query("TRUNCATE movement")).rejects.toThrow("append-only");
		const other = await makeShop(db.pool);
		await drain(other.shopId);
		await db.pool.query("SELECT erase_shop($1)", [shop.shopId]);
		expect((await db.pool.query("SELECT 1 FROM movement WHERE shop_id = $1", [shop.shopId])).rowCount).toBe(0);
		expect((await db.pool.query("SELECT 1 FROM movement WHERE shop_id = $1", [other.shopId])).rowCount).toBe(3);
	});

	it("R20 our own write coming back as a reading in the same second changes nothing", async () => {
		const shop = await makeShop(db.pool);
		await put(db.pool, shop, [order("1", [{ item: 0, held: 2 }])]);
		await drain(shop.shopId);
		const { formDeltaBatch } = await import("#ledger");
		const { transaction } = await import("#app/db.server.ts");
		const batch = await transaction(db.pool, (tx) => formDeltaBatch(tx, shop.shopId, { connectionId: shop.home, correlationId: "t" }));
		expect(batch?.changes).toEqual([{ itemExternalId: "item-0", locationExternalId: "loc-0", delta: -2 }]);
		await put(
			db.pool,
			shop,
			[
				{ v: 1, type: "delta.landed", batchId: batch?.batchId ?? 0, landedAt: at("10:00:02"), answeredAt: at("10:00:02") },
				reading(0, 8, at("10:00:02")),
			],
			{ connection: "home", source: "app" },
		);
		await drain(shop.shopId);
		expect(await stockOf(db.pool, shop, 0)).toEqual({ available: 8, short: 0, owed: 0 });
		expect((await movements(shop.shopId)).map((m) => m.cause)).toEqual(["sale"]);
		await expectCoherentState(db.pool, shop.shopId);
	});

	it("R37 two shops with equal external ids never touch each other", async () => {
		const [a, b] = [await makeShop(db.pool), await makeShop(db.pool)];
		await put(db.pool, a, [order("1", [{ item: 0, held: 4 }])]);
		await put(db.pool, b, [order("1", [{ item: 0, held: 1 }])]);
		await Promise.all([drain(a.shopId), drain(b.shopId)]);
		expect([(await stockOf(db.pool, a, 0)).available, (await stockOf(db.pool, b, 0)).available]).toEqual([6, 9]);
	});
});
