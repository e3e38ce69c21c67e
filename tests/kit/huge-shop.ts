import type { Pool } from "#app/db.server.ts";
import type { FilledShop } from "./fill-shop.ts";
import { makeBulk } from "./make-bulk.ts";

/** Far longer than any screen is wide; and more than anybody reads. */
const LONG = "Expedition down jacket with detachable hood, recycled shell and storm flap, limited winter edition, midnight pine";
/** Of failures that are tried again. */
export const RUN = "Everything that failed while the import of the store was under way, tried again before the weekend";
const REFUSED = "The product cannot be changed while a bulk import of the store is under way; wait until it has ended, or end it by hand.";

/** As much of everything as a page may ever show: long names, large figures, thousands of rows. What stands alone is named. */
export async function makeHuge(
	pool: Pool,
	shop: FilledShop,
): Promise<{
	amazon: number;
	single: number;
	failure: number;
	run: number;
	changes: number;
	oversell: number;
	totals: number;
	bulk: number;
	check: number;
	difference: number;
}> {
	const query = (sql: string, values: unknown[] = []) => pool.query(sql, values);
	const one = async (sql: string, values: unknown[]) => Number((await query(sql, values)).rows[0]?.id);
	const { shopId, woocommerce } = shop;
	await query("UPDATE item SET title = $2 || ' ' || id WHERE shop_id = $1 AND id % 3 = 0 OR id = $3", [shopId, LONG, shop.items[0]]);
	await query("UPDATE listing SET title = $2, original_quantity = 1234567, original_at = now() WHERE shop_id = $1 AND id % 3 = 0", [
		shopId,
		LONG,
	]);
	await query("UPDATE listing SET original_quantity = 4, original_at = now() WHERE shop_id = $1 AND original_quantity IS NULL", [shopId]);
	await query("UPDATE listing SET sku = repeat('NW-VERY-LONG-SKU-', 4) || id WHERE shop_id = $1 AND id % 7 = 0", [shopId]);
	await query("UPDATE stock SET available = 1234567 WHERE shop_id = $1 AND item_id % 5 = 0", [shopId]);
	await query("UPDATE listing SET desired = 1234567, shown = 1234560, dirty_since = now() WHERE shop_id = $1 AND item_id % 5 = 0", [
		shopId,
	]);
	await query(
		`INSERT INTO location (shop_id, external_id, name)
		 SELECT $1, 'more-' || n, 'Warehouse number ' || n || ', Gewerbegebiet Nordhafen West, Hall ' || n FROM generate_series(1, 11) n`,
		[shopId],
	);
	await orders(pool, shop);
	await query(
		`INSERT INTO member (shop_id, user_id, granted, installation, name)
		 SELECT $1, 1000 + n, 'look', 1, 'Alexandra Konstantinopoulou-Featherstonehaugh the ' || n || 'th' FROM generate_series(1, 40) n`,
		[shopId],
	);
	await query(
		"UPDATE connection SET account = 'a-very-long-name-of-a-store-that-somebody-really-registered.northwind-outdoor.example', cut_at = now() - interval '3 days' WHERE id = $1",
		[woocommerce],
	);
	await dryRun(pool, shop);
	const failure = await failures(pool, shop);
	const run = await one(
		`INSERT INTO replay_run (shop_id, name, reason, actor, press, total, begun, succeeded, failed)
		 VALUES ($1, $2, 'The store was being moved to another host, and its import had locked the products', '548380009', 'one', 1540, 300, 900, 140) RETURNING id`,
		[shopId, RUN],
	);
	await query(
		`INSERT INTO replay_line (shop_id, run_id, n, letter_id, connection_id, target, listing_id, state, begun_at)
		 SELECT $1, $2, n, id, connection_id, 'letter:' || id, listing_id,
		   CASE WHEN n <= 900 THEN 'succeeded' WHEN n <= 1040 THEN 'failed' WHEN n <= 1340 THEN 'begun' ELSE 'waiting' END, now()
		 FROM (SELECT id, connection_id, listing_id, row_number() OVER (ORDER BY id) AS n FROM dead_letter WHERE shop_id = $1) d`,
		[shopId, run],
	);
	const single = await one(
		`INSERT INTO listing (shop_id, connection_id, external_id, sku, title, link_state)
		 VALUES ($1, $2, 'own', repeat('NW-VERY-LONG-SKU-', 4), $3, 'unlinked') RETURNING id`,
		[shopId, woocommerce, LONG],
	);
	const amazon = await one(
		`INSERT INTO connection (shop_id, channel, account, name, is_home, state, webhook_token, settings, consented_at)
		 VALUES ($1, 'amazon', 'A2NORTHWINDOUTDOORWITHALONGNAME', 'Amazon', false, 'live', 'amazon', '{"chosen":{}}', now() - interval '370 days') RETURNING id`,
		[shopId],
	);
	const oversell = await oversells(pool, shop);
	await query("ANALYZE");
	// The newest of what was done, whatever was done to single orders before.
	await query(
		`INSERT INTO audit (shop_id, actor, action, subject, before, after)
		 SELECT $1, '548380009', 'policy.changed', $2, '{"policy":{"kind":"exact"}}', '{"policy":{"kind":"buffer","buffer":2}}' FROM generate_series(1, 3000)`,
		[shopId, String(woocommerce)],
	);
	const bulk = await makeBulk(pool, shop, {
		name: "Stock count of the twenty-fourth of November, all warehouses and shops, second and final version.csv",
		sets: 60,
		problems: 1_200,
	});
	return {
		...{ amazon, single, failure, run, changes: await massChange(pool, shop), oversell, totals: await differingTotals(pool, shop), bulk },
		...(await checks(pool, shop)),
	};
}

