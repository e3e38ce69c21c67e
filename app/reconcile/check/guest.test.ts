import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RequestRejectedError } from "#app/channels/errors.ts";
import type { Deps } from "#connections";
import { pushListings } from "#delivery";
import { createLogger } from "#telemetry";
import { checkNow, foundIn, settleNow } from "../../../tests/kit/check.ts";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { deliveryDeps, drain, homeShows, listingOf, openShop, orderComes, timePasses } from "../../../tests/kit/delivery.ts";
import { createNeighbourList, type NeighbourList } from "../../../tests/kit/neighbour-list.ts";
import { createNeighbourStore, type NeighbourStore } from "../../../tests/kit/neighbour-store.ts";
import { expectCoherentState, put, type TestShop } from "../../../tests/kit/shop.ts";

let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
let list: NeighbourList;
let woken: string[];
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

const deps = (): Deps => ({
	pool: database.pool,
	keyRing: [],
	env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
	log: createLogger({ level: "silent", name: "test" }),
	wake: async (name) => void woken.push(name),
});
const query = (sql: string, values: unknown[] = [shop.shopId]) => database.pool.query(sql, values);
const push = () => pushListings(deliveryDeps(database.pool, new Map([[shop.guest, store]])), shop.shopId, shop.guest);
/** What was read or marked until now was so a while ago: stamps are whole seconds. */
const moments = () =>
	query("UPDATE listing SET read_at = read_at - interval '5 seconds', written_at = written_at - interval '5 seconds' WHERE shop_id = $1");
const check = async () => {
	await query("UPDATE rate_budget SET tokens = capacity WHERE shop_id = $1");
	await moments();
	const outcome = await checkNow(deps(), shop.shopId, shop.guest, list.open);
	await push();
	return outcome;
};
/** What was marked is read, what was found is settled; a mark and a reading of one second are told apart. */
const settle = async () => {
	for (let round = 0; round < 4; round++) {
		await query("UPDATE reconcile_difference SET marked_read_at = marked_read_at - interval '5 seconds' WHERE shop_id = $1");
		await settleNow(deps(), shop.shopId);
		await push();
	}
};
const found = () => foundIn(deps(), shop.shopId);
const watermark = (seconds: number) =>
	put(
		database.pool,
		shop,
		[{ v: 1, type: "orders.watermark", watermark: new Date(Date.parse(store.now()) + seconds * 1_000).toISOString() }],
		{ source: "app" },
	);
const runs = async () =>
	(
		await query(
			"SELECT state, read, compared, explained, tolerated, found, mended, added, asked_by FROM reconcile_run WHERE shop_id = $1 ORDER BY id",
		)
	).rows;
const newest = async () => (await runs()).at(-1);
const rowsLeft = async () => (await query("SELECT count(*)::int AS n FROM reconcile_row WHERE shop_id = $1")).rows[0]?.n;

beforeEach(async () => {
	woken = [];
	shop = await openShop(database.pool, { items: 5, opening: 10 });
	store = createNeighbourStore(Object.fromEntries(shop.items.map((_, n) => [`listing-${n}`, 10])));
	list = createNeighbourList(store);
	await push();
	store.calls.length = 0;
});

