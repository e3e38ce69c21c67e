import { fullRefundByStatus } from "./full-refund.ts";
import type { Shop } from "./shop.ts";
import { dropLineMeta, type Line, metaOf, newLine, type Order, productOfLine, setLineMeta, stockOwner } from "./state.ts";
import { book, giveBackStock, moveStock, releaseReservations, takeStock } from "./stock.ts";
import { needsProcessing } from "./views/order.ts";
import { fullName, priceOf } from "./views/product.ts";

/** What an order's stock does when it enters a status (recorded: order-create-by-status, order-status-walk). */
const TAKES = new Set(["processing", "on-hold", "completed"]);
const GIVES_BACK = new Set(["cancelled", "pending", "failed"]);

export type LineInput = {
	id?: number;
	product_id?: number | null;
	variation_id?: number;
	sku?: string;
	quantity?: number;
	total?: string;
	subtotal?: string;
};

export type NewOrder = {
	status: string;
	createdVia: string;
	lines: readonly LineInput[];
	setPaid?: boolean;
	paymentMethod?: string;
	paymentTitle?: string;
	transactionId?: string;
	billing?: Record<string, string>;
	shipping?: Record<string, string>;
	customerNote?: string;
	customerId?: number;
	customerIp?: string;
	customerAgent?: string;
	cartHash?: string;
	meta?: { key: string; value: unknown }[];
	/** Which of the two events a creation queues first: REST queues created before updated, the storefront the other way round. */
	tellFirst?: "order.created" | "order.updated";
	reserveUntil?: number;
};

/** A new order. Its stock is lower before anybody can list it (recorded: order-stock-stamp-windows). */
export async function createOrder(shop: Shop, input: NewOrder): Promise<Order> {
	const now = shop.time.seconds();
	const order: Order = {
		id: ++shop.state.ids.post,
		status: input.status,
		createdVia: input.createdVia,
		createdAt: now,
		modifiedAt: now,
		paidAt: null,
		completedAt: null,
		orderKey: `wc_order_${shop.token(13)}`,
		customerId: input.customerId ?? 0,
		customerNote: input.customerNote ?? "",
		customerIp: input.customerIp ?? "",
		customerAgent: input.customerAgent ?? "",
		cartHash: input.cartHash ?? "",
		billing: input.billing ?? {},
		shipping: input.shipping ?? {},
		paymentMethod: input.paymentMethod ?? "",
		paymentTitle: input.paymentTitle ?? "",
		transactionId: input.transactionId ?? "",
		lines: [],
		total: 0,
		refunds: [],
		meta: (input.meta ?? []).map(({ key, value }) => ({ id: ++shop.state.ids.meta, key, value })),
		stockReduced: false,
		salesCounted: false,
		listed: false,
		notes: [],
	};
	for (const line of input.lines) order.lines.push(lineFrom(shop, line));
	sumUp(order);
	shop.state.orders.set(order.id, order);
	const [first, second] = input.tellFirst === "order.updated" ? ["order.updated", "order.created"] : ["order.created", "order.updated"];
	shop.tell(first as string, order.id);
	shop.tell(second as string, order.id);
	if (input.reserveUntil !== undefined) {
		reserve(shop, order, input.reserveUntil);
		cancelUnpaid(shop, order, input.reserveUntil);
	}
	if (input.setPaid && !TAKES.has(input.status)) order.status = needsProcessing(shop, order) ? "processing" : "completed";
	await entered(shop, order, "pending", order.status);
	order.listed = true;
	await shop.gap("order.created");
	return order;
}

/** The status change of a PUT, a payment or wp-admin: status and stamp, stock, the lines' marks, and the stamp again. */
export async function changeStatus(shop: Shop, order: Order, to: string) {
	const from = order.status;
	order.status = to;
	stampOrder(shop, order);
	shop.tell("order.updated", order.id);
	if (from === to) return;
	setDates(shop, order);
	await shop.gap("order.status");
	await entered(shop, order, from, to);
	stampOrder(shop, order);
}

