import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { transaction } from "#app/db.server.ts";
import { drainShop } from "#apply";
import { formDeltaBatch } from "#ledger";
import { createRandom } from "../../sandbox/random.ts";
import { type Child, startChild } from "../kit/child.ts";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";
import { applyDeps, at, desiredOf, expectCoherentState, makeShop, order, put, reading, stockOf } from "../kit/shop.ts";

const WORKERS = 3;
const ROUNDS = 200;
const PROCESS = fileURLToPath(new URL("drain-process.ts", import.meta.url));

let db: TestDatabase;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());

const waitUntilDrained = async (shopId: number) => {
	for (let n = 0; n < 2_000; n++) {
		const waiting = await db.pool.query("SELECT 1 FROM inbox_event WHERE shop_id = $1 AND status = 'pending' LIMIT 1", [shopId]);
		if (waiting.rowCount === 0) return;
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
	throw new Error("The events were not drained in time");
};

describe("the last unit", () => {
	it(`R09 R11 buyers on both channels want the last unit, ${ROUNDS} rounds over ${WORKERS} worker processes: one has it, the others are short by exactly one each`, async () => {
		const random = createRandom(11);
		const shop = await makeShop(db.pool, { items: ROUNDS, opening: 1 });
		await drainShop(applyDeps(db.pool), shop.shopId);
		const workers: Child[] = await Promise.all(Array.from({ length: WORKERS }, () => startChild(PROCESS, [db.url, String(shop.shopId)])));
		const guests: number[] = [];
		const homes: number[] = [];
		for (let round = 0; round < ROUNDS; round++) {
			const guestBuyers = random.between(1, 4);
			// Home sells its unit at most once by itself; what guests sold reaches its figure only later.
			const homeBuyers = random.between(0, 1);
			guests.push(guestBuyers);
			homes.push(homeBuyers);
			const second = String(round % 60).padStart(2, "0");
			const created = at(`10:${String(Math.floor(round / 60)).padStart(2, "0")}:${second}`);
			const sales = Array.from({ length: guestBuyers }, (_, n) => () => {
				const sale = order(`${round}-${n}`, [{ item: round, held: 1 }], { created });
				const copies = random.chance(0.3) ? 2 : 1;
				return put(
					db.pool,
					shop,
					Array.from({ length: copies }, () => sale),
				);
			});
			if (homeBuyers === 1) {
				const own = { ...order(`h${round}`, [{ item: round, held: 1, external: `variant:${round}` }], { created }) };
				sales.push(() => put(db.pool, shop, [own], { connection: "home" }));
				sales.push(() => put(db.pool, shop, [reading(round, 0, created)], { connection: "home" }));
			}
			await Promise.all(random.shuffle(sales).map((sell) => sell()));
		}
		await waitUntilDrained(shop.shopId);
		const trouble = await Promise.all(workers.map((worker) => worker.stop()));
		expect(trouble.join("")).toBe("");

		// Home hears of the guests' sales, and its own figure then says what it owes.
		for (;;) {
			const batch = await transaction(db.pool, (tx) => formDeltaBatch(tx, shop.shopId, { connectionId: shop.home, correlationId: "test" }));
			if (!batch) break;
			await put(
				db.pool,
				shop,
				[{ v: 1, type: "delta.landed", batchId: batch.batchId, landedAt: at("11:00:00"), answeredAt: at("11:00:00") }],
				{ connection: "home", source: "app" },
			);
		}
		const figures = guests.map((guest, round) => reading(round, 1 - guest - (homes[round] ?? 0), at("11:00:10")));
		await put(db.pool, shop, figures, { connection: "home" });
		await drainShop(applyDeps(db.pool), shop.shopId);

		const oversells = await db.pool.query(
			"SELECT item_id, sum(units)::int AS units FROM oversell WHERE shop_id = $1 AND state = 'open' GROUP BY item_id",
			[shop.shopId],
		);
		const short = new Map(oversells.rows.map((r) => [r.item_id as number, r.units as number]));
		for (let round = 0; round < ROUNDS; round++) {
			const sold = (guests[round] ?? 0) + (homes[round] ?? 0);
			const stock = await stockOf(db.pool, shop, round);
			expect([round, stock.available, stock.short]).toEqual([round, 0, sold - 1]);
			expect([round, short.get(shop.items[round] ?? 0) ?? 0]).toEqual([round, sold - 1]);
			expect(await desiredOf(db.pool, shop, round)).toBe(0);
		}
		await expectCoherentState(db.pool, shop.shopId);
	}, 120_000);

	it("R08 workers killed at random moments lose nothing and repeat nothing", async () => {
		const random = createRandom(23);
		const shop = await makeShop(db.pool, { items: 5, opening: 1_000 });
		let sold = 0;
		for (let wave = 0; wave < 12; wave++) {
			const worker = await startChild(PROCESS, [db.url, String(shop.shopId)]);
			const killed = new Promise<void>((resolve) => setTimeout(() => void worker.kill().then(resolve), random.between(0, 60)));
			for (let n = 0; n < 40; n++) {
				const units = random.between(1, 3);
				sold += units;
				await put(db.pool, shop, [order(`${wave}-${n}`, [{ item: n % 5, held: units }])]);
			}
			await killed;
		}
		await drainShop(applyDeps(db.pool), shop.shopId);
		const left = await db.pool.query("SELECT sum(available)::int AS n FROM stock WHERE shop_id = $1", [shop.shopId]);
		expect(left.rows[0].n).toBe(5_000 - sold);
		expect((await db.pool.query("SELECT 1 FROM movement WHERE shop_id = $1 AND cause = 'sale'", [shop.shopId])).rowCount).toBe(480);
		await expectCoherentState(db.pool, shop.shopId);
	}, 120_000);
});
