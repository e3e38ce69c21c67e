import { connectGuest, goLive, linkListings, proposeMatching, readCatalogue, startWatching } from "#app/connections/guests/index.ts";
import type { Shop } from "../../sandbox/channels/shopify/index.ts";
import { createWooStore, type WooStore } from "../../sandbox/channels/woocommerce/index.ts";
import { installUpstreams } from "../../sandbox/preload.ts";
import { CLIENT_ID, CLIENT_SECRET } from "./shopify-identity.ts";
import { openShopifyWorld, type ShopifyWorld } from "./shopify-world.ts";

export const APP_ORIGIN = "https://app.lockstep.example";

/** A shop with one location and a store that sells the same, connected and live; nothing has been pushed yet. */
export type RiverWorld = {
	kit: ShopifyWorld;
	shop: Shop;
	store: WooStore;
	shopId: number;
	/** Buys one unit at the store; null: it shows none. */
	buyAtStore(sku: string): Promise<number | null>;
	/** What a process of the app needs in its environment to be of this world. */
	environment(): NodeJS.ProcessEnv;
	/** All webhooks that are under way have been answered. */
	delivered(): Promise<void>;
	close(): Promise<void>;
};

export async function openRiverWorld({
	name,
	skus,
	opening,
	storeQueueMs,
	seed,
}: {
	name: string;
	skus: readonly string[];
	opening: number;
	storeQueueMs: number;
	seed: number;
}): Promise<RiverWorld> {
	const kit = await openShopifyWorld({ seed });
	const shop = kit.shopify.createShop({ domain: `${name}.myshopify.com` });
	shop.seed({
		locations: [{ name: "Main" }],
		products: skus.map((sku) => ({ title: sku, variants: [{ sku, stock: { Main: opening } }] })),
	});
	const store = createWooStore(kit.world, { host: `${name}.example`, queue: { kind: "timer", everyMs: storeQueueMs } });
	// What somebody typed a while ago: the first push mends it.
	const ids = store.seed(skus.map((sku) => ({ sku, name: sku, quantity: 3 })));
	const upstreams = installUpstreams(kit.world.upstreams());
	const { shopId } = await kit.openApp(shop);
	await kit.import(shopId);
	await kit.quiet(shopId);
	const deps = { ...kit.deps, publicUrl: APP_ORIGIN };
	const keys = store.addKey();
	const connected = await connectGuest(deps, shopId, {
		channel: "woocommerce",
		account: store.url,
		credentials: { consumerKey: keys.consumerKey, consumerSecret: keys.consumerSecret },
		actor: "test",
	});
	if (connected.outcome !== "connected") throw new Error(connected.reason);
	const { connectionId } = connected;
	await readCatalogue(deps, shopId, connectionId);
	const { exact } = await proposeMatching(deps.pool, shopId, connectionId);
	await linkListings(deps, shopId, connectionId, exact, "test");
	await startWatching(deps, shopId, connectionId, "test");
	const live = await goLive(deps, shopId, connectionId, "test");
	if (live.outcome !== "changed") throw new Error(live.reason);

	return {
		kit,
		shop,
		store,
		shopId,
		async buyAtStore(sku) {
			const bought = await store.checkout({ lines: [{ productId: ids.get(sku)?.productId ?? 0, quantity: 1 }] });
			return bought.outcome === "refused" ? null : bought.orderId;
		},
		environment() {
			return {
				PATH: process.env.PATH ?? "",
				NODE_ENV: "test",
				LOG_LEVEL: process.env.TEST_LOG ?? "info",
				DATABASE_URL: kit.database.url,
				LOCKSTEP_KEYS: kit.deps.keyRing.map(({ id, key }) => `${id}:${key.toString("base64")}`).join(","),
				SHOPIFY_API_KEY: CLIENT_ID,
				SHOPIFY_API_SECRET: CLIENT_SECRET,
				SHOPIFY_APP_URL: APP_ORIGIN,
				SANDBOX_UPSTREAMS: kit.world.upstreams(),
			};
		},
		async delivered() {
			const until = Date.now() + 10_000;
			while (store.waitingWebhooks() + shop.pendingWebhooks() > 0) {
				if (Date.now() > until) throw new Error("The webhooks were not delivered within 10 s");
				await new Promise((resolve) => setTimeout(resolve, 5));
			}
		},
		async close() {
			await upstreams.restore();
			await kit.close();
		},
	};
}
