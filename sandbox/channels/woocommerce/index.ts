import type { IncomingMessage, ServerResponse } from "node:http";
import type { World } from "../../world.ts";
import { notFoundPage, shopPage } from "./page.ts";
import { createPeople, type People } from "./people.ts";
import { orderRoutes } from "./routes/orders.ts";
import { productRoutes } from "./routes/products.ts";
import { refundRoutes } from "./routes/refunds.ts";
import { namespaceIndex, siteRoutes } from "./routes/site.ts";
import { storeApiRoutes } from "./routes/store-api.ts";
import { variationRoutes } from "./routes/variations.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import { type Ailment, createRestServer, readText } from "./server.ts";
import type { Gap, Queue, Shop } from "./shop.ts";
import { createState, type Key, type State, type Webhook } from "./state.ts";
import { createTill } from "./storefront.ts";
import { createStoreTime } from "./time.ts";
import { wcAuth } from "./wc-auth.ts";
import { createWebhookQueue } from "./webhooks.ts";

export type { SeedProduct } from "./people.ts";
export type { Order } from "./state.ts";
export type { BasketLine, CheckoutOutcome } from "./storefront.ts";

export type WooStoreOptions = {
	/** `teahouse.example`: the store's only address; requests with this Host are its own. */
	host: string;
	name?: string;
	/** The store's name in books and faults. */
	channel?: string;
	timezone?: string;
	/** How long a request takes from outside, sandbox ms. Real stores: 300–800. Default 0. */
	roundTripMs?: readonly [number, number];
	/** How long each gap between two effects of one request lasts, sandbox ms. Default 0 (others still get in between). */
	gapMs?: number;
	onGap?: (where: Gap) => void | Promise<void>;
	/** True: the storefront checks and takes in one step, so alone it never oversells. False: the recorded race. */
	atomicCheckout?: boolean;
	maxConcurrency?: number;
	rateLimit?: { requests: number; perMs: number };
	/** Default: a second after the first change. WordPress' own cron: `{ kind: "traffic", everyMs: 60_000 }`. */
	queue?: Queue;
};

/** One WooCommerce 11.0.1 store: its REST API, webhooks, key grant and storefront, and what its staff and buyers do. */
export type WooStore = People & {
	host: string;
	/** `https://teahouse.example` */
	url: string;
	channel: string;
	addKey(options?: { permission?: Key["permission"]; shopRights?: boolean }): {
		keyId: number;
		consumerKey: string;
		consumerSecret: string;
	};
	revokeKey(consumerKey: string): void;
	webhooks(): readonly Webhook[];
	/** Sends what the webhook queue holds, now. */
	runQueue(): Promise<void>;
	waitingWebhooks(): number;
	/** A crashing plugin, a chatty plugin, maintenance; null: well again. */
	ail(ailment: Ailment | null): void;
	/** The store's insides, for tests that start from a given state. */
	state: State;
};

export function createWooStore(world: World, options: WooStoreOptions): WooStore {
	const shop = openShop(world, options);
	const { state } = shop;
	const queue = createWebhookQueue(shop);
	shop.tell = queue.tell;
	const till = createTill(shop);
	const people = createPeople(shop, till);
	const api = [...productRoutes, ...variationRoutes, ...orderRoutes, ...refundRoutes, ...webhookRoutes(queue.ping), ...siteRoutes];
	const rest = createRestServer(shop, [...api, namespaceIndex(api), ...storeApiRoutes(till)]);
	const addKey = (permission: Key["permission"], shopRights = true) => newKey(shop, permission, shopRights);

	world.serve(shop.host, async (request, response, url) => {
		const text = await readText(request);
		queue.traffic();
		if (/^\/wp-json(\/|$)/.test(url.pathname) || url.searchParams.has("rest_route")) return rest.handle(request, response, url, text);
		if (url.pathname.startsWith("/wc-auth/v1/")) {
			const page = await wcAuth(shop, url.pathname, url.searchParams, { addKey });
			return sendPage(shop, response, page.status, page.html ?? "", page.location ? { Location: page.location } : {});
		}
		if (url.pathname !== "/") return sendPage(shop, response, 404, notFoundPage(shop));
		return frontPage(shop, people, { request, response, url, text });
	});

	return {
		...people,
		host: shop.host,
		url: shop.url,
		channel: shop.channel,
		addKey({ permission = "read_write", shopRights = true } = {}) {
			const { id, consumerKey, consumerSecret } = addKey(permission, shopRights);
			return { keyId: id, consumerKey, consumerSecret };
		},
		revokeKey: (consumerKey) => void state.keys.delete(consumerKey),
		webhooks: () => [...state.webhooks.values()],
		runQueue: queue.run,
		waitingWebhooks: queue.waiting,
		ail: rest.ail,
		state,
	};
}

