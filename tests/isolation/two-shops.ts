import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sealCredentials } from "#app/connections/credentials.ts";
import { type Env, loadEnv } from "#app/env.server.ts";
import { foldProblemsOf } from "#dead-letters";
import { createShopify, type Shopify } from "../../sandbox/channels/shopify/index.ts";
import { installUpstreams } from "../../sandbox/preload.ts";
import { createWorld } from "../../sandbox/world.ts";
import { buildApp } from "../../scripts/build.ts";
import { startAppProcess } from "../kit/app-process.ts";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";
import { type FilledShop, fillShop, sell } from "../kit/fill-shop.ts";
import { type ServedRoute, type ServedTable, servedRoutes, tablesOfShops } from "./served.ts";

export const SECRET = "secret-of-the-app-in-this-test";
const API_KEY = "0123456789abcdef0123456789abcdef";
export const APP_ORIGIN = "https://lockstep.example";
/** What stands in every text of the other shop, and in no answer to this one. */
export const MARK = "bee-only";
export const OURS = "north-outdoor.myshopify.com";
export const THEIRS = `${MARK}.myshopify.com`;
/** The same user number works in both shops: only the shop may tell them apart. */
export const STAFF = "548380009";
export const COLLEAGUE = "548380010";
const PERSON = "Mozilla/5.0 (Macintosh) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36";
/** Each connection's own begins so. */
export const WEBHOOK_SECRET = "whsec";
const LISTINGS = 4;

/** One id of each kind that an address, a form or a job can name. */
export type Ids = FilledShop & {
	domain: string;
	/** A connection that its account's owner agreed to. */
	consented: number;
	listing: number;
	item: number;
	order: string;
	view: number;
	bulk: number;
	failure: number;
	problem: number;
	event: number;
	oversell: number;
	run: number;
	changes: number;
	totals: number;
	check: number;
	difference: number;
	rulesEntry: number;
	pausesEntry: number;
	linksEntry: number;
	member: string;
	nonce: string;
	ticket: string;
	webhookToken: string;
};

export type TwoShops = {
	database: TestDatabase;
	env: Env;
	routes: ServedRoute[];
	tables: ServedTable[];
	ours: Ids;
	theirs: Ids;
	port: number;
	/** As App Bridge asks for it: with a fresh session token of this person in our shop (or in the other). */
	ask(path: string, options?: { method?: string; body?: unknown; userId?: string; shop?: string }): Promise<Answered>;
	/** One hash per table of all rows of a shop. */
	fingerprint(shopId: number): Promise<Record<string, string>>;
	allow(shopId: number, userId: string, granted: "look" | "operate" | "approve"): Promise<void>;
	/** The merchant takes the app out of our shop: from here on Shopify refuses its tokens. */
	uninstallOurs(): void;
	close(): Promise<void>;
};
export type Answered = { status: number; text: string; location: string };

