import { afterAll, beforeAll, expect, it } from "vitest";
import { drainShop } from "#apply";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { applyDeps, expectCoherentState, makeShop, order, put, stockOf } from "../../tests/kit/shop.ts";

let db: TestDatabase;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());

const drain = (shopId: number, batchMax?: number) => drainShop(applyDeps(db.pool), shopId, batchMax === undefined ? {} : { batchMax });
const sales = async (shopId: number) =>
	(await db.pool.query("SELECT FROM movement WHERE shop_id = $1 AND cause <> 'opening'", [shopId])).rowCount;

it("R08 R09 four drains at once over small batches apply each event once", async () => {
	const shop = await makeShop(db.pool, { opening: 100 });
	await put(
		db.pool,
		shop,
		Array.from({ length: 120 }, (_, n) => order(`${n}`, [{ item: n % 3, held: 1 }])),
	);
	await Promise.all([drain(shop.shopId, 7), drain(shop.shopId, 11), drain(shop.shopId, 3), drain(shop.shopId)]);
	expect((await stockOf(db.pool, shop, 0)).available).toBe(60);
	expect(await sales(shop.shopId)).toBe(120);
	await expectCoherentState(db.pool, shop.shopId);
});

it("R08 R09 a drain that starts while another is in the middle of its batch waits for it and finds nothing left to do", async () => {
	const shop = await makeShop(db.pool);
	await drain(shop.shopId);
	await put(db.pool, shop, [order("1", [{ item: 0, held: 2 }])]);
	const waiting = async () =>
		(
			await db.pool.query<{ count: number }>(
				"SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
			)
		).rows[0]?.count;
	const blocker = await db.pool.connect();
	const drains: ReturnType<typeof drain>[] = [];
	try {
		await blocker.query("BEGIN");
		await blocker.query("SELECT FROM stock WHERE shop_id = $1 FOR UPDATE", [shop.shopId]);
		// The first has read the event and waits for its stock; the second comes before that is decided.
		drains.push(drain(shop.shopId));
		await expect.poll(waiting).toBe(1);
		drains.push(drain(shop.shopId));
		await expect.poll(waiting).toBe(2);
	} finally {
		await blocker.query("ROLLBACK");
		blocker.release();
	}
	expect(await Promise.all(drains)).toEqual([
		{ outcome: "drained", applied: 1, parked: 0 },
		{ outcome: "drained", applied: 0, parked: 0 },
	]);
	expect(await sales(shop.shopId)).toBe(1);
	await expectCoherentState(db.pool, shop.shopId);
});

it("R08 a drain that stalls until the database ends its session has done nothing, and the next one does all", async () => {
	const shop = await makeShop(db.pool);
	await drain(shop.shopId);
	await put(db.pool, shop, [order("1", [{ item: 0, held: 2 }])]);
	const deps = applyDeps(db.pool);
	let stalled: Promise<unknown> | undefined;
	const stalling = {
		...deps,
		traits: (channel: string) => {
			// In the middle of the batch, with the lane and the stock rows locked, the server ends every session that holds them.
			stalled ??= db.pool.query(
				"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
			);
			return deps.traits(channel);
		},
	};
	await drainShop(stalling, shop.shopId).catch((error: Error) => expect(error.message).toMatch(/terminat|connection/i));
	await stalled;
	await drain(shop.shopId);
	expect((await stockOf(db.pool, shop, 0)).available).toBe(8);
	expect(await sales(shop.shopId)).toBe(1);
	await expectCoherentState(db.pool, shop.shopId);
});
