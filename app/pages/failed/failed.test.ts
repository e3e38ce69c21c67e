import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { releaseParked, resolveMended } from "#delivery";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { homeShows, openShop } from "../../../tests/kit/delivery.ts";
import { type Failures, openFailures } from "../../../tests/kit/failures.ts";
import type { NeighbourStore } from "../../../tests/kit/neighbour-store.ts";
import { order, type TestShop } from "../../../tests/kit/shop.ts";
import { decideProblem } from "./decide-problem.ts";
import { discard } from "./discard.ts";
import { readFailure } from "./read-failure.ts";

let database: TestDatabase;
let shop: TestShop;
let store: NeighbourStore;
let push: Failures["push"];
let list: Failures["list"];
let refuse: Failures["refuse"];
let park: Failures["park"];
let depsOf: Failures["depsOf"];
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	({ shop, store, push, list, refuse, park, depsOf } = await openFailures(database.pool, { wake: async () => {} }));
});

describe("the list", () => {
	test("R21 it says what failed where and why, newest first, and what a filter leaves of it", async () => {
		await refuse(0, 1);
		await park("a", null);
		const { rows, problems, matching } = await list();
		expect(rows.map(({ side, subject, sku, errorClass, canTryAgain }) => ({ side, subject, sku, errorClass, canTryAgain }))).toEqual([
			{ side: "messages", subject: "Message “orders/create”", sku: "", errorClass: "unexpected-shape", canTryAgain: false },
			{ side: "updates", subject: "SKU-1", sku: "SKU-1", errorClass: "rejected", canTryAgain: true },
			{ side: "updates", subject: "SKU-0", sku: "SKU-0", errorClass: "rejected", canTryAgain: true },
		]);
		expect(problems.map(({ side, errorClass, count }) => [side, errorClass, count])).toEqual([
			["updates", "rejected", 2],
			["messages", "unexpected-shape", 1],
		]);
		expect(matching).toEqual({ count: 3, more: false, throughId: rows[0]?.id });
		const ids = async (query: string) => (await list(query)).rows.map(({ id }) => id);
		expect(await ids("side=updates")).toEqual([rows[1]?.id, rows[2]?.id]);
		expect(await ids("kind=unexpected-shape")).toEqual([rows[0]?.id]);
		expect(await ids("q=sku-0")).toEqual([rows[2]?.id]);
		expect(await ids(`channel=${shop.home}`)).toEqual([]);
		expect(await ids("from=2026-01-01&until=2026-01-02")).toEqual([]);
		const today = new Date().toISOString().slice(0, 10);
		expect(await ids(`from=${today}&until=${today}`)).toEqual(rows.map(({ id }) => id));
		expect(await ids("from=2026-01-01&order=7")).toEqual([rows[0]?.id]);
		expect(await ids("order=8")).toEqual([]);
		expect(await ids("side=nonsense&channel=-1&after=nonsense")).toEqual(rows.map(({ id }) => id));
	});

	test("R21 a message is found by its order's number or by the channel's id of it", async () => {
		await park("a", { ...order("77", [{ item: 0, held: 2 }]), name: "#1077" });
		for (const found of ["77", "#1077", "1077"]) expect((await list(`order=${encodeURIComponent(found)}`)).rows).toHaveLength(1);
		expect((await list("order=107")).rows).toEqual([]);
	});

	test("R21 ten thousand are counted up to a bound and read page by page, there and back", async () => {
		await database.pool.query(
			`INSERT INTO dead_letter (shop_id, direction, connection_id, operation, error_class, error, source_key, correlation_id)
			 SELECT $1, 'out', $2, 'listing.write', 'rejected', 'no ' || n, 'k' || n, 'c' FROM generate_series(1, 10050) n`,
			[shop.shopId, shop.guest],
		);
		const first = await list();
		expect(first.matching).toMatchObject({ count: 10_000, more: true });
		const second = await list(`after=${encodeURIComponent(first.pages.after ?? "")}`);
		expect(second.rows[0]?.error).toBe("no 10000");
		const back = await list(`before=${encodeURIComponent(second.pages.before ?? "")}`);
		expect(back.rows.map(({ id }) => id)).toEqual(first.rows.map(({ id }) => id));
	});

	test("R21 one of them: what it shows, what it should, and each try; R37 in another shop there is no such thing", async () => {
		await refuse(0);
		const [row] = (await list()).rows;
		const failure = await readFailure(database.pool, shop.shopId, row?.id ?? 0);
		expect(failure).toMatchObject({ state: "open", figures: { now: 4, shows: 10 }, decided: null, error: "Not this one" });
		expect(failure?.tries[0]).toMatchObject({ outcome: "failed", quantity: 4, error: "Not this one" });
		const other = await openShop(database.pool, { items: 1 });
		expect(await readFailure(database.pool, other.shopId, row?.id ?? 0)).toBeNull();
		expect((await list("", other.shopId)).isEmpty).toBe(true);
	});
});

