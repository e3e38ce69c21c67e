import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { pushListings } from "#delivery";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { deliveryDeps, drain } from "../../tests/kit/delivery.ts";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { createNeighbourStore } from "../../tests/kit/neighbour-store.ts";
import { openReplayDesk, type ReplayDesk } from "../../tests/kit/replay-desk.ts";
import { order, stockOf } from "../../tests/kit/shop.ts";
import { runReplays } from "./index.ts";

let database: TestDatabase;
let desk: ReplayDesk;
const wake = vi.fn(async () => {});
const open = async (items: number) => {
	desk = await openReplayDesk(database, wake, items);
};
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

test("R22 10,000 failures of 100 products on two channels: at most one push of each on each, and replayed twice no further change", async () => {
	await open(100);
	const { rows: made } = await database.pool.query<{ id: number }>(
		`INSERT INTO connection (shop_id, channel, account, name, state, policy, cut_at, order_watermark, webhook_token)
		 SELECT shop_id, channel, 'second.example' || shop_id, 'Second', state, policy, cut_at, order_watermark, 'second' || shop_id FROM connection WHERE id = $1 RETURNING id`,
		[desk.shop.guest],
	);
	const second = made[0]?.id ?? 0;
	await database.pool.query(
		`INSERT INTO listing (shop_id, connection_id, external_id, sku, item_id, link_state, desired, shown, read_at)
		 SELECT shop_id, $2, external_id, sku, item_id, 'linked', desired, shown, read_at FROM listing WHERE shop_id = $1 AND connection_id = $3`,
		[desk.shop.shopId, second, desk.shop.guest],
	);
	const stores = new Map(
		[desk.shop.guest, second].map((id) => [
			id,
			createNeighbourStore(Object.fromEntries(desk.shop.items.map((_, n) => [`listing-${n}`, 10]))),
		]),
	);
	// Set aside at 4 of 10, with fifty failures each; home has moved on to 7 since.
	await database.pool.query(
		"UPDATE listing SET parked = true, attempts = 5, desired = 7, dirty_since = now() - interval '1 day' WHERE shop_id = $1",
		[desk.shop.shopId],
	);
	await database.pool.query(
		`INSERT INTO dead_letter (shop_id, direction, connection_id, listing_id, operation, error_class, error, source_key, correlation_id)
		 SELECT shop_id, 'out', connection_id, id, 'listing.write', CASE WHEN n % 2 = 0 THEN 'rejected' ELSE 'timeout' END, 'no', 'listing:' || id || ':' || n, 'c'
		 FROM listing, generate_series(1, 50) n WHERE shop_id = $1`,
		[desk.shop.shopId],
	);
	const pushAll = async () => {
		for (const id of stores.keys()) await pushListings(deliveryDeps(database.pool, stores), desk.shop.shopId, id);
	};
	const startedAt = performance.now();
	const chosen = await desk.all();
	const runId = await desk.begun(chosen);
	for (let n = 0; n < 60 && !(await desk.standing(runId))?.doneAt; n++) {
		await desk.round();
		await pushAll();
	}
	expect(await desk.standing(runId)).toMatchObject({
		total: 10_000,
		succeeded: 10_000,
		failed: 0,
		nothing: 0,
		leftAlone: 0,
		state: "done",
	});
	const written = () =>
		[...stores.values()].map(({ calls }) => calls.filter(({ operation }) => operation === "write").flatMap(({ ids }) => ids).length);
	expect(written()).toEqual([100, 100]);
	for (const { figures } of stores.values()) expect([...new Set(figures.values())]).toEqual([7]);
	expect(performance.now() - startedAt).toBeLessThan(30_000);
	// Once more, and once more as if they had failed again although the channels show the figure.
	expect(await desk.ask(chosen)).toEqual({ outcome: "nothing" });
	await database.pool.query("UPDATE dead_letter SET state = 'open' WHERE shop_id = $1", [desk.shop.shopId]);
	const again = await desk.begun(await desk.all());
	for (let n = 0; n < 60 && !(await desk.standing(again))?.doneAt; n++) {
		await desk.round();
		await pushAll();
	}
	expect(await desk.standing(again)).toMatchObject({ total: 10_000, failed: 0, leftAlone: 0, state: "done" });
	expect(written()).toEqual([100, 100]);
}, 120_000);

test("R22 R08 killed before or after any statement of asking or of a round, the next one brings it to the same end, once", async () => {
	const run = async (at: number, moment: "before" | "after") => {
		await open(2);
		await desk.refuse(0);
		desk.store.refuses.clear();
		await desk.park("k", order("k", [{ item: 1, held: 1 }]));
		const chosen = await desk.all();
		const before = desk.writes();
		const press = `kill-${at}-${moment}`;
		const dying = dyingPool(database.pool, { at, moment });
		const life = async () => {
			await desk.ask(chosen, { press, pool: dying.pool });
			await runReplays(desk.depsOf(dying.pool), desk.shop.shopId);
			await desk.push();
			await drain(database.pool, desk.shop);
			await runReplays(desk.depsOf(dying.pool), desk.shop.shopId);
		};
		await life().catch((error: unknown) => {
			if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
		});
		const asked = await desk.ask(chosen, { press });
		if (asked.outcome !== "asked") throw new Error(`nothing after a kill at ${at} ${moment}`);
		expect([at, moment, await desk.toItsEnd(asked.runId)]).toEqual([
			at,
			moment,
			{ total: 2, succeeded: 2, failed: 0, nothing: 0, leftAlone: 0, state: "done" },
		]);
		expect([at, moment, desk.writes() - before, (await desk.events()).length]).toEqual([at, moment, 1, 1]);
		expect((await desk.entries()).map(({ action }) => action)).toEqual(["replay.begun", "replay.ended"]);
		expect((await stockOf(database.pool, desk.shop, 1)).available).toBe(9);
		return dying.statements();
	};
	const statements = await run(Number.POSITIVE_INFINITY, "before");
	expect(statements).toBeGreaterThan(40);
	for (const { at, moment } of placesToDie(statements)) await run(at, moment);
}, 240_000);
