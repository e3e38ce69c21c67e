import { dirname, join } from "node:path";
import type { World } from "../../world.ts";
import { readAppConfig } from "./app-config.ts";
import { createAuth } from "./auth.ts";
import { BULK_HOST } from "./bulk.ts";
import { readFlowConfig } from "./flow-config.ts";
import { createFileHandler, createHandler, type HttpOptions } from "./http.ts";
import { createShop, type Shop, type ShopHost, type ShopOptions } from "./shop.ts";
import type { Toml } from "./toml.ts";
import { WEBHOOK_DEFAULTS, type WebhookOptions } from "./webhooks.ts";

/**
 * The Shopify stand-in: every `*.myshopify.com` host with its token endpoint and Admin GraphQL API, the host that serves bulk
 * results, and the shops behind them with buyers, merchants, stock and webhooks. Written from the published schema, recorded
 * answers and Shopify's documentation; README.md beside this file says what is recorded and what is invented.
 */
export type ShopifyOptions = {
	clientId: string;
	clientSecret: string;
	/** The app's public origin: where relative webhook uris point. The world must have a route for it. */
	appUrl: string;
	/** The app's configuration, parsed or as a path. Without one there are no webhooks and `scopes` holds. */
	toml?: Toml | string;
	scopes?: readonly string[];
	/** The folder of the app's extensions; usually beside the configuration. */
	extensions?: string;
	webhooks?: Partial<WebhookOptions>;
	http?: Partial<HttpOptions>;
};

export type Shopify = {
	createShop(options: ShopOptions): Shop;
	shop(domain: string): Shop | undefined;
	shops(): Shop[];
	/** A session token as App Bridge hands it to the app; lives 60 seconds. */
	mintSessionToken(who: { shop: string; userId: number | string; seconds?: number }): string;
	/** Parameters of a link into the app, with `timestamp` and `hmac`. */
	signParams(params: Record<string, string>): URLSearchParams;
	/** From now on webhooks are signed and tokens checked with the new secret. */
	rotateSecret(secret: string): void;
};

/** The scopes that a stock app asks for. */
const DEFAULT_SCOPES = ["read_products", "read_inventory", "write_inventory", "read_locations", "read_orders"];
/** An answer of the Admin API takes about this long. */
const LATENCY_MS = [40, 120] as const;
/** The stand-in's name in the books and for the world's faults. */
export const CHANNEL = "shopify";

export function createShopify(world: World, options: ShopifyOptions): Shopify {
	const shops = new Map<string, { shop: Shop; host: ShopHost }>();
	const files = new Map<string, { lines: readonly string[]; until: number }>();
	const config = readAppConfig(options.toml, options.scopes ?? DEFAULT_SCOPES);
	const flow = readFlowConfig(
		options.extensions ?? (typeof options.toml === "string" ? join(dirname(options.toml), "extensions") : undefined),
	);
	let secret = options.clientSecret;
	const auth = createAuth({
		clock: world.clock,
		clientId: options.clientId,
		clientSecret: () => secret,
		scopesOf: (domain) => shops.get(domain)?.host.scopes() ?? null,
	});
	const http = { latencyMs: options.http?.latencyMs ?? LATENCY_MS };

	world.serve("*.myshopify.com", createHandler({ world, hostOf: (domain) => shops.get(domain)?.host, options: http }));
	world.serve(BULK_HOST, createFileHandler({ world, files }));

	return {
		createShop(shopOptions) {
			const made = createShop(
				{
					world,
					auth,
					config,
					flow,
					clientId: options.clientId,
					appUrl: options.appUrl,
					secret: () => secret,
					webhooks: { ...WEBHOOK_DEFAULTS, ...options.webhooks },
					files,
					channel: CHANNEL,
				},
				shopOptions,
			);
			shops.set(shopOptions.domain, made);
			return made.shop;
		},
		shop: (domain) => shops.get(domain)?.shop,
		shops: () => [...shops.values()].map((entry) => entry.shop),
		mintSessionToken: auth.mintSessionToken,
		signParams: auth.signParams,
		rotateSecret: (next) => {
			secret = next;
		},
	};
}

export { adminView } from "./admin-view.ts";
export type { ProductSeed, Seed } from "./catalog.ts";
export type { Checkout, CheckoutOutcome } from "./orders.ts";
export type { Shop, ShopOptions } from "./shop.ts";
