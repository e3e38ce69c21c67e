import type { Pool } from "#app/db.server.ts";
import type { FilledShop } from "./fill-shop.ts";

/**
 * Bulk changes in every state, written straight into the tables; the newest is a file that waits for somebody, and its number is the answer.
 * This is about what a page shows for such rows (how they come to be is tested with the real engine, app/backfill/sets.test.ts).
 */
export async function makeBulk(
	pool: Pool,
	{ shopId, location }: FilledShop,
	{ name, sets, problems }: { name: string; sets: number; problems: number },
): Promise<number> {
	await pool.query(
		`INSERT INTO bulk_change (shop_id, actor, press, source, name, total, done, changed, read_records, units_up, units_down, units_missing, asked_at, done_at, stopped_at, cancelled_at, confirmed_at)
		 SELECT $1, '548380009', 'made-' || n, CASE WHEN n % 4 = 0 THEN 'rule' ELSE 'file' END, CASE WHEN n % 4 = 0 THEN '' ELSE 'week ' || n || '.csv' END, 1200,
		   CASE WHEN n % 3 = 0 THEN 1200 ELSE 700 END, 650, 1200, CASE WHEN n % 4 = 0 THEN 0 ELSE 12345 END, CASE WHEN n % 4 = 0 THEN 0 ELSE 678 END, CASE WHEN n % 4 = 0 THEN 0 ELSE n % 2 END, now() - (100 - n) * interval '1 day', CASE WHEN n % 3 < 2 OR n < $2 - 1 THEN now() END,
		   CASE WHEN n % 3 = 2 AND n >= $2 - 1 THEN now() END, CASE WHEN n % 3 = 1 THEN now() END, now() - (100 - n) * interval '1 day'
		 FROM generate_series(1, $2) n`,
		[shopId, sets],
	);
	const summary = {
		...{ kind: "file", lines: 100_000, unknown: ["Colour", "Supplier's own number"], changes: 84_321, same: 14_479 },
		...{ unitsUp: 1_234_567, unitsDown: 98_765, rules: 2_400, paused: 12, resumed: 3, linked: 40, unlinked: 2 },
		...{ figures: 51_200, toZero: 7, raised: 40_000, lowered: 11_200, zeroItems: 7, raisedItems: 40 },
	};
	const made = await pool.query<{ id: number }>(
		`INSERT INTO bulk_change (shop_id, actor, press, source, name, encoding, total, read_records, problems, summary, confirmed_at, read_at)
		 VALUES ($1, '548380009', 'made', 'file', $2, 'windows-1252', 84321, 100000, $3, $4, NULL, now()) RETURNING id`,
		[shopId, name, problems, JSON.stringify(summary)],
	);
	const id = made.rows[0]?.id ?? 0;
	await pool.query(
		`INSERT INTO bulk_change_problem (shop_id, change_id, line, sku, reason)
		 SELECT $1, $2, n * 7, 'NW-' || n, 'No product in Shopify has the SKU NW-' || n || '. Did you mean 0NW-' || n || '? Spreadsheets drop leading zeros.'
		 FROM generate_series(1, $3) n`,
		[shopId, id, problems],
	);
	await pool.query(
		`INSERT INTO bulk_change_quantity (shop_id, change_id, item_id, location_id, line, seen, to_figure, units)
		 SELECT $1, $2, item_id, location_id, item_id, 1234567, 7, -1234560 FROM stock WHERE shop_id = $1 AND location_id = $3 ORDER BY item_id LIMIT 30`,
		[shopId, id, location],
	);
	await pool.query(
		`INSERT INTO bulk_change_line (shop_id, change_id, listing_id, line, sets_policy, policy, paused)
		 SELECT $1, $2, id, id, true, '{"kind":"buffer","buffer":3,"minimum":2,"maximum":500}', id % 2 = 0 FROM listing
		 WHERE shop_id = $1 AND link_state = 'linked' ORDER BY id LIMIT 30`,
		[shopId, id],
	);
	return id;
}
