import { z } from "zod";
import { type CanonicalEvent, moneyOf } from "#domain";
import type { DeliveryIdentity, RawDelivery, RemoteWebhook, WebhookManager, WebhookReceiver } from "../channel.ts";
import { UnexpectedShapeError } from "../errors.ts";
import { accountOfSource } from "./account.ts";
import type { WooClient } from "./client.ts";
import { LINE_META_KEPT, ORDER_META_KEPT, parse, productSchema, stockOf, toSnapshot } from "./mapping.ts";

/**
 * What the store tells us by itself. It never repeats a delivery, switches a webhook off after seven failures in a row, builds
 * the body when it sends (so bodies are states, not events) and mixes up the order: all of it is fine, since states converge.
 */
export const webhooks: WebhookReceiver = {
	// WC_Webhook::generate_signature: base64 of HMAC-SHA256 over the raw body. Bound to the secret that we gave this webhook.
	signature: { header: "x-wc-webhook-signature", algorithm: "sha256", encoding: "base64", secret: "connection" },
	identify,
	allowList,
	toEvents,
};

/** order.restored is the only word about an order that left the trash; product.updated comes for variations too. */
export const TOPICS = [
	"order.created",
	"order.updated",
	"order.deleted",
	"order.restored",
	"product.updated",
	"product.deleted",
	"product.restored",
] as const;

/**
 * The ping at creation is a form of one number without signature: nothing to do, answer 200. Everything else goes on to the
 * signature, also what has no topic: only the verifier turns strangers away. The delivery id is the same for all deliveries of
 * one webhook within one second, so it says nothing without the resource and the body's hash.
 */
function identify({ headers, body }: RawDelivery): DeliveryIdentity | null {
	const topic = headers["x-wc-webhook-topic"];
	if (topic === undefined && body.length <= PING_BYTES_MAX && /^webhook_id=\d+$/.test(body.toString("latin1"))) return null;
	return {
		topic: topic ?? "",
		deliveryId: headers["x-wc-webhook-delivery-id"] ?? "",
		resourceId: resourceId(body),
		account: accountOfSource(headers["x-wc-webhook-source"]),
		triggeredAt: null,
	};
}
const PING_BYTES_MAX = 64;

function resourceId(body: Buffer): string {
	try {
		const { id } = JSON.parse(body.toString("utf8"));
		return typeof id === "number" ? String(id) : "";
	} catch {
		return "";
	}
}

/**
 * Fields by name, and of each only a value of its kind, so that nothing personal rides along in an odd one. A missing field is
 * no matter here: the message is kept as far as it goes and refused by toEvents, where somebody can look at it.
 */
function allowList(topic: string, body: unknown): unknown {
	if (!isObject(body)) throw new UnexpectedShapeError(`${topic || "A webhook"} is not a JSON object`);
	// A signed error instead of the object: it was gone before sending, or the webhook's user lost the right to see it.
	if (body.id === undefined && typeof body.code === "string") return pick(body, { code: "string" });
	return topic.startsWith("product.") ? productKept(body) : orderKept(body);
}

const productKept = (body: Json): Json => ({
	...pick(body, { id: "number", parent_id: "number", type: "string", status: "string", sku: "string", date_modified_gmt: "string" }),
	...(typeof body.manage_stock === "boolean" || body.manage_stock === "parent" ? { manage_stock: body.manage_stock } : {}),
	...(typeof body.stock_quantity === "number" || body.stock_quantity === null || isFigure(body.stock_quantity)
		? { stock_quantity: body.stock_quantity }
		: {}),
});

/** Exported for orders that we read ourselves: they are kept the same way. */
export const orderKept = (body: Json): Json => ({
	...pick(body, { id: "number", number: "string", status: "string", date_created_gmt: "string", date_modified_gmt: "string" }),
	// Two kinds of text that nobody can write a name into: checked for their form.
	...(moneyOf(body.total, body.currency) ? pick(body, { total: "string", currency: "string" }) : {}),
	...(Array.isArray(body.line_items)
		? {
				line_items: body.line_items.map((line) => (isObject(line) ? lineKept(line) : {})),
			}
		: {}),
	...(Array.isArray(body.meta_data) ? { meta_data: metaKept(body.meta_data, ORDER_META_KEPT) } : {}),
});

const lineKept = (line: Json): Json => ({
	...pick(line, { id: "number", product_id: "number", variation_id: "number", quantity: "number", sku: "string" }),
	...(Array.isArray(line.meta_data) ? { meta_data: metaKept(line.meta_data, LINE_META_KEPT) } : {}),
});

