import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Deps } from "#connections";
import { pushListings } from "#delivery";
import { createLogger } from "#telemetry";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { deliveryDeps, drain, homeShows, listingOf, openShop, orderComes, timePasses } from "../../tests/kit/delivery.ts";
import { dyingPool, placesToDie } from "../../tests/kit/dying-pool.ts";
import { createNeighbourStore, type NeighbourStore } from "../../tests/kit/neighbour-store.ts";
import { expectCoherentState, makeShop, put, type TestShop } from "../../tests/kit/shop.ts";
import { compareStock } from "./compare.ts";

let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
let woken: string[];
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

const deps = (pool = database.pool): Deps => ({
	pool,
	keyRing: [],
	env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
	log: createLogger({ level: "silent", name: "test" }),
	wake: async (name) => void woken.push(name),
});
const deliveries = () => deliveryDeps(database.pool, new Map([[shop.guest, store]]));
const push = () => pushListings(deliveries(), shop.shopId, shop.guest);
const compare = async () => {
	await database.pool.query("UPDATE rate_budget SET tokens = capacity WHERE shop_id = $1", [shop.shopId]);
	const outcome = await compareStock(deps(), shop.shopId, shop.guest);
	await push();
	return outcome;
};
const differences = async () =>
	(await database.pool.query("SELECT expected, found, cause FROM difference WHERE shop_id = $1 ORDER BY id", [shop.shopId])).rows;
const watermark = (seconds: number) =>
	put(
		database.pool,
		shop,
		[{ v: 1, type: "orders.watermark", watermark: new Date(Date.parse(store.now()) + seconds * 1_000).toISOString() }],
		{ source: "app" },
	);
