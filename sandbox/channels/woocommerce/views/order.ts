import { money, type Shop, WOOCOMMERCE_VERSION } from "../shop.ts";
import { type Line, type Note, type Order, productOfLine, type Refund } from "../state.ts";
import { api, copied, self } from "./links.ts";

/** Orders, refunds and notes as WooCommerce 11.0.1 answers them. */
function lineView(shop: Shop, line: Line, amounts: { quantity: number; subtotal: number; total: number; metaData: Line["meta"] }) {
	const product = productOfLine(shop.state, line);
	const parent = product?.type === "variation" ? shop.state.products.get(product.parentId) : undefined;
	return {
		id: line.id,
		name: line.name,
		product_id: product ? line.productId : 0,
		variation_id: product ? line.variationId : 0,
		quantity: amounts.quantity,
		tax_class: "",
		subtotal: money(amounts.subtotal),
		subtotal_tax: "0.00",
		total: money(amounts.total),
		total_tax: "0.00",
		taxes: [],
		meta_data: amounts.metaData.map((meta) => ({
			...meta,
			display_key: meta.key.startsWith("_") ? meta.key : meta.key.charAt(0).toUpperCase() + meta.key.slice(1),
			display_value: meta.value,
		})),
		sku: product ? product.sku : null,
		global_unique_id: product ? "" : null,
		price: amounts.quantity === 0 ? 0 : positiveZero(amounts.total / amounts.quantity),
		image: { id: product && product.type !== "variation" ? "" : 0, src: "" },
		parent_name: parent?.name ?? null,
	};
}

const positiveZero = (value: number) => (value === 0 ? 0 : value);

const orderLine = (shop: Shop, line: Line) =>
	lineView(shop, line, { quantity: line.quantity, subtotal: line.subtotal, total: line.total, metaData: line.meta });

/** For the books: what tells one state of an order from the next, to the second as everything in WooCommerce. */
export const orderState = (shop: Shop, order: Order): string =>
	JSON.stringify([shop.time.gmt(order.modifiedAt), order.status, order.lines.map(({ id, quantity, meta }) => [id, quantity, meta])]);

export function orderView(shop: Shop, order: Order) {
	const href = `${api(shop)}/orders`;
	const local = (at: number | null) => (at === null ? null : shop.time.local(at));
	const gmt = (at: number | null) => (at === null ? null : shop.time.gmt(at));
	return {
		id: order.id,
		parent_id: 0,
		status: order.status,
		currency: "USD",
		version: WOOCOMMERCE_VERSION,
		prices_include_tax: false,
		date_created: local(order.createdAt),
		date_modified: local(order.modifiedAt),
		discount_total: "0.00",
		discount_tax: "0.00",
		shipping_total: "0.00",
		shipping_tax: "0.00",
		cart_tax: "0.00",
		total: money(order.total),
		total_tax: "0.00",
		customer_id: order.customerId,
		order_key: order.orderKey,
		billing: { ...EMPTY_ADDRESS, ...EMPTY_CONTACT, ...order.billing },
		shipping: { ...EMPTY_ADDRESS, phone: "", ...order.shipping },
		payment_method: order.paymentMethod,
		payment_method_title: order.paymentTitle,
		transaction_id: order.transactionId,
		customer_ip_address: order.customerIp,
		customer_user_agent: order.customerAgent,
		created_via: order.createdVia,
		customer_note: order.customerNote,
		date_completed: local(order.completedAt),
		date_paid: local(order.paidAt),
		cart_hash: order.cartHash,
		number: String(order.id),
		// By key, whatever their numbers (recorded: storefront-checkout).
		meta_data: copied(order.meta).sort((a, b) => (a.key < b.key ? -1 : 1)),
		line_items: order.lines.map((line) => orderLine(shop, line)),
		tax_lines: [],
		shipping_lines: [],
		fee_lines: [],
		coupon_lines: [],
		refunds: newestFirst(order.refunds).map((r) => ({ id: r.id, reason: r.reason, total: money(-r.amount), total_tax: "0.00" })),
		payment_url: `${shop.url}/checkout/order-pay/${order.id}/?pay_for_order=true&key=${order.orderKey}`,
		is_editable: EDITABLE.has(order.status),
		needs_payment: order.total > 0 && NEEDS_PAYMENT.has(order.status),
		needs_processing: needsProcessing(shop, order),
		date_created_gmt: gmt(order.createdAt),
		date_modified_gmt: gmt(order.modifiedAt),
		date_completed_gmt: gmt(order.completedAt),
		date_paid_gmt: gmt(order.paidAt),
		currency_symbol: "$",
		_links: {
			self: self(`${href}/${order.id}`),
			collection: [{ href }],
			email_templates: [{ embeddable: true, href: `${href}/${order.id}/actions/email_templates` }],
			...(order.customerId ? { customer: [{ href: `${api(shop)}/customers/${order.customerId}` }] } : {}),
		},
	};
}

const EDITABLE = new Set(["pending", "on-hold", "auto-draft"]);
const NEEDS_PAYMENT = new Set(["pending", "failed", "checkout-draft"]);
const EMPTY_ADDRESS = {
	first_name: "",
	last_name: "",
	company: "",
	address_1: "",
	address_2: "",
	city: "",
	state: "",
	postcode: "",
	country: "",
};
const EMPTY_CONTACT = { email: "", phone: "" };

/** A payment ends in `processing` if there is something to send, else in `completed`. */
export const needsProcessing = (shop: Shop, order: Order) => order.lines.some((line) => productOfLine(shop.state, line) !== undefined);

/** By second, newest first; within one second WooCommerce's order of `refunds[]` is by id (recorded: order-refunds). */
const newestFirst = (refunds: readonly Refund[]) => [...refunds].sort((a, b) => b.createdAt - a.createdAt || a.id - b.id);

export function refundView(shop: Shop, order: Order, refund: Refund) {
	const href = `${api(shop)}/orders/${order.id}`;
	return {
		id: refund.id,
		date_created: shop.time.local(refund.createdAt),
		date_created_gmt: shop.time.gmt(refund.createdAt),
		amount: money(refund.amount),
		reason: refund.reason,
		refunded_by: 1,
		refunded_payment: false,
		meta_data: [{ id: refund.metaId, key: "_refund_type", value: refund.full ? "full" : "partial" }],
		line_items: refund.lines.map((part) => ({
			...lineView(shop, part.line, {
				quantity: -part.quantity,
				subtotal: -part.total,
				total: -part.total,
				metaData: [{ id: part.metaId, key: "_refunded_item_id", value: String(part.line.id) }],
			}),
			id: part.id,
		})),
		shipping_lines: [],
		tax_lines: [],
		fee_lines: [],
		_links: {
			self: self(`${href}/refunds/${refund.id}`, ["GET", "DELETE"]),
			collection: [{ href: `${href}/refunds` }],
			up: [{ href }],
		},
	};
}

export function noteView(shop: Shop, order: Order, note: Note) {
	const href = `${api(shop)}/orders/${order.id}`;
	return {
		id: note.id,
		author: note.author,
		date_created: shop.time.local(note.at),
		date_created_gmt: shop.time.gmt(note.at),
		note: note.text,
		customer_note: note.forCustomer,
		_links: { self: self(`${href}/notes/${note.id}`, ["GET", "DELETE"]), collection: [{ href: `${href}/notes` }], up: [{ href }] },
	};
}
