import type { Allocation, Stock } from "./types.ts";

/** How `units` of one item are taken from the locations that feed a channel, in the given order; the rest is short. */
export function allocate(stocks: readonly Stock[], itemId: number, locationIds: readonly number[], units: number): Allocation[] {
	const taken: Allocation[] = [];
	let left = units;
	for (const locationId of locationIds) {
		if (left <= 0) break;
		const stock = stocks.find((s) => s.itemId === itemId && s.locationId === locationId);
		const take = Math.min(left, Math.max(0, stock?.net ?? 0));
		if (take > 0) {
			taken.push({ itemId, locationId, quantity: take, short: 0 });
			left -= take;
		}
	}
	if (left > 0) {
		// The marketplace has sold it already: it cannot be refused, so it is owed, at the first location that stocks the item.
		const owing = locationIds.find((id) => stocks.some((s) => s.itemId === itemId && s.locationId === id)) ?? locationIds[0];
		if (owing === undefined)
			throw new Error(`No location to owe ${left} units of item ${itemId} at: a channel must have at least one location`);
		const row = taken.find((a) => a.locationId === owing);
		if (row) {
			row.quantity += left;
			row.short += left;
		} else taken.push({ itemId, locationId: owing, quantity: left, short: left });
	}
	return taken;
}

/**
 * What of a line's stored allocation is given back when it goes from `counted` units to `counted − units`. Per component the
 * same share is given back, so a bundle that was changed meanwhile gives back what was taken, not what it is made of today. A
 * substitute counts as the component that it stands in for. Owed units first, then the location taken from last.
 */
export function release(allocations: readonly Allocation[], counted: number, units: number): Allocation[] {
	if (counted <= 0 || units <= 0) return [];
	const back: Allocation[] = [];
	for (const component of new Set(allocations.map(componentOf))) {
		const own = allocations.filter((a) => componentOf(a) === component);
		const total = own.reduce((sum, a) => sum + a.quantity, 0);
		let left = total - Math.floor((total * (counted - units)) / counted);
		const order = [...own].reverse().sort((a, b) => Number(b.short > 0) - Number(a.short > 0));
		for (const a of order) {
			const quantity = Math.min(left, a.quantity);
			if (quantity <= 0) continue;
			back.push({ ...a, quantity, short: Math.min(quantity, a.short) });
			left -= quantity;
		}
	}
	return back;
}

/** Stored allocation plus (sign 1) or minus (sign −1) a change; rows that reach zero go. */
export function mergeAllocations(stored: readonly Allocation[], change: readonly Allocation[], sign: 1 | -1): Allocation[] {
	const merged = stored.map((a) => ({ ...a }));
	for (const c of change) {
		const row = merged.find((a) => a.itemId === c.itemId && a.locationId === c.locationId && componentOf(a) === componentOf(c));
		if (row) {
			row.quantity += sign * c.quantity;
			row.short = Math.max(0, row.short + sign * c.short);
		} else merged.push({ ...c, quantity: sign * c.quantity, short: Math.max(0, sign * c.short) });
	}
	return merged.filter((a) => a.quantity !== 0 || a.short !== 0);
}

/** What of the sold thing the units stand for. */
const componentOf = (allocation: Allocation): number => allocation.insteadOf ?? allocation.itemId;
