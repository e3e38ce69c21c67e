import type { OwedMove, OwedSubstitute } from "#domain";
import { type Allocation, allocate, mergeAllocations, type Order, type OrderLine, type Oversell, type OwedEnd } from "#ledger";
import { moveStock, stockAt, stocksOf } from "./move.ts";
import { type ApplyState, type BatchEvent, orderKey, stockKey, type Verdict } from "./state.ts";

/**
 * Stock covers what is owed where it came, the order that waits longest first, and the oversell closes by itself. Never more than the
 * item as a whole is no longer short of: a copy at home may have taken the units of an order at another place.
 */
export function coverOversells(state: ApplyState, event: BatchEvent): void {
	for (const itemId of state.touched) {
		const open = [...state.oversells.values()].filter((o) => o.itemId === itemId && o.state === "open").sort(oldestFirst);
		if (open.length === 0) continue;
		const sumOf = (some: readonly Oversell[]) => some.reduce((sum, o) => sum + owedOf(o), 0);
		let covered = sumOf(open) - stocksOf(state, itemId).reduce((sum, s) => sum + Math.max(0, -s.net), 0);
		for (const locationId of new Set(open.map((o) => o.locationId))) {
			const here = open.filter((o) => o.locationId === locationId);
			const owed = Math.max(0, -(state.stock.get(stockKey(itemId, locationId))?.net ?? 0));
			let covers = Math.min(covered, sumOf(here) - owed);
			for (const oversell of here) {
				if (covers <= 0) break;
				const units = Math.min(covers, owedOf(oversell));
				covers -= units;
				covered -= units;
				endOwed(state, event, oversell, { how: "covered", units, by: "system" });
			}
		}
	}
}

const owedOf = (oversell: Oversell): number => oversell.units - oversell.covered;
const placedAt = (oversell: Oversell): number => oversell.placedAt ?? oversell.occurredAt;
/** Stamps are whole seconds: of two of one second the one that was heard of first; one of this very batch is the newest. */
const oldestFirst = (a: Oversell, b: Oversell): number =>
	placedAt(a) - placedAt(b) || (a.id ?? Number.POSITIVE_INFINITY) - (b.id ?? Number.POSITIVE_INFINITY) || 0;

/** Units that leave an order are not owed to it any more: its own oversells end with them, whoever else waits for the item. */
export function releaseOwed(
	state: ApplyState,
	event: BatchEvent,
	of: { connectionId: number; orderId: string; lineId: string },
	back: readonly Allocation[],
): void {
	for (const { itemId, locationId, quantity } of back) {
		let left = quantity;
		for (const oversell of [...state.oversells.values()]) {
			if (left <= 0) break;
			if (oversell.state !== "open" || oversell.itemId !== itemId || oversell.locationId !== locationId) continue;
			if (oversell.connectionId !== of.connectionId || oversell.orderId !== of.orderId || oversell.lineId !== of.lineId) continue;
			const units = Math.min(left, owedOf(oversell));
			left -= units;
			endOwed(state, event, oversell, { how: "cancelled", units, by: "system" });
		}
	}
}

/** A person takes an order's owed units from another location: as many as are owed still and free there at this moment. */
export function decideMove(state: ApplyState, event: BatchEvent, wish: OwedMove): Verdict {
	const owed = findOwed(state, wish);
	if (!owed) return NOTHING_OWED;
	const { oversell, order, line, held } = owed;
	if (wish.locationId === oversell.locationId) return { outcome: "ignored", note: "it is owed there" };
	const units = Math.min(owed.units, Math.max(0, stockAt(state, oversell.itemId, wish.locationId).net));
	if (units === 0) return { outcome: "ignored", note: "nothing is free there" };
	const moved = [{ itemId: oversell.itemId, locationId: wish.locationId, quantity: units, short: 0 }];
	exchange(state, event, { order, line, given: [{ ...held, quantity: units, short: Math.min(units, held.short) }], taken: moved });
	endOwed(state, event, oversell, { how: "moved", units, by: wish.actor, to: { locationId: wish.locationId } });
	return { outcome: "applied", note: `${units} moved` };
}

