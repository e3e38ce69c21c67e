import { createHmac, randomUUID } from "node:crypto";
import type { World } from "../../world.ts";
import type { AppConfig } from "./app-config.ts";
import type { Emit } from "./happening.ts";
import { includeFields } from "./include-fields.ts";
import { orderState, type ShopState, type Subscription } from "./model.ts";
import { groupsOf, parseSearch } from "./search.ts";

/**
 * Webhooks as Shopify sends them: at least once, in no order, signed over the raw bytes, given up after eight retries spread
 * over four hours. A body is made when its event happens, so a retry carries the old state. What the world's faults order
 * (lost, duplicate, late, reordered) is done here and written down in the books with its fate.
 */
export type WebhookOptions = {
	/** From the event to the first attempt, sandbox milliseconds, drawn anew for each delivery: so deliveries overtake one another. */
	delayMs: readonly [number, number];
	/** Shopify waits five seconds for the whole answer. */
	timeoutMs: number;
	/** Shopify retries 8 times over 4 hours, at growing distances. */
	retries: number;
	retrySpanMs: number;
	/** Sources disagree on whether a retry keeps its webhook id, so both can be had. */
	webhookIdOverRetries: "same" | "new";
};

export const WEBHOOK_DEFAULTS: WebhookOptions = {
	delayMs: [30, 150],
	timeoutMs: 5_000,
	retries: 8,
	retrySpanMs: 4 * 3_600_000,
	webhookIdOverRetries: "same",
};

const FAILURES_MAX = 8;
/** Their bodies name an order and do not have it. */
const WITHOUT_ORDER = new Set(["orders/edited", "orders/delete"]);
/** A copy of the same delivery follows within this time. */
const DUPLICATE_WITHIN_MS = 400;
/** A delivery that is to arrive after a later one waits for that one, but not longer than this. */
const REORDER_WITHIN_MS = 2_000;

