import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readActivity } from "#app/pages/activity/read-activity.ts";
import { createBulkKit, PACE } from "../../tests/kit/bulk-sets.ts";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { expectCoherentState, type TestShop } from "../../tests/kit/shop.ts";
import { askForBulkRules, decideBulk, rollBackBulk, runBulk } from "./index.ts";
import { sendQuantities } from "./move-stock.ts";

let db: TestDatabase;
let kit: ReturnType<typeof createBulkKit>;
beforeAll(async () => {
	db = await freshDatabase();
	kit = createBulkKit(db);
});
afterAll(() => db.drop());

const ITEMS = 12;
/** Every product one more, and the first four a buffer. */
const TEXT = ["SKU,Change,Buffer", ...Array.from({ length: ITEMS }, (_, n) => `SKU-${n},+1,${n < 4 ? 2 : ""}`)].join("\n");
const RULED = JSON.stringify({ kind: "buffer", buffer: 2 });

/** A change whose rules are all written and of whose stock so many lines are moved. */
async function underWay(moved: number): Promise<{ shop: TestShop; id: number }> {
	const { deps, open, bring, run, confirm, setOf } = kit;
	const shop = await open({ items: ITEMS, locations: 1 });
	const id = await bring(shop, TEXT);
	await run(shop);
	await confirm(shop, id);
	// With delivery's hands full a round is one line.
	for (let n = 0; n < moved; n++) await runBulk(deps, shop.shopId, { waitingMax: 0 });
	expect(await setOf(shop, id)).toMatchObject({ state: "running", done: moved === 0 ? 0 : 4 + moved, canRollBack: true });
	return { shop, id };
}
const back = (shop: TestShop, changeId: number, actor = "9") => rollBackBulk(kit.deps, shop.shopId, { changeId, actor });
const word = (shop: TestShop, changeId: number, one: "pause" | "resume" | "cancel") =>
	decideBulk(kit.deps, shop.shopId, { changeId, word: one, actor: "8" });
const changesOf = (shop: TestShop) =>
	kit.rows("SELECT id, undoes_change AS undoes, actor FROM bulk_change WHERE shop_id = $1 ORDER BY id", shop);

/** As if nothing had ever been changed, but for what was sold. */
async function expectTakenBack(shop: TestShop, { sold = 0 } = {}): Promise<void> {
	expect(await kit.nets(shop)).toEqual(Array.from({ length: ITEMS }, (_, n) => String(n === 0 ? 10 - sold : 10)));
	expect(new Set(await kit.rules(shop))).toEqual(new Set(["null"]));
	await expectCoherentState(db.pool, shop.shopId);
}

