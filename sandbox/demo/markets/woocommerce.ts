import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createWooStore, type WooStore } from "../../channels/woocommerce/index.ts";
import { createRandom } from "../../random.ts";
import type { Line, Market, MarketOptions, MarketProgram } from "./market.ts";
import { sendJson } from "./request.ts";
import { type StoreKey, storeBreakages } from "./woo-breakages.ts";

export const STORE_HOST = "shop.hagi-and-oak.example";
/** Where a program without Lockstep has its own webhooks sent. */
const PROGRAM_ORIGIN = "https://sync.hagi-and-oak.example";

/** A WooCommerce store on ordinary hosting answers in this time (the recordings' host was faster: 50 ms). */
const ROUND_TRIP_MS = [300, 800] as const;
/** The store's Action Scheduler is run by a real cron, as hosts recommend; WordPress' own waits for a visitor and a minute. */
const QUEUE_MS = 500;
/** What wp-admin's staff would still cancel; a completed order is refunded. */
const CANCELLABLE = ["pending", "on-hold", "processing"];

/** One of the merchant's stores: by its name in the books, as people call it, and its address. */
export type StoreName = {
	id: string;
	name: string;
	host: string;
	/** The first so many products, and no bundles; absent: all. */
	sells?: number;
};
export type WooMarket = Market & {
	store: WooStore;
	/** The merchant deletes the key that the app has, and later makes another. */
	revokeKey(): void;
	makeKey(): StoreKey;
};

const OUTLET: StoreName = { id: "woocommerce", name: "WooCommerce", host: STORE_HOST };

/** The merchant's outlet, or another store: its own figures are what somebody typed a while ago, near and wrong. */
export function openWooMarket({ world, products, bundles, seed, atomicCheckout }: MarketOptions, named: StoreName = OUTLET): WooMarket {
	const { id: channel, host } = named;
	const store = createWooStore(world, {
		host,
		channel,
		name: channel === OUTLET.id ? "Hagi & Oak Outlet" : named.name,
		roundTripMs: ROUND_TRIP_MS,
		queue: { kind: "timer", everyMs: QUEUE_MS },
		atomicCheckout,
	});
	const random = createRandom(seed).fork(channel === OUTLET.id ? "outlet" : channel);
	const ids = store.seed([
		...products.map((p) => ({
			sku: p.sku,
			name: p.title,
			price: p.price,
			quantity: Math.max(0, p.stock.reduce((a, b) => a + b, 0) + random.between(-6, 6)),
		})),
		...bundles.map((b) => ({ sku: b.sku, name: b.title, price: b.price, quantity: random.between(3, 20) })),
	]);
	const skuOf = new Map([...ids].map(([sku, { productId, variationId }]) => [variationId || productId, sku]));
	let keys = store.addKey();
	const makeKey = () => {
		keys = store.addKey();
		return keys;
	};
	const call = (path: string, options: { method?: string; body?: unknown } = {}) =>
		sendJson(world.origin(), host, `/wp-json/wc/v3${path}`, {
			...options,
			headers: { authorization: `Basic ${Buffer.from(`${keys.consumerKey}:${keys.consumerSecret}`).toString("base64")}` },
		});

	return {
		id: channel,
		channel: "woocommerce",
		name: named.name,
		host,
		store,
		revokeKey: () => store.revokeKey(keys.consumerKey),
		makeKey,
		breakages: storeBreakages(store, { group: named.name, key: { current: () => keys, make: makeKey } }),
		connectArgs: async () => [
			...["--account", `https://${host}`],
			...["--set", `consumerKey=${keys.consumerKey}`, "--set", `consumerSecret=${keys.consumerSecret}`],
		],
		environment: {},
		listings: () => store.products().length,
		async checkout(lines) {
			const basket = lines.map(({ sku, quantity }) => {
				const known = ids.get(sku);
				if (!known) throw new Error(`The store does not sell ${sku}`);
				return { productId: known.productId, ...(known.variationId ? { variationId: known.variationId } : {}), quantity };
			});
			const bought = await store.checkout({ lines: basket });
			return bought.outcome === "refused" ? null : String(bought.orderId);
		},
		cancel: (orderId) => store.cancelOrder(Number(orderId)),
		offers: () => store.products().map(({ sku, name, price, shown }) => ({ sku, title: name, price, shown })),
		orders: () =>
			store
				.orders()
				.map((order) => ({
					id: String(order.id),
					at: order.createdAt * 1000,
					status: order.status,
					open: CANCELLABLE.includes(order.status),
					lines: order.lines.map((line) => ({ sku: skuOf.get(line.variationId || line.productId) ?? line.name, quantity: line.quantity })),
				}))
				.reverse(),
		editStock: (sku, quantity) => store.editStock(sku, quantity),
		// The store tells of every figure we set, one after another; its own sales would wait behind that.
		waiting: () => store.waitingWebhooks(),
		program: async (): Promise<MarketProgram> => ({
			async orders() {
				const all: { id: string; lines: Line[] }[] = [];
				for (let page = 1; ; page++) {
					const orders = await call(`/orders?per_page=100&page=${page}&status=processing`);
					for (const order of orders) all.push({ id: String(order.id), lines: order.line_items });
					if (orders.length < 100) return all;
				}
			},
			async set(figures) {
				const update = figures.flatMap(([sku, quantity]) => {
					const id = ids.get(sku)?.productId;
					const shown = world.books.shown(channel, sku) === quantity;
					return id === undefined || shown ? [] : [{ id, manage_stock: true, stock_quantity: quantity }];
				});
				const [only] = update;
				if (only && update.length === 1) await call(`/products/${only.id}`, { method: "PUT", body: { ...only, id: undefined } });
				else
					for (let start = 0; start < update.length; start += 100)
						await call("/products/batch", { method: "POST", body: { update: update.slice(start, start + 100) } });
			},
			async onOrder(handle) {
				const server = createServer((request, response) => {
					let text = "";
					request.on("data", (chunk) => {
						text += chunk;
					});
					request.on("end", () => {
						response.writeHead(200).end();
						// As such programs do: what fails is not heard of again.
						if (text.startsWith("{")) handle(JSON.parse(text).line_items ?? []).catch(() => {});
					});
				});
				await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
				world.route(PROGRAM_ORIGIN, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
				await call("/webhooks", {
					method: "POST",
					body: { name: "orders", topic: "order.created", delivery_url: `${PROGRAM_ORIGIN}/orders`, secret: "naive" },
				});
				return { close: () => void server.close() };
			},
		}),
	};
}
