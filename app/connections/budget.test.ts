import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createPool } from "#app/db.server.ts";
import { startChild } from "../../tests/kit/child.ts";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { makeShop, type TestShop } from "../../tests/kit/shop.ts";
import type { Limits } from "../channels/channel.ts";
import { RateLimitedError } from "../channels/errors.ts";
import { boundedRetryAfter, bucketOf, budgetHooks, correctBudget, takeBudget, withCallGuard } from "./budget.ts";
import { takeSlot } from "./call-slots.ts";

let database: TestDatabase;
let shop: TestShop;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	shop = await makeShop(database.pool, { items: 1 });
});

const limits = (some: Partial<Limits> = {}): Limits => ({ unitsPerSecond: 10, burst: 5, concurrency: 2, source: "test", ...some });
const take = (cost = 1, some: Partial<Limits> = {}, connection = shop.guest) =>
	takeBudget(database.pool, shop.shopId, connection, bucketOf(limits(some), undefined), cost);
/** For the bucket. */
const secondsPass = (seconds: number) =>
	database.pool.query("UPDATE rate_budget SET updated_at = updated_at - $2 * interval '1 second' WHERE shop_id = $1", [
		shop.shopId,
		seconds,
	]);
const hooks = (some: Partial<Limits> = {}, pool = database.pool) =>
	budgetHooks(
		{ pool, warn: (error) => expect.unreachable(String(error)) },
		{ shopId: shop.shopId, connectionId: shop.guest, limits: limits(some) },
	);

describe("the bucket of an account", () => {
	test("R17 gives out its burst and then what flows back, never more, however many ask at once", async () => {
		const slow = { unitsPerSecond: 0.001, burst: 20 };
		const asked = await Promise.all(Array.from({ length: 60 }, () => take(1, slow)));
		expect(asked.filter((one) => one.outcome === "taken")).toHaveLength(20);
		// A thousand seconds for the next unit; who asks is told so.
		const next = await take(1, slow);
		expect(next).toMatchObject({ outcome: "wait" });
		expect((next as { waitMs: number }).waitMs).toBeGreaterThan(900_000);
	});

	test("R17 refills at its rate, also between two calls that it refuses", async () => {
		const rate = { unitsPerSecond: 0.11, burst: 2 };
		expect(await take(2, rate)).toEqual({ outcome: "taken" });
		for (let n = 0; n < 3; n++) {
			await secondsPass(5);
			expect(await take(1, rate)).toMatchObject({ outcome: "wait" });
			await secondsPass(5);
			expect(await take(1, rate)).toEqual({ outcome: "taken" });
			expect(await take(1, rate)).toMatchObject({ outcome: "wait" });
		}
		await secondsPass(3_600);
		expect(await take(3, rate)).toEqual({ outcome: "taken" });
		expect(await take(1, rate)).toMatchObject({ outcome: "wait" });
	});

	test("R17 one account's calls never cost another's budget", async () => {
		const other = await makeShop(database.pool, { items: 1 });
		const slow = { unitsPerSecond: 0.001, burst: 1 };
		expect(await take(1, slow)).toEqual({ outcome: "taken" });
		expect(await take(1, slow)).toMatchObject({ outcome: "wait" });
		expect(await take(1, slow, shop.home)).toEqual({ outcome: "taken" });
		expect(await takeBudget(database.pool, other.shopId, other.guest, bucketOf(limits(slow), undefined), 1)).toEqual({ outcome: "taken" });
		expect(await take(1, slow)).toMatchObject({ outcome: "wait" });
	});

	test("R17 a call that is dearer than the bucket goes out when the bucket is full", async () => {
		expect(await take(50, { burst: 5 })).toEqual({ outcome: "taken" });
		expect(await take(50, { burst: 5, unitsPerSecond: 0.1 })).toMatchObject({ outcome: "wait" });
	});

	test("R17 the channel's own word corrects it, less what is under way", async () => {
		await take();
		await correctBudget(database.pool, shop.shopId, shop.guest, { budget: { remaining: 3, capacity: 2_000, refillPerSecond: 0.001 } }, 2);
		expect(await take(1)).toEqual({ outcome: "taken" });
		expect(await take(1)).toMatchObject({ outcome: "wait" });
		// And it may also be richer than we knew.
		await correctBudget(database.pool, shop.shopId, shop.guest, { budget: { remaining: 1_500, capacity: 2_000, refillPerSecond: 100 } });
		expect(await take(1_400)).toEqual({ outcome: "taken" });
	});

	test("R18 Retry-After is kept, for everybody and as far as it can be believed", async () => {
		await take();
		await correctBudget(database.pool, shop.shopId, shop.guest, { retryAfterMs: 700 });
		const told = await take();
		expect(told).toMatchObject({ outcome: "wait" });
		expect((told as { waitMs: number }).waitMs).toBeGreaterThan(500);
		expect((told as { waitMs: number }).waitMs).toBeLessThanOrEqual(700);
		await sleep(750);
		expect(await take()).toEqual({ outcome: "taken" });
		await correctBudget(database.pool, shop.shopId, shop.guest, { retryAfterMs: -5 });
		expect(await take()).toEqual({ outcome: "taken" });
		expect(boundedRetryAfter(86_400_000)).toBe(120_000);
		expect(boundedRetryAfter(-1)).toBe(0);
		expect(boundedRetryAfter(undefined)).toBe(0);
	});

	test("R17 a call that would wait for long is given up, not kept waiting", async () => {
		const { beforeCall, onCall } = hooks({ unitsPerSecond: 0.01, burst: 1 });
		await beforeCall(1);
		onCall({ operation: "test", httpStatus: 200, tookMs: 1 });
		await expect(beforeCall(1)).rejects.toBeInstanceOf(RateLimitedError);
	});
});

