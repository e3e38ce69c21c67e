import { afterAll, beforeAll, expect, test } from "vitest";
import { keepHouse } from "#inbox";
import { createLogger } from "#telemetry";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { makeShop } from "../../tests/kit/shop.ts";

const log = createLogger({ level: "silent", name: "test" });
let db: TestDatabase;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());

const partitions = async () =>
	(
		await db.pool.query<{ name: string }>(
			"SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'inbox_event'::regclass",
		)
	).rows
		.map(({ name }) => name)
		.sort();
const insertEvent = (shopId: number, connectionId: number, receivedAt: string) =>
	db.pool.query<{ partition: string }>(
		`INSERT INTO inbox_event (shop_id, connection_id, topic, source, correlation_id, received_at)
		 VALUES ($1, $2, 'orders/create', 'webhook', 'c', ${receivedAt}) RETURNING tableoid::regclass::text AS partition`,
		[shopId, connectionId],
	);

test("R04 months have their partition ahead of time; twice, or by two processes at once, makes them once", async () => {
	await Promise.all([keepHouse(db.pool, log), keepHouse(db.pool, log)]);
	await keepHouse(db.pool, log);
	expect(await partitions()).toHaveLength(5); // This month, three ahead, and the default.
	const { shopId, home } = await makeShop(db.pool);
	const { rows } = await insertEvent(shopId, home, "now() + interval '40 days'");
	expect(rows[0]?.partition).toMatch(/^inbox_event_\d{4}_\d\d$/);
});

test("R04 a month whose first rows lie in the default partition stays there, and the later ones get theirs", async () => {
	const other = await freshDatabase();
	const swap = db;
	db = other;
	try {
		const { shopId, home } = await makeShop(db.pool);
		expect((await insertEvent(shopId, home, "now()")).rows[0]?.partition).toBe("inbox_event_default");
		await keepHouse(db.pool, log);
		expect(await partitions()).toHaveLength(4);
		expect((await insertEvent(shopId, home, "now()")).rows[0]?.partition).toBe("inbox_event_default");
	} finally {
		db = swap;
		await other.drop();
	}
});

test("R05 delivery keys are kept ninety days, and not longer", async () => {
	const { shopId, home } = await makeShop(db.pool);
	await db.pool.query(
		`INSERT INTO delivery_key (shop_id, connection_id, key, received_at)
		 SELECT $1, $2, n::text, now() - n * interval '1 day' FROM unnest(ARRAY[1, 89, 91, 400]) AS n`,
		[shopId, home],
	);
	await keepHouse(db.pool, log);
	const { rows } = await db.pool.query<{ key: string }>("SELECT key FROM delivery_key WHERE shop_id = $1 ORDER BY key::int", [shopId]);
	expect(rows.map(({ key }) => key)).toEqual(["1", "89"]);
});