describe("R25 what is found, why, and how it ends", () => {
	test("R25 nothing, where everything is in step: no listing is read singly, nothing is written, no row is left behind", async () => {
		expect(await check()).toMatchObject({ outcome: "done", found: 0 });
		expect(store.calls).toEqual([]);
		expect(await newest()).toEqual({
			...{ state: "done", read: 5, compared: 5, explained: 0, tolerated: 0, found: 0, mended: 0, added: 0 },
			asked_by: "548380009",
		});
		expect(await rowsLeft()).toBe(0);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R25 R43 a raised figure is another writer's, with both figures, and is brought down; the next run finds nothing", async () => {
		store.figures.set("listing-1", 25);
		expect(await check()).toMatchObject({ outcome: "done", found: 1 });
		expect(woken).toContain("delivery.push");
		expect(store.figures.get("listing-1")).toBe(10);
		await settle();
		expect(await found()).toEqual([{ sku: "SKU-1", expected: 10, found: 25, cause: "another-writer", state: "mended", mended: 10 }]);
		expect(await newest()).toMatchObject({ found: 1, mended: 1 });
		expect(await check()).toMatchObject({ outcome: "done", found: 0 });
		expect(await found()).toHaveLength(1);
	});

	test("R25 a lower figure waits for its orders: claimed by one it was late, claimed by none it is another writer's", async () => {
		const soldAt = store.sell("listing-0", 3) ?? "";
		store.figures.set("listing-2", 6);
		await check();
		await settle();
		expect((await found()).map(({ state }) => state)).toEqual(["waiting", "waiting"]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 7, unseen: 3 });
		await orderComes(database.pool, shop, 0, soldAt, 3);
		await settle();
		await watermark(120);
		await drain(database.pool, shop);
		await timePasses(database.pool, shop, "1 hour");
		await push();
		await settle();
		expect(await found()).toEqual([
			{ sku: "SKU-0", expected: 10, found: 7, cause: "late", state: "explained", mended: null },
			{ sku: "SKU-2", expected: 10, found: 6, cause: "another-writer", state: "mended", mended: 10 },
		]);
		expect([...store.figures.values()]).toEqual([7, 10, 10, 10, 10]);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R43 a lower figure that may be our own doing is brought up again as well, and accuses nobody", async () => {
		store.figures.set("listing-2", 6);
		await check();
		await query("UPDATE listing SET assumed_until = now() - interval '1 minute', in_doubt = 4 WHERE shop_id = $1");
		await watermark(120);
		await drain(database.pool, shop);
		await timePasses(database.pool, shop, "1 hour");
		await push();
		await settle();
		expect((await query("SELECT FROM difference WHERE shop_id = $1")).rowCount).toBe(0);
		expect(await found()).toMatchObject([{ found: 6, cause: "unknown", state: "mended", mended: 10 }]);
		expect(store.figures.get("listing-2")).toBe(10);
	});

	test("R43 what is missing beyond what may be our own doing is somebody's", async () => {
		store.figures.set("listing-2", 6);
		await check();
		await query("UPDATE listing SET assumed_until = now() - interval '1 minute', in_doubt = 1 WHERE shop_id = $1");
		await watermark(120);
		await drain(database.pool, shop);
		expect((await query("SELECT expected, found, cause FROM difference WHERE shop_id = $1")).rows).toEqual([
			{ expected: 9, found: 6, cause: "another-writer" },
		]);
	});

	test("R25 what an update met between two checks is listed by the next one, and by that alone", async () => {
		await check();
		store.figures.set("listing-2", 15);
		await homeShows(database.pool, shop, 2, 8);
		await push();
		expect(store.figures.get("listing-2")).toBe(8);
		const met = { sku: "SKU-2", expected: 10, found: 15, cause: "another-writer", state: "mended", mended: 8 };
		for (let times = 0; times < 2; times++) {
			await check();
			await settle();
			expect(await found()).toEqual([met]);
		}
		expect((await query("SELECT found, mended FROM reconcile_run WHERE shop_id = $1 ORDER BY id")).rows).toEqual([
			{ found: 0, mended: 0 },
			{ found: 1, mended: 1 },
			{ found: 0, mended: 0 },
		]);
	});

	test("R25 what a check has found itself is not listed again by the next one, although updates have noted it", async () => {
		store.figures.set("listing-1", 15);
		await check();
		await settle();
		const once = { sku: "SKU-1", expected: 10, found: 15, cause: "another-writer", state: "mended", mended: 10 };
		expect(await found()).toEqual([once]);
		expect((await query("SELECT FROM difference WHERE shop_id = $1")).rowCount).toBe(1);
		await check();
		await settle();
		expect(await found()).toEqual([once]);
	});

	test("R25 an update that was refused is a difference of its own, until it goes through; it is not found twice", async () => {
		store.refuses.set("listing-3", new RequestRejectedError("The product is locked"));
		await homeShows(database.pool, shop, 3, 4);
		await push();
		expect(await listingOf(database.pool, shop, 3)).toMatchObject({ parked: true });
		for (const times of [1, 2]) {
			await check();
			await settle();
			expect(await found()).toEqual([{ sku: "SKU-3", expected: 4, found: 10, cause: "rejected", state: "open", mended: null }]);
			expect((await query("SELECT times FROM reconcile_difference WHERE shop_id = $1")).rows).toEqual([{ times }]);
		}
		store.refuses.clear();
		await query("UPDATE listing SET parked = false, attempts = 0, recheck = true, dirty_since = now() WHERE shop_id = $1 AND parked");
		await push();
		await settle();
		expect(await found()).toMatchObject([{ cause: "rejected", state: "mended", mended: 4 }]);
	});

	test("R25 a channel that takes our figure and shows its own again is told apart from another writer, and stays open until it ends", async () => {
		// It sells no more than five of anything.
		const clamp = () => void store.figures.set("listing-4", Math.min(5, store.figures.get("listing-4") ?? 0));
		store.strike["after-write"] = clamp;
		clamp();
		await check();
		await watermark(120);
		await drain(database.pool, shop);
		await timePasses(database.pool, shop, "1 hour");
		await push();
		await settle();
		expect(await found()).toEqual([{ sku: "SKU-4", expected: 10, found: 5, cause: "clamped", state: "open", mended: null }]);
		delete store.strike["after-write"];
		await watermark(240);
		await drain(database.pool, shop);
		await timePasses(database.pool, shop, "1 hour");
		await push();
		await check();
		await settle();
		expect(await found()).toMatchObject([{ cause: "clamped", state: "mended", mended: 10 }]);
	});

	test("R25 a listing that only the channel knows is added unlinked; the product of that SKU is named", async () => {
		await query("INSERT INTO item (shop_id, external_id, sku, title) VALUES ($1, 'item-x', 'NEW-1', 'New')");
		store.figures.set("NEW-1", 4);
		store.figures.set("NEW-2", 0);
		await check();
		expect(await found()).toMatchObject([
			{ sku: "NEW-1", expected: null, found: 4, cause: "unmapped", state: "open" },
			{ sku: "NEW-2", expected: null, found: 0, cause: "unmapped", state: "open" },
		]);
		const { rows } = await query(
			"SELECT l.external_id, l.link_state, l.title, d.item_id IS NOT NULL AS named FROM listing l JOIN reconcile_difference d ON d.listing_id = l.id WHERE l.shop_id = $1 ORDER BY l.id",
		);
		expect(rows).toEqual([
			{ external_id: "NEW-1", link_state: "unlinked", title: "Product NEW-1", named: true },
			{ external_id: "NEW-2", link_state: "unlinked", title: "Product NEW-2", named: false },
		]);
		await query("UPDATE listing SET link_state = 'ignored' WHERE shop_id = $1 AND external_id = 'NEW-2'");
		await check();
		await settle();
		expect((await found()).map(({ sku, state }) => [sku, state])).toEqual([
			["NEW-1", "open"],
			["NEW-2", "mended"],
		]);
	});

	test("R25 a listing of ours that the whole list lacks is read singly before anything is said of it", async () => {
		list.rows.set("listing-0", null);
		store.figures.delete("listing-1");
		await check();
		await settle();
		expect(await found()).toMatchObject([
			{ sku: "SKU-0", expected: 10, found: null, state: "explained" },
			{ sku: "SKU-1", expected: 10, found: null, cause: "rejected", state: "open" },
		]);
		expect(store.calls.filter(({ operation }) => operation === "write")).toEqual([]);
	});

	test("R25 R42 a channel that is only watched: what somebody changed is named, nothing is sent, and nothing is called mended", async () => {
		await query("UPDATE connection SET state = 'watching' WHERE shop_id = $1 AND NOT is_home");
		store.figures.set("listing-1", 25);
		await check();
		await settle();
		expect(await found()).toMatchObject([{ found: 25, cause: "another-writer", state: "explained", mended: null }]);
		expect(store.figures.get("listing-1")).toBe(25);
	});

	test("R25 within what the merchant tolerates a difference is counted and left alone", async () => {
		await query(`UPDATE connection SET settings = '{"stockTolerance": 2}' WHERE shop_id = $1 AND NOT is_home`);
		store.figures.set("listing-0", 12);
		store.figures.set("listing-1", 13);
		await check();
		expect(await newest()).toMatchObject({ tolerated: 1, found: 1 });
		expect((await found()).map(({ sku }) => sku)).toEqual(["SKU-1"]);
	});
});

