import type { Pool } from "#app/db.server.ts";

export type FilledShop = { shopId: number; shopify: number; woocommerce: number; items: number[]; location: number };

const PRODUCTS = ["Trail jacket, pine", "Enamel mug, 350 ml", "Wool socks, pair", "Head torch 400", "Dry bag 20 l", "Camp stove, gas"];

/**
 * A shop in the middle of its day, written straight into the tables: this is about what a page shows for such rows, not about
 * how they come to be (that is tested with the real pipeline elsewhere).
 */
export async function fillShop(pool: Pool, domain: string, { listings = 60 } = {}): Promise<FilledShop> {
	const one = async (sql: string, values: unknown[]) => Number((await pool.query<{ id: number }>(sql, values)).rows[0]?.id ?? 0);
	const shopId = await one(
		`INSERT INTO shop (domain, import_state, import_done, import_total) VALUES ($1, 'done', $2, $2)
		 ON CONFLICT (domain) DO UPDATE SET import_state = 'done', import_done = $2, import_total = $2 RETURNING id`,
		[domain, listings],
	);
	await pool.query(`INSERT INTO shop_lane (shop_id) VALUES ($1) ON CONFLICT DO NOTHING`, [shopId]);
	const connect = async (channel: string, account: string, name: string, isHome: boolean) => {
		// The home connection may be there already: the first visit makes it.
		const known = await one(`UPDATE connection SET state = 'live', name = $3 WHERE shop_id = $1 AND account = $2 RETURNING id`, [
			shopId,
			account,
			name,
		]);
		if (known) return known;
		return one(
			`INSERT INTO connection (shop_id, channel, account, name, is_home, state, webhook_token)
			 VALUES ($1, $2, $3, $4, $5, 'live', $6) RETURNING id`,
			[shopId, channel, account, name, isHome, `${channel}-${shopId}`],
		);
	};
	const shopify = await connect("shopify", domain, "Shopify", true);
	const woocommerce = await connect("woocommerce", `store.${domain.split(".")[0]}.example`, "WooCommerce", false);
	const location = await one(`INSERT INTO location (shop_id, external_id, name) VALUES ($1, 'loc-1', 'Main warehouse') RETURNING id`, [
		shopId,
	]);
	const { rows } = await pool.query<{ id: number }>(
		`INSERT INTO item (shop_id, external_id, sku, title)
		 SELECT $1, 'item-' || n, 'NW-' || lpad(n::text, 4, '0'), ($3::text[])[1 + n % array_length($3::text[], 1)]
		   FROM generate_series(1, $2) n RETURNING id`,
		[shopId, listings, PRODUCTS],
	);
	await pool.query(
		`INSERT INTO stock (shop_id, item_id, location_id, available) SELECT shop_id, id, $2, 3 + id % 40 FROM item WHERE shop_id = $1`,
		[shopId, location],
	);
	await pool.query(
		`INSERT INTO listing (shop_id, connection_id, external_id, sku, title, item_id, link_state, desired, shown, written_at)
		 SELECT i.shop_id, $2, 'woo-' || i.id, i.sku, i.title, i.id, 'linked', s.available, s.available, now() - interval '1 hour'
		   FROM item i JOIN stock s ON s.shop_id = i.shop_id AND s.item_id = i.id WHERE i.shop_id = $1`,
		[shopId, woocommerce],
	);
	return { shopId, shopify, woocommerce, items: rows.map((row) => Number(row.id)), location };
}

/** One unit of an item sold on a channel, as the ledger would have it. */
export async function sell(
	pool: Pool,
	shop: FilledShop,
	sale: { connection: number; order: string; item: number; units: number; agoMs?: number },
) {
	const at = new Date(Date.now() - (sale.agoMs ?? 0));
	await pool.query(
		`INSERT INTO sales_order (shop_id, connection_id, order_id, name, created_on_channel_at, stamp, content_hash, as_of, first_source, created_at)
		 VALUES ($1, $2, $3, $5, $4, $4, 'x', $4, 'webhook', $4) ON CONFLICT DO NOTHING`,
		[shop.shopId, sale.connection, sale.order, at, `#${sale.order}`],
	);
	await pool.query(
		`INSERT INTO movement (shop_id, item_id, location_id, delta, after, cause, connection_id, order_id, line_id, correlation_id, source_key, occurred_at, created_at)
		 SELECT $1, $2, $3, -$4::int, available - $4::int, 'sale', $5, $6, '1', 'c', $8, $7, $7
		   FROM stock WHERE shop_id = $1 AND item_id = $2 AND location_id = $3`,
		[shop.shopId, sale.item, shop.location, sale.units, sale.connection, sale.order, at, `${sale.connection}:${sale.order}:${sale.item}`],
	);
	await pool.query(`UPDATE stock SET available = greatest(0, available - $4) WHERE shop_id = $1 AND item_id = $2 AND location_id = $3`, [
		shop.shopId,
		sale.item,
		shop.location,
		sale.units,
	]);
}
