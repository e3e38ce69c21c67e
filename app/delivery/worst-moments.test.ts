import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findDueDeliveries, pushListings } from "#delivery";
import { startChild } from "../../tests/kit/child.ts";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { attemptsOf, deliveryDeps, homeShows, listingOf, openShop, orderComes, timePasses } from "../../tests/kit/delivery.ts";
import { createNeighbourStore, type NeighbourStore } from "../../tests/kit/neighbour-store.ts";
import { expectCoherentState, put, type TestShop } from "../../tests/kit/shop.ts";

/** The store strikes, and workers stall and die, at the moments that hurt most. The store's own figures give the verdict. */
let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

beforeEach(async () => {
	shop = await openShop(database.pool, { items: 2, opening: 10 });
	store = createNeighbourStore({ "listing-0": 10, "listing-1": 10 });
	await push();
	store.calls.length = 0;
});

const push = () => pushListings(deliveryDeps(database.pool, new Map([[shop.guest, store]])), shop.shopId, shop.guest);
const written = () => store.calls.flatMap((call) => (call.operation === "write" ? [call.quantities?.[0]] : []));
const figure = () => store.figures.get("listing-0");
const seconds = (stamp: string, more: number) => new Date(Date.parse(stamp) + more * 1000).toISOString();
/** What happens once, in the named moment of the next call. */
const once = (moment: keyof NeighbourStore["strike"], what: () => void | Promise<void>) => {
	store.strike[moment] = async () => {
		delete store.strike[moment];
		await what();
	};
};

describe("a sale that we have not heard of", () => {
	test("R41 before the read: its unit stays sold, and its order changes nothing when it comes", async () => {
		const soldAt = store.sell("listing-0") as string;
		await homeShows(database.pool, shop, 0, 8);
		await push();
		expect(figure()).toBe(7);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 8, shown: 7, unseen: 1, dirty: false });
		store.calls.length = 0;
		await orderComes(database.pool, shop, 0, seconds(soldAt, -5));
		await push();
		expect(store.calls).toEqual([]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 7, shown: 7, unseen: 0, dirty: false });
	});

	test("R41 between read and write: its unit is given back, and taken again as soon as its order comes", async () => {
		let soldAt = "";
		await homeShows(database.pool, shop, 0, 8);
		once("before-write", () => {
			soldAt = store.sell("listing-0") as string;
		});
		await push();
		expect(figure()).toBe(8);
		await orderComes(database.pool, shop, 0, soldAt);
		await push();
		expect(figure()).toBe(7);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 7, shown: 7, unseen: 0, dirty: false });
	});

	test("R41 between write and answer: its order, in the same second, costs one look and no wrong figure", async () => {
		let soldAt = "";
		await homeShows(database.pool, shop, 0, 8);
		once("after-write", () => {
			soldAt = store.sell("listing-0") as string;
		});
		await push();
		expect(figure()).toBe(7);
		await orderComes(database.pool, shop, 0, soldAt);
		await push();
		expect(figure()).toBe(7);
		expect(written()).toEqual([8]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 7, shown: 7, unseen: 0, dirty: false });
	});

	test("R41 long after the write: no call at all", async () => {
		await homeShows(database.pool, shop, 0, 8);
		await push();
		store.calls.length = 0;
		await orderComes(database.pool, shop, 0, seconds(store.sell("listing-0") as string, 30));
		await push();
		expect(store.calls).toEqual([]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 7, shown: 7, dirty: false });
	});
});

