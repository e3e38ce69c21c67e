import { createHash } from "node:crypto";
import type { OrderPage } from "#channels";
import type { EventSource, NewInboxEvent } from "#inbox";

type Reading = {
	shopId: number;
	connectionId: number;
	source: EventSource;
	/** Begins the delivery keys and correlation ids: one reading's repeats stop at its own keys. */
	name: "poll" | "opening";
	topic: (order: OrderPage["orders"][number]) => string;
};

/**
 * A page of orders that we asked for, as inbox rows: each order's state under a key of its content, so that the same state read
 * again stops at the key. An order that does not fit the contract is parked by itself, once per content, and the others go on.
 */
export function toInboxRows(page: OrderPage, { shopId, connectionId, source, name, topic }: Reading): NewInboxEvent[] {
	const of = (orderId: string) => ({ shopId, connectionId, source, correlationId: `${name}-${connectionId}-${orderId}` });
	const readable = page.orders.map((order) => ({
		...of(order.orderId),
		topic: topic(order),
		payload: null,
		event: order,
		deliveryKey: `${name}:${order.orderId}:${digest(`${order.stamp}\n${order.contentHash}`)}`,
		occurredAt: order.stamp,
	}));
	const unreadable = (page.unreadable ?? []).map(({ orderId, payload, error }) => ({
		...of(orderId),
		topic: `order.${name}`,
		payload,
		event: null,
		deliveryKey: `${name}:${orderId}:unreadable:${digest(JSON.stringify(payload))}`,
		occurredAt: null,
		status: "parked" as const,
		outcome: error.errorClass,
		error: error.message,
	}));
	return [...readable, ...unreadable];
}

const digest = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 32);
