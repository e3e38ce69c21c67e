import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";
import { drain } from "../kit/delivery.ts";
import { makeShop, order, put } from "../kit/shop.ts";

const page = readFileSync(new URL("../../docs/privacy.md", import.meta.url), "utf8");
let database: TestDatabase;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

const rows = async <Row extends object>(sql: string, values: unknown[] = []) =>
	(await database.pool.query<Row & Record<string, unknown>>(sql, values)).rows as Row[];
/** Partitions of a table are that table. */
const tables = async () =>
	(
		await rows<{ name: string }>(
			`SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
		)
	).map(({ name }) => name);
/** Rows of the data map: | `table` | what | why | how long | */
const described = page
	.split("\n")
	.flatMap((line) => /^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$/.exec(line) ?? [])
	.filter((_, n) => n % 5 === 1);

test("R34 the data map of docs/privacy.md names every table of the database once, and no other", async () => {
	expect([...described].sort()).toEqual((await tables()).sort());
});

test("R34 no column is made for a person's name, address, e-mail or phone; the one name and the e-mail addresses are the merchant's own for their staff", async () => {
	const columns = await rows<{ table: string; column: string }>(
		`SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns WHERE table_schema = 'public'
		 AND column_name ~* '(^|_)(e?mail|phone|address|street|city|zip|post(al)?_?code|country|customer|buyer|first_?name|last_?name|ip|birth|notes?|gender)(_|$)' ORDER BY 1, 2`,
	);
	expect(columns).toEqual([
		{ table: "mail", column: "address" },
		{ table: "mail_recipient", column: "address" },
	]);
});

test("R34 shop/redact leaves nothing of a shop in any table, and takes nothing of another's", async () => {
	const shops = [await makeShop(database.pool, { items: 2, opening: 1 }), await makeShop(database.pool, { items: 2, opening: 1 })];
	for (const shop of shops) {
		const all = (sql: string) => rows(sql, [shop.shopId]);
		await put(database.pool, shop, [order("1", [{ item: 0, held: 3 }])]);
		await drain(database.pool, shop);
		await all("INSERT INTO flow_use (shop_id, definition, in_use, stamp) VALUES ($1, 'x', true, now())");
		await all(
			`INSERT INTO flow_event (shop_id, handle, subject_id, source_key, occurred_at) VALUES ($1, 'oversell-detected', 1, 'k', now())`,
		);
		await all("INSERT INTO flow_spell (shop_id, connection_id, told_at) SELECT shop_id, id, now() FROM connection WHERE shop_id = $1");
		await all(`INSERT INTO flow_run (shop_id, run_id, handle, properties) VALUES ($1, 'same', 'pause-sku-everywhere', '{"sku":"A"}')`);
		await all("INSERT INTO member (shop_id, user_id, granted, installation) VALUES ($1, '7', 'look', 1)");
		await all("INSERT INTO saved_view (shop_id, page, name, query) VALUES ($1, 'stock', 'mine', '')");
		await all("INSERT INTO connection_setup (shop_id, connection_id) SELECT shop_id, id FROM connection WHERE shop_id = $1");
		await all(
			"INSERT INTO dry_run_line (shop_id, connection_id, listing_id) SELECT shop_id, connection_id, id FROM listing WHERE shop_id = $1",
		);
		await all(
			`WITH r AS (INSERT INTO reconcile_run (shop_id, connection_id, asked_by) SELECT shop_id, min(id), '7' FROM connection WHERE shop_id = $1 GROUP BY 1 RETURNING shop_id, id)
			 INSERT INTO reconcile_row (shop_id, run_id, attempt, n, kind, asked_s, external_id) SELECT shop_id, id, 1, 1, 'l', 0, 'x' FROM r`,
		);
		await all("INSERT INTO audit (shop_id, actor, action) VALUES ($1, '7', 'x')");
	}
	const holding = async (shopId: number) => {
		const found: string[] = [];
		const named = await rows<{ table: string }>(
			`SELECT table_name AS "table" FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'shop_id'`,
		);
		for (const { table } of named)
			if ((await rows(`SELECT FROM "${table}" WHERE shop_id = $1 LIMIT 1`, [shopId])).length > 0) found.push(table);
		return found.sort();
	};
	const [gone, stays] = shops;
	if (!gone || !stays) throw new Error("Two shops");
	const before = await holding(stays.shopId);
	expect(before.length).toBeGreaterThan(20);
	await rows("SELECT erase_shop($1)", [gone.shopId]);
	expect(await holding(gone.shopId)).toEqual([]);
	expect(await holding(stays.shopId)).toEqual(before);
});

test("R34 every table with a shop's rows is emptied by erase_shop itself or with what it belongs to, a new one too", async () => {
	const [body] = await rows<{ source: string }>("SELECT prosrc AS source FROM pg_proc WHERE proname = 'erase_shop'");
	const deleted = new Set([...(body?.source ?? "").matchAll(/DELETE FROM (\w+)/g)].map((match) => match[1]));
	const cascades = new Set(
		(
			await rows<{ name: string }>(
				`SELECT c.conrelid::regclass::text AS name FROM pg_constraint c WHERE c.contype = 'f' AND c.confdeltype = 'c'
				 AND c.confrelid IN ('shop'::regclass, 'connection'::regclass)`,
			)
		).map(({ name }) => name),
	);
	const left = (await tables()).filter((name) => name !== "_prisma_migrations" && !deleted.has(name) && !cascades.has(name));
	expect(left).toEqual([]);
});