/** A week of large sums in three currencies, of which 200 orders differ in each way. */
async function differingTotals(pool: Pool, { shopId, woocommerce }: FilledShop): Promise<number> {
	const { rows } = await pool.query<{ id: number }>(
		`WITH k AS (INSERT INTO totals_check (shop_id, connection_id, from_at, to_at, state, done_at, orders_there, orders_here, units_there, units_here, revenue,
		     stock_there, stock_here, drift)
		   VALUES ($1, $2, date_trunc('day', now()) - interval '9 days', date_trunc('day', now()) - interval '2 days', 'done', now(), 1234567, 1234367, 9876543, 9876000, $3,
		     98765432, 98760000, 0.0123) RETURNING id),
		 d AS (INSERT INTO totals_difference (shop_id, check_id, order_id, name, kind, there, here)
		   SELECT $1, k.id, 'order-of-the-marketplace-' || n, 'Order of the marketplace number 114-0000000-' || n,
		     (ARRAY['missing-here', 'missing-there', 'units', 'total'])[1 + n % 4], 1234567.89, 1234560.5 FROM k, generate_series(1, 200) n)
		 SELECT id FROM k`,
		[
			shopId,
			woocommerce,
			JSON.stringify(["EUR", "GBP", "USD"].map((currency) => ({ currency, there: "123456789.5", here: "123456000.25" }))),
		],
	);
	return rows[0]?.id ?? 0;
}

/** 7,900 products that would go to zero. */
async function massChange(pool: Pool, { shopId, location }: FilledShop): Promise<number> {
	const { rows } = await pool.query<{ id: number }>(
		`INSERT INTO change_set (shop_id, id, kind, allowed, passed, opened_at, last_at)
		 VALUES ($1, 900001, 'zero', 50, 50, now() - interval '20 minutes', now() - interval '2 minutes') RETURNING id`,
		[shopId],
	);
	await pool.query(
		`INSERT INTO held_change (shop_id, item_id, location_id, state, kind, set_id, former, to_figure, read_at, at)
		 SELECT $1, id, $2, CASE WHEN n <= 50 THEN 'passed' WHEN n <= 60 THEN 'mended' ELSE 'held' END, 'zero', 900001,
		   CASE WHEN n % 5 = 0 THEN 1234567 ELSE 3 + n % 40 END, 0, now() - interval '5 minutes', now() - interval '5 minutes'
		   FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM item WHERE shop_id = $1) i WHERE n <= 7960`,
		[shopId, location],
	);
	return rows[0]?.id ?? 0;
}

