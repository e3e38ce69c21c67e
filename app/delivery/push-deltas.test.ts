import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { listDeadLetters } from "#dead-letters";
import { answerUnresolved, deliver, findDueDeliveries, pushDeltas } from "#delivery";
import type { CanonicalEvent } from "#domain";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { deliveryDeps, drain, openShop, timePasses } from "../../tests/kit/delivery.ts";
import { createNeighbourHome, type NeighbourHome } from "../../tests/kit/neighbour-home.ts";
import { expectCoherentState, order, put, reading, stockOf, type TestShop } from "../../tests/kit/shop.ts";
import {
	ChannelUnavailableError,
	ConflictError,
	CredentialsRejectedError,
	ListingNotFoundError,
	RequestRejectedError,
} from "../channels/errors.ts";

let database: TestDatabase;
let shop: TestShop;
let home: NeighbourHome;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(() => begin(3));

const begin = async (items: number) => {
	shop = await openShop(database.pool, { items, opening: 10 });
	home = createNeighbourHome();
	for (let item = 0; item < items; item++) home.levels.set(`item-${item} loc-0`, 10);
};
const push = () => pushDeltas(deliveryDeps(database.pool, new Map([[shop.home, home]])), shop.shopId, shop.home);
const soldAtGuest = async (id: string, lines: { item: number; held: number }[]) => {
	await put(database.pool, shop, [order(id, lines, { created: new Date(Date.now() - 1_200).toISOString(), hash: id })]);
	await drain(database.pool, shop);
};
const level = (item: number) => home.levels.get(`item-${item} loc-0`);
const batches = async () =>
	(
		await database.pool.query(
			"SELECT id, state, attempts, first_tried_at, idempotency_key FROM delta_batch WHERE shop_id = $1 ORDER BY id",
			[shop.shopId],
		)
	).rows;
const keys = () => new Set(home.requests.map((request) => request.idempotencyKey));

