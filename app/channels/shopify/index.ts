import type { Channel } from "../channel.ts";
import { RequestRejectedError } from "../errors.ts";
import { CHANGES_PER_CALL } from "./adjust.ts";
import { createGraphqlClient } from "./client.ts";
import { createHomeClient } from "./home.ts";
import { listListings, readStock } from "./listings.ts";
import { ITEMS_PER_READ } from "./operations/read-levels.ts";
import { listOrders, readOrder } from "./orders.ts";
import { check } from "./shop.ts";
import { API_VERSION, API_VERSION_SOURCE, API_VERSION_SUNSET_AT, missingScopes } from "./version.ts";
import { webhooks } from "./webhooks/receiver.ts";

/** Shopify: the home of the stock. It is read, and told of sales elsewhere as differences. */
export const shopify: Channel = {
	id: "shopify",
	name: "Shopify",
	role: "home",
	capabilities: {
		quantityMeaning: "delta",
		writeBatchSize: CHANGES_PER_CALL,
		readBatchSize: ITEMS_PER_READ,
		readBeforeWrite: false,
		resendsWebhooks: true,
		// A difference under an idempotency key is carried out once, however late; there is no older figure to land.
		lateHorizonMs: 0,
		// Stamps are whole seconds ("2026-06-25T01:33:56Z", recorded).
		clockResolutionMs: 1000,
	},
	limits: {
		// The smallest plan's; every answer says what this shop really has (recorded: 2000 and 100).
		unitsPerSecond: 100,
		burst: 2000,
		concurrency: 8,
		source: "https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits",
	},
	// Access comes from the installation (token exchange), nothing is typed in.
	credentialFields: [],
	missingScopes,
	apiVersion: { pinned: API_VERSION, sunsetAt: API_VERSION_SUNSET_AT, source: API_VERSION_SOURCE },
	webhooks,
	connect(account) {
		const client = createGraphqlClient(account);
		return {
			check: () => check(client),
			listListings: (options) => listListings(client, options),
			async readStock(refs) {
				const readings = await readStock(
					client,
					refs.map((ref) => ref.externalId),
				);
				return { readings, channelTime: new Date().toISOString() };
			},
			// An absolute figure would overwrite what home sold meanwhile: home is told differences, by `home.adjust`.
			writeStock: (writes) =>
				Promise.resolve(
					writes.map(() => ({
						outcome: "failed" as const,
						error: new RequestRejectedError("Shopify is home here and takes differences, never absolute figures"),
					})),
				),
			listOrders: (options) => listOrders(client, options),
			readOrder: (orderId) => readOrder(client, orderId),
			// Declared in shopify.app.toml, for every shop at once, and kept by Shopify.
			webhooks: null,
			home: createHomeClient(client),
			close: () => Promise.resolve(),
		};
	},
};
