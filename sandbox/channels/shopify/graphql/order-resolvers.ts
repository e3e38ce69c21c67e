import {
	type Fulfillment,
	type FulfillmentLine,
	type FulfillmentOrder,
	type FulfillmentOrderLine,
	gid,
	graphTime,
	idOf,
	type Line,
	type Order,
	orderState,
	type Refund,
	type RefundLine,
	type ShopState,
	unfulfilled,
} from "../model.ts";
import { parseSearch, type SearchFields } from "../search.ts";
import { connect, counted, type PageArgs } from "./connections.ts";
import type { Context } from "./context.ts";
import type { Resolvers } from "./resolvers.ts";

/** Orders and what hangs on them. */
type OrdersArgs = PageArgs & { query?: string | null; sortKey?: string; limit?: number | null };

/** Without `read_all_orders` an app sees the last 60 days only. */
const VISIBLE_DAYS = 60;
const FULFILLMENT_ORDER_SCOPES = [
	"read_merchant_managed_fulfillment_orders",
	"read_assigned_fulfillment_orders",
	"read_third_party_fulfillment_orders",
];

const second = (ms: number) => Math.floor(ms / 1000) * 1000;
const lineOf = (order: Order, lineId: number) => order.lines.find((line) => line.id === lineId) as Line;
const orderOf = (state: ShopState, orderId: number) => state.orders.get(orderId) as Order;
const itemsOf = (lines: readonly { quantity: number }[]) => lines.reduce((sum, line) => sum + line.quantity, 0);
const bag = (state: ShopState, amount: number) => {
	const money = { amount: decimal(amount), currencyCode: state.currency };
	return { shopMoney: money, presentmentMoney: money };
};
/** The API's decimals: at least one digit after the point ("55.0"). */
const decimal = (amount: number) => (Number.isInteger(amount) ? amount.toFixed(1) : String(Number(amount.toFixed(2))));

export function displayFulfillmentStatus(order: Order): string {
	const open = order.lines.reduce((sum, line) => sum + unfulfilled(order, line), 0);
	if (order.fulfillments.length === 0)
		return open === 0 && order.refunds.length > 0 && order.cancelledAt === null ? "RESTOCKED" : "UNFULFILLED";
	return open === 0 ? "FULFILLED" : "PARTIALLY_FULFILLED";
}

/** What the search index believes of `updated_at` and `created_at`: it is behind by the lag. */
function indexedFields(context: Context): SearchFields<Order> {
	const indexed = context.stage.world.clock.now() - context.searchLagMs;
	return {
		id: (o) => o.id,
		name: (o) => [o.name, String(o.number)],
		created_at: (o) => second(o.createdAt),
		updated_at: (o) => second(o.touchedAt > indexed ? (o.updatedBefore ?? o.createdAt) : o.updatedAt),
		processed_at: (o) => second(o.createdAt),
		financial_status: (o) => o.financialStatus,
		fulfillment_status: (o) =>
			displayFulfillmentStatus(o) === "UNFULFILLED"
				? ["unfulfilled", "unshipped"]
				: displayFulfillmentStatus(o) === "FULFILLED"
					? ["fulfilled", "shipped"]
					: ["partial"],
		status: (o) => (o.cancelledAt !== null ? ["cancelled"] : o.closedAt !== null ? ["closed"] : ["open", "not_closed"]),
		tag: (o) => o.tags,
		test: (o) => o.test,
		email: (o) => o.email,
		source_name: (o) => o.sourceName,
		source_identifier: (o) => o.sourceIdentifier,
		sku: (o) => o.lines.map((line) => line.sku),
		location_id: (o) => o.retailLocationId,
	};
}

function found(context: Context, query: string | null | undefined): Order[] {
	const now = context.stage.world.clock.now();
	const visible = [...context.state.orders.values()].filter(
		(o) => context.access.scopes.includes("read_all_orders") || now - o.createdAt <= VISIBLE_DAYS * 86_400_000,
	);
	if (!query) return visible;
	const search = parseSearch(query, indexedFields(context), (o) => [o.name, o.email]);
	for (const field of search.unknownFields) context.violated("search by a field that does not exist", field);
	return visible.filter((order) => order.createdAt <= now - context.searchLagMs && search.matches(order));
}

/** What the caller gets to know of orders, and the books with it. */
function told({ stage }: Context, orders: readonly Order[], by: "list" | "read"): void {
	const { booksAs, world } = stage;
	if (booksAs === null) return;
	for (const order of orders) world.books.orderKnown({ channel: booksAs, orderId: String(order.id), state: orderState(order), by });
}

const SORTS: Record<string, (order: Order) => string | number> = {
	CREATED_AT: (o) => second(o.createdAt),
	UPDATED_AT: (o) => second(o.updatedAt),
	PROCESSED_AT: (o) => second(o.createdAt),
	ORDER_NUMBER: (o) => o.number,
	ID: (o) => o.id,
};