describe("telling home of what was sold elsewhere", () => {
	test("R15 sales of a guest reach home as differences, and their lag is measured from the sale", async () => {
		await soldAtGuest("1", [
			{ item: 0, held: 2 },
			{ item: 1, held: 1 },
		]);
		await soldAtGuest("2", [{ item: 0, held: 1 }]);
		expect(await push()).toMatchObject({ outcome: "done", againInMs: null, attempts: 1 });
		expect(home.requests).toHaveLength(1);
		expect(home.requests[0]).toMatchObject({ reason: "correction", reference: expect.stringMatching(/^sold-elsewhere-\d+$/) });
		expect([level(0), level(1), level(2)]).toEqual([7, 9, 10]);
		await drain(database.pool, shop);
		expect(await stockOf(database.pool, shop, 0)).toEqual({ available: 7, short: 0, owed: 0 });
		expect(await batches()).toMatchObject([{ state: "landed", attempts: 1 }]);
		const lags = await database.pool.query("SELECT connection_id, lag_ms FROM lag_sample WHERE shop_id = $1", [shop.shopId]);
		expect(lags.rows.map((row) => row.connection_id)).toEqual([shop.home, shop.home, shop.home]);
		for (const row of lags.rows) expect(row.lag_ms).toBeGreaterThanOrEqual(1_200);
		await push();
		expect(home.requests).toHaveLength(1);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R20 home's echo of our own write changes nothing", async () => {
		await soldAtGuest("1", [{ item: 0, held: 2 }]);
		await push();
		await drain(database.pool, shop);
		const readAt = new Date(Date.now() + 5_000).toISOString();
		await put(
			database.pool,
			shop,
			[
				{
					v: 1,
					type: "home.reading",
					itemExternalId: "item-0",
					locationExternalId: "loc-0",
					quantity: 8,
					readAt,
					via: "webhook",
					askedAt: null,
					stocked: true,
				},
			],
			{ connection: "home" },
		);
		await drain(database.pool, shop);
		await push();
		expect(home.requests).toHaveLength(1);
		expect(await stockOf(database.pool, shop, 0)).toEqual({ available: 8, short: 0, owed: 0 });
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R05 after a time-out the same key goes out again with the same changes, whatever was sold meanwhile", async () => {
		await soldAtGuest("1", [{ item: 0, held: 2 }]);
		home.faults.push({ kind: "timeout", effect: "done" }, { kind: "timeout", effect: "none" });
		await push();
		await soldAtGuest("2", [{ item: 0, held: 3 }]);
		await timePasses(database.pool, shop, "1 minute");
		await push();
		await timePasses(database.pool, shop, "1 minute");
		await push();
		await drain(database.pool, shop);
		await push();
		expect(home.requests.map((request) => [request.idempotencyKey, request.changes[0]?.delta])).toEqual([
			[home.requests[0]?.idempotencyKey, -2],
			[home.requests[0]?.idempotencyKey, -2],
			[home.requests[0]?.idempotencyKey, -2],
			[home.requests[3]?.idempotencyKey, -3],
		]);
		expect(keys().size).toBe(2);
		expect(level(0)).toBe(5);
		await drain(database.pool, shop);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R08 a worker that dies between home's answer and our note tells home nothing twice", async () => {
		await soldAtGuest("1", [{ item: 0, held: 2 }]);
		let died = () => {};
		const dead = new Promise<void>((resolve) => {
			died = resolve;
		});
		home.strike.after = () => {
			delete home.strike.after;
			died();
			return new Promise<never>(() => {});
		};
		void push();
		await dead;
		expect(level(0)).toBe(8);
		await timePasses(database.pool, shop, "2 minutes");
		await push();
		expect(level(0)).toBe(8);
		expect(keys().size).toBe(1);
		await drain(database.pool, shop);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R09 three workers at once send each batch once", async () => {
		for (let round = 0; round < 5; round++) {
			await soldAtGuest(
				`${round}`,
				[0, 1, 2].map((item) => ({ item, held: 1 })),
			);
			await Promise.all([push(), push(), push()]);
			await drain(database.pool, shop);
		}
		expect([level(0), level(1), level(2)]).toEqual([5, 5, 5]);
		expect(home.requests.length).toBe(keys().size);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R16 what lowers home goes before what raises it", async () => {
		await soldAtGuest("1", [{ item: 0, held: 2 }]);
		await push();
		await drain(database.pool, shop);
		home.requests.length = 0;
		// Given back, and in the same moment something else is sold.
		await put(database.pool, shop, [
			order("1", [{ item: 0, held: 0 }], {
				created: new Date(Date.now() - 1_200).toISOString(),
				stamp: new Date().toISOString(),
				hash: "cancelled",
			}),
		]);
		await soldAtGuest("2", [{ item: 1, held: 1 }]);
		await push();
		expect(home.requests[0]?.changes.map((change) => change.delta)).toEqual([-1, 2]);
	});
});