describe("problems", () => {
	test("R21 R40 what a person says of a problem is kept with who and when, once; it is good until the problem is over", async () => {
		await refuse(0, 1);
		const [problem] = (await list()).problems;
		expect(problem).toMatchObject({ count: 2, state: "open", isBack: false, error: "Not this one", decided: null });
		const say = (word: "acknowledge" | "ignore" | "reopen", shopId = shop.shopId) =>
			decideProblem(database.pool, shopId, { id: problem?.id ?? 0, word, actor: "user-1" });
		const other = await openShop(database.pool, { items: 1 });
		expect(await say("ignore", other.shopId)).toBe("over");
		expect((await Promise.all([say("acknowledge"), say("acknowledge")])).sort()).toEqual(["decided", "unchanged"]);
		expect((await list()).problems[0]).toMatchObject({ state: "acknowledged", decided: { who: "Somebody of your staff" } });
		expect(await say("ignore")).toBe("decided");
		const { rows } = await database.pool.query(
			"SELECT actor, action, subject, after FROM audit WHERE shop_id = $1 AND action LIKE 'problem.%' ORDER BY id",
			[shop.shopId],
		);
		expect(rows).toMatchObject([
			{ actor: "user-1", action: "problem.acknowledged", subject: String(shop.guest), after: { errorClass: "rejected", failures: 2 } },
			{ action: "problem.ignored" },
		]);
		store.refuses.clear();
		await releaseParked(database.pool, shop.shopId, shop.listings);
		await push();
		await resolveMended(database.pool);
		expect((await list()).problems).toEqual([]);
		expect(await say("reopen")).toBe("over");
		await refuse(2);
		expect((await list()).problems).toMatchObject([{ id: problem?.id, count: 1, state: "open", isBack: true, decided: null }]);
	});

	test("R21 a problem's own filter shows its failures and no others", async () => {
		await refuse(0);
		await park("a", null);
		expect((await list(`side=messages&channel=${shop.guest}&kind=unexpected-shape&what=orders/create`)).rows).toHaveLength(1);
		expect((await list(`side=updates&channel=${shop.guest}&kind=rejected&what=listing.write`)).rows).toHaveLength(1);
		expect((await list("what=listing.read")).rows).toEqual([]);
	});
});

describe("discarding", () => {
	test("R37 another shop's numbers are nobody's here", async () => {
		await refuse(0);
		const ids = (await list()).rows.map(({ id }) => id);
		const other = await openShop(database.pool, { items: 1 });
		expect(await discard(depsOf(), other.shopId, { ids }, { reason: "x", actor: "user-1" })).toEqual({ discarded: 0, more: false });
		expect((await list()).rows).toHaveLength(1);
	});

	test("R22 R40 it asks why, says who, and is done once; the same failure later is open again, with what was decided before", async () => {
		await refuse(0);
		const id = (await list()).rows[0]?.id ?? 0;
		const decision = { reason: "Not sold there any more", actor: "user-1" };
		expect(await discard(depsOf(), shop.shopId, { ids: [id] }, decision)).toEqual({ discarded: 1, more: false });
		expect(await discard(depsOf(), shop.shopId, { ids: [id] }, { ...decision, actor: "user-2" })).toEqual({ discarded: 0, more: false });
		expect((await list()).isEmpty).toBe(true);
		expect(await readFailure(database.pool, shop.shopId, id)).toMatchObject({ state: "discarded", decided: { reason: decision.reason } });
		const { rows } = await database.pool.query(
			"SELECT actor, action, after FROM audit WHERE shop_id = $1 AND action = 'failures.discarded'",
			[shop.shopId],
		);
		expect(rows).toEqual([{ actor: "user-1", action: "failures.discarded", after: { ids: [id], reason: decision.reason } }]);
		await database.pool.query("UPDATE listing SET parked = false, attempts = 0, attempts_class = NULL WHERE shop_id = $1", [shop.shopId]);
		await homeShows(database.pool, shop, 0, 3);
		await push();
		expect((await list()).rows.map((row) => row.id)).toEqual([id]);
	});
});
