import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { listDeadLetters, openDepth } from "#dead-letters";
import { deliver, findDueDeliveries, pushListings } from "#delivery";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { attemptsOf, deliveryDeps, drain, homeShows, listingOf, openShop, orderComes, timePasses } from "../../tests/kit/delivery.ts";
import { createNeighbourStore, type NeighbourStore } from "../../tests/kit/neighbour-store.ts";
import { expectCoherentState, order, put, type TestShop } from "../../tests/kit/shop.ts";
import {
	ChannelUnavailableError,
	ConflictError,
	CredentialsRejectedError,
	RateLimitedError,
	RequestRejectedError,
} from "../channels/errors.ts";

let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
afterEach(() => void vi.restoreAllMocks());

/** Three items of 10, in step with the store. */
const begin = async (
	figures = [10, 10, 10],
	options: Parameters<typeof createNeighbourStore>[1] = {},
	guestState: "live" | "watching" = "live",
) => {
	shop = await openShop(database.pool, { items: figures.length, opening: 10, guestState });
	store = createNeighbourStore(Object.fromEntries(figures.map((figure, n) => [`listing-${n}`, figure])), options);
	await push();
	store.calls.length = 0;
};
const deps = () => deliveryDeps(database.pool, new Map([[shop.guest, store]]));
const push = () => pushListings(deps(), shop.shopId, shop.guest);
const writes = () => store.calls.filter((call) => call.operation === "write");
const seconds = (stamp: string, more: number) => new Date(Date.parse(stamp) + more * 1000).toISOString();

