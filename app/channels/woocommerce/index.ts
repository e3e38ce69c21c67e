import type { AccountAccess, Channel, ChannelClient } from "../channel.ts";
import { readAccount } from "./account.ts";
import { createClient } from "./client.ts";
import { check } from "./health.ts";
import { readStock, writeStock } from "./inventory.ts";
import { listListings } from "./listings.ts";
import { cancelOrder, listOrders, readOrder } from "./orders.ts";
import { webhookManager, webhooks } from "./webhooks.ts";

/** A store of its own on somebody's server: signed webhooks that are never repeated, absolute writes, stock that it lowers itself. */
export const woocommerce: Channel = {
	id: "woocommerce",
	name: "WooCommerce",
	role: "guest",
	capabilities: {
		// "stock_quantity" is what can be bought; the store takes an order's units from it when the order is paid or put on hold.
		quantityMeaning: "selfDecrementing",
		// The store takes 100; slow hosts manage 20 to 50 before their proxy gives up (channels sheet, section 2).
		writeBatchSize: 50,
		// One `include` list fits one page of 100.
		readBatchSize: 100,
		// One request of some hundred milliseconds, for up to 100 products at once. Without it a write gives back to buyers what
		// was sold since our last look: the store has no precondition (If-Match is ignored, measured on 11.0.1).
		readBeforeWrite: true,
		// "One attempt, never a second", and off after seven failures in a row (measured on 11.0.1).
		resendsWebhooks: false,
		// PHP goes on when we hang up. max_execution_time was 300 s on the measured store (php_max_execution_time in its system
		// status), and before PHP begins the request may queue as long as web servers let it: 60 s (nginx' and Apache's defaults).
		lateHorizonMs: 360_000,
		// Every stamp and the Date header are whole seconds.
		clockResolutionMs: 1000,
		// Measured on 11.0.1: PUT {"status":"cancelled"} puts back what the lines' `_reduced_stock` says. Refunds are another call.
		cancelsOrders: {
			cost: "The store cancels the order, puts what it took back into its own stock and sends its usual e-mails. It gives no money back: do that in WooCommerce.",
		},
	},
	limits: {
		// WooCommerce itself has no limit; hosts and firewalls do, and PHP workers are few and the buyers' as well.
		unitsPerSecond: 5,
		burst: 10,
		concurrency: 2,
		source:
			"No limit in WooCommerce's core; ours, so that buyers of a small host notice nothing (2 of its PHP workers at most). 2026-11-21",
	},
	credentialFields: [
		{ key: "consumerKey", label: "Consumer key", secret: true, help: "Begins with ck_. WooCommerce, Settings, Advanced, REST API" },
		{ key: "consumerSecret", label: "Consumer secret", secret: true, help: "Begins with cs_. Shown once, when the key is made" },
	],
	apiVersion: {
		pinned: "wc/v3",
		sunsetAt: null,
		source: "developer.woocommerce.com REST API documentation: v3 since WooCommerce 3.5, no successor released. 2026-11-21",
	},
	webhooks,
	// A product says when it was changed, in the REST API (v3) and in webhooks, and not by whom.
	otherWriters:
		"In WooCommerce look at the keys under Settings, Advanced, REST API (each shows when it was last used), and at plugins that import or synchronise stock.",
	readAccount,
	connect,
};

function connect(access: AccountAccess): ChannelClient {
	const client = createClient(access);
	return {
		check: () => check(access),
		listListings: (options) => listListings(client, options),
		readStock: (refs) => readStock(client, refs),
		writeStock: (writes) => writeStock(client, writes),
		listOrders: (bounds) => listOrders(client, bounds),
		readOrder: (orderId) => readOrder(client, orderId),
		cancelOrder: (orderId) => cancelOrder(client, orderId),
		webhooks: webhookManager(client),
		// Connections belong to the process and close themselves when idle.
		close: async () => {},
	};
}
