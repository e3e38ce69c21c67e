import { createHmac, randomUUID } from "node:crypto";
import { Agent, request } from "node:http";

/** Deliveries as the channels send them, signed as they sign. `body` may be bytes that are no JSON. */
export type Delivery = { path: string; headers: Record<string, string>; body: Buffer };

export const APP_SECRET = "the-app-secret-of-the-test";

const toBytes = (body: unknown) => (Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
export const sign = (secret: string, body: Buffer) => createHmac("sha256", secret).update(body).digest("base64");

export function shopifyDelivery({
	shop,
	topic,
	body,
	secret = APP_SECRET,
	webhookId = randomUUID(),
	triggeredAt = "2026-11-20T15:00:02.000Z",
	path = "/webhooks/shopify",
}: {
	shop: string;
	topic: string;
	body: unknown;
	secret?: string;
	webhookId?: string;
	triggeredAt?: string;
	path?: string;
}): Delivery {
	const bytes = toBytes(body);
	return {
		path,
		body: bytes,
		headers: {
			"content-type": "application/json",
			"x-shopify-topic": topic,
			"x-shopify-shop-domain": shop,
			"x-shopify-hmac-sha256": sign(secret, bytes),
			"x-shopify-webhook-id": webhookId,
			"x-shopify-event-id": "the-same-for-all",
			"x-shopify-triggered-at": triggeredAt,
			"x-shopify-api-version": "2026-10",
		},
	};
}

export function wooDelivery({
	token,
	secret,
	topic,
	body,
	source,
	deliveryId = "0123456789abcdef0123456789abcdef",
}: {
	token: string;
	secret: string;
	topic: string;
	body: unknown;
	source: string;
	deliveryId?: string;
}): Delivery {
	const bytes = toBytes(body);
	const [resource = "", event = ""] = topic.split(".");
	return {
		path: `/webhooks/woocommerce/${token}`,
		body: bytes,
		headers: {
			"content-type": "application/json",
			"user-agent": "WooCommerce/11.0.1 Hookshot (WordPress/7.1)",
			"x-wc-webhook-source": source,
			"x-wc-webhook-topic": topic,
			"x-wc-webhook-resource": resource,
			"x-wc-webhook-event": event,
			"x-wc-webhook-signature": sign(secret, bytes),
			"x-wc-webhook-id": "6",
			"x-wc-webhook-delivery-id": deliveryId,
		},
	};
}

/** An order as orders/updated brings it: one line. */
export const shopifyOrder = (id: number, over: Record<string, unknown> = {}) => ({
	id,
	name: `#${id}`,
	created_at: "2026-11-20T10:00:00-05:00",
	updated_at: "2026-11-20T10:00:01-05:00",
	cancelled_at: null,
	location_id: null,
	email: "buyer@example.com",
	customer: { id: 1, first_name: "Ada" },
	line_items: [
		{ id: id * 10, variant_id: 808, sku: "SKU-1", quantity: 2, current_quantity: 2, properties: [{ name: "Engraving", value: "Ada" }] },
	],
	refunds: [],
	...over,
});

/** An order as order.updated brings it: one line that holds its units. */
export const wooOrder = (id: number, over: Record<string, unknown> = {}) => ({
	id,
	number: String(id),
	status: "processing",
	date_created_gmt: "2026-11-20T15:00:00",
	date_modified_gmt: "2026-11-20T15:00:01",
	billing: { email: "buyer@example.com" },
	line_items: [
		{ id: id * 10, product_id: 93, variation_id: 0, quantity: 2, sku: "SKU-1", meta_data: [{ key: "_reduced_stock", value: "2" }] },
	],
	meta_data: [],
	...over,
});

export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: string };

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

/** Rejects when nobody answers (the connection broke): for a sender that is the same as a failure. */
export function send(port: number, { path, headers, body }: Delivery, { method = "POST" } = {}): Promise<Answer> {
	return new Promise((resolve, reject) => {
		const out = request(
			{ host: "127.0.0.1", port, path, method, agent, headers: { ...headers, "content-length": body.length } },
			(reply) => {
				let text = "";
				reply.setEncoding("utf8");
				reply.on("data", (chunk) => {
					text += chunk;
				});
				reply.on("end", () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: text }));
				reply.on("error", reject);
			},
		);
		out.on("error", reject);
		out.end(body);
	});
}
