import type { Stage } from "./happening.ts";
import { activateLevel, move } from "./levels.ts";
import {
	type FulfillmentOrder,
	type FulfillmentOrderLine,
	type Happening,
	type Line,
	levelAt,
	type Order,
	type RefundLine,
	type ShopState,
	unfulfilled,
} from "./model.ts";
import { assign, newLine, takeOnline, touch, variantOfSku } from "./orders.ts";
import { fulfillmentPayload, orderEditPayload, orderPayload, refundPayload } from "./payloads.ts";

/** What may happen to an order after it was placed. Each is one happening: its changes are atomic and its webhooks share an event id. */
export type RefundRequest = {
	orderId: number;
	lines: readonly { sku?: string; lineId?: number; quantity: number; locationId?: number }[];
	restock: boolean;
	note?: string;
};
export type EditRequest = {
	orderId: number;
	add?: readonly { sku: string; quantity: number }[];
	set?: readonly { sku?: string; lineId?: number; quantity: number }[];
	restock?: boolean;
};

export function cancelOrder(
	stage: Stage,
	{ orderId, restock, reason = "CUSTOMER" }: { orderId: number; restock: boolean; reason?: NonNullable<Order["cancelReason"]> },
): void {
	const order = orderOf(stage.state, orderId);
	if (order.cancelledAt !== null) return;
	stage.happen("restock", (happening) => {
		const lines = order.lines.flatMap((line) => takeOff(stage.state, happening, { order, line, units: unfulfilled(order, line), restock }));
		addRefund(stage.state, happening, { order, lines, note: null });
		for (const fulfillmentOrder of order.fulfillmentOrders) if (fulfillmentOrder.status === "OPEN") fulfillmentOrder.status = "CANCELLED";
		order.cancelledAt = happening.at;
		order.closedAt = happening.at;
		order.cancelReason = reason;
		order.financialStatus = order.fulfillments.length > 0 ? "PARTIALLY_REFUNDED" : "REFUNDED";
		told(stage.state, happening, order, ["orders/cancelled", "orders/updated"]);
	});
}

/** Units that are still to be shipped come off the order (restock type CANCEL); shipped ones come back (RETURN), when restocked. */
export function refund(stage: Stage, request: RefundRequest): void {
	const { state } = stage;
	const order = orderOf(state, request.orderId);
	stage.happen("restock", (happening) => {
		const lines = request.lines.flatMap((wanted): RefundLine[] => {
			const line = lineOf(order, wanted);
			const units = Math.min(wanted.quantity, line.quantity - line.removed);
			const open = Math.min(units, unfulfilled(order, line));
			return [
				...takeOff(state, happening, { order, line, units: open, restock: request.restock }),
				...bringBack(state, happening, { order, line, units: units - open, restock: request.restock, locationId: wanted.locationId }),
			];
		});
		addRefund(state, happening, { order, lines, note: request.note ?? null });
		order.financialStatus = order.lines.every((line) => line.removed === line.quantity) ? "REFUNDED" : "PARTIALLY_REFUNDED";
		told(state, happening, order, ["orders/updated"]);
	});
}

/** Adds lines, raises or lowers them. Lowered units leave a refund without money behind, as the order's removals do. */
export function editOrder(stage: Stage, request: EditRequest): void {
	const { state } = stage;
	const order = orderOf(state, request.orderId);
	const restock = request.restock ?? true;
	stage.happen("sale", (happening) => {
		const additions: { id: number; delta: number }[] = [];
		const removals: { id: number; delta: number }[] = [];
		for (const { sku, quantity } of request.add ?? []) {
			const variant = variantOfSku(state, sku);
			if (!variant) throw new Error(`The shop has no SKU ${sku} to add to order ${order.name}.`);
			const line = newLine(state, { variant, quantity, bundle: null });
			order.lines.push(line);
			takeOnline(state, happening, { order, line });
			additions.push({ id: line.id, delta: quantity });
		}
		const refunded: RefundLine[] = [];
		for (const wanted of request.set ?? []) {
			const line = lineOf(order, wanted);
			const delta = wanted.quantity - (line.quantity - line.removed);
			if (delta > 0) {
				line.quantity += delta;
				takeOnline(state, happening, { order, line, units: delta });
				additions.push({ id: line.id, delta });
			} else if (delta < 0) {
				const units = Math.min(-delta, unfulfilled(order, line));
				refunded.push(...takeOff(state, happening, { order, line, units, restock }));
				removals.push({ id: line.id, delta: -units });
			}
		}
		addRefund(state, happening, { order, lines: refunded, note: null });
		order.edited = true;
		touch(order, happening);
		happening.topics.push({
			topic: "orders/edited",
			resourceId: String(order.id),
			payload: () => orderEditPayload(state, order, { additions, removals, id: state.nextId(), at: happening.at }),
		});
		told(state, happening, order, ["orders/updated"]);
	});
}

