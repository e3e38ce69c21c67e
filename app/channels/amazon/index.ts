import type { AccountAccess, Channel, ChannelClient } from "../channel.ts";
import { authorization } from "./authorization.ts";
import { createClient } from "./client.ts";
import { check } from "./health.ts";
import { type ProductTypes, READ_MAX, readStock, WRITES_AT_ONCE, writeStock } from "./inventory.ts";
import { listListings } from "./listings.ts";
import { notifications } from "./notifications.ts";
import { OWN_LIMITS } from "./operations.ts";
import { listOrders, readOrder, type Sums } from "./orders.ts";
import { messageQueues } from "./queue.ts";
import { subscriptionManager } from "./subscriptions.ts";

/** A selling account in one region: notifications through a queue, writes that are taken now and applied later, tiny quotas. */
export const amazon: Channel = {
	id: "amazon",
	name: "Amazon",
	role: "guest",
	// "An Amazon-defined order identifier, in 3-7-7 format" (ordersV0.json, AmazonOrderId).
	orderNumber: /^\d{3}-\d{7}-\d{7}$/,
	capabilities: {
		// Amazon lowers the figure itself when the order is placed (from practice: ../shared/channels/amazon.md section 7, trap 3).
		quantityMeaning: "selfDecrementing",
		// Each is a request of its own; two seconds' worth of the rate, so that a batch never holds its listings for long.
		writeBatchSize: 10,
		readBatchSize: READ_MAX,
		// One search for 20 listings, five a second. There is no precondition on a write.
		readBeforeWrite: true,
		// What is not deleted from the queue comes again, for as long as the queue keeps it (up to 14 days).
		resendsWebhooks: true,
		// ACCEPTED is queued, not applied: "It takes few minutes" (docs#2167), and nothing keeps an older submission from being
		// applied after a newer one. No page of Amazon's gives a bound; a quarter of an hour covers what sellers tell of.
		lateHorizonMs: 15 * 60_000,
		appliesLater: true,
		// "Cached 1-6 h": the report of all listings (../shared/channels/amazon.md section 4; BEHAVIOR.md).
		listLagMs: 6 * 3_600_000,
		// Stamps and the Date header are whole seconds.
		clockResolutionMs: 1000,
		// Orders and listings are two services, and orders' data lags by two minutes (developer-docs,
		// get-orders-with-filtering-criteria): within that, before and after cannot be told apart.
		clocksApartMs: 120_000,
		// 16 pages of 100 orders at once, then one in three minutes. Orders that the seller ships are shipped within days.
		baselineDays: 14,
		// One list in 188 s is what our share of the quota gives for good. A poll out of turn is rare (a notification was lost) and may
		// take from the burst, which the regular one must not: a long list needs it.
		pollEveryMs: 200_000,
		extraPollEveryMs: 120_000,
		// "The most recent time when any aspect of this order was modified" (model, lastUpdatedTime); whether a refund, a tip or a tax
		// that is settled later moves it, no page says.
		sumsChangeUnsaid: true,
	},
	limits: {
		// What people read of it: writes and reads of stock. Every call is paid from its operation's own bucket.
		unitsPerSecond: 5,
		burst: 5,
		concurrency: WRITES_AT_ONCE + 1,
		operations: OWN_LIMITS,
		source: "Usage plans in amzn/selling-partner-api-models@34dc93f, per operation, selling account and application. 2026-11-21",
	},
	credentialFields: [
		{ key: "refreshToken", label: "Refresh token", secret: true, help: "Given by Amazon with the consent" },
		{ key: "region", label: "Region", secret: false, help: "NA, EU or FE" },
		{ key: "marketplaceIds", label: "Marketplaces", secret: false, help: "Amazon's marketplace ids, separated by commas" },
	],
	appSettings: [
		{ key: "applicationId", secret: false, help: "The app's id in Seller Central, Develop apps: amzn1.sp.solution.…" },
		{ key: "lwaClientId", secret: false, help: "The app's Login with Amazon client id: amzn1.application-oa2-client.…" },
		{ key: "lwaClientSecret", secret: true, help: "Its secret; Amazon wants it changed every 180 days" },
		{
			key: "notificationApplicationId",
			secret: false,
			optional: true,
			help: "The id by which notifications name the app, where it is another (amzn1.sellerapps.app.…)",
		},
		{
			key: "queueUrlNa",
			secret: false,
			optional: true,
			help: "Address of the SQS queue for North America. Without one, orders are only polled",
		},
		{ key: "queueUrlEu", secret: false, optional: true, help: "Address of the SQS queue for Europe, the Middle East and India" },
		{ key: "queueUrlFe", secret: false, optional: true, help: "Address of the SQS queue for the Far East" },
		{ key: "draft", secret: false, optional: true, help: "true while the app is not published: opens the consent page of the draft" },
	],
	apiVersion: {
		pinned: "orders 2026-01-01, listings 2021-08-01, reports 2021-06-30, notifications v1",
		sunsetAt: null,
		source: "developer-docs.amazon.com/sp-api/docs/sp-api-deprecations: none of these is on the list. 2026-11-21",
	},
	webhooks: notifications,
	authorization,
	messageQueues,
	// A quantity's notification carries SKU and figure, and no author (schemas/notifications/ListingsItemMfnQuantityChange.json).
	otherWriters: "In Seller Central look under Apps and Services, Manage Your Apps, and at inventory files that are uploaded.",
	connect,
};

function connect(access: AccountAccess): ChannelClient {
	const client = createClient(access);
	const types: ProductTypes = new Map();
	const sums: Sums = { refused: false };
	return {
		check: () => check(access),
		listListings: () => listListings(client),
		readStock: (refs) => readStock(client, types, refs),
		writeStock: (writes) => writeStock(client, types, writes),
		listOrders: ({ since }) => listOrders(client, since, sums),
		readOrder: (orderId) => readOrder(client, orderId, sums),
		webhooks: subscriptionManager(client, access.app),
		// Connections belong to the process and close themselves when idle.
		close: async () => {},
	};
}
