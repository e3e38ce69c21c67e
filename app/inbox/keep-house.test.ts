import { afterAll, beforeAll, describe, expect, test } from "vitest";
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

describe("what is old is forgotten", () => {
	let own: TestDatabase;
	beforeAll(async () => {
		own = await freshDatabase();
	});
	afterAll(() => own.drop());
	const month = (back: number) => `date_trunc('month', now() AT TIME ZONE 'UTC') - interval '${back} months'`;
	const makeMonth = async (back: number): Promise<string> => {
		const { rows } = await own.pool.query<{ name: string; from: string; until: string }>(
			`SELECT 'inbox_event_' || to_char(${month(back)}, 'YYYY_MM') AS name, (${month(back)})::date::text AS from, (${month(back - 1)})::date::text AS until`,
		);
		const [made] = rows;
		if (!made) throw new Error("A month has a name");
		await own.pool.query(
			`CREATE TABLE ${made.name} PARTITION OF inbox_event FOR VALUES FROM ('${made.from} 00:00+00') TO ('${made.until} 00:00+00')`,
		);
		return made.name;
	};
	const event = async (shop: { shopId: number; home: number }, at: string, status: string) =>
		(
			await own.pool.query<{ id: number }>(
				`INSERT INTO inbox_event (shop_id, connection_id, topic, source, correlation_id, received_at, status)
				 VALUES ($1, $2, 'orders/create', 'webhook', 'c', ${at}, $3) RETURNING id`,
				[shop.shopId, shop.home, status],
			)
		).rows[0]?.id ?? 0;
	const letter = (shop: { shopId: number; home: number }, eventId: number, state: string) =>
		own.pool.query(
			`INSERT INTO dead_letter (shop_id, direction, connection_id, event_id, operation, error_class, error, source_key, correlation_id, state)
			 VALUES ($1, 'in', $2, $3, 'apply', 'unexpected-shape', 'odd', $4, 'c', $5)`,
			[shop.shopId, shop.home, eventId, `event:${eventId}`, state],
		);
	const left = async (shop: { shopId: number }) =>
		(await own.pool.query<{ id: number }>("SELECT id FROM inbox_event WHERE shop_id = $1 ORDER BY id", [shop.shopId])).rows.map(
			({ id }) => id,
		);

	test("R04 months beyond 180 days go whole; one with an event that waits or is to be decided on stays with just that", async () => {
		const shop = await makeShop(own.pool);
		await own.pool.query("DELETE FROM inbox_event");
		const [settled, open, decided, young] = [await makeMonth(10), await makeMonth(9), await makeMonth(8), await makeMonth(3)];
		const inMonth = (back: number) => `(${month(back)} + interval '5 days') AT TIME ZONE 'UTC'`;
		await event(shop, inMonth(10), "processed");
		await event(shop, inMonth(10), "ignored");
		await event(shop, inMonth(9), "processed");
		const waiting = await event(shop, inMonth(9), "pending");
		const parked = await event(shop, inMonth(9), "parked");
		await letter(shop, parked, "open");
		const resolved = await event(shop, inMonth(8), "parked");
		await letter(shop, resolved, "resolved");
		const recent = await event(shop, inMonth(3), "processed");
		const inDefault = await event(shop, "now() - interval '400 days'", "processed");
		const waitingInDefault = await event(shop, "now() - interval '400 days'", "pending");

		await Promise.all([keepHouse(own.pool, log), keepHouse(own.pool, log)]);
		const names = (
			await own.pool.query<{ name: string }>(
				"SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'inbox_event'::regclass",
			)
		).rows.map(({ name }) => name);
		expect(names).toEqual(expect.arrayContaining([open, young]));
		expect(names).not.toContain(settled);
		expect(names).not.toContain(decided);
		expect(await left(shop)).toEqual([waiting, parked, recent, waitingInDefault].sort((a, b) => a - b));
		expect(await left(shop)).not.toContain(inDefault);

		// Once nothing of it is open, the month goes too.
		await own.pool.query("UPDATE inbox_event SET status = 'processed' WHERE id = $1", [waiting]);
		await own.pool.query("UPDATE dead_letter SET state = 'discarded' WHERE event_id = $1", [parked]);
		await keepHouse(own.pool, log);
		expect((await own.pool.query("SELECT to_regclass($1) AS name", [open])).rows).toEqual([{ name: null }]);
	});

	test("several processes that drop the same months at once do not keep each other from it", async () => {
		for (let round = 0; round < 5; round++) {
			const names = await Promise.all([20, 19, 18].map(makeMonth));
			await Promise.all([1, 2, 3, 4].map(() => keepHouse(own.pool, log)));
			const { rows } = await own.pool.query("SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL", [names]);
			expect(rows).toEqual([]);
		}
	});

	test("a month that somebody reads is left for the next hour, and nobody waits for us", async () => {
		const shop = await makeShop(own.pool);
		const name = await makeMonth(11);
		await event(shop, `(${month(11)} + interval '5 days') AT TIME ZONE 'UTC'`, "processed");
		const reader = await own.pool.connect();
		try {
			await reader.query("BEGIN");
			await reader.query("SELECT count(*) FROM inbox_event");
			await keepHouse(own.pool, log);
			expect((await own.pool.query("SELECT to_regclass($1)::text AS name", [name])).rows).toEqual([{ name }]);
		} finally {
			await reader.query("ROLLBACK");
			reader.release();
		}
		await keepHouse(own.pool, log);
		expect((await own.pool.query("SELECT to_regclass($1)::text AS name", [name])).rows).toEqual([{ name: null }]);
	});

	test("lags are kept 30 days, polls and ended runs 90, differences 180; movements for good", async () => {
		const shop = await makeShop(own.pool);
		const ages = "unnest(ARRAY[1, 29, 31, 89, 91, 179, 181, 900]) AS n";
		const at = "now() - n * interval '1 day'";
		await own.pool.query(`INSERT INTO lag_sample (shop_id, connection_id, lag_ms, at) SELECT $1, $2, n, ${at} FROM ${ages}`, [
			shop.shopId,
			shop.guest,
		]);
		await own.pool.query(
			`INSERT INTO order_poll (shop_id, connection_id, from_at, to_at, orders, at) SELECT $1, $2, now(), now(), n, ${at} FROM ${ages}`,
			[shop.shopId, shop.guest],
		);
		await own.pool.query(
			`INSERT INTO difference (shop_id, connection_id, listing_id, expected, found, cause, at) SELECT $1, $2, $3, 1, n, 'raised-elsewhere', ${at} FROM ${ages}`,
			[shop.shopId, shop.guest, shop.listings[0]],
		);
		await own.pool.query(
			`INSERT INTO replay_run (shop_id, name, reason, actor, press, total, done_at) SELECT $1, 'x', 'x', 'x', n::text, n, CASE WHEN n < 900 THEN ${at} END FROM ${ages}`,
			[shop.shopId],
		);
		await own.pool.query(
			"INSERT INTO replay_line (shop_id, run_id, n, connection_id, target) SELECT shop_id, id, 1, 1, 'event:1' FROM replay_run WHERE shop_id = $1",
			[shop.shopId],
		);
		await keepHouse(own.pool, log);
		const kept = async (column: string, table: string) =>
			(await own.pool.query<{ n: number }>(`SELECT ${column} AS n FROM ${table} WHERE shop_id = $1 ORDER BY 1`, [shop.shopId])).rows.map(
				({ n }) => n,
			);
		expect(await kept("lag_ms", "lag_sample")).toEqual([1, 29]);
		expect(await kept("orders", "order_poll")).toEqual([1, 29, 31, 89]);
		// One that never ended is not old.
		expect(await kept("total", "replay_run")).toEqual([1, 29, 31, 89, 900]);
		expect(await kept("1", "replay_line")).toHaveLength(5);
		expect(await kept("found", "difference")).toEqual([1, 29, 31, 89, 91, 179]);
	});
});