/** Ships all that is left, or only some lines of it. */
export function fulfil(
	stage: Stage,
	{ orderId, lines }: { orderId: number; lines?: readonly { sku?: string; lineId?: number; quantity: number }[] },
): void {
	const { state } = stage;
	const order = orderOf(state, orderId);
	stage.happen("sale", (happening) => {
		const wanted = lines ?? order.lines.map((line) => ({ lineId: line.id, quantity: unfulfilled(order, line) }));
		for (const want of wanted) {
			const line = lineOf(order, want);
			forEachOpen(order, line, Math.min(want.quantity, unfulfilled(order, line)), (fulfillmentOrder, open, units) => {
				open.remaining -= units;
				fulfillmentOrder.updatedAt = happening.at;
				shift(state, happening, { line, locationId: fulfillmentOrder.locationId, changes: { committed: -units } });
				let parcel = order.fulfillments.find((f) => f.createdAt === happening.at && f.locationId === fulfillmentOrder.locationId);
				if (!parcel) {
					parcel = {
						kind: "Fulfillment",
						id: state.nextId(),
						orderId,
						locationId: fulfillmentOrder.locationId,
						lines: [],
						createdAt: happening.at,
					};
					order.fulfillments.push(parcel);
				}
				parcel.lines.push({ kind: "FulfillmentLineItem", id: state.nextId(), orderId, lineId: line.id, quantity: units });
			});
		}
		for (const fulfillmentOrder of order.fulfillmentOrders) {
			if (fulfillmentOrder.status === "OPEN" && fulfillmentOrder.lines.every((l) => l.remaining === 0)) fulfillmentOrder.status = "CLOSED";
		}
		const done = order.fulfillmentOrders.every((f) => f.status !== "OPEN");
		for (const parcel of order.fulfillments.filter((f) => f.createdAt === happening.at)) {
			happening.topics.push({
				topic: "fulfillments/create",
				resourceId: String(parcel.id),
				payload: () => fulfillmentPayload(state, order, parcel),
			});
		}
		touch(order, happening);
		told(state, happening, order, [done ? "orders/fulfilled" : "orders/partially_fulfilled", "orders/updated"]);
	});
}

/** Moves what is still to be shipped to another location: the first gives its units back, the second commits them. */
export function reroute(stage: Stage, { orderId, from, to }: { orderId: number; from: number; to: number }): void {
	const { state } = stage;
	const order = orderOf(state, orderId);
	stage.happen("edit", (happening) => {
		for (const fulfillmentOrder of order.fulfillmentOrders.filter((f) => f.status === "OPEN" && f.locationId === from)) {
			for (const open of fulfillmentOrder.lines) {
				const line = lineOf(order, { lineId: open.lineId });
				const units = open.remaining;
				if (units === 0) continue;
				if (line.tracked && line.itemId !== null && !levelAt(state, line.itemId, to)?.active)
					throw new Error(`${line.sku} is not stocked at location ${to}.`);
				shift(state, happening, { line, locationId: from, changes: { available: units, committed: -units } });
				shift(state, happening, { line, locationId: to, changes: { available: -units, committed: units } });
				open.total -= units;
				open.remaining = 0;
				assign(state, happening, { order, line, locationId: to, units, status: "OPEN" });
			}
			fulfillmentOrder.lines = fulfillmentOrder.lines.filter((l) => l.total > 0);
			if (fulfillmentOrder.lines.length === 0) fulfillmentOrder.status = "CANCELLED";
			fulfillmentOrder.updatedAt = happening.at;
		}
		touch(order, happening);
		told(state, happening, order, ["orders/updated"]);
	});
}

export function orderOf(state: ShopState, orderId: number): Order {
	const order = state.orders.get(orderId);
	if (!order) throw new Error(`The shop has no order ${orderId}.`);
	return order;
}