describe("a listing that sells out soon", () => {
	/** Three sold there and known, one sold elsewhere: 6 are left, 7 are shown, and it goes fast. */
	const hurry = async () => {
		for (let n = 0; n < 3; n++) await orderComes(database.pool, shop, 0, seconds(store.sell("listing-0") as string, 5));
		await homeShows(database.pool, shop, 0, 9);
		await push();
	};

	test("R41 is lowered by one more than was sold elsewhere: the sale that is probably on its way", async () => {
		let soldAt = "";
		once("before-write", () => {
			soldAt = store.sell("listing-0") as string;
		});
		await hurry();
		expect(figure()).toBe(5);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 6, shown: 5, unseen: 1, dirty: true });
		await orderComes(database.pool, shop, 0, soldAt);
		await push();
		expect(written()).toEqual([5]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 5, shown: 5, unseen: 0, dirty: false });
	});

	test("R41 offers the unit again when no order has claimed it, and not before the rest is sold", async () => {
		await hurry();
		expect(figure()).toBe(5);
		await push();
		expect(written()).toEqual([5]);
		await timePasses(database.pool, shop, "11 seconds");
		await push();
		expect(figure()).toBe(5);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 6, shown: 5, unseen: 0, dirty: true });
		const soldAt = store.sell("listing-0", 5) as string;
		await timePasses(database.pool, shop, "1 second");
		await push();
		expect(figure()).toBe(1);
		await orderComes(database.pool, shop, 0, seconds(soldAt, -5), 5);
		await push();
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 1, shown: 1, unseen: 0, dirty: false });
	});

	test("R41 keeps the assumption when the order that claimed it turns out to be sold after the write", async () => {
		await hurry();
		await orderComes(database.pool, shop, 0, store.sell("listing-0") as string);
		await push();
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 5, shown: 4, unseen: 1, dirty: true });
		await timePasses(database.pool, shop, "11 seconds");
		await push();
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 5, shown: 4, unseen: 0 });
	});
});

describe("an order that arrives while we write", () => {
	test("R41 sold before the read, applied during the write: paid off at once, nothing is left over", async () => {
		const soldAt = store.sell("listing-0") as string;
		await homeShows(database.pool, shop, 0, 8);
		once("before-write", () => orderComes(database.pool, shop, 0, seconds(soldAt, -5)));
		await push();
		expect(figure()).toBe(7);
		expect(written()).toEqual([7]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 7, shown: 7, unseen: 0, recheck: false, dirty: false });
	});

	test("R41 sold and applied between read and write: the unit that the write gave back is taken again at once", async () => {
		await homeShows(database.pool, shop, 0, 8);
		once("before-write", () => orderComes(database.pool, shop, 0, seconds(store.sell("listing-0") as string, 5)));
		await push();
		expect(figure()).toBe(7);
		expect(written()).toEqual([8, 7]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 7, shown: 7, unseen: 0, dirty: false });
	});

	test("R41 sold and applied between write and landing: one look, no second write", async () => {
		await homeShows(database.pool, shop, 0, 8);
		once("after-write", () => orderComes(database.pool, shop, 0, seconds(store.sell("listing-0") as string, 5)));
		await push();
		expect(figure()).toBe(7);
		expect(written()).toEqual([8]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 7, shown: 7, unseen: 0, dirty: false });
	});

	test("R41 applied while it was read: it is read again rather than guessed", async () => {
		const first = store.sell("listing-0") as string;
		await homeShows(database.pool, shop, 0, 8);
		// The first sale is in the figure that is read; a second one is sold and applied before the figure is judged.
		once("after-read", () => orderComes(database.pool, shop, 0, seconds(store.sell("listing-0") as string, 5)));
		await push();
		// Truth: 8 at home, less both sales.
		expect(figure()).toBe(6);
		expect(store.calls.filter((call) => call.operation === "read")).toHaveLength(2);
		await orderComes(database.pool, shop, 0, seconds(first, -5));
		await push();
		expect(figure()).toBe(6);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 6, shown: 6, unseen: 0, dirty: false });
	});

	test("R16 a home sale during the write goes out right after it", async () => {
		await homeShows(database.pool, shop, 0, 8);
		once("before-write", () => homeShows(database.pool, shop, 0, 3));
		await push();
		expect(written()).toEqual([8, 3]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 3, dirty: false });
	});

	test("R25 a webhook of another figure during the write is looked at, the echo of our own is not", async () => {
		const seen = (quantity: number) =>
			put(database.pool, shop, [{ v: 1, type: "listing.seen", listingExternalId: "listing-0", quantity, stamp: store.now() }]);
		await homeShows(database.pool, shop, 0, 8);
		once("after-write", async () => {
			await seen(8);
			await homeShows(database.pool, shop, 1, 9);
		});
		await push();
		expect(written().length).toBe(2);
		store.calls.length = 0;
		await push();
		expect(store.calls).toEqual([]);
	});
});

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
		once("after-read", async () => {
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
