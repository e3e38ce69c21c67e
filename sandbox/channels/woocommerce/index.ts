import type { IncomingMessage, ServerResponse } from "node:http";
import type { World } from "../../world.ts";
import { changeStatus, createOrder, deleteOrder, editLines, type LineInput, type NewOrder, trashOrder, untrashOrder } from "./orders.ts";
import { notFoundPage, shopPage } from "./page.ts";
import { createProduct, deleteProduct, trashProduct, untrashProduct, updateProduct } from "./products.ts";
import { createRefund, type RefundOutcome } from "./refunds.ts";
import { orderRoutes } from "./routes/orders.ts";
import { productRoutes } from "./routes/products.ts";
import { refundRoutes } from "./routes/refunds.ts";
import { siteRoutes } from "./routes/site.ts";
import { storeApiRoutes } from "./routes/store-api.ts";
import { variationRoutes } from "./routes/variations.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import { type Ailment, createRestServer, readText } from "./server.ts";
import type { Gap, Queue, Shop } from "./shop.ts";
import { createState, type Key, type Order, type Product, type State, type Webhook } from "./state.ts";
import { figureOf } from "./stock.ts";
import { type BasketLine, type Buyer, type CheckoutOutcome, createTill, type Payment } from "./storefront.ts";
import { createStoreTime } from "./time.ts";
import { fullName, priceOf } from "./views.ts";
import { wcAuth } from "./wc-auth.ts";
import { createWebhookQueue } from "./webhooks.ts";

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

export type SeedProduct = {
	sku: string;
	name: string;
	price?: string;
	/** Null or left out: stock is not managed. A variation may say "parent". */
	quantity?: number | "parent" | null;
	backorders?: "no" | "notify" | "yes";
	status?: string;
	variations?: (Omit<SeedProduct, "variations" | "name"> & { option: string })[];
};

