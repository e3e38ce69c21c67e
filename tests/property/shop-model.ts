import type { OrderSnapshot } from "#domain";

/**
 * A small guest channel: orders with lines, whole-second stamps (so that two states may share one), messages that come late,
 * twice, out of order or never, answers to questions that take their time. It knows nothing of stock. Times are milliseconds.
 */
export type ShopOrder = { id: string; createdAt: number; stamp: number; cancelled: boolean; note: number; lines: ShopLine[] };
export type ShopLine = { id: string; product: number; ordered: number; held: number };
export type Message = { at: number; snapshot: OrderSnapshot; source: "webhook" | "fetch" | "poll" };
export type ShopModel = { now: number; orders: ShopOrder[]; messages: Message[] };

const ISO_BASE = Date.UTC(2026, 0, 1);
export const iso = (ms: number) => new Date(ISO_BASE + ms).toISOString();
const second = (ms: number) => Math.floor(ms / 1000) * 1000;

export type Way = { lost: boolean; delay: number; again: number | null; partial: boolean };

export function open(model: ShopModel, lines: readonly { product: number; units: number }[], createdAt = model.now): ShopOrder {
	const order: ShopOrder = {
		id: `o${model.orders.length + 1}`,
		createdAt: second(createdAt),
		stamp: second(createdAt),
		cancelled: false,
		note: 0,
		lines: lines.map(({ product, units }, n) => ({ id: `${n + 1}`, product, ordered: units, held: units })),
	};
	model.orders.push(order);
	return order;
}

/** The order changes; its stamp is the second of now, which may be the one it has already. */
export function change(model: ShopModel, order: ShopOrder, how: (order: ShopOrder) => void): void {
	how(order);
	order.note++;
	order.stamp = second(model.now);
}

/** Tells of the order's state. `partial`: only of the lines that the message is about, and it says that it is not all. */
export function tell(model: ShopModel, order: ShopOrder, way: Way, about: readonly string[] = []): void {
	if (way.lost) return;
	const snapshot = snapshotOf(order, { complete: !(way.partial && about.length > 0), about });
	model.messages.push({ at: model.now + way.delay, snapshot, source: "webhook" });
	if (way.again !== null) model.messages.push({ at: model.now + way.delay + way.again, snapshot, source: "webhook" });
}

export function snapshotOf(
	order: ShopOrder,
	{
		complete = true,
		about = [],
		fetched = null,
	}: { complete?: boolean; about?: readonly string[]; fetched?: OrderSnapshot["fetched"] } = {},
): OrderSnapshot {
	const lines = order.lines
		.filter((line) => complete || about.includes(line.id))
		.map((line) => ({
			lineId: line.id,
			listingExternalId: `listing-${line.product}`,
			sku: `SKU-${line.product}`,
			ordered: line.ordered,
			held: line.held,
			fulfilledByChannel: false,
		}));
	return {
		v: 1,
		type: "order.snapshot",
		orderId: order.id,
		name: `#${order.id}`,
		createdAt: iso(order.createdAt),
		stamp: iso(order.stamp),
		contentHash: JSON.stringify([order.note, complete, lines.map((l) => [l.lineId, l.ordered, l.held])]),
		complete,
		cancelled: order.cancelled,
		locationExternalId: null,
		lines,
		fetched,
	};
}
