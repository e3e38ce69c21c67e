import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { listDeadLetters } from "#dead-letters";
import { lookLate } from "#delivery";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { attemptsOf, homeShows, type InStep, listingOf, openInStep, orderComes, timePasses } from "../../tests/kit/delivery.ts";
import type { NeighbourStore } from "../../tests/kit/neighbour-store.ts";
import { expectCoherentState, type TestShop } from "../../tests/kit/shop.ts";

/** A channel whose "accepted" is not yet "applied" (amazon.md 3.1), ten minutes at most, one item of 10. */
const HORIZON_MS = 600_000;
let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
let push: InStep["push"];
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	const later = { appliesLater: true, lateHorizonMs: HORIZON_MS };
	({ shop, store, push } = await openInStep(database.pool, { items: 1, opening: 10, guestState: "live" }, later));
});

const shown = () => store.figures.get("listing-0");
const written = () => store.calls.flatMap((call) => (call.operation === "write" ? (call.quantities ?? []) : []));
const listing = () => listingOf(database.pool, shop, 0);
const lags = async () =>
	(await database.pool.query("SELECT FROM lag_sample WHERE shop_id = $1 AND connection_id = $2", [shop.shopId, shop.guest])).rowCount;

test("R15 an accepted write is followed until it shows, is sent once, and is not called done before", async () => {
	await homeShows(database.pool, shop, 0, 7);
	await push();
	expect([written(), shown()]).toEqual([[7], 10]);
	expect(await listing()).toMatchObject({ shown: 10, sent: 7, uncertain: true, dirty: true, claimed: false });
	for (let look = 0; look < 3; look++) {
		// Not due yet, and then looked at without being written again.
		const calls = store.calls.length;
		await push();
		expect(store.calls).toHaveLength(calls);
		await timePasses(database.pool, shop, "2 minutes");
		await push();
		expect(store.calls.length).toBeGreaterThan(calls);
	}
	expect(written()).toEqual([7]);
	store.applyAccepted();
	await timePasses(database.pool, shop, "2 minutes");
	await push();
	expect(await listing()).toMatchObject({ shown: 7, sent: null, uncertain: false, dirty: false });
	expect(written()).toEqual([7]);
	expect((await attemptsOf(database.pool, shop)).map(({ outcome }) => outcome)).toEqual(["accepted"]);
	await expectCoherentState(database.pool, shop.shopId);
});

test("R16 a lower figure is written over an accepted one at once, a higher one waits until it shows", async () => {
	await homeShows(database.pool, shop, 0, 7);
	await push();
	await homeShows(database.pool, shop, 0, 4);
	await push();
	expect(written()).toEqual([7, 4]);
	await homeShows(database.pool, shop, 0, 20);
	await timePasses(database.pool, shop, "1 minute");
	await push();
	expect(written()).toEqual([7, 4]);
	store.applyAccepted();
	// Two were under way, so nobody can say that nothing is to come before the horizon is over.
	await timePasses(database.pool, shop, "11 minutes");
	await push();
	expect(written()).toEqual([7, 4, 20]);
	store.applyAccepted();
	await timePasses(database.pool, shop, "1 minute");
	await push();
	expect([shown(), await listing()]).toEqual([20, expect.objectContaining({ shown: 20, dirty: false, uncertain: false })]);
});

test("R16 R41 after writes that overlapped, a raise waits for what was overtaken as long as the newest one took, and not for the horizon", async () => {
	await homeShows(database.pool, shop, 0, 7);
	await push();
	await homeShows(database.pool, shop, 0, 4);
	await push();
	store.applyAccepted();
	await timePasses(database.pool, shop, "10 seconds");
	await push();
	expect([shown(), await listing()]).toEqual([4, expect.objectContaining({ shown: 4, sent: null, uncertain: true, dirty: true })]);
	// It took some ten seconds: what was accepted before it may come for forty more.
	await homeShows(database.pool, shop, 0, 6);
	await timePasses(database.pool, shop, "35 seconds");
	await push();
	expect(written()).toEqual([7, 4]);
	await timePasses(database.pool, shop, "10 seconds");
	await push();
	expect(written()).toEqual([7, 4, 6]);
	store.applyAccepted();
	await timePasses(database.pool, shop, "10 seconds");
	await push();
	expect([shown(), await listing()]).toEqual([6, expect.objectContaining({ shown: 6, uncertain: false, dirty: false })]);
	await expectCoherentState(database.pool, shop.shopId);
});

test("R41 what was overtaken and lands late, over a sale, is lowered again, and raises nothing meanwhile", async () => {
	await homeShows(database.pool, shop, 0, 7);
	await push();
	await homeShows(database.pool, shop, 0, 4);
	await push();
	// The newer one first.
	store.figures.set("listing-0", 4);
	await timePasses(database.pool, shop, "10 seconds");
	await push();
	const soldAt = store.sell("listing-0") as string;
	await orderComes(database.pool, shop, 0, soldAt);
	await homeShows(database.pool, shop, 0, 6);
	await push();
	expect(written()).toEqual([7, 4]);
	store.applyAccepted(1);
	expect(shown()).toBe(7);
	await timePasses(database.pool, shop, "45 seconds");
	await push();
	expect(written()).toEqual([7, 4, 5]);
	expect(await listing()).toMatchObject({ desired: 5, sent: 5 });
});

