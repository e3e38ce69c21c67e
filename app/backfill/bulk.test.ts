import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { undoEntry } from "#app/pages/activity/undo-entry.ts";
import type { Deps } from "#connections";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { drain } from "../../tests/kit/delivery.ts";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { makeShop, type TestShop } from "../../tests/kit/shop.ts";
import { askForBulkRules, findWaitingBulks, previewBulkRules, readNewestBulk, runBulk } from "./index.ts";

let db: TestDatabase;
let deps: Deps;
const woken: string[] = [];
beforeAll(async () => {
	db = await freshDatabase();
	deps = {
		pool: db.pool,
		keyRing: [{ id: "k", key: randomBytes(32) }],
		env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
		log: pino({ level: "silent" }),
		wake: async (name) => void woken.push(name),
	};
});
afterAll(() => db.drop());

let presses = 0;
const open = async (items: number): Promise<TestShop> => {
	const shop = await makeShop(db.pool, { items, opening: 10 });
	// A drain gives its worker to others after a while.
	const waiting = async () =>
		(await db.pool.query("SELECT FROM inbox_event WHERE shop_id = $1 AND status = 'pending' LIMIT 1", [shop.shopId])).rowCount;
	while ((await waiting()) !== 0) await drain(db.pool, shop);
	return shop;
};
const BUFFER = { kind: "buffer" as const, buffer: 4 };
const ask = (shop: TestShop, over: { press?: string; itemIds?: number[] } = {}) =>
	askForBulkRules(deps, shop.shopId, { itemIds: shop.items, channelId: null, policy: BUFFER, actor: "7", press: `p${++presses}`, ...over });
const rows = async (sql: string, shop: TestShop) => (await db.pool.query(sql, [shop.shopId])).rows;
const figures = async (shop: TestShop) =>
	(
		await rows(
			"SELECT coalesce(policy->>'buffer', '-') AS rule, desired, count(*)::int AS n FROM listing WHERE shop_id = $1 GROUP BY 1, 2 ORDER BY 1, 2",
			shop,
		)
	).map(({ rule, desired, n }) => `${n} with ${rule} show ${desired}`);
const entries = (shop: TestShop) => rows("SELECT id, actor, action, after FROM audit WHERE shop_id = $1 ORDER BY id", shop);

