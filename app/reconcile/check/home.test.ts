import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { checkNow, foundIn, settleNow } from "../../../tests/kit/check.ts";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { drain, openShop } from "../../../tests/kit/delivery.ts";
import { quietDeps } from "../../../tests/kit/deps.ts";
import { dyingPool, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { createNeighbourExport, type NeighbourExport } from "../../../tests/kit/neighbour-list.ts";
import { at, expectCoherentState, order, put, reading, stockOf, type TestShop } from "../../../tests/kit/shop.ts";
import { askForCheck } from "./ask-check.ts";
import { runCheck } from "./run-check.ts";

const LONG_MS = 120_000;
let database: TestDatabase;
let shop: TestShop;
let home: NeighbourExport;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

const deps = (pool = database.pool) => quietDeps(pool);
const query = (sql: string, values: unknown[] = [shop.shopId]) => database.pool.query(sql, values);
const check = () => checkNow(deps(), shop.shopId, shop.home, home.open);
const settle = async () => {
	await drain(database.pool, shop);
	await settleNow(deps(), shop.shopId);
};
const found = () => foundIn(deps(), shop.shopId);
const events = async () =>
	(
		await query("SELECT event->>'itemExternalId' AS item FROM inbox_event WHERE shop_id = $1 AND topic = 'check.reading' ORDER BY id")
	).rows.map(({ item }) => item);
const asked = async () =>
	(
		await query(
			"SELECT external_id FROM fetch_request WHERE shop_id = $1 AND kind = 'levels' AND seq > done_seq AND reason = 'regular check' ORDER BY 1",
		)
	).rows.map((row) => row.external_id);
const newest = async () =>
	(
		await query(
			"SELECT state, read, compared, explained, found, mended, added, sentence FROM reconcile_run WHERE shop_id = $1 ORDER BY id DESC LIMIT 1",
		)
	).rows[0];
const shows = (item: number, quantity: number, time = "12:00:00") => home.levels.set(`item-${item} loc-0`, { quantity, at: at(time) });

beforeEach(async () => {
	shop = await openShop(database.pool, { items: 5, opening: 10 });
	await query("UPDATE item SET stamp = '2026-02-01T00:00:00Z', barcode = NULL, product_id = NULL, variant_id = NULL WHERE shop_id = $1");
	home = createNeighbourExport();
	for (const n of shop.items.keys()) {
		home.items.set(`item-${n}`, { sku: `SKU-${n}` });
		shows(n, 10, "00:00:00");
	}
});

test("R25 where home's export says what we hold nothing enters the inbox, and nothing is asked", async () => {
	expect(await check()).toMatchObject({ outcome: "done", found: 0 });
	expect(await newest()).toMatchObject({ state: "done", read: 10, compared: 5, explained: 0 });
	expect([await events(), await asked()]).toEqual([[], []]);
	await expectCoherentState(database.pool, shop.shopId);
});

test("R25 a change whose message never came is taken from the export, through the inbox, and only that one", async () => {
	shows(1, 4);
	shows(3, 17);
	await check();
	expect(await events()).toEqual(["item-1", "item-3"]);
	await settle();
	expect(await found()).toEqual([
		{ sku: "SKU-1", expected: 10, found: 4, cause: "late", state: "mended", mended: 4 },
		{ sku: "SKU-3", expected: 10, found: 17, cause: "late", state: "mended", mended: 17 },
	]);
	expect([await stockOf(database.pool, shop, 1), await stockOf(database.pool, shop, 3)]).toMatchObject([
		{ available: 4 },
		{ available: 17 },
	]);
	expect(await newest()).toMatchObject({ found: 2, mended: 2 });
	expect(await check()).toMatchObject({ found: 0 });
	await expectCoherentState(database.pool, shop.shopId);
});

test("R25 a newer word of home's wins over the export, whether it was applied before or after", async () => {
	shows(0, 4, "12:00:00");
	shows(1, 4, "12:00:00");
	await put(database.pool, shop, [reading(0, 7, at("13:00:00"))], { connection: "home" });
	await drain(database.pool, shop);
	home.beforeRow = async (line) => {
		if (line === 8) await put(database.pool, shop, [reading(1, 6, at("14:00:00"))], { connection: "home" });
	};
	await check();
	expect(await events()).toEqual([]);
	await settle();
	expect([await stockOf(database.pool, shop, 0), await stockOf(database.pool, shop, 1)]).toMatchObject([
		{ available: 7 },
		{ available: 6 },
	]);
	expect(await found()).toEqual([]);
});

test("R25 what we have sold elsewhere and home has or has not been told of explains its figure; what goes beyond it does not", async () => {
	await put(database.pool, shop, [
		order("1", [{ item: 0, held: 2 }]),
		order("2", [{ item: 1, held: 2 }]),
		order("3", [{ item: 2, held: 2 }]),
	]);
	await drain(database.pool, shop);
	await query(
		`WITH b AS (INSERT INTO delta_batch (shop_id, connection_id, idempotency_key, state, correlation_id) SELECT $1::bigint, $2, 'k' || $1::bigint, 'landed', 'c' RETURNING id)
		 INSERT INTO delta_line (shop_id, batch_id, item_id, location_id, delta, state, landed_at, answered_at)
		 SELECT $1, b.id, s.item_id, s.location_id, s.delta_owed, 'landed', '2026-03-01T11:00:00Z', now() FROM stock s, b WHERE s.shop_id = $1 AND s.delta_owed <> 0`,
		[shop.shopId, shop.home],
	);
	await query("UPDATE stock SET delta_owed = 0 WHERE shop_id = $1");
	shows(0, 8);
	shows(1, 10, "00:00:00");
	shows(2, 5);
	await check();
	await settle();
	expect(await found()).toMatchObject([{ sku: "SKU-2", expected: 10, found: 5, cause: "late", state: "mended", mended: 5 }]);
	expect(await stockOf(database.pool, shop, 2)).toMatchObject({ available: 5 });
	expect(await stockOf(database.pool, shop, 1)).toMatchObject({ available: 8 });
	await expectCoherentState(database.pool, shop.shopId);
});

test("R25 what was edited at home while the export was written is asked for by itself, and is no difference", async () => {
	home.startedAt = at("12:00:00");
	shows(0, 3, "12:00:05");
	shows(1, 3, "11:59:30");
	shows(2, 3, "11:00:00");
	await check();
	expect(await asked()).toEqual(["item-0", "item-1"]);
	expect(await events()).toEqual(["item-2"]);
	expect((await found()).map(({ sku }) => sku)).toEqual(["SKU-2"]);
	expect(await newest()).toMatchObject({ explained: 2 });
});

test("R25 a product that only home knows, one that home's whole export lacks, and one with another name are asked for", async () => {
	home.items.set("item-new", { sku: "NEW" });
	home.levels.set("item-new loc-0", { quantity: 6, at: at("08:00:00") });
	home.items.delete("item-4");
	home.levels.delete("item-4 loc-0");
	home.items.set("item-0", { sku: "SKU-0", title: "Renamed", stamp: "2026-02-10T00:00:00Z" });
	home.levels.delete("item-3 loc-0");
	await check();
	expect(await asked()).toEqual(["item-0", "item-3", "item-4", "item-new"]);
	expect(await events()).toEqual([]);
	const states = async () => (await found()).map(({ sku, state }) => [sku, state]).sort();
	expect(await states()).toEqual([
		["NEW", "waiting"],
		["SKU-3", "waiting"],
		["SKU-4", "waiting"],
	]);
	expect(await newest()).toMatchObject({ added: 1 });
	// The answers come: it is made, the other is gone, and the third has no stock at the place.
	await put(
		database.pool,
		shop,
		[
			{
				...{ v: 1, type: "home.item", itemExternalId: "item-new", variantExternalId: null, productExternalId: null, sku: "NEW" },
				...{ barcode: null, title: "New", tracked: true, sellsWhenOut: false, isHomeBundle: false, stamp: "2026-02-10T00:00:00Z" },
			},
			{ v: 1, type: "home.item-gone", itemExternalId: "item-4", productExternalId: null },
			{ ...(reading(3, 0, at("12:00:00")) as object), stocked: false } as ReturnType<typeof reading>,
		],
		{ connection: "home", source: "fetch" },
	);
	await query("UPDATE fetch_request SET done_seq = seq WHERE shop_id = $1");
	await settle();
	expect(await states()).toEqual([
		["NEW", "mended"],
		["SKU-3", "mended"],
		["SKU-4", "mended"],
	]);
});

test("R25 R45 a mass change that nobody told of waits for approval like any other: the guard stands before it", async () => {
	await query(
		`UPDATE shop SET settings = settings || '{"guards": {"zero": {"products": 2, "percent": 100}, "raise": null}}' WHERE id = $1`,
	);
	await query("INSERT INTO sold_count (shop_id, items, counted_at) VALUES ($1, 5, now()) ON CONFLICT DO NOTHING");
	for (const n of shop.items.keys()) shows(n, 0);
	await check();
	await drain(database.pool, shop);
	await settle();
	const held = (await query("SELECT count(*)::int AS n FROM held_change WHERE shop_id = $1 AND state = 'held'")).rows[0]?.n;
	expect((await found()).filter(({ state }) => state === "waiting")).toHaveLength(held);
	expect((await found()).filter(({ state }) => state === "mended")).toHaveLength(5 - held);
});

test("R25 home takes no more exports now, or fails at one: it waits, starts another, and ends with a reason when it cannot", async () => {
	home.starts = ["busy", "busy"];
	home.states = [
		{ state: "running", itemsDone: 1 },
		{ state: "failed", reason: "Shopify has deleted the export's file before it was read.", again: true },
		{ state: "running", itemsDone: 1 },
	];
	shows(1, 4);
	expect(await check()).toMatchObject({ outcome: "done", found: 1 });
	expect(home.started()).toBe(2);
	home.states = [{ state: "failed", reason: "An access scope is missing.", again: false }];
	expect(await check()).toMatchObject({ outcome: "failed", reason: "An access scope is missing." });
	expect(await newest()).toMatchObject({ state: "failed", sentence: "An access scope is missing." });
	home.beforeRow = (line) => {
		if (line === 7) throw new Error("the machine is gone");
	};
	await expect(check()).rejects.toThrow("the machine is gone");
	expect(await found()).toHaveLength(1);
});

test("R25 while the shop's first import runs no second export is started", async () => {
	await query("UPDATE shop SET import_state = 'running' WHERE id = $1");
	await askForCheck(deps(), shop.shopId, shop.home, "548380009");
	expect(await runCheck(deps(), shop.shopId, shop.home, { open: home.open })).toMatchObject({ outcome: "again" });
	expect(home.started()).toBe(0);
	expect(await newest()).toMatchObject({ state: "asked", sentence: expect.stringContaining("being read from Shopify") });
});

test(
	"R08 R25 killed before and after every statement, every difference of home's enters the inbox once",
	async () => {
		shows(1, 4);
		shows(3, 17);
		home.items.set("item-new", { sku: "NEW" });
		await askForCheck(deps(), shop.shopId, shop.home, "548380009");
		const clean = dyingPool(database.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		const toTheEnd = async (pool = database.pool) => {
			for (;;) {
				const open = await query("UPDATE reconcile_run SET next_at = now(), lease_until = NULL WHERE shop_id = $1 AND ended_at IS NULL");
				if (open.rowCount === 0) return { outcome: "none" };
				const outcome = await runCheck(deps(pool), shop.shopId, shop.home, { open: home.open });
				if (outcome.outcome !== "again") return outcome;
			}
		};
		expect(await toTheEnd(clean.pool)).toMatchObject({ outcome: "done", found: 3 });
		const places = placesToDie(clean.statements());
		expect(places.length).toBeGreaterThan(50);
		for (const place of places) {
			await query("DELETE FROM reconcile_run WHERE shop_id = $1");
			await query("DELETE FROM inbox_event WHERE shop_id = $1 AND topic = 'check.reading'");
			await query("DELETE FROM fetch_request WHERE shop_id = $1");
			await askForCheck(deps(), shop.shopId, shop.home, "548380009");
			await toTheEnd(dyingPool(database.pool, place).pool).catch(() => {});
			await toTheEnd();
			expect({ place, events: await events(), asked: await asked() }).toEqual({ place, events: ["item-1", "item-3"], asked: ["item-new"] });
		}
	},
	LONG_MS,
);
