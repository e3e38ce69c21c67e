import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { makeShop, put } from "../../../tests/kit/shop.ts";
import { watchTraffic } from "./traffic.ts";

let database: TestDatabase;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

test("R19 R25 a reading knows whether messages came in since it asked last, whatever shop's they are", async () => {
	const shop = await makeShop(database.pool, { items: 1 });
	const other = await makeShop(database.pool, { items: 1 });
	const message = (of: typeof shop) =>
		put(database.pool, of, [{ v: 1, type: "orders.watermark", watermark: new Date().toISOString() }], { source: "app" });
	await message(shop);
	const traffic = watchTraffic(database.pool);
	expect(await traffic.cameIn()).toBe(false);
	expect(await traffic.cameIn()).toBe(false);
	await message(other);
	expect(await traffic.cameIn()).toBe(true);
	expect(await traffic.cameIn()).toBe(false);
});