describe("R27 R45 a change that is under way is rolled back in one word", () => {
	test.each(["running", "paused"])(
		"%s: what is on its way comes to its end, the rest is left, and all of it is taken back with the sales kept",
		async (state) => {
			const { run, setOf, sell } = kit;
			const { shop, id } = await underWay(5);
			if (state === "paused") await word(shop, id, "pause");
			await sell(shop, 0, 2, "a");
			expect(await back(shop, id)).toEqual({ outcome: "ending" });
			expect(await setOf(shop, id)).toMatchObject({ state: "cancelling", isRollingBack: true, canRollBack: false, undoneBy: null });
			await run(shop);
			const ended = await setOf(shop, id);
			expect(ended).toMatchObject({ state: "cancelled", done: 9, changed: 9, unitsUp: 5, isRollingBack: false, canRollBack: false });
			const undone = await setOf(shop, ended.undoneBy ?? 0);
			expect(undone).toMatchObject({ state: "done", undoes: id, actor: "9", changed: 9, unitsDown: 5, unitsMissing: 0 });
			expect(ended.undoneAt).toEqual(undone.doneAt);
			await expectTakenBack(shop, { sold: 2 });
			const { entries } = await readActivity(db.pool, shop.shopId, "1", { kind: "bulk", person: null, after: null, before: null });
			const paused = state === "paused" ? ["Paused “stock.csv”"] : [];
			expect(entries.map(({ what }) => what)).toEqual([
				"Rolled back “stock.csv”",
				"Began, and cancelled, the changes of “stock.csv”",
				"Had “stock.csv” rolled back while it was under way",
				...paused,
			]);
		},
	);

	test("lines that are in the inbox when it is said are moved first, and then taken back", async () => {
		const { run, setOf } = kit;
		const { shop, id } = await underWay(1);
		expect(await sendQuantities(db.pool, { shopId: shop.shopId, changeId: id }, 4)).toBe(4);
		await back(shop, id);
		await run(shop);
		expect(await setOf(shop, id)).toMatchObject({ state: "cancelled", unitsUp: 5 });
		await expectTakenBack(shop);
	});

	test("said twice, at once, or again after the end, it is taken back once; and in either order with the other words", async () => {
		const { run, setOf } = kit;
		const { shop, id } = await underWay(3);
		expect(await Promise.all([back(shop, id), back(shop, id, "10")])).toEqual([{ outcome: "ending" }, { outcome: "ending" }]);
		expect([await word(shop, id, "cancel"), await word(shop, id, "pause"), await word(shop, id, "resume")]).toEqual(
			Array(3).fill("unchanged"),
		);
		await run(shop);
		expect(await back(shop, id)).toEqual({ outcome: "nothing" });
		await expectTakenBack(shop);
		expect(await changesOf(shop)).toHaveLength(2);

		const first = await underWay(3);
		await word(first.shop, first.id, "cancel");
		expect(await setOf(first.shop, first.id)).toMatchObject({ state: "cancelling", canRollBack: true });
		expect(await back(first.shop, first.id)).toEqual({ outcome: "ending" });
		await run(first.shop);
		await expectTakenBack(first.shop);

		const ended = await underWay(3);
		await word(ended.shop, ended.id, "cancel");
		await run(ended.shop);
		expect(await back(ended.shop, ended.id)).toMatchObject({ outcome: "asked", listings: 7 });
		await run(ended.shop);
		await expectTakenBack(ended.shop);
	});

	test("said while workers are at it, whichever comes first, it is done and taken back, or left, and taken back", async () => {
		const { run, rows } = kit;
		for (let at = 0; at < 12; at++) {
			const { shop, id } = await underWay(1);
			await Promise.all([
				run(shop),
				run(shop),
				new Promise((resolve) => setTimeout(resolve, at * 6)).then(() => Promise.all([back(shop, id), back(shop, id)])),
			]);
			await run(shop);
			await expectTakenBack(shop);
			const changes = await changesOf(shop);
			expect(changes.map(({ undoes }) => undoes)).toEqual([null, id]);
			expect(await rows("SELECT count(*)::int AS n FROM audit WHERE shop_id = $1 AND action = 'bulk.rolled_back'", shop)).toEqual([
				{ n: 1 },
			]);
		}
	}, 60_000);

	test("R08 killed before or after any statement of the word, of the end, or of taking back, it goes on and is taken back once", async () => {
		const { deps, run, setOf, rows } = kit;
		const live = async (at: number, moment: "before" | "after") => {
			const { shop, id } = await underWay(2);
			await sendQuantities(db.pool, { shopId: shop.shopId, changeId: id }, 2);
			const dying = dyingPool(db.pool, { at, moment });
			const mortal = { ...deps, pool: dying.pool };
			const tried = async (work: () => Promise<unknown>) => {
				await work().catch((error: unknown) => {
					if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
				});
			};
			await tried(() => rollBackBulk(mortal, shop.shopId, { changeId: id, actor: "9" }));
			await tried(() => runBulk(mortal, shop.shopId, PACE));
			// Whoever saw no answer presses again.
			await back(shop, id);
			await run(shop);
			expect([at, moment, await setOf(shop, id)]).toMatchObject([at, moment, { state: "cancelled", done: 8, changed: 8, unitsUp: 4 }]);
			expect((await changesOf(shop)).map(({ undoes }) => undoes)).toEqual([null, id]);
			expect(await rows("SELECT count(*)::int AS n FROM audit WHERE shop_id = $1 AND action LIKE 'bulk.%'", shop)).toEqual([{ n: 3 }]);
			await expectTakenBack(shop);
			return dying.statements();
		};
		const statements = await live(Number.POSITIVE_INFINITY, "before");
		expect(statements).toBeGreaterThan(60);
		for (const { at, moment } of placesToDie(statements, 2)) await live(at, moment);
	}, 240_000);

	test("of which nothing was done yet, it is only ended; nobody begins another one in between", async () => {
		const { deps, run, setOf } = kit;
		const { shop, id } = await underWay(0);
		await back(shop, id);
		await run(shop);
		expect(await setOf(shop, id)).toMatchObject({ state: "cancelled", changed: 0, undoneBy: null, canRollBack: false });
		expect(await changesOf(shop)).toHaveLength(1);
		await expectTakenBack(shop);

		const other = await underWay(2);
		await back(other.shop, other.id);
		const ask = (press: string) =>
			askForBulkRules(deps, other.shop.shopId, { itemIds: other.shop.items, channelId: null, policy: null, actor: "7", press });
		let asked = await ask("r0");
		for (let n = 1; asked.outcome === "busy"; n++) {
			await runBulk(deps, other.shop.shopId, { ...PACE, batchesMax: 1 });
			asked = await ask(`r${n}`);
		}
		const changes = await changesOf(other.shop);
		expect(changes.map(({ undoes }) => undoes)).toEqual([null, other.id, null]);
		expect(await setOf(other.shop, changes[1]?.id ?? 0)).toMatchObject({ state: "done", changed: 6 });
	});

	test("one rule for many too, and a roll back that is under way; another shop's, and a channel that is read again, are none", async () => {
		const { deps, open, run, setOf, rules } = kit;
		const shop = await open({ items: 3, locations: 1 });
		const policy = { kind: "buffer", buffer: 2 } as const;
		const rule = async () => {
			const asked = await askForBulkRules(deps, shop.shopId, { itemIds: shop.items, channelId: null, policy, actor: "7", press: "r" });
			if (asked.outcome !== "asked") throw new Error(asked.outcome);
			return asked.changeId;
		};
		const id = await rule();
		await runBulk(deps, shop.shopId, { batchesMax: 1 });
		expect(await rules(shop)).toEqual([RULED, RULED, RULED]);
		const other = await open({ items: 1 });
		expect(await back(other, id)).toEqual({ outcome: "nothing" });
		expect(await back(shop, id)).toEqual({ outcome: "ending" });
		// To the end of the first, and no further than one batch of what takes it back.
		while ((await setOf(shop, id)).undoneBy === null) await runBulk(deps, shop.shopId, { batchesMax: 1 });
		const undoing = (await setOf(shop, id)).undoneBy ?? 0;
		await runBulk(deps, shop.shopId, { batchesMax: 1 });
		expect(await rules(shop)).toEqual(["null", "null", "null"]);
		expect(await back(shop, undoing)).toEqual({ outcome: "ending" });
		await run(shop);
		expect(await rules(shop)).toEqual([RULED, RULED, RULED]);
		await db.pool.query("UPDATE bulk_change SET source = 'listings', done_at = NULL WHERE shop_id = $1 AND id = $2", [shop.shopId, id]);
		expect(await back(shop, id)).toEqual({ outcome: "nothing" });
	});
});