export async function openTwoShops(): Promise<TwoShops> {
	await buildApp();
	const database = await freshDatabase();
	const world = createWorld({ seed: 3 });
	const shopify = createShopify(world, { clientId: API_KEY, clientSecret: SECRET, appUrl: APP_ORIGIN });
	const shop = shopify.createShop({ domain: OURS });
	shopify.createShop({ domain: THEIRS });
	await world.listen();
	// What the test does as a worker asks the same world.
	const upstreams = installUpstreams(world.upstreams());
	const dataDir = await mkdtemp(join(tmpdir(), "lockstep-isolation-"));
	const environment: NodeJS.ProcessEnv = {
		PATH: process.env.PATH ?? "",
		NODE_ENV: "test",
		PORT: "0",
		SHOPIFY_API_KEY: API_KEY,
		SHOPIFY_API_SECRET: SECRET,
		SHOPIFY_APP_URL: APP_ORIGIN,
		LOCKSTEP_KEYS: `test:${randomBytes(32).toString("base64")}`,
		LOCKSTEP_DATA_DIR: dataDir,
		DATABASE_URL: database.url,
		SANDBOX_UPSTREAMS: world.upstreams(),
	};
	// The build that `servedRoutes` reads asks for the process's own environment as it loads.
	Object.assign(process.env, environment);
	const web = await startAppProcess("server/web.ts", environment);
	const env = loadEnv(environment);
	const ask = asker(shopify, web.port);
	// The first visit is the installation.
	for (const shop of [OURS, THEIRS]) {
		const { status } = await ask("/app/settings", { shop });
		if (status !== 200) throw new Error(`${shop} could not be opened: ${status}`);
	}
	const tables = await tablesOfShops(database.pool);
	const [ours, theirs] = [await fillAll(database, env, OURS), await fillAll(database, env, THEIRS)];
	await plant(database, tables, theirs.shopId);

	return {
		database,
		env,
		routes: await servedRoutes(),
		tables,
		ours,
		theirs: { ...theirs, ...(await readIds(database, theirs.shopId)) },
		port: web.port,
		ask,
		async fingerprint(shopId) {
			const sums: Record<string, string> = {};
			for (const { name } of [...tables, { name: "shop" }]) {
				const { rows } = await database.pool.query<{ text: string }>(
					`SELECT t::text AS text FROM "${name}" t WHERE ${name === "shop" ? "id" : "shop_id"} = $1 ORDER BY 1`,
					[shopId],
				);
				sums[name] = `${rows.length} rows, ${createHash("sha256")
					.update(rows.map(({ text }) => text).join("\n"))
					.digest("hex")
					.slice(0, 16)}`;
			}
			return sums;
		},
		allow: async (shopId, userId, granted) =>
			void (await database.pool.query(
				`INSERT INTO member (shop_id, user_id, granted, installation) SELECT id, $2, $3, installation FROM shop WHERE id = $1
				 ON CONFLICT (shop_id, user_id) DO UPDATE SET granted = excluded.granted`,
				[shopId, userId, granted],
			)),
		uninstallOurs: () => shop.uninstall(),
		async close() {
			await web.stop();
			await upstreams.restore();
			await world.close();
			await database.drop();
			await rm(dataDir, { recursive: true, force: true });
		},
	};
}

function asker(shopify: Shopify, port: number): TwoShops["ask"] {
	return async (path, { method, body, userId = STAFF, shop = OURS } = {}) => {
		const isForm = body instanceof URLSearchParams;
		const response = await fetch(`http://127.0.0.1:${port}${path}`, {
			method: method ?? (body === undefined ? "GET" : "POST"),
			redirect: "manual",
			headers: {
				authorization: `Bearer ${shopify.mintSessionToken({ shop, userId, seconds: 60 })}`,
				"user-agent": PERSON,
				...(body === undefined || isForm ? {} : { "content-type": "application/json" }),
			},
			...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
		});
		return { status: response.status, text: await response.text(), location: response.headers.get("location") ?? "" };
	};
}