/** A person sends another item: as many as are owed still and free where the order's channel sells from. */
export function decideSubstitute(state: ApplyState, event: BatchEvent, wish: OwedSubstitute): Verdict {
	const owed = findOwed(state, wish);
	if (!owed) return NOTHING_OWED;
	const { oversell, order, line, held } = owed;
	const itemId = wish.substituteItemId;
	// A bundle is not taken as a part of something else, and of what is not counted nobody knows whether it is there.
	if (itemId === oversell.itemId || state.components.has(itemId) || !state.items.get(itemId)?.tracked)
		return { outcome: "ignored", note: "cannot be sent instead" };
	const locationIds = state.connections.get(order.connectionId)?.locationIds ?? [];
	const stocks = stocksOf(state, itemId);
	const free = stocks.filter((s) => locationIds.includes(s.locationId)).reduce((sum, s) => sum + Math.max(0, s.net), 0);
	const units = Math.min(owed.units, free);
	if (units === 0) return { outcome: "ignored", note: "nothing is free there" };
	const insteadOf = held.insteadOf ?? held.itemId;
	const taken = allocate(stocks, itemId, locationIds, units).map((a) => ({ ...a, insteadOf }));
	exchange(state, event, { order, line, given: [{ ...held, quantity: units, short: Math.min(units, held.short) }], taken });
	endOwed(state, event, oversell, { how: "substituted", units, by: wish.actor, to: { itemId } });
	return { outcome: "applied", note: `${units} substituted` };
}

const NOTHING_OWED: Verdict = { outcome: "ignored", note: "nothing is owed any more" };

type Owed = { oversell: Oversell; order: Order; line: OrderLine; held: Allocation; units: number };

/** What is owed still of an oversell, and what its order's line holds for it. Home's own orders hold nothing here: home holds it. */
function findOwed(state: ApplyState, wish: { oversellId: number }): Owed | undefined {
	const oversell = [...state.oversells.values()].find((o) => o.id === wish.oversellId && o.state === "open");
	const order = oversell && state.orders.get(orderKey(oversell.connectionId, oversell.orderId));
	const line = order?.lines.get(oversell?.lineId ?? "");
	const held = line?.allocations.find(
		(a) => a.itemId === oversell?.itemId && a.locationId === oversell.locationId && a.insteadOf === undefined,
	);
	if (!oversell || !order || !line || !held) return undefined;
	const units = Math.min(owedOf(oversell), held.quantity);
	return units > 0 ? { oversell, order, line, held, units } : undefined;
}

/** The line gives some of what it holds back and takes the same number of units elsewhere; home is told both. */
function exchange(
	state: ApplyState,
	event: BatchEvent,
	{ order, line, given, taken }: { order: Order; line: OrderLine; given: readonly Allocation[]; taken: readonly Allocation[] },
): void {
	const why = {
		cause: "moved" as const,
		connectionId: order.connectionId,
		orderId: order.orderId,
		lineId: line.lineId,
		occurredAt: event.receivedAt,
	};
	for (const [allocations, sign] of [[given, 1] as const, [taken, -1] as const]) {
		for (const { itemId, locationId, quantity } of allocations) {
			const stock = stockAt(state, itemId, locationId);
			const deltaOwed = stock.deltaOwed + sign * quantity;
			moveStock(
				state,
				event,
				{ ...stock, deltaOwed, owedSince: deltaOwed === 0 ? null : (stock.owedSince ?? state.now) },
				sign * quantity,
				why,
			);
		}
	}
	const allocations = mergeAllocations(mergeAllocations(line.allocations, given, -1), taken, 1);
	const lines = new Map(order.lines).set(line.lineId, { ...line, allocations });
	state.orders.set(orderKey(order.connectionId, order.orderId), { ...order, lines });
}

type End = { how: OwedEnd; units: number; by: string; to?: { locationId?: number; itemId?: number } };

/** Some of an oversell's units are not owed any more; with the last one it is over. */
function endOwed(state: ApplyState, event: BatchEvent, oversell: Oversell, { how, units, by, to = {} }: End): void {
	if (units <= 0) return;
	const { moved, cancelled, substituted } = oversell.ended ?? { moved: 0, cancelled: 0, substituted: 0 };
	const covered = oversell.covered + units;
	const ended = {
		moved,
		cancelled,
		substituted,
		by,
		...(how === "covered" ? {} : { [how]: { moved, cancelled, substituted }[how] + units }),
	};
	state.oversells.set(oversell.sourceKey, { ...oversell, covered, ended, state: covered === oversell.units ? how : "open" });
	state.endings.push({
		sourceKey: oversell.sourceKey,
		itemId: oversell.itemId,
		how,
		units,
		left: oversell.units - covered,
		by,
		eventId: event.id,
		locationId: to.locationId ?? oversell.locationId,
		substituteItemId: to.itemId ?? null,
	});
}
