import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findDueDeliveries, pushListings } from "#delivery";
import { startChild } from "../../tests/kit/child.ts";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { attemptsOf, deliveryDeps, homeShows, type InStep, listingOf, openInStep, timePasses } from "../../tests/kit/delivery.ts";
import type { NeighbourStore } from "../../tests/kit/neighbour-store.ts";
import { expectCoherentState, put, type TestShop } from "../../tests/kit/shop.ts";

/** Workers stall and die, and nobody hears what became of a write. The store's own figures give the verdict. */
let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
let push: InStep["push"];
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	({ shop, store, push } = await openInStep(database.pool, { items: 2, opening: 10 }));
});

const written = () => store.calls.flatMap((call) => (call.operation === "write" ? [call.quantities?.[0]] : []));
const figure = () => store.figures.get("listing-0");
const seconds = (stamp: string, more: number) => new Date(Date.parse(stamp) + more * 1000).toISOString();

describe("workers", () => {
	test("R09 two at once bring every listing to its figure and write each once", async () => {
		for (let round = 0; round < 10; round++) {
			store.calls.length = 0;
			await homeShows(database.pool, shop, 0, 9 - (round % 2));
			await homeShows(database.pool, shop, 1, 5 + (round % 2));
			await Promise.all([push(), push(), push()]);
			expect(
				store.calls
					.filter((call) => call.operation === "write")
					.flatMap((call) => call.ids)
					.sort(),
			).toEqual(["listing-0", "listing-1"]);
			expect([...store.figures.values()]).toEqual([9 - (round % 2), 5 + (round % 2)]);
		}
		expect(store.busiest()).toBeLessThanOrEqual(2);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R18 one that stalls past its lease does not write any more", async () => {
		await homeShows(database.pool, shop, 0, 6);
		let second: Promise<unknown> = Promise.resolve();
		store.once("after-read", async () => {
			// The first worker sleeps here for longer than its lease; another one takes over and finishes; then home changes again.
			await timePasses(database.pool, shop, "2 minutes");
			second = push();
			await second;
			expect(figure()).toBe(6);
			await homeShows(database.pool, shop, 0, 2);
		});
		await push();
		await second;
		expect(written()[0]).toBe(6);
		await push();
		expect(figure()).toBe(2);
		expect(written()).toEqual([6, 2]);
	});

	test("R18 one whose lease ends on the last step before its write does not send it", async () => {
		await homeShows(database.pool, shop, 0, 6);
		const inner = deliveryDeps(database.pool, new Map([[shop.guest, store]]));
		const stalling = {
			...inner,
			openClient: async (shopId: number, connectionId: number) => {
				const opened = await inner.openClient(shopId, connectionId);
				if (!opened) return null;
				const { client, channel } = opened;
				const writeStock: typeof client.writeStock = async (writes) => {
					await timePasses(database.pool, shop, "2 minutes");
					return client.writeStock(writes);
				};
				return { channel, client: { ...client, writeStock } };
			},
		};
		await pushListings(stalling, shop.shopId, shop.guest);
		expect(written()).toEqual([]);
		expect(figure()).toBe(10);
		expect(await attemptsOf(database.pool, shop)).toEqual([{ operation: "listing.write", outcome: "lost", quantity: 6 }]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ sent: null, uncertain: false, dirty: true, claimed: false });
		await push();
		expect(figure()).toBe(6);
	});

	test("R08 one that dies between write and landing: the next finds the figure right and writes nothing", async () => {
		await homeShows(database.pool, shop, 0, 6);
		await dieIn("after-write");
		expect(figure()).toBe(6);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ sent: 6, claimed: true, dirty: true });
		await timePasses(database.pool, shop, "2 minutes");
		await push();
		expect(written()).toEqual([6]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 6, unseen: 0, dirty: false, uncertain: false, sent: null });
	});

	test("R08 one that dies with its write on the way: what must fall is sent again, what must rise waits until it cannot land any more", async () => {
		await homeShows(database.pool, shop, 0, 6);
		await dieIn("before-write");
		expect(figure()).toBe(10);
		await timePasses(database.pool, shop, "2 minutes");
		await push();
		expect(figure()).toBe(6);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 6, uncertain: true, dirty: true });
		await homeShows(database.pool, shop, 0, 9);
		await push();
		expect(figure()).toBe(6);
		// The dead worker's write lands at last.
		store.figures.set("listing-0", 7);
		await timePasses(database.pool, shop, "2 minutes");
		await push();
		expect(figure()).toBe(9);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 9, uncertain: false, dirty: false });
	});

	test("R08 one that is killed is succeeded at once, long before its lease is over", async () => {
		await homeShows(database.pool, shop, 0, 6);
		const figures = JSON.stringify(Object.fromEntries(store.figures));
		const child = await startChild("tests/kit/stuck-worker.ts", [database.url, String(shop.shopId), String(shop.guest), figures]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ sent: 6, claimed: true });
		await push();
		expect(store.calls).toEqual([]);
		await child.kill();
		await expect
			.poll(() => findDueDeliveries(database.pool), { timeout: 5_000 })
			.toContainEqual({ lane: "well", shopId: shop.shopId, connectionId: shop.guest });
		await push();
		expect(figure()).toBe(6);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 6, claimed: false, uncertain: true });
	});

	/** A worker that never comes back from this moment; its database session is quiet for ever. */
	async function dieIn(moment: "before-write" | "after-write") {
		const gone = new Promise<never>(() => {});
		let died = () => {};
		const dead = new Promise<void>((resolve) => {
			died = resolve;
		});
		store.strike[moment] = () => {
			delete store.strike[moment];
			died();
			return gone;
		};
		void push();
		await dead;
	}
});

