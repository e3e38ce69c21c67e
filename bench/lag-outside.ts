import path from "node:path";
import { createShopify, type Shop, type Shopify } from "../sandbox/channels/shopify/index.ts";
import { createWooStore, type WooStore } from "../sandbox/channels/woocommerce/index.ts";
import { STORE_HOST } from "../sandbox/demo/markets/woocommerce.ts";
import { APP_ORIGIN, CLIENT, SHOP_DOMAIN } from "../sandbox/demo/outside.ts";
import { createWorld, type World } from "../sandbox/world.ts";

/** An outside world that answers and tells at once, so that what is measured is ours and the machine's. */
export type QuickOutside = {
	world: World;
	shopify: Shopify;
	shop: Shop;
	store: WooStore;
	storeKeys: { consumerKey: string; consumerSecret: string };
	skus: readonly string[];
	productIds: ReadonlyMap<string, number>;
};

export const SKUS = 200;
/** Nothing sells out here. */
export const OPENING = 1_000_000;
const TOML = path.resolve(import.meta.dirname, "../shopify.app.toml");
/** More than either side has under way: the bench asks how long, not how polite. */
const STORE_CONCURRENCY = 64;
/** The store's own webhooks (its stock changed) are the demo's half second behind; nobody waits for them here. */
const STORE_QUEUE_MS = 500;

export async function createQuickOutside(): Promise<QuickOutside> {
	const world = createWorld({ seed: 7 });
	const shopify = createShopify(world, {
		clientId: CLIENT.id,
		clientSecret: CLIENT.secret,
		appUrl: APP_ORIGIN,
		toml: TOML,
		webhooks: { delayMs: [0, 0] },
		http: { latencyMs: [0, 0] },
	});
	const shop = shopify.createShop({ domain: SHOP_DOMAIN, name: "Bench", installed: true, searchLagMs: 0 });
	const skus = Array.from({ length: SKUS }, (_, n) => `BENCH-${String(n).padStart(3, "0")}`);
	shop.seed({
		locations: [{ name: "Warehouse" }],
		products: skus.map((sku) => ({ title: sku, vendor: "Bench", variants: [{ sku, price: "10.00", stock: { Warehouse: OPENING } }] })),
	});
	const store = createWooStore(world, {
		host: STORE_HOST,
		name: "Bench",
		roundTripMs: [0, 0],
		maxConcurrency: STORE_CONCURRENCY,
		queue: { kind: "timer", everyMs: STORE_QUEUE_MS },
	});
	const ids = store.seed(skus.map((sku) => ({ sku, name: sku, price: "10.00", quantity: OPENING })));
	await world.listen(0);
	return {
		world,
		shopify,
		shop,
		store,
		storeKeys: store.addKey(),
		skus,
		productIds: new Map([...ids].map(([sku, { productId }]) => [sku, productId])),
	};
}
