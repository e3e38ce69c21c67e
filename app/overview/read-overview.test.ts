import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { type FilledShop, fillShop, sell } from "../../tests/kit/fill-shop.ts";
import { readLagHours, readOverview } from "./index.ts";

let database: TestDatabase;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

let count = 0;
const newShop = (listings = 20): Promise<FilledShop> => fillShop(database.pool, `shop-${++count}.myshopify.com`, { listings });
const query = (sql: string, values: unknown[]) => database.pool.query(sql, values);
const channelOf = async (shop: FilledShop, id: number) => {
	const { channels } = await readOverview(database.pool, shop.shopId);
	const found = channels.find((channel) => channel.id === id);
	if (!found) throw new Error(`connection ${id} is not in the overview`);
	return found;
};

describe("what the overview page reads", () => {
	test("a quiet shop: home first, all figures in step, nothing to attend to", async () => {
		const shop = await newShop();
		const overview = await readOverview(database.pool, shop.shopId);
		expect(overview.firstImport).toEqual({ state: "done" });
		expect(overview.channels.map(({ name, isHome, listings, behind, lag }) => ({ name, isHome, listings, behind, lag }))).toEqual([
			{ name: "Shopify", isHome: true, listings: 20, behind: 0, lag: null },
			{ name: "WooCommerce", isHome: false, listings: 20, behind: 0, lag: null },
		]);
		expect(overview.waiting).toEqual({ messages: 0, since: null });
		expect(overview.oversells).toEqual({ count: 0, units: 0, open: 0, unitsOwed: 0, newest: [] });
		expect(overview.attention).toEqual({
			updates: { count: 0, more: false },
			messages: { count: 0, more: false },
			problems: { count: 0, more: false },
			newest: [],
		});
		expect(overview.sales).toEqual({ orders: { count: 0, more: false }, newest: [] });
	});

	test("a connection is called what the merchant calls it, else by its channel, else by its account", async () => {
		const shop = await newShop(1);
		const names = async () => (await readOverview(database.pool, shop.shopId)).channels.map(({ name }) => name);
		await query("UPDATE connection SET name = account WHERE shop_id = $1", [shop.shopId]);
		expect(await names()).toEqual(["Shopify", "WooCommerce"]);
		await query(
			`INSERT INTO connection (shop_id, channel, account, name, state, webhook_token) VALUES ($1, 'woocommerce', 'second.example', 'second.example', 'live', $2)`,
			[shop.shopId, `second-${shop.shopId}`],
		);
		expect(await names()).toEqual(["Shopify", `store.shop-${count}.example`, "second.example"]);
		await query("UPDATE connection SET name = 'Outlet' WHERE shop_id = $1 AND account = 'second.example'", [shop.shopId]);
		expect(await names()).toEqual(["Shopify", "WooCommerce", "Outlet"]);
	});

	test("listings with another figure, or one that nobody knows, are behind; paused, parked and merely checked ones are not", async () => {
		const shop = await newShop();
		const [dirty, uncertain, paused, parked, checked, unseen, negative] = shop.items;
		const set = (item: number | undefined, sql: string) =>
			query(`UPDATE listing SET ${sql} WHERE shop_id = $1 AND item_id = $2`, [shop.shopId, item]);
		await set(dirty, "shown = shown + 1, dirty_since = now() - interval '30 seconds'");
		await set(uncertain, "uncertain_until = now() + interval '1 minute', written_at = now() - interval '90 seconds'");
		await set(paused, "paused = true, shown = shown + 1, dirty_since = now()");
		await set(parked, "parked = true, shown = shown + 1, dirty_since = now()");
		await set(checked, "recheck = true, dirty_since = now()");
		// Two sales that the channel has made and we have not heard of: it shows what it should.
		await set(unseen, "unseen = 2, shown = desired - 2");
		await set(negative, "desired = 0, shown = -3");
		const woo = await channelOf(shop, shop.woocommerce);
		expect(woo).toMatchObject({ listings: 20, behind: 2, pausedListings: 1 });
		expect(Date.now() - Date.parse(woo.behindSince ?? "")).toBeGreaterThan(85_000);
	});

	test("R42 of a watched channel, what would change is counted, and nothing is late", async () => {
		const shop = await newShop();
		await query(`UPDATE connection SET state = 'watching' WHERE id = $1`, [shop.woocommerce]);
		await query(`UPDATE listing SET desired = shown + 1 WHERE shop_id = $1 AND item_id = ANY($2)`, [shop.shopId, shop.items.slice(0, 7)]);
		expect(await channelOf(shop, shop.woocommerce)).toMatchObject({ state: "watching", behind: 7, behindSince: null });
	});

	test("home is behind by figures owed and by figures in an open batch, each counted once", async () => {
		const shop = await newShop();
		await query(`UPDATE stock SET delta_owed = -1, owed_since = now() WHERE shop_id = $1 AND item_id = ANY($2)`, [
			shop.shopId,
			shop.items.slice(0, 2),
		]);
		await query(
			`WITH batch AS (INSERT INTO delta_batch (shop_id, connection_id, idempotency_key, correlation_id, created_at)
			                VALUES ($1, $2, 'a key', 'c', now() - interval '20 seconds') RETURNING id)
			 INSERT INTO delta_line (shop_id, batch_id, item_id, location_id, delta)
			 SELECT $1, batch.id, item, $4, -1 FROM batch, unnest($3::bigint[]) item`,
			[shop.shopId, shop.shopify, shop.items.slice(1, 4), shop.location],
		);
		const home = await channelOf(shop, shop.shopify);
		expect(home.behind).toBe(4);
		expect(Date.now() - Date.parse(home.behindSince ?? "")).toBeGreaterThan(19_000);
	});

	test("R15 lag is the median and the slowest hundredth per channel, of the last 24 hours", async () => {
		const shop = await newShop();
		await query(`INSERT INTO lag_sample (shop_id, connection_id, lag_ms) SELECT $1, $2, n * 10 FROM generate_series(1, 100) n`, [
			shop.shopId,
			shop.woocommerce,
		]);
		await query(`INSERT INTO lag_sample (shop_id, connection_id, lag_ms, at) VALUES ($1, $2, 90000, now() - interval '25 hours')`, [
			shop.shopId,
			shop.woocommerce,
		]);
		expect((await channelOf(shop, shop.woocommerce)).lag).toEqual({ p50Ms: 500, p99Ms: 990, samples: 100 });
		expect((await channelOf(shop, shop.shopify)).lag).toBeNull();
	});

	test("R15 R37 delays by the hour: each hour by its own sales, a crowded one by its newest, another shop's not at all", async () => {
		const [shop, other] = [await newShop(1), await newShop(1)];
		const sample = (connection: number, shopId: number, lagMs: string, hoursAgo: number, many = 1) =>
			query(
				`INSERT INTO lag_sample (shop_id, connection_id, lag_ms, at)
				 SELECT $1, $2, ${lagMs}, date_trunc('hour', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - $3 * interval '1 hour' + n * interval '1 second'
				   FROM generate_series(1, $4::int) n`,
				[shopId, connection, hoursAgo, many],
			);
		// The first hundred of 600 are slow, and older than the 500 that count.
		await sample(shop.woocommerce, shop.shopId, "CASE WHEN n <= 100 THEN 60000 ELSE 700 END", 3, 600);
		await sample(shop.woocommerce, shop.shopId, "n * 10", 23, 100);
		await sample(shop.woocommerce, shop.shopId, "1", 24, 5);
		await sample(other.woocommerce, other.shopId, "5", 3, 5);
		const { hours, channels } = await readLagHours(database.pool, shop.shopId);
		expect(hours).toHaveLength(24);
		expect(channels).toEqual([
			{
				id: shop.woocommerce,
				hours: hours.map((_, n) =>
					n === 20 ? { p50Ms: 700, p99Ms: 700, samples: 500 } : n === 0 ? { p50Ms: 500, p99Ms: 990, samples: 100 } : null,
				),
			},
		]);
	});

	test("R31 a consent that ends within a month is among what the page knows", async () => {
		const shop = await newShop(1);
		await query("UPDATE connection SET channel = 'amazon', consented_at = now() - interval '360 days' WHERE id = $1", [shop.woocommerce]);
		const { consents } = await readOverview(database.pool, shop.shopId);
		expect(consents).toEqual([{ connectionId: shop.woocommerce, channel: "WooCommerce", endsAt: expect.any(String) }]);
		await query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [shop.woocommerce]);
		expect((await readOverview(database.pool, shop.shopId)).consents).toEqual([]);
	});

	test("R29 of what e-mails tell, slow updates and forgotten pauses stand here too, once they are told and until they are over", async () => {
		const shop = await newShop(1);
		const other = await newShop(1);
		const alert = (shopId: number, kind: string, subject: number, detail: object, opened: boolean, over = false) =>
			query(
				`INSERT INTO alert (shop_id, kind, subject, detail, opened_at, resolved_at)
				 VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END, CASE WHEN $6 THEN now() END)`,
				[shopId, kind, String(subject), JSON.stringify(detail), opened, over],
			);
		await alert(shop.shopId, "lag", shop.woocommerce, { seconds: 9 }, false);
		await alert(other.shopId, "lag", other.woocommerce, { seconds: 7 }, true);
		const alerts = async () => (await readOverview(database.pool, shop.shopId)).alerts;
		expect(await alerts()).toEqual([]);
		await query("UPDATE alert SET opened_at = now() WHERE shop_id = $1", [shop.shopId]);
		await alert(shop.shopId, "paused", shop.woocommerce, { listings: 40 }, true);
		await alert(shop.shopId, "unreachable", shop.woocommerce, { reason: "no" }, true);
		await alert(shop.shopId, "lag", 999_999, { seconds: 9 }, true);
		const about = { connectionId: shop.woocommerce, channel: "WooCommerce", since: expect.any(String) };
		expect(await alerts()).toEqual([
			{ kind: "lag", count: 9, ...about },
			{ kind: "paused", count: 40, ...about },
		]);
		await query("UPDATE alert SET resolved_at = now() WHERE shop_id = $1", [shop.shopId]);
		expect(await alerts()).toEqual([]);
	});

	test("sales are listed newest first with what is left, and say when a channel still shows the old figure", async () => {
		const shop = await newShop();
		const [first = 0, second = 0] = shop.items;
		await sell(database.pool, shop, { connection: shop.shopify, order: "1001", item: first, units: 2, agoMs: 60_000 });
		await sell(database.pool, shop, { connection: shop.woocommerce, order: "77", item: second, units: 1 });
		await sell(database.pool, shop, { connection: shop.woocommerce, order: "old", item: second, units: 1, agoMs: 25 * 3_600_000 });
		await query(`UPDATE listing SET shown = shown + 2, dirty_since = now() WHERE shop_id = $1 AND item_id = $2`, [shop.shopId, first]);
		const { rows } = await database.pool.query<{ item_id: number; available: number }>(
			`SELECT item_id, available FROM stock WHERE shop_id = $1 AND item_id = ANY($2) ORDER BY item_id`,
			[shop.shopId, [first, second]],
		);
		const { sales } = await readOverview(database.pool, shop.shopId);
		expect(sales.orders).toEqual({ count: 2, more: false });
		expect(sales.newest.map(({ channel, order, units, left, inStep }) => ({ channel, order, units, left, inStep }))).toEqual([
			{ channel: "WooCommerce", order: "#77", units: 1, left: rows[1]?.available, inStep: true },
			{ channel: "Shopify", order: "#1001", units: 2, left: rows[0]?.available, inStep: false },
		]);
	});

	test("R11 oversells of the day are counted, and what is owed stays in sight until stock covers it", async () => {
		const shop = await newShop();
		const oversell = (key: string, units: number, covered: number, state: string, age: string) =>
			query(
				`INSERT INTO oversell (shop_id, item_id, location_id, connection_id, order_id, units, covered, state, source_key, occurred_at, created_at)
				 VALUES ($1, $2, $3, $4, '77', $5, $6, $7, $8, now(), now() - $9::interval)`,
				[shop.shopId, shop.items[0], shop.location, shop.woocommerce, units, covered, state, key, age],
			);
		await oversell("today, owed", 3, 1, "open", "1 hour");
		await oversell("today, covered", 1, 1, "covered", "2 hours");
		await oversell("long ago, owed", 5, 0, "open", "3 days");
		await oversell("long ago, covered", 9, 9, "covered", "3 days");
		const { oversells } = await readOverview(database.pool, shop.shopId);
		expect(oversells).toMatchObject({ count: 2, units: 4, open: 2, unitsOwed: 7 });
		expect(oversells.newest.map(({ units, owed }) => ({ units, owed }))).toEqual([
			{ units: 3, owed: 2 },
			{ units: 5, owed: 5 },
			{ units: 1, owed: 0 },
		]);
	});

	test("R21 open dead letters are counted by direction and shown by kind, by their newest; settled ones are gone", async () => {
		const shop = await newShop();
		const park = (key: string, direction: string, state: string, listing: boolean) =>
			query(
				`INSERT INTO dead_letter (shop_id, direction, connection_id, listing_id, operation, error_class, error, source_key, correlation_id, state, attempts)
				 VALUES ($1, $2, $3, CASE WHEN $4 THEN (SELECT min(id) FROM listing WHERE shop_id = $1) END, 'orders/create', 'rejected', 'It was refused', $5, 'c', $6, 5)`,
				[shop.shopId, direction, shop.woocommerce, listing, key, state],
			);
		await park("a", "out", "open", true);
		await park("b", "in", "open", false);
		await park("c", "out", "replayed", true);
		for (const key of ["d", "e"]) await park(key, "out", "open", true);
		const { attention } = await readOverview(database.pool, shop.shopId);
		expect(attention.updates).toEqual({ count: 3, more: false });
		expect(attention.messages).toEqual({ count: 1, more: false });
		expect(attention.problems).toEqual({ count: 2, more: false });
		expect(attention.newest.map(({ direction, subject, attempts, failures }) => ({ direction, subject, attempts, failures }))).toEqual([
			{ direction: "out", subject: expect.stringContaining(" · NW-"), attempts: 5, failures: 3 },
			{ direction: "in", subject: "orders/create", attempts: 5, failures: 1 },
		]);
	});

	test("messages that wait to be applied are counted, of the stock lane only", async () => {
		const shop = await newShop();
		await query(
			`INSERT INTO inbox_event (shop_id, connection_id, lane, topic, source, correlation_id, status)
			 SELECT $1, $2, lane, 't', 'webhook', 'c', status FROM (VALUES ('stock', 'pending'), ('stock', 'pending'), ('stock', 'processed'), ('lifecycle', 'pending')) e (lane, status)`,
			[shop.shopId, shop.shopify],
		);
		expect((await readOverview(database.pool, shop.shopId)).waiting).toMatchObject({ messages: 2, since: expect.any(String) });
	});

	test("R37 two shops see nothing of each other", async () => {
		const mine = await newShop(3);
		const other = await newShop(5);
		await sell(database.pool, other, { connection: other.woocommerce, order: "1", item: other.items[0] ?? 0, units: 1 });
		await query(`UPDATE listing SET shown = shown + 1, dirty_since = now() WHERE shop_id = $1`, [other.shopId]);
		const overview = await readOverview(database.pool, mine.shopId);
		expect(overview.sales.newest).toEqual([]);
		expect(overview.channels.map(({ listings, behind }) => ({ listings, behind }))).toEqual([
			{ listings: 3, behind: 0 },
			{ listings: 3, behind: 0 },
		]);
	});

	test("a shop of 50,000 listings is read in well under the two seconds between two looks", async () => {
		const shop = await newShop(50_000);
		await database.pool.query("ANALYZE");
		const startedAt = performance.now();
		const overview = await readOverview(database.pool, shop.shopId);
		const tookMs = performance.now() - startedAt;
		expect(overview.channels[1]).toMatchObject({ listings: 50_000 });
		expect(tookMs).toBeLessThan(1_000);
	});
});
