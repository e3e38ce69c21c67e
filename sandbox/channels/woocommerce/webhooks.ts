import { createHmac } from "node:crypto";
import { phpJson, type Shop } from "./shop.ts";
import type { Webhook } from "./state.ts";
import { orderState, orderView } from "./views/order.ts";
import { productView } from "./views/product.ts";

/** WooCommerce gives up a delivery after a minute, a creation ping after five seconds (recorded: timeout-blocks-queue). */
const DELIVERY_TIMEOUT_MS = 60_000;
const PING_TIMEOUT_MS = 5_000;
/** The check is "more than 5" before counting: the 7th failure in a row disables, the count stays at 6. */
const FAILURES_ALLOWED = 5;
const USER_AGENT = "WooCommerce/11.0.1 Hookshot (WordPress/7.1)";

type Queued = { webhookId: number; resourceId: number; changedAt: number };

const placeOf = ({ webhookId, resourceId }: Queued) => `${webhookId} ${resourceId}`;

type WebhookQueue = {
	/** Something happened: every webhook of the topic gets an entry, unless one of the same object is waiting already. */
	tell(topic: string, resourceId: number): void;
	/** Sends all that waits, one after the other; a second run while one is working does nothing. */
	run(): Promise<void>;
	/** A page was asked for: WordPress' cron looks at its clock. */
	traffic(): void;
	/** The unsigned form post that a new webhook sends inside the creating request; only 200 settles it. */
	ping(webhook: Webhook): Promise<void>;
	waiting(): number;
};

