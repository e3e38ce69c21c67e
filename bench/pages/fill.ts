import type { Pool } from "#app/db.server.ts";

export type ShopSize = { products: number; orders: number };
/** What the addresses of one channel's, one product's and one order's page end in. */
export type FilledPages = { channel: number; item: number; order: string };

const CHANNELS = [
	{ channel: "woocommerce", name: "WooCommerce", account: (handle: string) => `store.${handle}.example` },
	{ channel: "amazon", name: "Amazon", account: (handle: string) => `seller-${handle}` },
];
/** A listing for each product, and a second one for every other: a variant of the page, another offer. */
const LISTINGS_PER_PRODUCT = 1.5;
const EVENTS_PER_ORDER = 2;
/** A shop's past, as long as the pages look back. */
const DAYS = 30;

/**
 * A shop with a past, written straight into the tables: what is measured is how it is shown, not how it came to be. Of every
 * hundredth product a listing is not in step, of every 25th one is not linked; each order is two deliveries, a line, a movement.
 */
export async function fillPages(pool: Pool, domain: string, { products, orders }: ShopSize): Promise<FilledPages> {
	const id = async (sql: string, values: unknown[]) => Number((await pool.query<{ id: number }>(sql, values)).rows[0]?.id);
	const shop = await id("INSERT INTO shop (domain, import_state, import_done, import_total) VALUES ($1, 'done', $2, $2) RETURNING id", [
		domain,
		products,
	]);
	await pool.query("INSERT INTO shop_lane (shop_id) VALUES ($1)", [shop]);
	const connect = (channel: string, account: string, name: string) =>
		id(
			`INSERT INTO connection (shop_id, channel, account, name, is_home, state, cut_at, order_watermark, polled_at, webhook_token)
			 VALUES ($1, $2, $3, $4, $2 = 'shopify'::text, 'live', now() - $5 * interval '1 day', now(), now(), $6) RETURNING id`,
			[shop, channel, account, name, DAYS, `${channel}-${shop}`],
		);
	const handle = domain.split(".")[0] ?? domain;
	const home = await connect("shopify", domain, "Shopify");
	const guests: number[] = [];
	for (const { channel, account, name } of CHANNELS) guests.push(await connect(channel, account(handle), name));
	await fillGoods(pool, { shop, guests, products });
	await fillOrders(pool, { shop, connections: [home, ...guests], products, orders });
	await fillEverydayTraces(pool, { shop, connections: [home, ...guests], products, orders });
	const item = await id("SELECT min(id) AS id FROM item WHERE shop_id = $1", [shop]);
	const newest = await pool.query<{ path: string }>(
		"SELECT connection_id || '/' || order_id AS path FROM sales_order WHERE shop_id = $1 ORDER BY created_at DESC LIMIT 1",
		[shop],
	);
	return { channel: guests[0] ?? home, item, order: newest.rows[0]?.path ?? "" };
}

type Goods = { shop: number; guests: readonly number[]; products: number };

async function fillGoods(pool: Pool, { shop, guests, products }: Goods): Promise<void> {
	await pool.query(`INSERT INTO location (shop_id, external_id, name) VALUES ($1, 'loc-1', 'Main warehouse')`, [shop]);
	await pool.query(
		`INSERT INTO item (shop_id, external_id, sku, barcode, title)
		 SELECT $1, 'item-' || n, 'NW-' || lpad(n::text, 5, '0'), (4000000000000 + n)::text,
		        (ARRAY['Trail jacket, pine', 'Enamel mug, 350 ml', 'Wool socks, pair', 'Head torch 400', 'Dry bag 20 l', 'Camp stove, gas'])[1 + n % 6]
		   FROM generate_series(1, $2::int) n`,
		[shop, products],
	);
	await pool.query(
		`INSERT INTO stock (shop_id, item_id, location_id, available, home_quantity, home_read_at)
		 SELECT i.shop_id, i.id, l.id, 3 + i.id % 40, 3 + i.id % 40, now() FROM item i JOIN location l ON l.shop_id = i.shop_id WHERE i.shop_id = $1`,
		[shop],
	);
	for (const guest of guests) {
		await pool.query(
			`INSERT INTO listing (shop_id, connection_id, external_id, sku, title, item_id, link_state, desired, shown, written_at, dirty_since)
			 SELECT i.shop_id, $2::bigint, n::text, CASE WHEN linked THEN i.sku ELSE i.sku || '-X' END, i.title, CASE WHEN linked THEN i.id END,
			        CASE WHEN linked THEN 'linked' ELSE 'unlinked' END, s.available, s.available + (n % 100 = 7)::int,
			        now() - n % 86400 * interval '1 second', CASE WHEN n % 100 = 7 THEN now() END
			   FROM generate_series(1, $3::int) n
			   JOIN LATERAL (SELECT i.*, n % 25 <> 9 AS linked FROM item i
			                  WHERE i.shop_id = $1 AND i.external_id = 'item-' || 1 + (n - 1) % $4::int) i ON true
			   JOIN stock s ON s.shop_id = i.shop_id AND s.item_id = i.id`,
			[shop, guest, Math.ceil(products * LISTINGS_PER_PRODUCT), products],
		);
	}
}

type Past = { shop: number; connections: readonly number[]; products: number; orders: number };