describe("bringing listings to their figures", () => {
	beforeEach(() => begin());

	test("R15 a change reaches the store, and its lag is measured from the sale", async () => {
		await homeShows(database.pool, shop, 1, 7);
		const soldAt = new Date(Date.now() - 1_500).toISOString();
		await put(database.pool, shop, [order("home-1", [{ item: 0, held: 3, external: "item-0" }], { created: soldAt })], {
			connection: "home",
		});
		await drain(database.pool, shop);
		await push();
		expect([...store.figures.values()]).toEqual([7, 7, 10]);
		const settled = { desired: 7, shown: 7, unseen: 0, dirty: false, claimed: false, sent: null };
		expect(await listingOf(database.pool, shop, 0)).toMatchObject(settled);
		expect(await attemptsOf(database.pool, shop)).toEqual([
			{ operation: "listing.write", outcome: "landed", quantity: 7 },
			{ operation: "listing.write", outcome: "landed", quantity: 7 },
		]);
		// The edit at home is no sale; the sale has one sample, for this channel.
		const samples = await database.pool.query("SELECT connection_id, lag_ms FROM lag_sample WHERE shop_id = $1", [shop.shopId]);
		expect(samples.rows).toEqual([{ connection_id: shop.guest, lag_ms: expect.any(Number) }]);
		expect(samples.rows[0].lag_ms).toBeGreaterThanOrEqual(1_500);
		expect(samples.rows[0].lag_ms).toBeLessThan(10_000);
		await push();
		expect((await database.pool.query("SELECT count(*)::int AS n FROM lag_sample WHERE shop_id = $1", [shop.shopId])).rows[0].n).toBe(1);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R30 every attempt carries the correlation id of the change that caused it", async () => {
		await homeShows(database.pool, shop, 0, 7);
		await push();
		const { rows } = await database.pool.query("SELECT correlation_id, took_ms FROM delivery_attempt WHERE shop_id = $1", [shop.shopId]);
		expect(rows).toEqual([{ correlation_id: "test", took_ms: expect.any(Number) }]);
	});

	test("R16 a thousand changes of one listing are one read and one write of the newest figure", async () => {
		for (let n = 0; n < 1_000; n += 50) {
			await put(
				database.pool,
				shop,
				Array.from({ length: 50 }, (_, i) => ({
					v: 1 as const,
					type: "home.reading" as const,
					itemExternalId: "item-0",
					locationExternalId: "loc-0",
					quantity: 5_000 - n - i,
					readAt: new Date(Date.parse("2026-03-02T00:00:00Z") + (n + i) * 1_000).toISOString(),
					via: "webhook" as const,
					askedAt: null,
					stocked: true,
				})),
				{ connection: "home" },
			);
		}
		await drain(database.pool, shop);
		await push();
		expect(store.calls.map((call) => [call.operation, call.quantities])).toEqual([
			["read", undefined],
			["write", [4_001]],
		]);
		expect(store.figures.get("listing-0")).toBe(4_001);
	});

	test("R16 the figure is the one of the moment of sending, however late the wake", async () => {
		await homeShows(database.pool, shop, 0, 9);
		store.strike["after-read"] = async () => {
			delete store.strike["after-read"];
			await homeShows(database.pool, shop, 0, 4);
		};
		await push();
		expect(writes().map((call) => call.quantities)).toEqual([[4]]);
	});

	test("R16 to zero goes first, then what falls, then what rises", async () => {
		await begin([10, 10, 10, 10], { concurrency: 1 });
		for (const [item, quantity] of [
			[0, 12],
			[1, 3],
			[2, 0],
			[3, 5],
		] as const) {
			await homeShows(database.pool, shop, item, quantity);
		}
		await pushListings(deps(), shop.shopId, shop.guest, { limit: 1 });
		expect(writes().map((call) => [call.ids[0], call.quantities?.[0]])).toEqual([
			["listing-2", 0],
			["listing-1", 3],
			["listing-3", 5],
			["listing-0", 12],
		]);
	});

	test("R17 many listings go out together, as many as the store takes at once", async () => {
		await begin(
			Array.from({ length: 25 }, () => 10),
			{ writeBatchSize: 10, concurrency: 1 },
		);
		for (let item = 0; item < 25; item++) await put(database.pool, shop, [readingOf(item, 3)], { connection: "home" });
		await drain(database.pool, shop);
		await push();
		expect(writes().map((call) => call.ids.length)).toEqual([10, 10, 5]);
		expect([...store.figures.values()]).toEqual(Array.from({ length: 25 }, () => 3));
	});

	test("R20 a channel's own sale and the echo of our own write make no write", async () => {
		await orderComes(database.pool, shop, 0, seconds(store.sell("listing-0") as string, 5));
		await put(database.pool, shop, [{ v: 1, type: "listing.seen", listingExternalId: "listing-0", quantity: 9, stamp: store.now() }]);
		await drain(database.pool, shop);
		await push();
		expect(store.calls).toEqual([]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ desired: 9, shown: 9, dirty: false });
	});

	test("R42 while the merchant watches, nothing is written, and what would have been sent is on record", async () => {
		await begin([10, 10, 4], {}, "watching");
		await homeShows(database.pool, shop, 0, 6);
		await push();
		await push();
		expect(writes()).toEqual([]);
		expect([...store.figures.values()]).toEqual([10, 10, 4]);
		expect(await attemptsOf(database.pool, shop)).toEqual([
			{ operation: "listing.write", outcome: "watched", quantity: 10 },
			{ operation: "listing.write", outcome: "watched", quantity: 6 },
		]);
		expect(await listingOf(database.pool, shop, 2)).toMatchObject({ desired: 10, shown: 4, dirty: false, claimed: false });
		const restored = await database.pool.query("SELECT original_quantity FROM listing WHERE id = $1", [shop.listings[2]]);
		expect(restored.rows[0].original_quantity).toBe(4);
	});

	test("R42 a connection that is paused between reading and writing is not written to", async () => {
		await homeShows(database.pool, shop, 0, 6);
		store.strike["after-read"] = async () => {
			await database.pool.query("UPDATE connection SET state = 'paused' WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.guest]);
		};
		await push();
		expect(writes()).toEqual([]);
		expect(store.figures.get("listing-0")).toBe(10);
		expect(await push()).toEqual({ outcome: "closed" });
		delete store.strike["after-read"];
		await database.pool.query("UPDATE connection SET state = 'live' WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.guest]);
		await push();
		expect(store.figures.get("listing-0")).toBe(6);
	});

	test("R12 a paused listing is left alone and goes on where it stands", async () => {
		await homeShows(database.pool, shop, 0, 6);
		await database.pool.query("UPDATE listing SET paused = true WHERE id = $1", [shop.listings[0]]);
		await push();
		expect(store.calls).toEqual([]);
		await database.pool.query("UPDATE listing SET paused = false WHERE id = $1", [shop.listings[0]]);
		await push();
		expect(store.figures.get("listing-0")).toBe(6);
	});

	test("R25 a figure that somebody raised there is set back and noted", async () => {
		store.figures.set("listing-0", 40);
		await homeShows(database.pool, shop, 0, 8);
		await push();
		expect(store.figures.get("listing-0")).toBe(8);
		const { rows } = await database.pool.query("SELECT expected, found, cause FROM difference WHERE shop_id = $1", [shop.shopId]);
		expect(rows).toEqual([{ expected: 10, found: 40, cause: "raised-elsewhere" }]);
	});
});

describe("failures", () => {
	beforeEach(() => begin());

	test("R21 a listing that the store refuses is parked with its story, and the others of the batch are not harmed", async () => {
		store.refuses.set("listing-1", new RequestRejectedError("stock is kept at the parent", { code: "stock-at-parent", httpStatus: 400 }));
		for (const item of [0, 1, 2]) await homeShows(database.pool, shop, item, 4);
		await push();
		expect([...store.figures.values()]).toEqual([4, 10, 4]);
		expect(await listingOf(database.pool, shop, 1)).toMatchObject({ parked: true, shown: 10, dirty: true });
		expect(await listDeadLetters(database.pool, shop.shopId)).toMatchObject([
			{
				direction: "out",
				connectionId: shop.guest,
				listingId: shop.listings[1],
				operation: "listing.write",
				errorClass: "rejected",
				error: "stock is kept at the parent",
				attempts: 1,
				payload: { externalId: "listing-1", desired: 4, shown: 10, sent: 4, code: "stock-at-parent", httpStatus: 400 },
			},
		]);
		// Another figure does not make it less hopeless.
		store.calls.length = 0;
		await homeShows(database.pool, shop, 1, 2);
		await push();
		expect(store.calls).toEqual([]);
		expect(await openDepth(database.pool, shop.shopId)).toEqual({ updates: 1, messages: 0 });
	});

	test("R21 a listing that the store does not know, or keeps no stock for, is parked", async () => {
		store.figures.delete("listing-0");
		store.unmanaged.add("listing-1");
		for (const item of [0, 1, 2]) await homeShows(database.pool, shop, item, 4);
		await push();
		expect((await listDeadLetters(database.pool, shop.shopId)).map((letter) => letter.errorClass).sort()).toEqual([
			"listing-not-found",
			"rejected",
		]);
		expect(store.figures.get("listing-2")).toBe(4);
	});

	test("R18 what may pass is tried five times with growing pauses, then parked", async () => {
		vi.spyOn(Math, "random").mockReturnValue(0.5);
		store.refuses.set("listing-0", new ConflictError("somebody else is at it"));
		await homeShows(database.pool, shop, 0, 4);
		for (let n = 1; n <= 4; n++) {
			const pushed = await push();
			expect(pushed).toMatchObject({ outcome: "done", againInMs: expect.any(Number) });
			const half = 500 * 2 ** (n - 1);
			expect((pushed as { againInMs: number }).againInMs).toBeGreaterThan(half - 400);
			expect((pushed as { againInMs: number }).againInMs).toBeLessThanOrEqual(half);
			expect(await listingOf(database.pool, shop, 0)).toMatchObject({ parked: false, attempts: n });
			await timePasses(database.pool, shop, "1 minute");
		}
		expect(await openDepth(database.pool, shop.shopId)).toMatchObject({ updates: 0 });
		await push();
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ parked: true, attempts: 5 });
		expect(await listDeadLetters(database.pool, shop.shopId)).toMatchObject([{ errorClass: "conflict", attempts: 5 }]);
		expect(writes()).toHaveLength(5);
	});

	test("R17 after a 429 the whole connection waits as long as it was told, and no listing is blamed", async () => {
		for (const item of [0, 1, 2]) await homeShows(database.pool, shop, item, 4);
		store.faults.read.push({ kind: "error", error: new RateLimitedError("slow down", { httpStatus: 429, retryAfterMs: 5_000 }) });
		const pushed = await push();
		expect(store.calls).toEqual([]);
		expect(pushed).toMatchObject({ outcome: "done" });
		expect((pushed as { againInMs: number }).againInMs).toBeGreaterThan(4_500);
		expect((pushed as { againInMs: number }).againInMs).toBeLessThanOrEqual(6_100);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ attempts: 0, parked: false, claimed: false });
		// Nobody else comes sooner either.
		await push();
		expect(store.calls).toEqual([]);
		expect((await findDueDeliveries(database.pool)).map(({ connectionId }) => connectionId)).not.toContain(shop.guest);
		await timePasses(database.pool, shop, "10 seconds");
		await database.pool.query("UPDATE rate_budget SET blocked_until = NULL");
		await push();
		expect([...store.figures.values()]).toEqual([4, 4, 4]);
	});

	test("R18 a store that is down is left alone, asked once in a while by one worker, and catches up by itself", async () => {
		await homeShows(database.pool, shop, 0, 4);
		for (let n = 0; n < 5; n++) {
			store.faults.read.push({ kind: "error", error: new ChannelUnavailableError("the server answers 503", { httpStatus: 503 }) });
			await push();
			await timePasses(database.pool, shop, "30 seconds");
		}
		const health = () => database.pool.query("SELECT health, health_reason, breaker_failures FROM connection WHERE id = $1", [shop.guest]);
		expect((await health()).rows).toEqual([{ health: "degraded", health_reason: "the server answers 503", breaker_failures: 5 }]);
		for (const item of [1, 2]) await homeShows(database.pool, shop, item, 4);
		// Half open: four workers at once, one call.
		store.faults.read.push({ kind: "error", error: new ChannelUnavailableError("still 503") });
		const attempts = await database.pool.query("SELECT count(*)::int AS n FROM delivery_attempt WHERE shop_id = $1", [shop.shopId]);
		await Promise.all([push(), push(), push(), push()]);
		expect(store.faults.read).toEqual([]);
		const after = await database.pool.query("SELECT count(*)::int AS n FROM delivery_attempt WHERE shop_id = $1", [shop.shopId]);
		expect(after.rows[0].n - attempts.rows[0].n).toBe(1);
		await timePasses(database.pool, shop, "1 minute");
		await push();
		expect([...store.figures.values()]).toEqual([4, 4, 4]);
		expect((await health()).rows).toEqual([{ health: "green", health_reason: null, breaker_failures: 0 }]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ attempts: 0, parked: false });
	});

	test("R31 refused credentials turn the connection red, and its work waits for them", async () => {
		await homeShows(database.pool, shop, 0, 4);
		store.faults.read.push({ kind: "error", error: new CredentialsRejectedError("the key was revoked", { httpStatus: 401 }) });
		await push();
		const { rows } = await database.pool.query("SELECT health, health_reason FROM connection WHERE id = $1", [shop.guest]);
		expect(rows).toEqual([{ health: "red", health_reason: "the key was revoked" }]);
		expect(await listingOf(database.pool, shop, 0)).toMatchObject({ parked: false, dirty: true, attempts: 0 });
		expect(await deliver(deps(), { shopId: shop.shopId, connectionId: shop.guest })).toBeUndefined();
		expect(store.calls).toEqual([]);
		await timePasses(database.pool, shop, "6 minutes");
		await push();
		expect(store.figures.get("listing-0")).toBe(4);
	});

	test("R19 a batch that is refused as a whole is halved until what causes it stands alone", async () => {
		await begin(Array.from({ length: 8 }, () => 10));
		for (let item = 0; item < 8; item++) await put(database.pool, shop, [readingOf(item, 3)], { connection: "home" });
		await drain(database.pool, shop);
		// The store stumbles over listing-5 and refuses every request that names it.
		const writeStock = refuseWhole("listing-5");
		await pushListings(writeStock, shop.shopId, shop.guest);
		expect([...store.figures]).toEqual(Array.from({ length: 8 }, (_, n) => [`listing-${n}`, n === 5 ? 10 : 3]));
		expect(await listDeadLetters(database.pool, shop.shopId)).toMatchObject([{ listingId: shop.listings[5], errorClass: "rejected" }]);
	});
});

const readingOf = (item: number, quantity: number) => ({
	v: 1 as const,
	type: "home.reading" as const,
	itemExternalId: `item-${item}`,
	locationExternalId: "loc-0",
	quantity,
	readAt: "2026-03-02T12:00:00Z",
	via: "webhook" as const,
	askedAt: null,
	stocked: true,
});

function refuseWhole(externalId: string) {
	const inner = deps();
	return {
		...inner,
		openClient: async (shopId: number, connectionId: number) => {
			const opened = await inner.openClient(shopId, connectionId);
			if (!opened) return null;
			const { client, channel } = opened;
			return {
				channel,
				client: {
					...client,
					writeStock: async (all: Parameters<typeof client.writeStock>[0]) => {
						if (all.some((one) => one.externalId === externalId)) throw new RequestRejectedError("bad request", { httpStatus: 400 });
						return client.writeStock(all);
					},
				},
			};
		},
	};
}