describe("calls under way", () => {
	test("R17 are as many as the account allows, over all processes", async () => {
		const other = createPool({ url: database.url, max: 2, name: "another process" });
		const until = () => Date.now() + 5_000;
		const account = { shopId: shop.shopId, connectionId: shop.guest, limits: limits({ concurrency: 2 }) };
		try {
			const first = await takeSlot(database.pool, account, until());
			const second = await takeSlot(other, account, until());
			await expect(takeSlot(other, account, Date.now() + 100)).rejects.toBeInstanceOf(RateLimitedError);
			const third = takeSlot(other, account, until());
			first.release();
			(await third).release();
			second.release();
			// Another account is not touched by any of it.
			(await takeSlot(other, { ...account, connectionId: shop.home }, Date.now())).release();
		} finally {
			await other.end();
		}
	});

	test("R17 of a process that was killed stop counting at once", async () => {
		const { shopId, guest } = shop;
		const account = { shopId, connectionId: guest, limits: limits({ concurrency: 1 }) };
		await database.pool.query(
			`UPDATE listing SET desired = 3, shown = 10, dirty_since = now(), read_at = now(), written_at = now() WHERE shop_id = $1`,
			[shopId],
		);
		const child = await startChild("tests/kit/stuck-worker.ts", [database.url, String(shopId), String(guest), '{"listing-0":10}']);
		await expect(takeSlot(database.pool, account, Date.now() + 100)).rejects.toBeInstanceOf(RateLimitedError);
		await child.kill();
		(await takeSlot(database.pool, account, Date.now() + 5_000)).release();
	});

	test("R18 what the guard forbids as the last thing before a call is not sent, and costs no place", async () => {
		const { beforeCall, onCall } = hooks({ concurrency: 1 });
		const refusal = new Error("the claim is lost");
		await expect(
			withCallGuard(
				() => Promise.reject(refusal),
				() => beforeCall(1),
			),
		).rejects.toBe(refusal);
		await beforeCall(1);
		onCall({ operation: "test", httpStatus: 200, tookMs: 1 });
	});
});
