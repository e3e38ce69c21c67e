import { type Allocation, allocate, mergeAllocations, type Order, type OrderLine, release } from "#ledger";
import { moveStock, stockAt, stocksOf } from "./move.ts";
import { releaseOwed } from "./owed.ts";
import { type ApplyState, type BatchEvent, type ConnectionFacts, componentsOf, stockKey } from "./state.ts";

/** One order that is being brought to a newer state. */
export type OrderChange = {
	connection: ConnectionFacts;
	order: Order;
	event: BatchEvent;
	baseline: boolean;
	from: number;
	to: number;
	location: string | null;
	unmapped: string[];
	/** Units by item that a copy of this order at home holds. */
	cover: ReadonlyMap<number, number>;
	/** As they stand so far. */
	lines: Map<string, OrderLine>;
};

/** Stock is kept of everything that one of it takes. */
export const governed = (state: ApplyState, itemId: number) =>
	componentsOf(state, itemId).every((c) => state.items.get(c.itemId)?.tracked ?? false);

export function take(state: ApplyState, change: OrderChange, line: OrderLine, units: number): OrderLine {
	const taken = takeParts(state, change, line, units, change.connection.locationIds);
	return { ...line, held: line.held + units, allocations: mergeAllocations(line.allocations, taken, 1) };
}

/** Takes what `units` of the line's item are made of (or the item itself) along these locations. */
export function takeParts(
	state: ApplyState,
	change: OrderChange,
	line: OrderLine,
	units: number,
	locationIds: readonly number[],
): Allocation[] {
	const taken: Allocation[] = [];
	for (const component of componentsOf(state, line.itemId as number)) {
		// The rows are read afresh for each component: two components of one bundle may be the same item.
		taken.push(...allocate(stocksOf(state, component.itemId), component.itemId, locationIds, units * component.quantity));
		for (const allocation of taken.filter((a) => a.itemId === component.itemId)) moveAllocation(state, change, line, allocation, -1);
	}
	return taken;
}

/** `leaves`: the order holds so many units fewer; otherwise only who took them from the stock is another, and it owes them all the same. */
export function giveBack(
	state: ApplyState,
	change: OrderChange,
	line: OrderLine,
	units: number,
	{ leaves }: { leaves: boolean },
): OrderLine {
	const counted = line.held - line.baseline;
	const fromCounted = Math.min(Math.max(counted, 0), units);
	const back = release(line.allocations, counted, fromCounted);
	for (const allocation of back) moveAllocation(state, change, line, allocation, 1);
	if (leaves) endOwedOf(state, change, line, back);
	// What was there before we began was never taken from a location of ours: it comes back to the channel's first one.
	const fromBaseline = units - fromCounted;
	if (fromBaseline > 0) {
		const locationId = change.connection.locationIds[0];
		if (locationId === undefined) throw new Error(`Connection ${change.connection.id} has no location to take units back to`);
		for (const component of componentsOf(state, line.itemId as number)) {
			moveAllocation(
				state,
				change,
				line,
				{ itemId: component.itemId, locationId, quantity: fromBaseline * component.quantity, short: 0 },
				1,
			);
		}
	}
	return {
		...line,
		held: line.held - units,
		baseline: line.baseline - fromBaseline,
		allocations: mergeAllocations(line.allocations, back, -1),
	};
}

/** What leaves an order's line is not owed to it any more. */
export const endOwedOf = (state: ApplyState, change: OrderChange, line: OrderLine, back: readonly Allocation[]): void =>
	releaseOwed(state, change.event, { connectionId: change.connection.id, orderId: change.order.orderId, lineId: line.lineId }, back);

/** Stock, what home must be told, and the shortage: all for one (item, location). */
export function moveAllocation(state: ApplyState, change: OrderChange, line: OrderLine, allocation: Allocation, sign: 1 | -1): void {
	const delta = sign * allocation.quantity;
	const stock = stockAt(state, allocation.itemId, allocation.locationId);
	const deltaOwed = stock.deltaOwed + delta;
	const owing = { ...stock, deltaOwed, owedSince: deltaOwed === 0 ? null : (stock.owedSince ?? state.now) };
	const why = {
		cause: sign < 0 ? ("sale" as const) : ("give-back" as const),
		connectionId: change.connection.id,
		orderId: change.order.orderId,
		lineId: line.lineId,
		occurredAt: change.to,
	};
	moveStock(state, change.event, owing, delta, why);
	if (sign < 0 && allocation.short > 0 && !state.items.get(allocation.itemId)?.sellsWhenOut) {
		const sourceKey = `event:${change.event.id}:${line.lineId}:${stockKey(allocation.itemId, allocation.locationId)}`;
		const already = state.oversells.get(sourceKey);
		state.oversells.set(sourceKey, {
			id: null,
			itemId: allocation.itemId,
			locationId: allocation.locationId,
			connectionId: change.connection.id,
			orderId: change.order.orderId,
			lineId: line.lineId,
			units: allocation.short + (already?.units ?? 0),
			covered: 0,
			state: "open",
			sourceKey,
			occurredAt: change.to,
			placedAt: change.from,
		});
	}
}