async function entered(shop: Shop, order: Order, from: string, to: string) {
	setDates(shop, order);
	if (TAKES.has(to)) {
		const moves = await takeStock(shop, order);
		if (moves.length > 0) addNote(shop, order, `Stock levels reduced: ${moves.join(", ")}`);
	}
	if (GIVES_BACK.has(to)) {
		const moves = await giveBackStock(shop, order);
		if (moves.length > 0) addNote(shop, order, `Stock levels increased: ${moves.join(", ")}`);
	}
	if (TAKES.has(to) || to === "cancelled") countSales(shop, order, to !== "cancelled");
	if (TAKES.has(to) || to === "cancelled") releaseReservations(shop, order.id);
	if (from !== to) addNote(shop, order, `Order status changed from ${title(from)} to ${title(to)}.`);
	if (TAKES.has(to) && !TAKES.has(from)) {
		addNote(shop, order, 'Email "New order" sent.');
		if (order.billing.email) addNote(shop, order, `Email "${CUSTOMER_MAIL[to]}" sent.`);
	}
	if (to === "refunded") fullRefundByStatus(shop, order);
}

/** `total_sales` of the products: counted when an order is accepted, taken back when it is cancelled, trashed or deleted. */
function countSales(shop: Shop, order: Order, count: boolean) {
	if (order.salesCounted === count) return;
	order.salesCounted = count;
	for (const line of order.lines) {
		const product = shop.state.products.get(line.productId);
		if (product) product.totalSales += count ? line.quantity : -line.quantity;
	}
}

const CUSTOMER_MAIL: Record<string, string> = {
	processing: "Processing order",
	"on-hold": "Order on-hold",
	completed: "Completed order",
};
const TITLES: Record<string, string> = {
	pending: "Pending payment",
	"on-hold": "On hold",
	"checkout-draft": "Draft",
	"auto-draft": "Draft",
};
const title = (status: string) => TITLES[status] ?? status.charAt(0).toUpperCase() + status.slice(1);

/** `maybe_set_date_paid` and `maybe_set_date_completed`: cash on delivery is paid at `completed` only. */
function setDates(shop: Shop, order: Order) {
	const now = shop.time.seconds();
	if (order.status === "completed") order.completedAt = now;
	if (order.paidAt !== null) return;
	const paidStatus = order.paymentMethod === "cod" || !needsProcessing(shop, order) ? "completed" : "processing";
	if (order.status === paidStatus || (paidStatus === "processing" && order.status === "completed")) order.paidAt = now;
}

export function stampOrder(shop: Shop, order: Order) {
	order.modifiedAt = shop.time.seconds();
}

export function addNote(shop: Shop, order: Order, text: string, { author = "WooCommerce", forCustomer = false } = {}) {
	const note = { id: ++shop.state.ids.note, at: shop.time.seconds(), text, author, forCustomer };
	order.notes.push(note);
	return note;
}

/** A pending storefront order keeps its pieces from other buyers, without lowering `stock_quantity`. */
function reserve(shop: Shop, order: Order, until: number) {
	for (const line of order.lines) {
		const product = productOfLine(shop.state, line);
		const owner = product ? stockOwner(shop.state, product) : null;
		if (owner) shop.state.reservations.push({ orderId: order.id, ownerId: owner.id, units: line.quantity, until });
	}
}

/** WooCommerce's own cron cancels a storefront order that nobody has paid when its hold ends (default setting, not recorded). */
function cancelUnpaid(shop: Shop, order: Order, at: number) {
	shop.world.clock.after(at * 1000 - shop.world.clock.now(), () => {
		if (order.status === "pending" && shop.state.orders.has(order.id)) void changeStatus(shop, order, "cancelled");
	});
}

const sumUp = (order: Order) => {
	order.total = Math.max(
		0,
		order.lines.reduce((sum, line) => sum + line.total, 0),
	);
};

/** WooCommerce takes any line: an unknown product or SKU becomes a line without product. */
function lineFrom(shop: Shop, input: LineInput): Line {
	const bySku = input.sku ? [...shop.state.products.values()].find((p) => p.sku === input.sku) : undefined;
	const product = shop.state.products.get(input.variation_id || input.product_id || 0) ?? bySku;
	const quantity = input.quantity ?? 1;
	// The price of a negative quantity is nothing (recorded: orders-oversell-and-validation).
	const worth = product ? Math.max(0, Number(priceOf(shop, product) || 0) * quantity) : 0;
	const line = newLine(shop.state, {
		productId: product ? product.parentId || product.id : 0,
		variationId: product?.type === "variation" ? product.id : 0,
		name: product ? fullName(shop, product) : "",
		quantity,
		subtotal: input.subtotal === undefined ? worth : Number(input.subtotal),
		total: input.total === undefined ? worth : Number(input.total),
	});
	if (product?.type === "variation") {
		for (const attribute of product.attributes) setLineMeta(shop.state, line, attribute.name.toLowerCase(), attribute.options[0] ?? "");
	}
	return line;
}

