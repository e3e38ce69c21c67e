import { createShopify, type Shop, type Shopify } from "../channels/shopify/index.ts";
import { createRandom } from "../random.ts";
import { createWorld, type World } from "../world.ts";
import { type DemoBundle, type DemoProduct, demoCatalogue } from "./catalogue.ts";
import { openAmazonMarket } from "./markets/amazon.ts";
import type { Market, MarketOptions } from "./markets/market.ts";
import { openWooMarket, type StoreName } from "./markets/woocommerce.ts";

/** The outside world of the demo: one Shopify shop with two locations, and channels beside it that sell the same. */
export type Outside = {
	world: World;
	shopify: Shopify;
	shop: Shop;
	markets: readonly Market[];
	products: readonly DemoProduct[];
	bundles: readonly DemoBundle[];
	/** Pieces of a SKU that the online store counts, by Shopify's own figures. */
	available(sku: string): number;
};

export const SHOP_DOMAIN = "hagi-and-oak.myshopify.com";
export const APP_ORIGIN = "https://lockstep.example";
/** Invented; the app under demonstration is started with the same. */
export const CLIENT = { id: "3f5a1c0e9b7d4a6f8e2c1d0b9a8f7e6d", secret: "shpss_demo_7c1e5b3a9f2d4c6e8b0a1d3f5e7c9b2a" };

export async function createOutside(options: {
	seed: number;
	channels: readonly string[];
	/** WooCommerce stores in place of the channels beside Shopify. */
	stores?: readonly StoreName[];
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

	const opening = { world, products, bundles, seed: options.seed, atomicCheckout: options.atomicCheckout ?? false };
	const markets = options.stores
		? options.stores.map((store) => openWooMarket({ ...opening, products: products.slice(0, store.sells), bundles: [] }, store))
		: options.channels.flatMap((id) => (id === "shopify" ? [] : [openMarket(id, opening)]));
	await world.listen(options.port ?? 0);
	return { world, shopify, shop, markets, products, bundles, available: (sku) => shop.available(sku) };
}

const MARKETS: Readonly<Record<string, (options: MarketOptions) => Market>> = { woocommerce: openWooMarket, amazon: openAmazonMarket };
/** Every channel that the demo can play, Shopify first. */
export const DEMO_CHANNELS: readonly string[] = ["shopify", ...Object.keys(MARKETS)];

function openMarket(id: string, options: MarketOptions): Market {
	const open = MARKETS[id];
	if (!open) throw new Error(`The demo has no channel ${id}; it has ${DEMO_CHANNELS.join(", ")}`);
	return open(options);
}
