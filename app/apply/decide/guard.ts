import type { Stock } from "#ledger";
import { desiredFor, sellableUnits } from "#listings";
import { moveStock, stocksOf } from "./move.ts";
import { type ApplyState, type BatchEvent, type ChangeSet, componentsOf, type HeldChange, stockKey } from "./state.ts";

/** What home changes by itself within this time belongs together, whoever or whatever does it, and however slowly it comes. */
export const WINDOW_MS = 15 * 60_000;

/**
 * Home changed a figure by itself, by more or less than nothing (an edit, a feed, another app). It counts at once, unless it is
 * one of too many within a while that take products off the channels, or raise them: then it waits for somebody's approval.
 * What waits is taken back from the net, and only there: home's own figure stands as home says, so that sales, our deltas and
 * later readings are explained as ever. `row` has the change in it already; `was` is the row before. Returns the row as it stands then.
 */
export function guardChange(
	state: ApplyState,
	event: BatchEvent,
	row: Stock,
	{ was, readAt, counted }: { was: Stock; readAt: number; counted: boolean },
): Stock {
	const key = stockKey(row.itemId, row.locationId);
	const known = state.held.get(key);
	const heldBefore = known?.state === "held" ? known : undefined;
	const approved = was.net;
	const says = row.net - row.withheld;
	const effect = effectOf(state, row, { from: approved, to: says });
	const kind = effect === "emptied" ? "zero" : effect;
	const line: HeldChange = {
		...{ itemId: row.itemId, locationId: row.locationId, kind: kind ?? "zero", setId: null, state: "passed" as const },
		...{ former: heldBefore?.former ?? approved, toFigure: says, readAt, at: state.now },
		formerReadAt: heldBefore?.formerReadAt ?? was.homeReadAt,
		counted: effect !== "emptied",
	};
	if (kind === null || says === approved) return withhold(state, event, end(state, row, heldBefore), 0, readAt);
	const setId = heldBefore?.kind === kind ? heldBefore.setId : counted || heldBefore ? setFor(state, line, known) : null;
	if (setId === null) {
		const passes = withhold(state, event, end(state, row, heldBefore), 0, readAt);
		// What home takes back of what it did just now is no new change.
		if (counted) state.held.set(key, undoes(known, line) ? { ...line, state: "mended", setId: known?.setId ?? null } : line);
		return passes;
	}
	state.held.set(key, { ...line, state: "held", setId });
	const set = state.sets.get(setId);
	if (set) state.sets.set(setId, { ...set, lastAt: state.now, keptAt: null });
	return withhold(state, event, row, approved - says, readAt);
}

/**
 * So much of home's own change turns out to be known after all: an order that came late, our own write. Of what waits, that
 * part waits no longer: a sale is never held. `units`: home's change, below zero for a sale. Returns the row as it stands then.
 */
export function releaseKnown(state: ApplyState, event: BatchEvent, row: Stock, { units, at }: { units: number; at: number }): Stock {
	const key = stockKey(row.itemId, row.locationId);
	const known = state.held.get(key);
	if (known?.state === "passed" && known.kind === "zero" && units < 0 && row.homeUnexplained === 0 && known.readAt === row.homeReadAt) {
		state.held.set(key, { ...known, state: "mended" });
	}
	if (row.withheld === 0) return row;
	// Against the change that waits: that one was larger by so much.
	const part = row.withheld > 0 ? Math.max(-row.withheld, units) : Math.min(-row.withheld, units);
	const next = withhold(state, event, row, row.withheld + part, at);
	return next.withheld === 0 ? end(state, next, known) : next;
}

/**
 * The same for units that home took at one of several places, and that were looked for at `row` first. `since`: what home's
 * changes that wait are younger than, by home's clock, has it in them; null: any may.
 */
export function releaseSold(
	state: ApplyState,
	event: BatchEvent,
	row: Stock,
	sold: { units: number; at: number; since: number | null },
): void {
	let left = sold.units;
	for (const one of [row, ...stocksOf(state, row.itemId).filter((s) => s.locationId !== row.locationId)]) {
		const line = state.held.get(stockKey(one.itemId, one.locationId));
		if (line?.state === "held" ? sold.since !== null && sold.since < (line.formerReadAt ?? 0) : one !== row) continue;
		left -= one.net - releaseKnown(state, event, one, { units: -left, at: sold.at }).net;
		if (left <= 0) return;
	}
}

