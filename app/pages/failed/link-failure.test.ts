import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { readReplay, runReplays } from "#app/replay/index.ts";
import type { Deps } from "#connections";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { drain, openShop } from "../../../tests/kit/delivery.ts";
import { dyingPool, Killed, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { expectCoherentState, order, put, stockOf, type TestShop } from "../../../tests/kit/shop.ts";
import { linkFailure, readUnlinked } from "./link-failure.ts";

let database: TestDatabase;
let shop: TestShop;
const wake = vi.fn(async () => {});
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(() => open());

/** The store sells a listing that nobody has linked: two orders of it, and one of another that is not linked either. */
const open = async () => {
	shop = await openShop(database.pool, { items: 3, opening: 10 });
	await database.pool.query("UPDATE listing SET item_id = NULL, link_state = 'unlinked' WHERE shop_id = $1 AND id = ANY($2)", [
		shop.shopId,
		shop.listings.slice(1),
	]);
	await put(database.pool, shop, [sold("1", 1), sold("2", 1), sold("3", 2)]);
	await drain(database.pool, shop);
};
const sold = (id: string, item: number) => order(id, [{ item, held: 2 }]);
const depsOf = (pool = database.pool) => ({ pool, wake, log: pino({ level: "silent" }) }) as unknown as Deps;
const letters = async () =>
	(
		await database.pool.query<{ id: number; state: string; error: string }>(
			"SELECT id, state, error FROM dead_letter WHERE shop_id = $1 ORDER BY id",
			[shop.shopId],
		)
	).rows;
let presses = 0;
const link = async (some: Partial<Parameters<typeof linkFailure>[2]> = {}, { pool = database.pool, shopId = shop.shopId } = {}) =>
	linkFailure(depsOf(pool), shopId, {
		failureId: (await letters())[0]?.id ?? 0,
		listingId: shop.listings[1] ?? 0,
		itemId: shop.items[1] ?? 0,
		actor: "user-1",
		press: `press-${++presses}`,
		...some,
	});
/** The channel is asked for the orders that wait, and its answers are applied, as a worker does it. */
const answerFetches = async () => {
	const { rows } = await database.pool.query<{ external_id: string }>(
		"UPDATE fetch_request SET done_seq = seq WHERE shop_id = $1 AND seq > done_seq RETURNING external_id",
		[shop.shopId],
	);
	const askedAt = new Date(Date.now() + 1_000).toISOString();
	await put(
		database.pool,
		shop,
		rows.map(({ external_id }) => ({ ...sold(external_id, external_id === "3" ? 2 : 1), fetched: { askedAt, answeredAt: askedAt } })),
	);
	await drain(database.pool, shop);
};
const toItsEnd = async (runId: number) => {
	for (let n = 0; n < 6; n++) {
		await runReplays(depsOf(), shop.shopId);
		await drain(database.pool, shop);
		if (n > 1) await answerFetches();
	}
	return readReplay(database.pool, shop.shopId, runId);
};

test("R22 what sells an unlinked listing is linked in place; then that failure and all others of the listing are counted, and no others", async () => {
	const [first] = await letters();
	expect((await letters()).map(({ state }) => state)).toEqual(["open", "open", "open"]);
	expect(await readUnlinked(database.pool, shop.shopId, first?.id ?? 0)).toMatchObject([{ listingId: shop.listings[1], sku: "SKU-1" }]);
	const linked = await link();
	expect(linked).toMatchObject({ outcome: "begun", failures: 2 });
	const runId = linked.outcome === "begun" ? linked.runId : 0;
	// The message says no more than the order that is known already: the channel is asked, and until then there is no verdict.
	await runReplays(depsOf(), shop.shopId);
	await drain(database.pool, shop);
	await runReplays(depsOf(), shop.shopId);
	expect(await readReplay(database.pool, shop.shopId, runId)).toMatchObject({ state: "running", begun: 2 });
	expect(await toItsEnd(runId)).toMatchObject({ state: "done", total: 2, succeeded: 2, failed: 0 });
	expect((await letters()).map(({ state }) => state)).toEqual(["resolved", "resolved", "open"]);
	expect((await stockOf(database.pool, shop, 1)).available).toBe(6);
	expect((await stockOf(database.pool, shop, 2)).available).toBe(10);
	expect(await readUnlinked(database.pool, shop.shopId, first?.id ?? 0)).toEqual([]);
	const { rows } = await database.pool.query("SELECT actor, action FROM audit WHERE shop_id = $1 AND actor = 'user-1' ORDER BY id", [
		shop.shopId,
	]);
	expect(rows.map(({ action }) => action)).toEqual(["listings.linked", "replay.begun", "replay.ended"]);
	await expectCoherentState(database.pool, shop.shopId);
});

test("R22 R37 a listing that the failure is not about, another shop's, or a product that is gone: nothing is linked", async () => {
	expect(await link({ listingId: shop.listings[2] ?? 0 })).toMatchObject({ outcome: "refused" });
	expect(await link({ itemId: 999_999 })).toMatchObject({ outcome: "refused" });
	const other = await openShop(database.pool, { items: 2 });
	expect(await link({}, { shopId: other.shopId })).toMatchObject({ outcome: "refused" });
	expect(await readUnlinked(database.pool, other.shopId, (await letters())[0]?.id ?? 0)).toEqual([]);
	const { rows } = await database.pool.query("SELECT count(*)::int AS n FROM listing WHERE shop_id = $1 AND item_id IS NOT NULL", [
		shop.shopId,
	]);
	expect(rows).toEqual([{ n: 1 }]);
});

test("R22 R08 killed before or after any statement, the same press links once and begins one run", async () => {
	const run = async (at: number, moment: "before" | "after") => {
		await open();
		const press = `kill-${at}-${moment}`;
		const failureId = (await letters())[0]?.id ?? 0;
		const dying = dyingPool(database.pool, { at, moment });
		await link({ press, failureId }, { pool: dying.pool }).catch((error: unknown) => {
			if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
		});
		const again = await link({ press, failureId });
		expect([at, moment, again.outcome]).toEqual([at, moment, "begun"]);
		const end = await toItsEnd(again.outcome === "begun" ? again.runId : 0);
		expect([at, moment, end?.state, end?.succeeded]).toEqual([at, moment, "done", 2]);
		expect((await stockOf(database.pool, shop, 1)).available).toBe(6);
		return dying.statements();
	};
	const statements = await run(Number.POSITIVE_INFINITY, "before");
	expect(statements).toBeGreaterThan(10);
	for (const { at, moment } of placesToDie(statements, 2)) await run(at, moment);
}, 180_000);
