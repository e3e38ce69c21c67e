import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectGuest, linkListings, proposeMatching, readCatalogue, startWatching } from "#app/connections/guests/index.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { drainShop } from "#apply";
import type { Deps } from "#connections";
import { createWooStore, type WooStore, type WooStoreOptions } from "../../sandbox/channels/woocommerce/index.ts";
import { installUpstreams } from "../../sandbox/preload.ts";
import { createWorld, type World } from "../../sandbox/world.ts";
import { createGrantCallback } from "../../server/grant-callback.ts";
import { startWeb } from "../../server/web.ts";
import { freshDatabase, type TestDatabase } from "./database.ts";
import { quietDeps } from "./deps.ts";
import { runRiver } from "./river.ts";
import { put, reading, type TestShop } from "./shop.ts";

export const APP_ORIGIN = "https://app.lockstep.example";

/** A SKU, the pieces at home, and what the store shows: as many where nothing is said, null where it does not count them. */
type Shelved = readonly [sku: string, stock: number, shown?: number | null];
/** A shop and a store that is connected to it. */
export type Together = { shop: TestShop; store: OpenStore; connectionId: number };
export type Seed = { sku: string | null; stock?: number; barcode?: string | null };
export type GuestDeps = Deps & { publicUrl: string };
/** Ids of the store's products by SKU. */
export type Shelf = ReadonlyMap<string, { productId: number; variationId: number }>;
export type OpenStore = WooStore & { shelf: Shelf; keys: { consumerKey: string; consumerSecret: string } };

/**
 * Stores that real requests reach, the app's real web server that their webhooks reach, and a real database. Home is in the
 * database only and nobody answers for it: what is owed to it waits.
 */
export type GuestWorld = {
	world: World;
	database: TestDatabase;
	deps: GuestDeps;
	/** A store at a host of its own; webhooks leave it when `run` (or runQueue) lets them. */
	store(seeds: readonly { sku: string; quantity: number | null }[], options?: Partial<WooStoreOptions>): OpenStore;
	/** A shop after its first import. */
	shop(items: readonly Seed[]): Promise<TestShop>;
	connect(shop: TestShop, store: OpenStore, over?: { actor?: string }): Promise<number>;
	/** Connected, catalogue read, exact matches linked; with `watch`, counting. */
	join(shop: TestShop, store: OpenStore, options?: { watch: boolean }): Promise<number>;
	/** A shop and a store with the same on their shelves, joined. */
	together(shelf: readonly Shelved[], options?: { watch?: boolean; store?: Partial<WooStoreOptions> }): Promise<Together>;
	/** The same of what is connected already. */
	settle(shop: TestShop, connectionId: number, options?: { watch: boolean }): Promise<void>;
	/** Webhooks arrive, and everything that is due is done. */
	run(...stores: WooStore[]): Promise<void>;
	drain(shop: TestShop): Promise<void>;
	/** Accounts have budget again: tests make in a second what a day makes. */
	refill(): Promise<void>;
	buy(store: OpenStore, sku: string, units?: number): Promise<number>;
	/** The store sends nothing of what happens in here. */
	unheard<Result>(store: OpenStore, happen: () => Promise<Result>): Promise<Result>;
	/** Calls that reached the store's API, by operation. */
	calls(store: WooStore, operation: RegExp): number;
	one<Row extends object>(sql: string, values?: unknown[]): Promise<Row>;
	all<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
	close(): Promise<void>;
};

