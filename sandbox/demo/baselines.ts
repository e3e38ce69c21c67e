import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { judgeChannel, miscounted } from "./judge.ts";
import type { Line } from "./markets/market.ts";
import { sendJson } from "./markets/request.ts";
import { APP_ORIGIN, CLIENT, createOutside, type Outside, SHOP_DOMAIN } from "./outside.ts";
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

/** A sync job: reads every channel's new orders, takes them off Shopify's figures, sets the channels to Shopify's. */
async function startPolling(outside: Outside): Promise<Program> {
	const api = await openShopifyApi(outside);
	const programs = await Promise.all(outside.markets.map((market) => market.program()));
	const counted = new Set<string>();
	let closed = false;
	const sync = async () => {
		for (const [place, program] of programs.entries()) {
			for (const order of await program.orders()) {
				const key = `${place} ${order.id}`;
				if (counted.has(key)) continue;
				counted.add(key);
				for (const { sku, quantity } of partsOf(outside, order.lines)) await api.adjust(sku, -quantity);
			}
		}
		await Promise.all(programs.map((program) => program.set(api.figures())));
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

/** A handler: each order that is told of lowers its count, each stock webhook sets it, and every change is set everywhere. */
async function startNaive(outside: Outside): Promise<Program> {
	const api = await openShopifyApi(outside);
	const programs = await Promise.all(outside.markets.map((market) => market.program()));
	const count = new Map<string, number>();
	const skuOfItem = new Map(outside.products.map((p) => [outside.shop.idsOf(p.sku).item, p.sku]));
	const total = (sku: string) => count.get(sku) ?? 0;
	const setChannels = (sku: string) => Promise.all(programs.map((program) => program.set([[sku, total(sku)]])));
	const lower = async (lines: readonly Line[]) => {
		for (const { sku, quantity } of partsOf(outside, lines)) {
			count.set(sku, total(sku) - quantity);
			await setChannels(sku);
			await api.set(sku, total(sku));
		}
	};
	const server = await listenForWebhooks(outside, async (topic, body) => {
		if (topic === "orders/create") await lower(body.line_items ?? []);
		else if (topic === "inventory_levels/update") {
			const sku = skuOfItem.get(body.inventory_item_id ?? 0);
			if (!sku) return;
			const figure = outside.available(sku);
			if (figure === total(sku)) return;
			count.set(sku, figure);
			await setChannels(sku);
		}
	});
	const told = await Promise.all(programs.map((program) => program.onOrder(lower)));
	let levelled = false;
	return {
		async levelOut() {
			// Only at the start: such a handler has no other moment at which it looks.
			if (levelled) return;
			levelled = true;
			for (const [sku, available] of api.figures()) count.set(sku, available);
			await Promise.all(programs.map((program) => program.set(api.figures())));
		},
		close: () => {
			for (const one of told) one.close();
			return new Promise((resolve) => server.close(() => resolve()));
		},
	};
}

const partsOf = (outside: Outside, lines: readonly Line[]): Line[] =>
	lines.flatMap((line) =>
		outside.world.books.componentsOf(line.sku).map((part) => ({ sku: part.sku, quantity: line.quantity * part.quantity })),
	);

type WebhookBody = { line_items?: Line[]; inventory_item_id?: number };

async function listenForWebhooks(outside: Outside, handle: (topic: string, body: WebhookBody) => Promise<void>): Promise<Server> {
	const server = createServer((request: IncomingMessage, response) => {
		let text = "";
		request.on("data", (chunk) => {
			text += chunk;
		});
		request.on("end", () => {
			response.writeHead(200).end();
			const topic = String(request.headers["x-shopify-topic"] ?? "");
			if (text.startsWith("{")) handle(topic, JSON.parse(text)).catch(() => {});
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	outside.world.route(APP_ORIGIN, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
	return server;
}

/** Shopify's Admin API as a quick program calls it. */
async function openShopifyApi(outside: Outside) {
	const token = await sendJson(outside.world.origin(), SHOP_DOMAIN, "/admin/oauth/access_token", {
		method: "POST",
		body: {
			client_id: CLIENT.id,
			client_secret: CLIENT.secret,
			grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
			subject_token: outside.shop.mintSessionToken(),
			subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
			requested_token_type: "urn:shopify:params:oauth:token-type:offline-access-token",
			expiring: "1",
		},
	});
	const graphql = (query: string, variables: unknown) =>
		sendJson(outside.world.origin(), SHOP_DOMAIN, "/admin/api/2026-10/graphql.json", {
			method: "POST",
			headers: { "x-shopify-access-token": token.access_token },
			body: { query, variables },
		});
	const location = outside.shop.locations()[0];
	let change = 0;
	const input = (sku: string) => ({
		inventoryItemId: outside.shop.idsOf(sku).inventoryItemId,
		locationId: `gid://shopify/Location/${location?.id}`,
	});
	return {
		figures: (): [string, number][] =>
			[...outside.products.map((p) => p.sku), ...outside.bundles.map((b) => b.sku)].map((sku) => [
				sku,
				Math.max(0, outside.available(sku)),
			]),
		adjust: (sku: string, delta: number) =>
			graphql(ADJUST, {
				key: `sync-${++change}`,
				input: { name: "available", reason: "correction", changes: [{ ...input(sku), delta, changeFromQuantity: null }] },
			}),
		set(sku: string, quantity: number) {
			const elsewhere = outside.shop
				.locations()
				.slice(1)
				.reduce((sum, l) => sum + (outside.shop.level(sku, l.id)?.available ?? 0), 0);
			const quantities = [{ ...input(sku), quantity: quantity - elsewhere, changeFromQuantity: null }];
			return graphql(SET, { key: `set-${++change}`, input: { name: "available", reason: "correction", quantities } });
		},
	};
}

const ADJUST = `mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) { userErrors { message } } }`;
const SET = `mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) { userErrors { message } } }`;
