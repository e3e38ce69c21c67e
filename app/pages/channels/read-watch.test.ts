import { afterAll, beforeAll, expect, test } from "vitest";
import { drainShop } from "#apply";
import { applyDeps } from "../../../tests/kit/apply-deps.ts";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { type LedgerClock, playLedgerClock } from "../../../tests/kit/ledger-clock.ts";
import { makeShop, order, put, reading, type TestShop } from "../../../tests/kit/shop.ts";
import { readChannel } from "./read-channel.ts";
import { readWatch } from "./read-watch.ts";

let database: TestDatabase;
let clock: LedgerClock;
beforeAll(async () => {
	database = await freshDatabase();
	clock = await playLedgerClock(database.pool);
});
afterAll(() => database.drop());

const at = (time: string) => `2026-03-01T${time}Z`;
/** What waits is heard of at this time. */
const drain = async (shop: TestShop, time = "00:00:00") => {
	await clock.set(Date.parse(at(time)));
	await drainShop(applyDeps(database.pool), shop.shopId, {});
};

test("R42 of a week's oversells it names those that being live would have prevented, and no other", async () => {
	const shop = await makeShop(database.pool, { items: 4, opening: 1, guestState: "watching" });
	await drain(shop);
	// 0: sold at home a minute before the channel sold it once more. 1: only five seconds before, which no update could have met.
	// 2: the channel sold its own last unit twice, a minute apart: it would have shown 0. 3: nothing is oversold.
	await put(database.pool, shop, [reading(0, 0, at("10:00:00"))], { connection: "home" });
	await drain(shop, "10:00:01");
	await put(database.pool, shop, [reading(1, 0, at("10:00:55"))], { connection: "home" });
	await drain(shop, "10:00:56");
	await put(database.pool, shop, [
		order("a", [{ item: 0, held: 1 }], { created: at("10:01:00") }),
		order("b", [{ item: 1, held: 1 }], { created: at("10:01:00") }),
		order("c", [{ item: 2, held: 1 }], { created: at("10:01:00") }),
		order("d", [{ item: 2, held: 1 }], { created: at("10:02:00") }),
		order("e", [{ item: 3, held: 1 }], { created: at("10:02:00") }),
	]);
	await drain(shop, "10:02:01");
	await put(database.pool, shop, [reading(0, -1, at("11:00:00")), reading(1, -1, at("11:00:00")), reading(2, -1, at("11:00:00"))], {
		connection: "home",
	});
	await drain(shop, "11:00:01");
	const oversold = await database.pool.query("SELECT order_id FROM oversell WHERE shop_id = $1 AND connection_id = $2 ORDER BY order_id", [
		shop.shopId,
		shop.guest,
	]);
	expect(oversold.rows.map(({ order_id }) => order_id)).toEqual(["a", "b", "d"]);
	const watch = await readWatch(database.pool, shop.shopId, shop.guest);
	expect(watch.prevented.map(({ order, units, wouldHaveShown }) => ({ order, units, wouldHaveShown }))).toEqual([
		{ order: "#d", units: 1, wouldHaveShown: 0 },
		{ order: "#a", units: 1, wouldHaveShown: 0 },
	]);
	expect([watch.orders, watch.units]).toEqual([5, 5]);
});

test("R42 units that were added to an order later, and lines that one buyer took together, are judged by what the buyer was shown", async () => {
	const shop = await makeShop(database.pool, { items: 2, opening: 2, guestState: "watching" });
	await drain(shop);
	await put(database.pool, shop, [order("a", [{ item: 0, held: 1 }], { created: at("10:00:00") })]);
	await drain(shop, "10:00:01");
	await put(database.pool, shop, [reading(0, 1, at("11:00:00")), reading(1, 1, at("11:00:00"))], { connection: "home" });
	await drain(shop, "11:00:01");
	// Staff adds three to the first order; of the second product a buyer takes two, in two lines, where one is left.
	await put(database.pool, shop, [
		order("a", [{ item: 0, held: 4 }], { created: at("10:00:00"), stamp: at("12:00:00") }),
		order(
			"b",
			[
				{ item: 1, held: 1, id: "1" },
				{ item: 1, held: 1, id: "2" },
			],
			{ created: at("12:00:00") },
		),
	]);
	await drain(shop, "12:00:01");
	const oversold = await database.pool.query("SELECT order_id FROM oversell WHERE shop_id = $1 ORDER BY order_id", [shop.shopId]);
	expect(oversold.rows.map(({ order_id }) => order_id)).toEqual(["a", "b"]);
	const { prevented } = await readWatch(database.pool, shop.shopId, shop.guest);
	expect(prevented.map(({ order, sku, units, wouldHaveShown }) => [order, sku, units, wouldHaveShown])).toEqual([["#b", "SKU-1", 2, 1]]);
});

test("R42 what was watched and how well figures were predicted; R37 of another shop nothing", async () => {
	const shop = await makeShop(database.pool, { items: 4, opening: 5, guestState: "watching" });
	await drain(shop);
	const [a, b, c] = shop.listings;
	const set = (id: number | undefined, sql: string) =>
		database.pool.query(`UPDATE listing SET ${sql} WHERE shop_id = $1 AND id = $2`, [shop.shopId, id]);
	await set(a, "shown = 5, read_at = now()");
	await set(b, "shown = 5, read_at = now(), unseen = 1");
	await set(c, "shown = 9, read_at = now(), seen = 7");
	await database.pool.query(
		`INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, operation, quantity, outcome, correlation_id)
		 SELECT $1, $2, $3, 'listing.write', n, 'watched', 'c' FROM generate_series(1, 3) n`,
		[shop.shopId, shop.guest, a],
	);
	await database.pool.query(
		`INSERT INTO difference (shop_id, connection_id, listing_id, expected, found, cause)
		 VALUES ($1, $2, $3, 5, 9, 'raised-elsewhere'), ($1, $2, $3, 9, 7, 'another-writer'), ($1, $2, $3, 7, 6, 'another-writer')`,
		[shop.shopId, shop.guest, c],
	);
	const watch = await readWatch(database.pool, shop.shopId, shop.guest);
	expect(watch.prediction).toEqual({ compared: 3, met: 1, unexplained: 2, raisedElsewhere: 1, loweredElsewhere: 2 });
	expect([watch.updates, watch.listings, watch.newest.map(({ quantity }) => quantity)]).toEqual([3, 1, [3, 2, 1]]);
	const other = await makeShop(database.pool, { items: 1 });
	expect(await readWatch(database.pool, other.shopId, shop.guest)).toEqual({
		since: null,
		orders: 0,
		units: 0,
		updates: 0,
		listings: 0,
		wouldChangeNow: 0,
		prediction: { compared: 0, met: 0, unexplained: 0, raisedElsewhere: 0, loweredElsewhere: 0 },
		prevented: [],
		otherWriter: null,
		newest: [],
	});
	expect(await readChannel(database.pool, other.shopId, shop.guest)).toBeNull();
});