/** A kept key with an odd value stays visible as one, without the value: leaving it out would read as "keeps no units". */
const metaKept = (meta: readonly unknown[], kept: Readonly<Record<string, RegExp>>): Json[] =>
	meta.filter(isObject).flatMap(({ key, value }) => {
		const form = typeof key === "string" && Object.hasOwn(kept, key) ? kept[key] : undefined;
		if (!form) return [];
		return [{ key, value: typeof value === "number" || (typeof value === "string" && form.test(value)) ? value : UNREADABLE }];
	});
const UNREADABLE = "(unreadable)";

function toEvents({ topic, payload }: { topic: string; payload: unknown }): CanonicalEvent[] {
	if (!isObject(payload)) throw new UnexpectedShapeError(`${topic} has no content`);
	if (payload.id === undefined && typeof payload.code === "string") {
		throw new UnexpectedShapeError(`The store sent an error instead of the ${topic.split(".")[0]}: ${payload.code}`, {
			code: payload.code,
		});
	}
	switch (topic) {
		case "order.created":
		case "order.updated":
		case "order.restored": {
			const snapshot = toSnapshot(payload);
			return snapshot ? [snapshot] : [];
		}
		case "order.deleted": {
			// To the trash, where it keeps its units. A force delete says nothing at all.
			const { id } = parse(idSchema, payload, topic);
			return [{ v: 1, type: "order.hint", orderId: String(id), reason: "moved to the trash" }];
		}
		case "product.created":
		case "product.updated":
		case "product.restored": {
			const product = parse(seenProductSchema, payload, topic);
			// A variation without stock of its own shows its parent's figure: it speaks of the parent's listing.
			const owner = product.manage_stock === "parent" ? { id: product.parent_id ?? 0, manage_stock: true } : product;
			if (owner.id === 0) throw new UnexpectedShapeError(`Product ${product.id} takes its stock from a parent that is not named`);
			const { quantity } = stockOf({ ...owner, stock_quantity: product.stock_quantity });
			return [{ v: 1, type: "listing.seen", listingExternalId: String(owner.id), quantity, stamp: `${product.date_modified_gmt}Z` }];
		}
		case "product.deleted": {
			const { id } = parse(idSchema, payload, topic);
			return [{ v: 1, type: "listing.gone", listingExternalId: String(id) }];
		}
		default:
			throw new UnexpectedShapeError(`WooCommerce sent the unknown topic ${JSON.stringify(topic.slice(0, 60))}`);
	}
}

const idSchema = z.object({ id: z.int().positive() });
const seenProductSchema = productSchema.extend({ date_modified_gmt: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/) });

/** The store's own list of webhooks. It takes the same topic and address twice, and it never shows a secret. */
export const webhookManager = (client: WooClient): WebhookManager => ({
	topics: TOPICS,
	async list() {
		const found: RemoteWebhook[] = [];
		for await (const page of client.pages("webhooks.list", "/webhooks", { orderby: "id", order: "asc" })) {
			found.push(...page.items.map(toRemoteWebhook));
		}
		return found;
	},
	async create({ topic, url, secret }) {
		// The store decodes HTML entities in it before signing (wp_specialchars_decode): other characters would sign differently.
		if (!/^[A-Za-z0-9]{32,}$/.test(secret)) throw new Error("A WooCommerce webhook secret is 32 letters and digits or more");
		const body = { name: `Lockstep ${topic}`, topic, delivery_url: url, secret, status: "active" };
		return toRemoteWebhook(await client.post("webhooks.create", "/webhooks", body, [secret]));
	},
	async remove(id) {
		// Without force WooCommerce refuses: webhooks have no trash. One that is gone already is what was asked for.
		await client.remove("webhooks.remove", `/webhooks/${id}`);
	},
});

const webhookSchema = z.object({
	id: z.int().positive(),
	status: z.enum(["active", "paused", "disabled"]),
	topic: z.string(),
	delivery_url: z.string(),
});
function toRemoteWebhook(body: unknown): RemoteWebhook {
	const { id, status, topic, delivery_url } = parse(webhookSchema, body, "webhook");
	return { id: String(id), topic, url: delivery_url, active: status === "active" };
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const isFigure = (value: unknown): boolean => typeof value === "string" && /^-?\d{1,15}(\.\d{1,6})?$/.test(value);

/** Longer ones are not what the field is for; the store's own limits are below it. */
const TEXT_CHARS_MAX = 200;

function pick(from: Json, kinds: Readonly<Record<string, "string" | "number">>): Json {
	const kept: Json = {};
	for (const [name, kind] of Object.entries(kinds)) {
		const value = from[name];
		if (typeof value === kind && !(typeof value === "string" && value.length > TEXT_CHARS_MAX)) kept[name] = value;
	}
	return kept;
}