export async function openGuestWorld({ seed = 1 } = {}): Promise<GuestWorld> {
	const database = await freshDatabase();
	const { pool } = database;
	const world = createWorld({ seed });
	const origin = await world.listen();
	const upstreams = installUpstreams({ "*.stores.example": origin, "*.amazon.com": origin, "*.amazonaws.com": origin });
	const deps: GuestDeps = {
		...quietDeps(pool),
		publicUrl: APP_ORIGIN,
	};
	const dataDir = await mkdtemp(join(tmpdir(), "lockstep-guests-"));
	const endpoints = { "/connect/woocommerce/callback": createGrantCallback(deps) };
	const web = await startWeb(deps, { port: 0, host: "127.0.0.1", dataDir, endpoints });
	world.route(APP_ORIGIN, `http://127.0.0.1:${web.port}`);

	let hosts = 0;
	const all = async <Row extends object>(sql: string, values: unknown[] = []) =>
		(await pool.query<Row & Record<string, unknown>>(sql, values)).rows as Row[];
	const one = async <Row extends object>(sql: string, values: unknown[] = []) => {
		const rows = await all<Row>(sql, values);
		if (rows.length !== 1 || !rows[0]) throw new Error(`${rows.length} rows instead of one: ${sql}`);
		return rows[0];
	};
	const refill = async () => void (await pool.query("DELETE FROM rate_budget"));

	const self: GuestWorld = {
		world,
		database,
		deps,
		store(seeds, options = {}) {
			const host = `shop-${++hosts}.stores.example`;
			const store = createWooStore(world, { host, channel: host, queue: { kind: "manual" }, maxConcurrency: 8, ...options });
			const shelf = store.seed(seeds.map(({ sku, quantity }) => ({ sku, name: `Product ${sku}`, quantity })));
			const { consumerKey, consumerSecret } = store.addKey();
			return { ...store, shelf, keys: { consumerKey, consumerSecret } };
		},
		async shop(items) {
			const domain = `${randomUUID().slice(0, 8)}.myshopify.com`;
			const { id: shopId } = await one<{ id: number }>("INSERT INTO shop (domain, import_state) VALUES ($1, 'done') RETURNING id", [
				domain,
			]);
			await pool.query("INSERT INTO shop_lane (shop_id) VALUES ($1)", [shopId]);
			// Paused: nobody answers for home here, so nothing is sent to it.
			const { id: home } = await one<{ id: number }>(
				`INSERT INTO connection (shop_id, channel, account, name, is_home, state, cut_at, webhook_token, compared_at, polled_at)
				 VALUES ($1, 'shopify', $2, $2, true, 'paused', now(), $2, now(), now()) RETURNING id`,
				[shopId, domain],
			);
			const { id: location } = await one<{ id: number }>(
				"INSERT INTO location (shop_id, external_id, name) VALUES ($1, 'loc-0', 'Warehouse') RETURNING id",
				[shopId],
			);
			const made = await all<{ id: number }>(
				`INSERT INTO item (shop_id, external_id, sku, barcode, title)
				 SELECT $1, 'item-' || (n - 1), sku, barcode, coalesce(sku, barcode, 'nameless')
				 FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS r(sku, barcode, n) ORDER BY n RETURNING id`,
				[shopId, items.map(({ sku }) => sku), items.map(({ barcode }) => barcode ?? null)],
			);
			const shop: TestShop = { shopId, home, guest: 0, items: made.map(({ id }) => id), locations: [location], listings: [] };
			const readings = items.flatMap(({ stock }, n) => (stock === undefined ? [] : [reading(n, stock, "2026-03-01T00:00:00Z")]));
			await put(pool, shop, readings, { connection: "home", source: "import" });
			await self.drain(shop);
			return shop;
		},
		async connect(shop, store, { actor = "user-1" } = {}) {
			const input = { channel: "woocommerce", account: store.url, credentials: store.keys, actor };
			const connected = await connectGuest(deps, shop.shopId, input);
			if (connected.outcome !== "connected") throw new Error(connected.reason);
			return connected.connectionId;
		},
		async join(shop, store, options) {
			const connectionId = await self.connect(shop, store);
			await self.settle(shop, connectionId, options);
			return connectionId;
		},
		async together(shelf, { watch = false, store: options = {} } = {}) {
			const shop = await self.shop(shelf.map(([sku, stock]) => ({ sku, stock })));
			const store = self.store(
				shelf.map(([sku, stock, shown = stock]) => ({ sku, quantity: shown })),
				options,
			);
			return { shop, store, connectionId: await self.join(shop, store, { watch }) };
		},
		async settle(shop, connectionId, { watch } = { watch: false }) {
			await readCatalogue(deps, shop.shopId, connectionId);
			const { exact } = await proposeMatching(pool, shop.shopId, connectionId);
			await linkListings(deps, shop.shopId, connectionId, exact, "user-1");
			if (watch) {
				await refill();
				const watching = await startWatching(deps, shop.shopId, connectionId, "user-1");
				if (watching.outcome !== "watching") throw new Error(JSON.stringify(watching));
				// The regular look at all stock is not due.
				await pool.query("UPDATE connection SET compared_at = now(), health_checked_at = now() WHERE id = $1", [connectionId]);
			}
			await refill();
		},
		async run(...stores) {
			for (const store of stores) await store.runQueue();
			await refill();
			await runRiver({ ...deps, rescue: async () => {} }, { polls: false });
			await refill();
		},
		async drain(shop) {
			await drainShop(applyDepsOf(deps), shop.shopId);
		},
		refill,
		async buy(store, sku, units = 1) {
			const place = store.shelf.get(sku);
			if (!place) throw new Error(`The store sells no ${sku}`);
			const bought = await store.checkout({ lines: [{ ...place, quantity: units }] });
			if (bought.outcome === "refused") throw new Error(`${sku}: ${bought.message}`);
			return bought.orderId;
		},
		async unheard(store, happen) {
			world.faults.onWebhooks(store.channel, "lost", 1, { kind: "lost" });
			const result = await happen();
			await store.runQueue();
			world.faults.clear(store.channel);
			return result;
		},
		calls: (store, operation) => world.books.calls(store.channel).filter((call) => operation.test(call.operation)).length,
		one,
		all,
		async close() {
			await web.close();
			await upstreams.restore();
			await world.close();
			await database.drop();
			await rm(dataDir, { recursive: true, force: true });
		},
	};
	return self;
}