function lineOf(order: Order, { sku, lineId }: { sku?: string; lineId?: number }): Line {
	const line = order.lines.find((l) => (lineId === undefined ? l.sku === sku : l.id === lineId));
	if (!line) throw new Error(`Order ${order.name} has no line ${lineId ?? sku}.`);
	return line;
}

/** Takes units that were not shipped off the order; `restock` decides whether they can be bought again or are gone. */
function takeOff(
	state: ShopState,
	happening: Happening,
	{ order, line, units, restock }: { order: Order; line: Line; units: number; restock: boolean },
): RefundLine[] {
	const taken: RefundLine[] = [];
	forEachOpen(order, line, units, (fulfillmentOrder, open, part) => {
		open.remaining -= part;
		open.total -= part;
		line.removed += part;
		const locationId = fulfillmentOrder.locationId;
		shift(state, happening, { line, locationId, changes: { committed: -part, available: restock ? part : 0 } });
		if (restock) giveBack(happening, { order, line, locationId, units: part });
		taken.push({
			kind: "RefundLineItem",
			id: state.nextId(),
			orderId: order.id,
			lineId: line.id,
			quantity: part,
			restockType: restock ? "CANCEL" : "NO_RESTOCK",
			locationId: restock ? locationId : null,
		});
	});
	return taken;
}

function bringBack(
	state: ShopState,
	happening: Happening,
	{
		order,
		line,
		units,
		restock,
		locationId,
	}: { order: Order; line: Line; units: number; restock: boolean; locationId: number | undefined },
): RefundLine[] {
	if (units <= 0) return [];
	line.removed += units;
	const shippedFrom = order.fulfillments.find((f) => f.lines.some((l) => l.lineId === line.id))?.locationId ?? order.retailLocationId;
	const to = locationId ?? shippedFrom ?? null;
	if (restock && to !== null) {
		if (line.tracked && line.itemId !== null) activateLevel(state, happening, { itemId: line.itemId, locationId: to });
		shift(state, happening, { line, locationId: to, changes: { available: units } });
		giveBack(happening, { order, line, locationId: to, units });
	}
	return [
		{
			kind: "RefundLineItem",
			id: state.nextId(),
			orderId: order.id,
			lineId: line.id,
			quantity: units,
			restockType: restock ? "RETURN" : "NO_RESTOCK",
			locationId: restock ? to : null,
		},
	];
}

function giveBack(
	happening: Happening,
	{ order, line, locationId, units }: { order: Order; line: Line; locationId: number; units: number },
): void {
	if (line.tracked && line.itemId !== null) happening.sold.push({ orderId: order.id, itemId: line.itemId, locationId, units: -units });
}

/** Lines that never took stock (untracked, gift card) move none. */
function shift(
	state: ShopState,
	happening: Happening,
	{ line, locationId, changes }: { line: Line; locationId: number; changes: { available?: number; committed?: number } },
): void {
	const level = line.tracked && line.itemId !== null ? levelAt(state, line.itemId, locationId) : undefined;
	if (level) move(happening, level, changes);
}

function forEachOpen(
	order: Order,
	line: Line,
	units: number,
	take: (fulfillmentOrder: FulfillmentOrder, open: FulfillmentOrderLine, units: number) => void,
): void {
	let left = units;
	for (const fulfillmentOrder of order.fulfillmentOrders) {
		for (const open of fulfillmentOrder.lines) {
			if (open.lineId !== line.id || left <= 0 || open.remaining <= 0) continue;
			const part = Math.min(left, open.remaining);
			take(fulfillmentOrder, open, part);
			left -= part;
		}
	}
}

function addRefund(
	state: ShopState,
	happening: Happening,
	{ order, lines, note }: { order: Order; lines: RefundLine[]; note: string | null },
): void {
	touch(order, happening);
	if (lines.length === 0) return;
	const made = { kind: "Refund" as const, id: state.nextId(), orderId: order.id, createdAt: happening.at, note, lines };
	order.refunds.push(made);
	happening.topics.push({ topic: "refunds/create", resourceId: String(made.id), payload: () => refundPayload(state, order, made) });
}

function told(state: ShopState, happening: Happening, order: Order, topics: readonly string[]): void {
	for (const topic of topics) happening.topics.push({ topic, resourceId: String(order.id), payload: () => orderPayload(state, order) });
}