/** The scope without which Shopify neither registers a subscription nor delivers to it. */
const SCOPE_OF_TOPIC: readonly [RegExp, readonly string[]][] = [
	[/^(orders|refunds|fulfillments)\//, ["read_orders"]],
	[/^(inventory_levels)\//, ["read_inventory"]],
	[/^(inventory_items)\//, ["read_inventory", "read_products"]],
	[/^products\//, ["read_products"]],
	[/^locations\//, ["read_locations"]],
	[/^returns\//, ["read_returns"]],
	[/^draft_orders\//, ["read_draft_orders"]],
];

export function scopesForTopic(topic: string): readonly string[] {
	return SCOPE_OF_TOPIC.find(([pattern]) => pattern.test(topic))?.[1] ?? [];
}

export type Webhooks = {
	emit: Emit;
	/** The configuration's subscriptions, as they apply to this shop. */
	configured: readonly Subscription[];
	/** Deliveries that are under way or waiting, retries included. */
	pending(): number;
};

type Delivery = {
	subscription: Subscription;
	webhookId: string;
	eventId: string;
	topic: string;
	resourceId: string;
	triggeredAt: number;
	body: Buffer;
	/** Of a message with an order in it: which state of it (model.ts). */
	orderState: string | null;
	attempts: number;
};

export function createWebhooks(given: {
	world: World;
	state: ShopState;
	config: AppConfig;
	appUrl: string;
	options: WebhookOptions;
	/** Signing secret of now; a rotated secret signs for some time on. */
	secret: () => string;
	/** Whether the app may be told about this topic now (installed, scope granted, compliance). */
	allowed: (topic: string) => boolean;
	channel: string;
}): Webhooks {
	const { world, state, config, options } = given;
	const random = world.random.fork(`webhooks ${state.domain}`);
	const held: (() => void)[] = [];
	let pending = 0;

	const configured: Subscription[] = config.subscriptions.map((entry) => ({
		kind: "WebhookSubscription",
		id: null,
		topic: entry.topic,
		uri: new URL(entry.uri, given.appUrl).href,
		includeFields: entry.includeFields,
		metafieldNamespaces: [],
		filter: entry.filter,
		name: entry.name,
		apiVersion: config.apiVersion,
		createdAt: state.createdAt,
		updatedAt: state.createdAt,
		consecutiveFailures: 0,
	}));

	const emit: Emit = ({ eventId, at, topic, resourceId, payload }) => {
		if (!given.allowed(topic)) return;
		const subscribed = [...configured, ...state.subscriptions.values()].filter((subscription) => subscription.topic === topic);
		if (subscribed.length === 0) return;
		const whole = payload();
		const order = topic.startsWith("orders/") && !WITHOUT_ORDER.has(topic) ? state.orders.get(Number(resourceId)) : undefined;
		for (const subscription of subscribed) {
			if (!passes(subscription.filter, whole)) continue;
			const body = Buffer.from(JSON.stringify(includeFields(whole, subscription.includeFields)));
			launch({
				subscription,
				webhookId: randomUUID(),
				eventId,
				topic,
				resourceId,
				triggeredAt: at,
				body,
				orderState: order ? orderState(order) : null,
				attempts: 0,
			});
		}
	};

	const launch = (delivery: Delivery) => {
		const fault = world.faults.webhook(given.channel);
		const delay = random.between(...options.delayMs);
		if (fault?.kind === "lost") {
			world.books.delivered({
				channel: given.channel,
				topic: delivery.topic,
				resourceId: delivery.resourceId,
				fate: "lost",
				status: null,
				delayMs: 0,
			});
			return;
		}
		if (fault?.kind === "reordered") {
			let gone = false;
			const go = () => {
				if (gone) return;
				gone = true;
				void attempt(delivery, "reordered");
			};
			pending++;
			held.push(go);
			world.clock.after(REORDER_WITHIN_MS, go);
			return;
		}
		start(delivery, delay + (fault?.kind === "late" ? fault.delayMs : 0), fault?.kind === "late" ? "late" : "delivered");
		for (let copy = 0; fault?.kind === "duplicate" && copy < fault.copies; copy++) {
			start({ ...delivery }, delay + random.between(1, DUPLICATE_WITHIN_MS), "duplicate");
		}
	};

	const start = (delivery: Delivery, delayMs: number, fate: "delivered" | "duplicate" | "late") => {
		pending++;
		world.clock.after(delayMs, () => void attempt(delivery, fate));
	};

	const attempt = async (delivery: Delivery, fate: "delivered" | "duplicate" | "late" | "reordered"): Promise<void> => {
		delivery.attempts++;
		const status = await post(delivery);
		for (const go of held.splice(0)) if (fate !== "reordered") world.clock.after(1, go);
		const { subscription } = delivery;
		if (status !== null && status >= 200 && status < 300) {
			subscription.consecutiveFailures = 0;
			const { resourceId: orderId, orderState: known } = delivery;
			if (known !== null) world.books.orderKnown({ channel: given.channel, orderId, state: known, by: "webhook" });
			finish(delivery, fate, status);
			return;
		}
		// An API-created subscription is deleted after eight failures in a row, its deliveries with it; the configuration's ones stay.
		subscription.consecutiveFailures++;
		const isDeleted = subscription.id !== null && subscription.consecutiveFailures >= FAILURES_MAX;
		if (isDeleted && subscription.id !== null) state.subscriptions.delete(subscription.id);
		if (isDeleted || delivery.attempts > options.retries) finish(delivery, "failed", status);
		else world.clock.after(retryDelayMs(delivery.attempts, options), () => void attempt(delivery, fate));
	};

	const finish = (delivery: Delivery, fate: "delivered" | "duplicate" | "late" | "reordered" | "failed", status: number | null) => {
		pending--;
		world.books.delivered({
			channel: given.channel,
			topic: delivery.topic,
			resourceId: delivery.resourceId,
			fate,
			status,
			delayMs: Math.round(world.clock.now() - delivery.triggeredAt),
		});
	};

	const post = async (delivery: Delivery): Promise<number | null> => {
		if (delivery.attempts > 1 && options.webhookIdOverRetries === "new") delivery.webhookId = randomUUID();
		try {
			const answer = await world.callOut(delivery.subscription.uri, {
				headers: headersOf(delivery),
				body: delivery.body,
				timeoutMs: options.timeoutMs,
			});
			return answer.status;
		} catch {
			return null;
		}
	};

	const headersOf = ({ subscription, webhookId, eventId, topic, triggeredAt, body }: Delivery): Record<string, string> => ({
		"content-type": "application/json",
		"user-agent": "Shopify-Captain-Hook",
		"x-shopify-topic": topic,
		"x-shopify-hmac-sha256": createHmac("sha256", given.secret()).update(body).digest("base64"),
		"x-shopify-shop-domain": state.domain,
		"x-shopify-api-version": subscription.apiVersion,
		"x-shopify-webhook-id": webhookId,
		"x-shopify-event-id": eventId,
		"x-shopify-triggered-at": new Date(triggeredAt).toISOString(),
		...(subscription.name !== null && { "x-shopify-name": subscription.name }),
	});

	return { emit, configured, pending: () => pending };
}

/** Doubling distances that add up to the span: 1 + 2 + 4 + … + 2^(n−1) parts of it. */
export function retryDelayMs(attempt: number, { retries, retrySpanMs }: Pick<WebhookOptions, "retries" | "retrySpanMs">): number {
	return (retrySpanMs / (2 ** retries - 1)) * 2 ** (attempt - 1);
}

/** A subscription's filter, over the body's own fields (`variants.price:>=10.00`). */
function passes(filter: string | null, payload: unknown): boolean {
	if (filter === null || filter === "") return true;
	const names = groupsOf(filter).flatMap((group) => group.flatMap((term) => term.field ?? []));
	const fields = Object.fromEntries(names.map((name) => [name, (body: unknown) => valuesAt(body, name.split("."))]));
	return parseSearch<unknown>(filter, fields).matches(payload);
}

function valuesAt(value: unknown, path: readonly string[]): (string | number | null)[] {
	if (Array.isArray(value)) return value.flatMap((entry) => valuesAt(entry, path));
	const [head, ...rest] = path;
	if (head === undefined) return [typeof value === "number" ? value : value === null || value === undefined ? null : String(value)];
	return value !== null && typeof value === "object" ? valuesAt((value as Record<string, unknown>)[head], rest) : [null];
}
