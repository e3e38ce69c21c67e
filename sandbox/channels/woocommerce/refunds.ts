import { newRefund } from "./full-refund.ts";
import { addNote, changeStatus, stampOrder } from "./orders.ts";
import type { Shop } from "./shop.ts";
import { metaOf, type Order, productOfLine, type Refund, setLineMeta, stockOwner } from "./state.ts";
import { book, isSet, moveStock } from "./stock.ts";

type RefundInput = {
	amount?: number | undefined;
	reason?: string | undefined;
	/** Ask the payment gateway as well; this store has none. */
	apiRefund: boolean;
	/** The default of the REST API is true. */
	apiRestock: boolean;
	lines: readonly { id: number; quantity: number; total: number }[];
};

export type RefundOutcome = { outcome: "refunded"; refund: Refund } | { outcome: "no_gateway" } | { outcome: "invalid_amount" };

/**
 * A refund. With restock: the stock first, then the line's marks and the refund itself under the order's old stamp, and the
 * stamp last. More pieces than were bought can be refunded; nothing is clamped (recorded: order-refunds).
 */
export async function createRefund(shop: Shop, order: Order, input: RefundInput): Promise<RefundOutcome> {
	const amount = input.amount ?? input.lines.reduce((sum, line) => sum + line.total, 0);
	const left = order.total - order.refunds.reduce((sum, refund) => sum + refund.amount, 0);
	if (amount < 0 || amount > left + 0.004) return { outcome: "invalid_amount" };
	if (input.apiRefund) {
		// The refund is stored before the gateway is asked, and removed again: its number is gone (recorded: order-refunds).
		shop.state.ids.post++;
		return { outcome: "no_gateway" };
	}
	const refund = newRefund(shop, { amount, reason: input.reason ?? "", full: left - amount < 0.005 });
	for (const { id, quantity, total } of input.lines) {
		const line = order.lines.find((l) => l.id === id);
		if (!line || (quantity === 0 && total === 0)) continue;
		shop.state.ids.itemMeta += 9;
		refund.lines.push({ id: ++shop.state.ids.item, line, quantity, total, metaId: ++shop.state.ids.itemMeta });
	}
	order.refunds.push(refund);
	shop.tell("order.updated", order.id);
	if (input.apiRestock) for (const part of refund.lines) restock(shop, order, part);
	await shop.gap("refund.restocked");
	stampOrder(shop, order);
	if (refund.full && order.status !== "refunded") await changeStatus(shop, order, "refunded");
	return { outcome: "refunded", refund };
}

function restock(shop: Shop, order: Order, { line, quantity }: Refund["lines"][number]) {
	const product = productOfLine(shop.state, line);
	const owner = product ? stockOwner(shop.state, product) : null;
	const held = metaOf(line.meta, "_reduced_stock");
	if (!owner || !isSet(held) || quantity === 0) return;
	book(shop, order, line, (line.booked?.units ?? 0) - quantity);
	const before = owner.stock ?? 0;
	moveStock(shop, owner, quantity, "restock");
	addNote(shop, order, `Item #${owner.id} stock increased from ${before} to ${before + quantity}.`);
	setLineMeta(shop.state, line, "_reduced_stock", String(Number(held) - quantity));
	setLineMeta(shop.state, line, "_restock_refunded_items", String(Number(metaOf(line.meta, "_restock_refunded_items") ?? 0) + quantity));
}