/** A row in every table that a shop can have rows in; both shops' things have the same names and the same ids outside. */
async function fillAll({ pool }: TestDatabase, env: Env, domain: string): Promise<Ids> {
	const shop = await fillShop(pool, domain, { listings: LISTINGS });
	const { shopId, woocommerce } = shop;
	const item = shop.items[0] ?? 0;
	const all = (sql: string, values: unknown[] = []) => pool.query(sql, [shopId, ...values]);
	await sell(pool, shop, { connection: woocommerce, order: "777", item, units: 1 });
	// Shopify's ids are numbers.
	await all(
		"UPDATE item SET external_id = (90000 + right(sku, 4)::int)::text, variant_id = (70000 + right(sku, 4)::int)::text, product_id = '50000' WHERE shop_id = $1",
	);
	await all("UPDATE location SET external_id = '60001' WHERE shop_id = $1");
	await all("UPDATE listing SET external_id = (40000 + right(sku, 4)::int)::text WHERE shop_id = $1");
	await all("UPDATE connection SET cut_at = now() - interval '1 day', order_watermark = now() WHERE shop_id = $1 AND NOT is_home");
	const place = { shopId, channel: "woocommerce", account: `store.${domain.split(".")[0]}.example` };
	const sealed = sealCredentials(env.keys, place, {
		consumerKey: "ck",
		consumerSecret: "cs",
		webhookSecret: `${WEBHOOK_SECRET}-${shopId}`,
	});
	await all("UPDATE connection SET credentials = $2 WHERE shop_id = $1 AND NOT is_home", [sealed]);
	await all("INSERT INTO order_line (shop_id, connection_id, order_id, line_id, item_id, held) VALUES ($1, $2, '777', '1', $3, 1)", [
		woocommerce,
		item,
	]);
	await all(
		"INSERT INTO order_line_allocation (shop_id, connection_id, order_id, line_id, item_id, location_id, quantity) VALUES ($1, $2, '777', '1', $3, $4, 1)",
		[woocommerce, item, shop.location],
	);
	await all(
		"INSERT INTO prediction (shop_id, item_id, location_id, connection_id, order_id, line_id, quantity, stamp, received_at) VALUES ($1, $2, $3, $4, '1', '1', 1, now(), now())",
		[item, shop.location, shop.shopify],
	);
	await all(
		"INSERT INTO oversell (shop_id, item_id, location_id, connection_id, order_id, line_id, units, source_key, occurred_at) VALUES ($1, $2, $3, $4, '777', '1', 1, 'o', now())",
		[item, shop.location, woocommerce],
	);
	await all(
		"INSERT INTO order_cancellation (shop_id, connection_id, order_id, state, asked_by, ended_at) VALUES ($1, $2, '777', 'refused', '7', now())",
		[woocommerce],
	);
	await all("INSERT INTO bundle_component VALUES ($1, $2, $3, 2)", [shop.items[1], item]);
	await all("INSERT INTO connection_location VALUES ($1, $2, $3)", [woocommerce, shop.location]);
	await all(
		"WITH b AS (INSERT INTO delta_batch (shop_id, connection_id, idempotency_key, state, correlation_id) VALUES ($1::bigint, $2, 'key-' || $1::bigint, 'landed', 'c') RETURNING id) INSERT INTO delta_line (shop_id, batch_id, item_id, location_id, delta, state) SELECT $1, id, $3, $4, -1, 'contained' FROM b",
		[shop.shopify, item, shop.location],
	);
	await all("INSERT INTO delivery_key (shop_id, connection_id, key) VALUES ($1, $2, 'k')", [woocommerce]);
	await all(
		"INSERT INTO inbox_event (shop_id, connection_id, topic, source, status, correlation_id) VALUES ($1, $2, 'order.snapshot', 'webhook', 'processed', 'c')",
		[woocommerce],
	);
	const snapshot = {
		...{ v: 1, type: "order.snapshot", orderId: "777", name: "#777", createdAt: "2026-03-01T10:00:00Z", stamp: "2026-03-01T10:00:00Z" },
		...{ contentHash: "x", complete: true, cancelled: false, locationExternalId: null, lines: [], fetched: null },
	};
	await all(
		"INSERT INTO inbox_event (shop_id, connection_id, topic, source, status, correlation_id, event) VALUES ($1, $2, 'order.updated', 'webhook', 'processed', 'c', $3)",
		[woocommerce, JSON.stringify(snapshot)],
	);
	await all("INSERT INTO fetch_request (shop_id, connection_id, kind, external_id, done_seq) VALUES ($1, $2, 'order', '777', 1)", [
		woocommerce,
	]);
	await all("INSERT INTO order_poll (shop_id, connection_id, from_at, to_at) VALUES ($1, $2, now(), now())", [woocommerce]);
	await all("INSERT INTO lag_sample (shop_id, connection_id, lag_ms) VALUES ($1, $2, 900)", [woocommerce]);
	await all(
		"INSERT INTO rate_budget (shop_id, connection_id, name, tokens, capacity, refill_per_second) VALUES ($1, $2, 'calls', 1, 1, 1)",
		[woocommerce],
	);
	await all("INSERT INTO connection_setup (shop_id, connection_id, mirrored) VALUES ($1, $2, 'no')", [woocommerce]);
	await all("INSERT INTO alert_rule (shop_id, kind, enabled, threshold) VALUES ($1, 'lag', true, 9)");
	await all(
		`INSERT INTO alert (shop_id, kind, subject, detail, opened_at, resolved_at) VALUES ($1, 'failures', '', '{"failures": 60}', now(), now())`,
	);
	await all("INSERT INTO mail_recipient (shop_id, address, digest) VALUES ($1, 'owner-' || $1::bigint || '@example.com', false)");
	await all("INSERT INTO mail_setting (shop_id) VALUES ($1)");
	await all(
		`INSERT INTO mail (shop_id, address, source_key, subject, text_body, html_body, state, done_at)
		 VALUES ($1, 'owner@example.com', 'k', 's', 't', '<p>h</p>', 'sent', now())`,
	);
	await all("INSERT INTO flow_use (shop_id, definition, in_use, stamp) VALUES ($1, 'x', false, now())");
	await all(
		"INSERT INTO flow_event (shop_id, handle, subject_id, source_key, occurred_at, state, done_at) VALUES ($1, 'oversell-detected', 1, 'k', now(), 'sent', now())",
	);
	await all("INSERT INTO flow_spell (shop_id, connection_id, told_at) VALUES ($1, $2, now())", [woocommerce]);
	await all(
		`INSERT INTO flow_run (shop_id, run_id, handle, properties, outcome, done_at) VALUES ($1, 'same-run', 'pause-sku-everywhere', '{"sku":"NW-0001"}', 'done', now())`,
	);
	await all("INSERT INTO member (shop_id, user_id, granted, installation) SELECT id, $2, 'approve', installation FROM shop WHERE id = $1", [
		COLLEAGUE,
	]);
	await all("INSERT INTO saved_view (shop_id, page, name, query) VALUES ($1, 'stock', 'mine', '')");
	const { rows } = await all("SELECT min(id) AS id FROM listing WHERE shop_id = $1");
	const listing = Number(rows[0]?.id);
	await all(
		`WITH b AS (INSERT INTO bulk_change (shop_id, actor, press, total, done, done_at) VALUES ($1, 'x', 'p', 1, 1, now()) RETURNING shop_id, id)
		 INSERT INTO bulk_change_line (shop_id, change_id, listing_id, state) SELECT shop_id, id, $2, 'done' FROM b`,
		[listing],
	);
	await all(
		`WITH b AS (SELECT max(id) AS id FROM bulk_change WHERE shop_id = $1), q AS (
		   INSERT INTO bulk_change_quantity (shop_id, change_id, item_id, location_id, seen, to_figure, units, made, state)
		   SELECT $1, b.id, $2, $3, 1, 2, 1, 1, 'done' FROM b
		 ), p AS (INSERT INTO bulk_change_problem (shop_id, change_id, line, sku, reason) SELECT $1, b.id, 2, 'x', 'wrong' FROM b)
		 INSERT INTO bulk_change_file (shop_id, change_id, part, bytes) SELECT $1, b.id, 0, 'x' FROM b`,
		[item, shop.location],
	);
	await all("INSERT INTO dry_run_line (shop_id, connection_id, listing_id, from_quantity, to_quantity) VALUES ($1, $2, $3, 1, 2)", [
		woocommerce,
		listing,
	]);
	await all("INSERT INTO difference (shop_id, connection_id, listing_id, expected, found, cause) VALUES ($1, $2, $3, 1, 2, 'unknown')", [
		woocommerce,
		listing,
	]);
	await all(
		`WITH r AS (INSERT INTO reconcile_run (shop_id, connection_id, asked_by, state, began_at, ended_at) VALUES ($1, $2, '7', 'done', now(), now()) RETURNING shop_id, id),
		   w AS (INSERT INTO reconcile_row (shop_id, run_id, attempt, n, kind, asked_s, external_id) SELECT shop_id, id, 1, 1, 'l', 0, 'x' FROM r)
		 INSERT INTO reconcile_difference (shop_id, connection_id, run_id, kind, subject, listing_id, external_id, expected, found, cause, state, acted_at, settled_at)
		 SELECT shop_id, $2, id, 'listing', 'listing:x', $3, 'x', 1, 2, 'another-writer', 'mended', now(), now() FROM r`,
		[woocommerce, listing],
	);
	await all(
		"INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, operation, outcome, error, correlation_id) VALUES ($1, $2, $3, 'listings.write', 'failed', 'refused', 'c')",
		[woocommerce, listing],
	);
	await all(
		"INSERT INTO dead_letter (shop_id, direction, connection_id, listing_id, operation, error_class, error, source_key, correlation_id) VALUES ($1, 'out', $2, $3, 'listings.write', 'rejected', 'refused', 'd', 'c')",
		[woocommerce, listing],
	);
	await all(
		`INSERT INTO connect_request (shop_id, nonce, ticket, user_id, channel, account, state, sealed, expires_at)
		 VALUES ($1::bigint, 'nonce-' || $1::bigint, 'ticket-' || $1::bigint, $2, 'woocommerce', 'https://store.example', 'granted', 'x', now() + interval '1 hour')`,
		[STAFF],
	);
	const entry = (action: string, before: unknown, after: unknown) =>
		all("INSERT INTO audit (shop_id, actor, action, subject, before, after) VALUES ($1, 'x', $2, $3, $4, $5)", [
			action,
			String(woocommerce),
			JSON.stringify(before),
			JSON.stringify(after),
		]);
	await entry(
		"policy.changed",
		{ listings: [{ id: listing, policy: { kind: "fixed", fixed: 1 } }] },
		{ listings: [{ id: listing, policy: null }] },
	);
	await entry("listings.resumed", { listingIds: [listing] }, { listingIds: [listing] });
	await entry("listings.linked", { listings: [] }, { listings: [{ id: listing, itemId: item }] });
	await all(
		`INSERT INTO connection (shop_id, channel, account, name, state, webhook_token, consented_at)
		 VALUES ($1::bigint, 'amazon', 'A' || $1::bigint, 'Amazon', 'connecting', 'amazon-' || $1::bigint, now())`,
	);
	await foldProblemsOf(pool, shopId);
	await all(
		`WITH r AS (INSERT INTO replay_run (shop_id, name, reason, actor, press, total) VALUES ($1, 'x', 'x', 'x', 'p', 1) RETURNING shop_id, id)
		 INSERT INTO replay_line (shop_id, run_id, n, letter_id, connection_id, target, listing_id)
		 SELECT r.shop_id, r.id, 1, (SELECT min(id) FROM dead_letter WHERE shop_id = $1), $2, 'listing:' || $3::bigint, $3 FROM r`,
		[woocommerce, listing],
	);
	await all(
		"INSERT INTO problem_change (shop_id, connection_id, direction, operation, error_class, failures) VALUES ($1, $2, 'out', 'listings.write', 'rejected', 0)",
		[woocommerce],
	);
	await all("UPDATE stock SET withheld = available, home_quantity = 0 WHERE shop_id = $1 AND item_id = $2", [item]);
	await all(
		`WITH s AS (INSERT INTO change_set (shop_id, id, kind, allowed, passed, opened_at, last_at) VALUES ($1, 7000 + $1::bigint, 'zero', 1, 1, now(), now()) RETURNING shop_id, id)
		 INSERT INTO held_change (shop_id, item_id, location_id, state, kind, set_id, former, to_figure, read_at, at)
		 SELECT s.shop_id, $2, $3, 'held', 'zero', s.id, 5, 0, now(), now() FROM s`,
		[item, shop.location],
	);
	await all(
		`WITH k AS (INSERT INTO totals_check (shop_id, connection_id, from_at, to_at, state) VALUES ($1, $2, now() - interval '7 days', now(), 'failed') RETURNING shop_id, id),
		 d AS (INSERT INTO totals_difference (shop_id, check_id, order_id, name, kind) SELECT shop_id, id, '777', '#777', 'missing-here' FROM k)
		 INSERT INTO totals_staging (shop_id, check_id, order_id, name, lines) SELECT shop_id, id, '777', '#777', '[]' FROM k`,
		[woocommerce],
	);
	await all("INSERT INTO sold_count (shop_id, items, counted_at) VALUES ($1, 4, now())");
	return { ...shop, domain, listing, item, ...(await readIds({ pool }, shopId)) };
}

