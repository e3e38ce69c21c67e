import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { judgeChannel, miscounted } from "./judge.ts";
import { APP_ORIGIN, CLIENT, createOutside, type Outside, SHOP_DOMAIN, STORE_HOST } from "./outside.ts";
import type { PlannedAct } from "./plan.ts";
import { countHotStock, misbehave, playAct } from "./play.ts";

/**
 * The same day, played against what most merchants have: a sync every fifteen minutes, or a handler that lowers its own count
 * at every order webhook and sets every channel to it. Both speak the channels' real APIs to the same stand-ins; both are
 * written as such programs usually are.
 */
export type BaselineResult = {
	oversold_units: number;
	double_counted: number;
	missed: number;
	scarce_oversold_units: number;
	out_of_step: number;
};

/** Sandbox time runs so much faster than the clock on the wall; nobody here is measured in milliseconds. */
const SPEED = 8;
const SYNC_EVERY_MS = 15 * 60_000;
/** Time for what is under way to arrive, and for one last sync. */
const QUIET_MS = 12_000;

export async function playBaseline(
	kind: "polling" | "naive",
	day: { seed: number; acts: readonly PlannedAct[]; channels: readonly string[]; toml: string; atomicCheckout: boolean },
): Promise<BaselineResult> {
	const outside = await createOutside({
		seed: day.seed,
		channels: day.channels,
		toml: day.toml,
		speed: SPEED,
		atomicCheckout: day.atomicCheckout,
	});
	const program = await (kind === "polling" ? startPolling(outside) : startNaive(outside));
	try {
		await program.levelOut();
		misbehave(outside, day.channels);
		let scarceFrom = 0;
		for (const act of day.acts) {
			if (act.hot.length > 0) {
				await outside.world.clock.sleep(QUIET_MS);
				countHotStock(outside, act);
				await outside.world.clock.sleep(QUIET_MS);
				await program.levelOut();
				scarceFrom = outside.world.books.mark();
			}
			await playAct(outside, act, () => {});
		}
		outside.world.faults.clear();
		await outside.world.clock.sleep(QUIET_MS);
		await program.levelOut();
		const { double, missed } = miscounted(outside.world.books, outside.available);
		const others = day.channels
			.filter((c) => c !== "shopify")
			.map((c) => judgeChannel(outside.world.books, c, { listings: 0, soldBy: day.channels }).out_of_step);
		return {
			oversold_units: outside.world.books.oversoldUnits(),
			scarce_oversold_units: outside.world.books.oversoldUnits(scarceFrom),
			double_counted: double,
			missed,
			out_of_step: others.reduce((a, b) => a + b, 0),
		};
	} finally {
		await program.close();
		await outside.world.close();
	}
}

type Program = { levelOut(): Promise<void>; close(): Promise<void> };

/** A sync job: reads the store's new orders, takes them off Shopify's figures, sets the store to Shopify's. */
async function startPolling(outside: Outside): Promise<Program> {
	const api = await openApis(outside);
	const counted = new Set<number>();
	let closed = false;
	const sync = async () => {
		for (const order of await api.storeOrders()) {
			if (counted.has(order.id)) continue;
			counted.add(order.id);
			for (const line of order.lines) await api.adjustShopify(line.sku, -line.quantity);
		}
		await api.setStoreAll(await api.shopifyFigures());
	};
	const again = () =>
		outside.world.clock.after(SYNC_EVERY_MS, () => {
			if (!closed) void sync().finally(again);
		});
	again();
	return {
		levelOut: sync,
		async close() {
			closed = true;
		},
	};
}

/** A webhook handler: each order webhook lowers its count, each stock webhook sets it, and every change is set everywhere. */
async function startNaive(outside: Outside): Promise<Program> {
	const api = await openApis(outside);
	const count = new Map<string, number>();
	const skuOfItem = new Map(outside.products.map((p) => [outside.shop.idsOf(p.sku).item, p.sku]));
	const total = (sku: string) => count.get(sku) ?? 0;
	const setEverywhere = async (sku: string) => {
		await api.setStore(sku, total(sku));
		await api.setShopify(sku, total(sku));
	};
	const lower = async (lines: readonly { sku: string; quantity: number }[]) => {
		for (const line of lines) {
			for (const part of outside.world.books.componentsOf(line.sku)) {
				count.set(part.sku, total(part.sku) - line.quantity * part.quantity);
				await setEverywhere(part.sku);
			}
		}
	};
	const server = await listenForWebhooks(outside, async (topic, body) => {
		if (topic === "orders/create" || topic === "order.created") await lower(body.line_items ?? []);
		else if (topic === "inventory_levels/update") {
			const sku = skuOfItem.get(body.inventory_item_id ?? 0);
			if (!sku) return;
			const figure = outside.available(sku);
			if (figure === total(sku)) return;
			count.set(sku, figure);
			await api.setStore(sku, figure);
		}
	});
	await api.createStoreWebhooks();
	let levelled = false;
	return {
		async levelOut() {
			// Only at the start: such a handler has no other moment at which it looks.
			if (!levelled) for (const [sku, available] of await api.shopifyFigures()) count.set(sku, available);
			if (!levelled) await api.setStoreAll(await api.shopifyFigures());
			levelled = true;
		},
		close: () => new Promise((resolve) => server.close(() => resolve())),
	};
}

type WebhookBody = { line_items?: { sku: string; quantity: number }[]; inventory_item_id?: number };

