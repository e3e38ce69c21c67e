import { hash } from "node:crypto";
import type { EventSource, NewInboxEvent } from "#inbox";
import { occurredAtOf, type ReadDelivery } from "./read-delivery.ts";
import type { Sender } from "./senders.ts";

/** Of the sender's ids, as much as stands in the key for people; the hash that follows holds all of the body. */
const KEY_ID_CHARS_MAX = 100;

/**
 * Webhook id, resource and body: the event id is left out, since one bulk edit of fifty levels may share it and 49 would
 * vanish (shopify.md 2.3), and WooCommerce's delivery id is the same for all of one second (woocommerce.md section 3).
 */
export function toRows(
	read: ReadDelivery,
	{ sender, body, correlationId, source }: { sender: Sender; body: Buffer; correlationId: string; source: EventSource },
): NewInboxEvent[] {
	const id = (text: string) => text.slice(0, KEY_ID_CHARS_MAX);
	const key = `${id(read.deliveryId)}/${id(read.resourceId)}/${hash("sha256", body, "base64url")}`;
	const row: NewInboxEvent = {
		shopId: sender.shopId,
		connectionId: sender.connectionId,
		topic: read.topic,
		source,
		payload: read.payload,
		event: null,
		deliveryKey: key,
		correlationId,
		occurredAt: read.triggeredAt,
	};
	if (read.failure) return [{ ...row, status: "parked", outcome: read.failure.errorClass, error: read.failure.error }];
	if (read.events.length === 0) return [{ ...row, status: "ignored", outcome: "nothing to count" }];
	return read.events.map((event, index) => ({
		...row,
		event,
		occurredAt: read.triggeredAt ?? occurredAtOf(event),
		// A product of many variants is many events: each has a key of its own, the payload stands once.
		...(index === 0 ? {} : { payload: null, deliveryKey: `${key}#${index}` }),
	}));
}
