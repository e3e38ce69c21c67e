import { type BulkOperation, gid, idOf, levelOfGid, type Order, type ShopState, type Subscription } from "../model.ts";
import { groupsOf, parseSearch } from "../search.ts";
import { scopesForTopic } from "../webhooks.ts";
import { connect, counted, type PageArgs } from "./connections.ts";
import type { Context } from "./context.ts";
import type { Resolvers } from "./resolvers.ts";

/** The app itself (installation, scopes), its per-shop webhook subscriptions, bulk operations, jobs, and `node`. */
type SubscriptionInput = {
	uri?: string | null;
	format?: string | null;
	includeFields?: string[] | null;
	filter?: string | null;
	name?: string | null;
	metafieldNamespaces?: string[] | null;
};
type UserError = { field: string[] | null; message: string };

const ADDRESS = ["webhookSubscription", "callbackUrl"];
const restTopic = (topic: string) => {
	// The enum's last word is the action; the rest is the resource: INVENTORY_LEVELS_UPDATE -> inventory_levels/update.
	const known: Record<string, string> = {
		APP_SCOPES_UPDATE: "app/scopes_update",
		ORDERS_PARTIALLY_FULFILLED: "orders/partially_fulfilled",
	};
	return known[topic] ?? topic.toLowerCase().replace(/_([a-z]+)$/, "/$1");
};
const enumTopic = (topic: string) => topic.toUpperCase().replace("/", "_");

/** Recorded refusals of an address. */
function addressErrors(uri: string | null | undefined): UserError[] {
	if (!uri) return [{ field: ADDRESS, message: "Address can't be blank" }];
	if (/^pubsub:\/\//.test(uri)) {
		if (/^pubsub:\/\/[^:/]+:[^:/]+$/.test(uri)) return [];
		return [
			{ field: ADDRESS, message: "Address protocol pubsub:// is not supported" },
			{ field: ADDRESS, message: "Address is not a valid GCP pub/sub format. Format should be pubsub://project:topic" },
		];
	}
	if (/^arn:aws:events:/.test(uri) || /^https:\/\/[^/]+/.test(uri)) return [];
	return [{ field: ADDRESS, message: `Address protocol ${/^[a-z]+:\/\//.exec(uri)?.[0] ?? uri} is not supported` }];
}

/** Recorded: a filter must name the field it filters on; an empty one is kept as it is. */
function filterErrors(filter: string | null | undefined): UserError[] {
	const named = !filter || groupsOf(filter).every((group) => group.every((term) => term.field !== null));
	return named
		? []
		: [
				{
					field: ["webhookSubscription"],
					message: "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on.",
				},
			];
}

const missing: UserError[] = [{ field: ["id"], message: "Webhook subscription does not exist" }];

function createSubscription(
	_: unknown,
	{ topic, webhookSubscription: input }: { topic: string; webhookSubscription: SubscriptionInput },
	context: Context,
) {
	const { state } = context;
	const errors = [...addressErrors(input.uri), ...filterErrors(input.filter)];
	const scopes = scopesForTopic(restTopic(topic));
	// The next two messages are not recorded.
	if (scopes.length > 0 && !scopes.some((scope) => granted(context, scope))) {
		errors.push({
			field: ["webhookSubscription", "topic"],
			message: `You do not have permission to create or update webhooks with ${restTopic(topic)} topic. This topic requires access to: ${scopes.join(" or ")}`,
		});
	}
	const twin = [...state.subscriptions.values()].some(
		(s) => s.topic === restTopic(topic) && s.uri === input.uri && s.filter === (input.filter ?? null),
	);
	if (twin) errors.push({ field: ADDRESS, message: "Address for this topic has already been taken" });
	if (errors.length > 0) return { webhookSubscription: null, userErrors: errors };
	const now = Math.floor(context.stage.world.clock.now());
	const made: Subscription = {
		kind: "WebhookSubscription",
		id: state.nextId(),
		topic: restTopic(topic),
		uri: input.uri ?? "",
		includeFields: input.includeFields ?? [],
		metafieldNamespaces: input.metafieldNamespaces ?? [],
		filter: input.filter ?? null,
		name: input.name ?? null,
		apiVersion: context.version,
		createdAt: now,
		updatedAt: now,
		consecutiveFailures: 0,
	};
	state.subscriptions.set(made.id as number, made);
	return { webhookSubscription: made, userErrors: [] };
}