/** One WooCommerce 11.0.1 store: its REST API, webhooks, key grant and storefront, and what its staff and buyers do. */
export type WooStore = {
	host: string;
	url: string;
	channel: string;
	/** The ids as the store gave them, by SKU. */
	seed(products: readonly SeedProduct[]): Map<string, { productId: number; variationId: number }>;
	addKey(options?: { permission?: Key["permission"]; shopRights?: boolean }): {
		keyId: number;
		consumerKey: string;
		consumerSecret: string;
	};
	revokeKey(consumerKey: string): void;

	/** A buyer who only buys what is shown. `pay: false` leaves a pending order that keeps its pieces for an hour. */
	checkout(basket: { lines: readonly BasketLine[]; pay?: boolean; payment?: "cod" | "bacs"; buyer?: Buyer }): Promise<CheckoutOutcome>;
	/** The buyer of a pending order pays. */
	payOrder(orderId: number): Promise<void>;
	/** An order made by staff or a plugin: never refused for stock. */
	placeOrder(order: Omit<NewOrder, "createdVia"> & { createdVia?: string }): Promise<number>;
	setOrderStatus(orderId: number, status: string): Promise<void>;
	cancelOrder(orderId: number): Promise<void>;
	refund(
		orderId: number,
		refund?: { lines?: readonly { lineId: number; quantity: number }[]; amount?: number; restock?: boolean },
	): Promise<RefundOutcome>;
	editOrder(orderId: number, lines: readonly LineInput[]): Promise<void>;
	trashOrder(orderId: number): void;
	untrashOrder(orderId: number): void;
	deleteOrder(orderId: number): void;
	/** Staff types a new quantity (null: stops managing the stock). Not truth: home is elsewhere. */
	editStock(sku: string, quantity: number | null): Promise<void>;
	setProductStatus(sku: string, status: "publish" | "draft" | "private"): Promise<void>;
	trashProduct(sku: string): void;
	untrashProduct(sku: string): void;
	deleteProduct(sku: string): void;

	/** What the store shows and holds, for consoles and checks. */
	products(): { productId: number; variationId: number; sku: string; name: string; price: string; shown: number | null }[];
	orders(): readonly Order[];
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
	const host = options.host.toLowerCase();
	const letters = world.random.fork(`tokens of ${host}`);
	const state = createState();
	const timezone = options.timezone ?? "America/New_York";
	const shop: Shop = {
		world,
		channel: options.channel ?? "woocommerce",
		host,
		url: `https://${host}`,
		name: options.name ?? "Example Store",
		timezone,
		state,
		time: createStoreTime(world.clock.now, timezone),
		settings: {
			roundTripMs: options.roundTripMs ?? [0, 0],
			gapMs: options.gapMs ?? 0,
			onGap: options.onGap,
			atomicCheckout: options.atomicCheckout ?? false,
			maxConcurrency: options.maxConcurrency ?? 2,
			rateLimit: options.rateLimit ?? null,
			queue: options.queue ?? { kind: "timer", everyMs: 1_000 },
		},
		tell: (topic, resourceId) => queue.tell(topic, resourceId),
		async gap(where) {
			await shop.settings.onGap?.(where);
			if (shop.settings.gapMs > 0) await world.clock.sleep(shop.settings.gapMs);
		},
		token: (length) => Array.from({ length }, () => letters.pick(TOKEN_LETTERS)).join(""),
	};
	const queue = createWebhookQueue(shop);
	const till = createTill(shop);
	const rest = createRestServer(shop, [
		...siteRoutes,
		...storeApiRoutes(till),
		...productRoutes,
		...variationRoutes,
		...orderRoutes,
		...refundRoutes,
		...webhookRoutes(queue.ping),
	]);

	const addKey = (permission: Key["permission"], shopRights = true): Key => {
		const key: Key = {
			id: ++state.ids.key,
			consumerKey: `ck_${shop.token(40).toLowerCase()}`,
			consumerSecret: `cs_${shop.token(40).toLowerCase()}`,
			permission,
			shopRights,
			nonces: new Map(),
		};
		state.keys.set(key.consumerKey, key);
		return key;
	};
	const order = (id: number) => state.orders.get(id) ?? missing(`order ${id}`);
	const product = (sku: string) => [...state.products.values()].find((p) => p.sku === sku) ?? missing(`product ${sku}`);
	const store = storeMethods({ shop, till, order, product });

	world.serve(host, async (request, response, url) => {
		const text = await readText(request);
		queue.traffic();
		if (/^\/wp-json(\/|$)/.test(url.pathname) || url.searchParams.has("rest_route")) return rest.handle(request, response, url, text);
		if (url.pathname.startsWith("/wc-auth/v1/")) {
			const page = await wcAuth(shop, url.pathname, url.searchParams, { addKey });
			return sendPage(shop, response, page.status, page.html ?? "", page.location ? { Location: page.location } : {});
		}
		if (url.pathname !== "/") return sendPage(shop, response, 404, notFoundPage(shop));
		return frontPage(shop, store, { request, response, url, text });
	});

	return {
		...store,
		host,
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

const TOKEN_LETTERS = [..."ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"];
const missing = (what: string): never => {
	throw new Error(`The store has no ${what}`);
};

type Inside = { shop: Shop; till: ReturnType<typeof createTill>; order: (id: number) => Order; product: (sku: string) => Product };
type StoreMethods = Omit<
	WooStore,
	"host" | "url" | "channel" | "addKey" | "revokeKey" | "webhooks" | "runQueue" | "waitingWebhooks" | "ail" | "state"
>;

/** What staff and buyers do; wp-admin's buttons end in the same functions as the REST API. */
function storeMethods({ shop, till, order, product }: Inside): StoreMethods {
	const { state } = shop;
	return {
		seed(products) {
			const ids = new Map<string, { productId: number; variationId: number }>();
			for (const { variations, ...seed } of products) {
				const made = createProduct(shop, seedInput(seed, variations), { cause: "opening" });
				ids.set(seed.sku, { productId: made.id, variationId: 0 });
				for (const { option, ...variation } of variations ?? []) {
					const input = { ...seedInput(variation), attributes: [{ name: "Size", option }] };
					const child = createProduct(shop, input, { parent: made, cause: "opening" });
					ids.set(variation.sku, { productId: made.id, variationId: child.id });
				}
			}
			return ids;
		},
		checkout: ({ lines, pay = true, payment = "cod", buyer }) => till.checkout(lines, pay ? payment : ("later" as Payment), buyer),
		payOrder: (id) => changeStatus(shop, order(id), "processing"),
		placeOrder: async (input) => (await createOrder(shop, { createdVia: "admin", ...input })).id,
		setOrderStatus: (id, status) => changeStatus(shop, order(id), status),
		cancelOrder: (id) => changeStatus(shop, order(id), "cancelled"),
		refund(id, { lines, amount, restock = true } = {}) {
			const of = order(id);
			const parts = (lines ?? of.lines.map((line) => ({ lineId: line.id, quantity: line.quantity }))).map(({ lineId, quantity }) => {
				const line = of.lines.find((l) => l.id === lineId);
				return { id: lineId, quantity, total: line && line.quantity !== 0 ? (line.total / line.quantity) * quantity : 0 };
			});
			return createRefund(shop, of, { amount, apiRefund: false, apiRestock: restock, lines: amount !== undefined && !lines ? [] : parts });
		},
		async editOrder(id, lines) {
			const edited = await editLines(shop, order(id), lines);
			if (edited.outcome === "unknown_line") missing(`such line in order ${id}`);
			await changeStatus(shop, order(id), order(id).status);
		},
		trashOrder: (id) => trashOrder(shop, order(id)),
		untrashOrder: (id) => untrashOrder(shop, order(id)),
		deleteOrder: (id) => deleteOrder(shop, order(id)),
		editStock: (sku, quantity) =>
			updateProduct(
				shop,
				product(sku),
				quantity === null ? { manage_stock: false } : { manage_stock: true, stock_quantity: quantity },
				"edit",
			),
		setProductStatus: (sku, status) => updateProduct(shop, product(sku), { status }, "edit"),
		trashProduct: (sku) => trashProduct(shop, product(sku)),
		untrashProduct: (sku) => untrashProduct(shop, product(sku)),
		deleteProduct: (sku) => deleteProduct(shop, product(sku)),
		products: () =>
			[...state.products.values()]
				.filter((p) => p.type !== "variable" && p.status !== "trash")
				.map((p) => ({
					productId: p.parentId || p.id,
					variationId: p.type === "variation" ? p.id : 0,
					sku: p.sku,
					name: fullName(shop, p),
					price: priceOf(shop, p),
					shown: figureOf(shop, p),
				})),
		orders: () => [...state.orders.values()],
	};
}

function seedInput(seed: Omit<SeedProduct, "variations" | "name"> & { name?: string }, variations?: SeedProduct["variations"]) {
	const managed = typeof seed.quantity === "number";
	return {
		...(seed.name === undefined ? {} : { name: seed.name }),
		sku: seed.sku,
		regular_price: variations ? "" : (seed.price ?? "10.00"),
		manage_stock: managed,
		...(managed ? { stock_quantity: seed.quantity } : {}),
		...(seed.backorders ? { backorders: seed.backorders } : {}),
		...(seed.status ? { status: seed.status } : {}),
		...(variations
			? { type: "variable", attributes: [{ name: "Size", visible: true, variation: true, options: variations.map((v) => v.option) }] }
			: {}),
	};
}

type Visit = { request: IncomingMessage; response: ServerResponse; url: URL; text: string };

/** The page for people: a list, and a button that goes through the same checkout as every other buyer. */
async function frontPage(shop: Shop, store: StoreMethods, { request, response, url, text }: Visit) {
	if (request.method === "POST") {
		const id = Number(new URLSearchParams(text).get("product"));
		const wanted = shop.state.products.get(id);
		const bought = await store.checkout({
			lines: [{ productId: wanted?.parentId || id, variationId: wanted?.parentId ? id : 0, quantity: 1 }],
		});
		const told = bought.outcome === "refused" ? `refused=${bought.code}` : `order=${bought.orderId}`;
		return sendPage(shop, response, 303, "", { Location: `/?${told}` });
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
