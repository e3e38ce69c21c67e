import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { drainShop } from "#apply";
import { openDepth } from "#dead-letters";
import type { CanonicalEvent } from "#domain";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { applyDeps, at, expectCoherentState, makeShop, order, put, reading, stockOf, type TestShop } from "../../tests/kit/shop.ts";

let db: TestDatabase;
let shop: TestShop;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
	shop = await copied();
});

/** A shop in which another app copies the guest's orders into Shopify and lowers Shopify's stock by it. */
async function copied(): Promise<TestShop> {
	const made = await makeShop(db.pool);
	await db.pool.query("UPDATE connection SET mirror = 'takes-stock', mirror_sources = '{580111}' WHERE id = $1", [made.guest]);
	return made;
}
const drain = (of = shop) => drainShop(applyDeps(db.pool), of.shopId, {});
const copy = (id: string, held: number, of: string | null, when: { stamp?: string } = {}): CanonicalEvent => ({
	...(order(id, [{ item: 0, held, external: "item-0" }], { created: at("10:00:30"), ...when }) as Extract<
		CanonicalEvent,
		{ type: "order.snapshot" }
	>),
	source: { name: "580111", identifier: of },
});
const toHome = { connection: "home" as const };
const stock = (of = shop) => stockOf(db.pool, of, 0);

test("R43 the marketplace's order comes first, its copy in Shopify later: one sale, and what we owed to home is owed no more", async () => {
	await put(db.pool, shop, [order("111-1", [{ item: 0, held: 2 }])]);
	await drain();
	expect(await stock()).toEqual({ available: 8, short: 0, owed: -2 });
	await put(db.pool, shop, [copy("5001", 2, "111-1")], toHome);
	await drain();
	expect(await stock()).toEqual({ available: 8, short: 0, owed: 0 });
	// Home's figure, lowered by the copy.
	await put(db.pool, shop, [reading(0, 8, at("10:01:00"))], toHome);
	await drain();
	expect(await stock()).toEqual({ available: 8, short: 0, owed: 0 });
	await expectCoherentState(db.pool, shop.shopId);
});

test("R43 the copy comes first, the order later, in one batch or another: one sale", async () => {
	await put(db.pool, shop, [copy("5001", 2, "111-1")], toHome);
	await drain();
	await put(db.pool, shop, [order("111-1", [{ item: 0, held: 2 }]), order("111-2", [{ item: 0, held: 1 }])]);
	await put(db.pool, shop, [copy("5002", 1, "111-2")], toHome);
	await drain();
	expect(await stock()).toEqual({ available: 7, short: 0, owed: 0 });
	await put(db.pool, shop, [reading(0, 7, at("10:01:00"))], toHome);
	await drain();
	expect(await stock()).toEqual({ available: 7, short: 0, owed: 0 });
	const { rows } = await db.pool.query(
		"SELECT held, mirrored FROM order_line WHERE shop_id = $1 AND connection_id = $2 ORDER BY order_id",
		[shop.shopId, shop.guest],
	);
	expect(rows).toEqual([
		{ held: 2, mirrored: 2 },
		{ held: 1, mirrored: 1 },
	]);
	await expectCoherentState(db.pool, shop.shopId);
});

test("R43 R11 the copy has taken the last units: its order, coming second, moves nothing and is no oversell", async () => {
	await put(db.pool, shop, [copy("5001", 10, "111-1"), reading(0, 0, at("10:01:00"))], toHome);
	await drain();
	await put(db.pool, shop, [order("111-1", [{ item: 0, held: 10 }])]);
	await drain();
	expect(await stock()).toEqual({ available: 0, short: 0, owed: 0 });
	const { rows } = await db.pool.query(
		`SELECT (SELECT count(*)::int FROM oversell WHERE shop_id = $1) AS oversells,
		   (SELECT count(*)::int FROM movement WHERE shop_id = $1 AND connection_id = $2) AS movements`,
		[shop.shopId, shop.guest],
	);
	expect(rows).toEqual([{ oversells: 0, movements: 0 }]);
});

test("R43 the copy is cancelled and restocked while the sale stands: its units are taken here", async () => {
	await put(db.pool, shop, [order("111-1", [{ item: 0, held: 2 }])]);
	await put(db.pool, shop, [copy("5001", 2, "111-1"), reading(0, 8, at("10:01:00"))], toHome);
	await drain();
	await put(db.pool, shop, [copy("5001", 0, "111-1", { stamp: at("10:02:00") }), reading(0, 10, at("10:02:01"))], toHome);
	await drain();
	expect(await stock()).toEqual({ available: 8, short: 0, owed: -2 });
	await expectCoherentState(db.pool, shop.shopId);
});

test("R43 R21 a copy that does not say of which order is told to a person; once it says so, that is settled", async () => {
	await put(db.pool, shop, [copy("5001", 1, null)], toHome);
	await drain();
	expect(await openDepth(db.pool, shop.shopId)).toMatchObject({ messages: 1 });
	await put(db.pool, shop, [{ ...copy("5001", 1, "111-1", { stamp: at("10:05:00") }), contentHash: "2" } as CanonicalEvent], toHome);
	await drain();
	expect(await openDepth(db.pool, shop.shopId)).toMatchObject({ messages: 0 });
});

test("R43 the app that makes copies is learned from its first one with a number", async () => {
	await db.pool.query("UPDATE connection SET mirror_sources = '{}' WHERE id = $1", [shop.guest]);
	await put(db.pool, shop, [copy("5000", 1, null)], toHome);
	await drain();
	expect(await openDepth(db.pool, shop.shopId)).toMatchObject({ messages: 0 });
	await put(db.pool, shop, [order("111-1", [{ item: 0, held: 1 }])]);
	await put(db.pool, shop, [copy("5001", 1, "111-1")], toHome);
	await drain();
	await put(db.pool, shop, [copy("5002", 1, null)], toHome);
	await drain();
	expect(await openDepth(db.pool, shop.shopId)).toMatchObject({ messages: 1 });
	const { rows } = await db.pool.query("SELECT mirror_sources FROM connection WHERE id = $1", [shop.guest]);
	expect(rows).toEqual([{ mirror_sources: ["580111"] }]);
});

test("R43 where the merchant has not said that orders are copied, equal numbers mean nothing", async () => {
	await db.pool.query("UPDATE connection SET mirror = 'none' WHERE id = $1", [shop.guest]);
	await put(db.pool, shop, [order("111-1", [{ item: 0, held: 2 }])]);
	await put(db.pool, shop, [copy("5001", 2, "111-1")], toHome);
	await drain();
	expect((await stock()).available).toBe(6);
});

test("R37 a copy in one shop credits nothing in another that has an order of the same number", async () => {
	const other = await copied();
	await put(db.pool, other, [order("111-1", [{ item: 0, held: 2 }])]);
	await drain(other);
	await put(db.pool, shop, [copy("5001", 2, "111-1")], toHome);
	await drain();
	await put(db.pool, other, [order("111-1", [{ item: 0, held: 3 }], { stamp: at("10:09:00") })]);
	await drain(other);
	expect(await stock(other)).toEqual({ available: 7, short: 0, owed: -3 });
});