test("R41 what was overtaken and lands after nobody waits for it any more is found by a last look at the horizon's end", async () => {
	await homeShows(database.pool, shop, 0, 7);
	await push();
	await homeShows(database.pool, shop, 0, 4);
	await push();
	store.figures.set("listing-0", 4);
	await timePasses(database.pool, shop, "10 seconds");
	await push();
	await timePasses(database.pool, shop, "45 seconds");
	await push();
	expect(await listing()).toMatchObject({ shown: 4, uncertain: false, dirty: false });
	store.applyAccepted(1);
	expect(shown()).toBe(7);
	expect(await lookLate(database.pool)).toBe(0);
	await timePasses(database.pool, shop, "10 minutes");
	expect(await Promise.all([lookLate(database.pool), lookLate(database.pool)])).toContain(1);
	await push();
	expect(written()).toEqual([7, 4, 4]);
	store.forgetAccepted();
	store.figures.set("listing-0", 4);
	await timePasses(database.pool, shop, "20 seconds");
	await push();
	expect(await listing()).toMatchObject({ shown: 4, dirty: false });
	expect(await lookLate(database.pool)).toBe(0);
	const { rows } = await database.pool.query("SELECT cause FROM difference WHERE shop_id = $1", [shop.shopId]);
	expect(rows).toEqual([]);
});

test("R41 R43 an earlier write of ours that shows first is not taken for a sale for longer than orders take, nor for somebody else's", async () => {
	await homeShows(database.pool, shop, 0, 9);
	await push();
	await homeShows(database.pool, shop, 0, 7);
	await push();
	store.applyAccepted(1);
	await timePasses(database.pool, shop, "5 seconds");
	await push();
	// It may have been a sale: one unit is held back until its order would be here.
	expect([shown(), await listing()]).toEqual([9, expect.objectContaining({ unseen: 1 })]);
	store.applyAccepted();
	for (let turn = 0; turn < 6; turn++) {
		await timePasses(database.pool, shop, "4 minutes");
		await push();
		store.applyAccepted();
	}
	expect([shown(), await listing()]).toEqual([7, expect.objectContaining({ desired: 7, shown: 7, unseen: 0, dirty: false })]);
	const { rows } = await database.pool.query("SELECT cause FROM difference WHERE shop_id = $1", [shop.shopId]);
	expect(rows).toEqual([]);
});

test("R16 after a figure that only a write and a sale together explain, a raise waits for minutes and not for the horizon", async () => {
	await homeShows(database.pool, shop, 0, 9);
	await push();
	store.applyAccepted();
	const soldAt = store.sell("listing-0") as string;
	await timePasses(database.pool, shop, "10 seconds");
	await push();
	expect(await listing()).toMatchObject({ shown: 8, unseen: 1, uncertain: true });
	await orderComes(database.pool, shop, 0, soldAt);
	await homeShows(database.pool, shop, 0, 12);
	await timePasses(database.pool, shop, "90 seconds");
	await push();
	expect(written()).toEqual([9]);
	await timePasses(database.pool, shop, "40 seconds");
	await push();
	expect(written()).toEqual([9, 11]);
	await expectCoherentState(database.pool, shop.shopId);
});

test.each(["sale", "write"])("R41 the channel sells while a write is on its way, the %s first: the figure ends right", async (first) => {
	await homeShows(database.pool, shop, 0, 7);
	await push();
	if (first === "write") store.applyAccepted();
	const soldAt = store.sell("listing-0") as string;
	if (first === "sale") store.applyAccepted();
	await orderComes(database.pool, shop, 0, soldAt);
	for (let turn = 0; turn < 4; turn++) {
		await timePasses(database.pool, shop, "4 minutes");
		await push();
		store.applyAccepted();
	}
	expect(shown()).toBe(6);
	expect(await listing()).toMatchObject({ desired: 6, shown: 6, unseen: 0, dirty: false });
	await expectCoherentState(database.pool, shop.shopId);
});

test("R16 a raise that is on its way is not taken for sold when a sale elsewhere lowers it again", async () => {
	await homeShows(database.pool, shop, 0, 500);
	await push();
	await homeShows(database.pool, shop, 0, 499);
	await push();
	expect(written()).toEqual([500, 499]);
	expect(await listing()).toMatchObject({ unseen: 0 });
	store.applyAccepted();
	await timePasses(database.pool, shop, "1 minute");
	await push();
	expect([shown(), await listing()]).toEqual([499, expect.objectContaining({ shown: 499, unseen: 0 })]);
});

test("R16 a unit that is sold unheard while a raise is on its way does not hold back the raise", async () => {
	await homeShows(database.pool, shop, 0, 500);
	await push();
	const soldAt = store.sell("listing-0") as string;
	await timePasses(database.pool, shop, "1 minute");
	await push();
	expect(written()).toEqual([500, 499]);
	expect(await listing()).toMatchObject({ unseen: 1 });
	store.applyAccepted();
	await orderComes(database.pool, shop, 0, soldAt);
	for (let turn = 0; turn < 3; turn++) {
		await timePasses(database.pool, shop, "6 minutes");
		await push();
		store.applyAccepted();
	}
	expect([shown(), await listing()]).toEqual([499, expect.objectContaining({ desired: 499, shown: 499, unseen: 0, dirty: false })]);
});

test("R21 what the channel accepted and never applied is written again, and after five times a person is told", async () => {
	await homeShows(database.pool, shop, 0, 7);
	for (let time = 1; time <= 5; time++) {
		await push();
		expect(written()).toHaveLength(time);
		store.forgetAccepted();
		await timePasses(database.pool, shop, "11 minutes");
		await push();
		await timePasses(database.pool, shop, "5 minutes");
	}
	expect(await listing()).toMatchObject({ parked: true });
	expect(await listDeadLetters(database.pool, shop.shopId)).toMatchObject([{ errorClass: "not-applied", direction: "out" }]);
	expect(await lags()).toBe(0);
});
