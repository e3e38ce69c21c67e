import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
	discardDeadLetters,
	foldProblems,
	foldProblemsOf,
	listProblems,
	type NewDeadLetter,
	openDepth,
	recordDeadLetters,
	resolveDeadLetters,
	takeForReplay,
} from "#dead-letters";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { dyingPool, Killed, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { makeShop, type TestShop } from "../../../tests/kit/shop.ts";

let database: TestDatabase;
let shop: TestShop;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	shop = await makeShop(database.pool, { items: 1 });
});

const wasKilled = (error: unknown) => error instanceof Killed || (error instanceof Error && error.cause instanceof Killed);
const CLASSES = ["rejected", "listing-not-found", "timeout"];
const letter = (n: number, some: Partial<NewDeadLetter> = {}): NewDeadLetter => ({
	shopId: shop.shopId,
	direction: n % 4 === 0 ? "in" : "out",
	connectionId: n % 2 === 0 ? shop.guest : shop.home,
	eventId: n % 4 === 0 ? n + 1 : null,
	operation: n % 4 === 0 ? "orders/updated" : "listing.write",
	errorClass: CLASSES[n % 3] ?? "",
	error: `no ${n}`,
	sourceKey: `source:${n}`,
	correlationId: "c",
	...some,
});
const problems = () => listProblems(database.pool, shop.shopId);
const fold = () => foldProblemsOf(database.pool, shop.shopId);
/** What the rows say, counted one by one. */
const rowsSay = async () => {
	const { rows } = await database.pool.query(
		`SELECT connection_id || ' ' || direction || ' ' || operation || ' ' || error_class AS kind, count(*)::int AS failures
		 FROM dead_letter WHERE shop_id = $1 AND state = 'open' GROUP BY 1 ORDER BY 1`,
		[shop.shopId],
	);
	return rows;
};
const countersSay = async () => {
	const { rows } = await database.pool.query(
		`SELECT connection_id || ' ' || direction || ' ' || operation || ' ' || error_class AS kind, sum(failures)::int AS failures FROM (
		   SELECT connection_id, direction, operation, error_class, failures FROM problem WHERE shop_id = $1
		   UNION ALL SELECT connection_id, direction, operation, error_class, failures FROM problem_change WHERE shop_id = $1) kept
		 GROUP BY 1 HAVING sum(failures) <> 0 ORDER BY 1`,
		[shop.shopId],
	);
	return rows;
};
const expectExact = async () => {
	expect(await countersSay()).toEqual(await rowsSay());
	const { rows } = await database.pool.query<{ updates: number; messages: number }>(
		`SELECT count(*) FILTER (WHERE direction = 'out')::int AS updates, count(*) FILTER (WHERE direction = 'in')::int AS messages
		 FROM dead_letter WHERE shop_id = $1 AND state = 'open'`,
		[shop.shopId],
	);
	expect(await openDepth(database.pool, shop.shopId)).toEqual(rows[0]);
};
const stateOf = async () =>
	(await database.pool.query("SELECT state, failures, times FROM problem WHERE shop_id = $1", [shop.shopId])).rows;

test("R21 failures of one connection, operation and class are one problem, with the newest one's words; the most first", async () => {
	await recordDeadLetters(
		database.pool,
		[1, 3, 5, 7, 9].map((n) => letter(n, { errorClass: n === 9 ? "timeout" : "rejected" })),
	);
	await fold();
	expect(
		(await problems()).map(({ errorClass, failures, state, error, times }) => ({ errorClass, failures, state, error, times })),
	).toEqual([
		{ errorClass: "rejected", failures: 4, state: "open", error: "no 7", times: 1 },
		{ errorClass: "timeout", failures: 1, state: "open", error: "no 9", times: 1 },
	]);
	// The same trouble of the same thing is no more failures; as another kind it leaves one problem for the other.
	await recordDeadLetters(database.pool, [letter(7, { errorClass: "rejected" }), letter(5, { errorClass: "timeout" })]);
	await fold();
	expect((await problems()).map(({ failures }) => failures)).toEqual([3, 2]);
	await expectExact();
});

test("R21 it is resolved by itself with its last failure, and open again when it recurs, whatever was said of the time before", async () => {
	await recordDeadLetters(database.pool, [letter(1), letter(1, { sourceKey: "other" })]);
	await fold();
	await database.pool.query("UPDATE problem SET state = 'ignored' WHERE shop_id = $1", [shop.shopId]);
	await resolveDeadLetters(database.pool, shop.shopId, ["other"]);
	await recordDeadLetters(database.pool, [letter(1, { sourceKey: "third" })]);
	await fold();
	expect(await stateOf()).toEqual([{ state: "ignored", failures: 2, times: 1 }]);
	await resolveDeadLetters(database.pool, shop.shopId, ["source:1", "third"]);
	// Read before it is added up: there is no such problem any more.
	expect(await problems()).toEqual([]);
	await fold();
	expect(await stateOf()).toEqual([{ state: "resolved", failures: 0, times: 1 }]);
	await recordDeadLetters(database.pool, [letter(1)]);
	await foldProblems(database.pool);
	expect(await stateOf()).toEqual([{ state: "open", failures: 1, times: 2 }]);
	expect(await problems()).toMatchObject([{ failures: 1, state: "open", times: 2 }]);
	// Gone altogether, as when a shop's rows are erased.
	await database.pool.query("DELETE FROM dead_letter WHERE shop_id = $1", [shop.shopId]);
	await fold();
	expect(await stateOf()).toMatchObject([{ state: "resolved", failures: 0 }]);
});