function updateSubscription(
	_: unknown,
	{ id, webhookSubscription: input }: { id: string; webhookSubscription: SubscriptionInput },
	context: Context,
) {
	const known = context.state.subscriptions.get(idOf(id, "WebhookSubscription") ?? -1);
	if (!known) return { webhookSubscription: null, userErrors: missing };
	const errors = [...(input.uri === undefined ? [] : addressErrors(input.uri)), ...filterErrors(input.filter)];
	if (errors.length > 0) return { webhookSubscription: null, userErrors: errors };
	const changes: Partial<Subscription> = {
		...(typeof input.uri === "string" && { uri: input.uri }),
		...(input.includeFields !== undefined && { includeFields: input.includeFields ?? [] }),
		...(input.metafieldNamespaces !== undefined && { metafieldNamespaces: input.metafieldNamespaces ?? [] }),
		...(input.filter !== undefined && { filter: input.filter }),
		...(input.name !== undefined && { name: input.name }),
		updatedAt: Math.floor(context.stage.world.clock.now()),
	};
	return { webhookSubscription: Object.assign(known, changes), userErrors: [] };
}

function cancelOrder(
	_: unknown,
	args: { orderId: string; restock: boolean; reason: string; refund?: boolean | null; refundMethod?: unknown; staffNote?: string | null },
	context: Context,
) {
	const refuse = (field: string, message: string, code = "INVALID") => ({
		job: null,
		orderCancelUserErrors: [{ field: [field], message, code }],
		userErrors: [{ field: [field], message }],
	});
	const order = context.state.orders.get(idOf(args.orderId, "Order") ?? -1);
	if (!order) return refuse("orderId", "Order does not exist", "NOT_FOUND");
	if (order.cancelledAt !== null) return refuse("orderId", "Cannot cancel an order that has already been canceled");
	if ((args.staffNote?.length ?? 0) > 255) return refuse("staffNote", "Staff note is too long. Maximum length is 255 characters.");
	if (typeof args.refund === "boolean" && args.refundMethod)
		return refuse("refund", "Only one of the arguments `refund` or `refund_method` is allowed.");
	return { job: { id: context.cancelOrder(order.id, args), done: false }, orderCancelUserErrors: [], userErrors: [] };
}

const granted = ({ access }: Context, scope: string) =>
	access.scopes.includes(scope) || access.scopes.includes(scope.replace(/^read_/, "write_"));

const installation = ({ state, access, clientId }: Context) => ({ kind: "AppInstallation", id: state.id, scopes: access.scopes, clientId });

/** What `node(id:)` finds, by the kind in the id. */
function nodeOf(state: ShopState, id: string): unknown {
	if (id.startsWith("gid://shopify/InventoryLevel/")) return levelOfGid(state, id);
	const [kind = ""] = id.replace("gid://shopify/", "").split("/");
	const number = idOf(id, kind) ?? -1;
	const maps: Record<string, ReadonlyMap<number, unknown>> = {
		Location: state.locations,
		Product: state.products,
		ProductVariant: state.variants,
		InventoryItem: state.items,
		Order: state.orders,
		BulkOperation: state.bulkOperations,
		WebhookSubscription: state.subscriptions,
	};
	if (maps[kind]) return maps[kind].get(number) ?? null;
	const children: Record<string, (order: Order) => readonly { id: number }[]> = {
		LineItem: (order) => order.lines.map((line) => ({ ...line, order })),
		Refund: (order) => order.refunds,
		FulfillmentOrder: (order) => order.fulfillmentOrders,
		Fulfillment: (order) => order.fulfillments,
	};
	for (const order of state.orders.values()) {
		const child = children[kind]?.(order).find((entry) => entry.id === number);
		if (child) return child;
	}
	return null;
}

function bulkSearch(context: Context, query: string | null | undefined): BulkOperation[] {
	const search = parseSearch<BulkOperation>(query, {
		status: (b) => b.status,
		operation_type: () => "query",
		id: (b) => b.id,
		created_at: (b) => b.createdAt,
	});
	return [...context.state.bulkOperations.values()].filter(search.matches);
}