/** A week of hourly checks; the newest of them found something on every listing, for each cause. */
async function checks(pool: Pool, { shopId, woocommerce }: FilledShop): Promise<{ check: number; difference: number }> {
	const { rows } = await pool.query<{ id: number }>(
		`INSERT INTO reconcile_run (shop_id, connection_id, asked_by, state, asked_at, began_at, ended_at, expected, read, compared, explained, tolerated, found, mended)
		 SELECT $1, $2, CASE WHEN n = 168 THEN '548380009' ELSE 'timer' END, 'done', at, at, at + interval '40 minutes', 1234567, 1234567, 1234567, 98765, 4321, 8000, 7500
		 FROM (SELECT n, now() - (169 - n) * interval '1 hour' AS at FROM generate_series(1, 168) n) h RETURNING id`,
		[shopId, woocommerce],
	);
	const check = Number(rows.at(-1)?.id);
	const found = await pool.query<{ id: number }>(
		`INSERT INTO reconcile_difference (shop_id, connection_id, run_id, kind, subject, listing_id, item_id, external_id, sku, title, expected, found, cause, state, times, found_at, acted_at, settled_at, mended_figure)
		 SELECT $1, $2, $3, 'listing', 'listing:' || external_id, id, item_id, external_id, sku, title, 1234567, 7654321, cause, state, 5, now() - interval '20 minutes', now(),
		   CASE WHEN state IN ('mended', 'explained') THEN now() END, CASE WHEN state = 'mended' THEN 1234567 END
		 FROM (SELECT l.*, (ARRAY['late', 'rejected', 'another-writer', 'unmapped', 'clamped', 'unknown'])[1 + n % 6] AS cause,
		         (ARRAY['mended', 'open', 'mended', 'open', 'open', 'waiting'])[1 + n % 6] AS state
		       FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM listing WHERE shop_id = $1 AND connection_id = $2 AND item_id IS NOT NULL) l) d RETURNING id`,
		[shopId, woocommerce, check],
	);
	return { check, difference: Number(found.rows.at(-1)?.id) };
}

/** 2,000 orders that are owed, the newest 20 products with a long history, and all locations to take them from. Returns the newest one. */
async function oversells(pool: Pool, { shopId, woocommerce, items, location }: FilledShop): Promise<number> {
	const { rows } = await pool.query<{ id: number }>(
		`INSERT INTO oversell (shop_id, item_id, location_id, connection_id, order_id, line_id, units, state, covered, source_key, occurred_at, placed_at, created_at, resolved_at)
		 SELECT $1, ($3::bigint[])[1 + n % 500], $4, $2, (1005000 - n / 20)::text, '1', 1234567, state, CASE WHEN state = 'open' THEN 0 ELSE 1234567 END,
		   'huge-' || n, now() - n * interval '1 minute', now() - n * interval '1 minute', now() - n * interval '1 minute', CASE WHEN state <> 'open' THEN now() END
		 FROM (SELECT 4000 - n AS n, CASE WHEN n % 3 = 0 OR n > 3900 THEN 'open' ELSE 'covered' END AS state FROM generate_series(1, 4000) n) o RETURNING id`,
		[shopId, woocommerce, items.slice(0, 500), location],
	);
	await pool.query(
		`INSERT INTO stock (shop_id, item_id, location_id, available)
		 SELECT $1, i, l.id, 7654321 FROM unnest($2::bigint[]) i, location l WHERE l.shop_id = $1 AND l.id <> $3`,
		[shopId, items.slice(0, 20), location],
	);
	const id = Number(rows.at(-1)?.id);
	await pool.query(
		`INSERT INTO audit (shop_id, actor, action, subject, after)
		 SELECT $1, '548380009', 'oversell.send_instead', $2, jsonb_build_object('text', repeat('Send the other one. ', 20), 'connectionId', $3::bigint, 'orderId', '1005000', 'order', '#1005000', 'itemId', $4::bigint)
		 FROM generate_series(1, 150)`,
		[shopId, String(id), woocommerce, items[0]],
	);
	return id;
}

/** 5,000 orders, the newest of 120 lines; each line with what it did to stock. */
async function orders(pool: Pool, { shopId, woocommerce, items, location }: FilledShop) {
	const values = [shopId, woocommerce, items.slice(0, 500), location];
	await pool.query(
		`INSERT INTO sales_order (shop_id, connection_id, order_id, name, created_on_channel_at, stamp, content_hash, as_of, first_source, created_at)
		 SELECT $1, $2, 1000000 + n, '#' || 1000000 + n, at, at, 'x', at, 'webhook', at + interval '700 milliseconds'
		   FROM (SELECT n, now() - (5000 - n) * interval '1 minute' AS at FROM generate_series(1, 5000) n) o`,
		values.slice(0, 2),
	);
	const lines = `(SELECT (1000000 + n)::text AS order_id, k::text AS line_id, ($3::bigint[])[1 + (n + k) % 500] AS item_id,
		CASE WHEN k = 7 THEN 123456 ELSE 1 + k % 3 END AS units, now() - (5000 - n) * interval '1 minute' AS at
		FROM generate_series(3500, 5000) n, generate_series(1, CASE WHEN n = 5000 THEN 120 ELSE 1 END) k) line`;
	await pool.query(
		`INSERT INTO order_line (shop_id, connection_id, order_id, line_id, external_ref, item_id, held)
		 SELECT $1, $2, order_id, line_id, 'woo-' || item_id, item_id, units FROM ${lines}`,
		values.slice(0, 3),
	);
	await pool.query(
		`INSERT INTO movement (shop_id, item_id, location_id, delta, after, cause, connection_id, order_id, line_id, correlation_id, source_key, occurred_at, created_at)
		 SELECT $1, item_id, $4, -units, 1234567, 'sale', $2, order_id, line_id, 'c', order_id || ':' || line_id, at, at FROM ${lines} ORDER BY at`,
		values,
	);
}

