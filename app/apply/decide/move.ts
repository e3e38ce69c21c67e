import type { Movement, MovementCause, Stock } from "#ledger";
import { type ApplyState, type BatchEvent, stockKey } from "./state.ts";

type Why = {
	cause: MovementCause;
	connectionId?: number | null;
	orderId?: string | null;
	lineId?: string | null;
	occurredAt: number;
};

/** Changes a stock row's net and writes the movement that says why. The only place where stock changes. */
export function moveStock(state: ApplyState, event: BatchEvent, stock: Stock, delta: number, why: Why): Stock {
	const next = { ...stock, net: stock.net + delta };
	state.stock.set(stockKey(stock.itemId, stock.locationId), next);
	if (delta !== 0) {
		record(state, event, next, delta, next.net, why);
		state.touched.add(stock.itemId);
	}
	return next;
}

/** Names a change that was booked already under another cause: two movements that cancel out, so that each cause's sum is true. */
export function relabel(state: ApplyState, event: BatchEvent, stock: Stock, quantity: number, why: Why): void {
	if (quantity === 0) return;
	record(state, event, stock, quantity, stock.net + quantity, { ...why, cause: "home-explained" });
	record(state, event, stock, -quantity, stock.net, why);
}

function record(state: ApplyState, event: BatchEvent, stock: Stock, delta: number, after: number, why: Why): void {
	const movement: Movement = {
		itemId: stock.itemId,
		locationId: stock.locationId,
		delta,
		after,
		cause: why.cause,
		connectionId: why.connectionId ?? null,
		orderId: why.orderId ?? null,
		lineId: why.lineId ?? null,
		eventId: event.id,
		correlationId: event.correlationId,
		// One event never books the same thing twice, and never twice at all: a second application collides here.
		sourceKey: `event:${event.id}:${state.ordinal++}`,
		occurredAt: why.occurredAt,
	};
	state.movements.push(movement);
}

/** The row, or a new one at zero: the first reading or sale of an item at a location makes it. */
export function stockAt(state: ApplyState, itemId: number, locationId: number): Stock {
	return (
		state.stock.get(stockKey(itemId, locationId)) ?? {
			itemId,
			locationId,
			net: 0,
			homeQuantity: null,
			homeReadAt: null,
			homeUnexplained: 0,
			withheld: 0,
			deltaOwed: 0,
			owedSince: null,
		}
	);
}

/** The item's rows at all locations, in the merchant's order of locations. */
export const stocksOf = (state: ApplyState, itemId: number): Stock[] =>
	[...state.locations.values()].flatMap((location) => state.stock.get(stockKey(itemId, location.id)) ?? []);