export const appResolvers: Resolvers = {
	QueryRoot: {
		node: (_, { id }: { id: string }, { state }) => nodeOf(state, id),
		nodes: (_, { ids }: { ids: string[] }, { state }) => ids.map((id) => nodeOf(state, id)),
		appInstallation: (_, __, context) => installation(context),
		currentAppInstallation: (_, __, context) => installation(context),
		publicApiVersions: () =>
			["2026-01", "2026-04", "2026-07", "2026-10"].map((handle) => ({ handle, displayName: handle, supported: true })),
		job: (_, { id }: { id: string }, { state }) => {
			const job = state.jobs.get(id);
			return job ? { id, done: job.done } : null;
		},
		webhookSubscription: (_, { id }: { id: string }, { state }) => state.subscriptions.get(idOf(id, "WebhookSubscription") ?? -1) ?? null,
		webhookSubscriptions: (_, args: PageArgs & { uri?: string; callbackUrl?: string; topics?: string[] }, context) => {
			const uri = args.uri ?? args.callbackUrl;
			const listed = [...context.state.subscriptions.values()].filter(
				(s) => (uri === undefined || s.uri === uri) && (args.topics?.includes(enumTopic(s.topic)) ?? true),
			);
			return connect(listed, args, { id: (s) => s.id ?? 0, context });
		},
		webhookSubscriptionsCount: (_, args: { query?: string; limit?: number }, { state }) => {
			const search = parseSearch<Subscription>(args.query, { id: (s) => s.id, topic: (s) => enumTopic(s.topic), endpoint: (s) => s.uri });
			return counted([...state.subscriptions.values()].filter(search.matches).length, args.limit);
		},
		bulkOperation: (_, { id }: { id: string }, { state }) => state.bulkOperations.get(idOf(id, "BulkOperation") ?? -1) ?? null,
		bulkOperations: (_, args: PageArgs & { query?: string }, context) =>
			connect(bulkSearch(context, args.query), args, { id: (b) => b.id, context }),
		currentBulkOperation: (_, __, { state }) => [...state.bulkOperations.values()].at(-1) ?? null,
	},
	Mutation: {
		webhookSubscriptionCreate: createSubscription,
		webhookSubscriptionUpdate: updateSubscription,
		webhookSubscriptionDelete: (_, { id }: { id: string }, { state }) =>
			state.subscriptions.delete(idOf(id, "WebhookSubscription") ?? -1)
				? { deletedWebhookSubscriptionId: id, userErrors: [] }
				: { deletedWebhookSubscriptionId: null, userErrors: missing },
		bulkOperationRunQuery: (_, { query, groupObjects }: { query: string; groupObjects: boolean }, context) =>
			context.bulkOperations.run(query, groupObjects, context.access),
		bulkOperationCancel: (_, { id }: { id: string }, context) => context.bulkOperations.cancel(idOf(id, "BulkOperation") ?? -1),
		orderCancel: cancelOrder,
	},
	WebhookSubscription: {
		topic: (s: Subscription) => enumTopic(s.topic),
		format: () => "JSON",
		callbackUrl: (s: Subscription) => s.uri,
		metafields: () => [],
		apiVersion: (s: Subscription) => ({ handle: s.apiVersion, displayName: s.apiVersion, supported: true }),
		endpoint: (s: Subscription) => ({ __typename: "WebhookHttpEndpoint", callbackUrl: s.uri }),
	},
	BulkOperation: {
		type: () => "QUERY",
		objectCount: (b: BulkOperation) => String(b.objectCount),
		rootObjectCount: (b: BulkOperation) => String(b.rootObjectCount),
		fileSize: (b: BulkOperation) => (b.url === null ? null : String(b.lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0))),
	},
	AppInstallation: {
		accessScopes: (i: { scopes: readonly string[] }) => i.scopes.map((handle) => ({ handle, description: handle.replaceAll("_", " ") })),
		app: (i: { clientId: string }) => i,
		launchUrl: (_, __, { state, clientId }) => `https://${state.domain}/admin/apps/${clientId}`,
		uninstallUrl: () => null,
	},
	App: {
		id: (_, __, { state }) => gid("App", state.id % 10_000_000),
		apiKey: (a: { clientId: string }) => a.clientId,
		title: () => "Lockstep",
		handle: () => "lockstep",
		embedded: () => true,
		installation: (_, __, context) => installation(context),
	},
};