async function readIds({ pool }: Pick<TestDatabase, "pool">, shopId: number) {
	const one = async <T>(sql: string) => (await pool.query(sql, [shopId])).rows[0] as T;
	const entries = (
		await pool.query<{ id: number }>("SELECT id FROM audit WHERE shop_id = $1 AND actor <> 'system' ORDER BY id DESC LIMIT 3", [shopId])
	).rows;
	const request = await one<{ nonce: string; ticket: string }>("SELECT nonce, ticket FROM connect_request WHERE shop_id = $1");
	return {
		consented: (await one<{ id: number }>("SELECT id FROM connection WHERE shop_id = $1 AND consented_at IS NOT NULL")).id,
		order: (await one<{ id: string }>("SELECT order_id AS id FROM sales_order WHERE shop_id = $1")).id,
		failure: (await one<{ id: number }>("SELECT id FROM dead_letter WHERE shop_id = $1")).id,
		problem: (await one<{ id: number }>("SELECT id FROM problem WHERE shop_id = $1")).id,
		event: (await one<{ id: number }>("SELECT id FROM inbox_event WHERE shop_id = $1 AND event IS NOT NULL ORDER BY id DESC LIMIT 1")).id,
		oversell: (await one<{ id: number }>("SELECT id FROM oversell WHERE shop_id = $1")).id,
		run: (await one<{ id: number }>("SELECT id FROM replay_run WHERE shop_id = $1")).id,
		check: (await one<{ id: number }>("SELECT id FROM reconcile_run WHERE shop_id = $1")).id,
		difference: (await one<{ id: number }>("SELECT id FROM reconcile_difference WHERE shop_id = $1")).id,
		changes: (await one<{ id: number }>("SELECT id FROM change_set WHERE shop_id = $1")).id,
		totals: (await one<{ id: number }>("SELECT id FROM totals_check WHERE shop_id = $1")).id,
		bulk: (await one<{ id: number }>("SELECT max(id) AS id FROM bulk_change WHERE shop_id = $1")).id,
		view: (await one<{ id: number }>("SELECT id FROM saved_view WHERE shop_id = $1")).id,
		linksEntry: entries[0]?.id ?? 0,
		pausesEntry: entries[1]?.id ?? 0,
		rulesEntry: entries[2]?.id ?? 0,
		member: (await one<{ id: string }>("SELECT max(user_id) AS id FROM member WHERE shop_id = $1")).id,
		...request,
		webhookToken: (
			await one<{ token: string }>("SELECT webhook_token AS token FROM connection WHERE shop_id = $1 AND channel = 'woocommerce'")
		).token,
	};
}

