import { afterAll, beforeAll, expect, test } from "vitest";
import { createBulkKit, PACE } from "../../tests/kit/bulk-sets.ts";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { expectCoherentState } from "../../tests/kit/shop.ts";
import { askForBulkUndo, runBulk } from "./index.ts";

let db: TestDatabase;
let kit: ReturnType<typeof createBulkKit>;
beforeAll(async () => {
	db = await freshDatabase();
	kit = createBulkKit(db);
});
afterAll(() => db.drop());

test("R08 R27 killed before or after any statement of reading, doing and rolling back, the next run brings it to the same end, once", async () => {
	const TEXT = "SKU,Quantity,Buffer,Channel\nSKU-0,20,,\nSKU-1,3,2,\nSKU-9,1,,\n";
	const { deps, open, bring, run, setOf, confirm, nets, rules, rows } = kit;
	const live = async (at: number, moment: "before" | "after") => {
		const shop = await open({ locations: 1 });
		const dying = dyingPool(db.pool, { at, moment });
		const tried = async () => {
			await runBulk({ ...deps, pool: dying.pool }, shop.shopId, PACE).catch((error: unknown) => {
				if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
			});
			await run(shop);
		};
		const id = await bring(shop, TEXT);
		await tried();
		expect([at, moment, await setOf(shop, id)]).toMatchObject([at, moment, { state: "ready", total: 3, problems: 1, linesRead: 3 }]);
		await confirm(shop, id, { leaveOut: true });
		await tried();
		expect([at, moment, await nets(shop), (await rules(shop))[1]]).toEqual([
			at,
			moment,
			["20", "3", "10", "10"],
			JSON.stringify({ kind: "buffer", buffer: 2 }),
		]);
		expect(await setOf(shop, id)).toMatchObject({ state: "done", done: 3, changed: 3, unitsUp: 10, unitsDown: 7 });
		await askForBulkUndo(deps, shop.shopId, { changeId: id, actor: "9" });
		await tried();
		expect([at, moment, await nets(shop), await rules(shop)]).toEqual([
			at,
			moment,
			["10", "10", "10", "10"],
			["null", "null", "null", "null"],
		]);
		expect(await rows("SELECT count(*)::int AS n FROM audit WHERE shop_id = $1 AND action LIKE 'bulk.%'", shop)).toEqual([{ n: 2 }]);
		await expectCoherentState(db.pool, shop.shopId);
		return dying.statements();
	};
	const statements = await live(Number.POSITIVE_INFINITY, "before");
	expect(statements).toBeGreaterThan(100);
	for (const { at, moment } of placesToDie(statements, 3)) await live(at, moment);
}, 240_000);
