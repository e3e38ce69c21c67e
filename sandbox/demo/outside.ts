import { createShopify, type Shop, type Shopify } from "../channels/shopify/index.ts";
import { createWooStore, type WooStore } from "../channels/woocommerce/index.ts";
import { createRandom } from "../random.ts";
import { createWorld, type World } from "../world.ts";
import { type DemoBundle, type DemoProduct, demoCatalogue } from "./catalogue.ts";

/** The outside world of the demo: one Shopify shop with two locations and one WooCommerce store that sells the same. */
export type Outside = {
	world: World;
	shopify: Shopify;
	shop: Shop;
	store: WooStore | null;
	storeKeys: { consumerKey: string; consumerSecret: string } | null;
	products: readonly DemoProduct[];
	bundles: readonly DemoBundle[];
	wooIds: ReadonlyMap<string, { productId: number; variationId: number }>;
	/** Pieces of a SKU that the online store counts, by Shopify's own figures. */
	available(sku: string): number;
};

export const SHOP_DOMAIN = "hagi-and-oak.myshopify.com";
export const STORE_HOST = "shop.hagi-and-oak.example";
export const APP_ORIGIN = "https://lockstep.example";
/** Invented; the app under demonstration is started with the same. */
export const CLIENT = { id: "3f5a1c0e9b7d4a6f8e2c1d0b9a8f7e6d", secret: "shpss_demo_7c1e5b3a9f2d4c6e8b0a1d3f5e7c9b2a" };

/** A WooCommerce store on ordinary hosting answers in this time (the recordings' host was faster: 50 ms). */
const STORE_ROUND_TRIP_MS = [300, 800] as const;
/** The store's Action Scheduler is run by a real cron, as hosts recommend; WordPress' own waits for a visitor and a minute. */
const STORE_QUEUE_MS = 500;

export async function createOutside(options: {
	seed: number;
	channels: readonly string[];
	toml: string;
	speed?: number;
	port?: number;
	/** One channel alone must not oversell by itself, so that what oversells is ours. */
	atomicCheckout?: boolean;
}): Promise<Outside> {
	const world = createWorld({ seed: options.seed, speed: options.speed ?? 1 });
	const { products, bundles } = demoCatalogue(createRandom(options.seed).fork("catalogue"));
	const shopify = createShopify(world, { clientId: CLIENT.id, clientSecret: CLIENT.secret, appUrl: APP_ORIGIN, toml: options.toml });
	const shop = shopify.createShop({ domain: SHOP_DOMAIN, name: "Hagi & Oak", installed: true });
	shop.seed({
		locations: [{ name: "Warehouse" }, { name: "Shop floor" }],
		products: products.map((p) => ({
			title: p.title,
			vendor: "Hagi & Oak",
			variants: [
				{
					sku: p.sku,
					barcode: p.barcode,
					price: p.price,
					stock: { Warehouse: p.stock[0] ?? 0, ...((p.stock[1] ?? 0) > 0 ? { "Shop floor": p.stock[1] as number } : {}) },
				},
			],
		})),
		bundles: bundles.map((b) => ({ title: b.title, sku: b.sku, price: b.price, components: b.components })),
	});
	for (const bundle of bundles) world.books.defineBundle(bundle.sku, bundle.components);

	let store: WooStore | null = null;
	let wooIds = new Map<string, { productId: number; variationId: number }>();
	if (options.channels.includes("woocommerce")) {
		store = createWooStore(world, {
			host: STORE_HOST,
			name: "Hagi & Oak Outlet",
			roundTripMs: STORE_ROUND_TRIP_MS,
			queue: { kind: "timer", everyMs: STORE_QUEUE_MS },
			atomicCheckout: options.atomicCheckout ?? false,
		});
		// The outlet's own figures are what somebody typed a while ago: near, and wrong.
		const random = createRandom(options.seed).fork("outlet");
		wooIds = store.seed([
			...products.map((p) => ({
				sku: p.sku,
				name: p.title,
				price: p.price,
				quantity: Math.max(0, p.stock.reduce((a, b) => a + b, 0) + random.between(-6, 6)),
			})),
			...bundles.map((b) => ({ sku: b.sku, name: b.title, price: b.price, quantity: random.between(3, 20) })),
		]);
	}
	await world.listen(options.port ?? 0);
	return {
		world,
		shopify,
		shop,
		store,
		storeKeys: store?.addKey() ?? null,
		products,
		bundles,
		wooIds,
		available: (sku) => shop.available(sku),
	};
}
