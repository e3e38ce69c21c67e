import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { makeShop } from "../../../tests/kit/shop.ts";
import { isStaged } from "./rooms.ts";
import { takeRun } from "./run.ts";
import { createStaging } from "./staging.ts";

let database: TestDatabase;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

test("R25 a list whose pages are long in coming holds no connection while they are waited for", async () => {
	const { pool } = database;
	const { shopId, guest } = await makeShop(pool, { items: 1 });
	await pool.query("INSERT INTO reconcile_run (shop_id, connection_id, asked_by) VALUES ($1, $2, 'timer')", [shopId, guest]);
	const lease = await takeRun(pool, shopId, guest);
	if (!lease) throw new Error("It was free");
	await lease.save(pool, { beganAt: new Date().toISOString() });
	const staging = createStaging(pool, shopId, lease);
	const nothing = { place: null, parent: null, sku: null, barcode: null, title: null, at: null, flags: null };
	for (let page = 0; page < 3; page++) {
		await sleep(80);
		for (let n = 0; n < 300; n++) staging.add({ ...nothing, kind: "l", externalId: `${page}-${n}`, quantity: n }, Date.now());
		await staging.flowOn();
		const open = await pool.query(
			`SELECT FROM pg_locks WHERE relation = 'reconcile_row_0'::regclass AND mode = 'RowExclusiveLock'
			   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
		);
		expect(open.rowCount).toBe(0);
	}
	expect(await staging.finish()).toBe(900);
	await staging.close();
	expect(await isStaged(pool, shopId, lease.run, 900)).toBe(true);
});
