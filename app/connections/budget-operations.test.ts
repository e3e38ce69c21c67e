import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createPool } from "#app/db.server.ts";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { makeShop, type TestShop } from "../../tests/kit/shop.ts";
import type { Limits } from "../channels/channel.ts";
import { RateLimitedError } from "../channels/errors.ts";
import { type Bucket, bucketOf, budgetHooks, correctBudget, takeBudget } from "./budget.ts";

let database: TestDatabase;
let shop: TestShop;
beforeAll(async () => {
	database = await freshDatabase();
	// Every taking, as the database saw it: what left the bucket, and when by its own clock.
	await database.pool.query(`
		CREATE TABLE taking (shop_id bigint, name text, at timestamptz);
		CREATE FUNCTION note_taking() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO taking VALUES (NEW.shop_id, NEW.name, NEW.updated_at); RETURN NEW; END $$;
		CREATE TRIGGER note_taking AFTER INSERT OR UPDATE ON rate_budget FOR EACH ROW EXECUTE FUNCTION note_taking();`);
});
afterAll(() => database.drop());
beforeEach(async () => {
	shop = await makeShop(database.pool, { items: 1 });
});

const limits = (operations: NonNullable<Limits["operations"]>, some: Partial<Limits> = {}): Limits => ({
	unitsPerSecond: 10,
	burst: 5,
	concurrency: 2,
	source: "test",
	operations,
	...some,
});
const hooks = (of: Limits, pool = database.pool) =>
	budgetHooks({ pool, warn: (error) => expect.unreachable(String(error)) }, { shopId: shop.shopId, connectionId: shop.guest, limits: of });
const take = (bucket: Bucket) => takeBudget(database.pool, shop.shopId, shop.guest, bucket, 1);
const tokens = async () =>
	(
		await database.pool.query<{ name: string; tokens: number }>(
			"SELECT name, floor(tokens)::int AS tokens FROM rate_budget WHERE shop_id = $1 ORDER BY name",
			[shop.shopId],
		)
	).rows;

test("R17 two operations have buckets of their own, and what has none is the account's", async () => {
	const some = limits(
		{ search: { unitsPerSecond: 0.0056, burst: 20 }, read: { unitsPerSecond: 0.001, burst: 3 } },
		{ unitsPerSecond: 0.001 },
	);
	const { beforeCall, onCall } = hooks(some);
	const answered = (bucket?: string) => onCall({ operation: "x", httpStatus: 200, tookMs: 1, bucket });
	for (let n = 0; n < 20; n++) {
		await beforeCall(1, "search");
		answered("search");
	}
	await expect(beforeCall(1, "search")).rejects.toBeInstanceOf(RateLimitedError);
	await beforeCall(1, "read");
	answered("read");
	await beforeCall(1);
	answered();
	await beforeCall(1, "nobody knows it");
	answered("nobody knows it");
	expect(await tokens()).toEqual([
		{ name: "calls", tokens: 3 },
		{ name: "read", tokens: 2 },
		{ name: "search", tokens: 0 },
	]);
});

test("R17 what refilled while a request was stuck on its way is not spent: the channel may have counted it only now", async () => {
	const some = limits({ read: { unitsPerSecond: 5, burst: 4 }, search: { unitsPerSecond: 0.001, burst: 4 } }, { concurrency: 8 });
	const lanes = Array.from({ length: 4 }, () => hooks(some));
	const patient = hooks(some);
	for (const { beforeCall } of lanes) await beforeCall(1, "read");
	await patient.beforeCall(1, "search");
	await new Promise((resolve) => setTimeout(resolve, 1_200));
	for (const { onCall } of lanes) onCall({ operation: "x", httpStatus: 200, tookMs: 1_200, bucket: "read" });
	patient.onCall({ operation: "x", httpStatus: 200, tookMs: 1_200, bucket: "search" });
	const startedAt = performance.now();
	await Promise.all(lanes.map(({ beforeCall }) => beforeCall(1, "read")));
	// Four at a fifth of a second each, and not at once.
	expect(performance.now() - startedAt).toBeGreaterThan(500);
	// A bucket that fills in minutes has lost next to nothing.
	await patient.beforeCall(1, "search");
	const left = await database.pool.query("SELECT round(tokens)::int AS tokens FROM rate_budget WHERE shop_id = $1 AND name = 'search'", [
		shop.shopId,
	]);
	expect(left.rows).toEqual([{ tokens: 2 }]);
});

test("R17 an empty bucket that fills in minutes is said at once with its time, and takes no place from the others", async () => {
	const some = limits({ search: { unitsPerSecond: 0.0056, burst: 1 }, read: { unitsPerSecond: 5, burst: 5 } }, { concurrency: 1 });
	const { beforeCall, onCall } = hooks(some);
	await beforeCall(1, "search");
	onCall({ operation: "x", httpStatus: 200, tookMs: 1, bucket: "search" });
	const refusals = await Promise.allSettled(Array.from({ length: 10 }, () => beforeCall(1, "search")));
	for (const refusal of refusals) {
		expect(refusal).toMatchObject({ status: "rejected", reason: { errorClass: "rate-limited" } });
		expect((refusal as PromiseRejectedResult).reason.retryAfterMs).toBeGreaterThan(150_000);
	}
	// The account's only place is free.
	await beforeCall(1, "read");
	onCall({ operation: "x", httpStatus: 200, tookMs: 1, bucket: "read" });
});

