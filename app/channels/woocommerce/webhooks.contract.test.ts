import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { canonicalEventSchema } from "#domain";
import { type Delivery, hasContract, readContract, recordedDeliveries } from "../../../tests/kit/woo-contract.ts";
import { woocommerce } from "./index.ts";

describe.skipIf(!hasContract)("webhooks, as a real WooCommerce 11.0.1 sent them", () => {
	const deliveries = hasContract ? recordedDeliveries() : [];
	const raw = ({ request }: Delivery) => ({
		headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value])),
		body: Buffer.from(request.raw_body, "utf8"),
		path: "/in/token",
	});
	const { webhooks } = woocommerce;
	const sign = (secret: string, body: string | Buffer) => createHmac("sha256", secret).update(body).digest("base64");

	test("R01 the signature is HMAC-SHA256 over the raw body in base64: every delivery and the published vector", () => {
		const signature = webhooks.signature;
		expect(signature).toEqual({ header: "x-wc-webhook-signature", algorithm: "sha256", encoding: "base64", secret: "connection" });
		let signed = 0;
		for (const { delivery } of deliveries) {
			const { headers, body } = raw(delivery);
			const said = headers["x-wc-webhook-signature"];
			if (said === undefined) continue;
			expect(sign(delivery.secret, body)).toBe(said);
			signed++;
		}
		expect(signed).toBeGreaterThan(30);
		const vector = readContract<{ secret_example: string; raw_body: string; "X-WC-Webhook-Signature": string }>("signature-vectors.json");
		expect(sign(vector.secret_example, vector.raw_body)).toBe(vector["X-WC-Webhook-Signature"]);
	});

	test("R03 each becomes its canonical events, through identify and the allow-list", () => {
		const counts: Record<string, number> = {};
		const count = (kind: string) => {
			counts[kind] = (counts[kind] ?? 0) + 1;
		};
		for (const { file, delivery } of deliveries) {
			const message = raw(delivery);
			const identity = webhooks.identify(message);
			if (!message.headers["x-wc-webhook-topic"]) {
				expect(identity, file).toBeNull();
				count("ping");
				continue;
			}
			const body = JSON.parse(delivery.request.raw_body) as { id?: number; status?: string; code?: string };
			expect(identity, file).toMatchObject({
				topic: message.headers["x-wc-webhook-topic"],
				deliveryId: message.headers["x-wc-webhook-delivery-id"],
				resourceId: body.id === undefined ? "" : String(body.id),
				account: "store.example",
			});
			const topic = identity?.topic ?? "";
			const payload = webhooks.allowList(topic, body);
			for (const word of ["billing", "shipping", "email", "customer", "first_name", "payment", "_links", "order_key"]) {
				expect(JSON.stringify(payload)).not.toContain(word);
			}
			const toEvents = () => webhooks.toEvents({ topic, payload, headers: message.headers });
			if (body.code) {
				expect(toEvents, file).toThrow(/error instead of the order: woocommerce_rest_shop_order_invalid_id/);
				count("error");
				continue;
			}
			const events = toEvents();
			for (const event of events) expect(canonicalEventSchema.parse(event)).toEqual(event);
			if (body.status?.endsWith("draft")) {
				expect(events, file).toEqual([]);
				count("draft");
			} else {
				expect(events, file).toHaveLength(1);
				count(events[0]?.type ?? "");
			}
		}
		expect(Object.keys(counts).sort()).toEqual(["draft", "error", "listing.gone", "listing.seen", "order.hint", "order.snapshot", "ping"]);
	});

	const only = (file: string, topic: string) =>
		deliveries
			.filter((d) => d.file === `${file}.json` && d.delivery.request.headers["X-WC-Webhook-Topic"] === topic)
			.flatMap(({ delivery }) =>
				webhooks.toEvents({ topic, payload: webhooks.allowList(topic, JSON.parse(delivery.request.raw_body)), headers: {} }),
			);

	test("to the trash: a hint, since it keeps its units; out of it: a snapshot", () => {
		expect(only("order-trashed", "order.deleted")).toEqual([{ v: 1, type: "order.hint", orderId: "241", reason: "moved to the trash" }]);
		expect(only("order-restored", "order.restored")).toMatchObject([{ type: "order.snapshot", orderId: "241", lines: [{ held: 3 }] }]);
	});

	test("product.updated speaks of whoever has the stock", () => {
		expect(only("product-updated-variation", "product.updated")).toMatchObject([{ listingExternalId: "28", quantity: 33 }]);
		expect(only("product-updated-parent-stock-by-order", "product.updated")).toMatchObject([{ listingExternalId: "27", quantity: 16 }]);
		expect(only("product-trashed-and-deleted", "product.deleted")).toEqual([{ v: 1, type: "listing.gone", listingExternalId: "64" }]);
	});

	test("one delivery id within one second names different bodies: resource and body hash belong to the key", () => {
		const same = deliveries
			.filter((d) => d.file === "delivery-id-same-second.json")
			.map(({ delivery }) => webhooks.identify(raw(delivery)));
		const ids = same.map((identity) => identity?.deliveryId);
		expect(new Set(ids).size).toBeLessThan(ids.length);
		const keys = same.map((identity) => `${identity?.topic} ${identity?.deliveryId} ${identity?.resourceId}`);
		expect(new Set(keys).size).toBe(keys.length);
	});
});