/** What tells the app where to look, or is the same in both shops on purpose: ids outside, SKUs, who works in both. */
const LEFT = new Set([
	"connection.channel",
	"connect_request.channel",
	"connect_request.user_id",
	"item.external_id",
	"item.variant_id",
	"item.product_id",
	"item.sku",
	"location.external_id",
	"listing.external_id",
	"listing.sku",
	"fetch_request.external_id",
	"delivery_key.key",
	"flow_run.run_id",
	"saved_view.page",
	"audit.actor",
	"audit.action",
	"audit.subject",
]);
const LEFT_JSON = new Set(["connection.policy", "audit.before", "audit.after", "flow_run.properties"]);
/** Keys that other tables repeat. */
const SAME = new Set(["order_id", "line_id"]);

/**
 * Writes the mark into every text of a shop, new columns included. As a replica the server asks no trigger, so that the ledger, which
 * refuses every change, holds it too.
 */
async function plant({ pool }: TestDatabase, tables: readonly ServedTable[], shopId: number): Promise<void> {
	const client = await pool.connect();
	try {
		await client.query("BEGIN");
		await client.query("SET LOCAL session_replication_role = replica");
		for (const { name, columns } of tables) {
			const hasId = columns.some((column) => column.name === "id");
			const marks = columns.flatMap((column) => {
				const full = `${name}.${column.name}`;
				if (column.worded || LEFT.has(full)) return [];
				if (column.type === "text") {
					const tail = SAME.has(column.name) ? "''" : hasId ? "'-' || id" : "'-' || right(md5(t::text), 8)";
					return [`"${column.name}" = '${MARK}-${column.name.slice(0, 8)}' || ${tail}`];
				}
				if (column.type === "jsonb" && !LEFT_JSON.has(full)) return [`"${column.name}" = '{"mark":"${MARK}"}'`];
				return [];
			});
			if (marks.length > 0) await client.query(`UPDATE "${name}" t SET ${marks.join(", ")} WHERE shop_id = $1`, [shopId]);
		}
		await client.query("COMMIT");
	} finally {
		client.release();
	}
}