export const orderResolvers: Resolvers = {
	QueryRoot: {
		order: (_, { id }: { id: string }, context) => {
			const order = context.state.orders.get(idOf(id, "Order") ?? -1);
			if (order) told(context, [order], "read");
			return order ?? null;
		},
		orders: (_, args: OrdersArgs, context) => {
			const sort = SORTS[args.sortKey ?? "PROCESSED_AT"];
			const page = connect(found(context, args.query), args, { id: (o) => o.id, context, ...(sort && { sort }) });
			told(context, page.nodes, "list");
			return page;
		},
		ordersCount: (_, args: OrdersArgs, context) => counted(found(context, args.query).length, args.limit),
	},
	Order: {
		processedAt: (o: Order) => graphTime(o.createdAt),
		cancelledAt: (o: Order) => (o.cancelledAt === null ? null : graphTime(o.cancelledAt)),
		closed: (o: Order) => o.closedAt !== null,
		closedAt: (o: Order) => (o.closedAt === null ? null : graphTime(o.closedAt)),
		confirmed: () => true,
		app: (o: Order) => {
			if (o.app) return { id: gid("App", o.app.id), name: o.app.name };
			return o.retailLocationId === null
				? { id: gid("App", 580_111), name: "Online Store" }
				: { id: gid("App", 129_785), name: "Point of Sale" };
		},
		displayFinancialStatus: (o: Order) => o.financialStatus,
		displayFulfillmentStatus,
		fulfillable: (o: Order) => o.lines.some((line) => unfulfilled(o, line) > 0),
		fullyPaid: (o: Order) => o.financialStatus === "PAID",
		requiresShipping: (o: Order) => o.lines.some((line) => line.requiresShipping),
		restockable: (o: Order) => o.lines.some((line) => line.tracked && line.quantity > line.removed),
		currencyCode: (_: Order, __, { state }) => state.currency,
		totalPriceSet: (o: Order, _, { state }) =>
			bag(
				state,
				o.lines.reduce((sum, line) => sum + Number(line.price) * line.quantity, 0),
			),
		currentTotalPriceSet: (o: Order, _, { state }) =>
			bag(
				state,
				o.lines.reduce((sum, line) => sum + Number(line.price) * (line.quantity - line.removed), 0),
			),
		subtotalLineItemsQuantity: (o: Order) => itemsOf(o.lines),
		currentSubtotalLineItemsQuantity: (o: Order) => o.lines.reduce((sum, line) => sum + line.quantity - line.removed, 0),
		lineItems: (o: Order, args: PageArgs, context) =>
			connect(
				o.lines.map((line) => ({ ...line, order: o })),
				args,
				{ id: (line) => line.id, context },
			),
		refunds: (o: Order, { first }: { first?: number | null }) => (typeof first === "number" ? o.refunds.slice(0, first) : o.refunds),
		fulfillments: (o: Order, { first }: { first?: number | null }) =>
			typeof first === "number" ? o.fulfillments.slice(0, first) : o.fulfillments,
		// An app without one of the fulfilment order scopes finds none, and no error either.
		fulfillmentOrders: (o: Order, args: PageArgs, context) => {
			const mayRead = FULFILLMENT_ORDER_SCOPES.some((scope) => context.access.scopes.includes(scope));
			return connect(mayRead ? o.fulfillmentOrders : [], args, { id: (f) => f.id, context });
		},
		retailLocation: (o: Order, _, { state }) => (o.retailLocationId === null ? null : state.locations.get(o.retailLocationId)),
		physicalLocation: (o: Order, _, { state }) => (o.retailLocationId === null ? null : state.locations.get(o.retailLocationId)),
		phone: () => null,
		customer: (o: Order) => ({
			kind: "Customer",
			id: o.id + 1,
			firstName: "Ada",
			lastName: "Buyer",
			displayName: "Ada Buyer",
			email: o.email,
			phone: null,
		}),
		billingAddress: () => null,
		shippingAddress: () => null,
	},
	LineItem: {
		name: (l: Line) => (l.variantTitle === null ? l.title : `${l.title} - ${l.variantTitle}`),
		vendor: () => null,
		currentQuantity: (l: Line) => l.quantity - l.removed,
		unfulfilledQuantity: (l: Line & { order: Order }) => unfulfilled(l.order, l),
		refundableQuantity: (l: Line) => l.quantity - l.removed,
		nonFulfillableQuantity: (l: Line) => l.removed,
		fulfillableQuantity: (l: Line & { order: Order }) => unfulfilled(l.order, l),
		fulfillmentStatus: (l: Line & { order: Order }) => (unfulfilled(l.order, l) === 0 ? "fulfilled" : "unfulfilled"),
		restockable: (l: Line) => l.tracked,
		isGiftCard: (l: Line) => l.giftCard,
		merchantEditable: (l: Line & { order: Order }) => unfulfilled(l.order, l) > 0,
		variant: (l: Line, _, { state }) => (l.variantId === null ? null : (state.variants.get(l.variantId) ?? null)),
		product: (l: Line, _, { state }) => (l.productId === null ? null : (state.products.get(l.productId) ?? null)),
		originalUnitPriceSet: (l: Line, _, { state }) => bag(state, Number(l.price)),
		discountedTotalSet: (l: Line, _, { state }) => bag(state, Number(l.price) * l.quantity),
		lineItemGroup: (l: Line) =>
			l.group === null
				? null
				: {
						id: gid("LineItemGroup", l.group.id),
						title: l.group.title,
						quantity: l.group.quantity,
						variantId: gid("ProductVariant", l.group.variantId),
						variantSku: l.group.sku,
						productId: gid("Product", l.group.productId),
					},
	},
	Refund: {
		updatedAt: (r: Refund) => graphTime(r.createdAt),
		processedAt: (r: Refund) => graphTime(r.createdAt),
		order: (r: Refund, _, { state }) => orderOf(state, r.orderId),
		refundLineItems: (r: Refund, args: PageArgs, context) => connect(r.lines, args, { id: (line) => line.id, context }),
		totalRefundedSet: (r: Refund, _, { state }) =>
			bag(
				state,
				r.lines.reduce((sum, entry) => sum + Number(lineOf(orderOf(state, r.orderId), entry.lineId).price) * entry.quantity, 0),
			),
	},
	RefundLineItem: {
		lineItem: (r: RefundLine, _, { state }) => ({ ...lineOf(orderOf(state, r.orderId), r.lineId), order: orderOf(state, r.orderId) }),
		location: (r: RefundLine, _, { state }) => (r.locationId === null ? null : (state.locations.get(r.locationId) ?? null)),
		restocked: (r: RefundLine) => r.restockType !== "NO_RESTOCK",
		priceSet: (r: RefundLine, _, { state }) => bag(state, Number(lineOf(orderOf(state, r.orderId), r.lineId).price)),
		subtotalSet: (r: RefundLine, _, { state }) => bag(state, Number(lineOf(orderOf(state, r.orderId), r.lineId).price) * r.quantity),
	},
	Fulfillment: {
		name: (f: Fulfillment, _, { state }) => `${orderOf(state, f.orderId).name}-F${orderOf(state, f.orderId).fulfillments.indexOf(f) + 1}`,
		status: () => "SUCCESS",
		updatedAt: (f: Fulfillment) => graphTime(f.createdAt),
		location: (f: Fulfillment, _, { state }) => state.locations.get(f.locationId) ?? null,
		order: (f: Fulfillment, _, { state }) => orderOf(state, f.orderId),
		totalQuantity: (f: Fulfillment) => itemsOf(f.lines),
		fulfillmentLineItems: (f: Fulfillment, args: PageArgs, context) => connect(f.lines, args, { id: (line) => line.id, context }),
	},
	FulfillmentLineItem: {
		lineItem: (f: FulfillmentLine, _, { state }) => ({ ...lineOf(orderOf(state, f.orderId), f.lineId), order: orderOf(state, f.orderId) }),
	},
	FulfillmentOrder: {
		order: (f: FulfillmentOrder, _, { state }) => orderOf(state, f.orderId),
		orderId: (f: FulfillmentOrder) => gid("Order", f.orderId),
		orderName: (f: FulfillmentOrder, _, { state }) => orderOf(state, f.orderId).name,
		requestStatus: () => "UNSUBMITTED",
		assignedLocation: (f: FulfillmentOrder, _, { state }) => ({
			name: state.locations.get(f.locationId)?.name ?? "",
			location: state.locations.get(f.locationId) ?? null,
		}),
		lineItems: (f: FulfillmentOrder, args: PageArgs, context) => connect(f.lines, args, { id: (line) => line.id, context }),
	},
	FulfillmentOrderLineItem: {
		lineItem: (f: FulfillmentOrderLine, _, { state }) => ({
			...lineOf(orderOf(state, f.orderId), f.lineId),
			order: orderOf(state, f.orderId),
		}),
		inventoryItemId: (f: FulfillmentOrderLine, _, { state }) => {
			const { itemId } = lineOf(orderOf(state, f.orderId), f.lineId);
			return itemId === null ? null : gid("InventoryItem", itemId);
		},
		sku: (f: FulfillmentOrderLine, _, { state }) => lineOf(orderOf(state, f.orderId), f.lineId).sku,
		productTitle: (f: FulfillmentOrderLine, _, { state }) => lineOf(orderOf(state, f.orderId), f.lineId).title,
		requiresShipping: (f: FulfillmentOrderLine, _, { state }) => lineOf(orderOf(state, f.orderId), f.lineId).requiresShipping,
		remainingQuantity: (f: FulfillmentOrderLine) => f.remaining,
		totalQuantity: (f: FulfillmentOrderLine) => f.total,
		variant: (f: FulfillmentOrderLine, _, { state }) =>
			state.variants.get(lineOf(orderOf(state, f.orderId), f.lineId).variantId ?? -1) ?? null,
	},
};
