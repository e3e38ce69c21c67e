import { mergeAllocations, type Order, type OrderLine, release } from "#ledger";
import { type ApplyState, connectionOf, orderKey } from "./state.ts";
import { endOwedOf, governed, moveAllocation, type OrderChange, takeParts } from "./take.ts";

/**
 * A home line whose held units change by `units`. Home lowers the figure of the variant that it sold and knows nothing of what the
 * merchant made in Lockstep, so the parts are taken here and home is owed them, as if a guest had sold them; they come back
 * along the stored allocation, whatever the kit is made of by then. Units that were sold before it was a kit took no parts and
 * give none back; of a line that holds both, the kits leave first.
 */
export function moveKit(state: ApplyState, change: OrderChange, line: OrderLine, units: number): OrderLine {
	const moved = { ...line, held: line.held + units };
	if (units < 0) return giveKitsBack(state, change, moved, Math.min(line.kitUnits, -units));
	if (line.itemId === null || !state.kits.has(line.itemId) || !governed(state, line.itemId)) return moved;
	if (isIdleCopy(state, change.order)) return moved;
	const taken = takeParts(state, change, line, units, placesOf(state, change));
	return {
		...moved,
		// Units from before the connection's cut that have gone since are not there any more.
		baseline: Math.min(line.baseline, line.held - line.kitUnits),
		kitUnits: line.kitUnits + units,
		allocations: mergeAllocations(line.allocations, taken, 1),
	};
}

function giveKitsBack(state: ApplyState, change: OrderChange, line: OrderLine, kits: number): OrderLine {
	const back = release(line.allocations, line.kitUnits, kits);
	for (const allocation of back) moveAllocation(state, change, line, allocation, 1);
	endOwedOf(state, change, line, back);
	return { ...line, kitUnits: line.kitUnits - kits, allocations: mergeAllocations(line.allocations, back, -1) };
}

/**
 * Another app's copy of a guest's order that leaves home's stock alone is no sale of its own: its kits take no parts. One that was
 * heard of before its order gives back what it took.
 */
export function idleCopies(state: ApplyState, change: OrderChange, applied: Order): void {
	const copies =
		applied.connectionId === state.homeConnectionId
			? [applied]
			: [...state.orders.values()].filter((o) => o.connectionId === state.homeConnectionId && o.sourceIdentifier === applied.orderId);
	const connection = connectionOf(state, state.homeConnectionId);
	for (const order of copies) {
		if (!isIdleCopy(state, order) || [...order.lines.values()].every((line) => line.kitUnits === 0)) continue;
		const of = { ...change, connection, order };
		const lines = new Map([...order.lines].map(([id, line]) => [id, giveKitsBack(state, of, line, line.kitUnits)]));
		state.orders.set(orderKey(order.connectionId, order.orderId), { ...order, lines });
	}
}

const isIdleCopy = (state: ApplyState, copy: Order): boolean =>
	copy.sourceIdentifier !== null &&
	[...state.connections.values()].some(
		(c) => c.mirror === "leaves-stock" && state.orders.get(orderKey(c.id, copy.sourceIdentifier as string)) !== undefined,
	);

/** Where the order says it was sold (the till), then where home sells from online; a shop without any of these still owes the parts. */
function placesOf(state: ApplyState, { connection, location }: OrderChange): number[] {
	const said = location === null ? undefined : state.locations.get(location);
	const places = [...(said ? [said.id] : []), ...connection.locationIds.filter((id) => id !== said?.id)];
	return places.length > 0 ? places : [...state.locations.values()].map(({ id }) => id);
}