/** Sets what waits of a row, and books the difference: it counts from now on, or no longer. */
export function withhold(state: ApplyState, event: BatchEvent, row: Stock, withheld: number, at: number): Stock {
	const why = { cause: "held" as const, connectionId: state.homeConnectionId, occurredAt: at };
	return moveStock(state, event, { ...row, withheld }, withheld - row.withheld, why);
}

/** What waited is no longer there to be decided. */
function end(state: ApplyState, row: Stock, held: HeldChange | undefined): Stock {
	if (held?.state === "held") state.held.set(stockKey(row.itemId, row.locationId), { ...held, state: "mended" });
	return row;
}

/** Raised again to no more than it was before it was taken to nothing unasked. */
const undoes = (known: HeldChange | undefined, line: HeldChange): boolean =>
	known?.state === "passed" && known.kind === "zero" && line.kind === "raise" && line.toFigure <= known.former;

/** The set that a change must wait in; null: it is one of few and counts. */
function setFor(state: ApplyState, line: HeldChange, known: HeldChange | undefined): number | null {
	if (undoes(known, line)) return null;
	for (const set of state.sets.values()) if (set.closedAt === null && set.lastAt > state.now - WINDOW_MS) return set.id;
	const allowed = state.limits[line.kind];
	if (allowed === null || !line.counted) return null;
	const passed = countPassed(state, line);
	if (passed < allowed) return null;
	const set: ChangeSet = {
		...{ id: state.eventId, kind: line.kind, allowed, passed },
		...{ openedAt: state.now, lastAt: state.now, closedAt: null, keptAt: null },
	};
	state.sets.set(set.id, set);
	return set.id;
}

/** Other products that were let through within the window. */
function countPassed(state: ApplyState, { kind, itemId }: HeldChange): number {
	const items = new Set<number>();
	for (const line of state.held.values()) {
		if (line.state === "passed" && line.counted && line.kind === kind && line.itemId !== itemId && line.at > state.now - WINDOW_MS)
			items.add(line.itemId);
	}
	return state.passedElsewhere[kind] + items.size;
}

/**
 * What the change would do to the channels that are written to: take a listing to nothing, raise one, or neither. A bundle's
 * listing falls with its parts. Lower but not to nothing is safe, and can be a sale whose order is still to come; only that this
 * place is empty now is told apart (emptied).
 */
function effectOf(state: ApplyState, row: Stock, { from, to }: { from: number; to: number }): "zero" | "emptied" | "raise" | null {
	let raises = false;
	let lowers = false;
	for (const itemId of [row.itemId, ...(state.bundlesOf.get(row.itemId) ?? [])]) {
		for (const listingId of state.listingsOf.get(itemId) ?? []) {
			const shows = (net: number) => figureWith(state, listingId, itemId, row, net);
			const [before, after] = [shows(from), shows(to)];
			if (before === null || after === null) continue;
			if (before > 0 && after === 0) return "zero";
			if (after > before) raises = true;
			if (after < before) lowers = true;
		}
	}
	if (raises) return "raise";
	return lowers && from > 0 && to <= 0 ? "emptied" : null;
}

/** What a listing would show if the row's net were this; null: its channel is not written to, or the item is not governed. */
function figureWith(state: ApplyState, listingId: number, itemId: number, row: Stock, net: number): number | null {
	const listing = state.listings.get(listingId);
	const rules = listing && state.connections.get(listing.connectionId);
	if (!listing || !rules?.isWritten) return null;
	return wantedFigure(state, { listing, rules, itemId }, (item, location) =>
		item === row.itemId && location === row.locationId ? net : (state.stock.get(stockKey(item, location))?.net ?? 0),
	);
}

type Wanted = { listing: Parameters<typeof desiredFor>[0]; rules: ReturnType<ApplyState["connections"]["get"]> & object; itemId: number };

/** What a listing must show, by these figures. `null`: stock is not kept of everything that it is made of. */
export function wantedFigure(
	state: ApplyState,
	{ listing, rules, itemId }: Wanted,
	netOf: (itemId: number, locationId: number) => number,
): number | null {
	const components = componentsOf(state, itemId);
	const governed = components.every((c) => {
		const item = state.items.get(c.itemId);
		return item?.tracked === true && !item.sellsWhenOut;
	});
	return desiredFor(listing, rules, governed ? sellableUnits(rules.locationIds, components, netOf) : null);
}