describe("R25 what explains a figure is no difference", () => {
	test("R25 a sale between the page and the comparison, in either order, also where its order is a moment late", async () => {
		const sold: string[] = [];
		list.beforePage = async (page) => {
			// The first two are in the page before the sale, the others after it.
			if (page === 1) {
				for (const n of [0, 1, 2, 3]) sold[n] = store.sell(`listing-${n}`, 2) ?? "";
				for (const n of [0, 2]) await orderComes(database.pool, shop, n, sold[n] ?? "", 2);
			}
		};
		await check();
		await settle();
		// Of 1 the page is from before the sale. Of 3 it is from after it, and its order is not here yet: that is looked at.
		expect(await found()).toMatchObject([{ sku: "SKU-3", state: "waiting" }]);
		for (const n of [1, 3]) await orderComes(database.pool, shop, n, sold[n] ?? "", 2);
		await settle();
		expect(await found()).toMatchObject([{ sku: "SKU-3", cause: "late", state: "explained" }]);
		expect([...store.figures.values()]).toEqual([8, 8, 8, 8, 10]);
		expect(store.calls.filter(({ operation }) => operation === "write")).toEqual([]);
	});

	test("R25 R16 a write of ours between the page and the comparison: the older page is not believed, the newer figure stays", async () => {
		list.beforePage = async (page) => {
			if (page !== 2) return;
			await homeShows(database.pool, shop, 0, 3);
			await push();
		};
		expect(await check()).toMatchObject({ found: 0 });
		expect(store.figures.get("listing-0")).toBe(3);
		expect(await newest()).toMatchObject({ explained: 1 });
	});

	test("R25 what is accepted, uncertain, paused or unseen is left to those who look after it; what waits to be sent shows nowhere yet", async () => {
		const [waits, accepted, uncertain, paused, unseen] = shop.listings;
		const wait = "desired = 7, dirty_since = now() + interval '1 hour', next_attempt_at = now() + interval '1 hour'";
		await query(`UPDATE listing SET ${wait} WHERE id = $1`, [waits]);
		await query("UPDATE listing SET accepted_at = now(), sent = 7 WHERE id = $1", [accepted]);
		await query("UPDATE listing SET uncertain_until = now() + interval '1 minute' WHERE id = $1", [uncertain]);
		await query("UPDATE listing SET paused = true, paused_reason = 'test' WHERE id = $1", [paused]);
		await query("UPDATE listing SET unseen = 4, shown = 6 WHERE id = $1", [unseen]);
		for (const n of [1, 2, 3]) store.figures.set(`listing-${n}`, 33);
		store.figures.set("listing-4", 9);
		expect(await checkNow(deps(), shop.shopId, shop.guest, list.open)).toMatchObject({ outcome: "done", found: 0 });
		expect(await newest()).toMatchObject({ explained: 4 });
		// A stranger's figure is one all the same, also where something is about to be sent.
		store.figures.set("listing-0", 33);
		expect(await checkNow(deps(), shop.shopId, shop.guest, list.open)).toMatchObject({ found: 1 });
		await query("UPDATE listing SET next_attempt_at = NULL WHERE id = $1", [waits]);
		await push();
		await settle();
		expect(await found()).toMatchObject([{ sku: "SKU-0", expected: 10, found: 33, cause: "another-writer", state: "mended", mended: 7 }]);
	});

	test("R25 a list that is made from older figures: what was sold or written in that time explains it, a stranger's figure is not explained", async () => {
		list = createNeighbourList(store, { listLagMs: 3_600_000 });
		const soldAt = store.sell("listing-0", 4) ?? "";
		await orderComes(database.pool, shop, 0, soldAt, 4);
		await homeShows(database.pool, shop, 1, 2);
		await push();
		list.rows.set("listing-0", { quantity: 8 });
		list.rows.set("listing-1", { quantity: 10 });
		store.figures.set("listing-2", 30);
		expect(await check()).toMatchObject({ found: 1 });
		expect((await found()).map(({ sku }) => sku)).toEqual(["SKU-2"]);
	});
});