describe("what home refuses", () => {
	test("R21 a refused line waits for a person, the others go out at once under a new key", async () => {
		await soldAtGuest(
			"1",
			[0, 1, 2].map((item) => ({ item, held: 1 })),
		);
		home.refuses.set("item-1", new ListingNotFoundError("not stocked at the location", { code: "ITEM_NOT_STOCKED_AT_LOCATION" }));
		await push();
		await drain(database.pool, shop);
		await push();
		expect([level(0), level(1), level(2)]).toEqual([9, 10, 9]);
		expect(keys().size).toBe(2);
		expect(await stockOf(database.pool, shop, 1)).toEqual({ available: 9, short: 0, owed: -1 });
		expect(await listDeadLetters(database.pool, shop.shopId)).toMatchObject([
			{ direction: "out", operation: "home.adjust", errorClass: "listing-not-found", payload: { itemExternalId: "item-1", delta: -1 } },
		]);
		// It is not tried over and over, and another sale of it does not start that.
		await soldAtGuest("2", [{ item: 1, held: 1 }]);
		await push();
		expect(keys().size).toBe(2);
		expect((await findDueDeliveries(database.pool)).map(({ connectionId }) => connectionId)).not.toContain(shop.home);
		home.refuses.clear();
		await timePasses(database.pool, shop, "7 hours");
		await push();
		expect(level(1)).toBe(8);
		expect(await listDeadLetters(database.pool, shop.shopId)).toEqual([]);
		await drain(database.pool, shop);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R21 a refusal that names no line is narrowed down by halves", async () => {
		await begin(16);
		await soldAtGuest(
			"1",
			Array.from({ length: 16 }, (_, item) => ({ item, held: 1 })),
		);
		home.refuses.set("item-11", new RequestRejectedError("a parent bundle cannot be adjusted"));
		home.silent = true;
		for (let n = 0; n < 20; n++) {
			await push();
			await drain(database.pool, shop);
		}
		expect(Array.from({ length: 16 }, (_, item) => level(item))).toEqual(Array.from({ length: 16 }, (_, item) => (item === 11 ? 10 : 9)));
		expect(await listDeadLetters(database.pool, shop.shopId)).toMatchObject([{ payload: { itemExternalId: "item-11" } }]);
		expect(keys().size).toBeLessThanOrEqual(14);
		await expectCoherentState(database.pool, shop.shopId);
	});

	test("R21 a key that home has forgotten by now is never sent again: a person is told, home is read", async () => {
		await soldAtGuest("1", [{ item: 0, held: 2 }]);
		home.faults.push({ kind: "timeout", effect: "done" });
		await push();
		await timePasses(database.pool, shop, "23 hours");
		await push();
		expect(home.requests).toHaveLength(1);
		expect(await batches()).toMatchObject([{ state: "unresolved" }]);
		expect(await listDeadLetters(database.pool, shop.shopId)).toMatchObject([
			{ errorClass: "key-expired", deltaBatchId: expect.any(Number) },
		]);
		const wishes = await database.pool.query("SELECT kind, external_id FROM fetch_request WHERE shop_id = $1", [shop.shopId]);
		expect(wishes.rows).toContainEqual({ kind: "levels", external_id: "item-0" });
		// Until it is settled the lower of the two figures is shown.
		expect(await stockOf(database.pool, shop, 0)).toMatchObject({ available: 8 });
	});

	describe("home is read after the key was given up", () => {
		const giveUp = async ({ done }: { done: boolean }) => {
			await soldAtGuest("1", [{ item: 0, held: 2 }]);
			home.faults.push({ kind: "timeout", effect: done ? "done" : "none" });
			await push();
			await timePasses(database.pool, shop, "23 hours");
			await push();
			await timePasses(database.pool, shop, "2 minutes");
		};
		const homeIsRead = async () => {
			const asked = new Date().toISOString();
			// The level's own stamp: its last change was a while ago.
			const changed = new Date(Date.now() - 60_000).toISOString();
			await put(database.pool, shop, [{ ...reading(0, level(0) ?? 0, changed), via: "query", askedAt: asked } as CanonicalEvent], {
				connection: "home",
				source: "fetch",
			});
			await drain(database.pool, shop);
		};
		const letters = async () => (await listDeadLetters(database.pool, shop.shopId)).length;

		test("R08 its figure moved by just that: it took the units, and nothing is sent again", async () => {
			await giveUp({ done: true });
			await homeIsRead();
			expect(await stockOf(database.pool, shop, 0)).toEqual({ available: 8, short: 0, owed: 0 });
			expect(await letters()).toBe(0);
			await push();
			expect(level(0)).toBe(8);
			expect(home.requests).toHaveLength(1);
			await expectCoherentState(database.pool, shop.shopId);
		});

		test("R08 its figure did not move: the units are owed again and go out once, under a new key", async () => {
			await giveUp({ done: false });
			expect(level(0)).toBe(10);
			await homeIsRead();
			expect(await stockOf(database.pool, shop, 0)).toEqual({ available: 8, short: 0, owed: -2 });
			expect(await letters()).toBe(0);
			await push();
			await drain(database.pool, shop);
			expect(level(0)).toBe(8);
			expect(keys().size).toBe(2);
			await expectCoherentState(database.pool, shop.shopId);
		});

		test.each([{ done: true }, { done: false }])(
			"R21 its figure says neither: the lower one counts, later sales go out, and a person's answer settles it (it took them: $done)",
			async ({ done }) => {
				await giveUp({ done });
				// Somebody counted the shelf meanwhile.
				home.levels.set("item-0 loc-0", (level(0) ?? 0) + 5);
				await homeIsRead();
				const truth = 10 - 2 + 5;
				expect(await stockOf(database.pool, shop, 0)).toEqual({ available: done ? 11 : 13, short: 0, owed: 0 });
				expect(await letters()).toBe(1);
				await expectCoherentState(database.pool, shop.shopId);

				await soldAtGuest("2", [{ item: 0, held: 1 }]);
				await push();
				await drain(database.pool, shop);
				expect(level(0)).toBe(done ? 12 : 14);

				const [batch] = await batches();
				const answer = () => answerUnresolved({ pool: database.pool }, shop.shopId, { batchId: batch.id, took: done, actor: "7" });
				const both = await Promise.all([answer(), answer()]);
				expect(both.map(({ outcome }) => outcome).sort()).toEqual(["answered", "nothing to answer"]);
				await drain(database.pool, shop);
				await push();
				await drain(database.pool, shop);
				expect(await stockOf(database.pool, shop, 0)).toEqual({ available: truth - 1, short: 0, owed: 0 });
				expect(level(0)).toBe(truth - 1);
				expect(await letters()).toBe(0);
				await expectCoherentState(database.pool, shop.shopId);
			},
		);

		test("R37 nobody answers for another shop", async () => {
			await giveUp({ done: true });
			home.levels.set("item-0 loc-0", 20);
			await homeIsRead();
			const [batch] = await batches();
			const other = await openShop(database.pool, { items: 1, opening: 10 });
			expect(await answerUnresolved({ pool: database.pool }, other.shopId, { batchId: batch.id, took: true, actor: "7" })).toEqual({
				outcome: "nothing to answer",
			});
		});
	});

	test("R18 home that asks to try again gets the same key; home in trouble is left alone", async () => {
		await soldAtGuest("1", [{ item: 0, held: 2 }]);
		home.faults.push({ kind: "error", error: new ConflictError("the key is at work") });
		await push();
		home.faults.push({ kind: "error", error: new ChannelUnavailableError("503") });
		await timePasses(database.pool, shop, "1 minute");
		expect(await push()).toMatchObject({ outcome: "done" });
		await push();
		expect(home.requests).toHaveLength(2);
		await timePasses(database.pool, shop, "1 minute");
		await push();
		expect(keys().size).toBe(1);
		expect(level(0)).toBe(8);
	});

	test("R31 without access home turns red and nothing is lost", async () => {
		await soldAtGuest("1", [{ item: 0, held: 2 }]);
		home.faults.push({ kind: "error", error: new CredentialsRejectedError("open the app once") });
		await deliver(deliveryDeps(database.pool, new Map([[shop.home, home]])), { shopId: shop.shopId, connectionId: shop.home });
		const { rows } = await database.pool.query("SELECT health, health_reason FROM connection WHERE id = $1", [shop.home]);
		expect(rows).toEqual([{ health: "red", health_reason: "open the app once" }]);
		await timePasses(database.pool, shop, "6 minutes");
		await push();
		expect(level(0)).toBe(8);
	});
});
