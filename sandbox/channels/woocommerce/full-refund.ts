import type { Shop } from "./shop.ts";
import type { Order, Refund } from "./state.ts";

/** Status `refunded` by hand: WooCommerce writes the refund of what is left by itself, without lines; nothing is restocked. */
export function fullRefundByStatus(shop: Shop, order: Order) {
	const left = order.total - order.refunds.reduce((sum, refund) => sum + refund.amount, 0);
	if (left > 0) order.refunds.push(newRefund(shop, { amount: left, reason: "Order fully refunded.", full: true }));
}

export function newRefund(shop: Shop, { amount, reason, full }: { amount: number; reason: string; full: boolean }): Refund {
	return { id: ++shop.state.ids.post, amount, reason, createdAt: shop.time.seconds(), full, metaId: ++shop.state.ids.meta, lines: [] };
}