export function createWebhookQueue(shop: Shop): WebhookQueue {
	const queue: Queued[] = [];
	const queued = new Set<string>();
	const held: (() => Promise<void>)[] = [];
	let running = false;
	let due = false;
	let lastRunAt = Number.NEGATIVE_INFINITY;
	const { clock, books, faults } = shop.world;
	const timing = shop.settings.queue;

	const schedule = () => {
		if (timing.kind !== "timer" || due) return;
		due = true;
		clock.after(timing.everyMs, () => {
			due = false;
			void run();
		});
	};

	const run = async () => {
		if (running) return;
		running = true;
		lastRunAt = clock.now();
		try {
			for (let next = queue.shift(); next; next = queue.shift()) {
				queued.delete(placeOf(next));
				await attempt(next);
			}
			for (let next = held.shift(); next; next = held.shift()) await next();
		} finally {
			running = false;
		}
	};

	/** What a fault makes of one delivery that is due. */
	const attempt = async (entry: Queued) => {
		const webhook = shop.state.webhooks.get(entry.webhookId);
		if (!webhook) return;
		const fault = faults.webhook(shop.channel);
		const fate = (kind: "lost", status: null) =>
			books.delivered({
				channel: shop.channel,
				topic: webhook.topic,
				resourceId: String(entry.resourceId),
				fate: kind,
				status,
				delayMs: clock.now() - entry.changedAt,
			});
		switch (fault?.kind) {
			case "lost":
				return fate("lost", null);
			case "late":
				clock.after(fault.delayMs, () => void deliver(webhook, entry, "late", build(webhook, entry)));
				return;
			case "reordered": {
				// Its body is the state of now, but others of this run overtake it.
				const message = build(webhook, entry);
				held.push(() => deliver(webhook, entry, "reordered", message));
				return;
			}
			case "duplicate": {
				const message = build(webhook, entry);
				await deliver(webhook, entry, "delivered", message);
				for (let copy = 0; copy < fault.copies; copy++) await deliver(webhook, entry, "duplicate", message);
				return;
			}
			default:
				return deliver(webhook, entry, "delivered", build(webhook, entry));
		}
	};

	/** The body is made when it is sent: the newest state, a bare id for the trash, or the error of an object that is gone. */
	const build = (webhook: Webhook, { resourceId }: Queued) => {
		const [resource, event] = webhook.topic.split(".");
		const body = phpJson(event === "deleted" ? { id: resourceId } : payload(shop, resource ?? "", resourceId));
		const order = resource === "order" && event !== "deleted" ? shop.state.orders.get(resourceId) : undefined;
		return {
			state: order ? orderState(shop, order) : null,
			body,
			headers: {
				"User-Agent": USER_AGENT,
				Accept: "*/*",
				"Accept-Encoding": "deflate, gzip, br, zstd",
				"Content-Type": "application/json",
				"X-WC-Webhook-Source": `${shop.url}/`,
				"X-WC-Webhook-Topic": webhook.topic,
				"X-WC-Webhook-Resource": resource ?? "",
				"X-WC-Webhook-Event": event ?? "",
				"X-WC-Webhook-Signature": signatureOf(webhook.secret, body),
				"X-WC-Webhook-ID": String(webhook.id),
				// Not unique: webhook and second (recorded: delivery-id-same-second).
				"X-WC-Webhook-Delivery-ID": createHmac("md5", shop.host).update(`${webhook.id}${shop.time.seconds()}`).digest("hex"),
				Connection: "close",
			},
		};
	};

	const deliver = async (
		webhook: Webhook,
		entry: Queued,
		fate: "delivered" | "duplicate" | "late" | "reordered",
		{ state, ...message }: ReturnType<typeof build>,
	) => {
		const status = await shop.world.callOut(webhook.deliveryUrl, { ...message, timeoutMs: DELIVERY_TIMEOUT_MS }).then(
			(reply) => reply.status,
			() => null,
		);
		const success = status !== null && status >= 200 && status <= 302;
		if (success) webhook.failures = 0;
		else await failed(webhook);
		const orderId = String(entry.resourceId);
		if (success && state !== null) books.orderKnown({ channel: shop.channel, orderId, state, by: "webhook" });
		books.delivered({
			channel: shop.channel,
			topic: webhook.topic,
			resourceId: String(entry.resourceId),
			fate: success ? fate : "failed",
			status,
			delayMs: clock.now() - entry.changedAt,
		});
	};

	const failed = async (webhook: Webhook) => {
		webhook.modifiedAt = shop.time.seconds();
		if (webhook.failures > FAILURES_ALLOWED) {
			webhook.status = "disabled";
			return;
		}
		webhook.failures++;
		// Every save of a webhook whose ping was never answered pings again.
		if (webhook.pingOwed) await ping(webhook);
	};

	const ping = async (webhook: Webhook) => {
		const headers = { "User-Agent": USER_AGENT, Accept: "*/*", "Accept-Encoding": "deflate, gzip, br, zstd", Connection: "close" };
		const reply = await shop.world
			.callOut(webhook.deliveryUrl, {
				headers: { ...headers, "Content-Type": "application/x-www-form-urlencoded" },
				body: `webhook_id=${webhook.id}`,
				timeoutMs: PING_TIMEOUT_MS,
			})
			.catch(() => null);
		webhook.pingOwed = reply?.status !== 200;
	};

	return {
		tell(topic, resourceId) {
			for (const webhook of shop.state.webhooks.values()) {
				if (webhook.topic !== topic || webhook.status !== "active") continue;
				const entry = { webhookId: webhook.id, resourceId, changedAt: clock.now() };
				if (queued.has(placeOf(entry))) continue;
				queued.add(placeOf(entry));
				queue.push(entry);
				schedule();
			}
		},
		run,
		traffic() {
			if (timing.kind === "traffic" && queue.length > 0 && clock.now() - lastRunAt >= timing.everyMs) void run();
		},
		ping,
		waiting: () => queue.length,
	};
}

/** `WC_Webhook::generate_signature`: over the raw bytes of the body. */
export const signatureOf = (secret: string, body: string) => createHmac("sha256", secret).update(body).digest("base64");

function payload(shop: Shop, resource: string, id: number): unknown {
	const order = shop.state.orders.get(id);
	if (resource === "order") return order ? orderView(shop, order) : gone("woocommerce_rest_shop_order_invalid_id");
	const product = shop.state.products.get(id);
	return product ? productView(shop, product) : gone("woocommerce_rest_product_invalid_id");
}

const gone = (code: string) => ({ code, message: "Invalid ID.", data: { status: 404 } });