test("R21 R37 what is ignored needs nobody, and one shop's numbers are never another's", async () => {
	const other = await makeShop(database.pool, { items: 1 });
	await recordDeadLetters(database.pool, [letter(1), letter(4), letter(1, { shopId: other.shopId, connectionId: other.home })]);
	await Promise.all([fold(), foldProblems(database.pool), foldProblemsOf(database.pool, other.shopId)]);
	await database.pool.query("UPDATE problem SET state = 'ignored' WHERE shop_id = $1 AND direction = 'out' AND failures > 0", [
		shop.shopId,
	]);
	await recordDeadLetters(database.pool, [letter(1, { sourceKey: "one more of the ignored" })]);
	expect(await openDepth(database.pool, shop.shopId)).toEqual({ updates: 2, messages: 1 });
	expect(await openDepth(database.pool, shop.shopId, { needing: true })).toEqual({ updates: 0, messages: 1 });
	expect(await openDepth(database.pool, other.shopId, { needing: true })).toEqual({ updates: 1, messages: 0 });
});

const step = fc.record({
	act: fc.constantFrom("record", "resolve", "discard", "replay", "fold", "rekind"),
	ns: fc.array(fc.nat(11), { minLength: 1, maxLength: 6 }),
});

test("R08 R21 after any failing, resolving, discarding, replaying and adding up at once, killed or not, the numbers are the rows'", async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 5 }),
			fc.nat(40),
			async (lanes, dieAt) => {
				shop = await makeShop(database.pool, { items: 1 });
				const { shopId } = shop;
				const idsOf = async (ns: readonly number[]) =>
					(
						await database.pool.query<{ id: number }>("SELECT id FROM dead_letter WHERE shop_id = $1 AND source_key = ANY($2)", [
							shopId,
							ns.map((n) => `source:${n}`),
						])
					).rows.map(({ id }) => id);
				await Promise.all(
					lanes.map(async (steps, lane) => {
						// The first lane's process is killed somewhere; the others go on.
						const { pool } =
							lane === 0 ? dyingPool(database.pool, { at: dieAt + 1, moment: dieAt % 2 === 0 ? "before" : "after" }) : database;
						for (const { act, ns } of steps) {
							const keys = ns.map((n) => `source:${n}`);
							const work = async () => {
								if (act === "record")
									await recordDeadLetters(
										pool,
										ns.map((n) => letter(n)),
									);
								if (act === "rekind")
									await recordDeadLetters(
										pool,
										ns.map((n) => letter(n, { errorClass: "conflict" })),
									);
								if (act === "resolve") await resolveDeadLetters(pool, shopId, keys);
								if (act === "discard") await discardDeadLetters(pool, shopId, await idsOf(ns), { reason: "x", actor: "1" });
								if (act === "replay") await takeForReplay(pool, shopId, await idsOf(ns), "1");
								if (act === "fold") await foldProblemsOf(pool, shopId);
							};
							await work().catch((error: unknown) => {
								// Two statements that lock the same rows in other orders: one of them is undone, with its numbers.
								const code = (error as { code?: string }).code;
								if (!wasKilled(error) && code !== "40P01") throw error;
							});
							await sleep(0);
						}
					}),
				);
				await expectExact();
				await fold();
				await expectExact();
				expect((await database.pool.query("SELECT FROM problem_change WHERE shop_id = $1", [shopId])).rowCount).toBe(0);
			},
		),
		{ numRuns: 40 },
	);
}, 120_000);

test("R08 R21 killed before or after any statement of adding up, the next one ends with the same numbers", async () => {
	const run = async (at: number, moment: "before" | "after") => {
		shop = await makeShop(database.pool, { items: 1 });
		await recordDeadLetters(
			database.pool,
			[1, 2, 3, 4, 5, 6].map((n) => letter(n)),
		);
		await resolveDeadLetters(database.pool, shop.shopId, ["source:3"]);
		const dying = dyingPool(database.pool, { at, moment });
		await foldProblemsOf(dying.pool, shop.shopId).catch((error: unknown) => {
			if (!wasKilled(error)) throw error;
		});
		await expectExact();
		await fold();
		await expectExact();
		return dying.statements();
	};
	const statements = await run(Number.POSITIVE_INFINITY, "before");
	expect(statements).toBeGreaterThan(5);
	for (const { at, moment } of placesToDie(statements)) await run(at, moment);
}, 60_000);
