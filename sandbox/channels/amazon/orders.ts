import { draw, type Realm } from "./realm.ts";
import {
	bookChannel,
	type Canceller,
	type Listing,
	listingOf,
	newest,
	type Order,
	type OrderLine,
	type OrderStatus,
	type Seller,
} from "./state.ts";
import { setQuantity } from "./stock.ts";

/** What the buyer did or the seller, in the words of `ORDER_CHANGE`. */
type Event = { type: "OrderStatusChange" | "BuyerRequestedChange"; reason: string };

const STATUS_CHANGE: Event = { type: "OrderStatusChange", reason: "OrderStatusChange" };

/** The order is there, its payment is checked: the pieces are taken now. */
export function placeOrder(realm: Realm, seller: Seller, lines: readonly { listing: Listing; quantity: number }[]): Order {
	const [first] = lines;
	if (!first) throw new Error("An order without lines");
	const order: Order = {
		id: `${realm.digits(3)}-${realm.digits(7)}-${realm.digits(7)}`,
		marketplace: first.listing.marketplace,
		fulfilledBy: first.listing.merchant ? "MERCHANT" : "AMAZON",
		createdAt: realm.world.clock.now(),
		postalCode: realm.digits(5),
		history: [],
	};
	seller.orders.set(order.id, order);
	const placed = lines.map(({ listing, quantity }) => ({
		id: realm.digits(14),
		sku: listing.sku,
		asin: listing.asin,
		title: listing.title,
		price: listing.price,
		quantity,
		shipped: 0,
		requested: null,
		cancelled: null,
	}));
	for (const line of placed) movePieces(realm, seller, order, line, line.quantity);
	change(realm, seller, order, "PENDING", placed, STATUS_CHANGE);
	const unpaid = realm.dice.chance(realm.settings.unpaidShare);
	later(realm, draw(realm, realm.settings.pendingMs), () => {
		if (newest(order).status !== "PENDING") return;
		if (unpaid) cancelOrder(realm, seller, order, { by: "AMAZON", reason: "PAYMENT_DECLINED" });
		else payOrder(realm, seller, order);
	});
	return order;
}

export function payOrder(realm: Realm, seller: Seller, order: Order) {
	const { status, lines } = newest(order);
	if (status !== "PENDING") return;
	change(realm, seller, order, "UNSHIPPED", lines, STATUS_CHANGE);
	const { shipMs } = realm.settings;
	if (shipMs) later(realm, draw(realm, shipMs), () => shipOrder(realm, seller, order));
}

/** All that is left of the order, or some pieces of some lines. */
export function shipOrder(realm: Realm, seller: Seller, order: Order, parts?: readonly { sku: string; quantity: number }[]) {
	const { status, lines } = newest(order);
	if (status !== "UNSHIPPED" && status !== "PARTIALLY_SHIPPED") return;
	const shipped = lines.map((line) => {
		const open = line.cancelled ? 0 : line.quantity - line.shipped;
		const now = parts ? Math.min(open, parts.find((p) => p.sku === line.sku)?.quantity ?? 0) : open;
		const stock = seller.fba.get(line.sku);
		if (order.fulfilledBy === "AMAZON" && stock) stock.reserved -= now;
		return { ...line, shipped: line.shipped + now };
	});
	const all = shipped.every((line) => line.cancelled || line.shipped === line.quantity);
	change(realm, seller, order, all ? "SHIPPED" : "PARTIALLY_SHIPPED", shipped, STATUS_CHANGE);
}

/** A request only: nothing moves until somebody cancels. */
export function requestCancellation(realm: Realm, seller: Seller, order: Order, reason: string) {
	const { status, lines } = newest(order);
	if (status === "SHIPPED" || status === "CANCELLED") return;
	const event: Event = { type: "BuyerRequestedChange", reason: "Buyer Requested Cancel" };
	const requested = lines.map((line) => ({ ...line, requested: reason }));
	change(realm, seller, order, status, requested, event);
}

/** What is not shipped is cancelled, in all lines or in those of `skus`; their pieces are for sale again. */
export function cancelOrder(
	realm: Realm,
	seller: Seller,
	order: Order,
	{ by, reason, skus }: { by: Canceller; reason: string; skus?: readonly string[] },
) {
	const { status, lines } = newest(order);
	if (status === "SHIPPED" || status === "CANCELLED") return;
	const left = lines.map((line) => {
		if (line.cancelled || line.shipped > 0 || (skus && !skus.includes(line.sku))) return line;
		movePieces(realm, seller, order, line, -line.quantity);
		return { ...line, cancelled: { by, reason } };
	});
	const open = left.filter((line) => !line.cancelled);
	const allShipped = open.length > 0 && open.every((line) => line.shipped === line.quantity);
	change(realm, seller, order, open.length === 0 ? "CANCELLED" : allShipped ? "SHIPPED" : status, left, STATUS_CHANGE);
}

function change(realm: Realm, seller: Seller, order: Order, status: OrderStatus, lines: readonly OrderLine[], event: Event) {
	order.history.push({ at: realm.world.clock.now(), status, lines });
	realm.notices.orderChanged(seller, order, event);
}

/** Amazon takes from the offer at order time and gives back on cancellation; its own stock is none of the seller's figures. */
function movePieces(realm: Realm, seller: Seller, order: Order, line: OrderLine, units: number) {
	if (order.fulfilledBy === "AMAZON") {
		const stock = seller.fba.get(line.sku);
		if (!stock) return;
		stock.fulfillable -= units;
		stock.reserved += units;
		stock.updatedAt = realm.world.clock.now();
		realm.notices.fbaChanged(seller, stock);
		return;
	}
	realm.world.books.sold({ channel: bookChannel(seller, order.marketplace), orderId: order.id, sku: line.sku, units });
	const listing = listingOf(seller, order.marketplace.id, line.sku);
	if (listing?.merchant) setQuantity(realm, seller, listing, listing.merchant.quantity - units, units > 0 ? "sale" : "restock");
}

/** At once when there is no delay: then nobody can get in between. */
function later(realm: Realm, delayMs: number, task: () => void) {
	if (delayMs === 0) task();
	else realm.world.clock.after(delayMs, task);
}