const count = async (where: string, values: unknown[] = [shop.shopId]) =>
	(await database.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${where}`, values)).rows[0]?.n;

beforeEach(() => {
	woken = [];
});

describe("R25 what a look at all of a channel's stock finds", () => {
	/** Three items of 10, in step with the store, and nothing waits. */
	beforeEach(async () => {
		shop = await openShop(database.pool, { items: 3, opening: 10 });
		store = createNeighbourStore({ "listing-0": 10, "listing-1": 10, "listing-2": 10 });
		await push();
		store.calls.length = 0;
	});

	test("nothing, where everything is in step: each listing is read once, nothing is written or recorded", async () => {
		expect(await compare()).toEqual({ outcome: "asked", rows: 3 });
		expect(store.calls.map(({ operation, ids }) => [operation, ids.toSorted()])).toEqual([
			["read", ["listing-0", "listing-1", "listing-2"]],
		]);
		expect(woken).toContain("delivery.push");
		expect(await differences()).toEqual([]);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("a figure that somebody raised is a difference, with both figures, and is brought down", async () => {
		store.figures.set("listing-1", 25);
		await compare();
		expect(await differences()).toEqual([{ expected: 10, found: 25, cause: "raised-elsewhere" }]);
		expect([...store.figures.values()]).toEqual([10, 10, 10]);
		// Once: the next look finds it mended.
		await compare();
		expect(await differences()).toHaveLength(1);
	});

	test("a lower figure waits for its orders: with them it is no difference, without them it is one, and is brought up again", async () => {
		const soldAt = store.sell("listing-0", 3) ?? "";
		store.figures.set("listing-2", 6);
		await compare();
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 7, unseen: 3 });
		expect(await listingOf(database.pool, shop, 2)).toMatchObject({ shown: 6, unseen: 4 });
		expect(await differences()).toEqual([]);
		expect(store.calls.filter(({ operation }) => operation === "write")).toEqual([]);

		await orderComes(database.pool, shop, 0, soldAt, 3);
		await watermark(120);
		await drain(database.pool, shop);
		await timePasses(database.pool, shop, "1 hour");
		await push();
		expect(await differences()).toEqual([{ expected: 10, found: 6, cause: "another-writer" }]);
		expect([...store.figures.values()]).toEqual([7, 10, 10]);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R43 a lower figure that may be our own doing is brought up again as well, and accuses nobody", async () => {
		store.figures.set("listing-2", 6);
		await compare();
		await database.pool.query("UPDATE listing SET assumed_until = now() - interval '1 minute' WHERE shop_id = $1", [shop.shopId]);
		await watermark(120);
		await drain(database.pool, shop);
		await timePasses(database.pool, shop, "1 hour");
		await push();
		expect(await differences()).toEqual([]);
		expect([...store.figures.values()]).toEqual([10, 10, 10]);
		const { rows } = await database.pool.query("SELECT assumed_until FROM listing WHERE shop_id = $1", [shop.shopId]);
		expect(rows[2]).toEqual({ assumed_until: null });
	});

	test("a sale that its order told of before the look is no difference", async () => {
		const soldAt = store.sell("listing-0", 2) ?? "";
		await orderComes(database.pool, shop, 0, soldAt, 2);
		await compare();
		expect(await differences()).toEqual([]);
		expect([...store.figures.values()]).toEqual([8, 10, 10]);
	});

	test("a write that may still land explains a higher figure: nothing is recorded, and afterwards it is right", async () => {
		await homeShows(database.pool, shop, 0, 14);
		store.faults.write.push({ kind: "timeout", effect: "late" });
		await push();
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ uncertain: true });
		await homeShows(database.pool, shop, 0, 10);
		store.landLate();
		await compare();
		expect(await differences()).toEqual([]);
		await timePasses(database.pool, shop, "1 hour");
		await push();
		await compare();
		expect(await differences()).toEqual([]);
		expect(store.figures.get("listing-0")).toBe(10);
	});

	test("a listing that we are not sure of stays so: its raised figure is mended, and is nobody's doing", async () => {
		await database.pool.query("UPDATE listing SET recheck = true, dirty_since = now() WHERE shop_id = $1 AND id = $2", [
			shop.shopId,
			shop.listings[0],
		]);
		store.figures.set("listing-0", 12);
		expect(await compare()).toEqual({ outcome: "asked", rows: 2 });
		expect(await differences()).toEqual([]);
		expect(store.figures.get("listing-0")).toBe(10);
	});

	test("paused, parked, unlinked and ungoverned listings are left alone", async () => {
		const [paused, parked, unlinked] = shop.listings;
		await database.pool.query("UPDATE listing SET paused = true, paused_reason = 'test' WHERE id = $1", [paused]);
		await database.pool.query("UPDATE listing SET parked = true WHERE id = $1", [parked]);
		await database.pool.query("UPDATE listing SET link_state = 'ignored', item_id = NULL, desired = NULL WHERE id = $1", [unlinked]);
		expect(await compare()).toEqual({ outcome: "asked", rows: 0 });
		expect(store.calls).toEqual([]);
	});

	test("R08 killed before and after every statement, it is due again, and the next one marks what is left", async () => {
		const clean = dyingPool(database.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		await compareStock(deps(clean.pool), shop.shopId, shop.guest);
		const places = placesToDie(clean.statements());
		expect(places.length).toBeGreaterThan(8);
		for (const place of places) {
			await database.pool.query("UPDATE listing SET dirty_since = NULL WHERE shop_id = $1", [shop.shopId]);
			await database.pool.query("UPDATE connection SET compared_at = NULL WHERE shop_id = $1", [shop.shopId]);
			const end = await compareStock(deps(dyingPool(database.pool, place).pool), shop.shopId, shop.guest).catch((error: unknown) => error);
			const isDone = (await count("connection WHERE shop_id = $1 AND compared_at IS NOT NULL")) === 1;
			if (!(end instanceof Error)) expect(isDone).toBe(true);
			if (!isDone) await compareStock(deps(), shop.shopId, shop.guest);
			expect({ place, marked: await count("listing WHERE shop_id = $1 AND dirty_since IS NOT NULL") }).toEqual({ place, marked: 3 });
		}
	});
});

test("R25 a shop of thousands is walked in pages: every listing is marked, every stocked item is asked for, once", async () => {
	shop = await makeShop(database.pool, { items: 1 });
	await database.pool.query(
		`WITH made AS (
		   INSERT INTO item (shop_id, external_id, sku, tracked, is_home_bundle, deleted_at)
		   SELECT $1, 'more-' || n, 'MORE-' || n, n % 50 <> 0, n % 50 = 1, CASE WHEN n % 50 = 2 THEN now() END FROM generate_series(1, 2500) AS n RETURNING id, external_id
		 )
		 INSERT INTO listing (shop_id, connection_id, external_id, item_id, link_state, desired, shown, read_at)
		 SELECT $1, $2, external_id, id, 'linked', 0, 0, now() FROM made`,
		[shop.shopId, shop.guest],
	);
	await drain(database.pool, shop);
	await compareStock(deps(), shop.shopId, shop.guest);
	expect(await count("listing WHERE shop_id = $1 AND desired IS NOT NULL AND dirty_since IS NULL")).toBe(0);
	expect(await count("listing WHERE shop_id = $1 AND dirty_since IS NOT NULL")).toBeGreaterThan(2_000);

	const asked = () => count("fetch_request WHERE shop_id = $1 AND kind = 'levels' AND seq > done_seq");
	expect(await compareStock(deps(), shop.shopId, shop.home)).toEqual({ outcome: "asked", rows: 2_351 });
	expect(await asked()).toBe(2_351);
	expect(woken).toContain("ingest.fetch");
	await compareStock(deps(), shop.shopId, shop.home);
	expect(await asked()).toBe(2_351);
	expect(
		await count(
			"fetch_request f JOIN item i ON i.shop_id = f.shop_id AND i.external_id = f.external_id WHERE f.shop_id = $1 AND (NOT i.tracked OR i.is_home_bundle OR i.deleted_at IS NOT NULL)",
		),
	).toBe(0);
});

test("R37 R42 closed shops and connections, and those that do not count yet, are not looked at; another shop's stay as they are", async () => {
	shop = await openShop(database.pool, { items: 1 });
	const other = await openShop(database.pool, { items: 1 });
	await database.pool.query("UPDATE listing SET dirty_since = NULL WHERE shop_id = $1", [other.shopId]);
	await database.pool.query("UPDATE connection SET state = 'connecting' WHERE id = $1", [shop.guest]);
	expect(await compareStock(deps(), shop.shopId, shop.guest)).toEqual({ outcome: "closed" });
	await database.pool.query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [shop.guest]);
	expect(await compareStock(deps(), shop.shopId, shop.guest)).toEqual({ outcome: "closed" });
	await database.pool.query("UPDATE connection SET state = 'live' WHERE id = $1", [shop.guest]);
	await database.pool.query("UPDATE shop SET state = 'uninstalled' WHERE id = $1", [shop.shopId]);
	expect(await compareStock(deps(), shop.shopId, shop.guest)).toEqual({ outcome: "closed" });
	expect(await compareStock(deps(), other.shopId, shop.guest)).toEqual({ outcome: "closed" });
	await database.pool.query("UPDATE shop SET state = 'installed' WHERE id = $1", [shop.shopId]);
	await compareStock(deps(), shop.shopId, shop.guest);
	expect(await count("listing WHERE shop_id = $1 AND dirty_since IS NOT NULL", [other.shopId])).toBe(0);
	expect(await count("connection WHERE shop_id = $1 AND compared_at IS NOT NULL", [other.shopId])).toBe(0);
});