describe("R12 R45 one rule for everything that a filter matches", () => {
	test("R12 seen before, done in batches, one entry; and undone as one, each listing to its own former rule", async () => {
		const shop = await open(1_200);
		await db.pool.query(`UPDATE listing SET policy = '{"kind":"buffer","buffer":1}' WHERE shop_id = $1 AND id = $2`, [
			shop.shopId,
			shop.listings[0],
		]);
		await db.pool.query(`UPDATE listing SET desired = 9 WHERE shop_id = $1 AND id = $2`, [shop.shopId, shop.listings[0]]);
		expect(
			await previewBulkRules(db.pool, shop.shopId, { itemIds: shop.items, channelId: null, policy: { kind: "fixed", fixed: 0 } }),
		).toEqual({
			listings: 1_200,
			changes: 1_200,
			toZero: 1_200,
			raised: 0,
			lowered: 1_200,
		});
		const before = await figures(shop);
		expect(await ask(shop)).toMatchObject({ outcome: "asked", listings: 1_200 });
		expect(woken).toContain("backfill.run");
		expect(await findWaitingBulks(db.pool)).toContain(shop.shopId);
		expect(await runBulk(deps, shop.shopId)).toEqual({ outcome: "done" });
		expect(await figures(shop)).toEqual(["1200 with 4 show 6"]);
		expect(await readNewestBulk(db.pool, shop.shopId)).toMatchObject({ total: 1_200, done: 1_200, changed: 1_200, isOver: true });
		const [entry] = await entries(shop);
		expect(await entries(shop)).toMatchObject([{ actor: "7", action: "rules.bulk_changed", after: { listings: 1_200, policy: BUFFER } }]);

		expect(await undoEntry(deps, shop.shopId, { entryId: entry.id, actor: "8" })).toEqual({ outcome: "begun", things: 1_200 });
		await runBulk(deps, shop.shopId);
		expect(await figures(shop)).toEqual(before);
		expect(await undoEntry(deps, shop.shopId, { entryId: entry.id, actor: "8" })).toEqual({ outcome: "overtaken" });
		const undone = (await entries(shop))[1];
		expect(undone).toMatchObject({ actor: "8", action: "rules.bulk_changed", after: { listings: 1_200, undoes: entry.id } });
		// The undoing is an entry like any other.
		expect(await undoEntry(deps, shop.shopId, { entryId: undone.id, actor: "8" })).toMatchObject({ outcome: "begun" });
		await runBulk(deps, shop.shopId);
		expect(await figures(shop)).toEqual(["1200 with 4 show 6"]);
	}, 60_000);

	test("R45 undoing leaves alone what somebody has changed since", async () => {
		const shop = await open(3);
		await ask(shop);
		await runBulk(deps, shop.shopId);
		await db.pool.query(`UPDATE listing SET policy = '{"kind":"fixed","fixed":2}' WHERE shop_id = $1 AND id = $2`, [
			shop.shopId,
			shop.listings[0],
		]);
		const [entry] = await entries(shop);
		expect(await undoEntry(deps, shop.shopId, { entryId: entry.id, actor: "8" })).toEqual({ outcome: "begun", things: 2 });
		await runBulk(deps, shop.shopId);
		expect(await rows("SELECT policy FROM listing WHERE shop_id = $1 ORDER BY id", shop)).toEqual([
			{ policy: { kind: "fixed", fixed: 2 } },
			{ policy: null },
			{ policy: null },
		]);
	});

	test("R12 frozen when it is confirmed: what is linked later is not touched; pressed twice it is one; another one waits for its turn", async () => {
		const shop = await open(3);
		const few = shop.items.slice(0, 2);
		const pressed = await Promise.all([ask(shop, { press: "same", itemIds: few }), ask(shop, { press: "same", itemIds: few })]);
		expect(new Set(pressed.map((one) => JSON.stringify(one))).size).toBe(1);
		expect(await ask(shop)).toEqual({ outcome: "busy" });
		await db.pool.query("UPDATE listing SET item_id = $3 WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.listings[2], shop.items[0]]);
		await Promise.all([runBulk(deps, shop.shopId), runBulk(deps, shop.shopId), runBulk(deps, shop.shopId)]);
		expect(await readNewestBulk(db.pool, shop.shopId)).toMatchObject({ total: 2, done: 2, changed: 2, isOver: true });
		expect(await rows("SELECT count(*)::int AS n FROM listing WHERE shop_id = $1 AND policy IS NOT NULL", shop)).toEqual([{ n: 2 }]);
		expect(await entries(shop)).toHaveLength(1);
		expect(await ask(shop, { press: "same", itemIds: few })).toEqual(pressed[0]);
		expect(await runBulk(deps, shop.shopId)).toEqual({ outcome: "done" });
		expect(await entries(shop)).toHaveLength(1);
		expect(await ask(shop, { itemIds: [] })).toEqual({ outcome: "nothing" });
	});

	test("R37 products of another shop are none", async () => {
		const [shop, other] = [await open(2), await open(2)];
		expect(await ask(shop, { itemIds: other.items })).toEqual({ outcome: "nothing" });
		await ask(other);
		expect(await runBulk(deps, shop.shopId)).toEqual({ outcome: "done" });
		expect(await readNewestBulk(db.pool, other.shopId)).toMatchObject({ done: 0, isOver: false });
	});

	test("R08 R45 killed before or after any statement, the next run brings it to the same end, once", async () => {
		const run = async (at: number, moment: "before" | "after") => {
			const shop = await open(3);
			await ask(shop);
			const dying = dyingPool(db.pool, { at, moment });
			await runBulk({ ...deps, pool: dying.pool }, shop.shopId).catch((error: unknown) => {
				if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
			});
			await runBulk(deps, shop.shopId);
			expect([at, moment, await figures(shop)]).toEqual([at, moment, ["3 with 4 show 6"]]);
			expect(await readNewestBulk(db.pool, shop.shopId)).toMatchObject({ total: 3, done: 3, changed: 3, isOver: true });
			expect([at, moment, (await entries(shop)).length]).toEqual([at, moment, 1]);
			return dying.statements();
		};
		const statements = await run(Number.POSITIVE_INFINITY, "before");
		expect(statements).toBeGreaterThan(20);
		for (const { at, moment } of placesToDie(statements)) await run(at, moment);
	}, 120_000);
});
