import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { homeShows, type InStep, listingOf, openInStep, orderComes, timePasses } from "../../tests/kit/delivery.ts";
import type { NeighbourStore } from "../../tests/kit/neighbour-store.ts";
import { put, type TestShop } from "../../tests/kit/shop.ts";

/** The store strikes at the moments that hurt most. Its own figures give the verdict. */
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
		store.once("before-write", () => {
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
		store.once("after-write", () => {
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
		store.once("before-write", () => {
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
		store.once("before-write", () => orderComes(database.pool, shop, 0, seconds(soldAt, -5)));
		await push();
		expect(figure()).toBe(7);
		expect(written()).toEqual([7]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 7, shown: 7, unseen: 0, recheck: false, dirty: false });
	});

	test("R41 sold and applied between read and write: the unit that the write gave back is taken again at once", async () => {
		await homeShows(database.pool, shop, 0, 8);
		store.once("before-write", () => orderComes(database.pool, shop, 0, seconds(store.sell("listing-0") as string, 5)));
		await push();
		expect(figure()).toBe(7);
		expect(written()).toEqual([8, 7]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 7, shown: 7, unseen: 0, dirty: false });
	});

	test("R41 sold and applied between write and landing: one look, no second write", async () => {
		await homeShows(database.pool, shop, 0, 8);
		store.once("after-write", () => orderComes(database.pool, shop, 0, seconds(store.sell("listing-0") as string, 5)));
		await push();
		expect(figure()).toBe(7);
		expect(written()).toEqual([8]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 7, shown: 7, unseen: 0, dirty: false });
	});

	test("R41 applied while it was read: it is read again rather than guessed", async () => {
		const first = store.sell("listing-0") as string;
		await homeShows(database.pool, shop, 0, 8);
		// The first sale is in the figure that is read; a second one is sold and applied before the figure is judged.
		store.once("after-read", () => orderComes(database.pool, shop, 0, seconds(store.sell("listing-0") as string, 5)));
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
		store.once("before-write", () => homeShows(database.pool, shop, 0, 3));
		await push();
		expect(written()).toEqual([8, 3]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ shown: 3, dirty: false });
	});

	test("R25 a webhook of another figure during the write is looked at, the echo of our own is not", async () => {
		const seen = (quantity: number) =>
			put(database.pool, shop, [{ v: 1, type: "listing.seen", listingExternalId: "listing-0", quantity, stamp: store.now() }]);
		await homeShows(database.pool, shop, 0, 8);
		store.once("after-write", async () => {
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