test("R17 who waits for tokens holds no place: with one place, another operation passes while the first waits", async () => {
	const some = limits({ slow: { unitsPerSecond: 1, burst: 1 }, quick: { unitsPerSecond: 100, burst: 100 } }, { concurrency: 1 });
	const { beforeCall, onCall } = hooks(some);
	const order: string[] = [];
	const call = async (bucket: "slow" | "quick") => {
		await beforeCall(1, bucket);
		order.push(bucket);
		onCall({ operation: "x", httpStatus: 200, tookMs: 1, bucket });
	};
	await call("slow");
	const waiting = call("slow");
	for (let n = 0; n < 5; n++) await call("quick");
	await waiting;
	expect(order).toEqual(["slow", "quick", "quick", "quick", "quick", "quick", "slow"]);
});

describe("what the channel says", () => {
	const some = limits(
		{ search: { unitsPerSecond: 0.001, burst: 20 }, read: { unitsPerSecond: 0.001, burst: 20 } },
		{ unitsPerSecond: 0.001 },
	);
	const of = (name?: string) => bucketOf(some, name);

	test("R17 R18 corrects the bucket that it speaks of, less what is under way there, and no other", async () => {
		const { beforeCall, onCall } = hooks(some);
		await beforeCall(1, "search");
		await beforeCall(1, "read");
		onCall({
			operation: "x",
			httpStatus: 200,
			tookMs: 1,
			bucket: "search",
			budget: { remaining: 2, capacity: 10, refillPerSecond: 0.001 },
		});
		await expect.poll(tokens).toEqual([
			{ name: "read", tokens: 19 },
			{ name: "search", tokens: 2 },
		]);
		onCall({ operation: "x", httpStatus: 429, tookMs: 1, bucket: "read", retryAfterMs: 90_000 });
		await expect.poll(async () => (await take(of("read"))).outcome).toBe("wait");
		expect(await take(of("search"))).toEqual({ outcome: "taken" });
		expect(await take(of())).toEqual({ outcome: "taken" });
	});

	test("R18 a 429 that names no time empties its bucket", async () => {
		expect(await take(of("search"))).toEqual({ outcome: "taken" });
		expect(await take(of("read"))).toEqual({ outcome: "taken" });
		await correctBudget(database.pool, shop.shopId, shop.guest, { bucket: "search", httpStatus: 429 });
		expect(await take(of("search"))).toMatchObject({ outcome: "wait" });
		expect(await take(of("read"))).toEqual({ outcome: "taken" });
	});
});

test("R17 property: over several processes no operation gets more than its burst and what flowed back, in any span of time", async () => {
	const others = [1, 2].map((n) => createPool({ url: database.url, max: 6, name: `process ${n}` }));
	try {
		await fc.assert(
			fc.asyncProperty(
				fc.record({ rate: fc.integer({ min: 5, max: 60 }), burst: fc.integer({ min: 1, max: 6 }) }),
				fc.record({ rate: fc.integer({ min: 5, max: 60 }), burst: fc.integer({ min: 1, max: 6 }) }),
				fc.array(fc.constantFrom("a", "b"), { minLength: 6, maxLength: 24 }),
				async (a, b, calls) => {
					shop = await makeShop(database.pool, { items: 1 });
					const some = limits(
						{ a: { unitsPerSecond: a.rate, burst: a.burst }, b: { unitsPerSecond: b.rate, burst: b.burst } },
						{ concurrency: 4 },
					);
					const processes = [database.pool, ...others].map((pool) => hooks(some, pool));
					await Promise.all(
						calls.map(async (bucket, n) => {
							const { beforeCall, onCall } = processes[n % processes.length] as (typeof processes)[number];
							await beforeCall(1, bucket);
							onCall({ operation: "x", httpStatus: 200, tookMs: 1, bucket });
						}),
					);
					const { rows } = await database.pool.query<{ name: "a" | "b"; at: number }>(
						"SELECT name, extract(epoch FROM at)::float8 AS at FROM taking WHERE shop_id = $1 ORDER BY at",
						[shop.shopId],
					);
					for (const [name, { rate, burst }] of Object.entries({ a, b })) {
						const at = rows.filter((row) => row.name === name).map((row) => row.at);
						expect(at).toHaveLength(calls.filter((call) => call === name).length);
						for (const [i, from] of at.entries()) {
							for (const [j, to] of at.entries()) if (j > i) expect(j - i + 1).toBeLessThanOrEqual(burst + rate * (to - from) + 1e-6);
						}
					}
				},
			),
			{ numRuns: 12 },
		);
	} finally {
		for (const pool of others) await pool.end();
	}
});
