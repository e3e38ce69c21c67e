import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ChannelUnavailableError, CredentialsRejectedError } from "#app/channels/errors.ts";
import { openDueChecks, runCheck } from "#reconcile";
import { checkNow, finishCheck, foundIn, settleNow } from "../../../tests/kit/check.ts";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { type InStep, openInStep, openShop } from "../../../tests/kit/delivery.ts";
import { quietDeps } from "../../../tests/kit/deps.ts";
import { dyingPool, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { createNeighbourList, type NeighbourList } from "../../../tests/kit/neighbour-list.ts";
import type { NeighbourStore } from "../../../tests/kit/neighbour-store.ts";
import type { TestShop } from "../../../tests/kit/shop.ts";
import { askForCheck } from "./ask-check.ts";
import { forgetLeftRows, isStaged } from "./rooms.ts";

const LONG_MS = 120_000;
let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
let push: InStep["push"];
let list: NeighbourList;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

const deps = (pool = database.pool) => quietDeps(pool);
const query = (sql: string, values: unknown[] = [shop.shopId]) => database.pool.query(sql, values);
/** `room`: as if it were a large one (rooms.ts). */
const ask = async (room = 0) => {
	const asked = await askForCheck(deps(), shop.shopId, shop.guest, "548380009");
	if (room > 0) await query("UPDATE reconcile_run SET room = $2 WHERE shop_id = $1 AND ended_at IS NULL", [shop.shopId, room]);
	return asked;
};
const run = (pool = database.pool) => runCheck(deps(pool), shop.shopId, shop.guest, { open: list.open });
const finish = () => finishCheck(deps(), shop.shopId, shop.guest, list.open);
const found = async () => (await foundIn(deps(), shop.shopId)).map(({ sku, found: figure, state }) => [sku, figure, state]);
const runOf = async () => (await query("SELECT * FROM reconcile_run WHERE shop_id = $1 ORDER BY id DESC LIMIT 1")).rows[0];
const rowsLeft = async () => (await query("SELECT count(*)::int AS n FROM reconcile_row WHERE shop_id = $1")).rows[0]?.n;
/** As it was before anybody looked. */
const again = async () => {
	await query("DELETE FROM reconcile_run WHERE shop_id = $1");
	await query("UPDATE listing SET dirty_since = NULL, shown = 10 WHERE shop_id = $1");
	await query("UPDATE connection SET compared_at = NULL WHERE shop_id = $1");
};

beforeEach(async () => {
	({ shop, store, push } = await openInStep(database.pool, { items: 4, opening: 10 }));
	list = createNeighbourList(store);
	store.figures.set("listing-1", 25);
	store.figures.set("listing-3", 4);
	store.figures.set("listing-x", 1);
});

const ALL = [
	["SKU-1", 25, "waiting"],
	["SKU-3", 4, "waiting"],
	["SKU-x", 1, "open"],
];

test.each([0, 3])(
	"R08 R25 killed before and after every statement, the run is taken up, finds the same, each thing once, and leaves no row (room %i)",
	async (room) => {
		await ask(room);
		const clean = dyingPool(database.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		expect(await run(clean.pool)).toMatchObject({ outcome: "done" });
		const places = placesToDie(clean.statements());
		expect(places.length).toBeGreaterThan(50);
		for (const place of places) {
			await again();
			await query("DELETE FROM listing WHERE shop_id = $1 AND external_id = 'listing-x'");
			await ask(room);
			await run(dyingPool(database.pool, place).pool).catch(() => {});
			if ((await runOf()).ended_at === null) expect(await finish()).toMatchObject({ outcome: "done" });
			expect({ place, found: await found() }).toEqual({ place, found: ALL });
			expect((await query("SELECT id FROM listing WHERE shop_id = $1 AND dirty_since IS NOT NULL")).rowCount).toBe(2);
			// What died between the end and this is taken away hourly.
			if ((await rowsLeft()) > 0) await forgetLeftRows(database.pool);
			expect({ place, left: await rowsLeft() }).toEqual({ place, left: 0 });
		}
	},
	LONG_MS,
);

test("R25 asked for twice, and run by two at once, it is one run that reads the list once and finds each thing once", async () => {
	const [first, second] = await Promise.all([ask(), ask()]);
	expect([first.outcome, second.outcome].sort()).toEqual(["asked", "under-way"]);
	const outcomes = await Promise.all([run(), run(), run()]);
	expect(outcomes.filter(({ outcome }) => outcome === "done")).toHaveLength(1);
	expect(list.lists()).toBe(1);
	expect(await found()).toEqual(ALL);
	expect((await query("SELECT FROM audit WHERE shop_id = $1 AND action = 'check.asked'")).rowCount).toBe(1);
});

test("R25 whoever comes while the list is being read is sent away, and the reader goes on", async () => {
	await ask();
	const second: unknown[] = [];
	list.beforePage = async (page) => {
		if (page === 1) second.push(await run());
	};
	expect(await run()).toMatchObject({ outcome: "done" });
	expect([second, list.lists()]).toEqual([[{ outcome: "none" }], 1]);
	expect(await found()).toEqual(ALL);
});

test.each([0, 3])("R25 a reader that was taken for dead and is not adds nothing to what the next one reads (room %i)", async (room) => {
	await ask(room);
	let second: Promise<unknown> | undefined;
	list.beforePage = async (page) => {
		if (page !== 1 || second) return;
		await query("UPDATE reconcile_run SET lease_until = now() - interval '1 second' WHERE shop_id = $1");
		second = finish();
		await second;
	};
	expect(await run()).toEqual({ outcome: "none" });
	expect(await second).toMatchObject({ outcome: "done" });
	expect(await found()).toEqual(ALL);
	expect(await rowsLeft()).toBe(0);
});

test("R25 a list that breaks in the middle is no list: nothing follows from its first half, and it is read again from the start", async () => {
	await ask();
	list.beforePage = (page) => {
		if (page === 1 && list.lists() < 3) throw new ChannelUnavailableError("The store is being updated");
	};
	expect(await run()).toMatchObject({ outcome: "again" });
	expect(await found()).toEqual([]);
	expect((await query("SELECT FROM listing WHERE shop_id = $1 AND dirty_since IS NOT NULL")).rowCount).toBe(0);
	expect(await runOf()).toMatchObject({ ended_at: null, failures: 1, sentence: expect.stringContaining("does not answer") });
	expect(await finish()).toMatchObject({ outcome: "done" });
	expect(await runOf()).toMatchObject({ failures: 2, attempt: 3, sentence: null });
	expect(await found()).toEqual(ALL);
});

test("R25 R31 what never answers, or refuses our access, ends the run with its reason; the next one is due by the clock", async () => {
	list.beforePage = () => {
		throw new ChannelUnavailableError("The store is being updated");
	};
	expect(await checkNow(deps(), shop.shopId, shop.guest, list.open)).toMatchObject({
		outcome: "failed",
		reason: "The store is being updated",
	});
	list.beforePage = () => {
		throw new CredentialsRejectedError("The key was taken away");
	};
	expect(await checkNow(deps(), shop.shopId, shop.guest, list.open)).toMatchObject({ outcome: "failed", reason: "The key was taken away" });
	const { rows } = await query("SELECT health, compared_at IS NOT NULL AS looked FROM connection WHERE shop_id = $1 AND NOT is_home");
	expect(rows).toEqual([{ health: "red", looked: true }]);
	expect(await rowsLeft()).toBe(0);
});

test("R25 rows that a crash of the database has taken are missed, and the list is read again", async () => {
	await ask();
	let lost = false;
	list.beforePage = async (page) => {
		if (page !== 2 || lost) return;
		lost = true;
		// A crash empties the table; the run's own counter outlives it. Five rows gather before the first is written: so it is said here.
		await query("UPDATE reconcile_run SET read = 3 WHERE shop_id = $1");
		await query(
			"INSERT INTO reconcile_row (shop_id, run_id, attempt, n, kind, asked_s, external_id) SELECT shop_id, id, attempt, 9999, 'l', 0, 'left' FROM reconcile_run WHERE shop_id = $1",
		);
	};
	expect(await run()).toEqual({ outcome: "again", delayMs: 0 });
	expect(await found()).toEqual([]);
	expect(await finish()).toMatchObject({ outcome: "done" });
	expect(await found()).toEqual(ALL);
	expect(await isStaged(database.pool, shop.shopId, { id: 1, attempt: 99, room: 0 }, 0)).toBe(true);
});

test("R25 a run that was begun again and again and never ended is given up, and says so", async () => {
	await ask();
	await query("UPDATE reconcile_run SET state = 'reading', attempt = 5 WHERE shop_id = $1");
	expect(await run()).toMatchObject({ outcome: "failed", reason: expect.stringContaining("several times") });
});

test("R25 two processes settle at once: each difference ends once, and is counted once", async () => {
	await ask();
	await run();
	await push();
	await query("UPDATE listing SET read_at = read_at + interval '5 seconds' WHERE shop_id = $1");
	await query("UPDATE reconcile_difference SET looked_again_at = now() WHERE shop_id = $1 AND listing_id IS NOT NULL");
	await Promise.all([settleNow(deps(), shop.shopId), settleNow(deps(), shop.shopId)]);
	await query("UPDATE listing SET read_at = read_at + interval '5 seconds' WHERE shop_id = $1");
	await Promise.all([settleNow(deps(), shop.shopId), settleNow(deps(), shop.shopId)]);
	expect(await found()).toContainEqual(["SKU-1", 25, "mended"]);
	expect((await runOf()).mended).toBe(1);
});

test("R25 by the clock each channel has its own moment of the hour, half an hour apart from the last look at least", async () => {
	const HOUR_MS = 3_600_000;
	const opened = async () =>
		(await query("SELECT connection_id FROM reconcile_run WHERE shop_id = $1 AND asked_by = 'timer' ORDER BY id")).rows.length;
	await query("UPDATE connection SET compared_at = now() WHERE shop_id = $1");
	await openDueChecks(database.pool, HOUR_MS);
	expect(await opened()).toBe(0);
	await query("UPDATE connection SET compared_at = now() - interval '61 minutes' WHERE shop_id = $1");
	await openDueChecks(database.pool, HOUR_MS);
	expect(await opened()).toBe(2);
	// One at a time.
	await openDueChecks(database.pool, HOUR_MS);
	expect(await opened()).toBe(2);
	await query("DELETE FROM reconcile_run WHERE shop_id = $1");
	// Over many shops, of those that were looked at 40 minutes ago about two in three are due.
	await query("UPDATE connection SET compared_at = now() - interval '2 minutes'", []);
	const shops = await Promise.all(Array.from({ length: 12 }, () => openShop(database.pool, { items: 1 })));
	await query("UPDATE connection SET compared_at = now() - interval '35 minutes' WHERE shop_id = ANY($1)", [
		shops.map(({ shopId }) => shopId),
	]);
	await openDueChecks(database.pool, HOUR_MS);
	const { rows } = await query("SELECT count(*)::int AS n FROM reconcile_run WHERE shop_id = ANY($1)", [shops.map(({ shopId }) => shopId)]);
	expect(rows[0]?.n).toBeGreaterThan(4);
	expect(rows[0]?.n).toBeLessThan(23);
});