/** One sale in three on each channel, the newest of the last minute. */
async function fillOrders(pool: Pool, { shop, connections, products, orders }: Past): Promise<void> {
	await pool.query(
		`CREATE TEMP TABLE sale AS
		 SELECT n, n::text AS order_id, ($2::bigint[])[1 + n % 3] AS connection_id, i.id AS item_id, l.id AS location_id, 1 + n % 2 AS units,
		        now() - ($3 - n) * ($5 * interval '1 day' / $3) AS at
		   FROM generate_series(1, $3::int) n
		   JOIN item i ON i.shop_id = $1 AND i.external_id = 'item-' || 1 + (n * 7919::bigint) % $4::int
		   JOIN location l ON l.shop_id = $1`,
		[shop, connections, orders, products, DAYS],
	);
	await pool.query(
		`INSERT INTO sales_order (shop_id, connection_id, order_id, name, created_on_channel_at, stamp, content_hash, as_of, first_source, created_at)
		 SELECT $1, connection_id, order_id, '#' || order_id, at, at, md5(order_id), at, CASE WHEN n % 50 = 0 THEN 'poll' ELSE 'webhook' END, at FROM sale`,
		[shop],
	);
	await pool.query(
		`INSERT INTO order_line (shop_id, connection_id, order_id, line_id, item_id, held) SELECT $1, connection_id, order_id, '1', item_id, units FROM sale`,
		[shop],
	);
	await pool.query(
		`INSERT INTO order_line_allocation (shop_id, connection_id, order_id, line_id, item_id, location_id, quantity)
		 SELECT $1, connection_id, order_id, '1', item_id, location_id, units FROM sale`,
		[shop],
	);
	await pool.query(
		`INSERT INTO movement (shop_id, item_id, location_id, delta, after, cause, connection_id, order_id, line_id, correlation_id, source_key, occurred_at, created_at)
		 SELECT $1, item_id, location_id, -units, 3 + n % 40, 'sale', connection_id, order_id, '1', 'c' || n, 'sale:' || connection_id || ':' || n, at, at
		   FROM sale ORDER BY n`,
		[shop],
	);
	await pool.query(
		`INSERT INTO inbox_event (shop_id, received_at, connection_id, topic, source, event, status, outcome, delivery_key, correlation_id, occurred_at, processed_at)
		 SELECT $1, at + d * interval '1 second', connection_id, CASE d WHEN 1 THEN 'orders/create' ELSE 'orders/updated' END, 'webhook',
		        jsonb_build_object('kind', 'order.snapshot', 'orderId', order_id, 'lines', jsonb_build_array(jsonb_build_object('lineId', '1', 'held', units))),
		        'processed', 'applied', order_id || '-' || d, 'c' || n, at, at + d * interval '1 second'
		   FROM sale CROSS JOIN generate_series(1, $2::int) d`,
		[shop, EVENTS_PER_ORDER],
	);
	await pool.query("DROP TABLE sale");
}

/** What a working shop leaves behind: updates, delays, differences, what people did, and some things that need one. */
async function fillEverydayTraces(pool: Pool, { shop, connections, products, orders }: Past): Promise<void> {
	const [, guest] = connections;
	const some = Math.min(30, products);
	await pool.query(
		`INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, operation, quantity, outcome, took_ms, correlation_id, at)
		 SELECT $1, l.connection_id, l.id, 'write stock', l.shown, 'confirmed', 120, 'c' || n, now() - ($2 - n) * ($3 * interval '1 day' / $2)
		   FROM generate_series(1, $2::int) n JOIN LATERAL (
		        SELECT * FROM listing WHERE shop_id = $1 AND connection_id = $4 AND external_id = (1 + n % $5::int)::text) l ON true`,
		[shop, orders, DAYS, guest, products],
	);
	await pool.query(
		`INSERT INTO lag_sample (shop_id, connection_id, lag_ms, at)
		 SELECT $1, ($2::bigint[])[1 + n % 3], 300 + n * 37 % 900, now() - n * (interval '24 hours' / $3) FROM generate_series(1, $3::int) n`,
		[shop, connections, Math.min(orders, 6_000)],
	);
	await pool.query(
		`INSERT INTO audit (shop_id, actor, action, subject, before, after, at)
		 SELECT $1, 'system', 'listings.paused', $2::text, '{"listings":1}', '{"listings":1}', now() - ($3 - n) * interval '20 minutes'
		   FROM generate_series(1, $3::int) n`,
		[shop, guest, Math.min(orders, 2_000)],
	);
	await pool.query(
		`INSERT INTO oversell (shop_id, item_id, location_id, connection_id, units, covered, state, source_key, occurred_at)
		 SELECT $1, s.item_id, s.location_id, $2, 1, 1, 'covered', 'o' || s.item_id, now() FROM stock s WHERE s.shop_id = $1 ORDER BY s.item_id LIMIT $3`,
		[shop, guest, some],
	);
	await pool.query(
		`INSERT INTO dead_letter (shop_id, direction, connection_id, listing_id, operation, error_class, error, source_key, correlation_id, attempts)
		 SELECT $1, 'out', $2, l.id, 'write stock', 'rejected', 'The product is in the bin', 'd' || l.id, 'c', 5
		   FROM listing l WHERE l.shop_id = $1 AND l.connection_id = $2 ORDER BY l.id LIMIT $3`,
		[shop, guest, some],
	);
}