type EditOutcome = { outcome: "edited" } | { outcome: "unknown_line" };

/**
 * Lines of an existing order: a quantity of 0 or `product_id: null` removes one, one without id is added. The stock follows at
 * once, before the line itself; the price of a line whose quantity changes stays (recorded: order-edit-lines).
 */
export async function editLines(shop: Shop, order: Order, inputs: readonly LineInput[]): Promise<EditOutcome> {
	if (inputs.some((input) => input.id && !order.lines.some((line) => line.id === input.id))) return { outcome: "unknown_line" };
	const counted = TAKES.has(order.status);
	for (const input of inputs) {
		const line = input.id ? order.lines.find((l) => l.id === input.id) : undefined;
		if (!line) {
			const added = lineFrom(shop, input);
			order.lines.push(added);
			if (counted) await adjust(shop, order, added, added.quantity);
		} else if (input.quantity === 0 || input.product_id === null) {
			if (counted) await adjust(shop, order, line, 0);
			order.lines = order.lines.filter((l) => l !== line);
		} else {
			const product =
				input.product_id || input.variation_id ? shop.state.products.get(input.variation_id || input.product_id || 0) : undefined;
			if (product && product !== productOfLine(shop.state, line)) {
				line.productId = product.parentId || product.id;
				line.variationId = product.type === "variation" ? product.id : 0;
				line.name = fullName(shop, product);
			}
			if (input.total !== undefined) line.total = Number(input.total);
			if (input.subtotal !== undefined) line.subtotal = Number(input.subtotal);
			if (counted) await adjust(shop, order, line, input.quantity ?? line.quantity);
			if (input.quantity !== undefined) line.quantity = input.quantity;
		}
	}
	sumUp(order);
	return { outcome: "edited" };
}

/**
 * `wc_maybe_adjust_line_item_product_stock`: what the line should hold now (quantity minus what was restocked by refunds) less
 * what it holds. It looks only at the line's present product, so a swapped line never frees its old one.
 */
async function adjust(shop: Shop, order: Order, line: Line, quantity: number) {
	const product = productOfLine(shop.state, line);
	const owner = product ? stockOwner(shop.state, product) : null;
	const restocked = Number(metaOf(line.meta, "_restock_refunded_items") ?? 0);
	book(shop, order, line, quantity === 0 ? 0 : quantity - restocked);
	if (!owner) return;
	const held = Number(metaOf(line.meta, "_reduced_stock") ?? 0);
	const wanted = quantity === 0 ? 0 : quantity - restocked;
	if (wanted === held) return;
	moveStock(shop, owner, held - wanted, wanted > held ? "sale" : "restock");
	await shop.gap("line.stock");
	if (quantity === 0) dropLineMeta(line, "_reduced_stock");
	else {
		setLineMeta(shop.state, line, "_reduced_stock", String(wanted));
		order.stockReduced = true;
	}
}

/** To the trash: the line keeps its mark, nothing is given back; `order.deleted` with the bare id. */
export function trashOrder(shop: Shop, order: Order) {
	order.meta.push(
		{ id: ++shop.state.ids.meta, key: "_wp_trash_meta_status", value: `wc-${order.status}` },
		{ id: ++shop.state.ids.meta, key: "_wp_trash_meta_time", value: String(shop.time.seconds()) },
	);
	order.status = "trash";
	countSales(shop, order, false);
	stampOrder(shop, order);
	shop.tell("order.deleted", order.id);
}

/** The admin's *Restore*: `order.restored` only. */
export function untrashOrder(shop: Shop, order: Order) {
	const before = metaOf(order.meta, "_wp_trash_meta_status");
	order.meta = order.meta.filter((meta) => !meta.key.startsWith("_wp_trash_meta"));
	order.status = typeof before === "string" ? before.replace(/^wc-/, "") : "pending";
	countSales(shop, order, true);
	stampOrder(shop, order);
	shop.tell("order.restored", order.id);
}

/** Gone for good: no webhook, and the pieces it held stay taken. */
export function deleteOrder(shop: Shop, order: Order) {
	releaseReservations(shop, order.id);
	countSales(shop, order, false);
	shop.state.orders.delete(order.id);
}