describe("writes of unknown outcome", () => {
	const due = () => timePasses(database.pool, shop, "20 seconds");

	test("R18 a time-out with effect: recognised by the next read, sent once", async () => {
		await homeShows(database.pool, shop, 0, 6);
		store.faults.write.push({ kind: "timeout", effect: "done" });
		await push();
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ sent: 6, uncertain: true, dirty: true, parked: false, attempts: 0 });
		await due();
		await push();
		expect(written()).toEqual([6]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 6, unseen: 0, uncertain: false, dirty: false });
		expect((await attemptsOf(database.pool, shop)).map((attempt) => attempt.outcome)).toEqual(["unknown"]);
	});

	test("R18 a time-out without effect: what must fall goes out again at once", async () => {
		await homeShows(database.pool, shop, 0, 6);
		store.faults.write.push({ kind: "timeout", effect: "none" });
		await push();
		await due();
		await push();
		expect(figure()).toBe(6);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 6, uncertain: true, dirty: true });
	});

	test("R41 a raise of unknown outcome is not repeated before it is settled", async () => {
		await homeShows(database.pool, shop, 0, 15);
		store.faults.write.push({ kind: "timeout", effect: "none" });
		await push();
		await due();
		expect(await push()).toMatchObject({ outcome: "done", againInMs: expect.any(Number) });
		expect(written()).toEqual([15]);
		await timePasses(database.pool, shop, "1 minute");
		await push();
		// It may have landed and be sold out again: believed until the orders say otherwise, which is the watermark's word.
		expect(figure()).toBe(10);
		const watermark = seconds(store.now(), 120);
		await put(database.pool, shop, [{ v: 1, type: "orders.watermark", watermark }]);
		await homeShows(database.pool, shop, 1, 9);
		await push();
		expect(figure()).toBe(15);
	});

	test("R18 an old write that lands late over a newer one does not stay", async () => {
		await homeShows(database.pool, shop, 0, 6);
		store.faults.write.push({ kind: "timeout", effect: "late" });
		await push();
		await homeShows(database.pool, shop, 0, 3);
		await due();
		await push();
		expect(figure()).toBe(3);
		store.landLate();
		expect(figure()).toBe(6);
		await timePasses(database.pool, shop, "2 minutes");
		await push();
		expect(figure()).toBe(3);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 3, dirty: false, uncertain: false });
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R18 nothing is lost or doubled by a day of time-outs", async () => {
		for (let round = 0; round < 12; round++) {
			await homeShows(database.pool, shop, 0, (round * 7) % 11);
			const effect = (["done", "none", "late"] as const)[round % 3];
			if (effect) store.faults.write.push({ kind: "timeout", effect });
			await push();
			await due();
			await push();
			if (round % 2 === 0) store.landLate();
		}
		store.faults.write.length = 0;
		store.landLate();
		for (let n = 0; n < 3; n++) {
			await timePasses(database.pool, shop, "2 minutes");
			await put(database.pool, shop, [{ v: 1, type: "orders.watermark", watermark: seconds(store.now(), 120) }]);
			await homeShows(database.pool, shop, 1, 4 + n);
			await push();
		}
		expect(figure()).toBe((11 * 7) % 11);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ unseen: 0, dirty: false, parked: false });
		await expectCoherentState(database.pool, shop.shopId);
	});
});
