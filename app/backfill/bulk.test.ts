import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import { readActivity } from "#app/pages/activity/read-activity.ts";
import { undoEntry } from "#app/pages/activity/undo-entry.ts";
import { readItem } from "#app/pages/item/read-item.ts";
import type { Deps } from "#connections";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { drain } from "../../tests/kit/delivery.ts";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { makeShop, type TestShop } from "../../tests/kit/shop.ts";
import {
	askForBulkPause,
	askForBulkRules,
	findWaitingBulks,
	previewBulkPause,
	previewBulkRules,
	readNewestBulk,
	runBulk,
} from "./index.ts";

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
			toZeroSold: 1_200,
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

describe("R12 R45 everything that a filter matches is paused, and resumed", () => {
	const pause = (shop: TestShop, paused: boolean, over: { press?: string } = {}) =>
		askForBulkPause(deps, shop.shopId, { itemIds: shop.items, channelId: null, paused, actor: "7", press: `p${++presses}`, ...over });
	const pauses = async (shop: TestShop) =>
		(
			await rows(
				"SELECT paused, coalesce(paused_reason, '-') AS why, count(*)::int AS n FROM listing WHERE shop_id = $1 GROUP BY 1, 2 ORDER BY 1, 2",
				shop,
			)
		).map(({ paused, why, n }) => `${n} ${paused ? `paused ${why}` : "go on"}`);
	const preview = (shop: TestShop, paused: boolean) =>
		previewBulkPause(db.pool, shop.shopId, { itemIds: shop.items, channelId: null, paused });

	test("R12 counted before, over more than one batch, one entry; undone as one, and what was paused by hand before stays paused", async () => {
		const shop = await open(1_200);
		await db.pool.query("UPDATE listing SET paused = true, paused_reason = 'by hand' WHERE shop_id = $1 AND id = $2", [
			shop.shopId,
			shop.listings[0],
		]);
		expect(await preview(shop, true)).toMatchObject({ listings: 1_200, changes: 1_199, notLive: 0, figures: 0 });
		expect(await pause(shop, true)).toMatchObject({ outcome: "asked", listings: 1_199 });
		expect(await runBulk(deps, shop.shopId)).toEqual({ outcome: "done" });
		expect(await pauses(shop)).toEqual(["1200 paused by hand"]);
		expect(await readNewestBulk(db.pool, shop.shopId)).toMatchObject({
			paused: true,
			total: 1_199,
			done: 1_199,
			changed: 1_199,
			isOver: true,
		});
		const [entry] = await entries(shop);
		expect(entry).toMatchObject({ actor: "7", action: "listings.bulk_paused", after: { listings: 1_199 } });

		expect(await undoEntry(deps, shop.shopId, { entryId: entry.id, actor: "8" })).toEqual({ outcome: "begun", things: 1_199 });
		await runBulk(deps, shop.shopId);
		expect(await pauses(shop)).toEqual(["1199 go on", "1 paused by hand"]);
		expect(await undoEntry(deps, shop.shopId, { entryId: entry.id, actor: "8" })).toEqual({ outcome: "overtaken" });
		const undone = (await entries(shop))[1];
		expect(undone).toMatchObject({ actor: "8", action: "listings.bulk_resumed", after: { listings: 1_199, undoes: entry.id } });
		expect(await undoEntry(deps, shop.shopId, { entryId: undone.id, actor: "8" })).toMatchObject({ outcome: "begun" });
		await runBulk(deps, shop.shopId);
		expect(await pauses(shop)).toEqual(["1200 paused by hand"]);
		const activity = await readActivity(db.pool, shop.shopId, "1", { kind: "pauses", person: null, after: null, before: null });
		expect(activity.entries.map(({ what, undoable }) => [what, undoable])).toEqual([
			["Took the resuming of 1,199 listings at once back", true],
			["Took the pausing of 1,199 listings at once back", true],
			["Paused 1,199 listings at once", true],
		]);
	}, 60_000);

	test("R40 what goes on is looked at and brought to its figure; what is not live yet is left to its channel's page", async () => {
		const shop = await open(4);
		await pause(shop, true);
		await runBulk(deps, shop.shopId);
		await db.pool.query("UPDATE listing SET paused_reason = $3 WHERE shop_id = $1 AND id = $2", [
			shop.shopId,
			shop.listings[0],
			NOT_LIVE_YET,
		]);
		await db.pool.query("UPDATE listing SET dirty_since = NULL, recheck = false, shown = 3, desired = 10 WHERE shop_id = $1", [
			shop.shopId,
		]);
		await db.pool.query("UPDATE listing SET desired = 0 WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.listings[1]]);
		expect(await preview(shop, false)).toEqual({ listings: 4, changes: 3, notLive: 1, figures: 3, toZero: 1, raised: 2, lowered: 1 });
		woken.length = 0;
		expect(await pause(shop, false)).toMatchObject({ outcome: "asked", listings: 3 });
		await runBulk(deps, shop.shopId);
		expect(await pauses(shop)).toEqual(["3 go on", `1 paused ${NOT_LIVE_YET}`]);
		expect(woken).toContain("delivery.push");
		expect(
			await rows("SELECT count(*)::int AS n FROM listing WHERE shop_id = $1 AND recheck AND dirty_since IS NOT NULL AND NOT paused", shop),
		).toEqual([{ n: 3 }]);
	});

	test("R12 frozen when it is confirmed; pressed twice it is one; undoing leaves alone what somebody resumed; nothing left is said", async () => {
		const shop = await open(3);
		const pressed = await Promise.all([pause(shop, true, { press: "same" }), pause(shop, true, { press: "same" })]);
		expect(new Set(pressed.map((one) => JSON.stringify(one))).size).toBe(1);
		expect(await pause(shop, false)).toEqual({ outcome: "busy" });
		await Promise.all([runBulk(deps, shop.shopId), runBulk(deps, shop.shopId)]);
		expect(await entries(shop)).toHaveLength(1);
		expect(await pause(shop, true)).toEqual({ outcome: "nothing" });
		await db.pool.query("UPDATE listing SET paused = false, paused_reason = NULL WHERE shop_id = $1 AND id = $2", [
			shop.shopId,
			shop.listings[0],
		]);
		const [entry] = await entries(shop);
		expect(await undoEntry(deps, shop.shopId, { entryId: entry.id, actor: "8" })).toEqual({ outcome: "begun", things: 2 });
	});

	test("R37 products of another shop are none; a product's story tells of the bulk changes that reached it, and of no other", async () => {
		const [shop, other] = [await open(2), await open(2)];
		expect(
			await askForBulkPause(deps, shop.shopId, { itemIds: other.items, channelId: null, paused: true, actor: "7", press: "theirs" }),
		).toEqual({ outcome: "nothing" });
		await askForBulkPause(deps, shop.shopId, { itemIds: shop.items.slice(0, 1), channelId: null, paused: true, actor: "7", press: "one" });
		await runBulk(deps, shop.shopId);
		const story = async (n: number) =>
			(await readItem(db.pool, shop.shopId, shop.items[n] ?? 0, { reader: "7", before: null }))?.story.events
				.filter(({ kind }) => kind === "person")
				.map(({ text }) => text);
		expect([await story(0), await story(1)]).toEqual([["Paused 1 listing at once"], []]);
	});

	test.each([true, false])(
		"R08 R45 killed before or after any statement, the next run brings it to the same end, once (paused: %s)",
		async (paused) => {
			const run = async (at: number, moment: "before" | "after") => {
				const shop = await open(3);
				await db.pool.query("UPDATE listing SET paused = $2, paused_reason = CASE WHEN $2 THEN 'by hand' END WHERE shop_id = $1", [
					shop.shopId,
					!paused,
				]);
				await pause(shop, paused);
				const dying = dyingPool(db.pool, { at, moment });
				await runBulk({ ...deps, pool: dying.pool }, shop.shopId).catch((error: unknown) => {
					if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
				});
				await runBulk(deps, shop.shopId);
				expect([at, moment, await pauses(shop)]).toEqual([at, moment, [paused ? "3 paused by hand" : "3 go on"]]);
				expect(await readNewestBulk(db.pool, shop.shopId)).toMatchObject({ total: 3, done: 3, changed: 3, isOver: true });
				expect([at, moment, (await entries(shop)).length]).toEqual([at, moment, 1]);
				return dying.statements();
			};
			const statements = await run(Number.POSITIVE_INFINITY, "before");
			expect(statements).toBeGreaterThan(20);
			for (const { at, moment } of placesToDie(statements)) await run(at, moment);
		},
		120_000,
	);
});