async function listenForWebhooks(outside: Outside, handle: (topic: string, body: WebhookBody) => Promise<void>): Promise<Server> {
	const server = createServer((request: IncomingMessage, response) => {
		let text = "";
		request.on("data", (chunk) => {
			text += chunk;
		});
		request.on("end", () => {
			response.writeHead(200).end();
			const topic = String(request.headers["x-shopify-topic"] ?? request.headers["x-wc-webhook-topic"] ?? "");
			if (text.startsWith("{")) handle(topic, JSON.parse(text)).catch(() => {});
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	outside.world.route(APP_ORIGIN, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
	return server;
}

/** The channels' APIs as a quick program calls them. */
async function openApis(outside: Outside) {
	const call = async (host: string, path: string, options: { method?: string; headers?: Record<string, string>; body?: unknown } = {}) => {
		const text = await send(outside.world.origin(), host, path, options);
		return JSON.parse(text);
	};
	const subject = outside.shop.mintSessionToken();
	const token = await call(SHOP_DOMAIN, "/admin/oauth/access_token", {
		method: "POST",
		body: {
			client_id: CLIENT.id,
			client_secret: CLIENT.secret,
			grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
			subject_token: subject,
			subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
			requested_token_type: "urn:shopify:params:oauth:token-type:offline-access-token",
			expiring: "1",
		},
	});
	const graphql = (query: string, variables: unknown) =>
		call(SHOP_DOMAIN, "/admin/api/2026-10/graphql.json", {
			method: "POST",
			headers: { "x-shopify-access-token": token.access_token },
			body: { query, variables },
		});
	const location = outside.shop.locations()[0];
	const keys = outside.storeKeys;
	const basic = keys ? { authorization: `Basic ${Buffer.from(`${keys.consumerKey}:${keys.consumerSecret}`).toString("base64")}` } : {};
	let change = 0;
	const input = (sku: string) => ({
		inventoryItemId: outside.shop.idsOf(sku).inventoryItemId,
		locationId: `gid://shopify/Location/${location?.id}`,
	});
	return {
		async storeOrders(): Promise<{ id: number; lines: { sku: string; quantity: number }[] }[]> {
			if (!keys) return [];
			const all: { id: number; lines: { sku: string; quantity: number }[] }[] = [];
			for (let page = 1; ; page++) {
				const orders = await call(STORE_HOST, `/wp-json/wc/v3/orders?per_page=100&page=${page}&status=processing`, { headers: basic });
				for (const order of orders) {
					const lines = order.line_items.flatMap((l: { sku: string; quantity: number }) =>
						outside.world.books.componentsOf(l.sku).map((c) => ({ sku: c.sku, quantity: l.quantity * c.quantity })),
					);
					all.push({ id: order.id, lines });
				}
				if (orders.length < 100) return all;
			}
		},
		async shopifyFigures(): Promise<[string, number][]> {
			return [...outside.products.map((p) => p.sku), ...outside.bundles.map((b) => b.sku)].map((sku) => [
				sku,
				Math.max(0, outside.available(sku)),
			]);
		},
		async setStore(sku: string, quantity: number) {
			const ids = outside.wooIds.get(sku);
			if (!ids || outside.world.books.shown("woocommerce", sku) === quantity) return;
			await call(STORE_HOST, `/wp-json/wc/v3/products/${ids.productId}`, {
				method: "PUT",
				headers: basic,
				body: { manage_stock: true, stock_quantity: quantity },
			});
		},
		async setStoreAll(figures: readonly (readonly [string, number])[]) {
			const update = figures.flatMap(([sku, quantity]) => {
				const id = outside.wooIds.get(sku)?.productId;
				return id === undefined || outside.world.books.shown("woocommerce", sku) === quantity
					? []
					: [{ id, manage_stock: true, stock_quantity: quantity }];
			});
			for (let start = 0; start < update.length; start += 100) {
				await call(STORE_HOST, "/wp-json/wc/v3/products/batch", {
					method: "POST",
					headers: basic,
					body: { update: update.slice(start, start + 100) },
				});
			}
		},
		async adjustShopify(sku: string, delta: number) {
			await graphql(ADJUST, {
				key: `sync-${++change}`,
				input: { name: "available", reason: "correction", changes: [{ ...input(sku), delta, changeFromQuantity: null }] },
			});
		},
		async setShopify(sku: string, quantity: number) {
			const elsewhere = outside.shop
				.locations()
				.slice(1)
				.reduce((sum, l) => sum + (outside.shop.level(sku, l.id)?.available ?? 0), 0);
			await graphql(SET, {
				key: `set-${++change}`,
				input: {
					name: "available",
					reason: "correction",
					quantities: [{ ...input(sku), quantity: quantity - elsewhere, changeFromQuantity: null }],
				},
			});
		},
		async createStoreWebhooks() {
			if (!keys) return;
			await call(STORE_HOST, "/wp-json/wc/v3/webhooks", {
				method: "POST",
				headers: basic,
				body: { name: "orders", topic: "order.created", delivery_url: `${APP_ORIGIN}/naive`, secret: "naive" },
			});
		},
	};
}

const ADJUST = `mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) { userErrors { message } } }`;
const SET = `mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) { userErrors { message } } }`;

function send(
	origin: string,
	host: string,
	path: string,
	options: { method?: string; headers?: Record<string, string>; body?: unknown },
): Promise<string> {
	return new Promise((resolve, reject) => {
		const body = options.body === undefined ? "" : JSON.stringify(options.body);
		const out = httpRequest(
			new URL(path, origin),
			{
				method: options.method ?? "GET",
				headers: { accept: "application/json", ...(body ? { "content-type": "application/json" } : {}), ...options.headers, host },
			},
			(reply) => {
				let text = "";
				reply.setEncoding("utf8");
				reply.on("data", (chunk) => {
					text += chunk;
				});
				reply.on("end", () => resolve(text));
			},
		);
		out.on("error", reject);
		out.end(body);
	});
}
