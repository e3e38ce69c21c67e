import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { makeShop } from "../../../tests/kit/shop.ts";
import { forgetLeftRows, forgetRows, isStaged, tableOf, takeRoom } from "./rooms.ts";
import { type RunLease, takeRun } from "./run.ts";

const LARGE = 1_000_000;
let database: TestDatabase;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

const query = (sql: string, values: unknown[] = []) => database.pool.query(sql, values);

/** A shop's run, taken. */
async function openRun(): Promise<{ shopId: number; lease: RunLease }> {
	const { shopId, guest } = await makeShop(database.pool, { items: 1 });
	await query("INSERT INTO reconcile_run (shop_id, connection_id, asked_by) VALUES ($1, $2, 'timer')", [shopId, guest]);
	const lease = await takeRun(database.pool, shopId, guest);
	if (!lease) throw new Error("It was free");
	return { shopId, lease };
}
const stage = ({ shopId, lease }: { shopId: number; lease: RunLease }, rows: number) =>
	query(
		`INSERT INTO ${tableOf(lease.run.room)} (shop_id, run_id, attempt, n, kind, asked_s, external_id) SELECT $1, $2, 0, n, 'l', 0, n::text FROM generate_series(1, $3::int) n`,
		[shopId, lease.run.id, rows],
	);
const staged = async () => (await query("SELECT count(*)::int AS n FROM reconcile_row")).rows[0]?.n;

test("R25 large checks have rooms of their own, of which there are eight; a further one and small ones share, and throw away only what is theirs", async () => {
	const runs = [];
	for (let n = 0; n < 9; n++) runs.push(await openRun());
	await Promise.all(runs.map(({ lease }) => takeRoom(database.pool, lease, LARGE)));
	// Of several that were after the same room one has it: whoever was late asks again with the next reading, and shares meanwhile.
	for (const { lease } of runs) await takeRoom(database.pool, lease, LARGE);
	expect(runs.map(({ lease }) => lease.run.room).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
	const small = await openRun();
	await takeRoom(database.pool, small.lease, 100);
	expect(small.lease.run.room).toBe(0);

	for (const run of [...runs, small]) await stage(run, 3);
	for (const { shopId, lease } of [...runs, small]) expect(await isStaged(database.pool, shopId, lease.run, 3)).toBe(true);
	const [first, ...others] = runs;
	if (!first) throw new Error("There are nine");
	await forgetRows(database.pool, first.shopId, first.lease.run);
	expect(await isStaged(database.pool, first.shopId, first.lease.run, 0)).toBe(true);
	for (const { shopId, lease } of [...others, small]) expect(await isStaged(database.pool, shopId, lease.run, 3)).toBe(true);

	// Ended, its room is the next one's, and what it throws away late is not the other's.
	const second = runs.find(({ lease }) => lease.run.room === 2);
	if (!second) throw new Error("Somebody has it");
	const { room } = second.lease.run;
	await second.lease.end(database.pool, { state: "done" });
	const next = await openRun();
	await takeRoom(database.pool, next.lease, LARGE);
	expect(next.lease.run.room).toBe(room);
	expect(await isStaged(database.pool, second.shopId, second.lease.run, 0)).toBe(true);
	await stage(next, 5);
	await forgetRows(database.pool, second.shopId, second.lease.run);
	await forgetLeftRows(database.pool);
	expect(await isStaged(database.pool, next.shopId, next.lease.run, 5)).toBe(true);

	for (const { lease } of [...runs, small, next]) if (lease !== second.lease) await lease.end(database.pool, { state: "done" });
	await forgetLeftRows(database.pool);
	expect(await staged()).toBe(0);
});

test("R25 of two after the same room at once one has it, and the other reads on in the shared one", async () => {
	const [one, two] = [await openRun(), await openRun()];
	await one.lease.save(database.pool, { room: 7 });
	await expect(two.lease.save(database.pool, { room: 7 })).rejects.toMatchObject({ code: "23505" });
	for (const taken of [1, 2, 3, 4, 5, 6, 8]) await (await openRun()).lease.save(database.pool, { room: taken });
	await takeRoom(database.pool, two.lease, LARGE);
	expect(two.lease.run.room).toBe(0);
});