async function dryRun(pool: Pool, { shopId, woocommerce }: FilledShop) {
	const found = { listings: 8000, heldBack: 1234567, heldBackOn: 7800, changes: 8000, increases: 5000, decreases: 3000, toZero: 1200 };
	await pool.query(
		`INSERT INTO connection_setup (shop_id, connection_id, mirrored, catalogue_read_at, dry_run, dry_run_at)
		 VALUES ($1, $2, 'no', now(), $3, now() - interval '4 minutes')`,
		[shopId, woocommerce, JSON.stringify({ ...found, unmanaged: 20, gone: 3 })],
	);
	await pool.query(
		`INSERT INTO dry_run_line (shop_id, connection_id, listing_id, from_quantity, to_quantity)
		 SELECT $1, $2, id, CASE WHEN id % 2 = 0 THEN 1234567 ELSE 12 END, id % 900 FROM listing WHERE shop_id = $1`,
		[shopId, woocommerce],
	);
	await pool.query(
		`INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, operation, quantity, outcome, correlation_id, at)
		 SELECT $1, $2, id, 'listing.write', 1234567, 'watched', 'c-' || id, now() - interval '1 day' FROM listing WHERE shop_id = $1 ORDER BY id LIMIT 2000`,
		[shopId, woocommerce],
	);
	await pool.query("UPDATE listing SET read_at = now() WHERE shop_id = $1 AND connection_id = $2", [shopId, woocommerce]);
}

/** 1,500 refused updates of two kinds, and 40 messages that were not understood. */
async function failures(pool: Pool, { shopId, woocommerce }: FilledShop): Promise<number> {
	await pool.query(
		`WITH parked AS (
		   UPDATE listing SET parked = true, attempts = 5, shown = desired + 1, dirty_since = now() - interval '2 hours' WHERE shop_id = $1 AND id IN (
		     SELECT id FROM listing WHERE shop_id = $1 ORDER BY id LIMIT 1500) RETURNING id, desired, external_id),
		 tried AS (
		   INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, operation, quantity, outcome, error_class, error, http_status, request_id, correlation_id, at)
		   SELECT $1, $2, parked.id, 'listing.write', desired, 'failed', 'rejected', $3, 400, 'req-' || parked.id || '-' || n, 'c-' || parked.id,
		          now() - n * interval '16 seconds' FROM parked, generate_series(1, 5) n)
		 INSERT INTO dead_letter (shop_id, direction, connection_id, listing_id, operation, error_class, error, payload, source_key, correlation_id, attempts)
		 SELECT $1, 'out', $2, id, 'listing.write', CASE WHEN id % 5 = 0 THEN 'listing-not-found' ELSE 'rejected' END, $3,
		        jsonb_build_object('externalId', external_id, 'sent', desired, 'httpStatus', 400), 'listing:' || id || ':rejected', 'c-' || id, 5 FROM parked`,
		[shopId, woocommerce, REFUSED],
	);
	await pool.query(
		`INSERT INTO dead_letter (shop_id, direction, connection_id, operation, error_class, error, source_key, correlation_id)
		 SELECT $1, 'in', $2, 'order.updated', 'unexpected-shape', 'line_items[0].quantity: expected number, received string', 'event:' || n, 'c-in'
		 FROM generate_series(1, 40) n`,
		[shopId, woocommerce],
	);
	const { rows } = await pool.query("SELECT max(id) AS id FROM dead_letter WHERE shop_id = $1 AND direction = 'out'", [shopId]);
	return Number(rows[0].id);
}