function openShop(world: World, options: WooStoreOptions): Shop {
	const host = options.host.toLowerCase();
	const timezone = options.timezone ?? "America/New_York";
	const letters = world.random.fork(`tokens of ${host}`);
	const settings: Shop["settings"] = {
		roundTripMs: options.roundTripMs ?? [0, 0],
		gapMs: options.gapMs ?? 0,
		onGap: options.onGap,
		atomicCheckout: options.atomicCheckout ?? false,
		maxConcurrency: options.maxConcurrency ?? 2,
		rateLimit: options.rateLimit ?? null,
		queue: options.queue ?? { kind: "timer", everyMs: 1_000 },
	};
	return {
		world,
		channel: options.channel ?? "woocommerce",
		host,
		url: `https://${host}`,
		name: options.name ?? "Example Store",
		timezone,
		state: createState(),
		time: createStoreTime(world.clock.now, timezone),
		settings,
		tell: () => {},
		async gap(where) {
			await settings.onGap?.(where);
			if (settings.gapMs > 0) await world.clock.sleep(settings.gapMs);
		},
		token: (length) => Array.from({ length }, () => letters.pick(TOKEN_LETTERS)).join(""),
	};
}

const TOKEN_LETTERS = [..."ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"];

function newKey(shop: Shop, permission: Key["permission"], shopRights: boolean): Key {
	const key: Key = {
		id: ++shop.state.ids.key,
		consumerKey: `ck_${shop.token(40).toLowerCase()}`,
		consumerSecret: `cs_${shop.token(40).toLowerCase()}`,
		permission,
		shopRights,
		nonces: new Map(),
	};
	shop.state.keys.set(key.consumerKey, key);
	return key;
}

type Visit = { request: IncomingMessage; response: ServerResponse; url: URL; text: string };

/** The page for people: a list, and a button that goes through the same checkout as every other buyer. */
async function frontPage(shop: Shop, people: People, { request, response, url, text }: Visit) {
	if (request.method === "POST") {
		const id = Number(new URLSearchParams(text).get("product"));
		const wanted = shop.state.products.get(id);
		const bought = await people.checkout({
			lines: [{ productId: wanted?.parentId || id, variationId: wanted?.parentId ? id : 0, quantity: 1 }],
		});
		const told = bought.outcome === "refused" ? `refused=${bought.code}` : `order=${bought.orderId}`;
		return sendPage(shop, response, 303, "", { Location: `?${told}` });
	}
	const ordered = url.searchParams.get("order");
	const refused = url.searchParams.get("refused");
	const notice = ordered
		? { good: true, text: `Thank you. Your order #${ordered} has been received.` }
		: refused
			? { good: false, text: "Sorry, that is no longer in stock." }
			: null;
	return sendPage(shop, response, 200, shopPage(shop, notice));
}

function sendPage(shop: Shop, response: ServerResponse, status: number, html: string, headers: Record<string, string> = {}) {
	response
		.writeHead(status, {
			Date: new Date(shop.world.clock.now()).toUTCString(),
			"Content-Type": "text/html; charset=UTF-8",
			"Cache-Control": "no-cache, must-revalidate, max-age=0, no-store, private",
			Link: `<${shop.url}/wp-json/>; rel="https://api.w.org/"`,
			...headers,
		})
		.end(html);
}