test("R25 what cannot be a whole list is not acted upon, and says so", async () => {
	await query(
		`WITH made AS (INSERT INTO item (shop_id, external_id, sku) SELECT $1, 'more-' || n, 'MORE-' || n FROM generate_series(1, 200) n RETURNING id, external_id)
		 INSERT INTO listing (shop_id, connection_id, external_id, item_id, link_state, desired, shown, read_at, updated_at)
		 SELECT $1, $2, external_id, id, 'linked', 0, 0, now(), now() - interval '1 hour' FROM made`,
		[shop.shopId, shop.guest],
	);
	store.figures.set("listing-1", 25);
	const outcome = await check();
	expect(outcome).toMatchObject({ outcome: "failed", reason: expect.stringMatching(/left out 200 listings/) });
	expect(await found()).toEqual([]);
	expect(store.figures.get("listing-1")).toBe(25);
	expect((await query("SELECT FROM listing WHERE shop_id = $1 AND dirty_since IS NOT NULL")).rowCount).toBe(0);
});

test("R37 R42 closed shops and channels, and those that do not count yet, are not looked at; another shop's stay as they are", async () => {
	const other = await openShop(database.pool, { items: 1 });
	const ask = (shopId = shop.shopId) => checkNow(deps(), shopId, shop.guest, list.open);
	for (const state of ["connecting", "paused", "disconnected"]) {
		await query("UPDATE connection SET state = $2 WHERE id = $1", [shop.guest, state]);
		expect([state, await ask()]).toEqual([state, { outcome: "none" }]);
	}
	await query("UPDATE connection SET state = 'live' WHERE id = $1", [shop.guest]);
	expect(await ask(other.shopId)).toEqual({ outcome: "none" });
	await query("UPDATE shop SET state = 'uninstalled' WHERE id = $1", [shop.shopId]);
	expect(await ask()).toEqual({ outcome: "none" });
	expect(list.lists()).toBe(0);
	expect((await query("SELECT FROM reconcile_run WHERE shop_id = $1", [other.shopId])).rowCount).toBe(0);
});
