import { settleDirty } from "#listings";
import { decideApproval } from "./approval.ts";
import { decideLanded, decideVoid } from "./delta.ts";
import { decideEdit } from "./edit.ts";
import { wantedFigure, withhold } from "./guard.ts";
import { decideSeen, decideWatermark } from "./listing.ts";
import { moveStock, stocksOf } from "./move.ts";
import { decideOrder } from "./order.ts";
import { coverOversells, decideMove, decideSubstitute } from "./owed.ts";
import { absorb, decideReading, openEffects } from "./reading.ts";
import { type ApplyState, type BatchEvent, stockKey, type Verdict } from "./state.ts";

/**
 * Decides a batch: pure, no I/O. Each event is decided on the state that the ones before it left; one that throws is undone
 * and parked alone. Returns a verdict per event, in order; what changed is in the state's drafts and lists.
 */
export function decide(state: ApplyState, events: readonly BatchEvent[]): Verdict[] {
	return events.map((event) => {
		const lists = [state.movements, state.endings, state.fetches, state.complaints, state.differences, state.mirrorSources];
		const lengths = lists.map((list) => list.length);
		state.ordinal = 0;
		state.eventId = event.id;
		state.touched.clear();
		try {
			const verdict = decideOne(state, event);
			coverOversells(state, event);
			refreshListings(state);
			for (const draft of draftsOf(state)) draft.keep();
			return verdict;
		} catch (error) {
			for (const draft of draftsOf(state)) draft.undo();
			for (const [i, list] of lists.entries()) list.length = lengths[i] as number;
			return { outcome: "parked", error: error instanceof Error ? error.message : String(error), errorClass: "cannot-apply" };
		}
	});
}

const draftsOf = (state: ApplyState) => [
	...[state.stock, state.predictions, state.deltas, state.orders, state.listings, state.oversells],
	...[state.held, state.sets, state.edits],
];

function decideOne(state: ApplyState, batchEvent: BatchEvent): Verdict {
	const { event } = batchEvent;
	const ask = (kind: "order" | "levels" | "product" | "location", externalId: string, reason: string): Verdict => {
		state.fetches.push({ connectionId: batchEvent.connectionId, kind, externalId, dueAt: state.now, reason });
		return { outcome: "applied", note: "asked for" };
	};
	switch (event.type) {
		case "order.snapshot":
			return decideOrder(state, batchEvent, event);
		case "order.hint":
			return ask("order", event.orderId, event.reason);
		case "home.reading":
			return decideReading(state, batchEvent, event);
		case "home.level-hint":
			return ask("levels", event.itemExternalId, event.reason);
		case "home.product-hint":
			return ask("product", event.productExternalId, "product changed");
		case "home.location-hint":
			return ask("location", event.locationExternalId, "location changed");
		case "home.item": {
			// The catalogue's rows are written before the state is loaded; here only what depends on them is looked at again.
			const itemId = state.itemByExternal.get(event.itemExternalId);
			if (itemId !== undefined) state.touched.add(itemId);
			return { outcome: "applied", note: "item" };
		}
		case "home.location":
			return { outcome: "applied", note: "location" };
		case "home.item-gone":
			return decideGone(state, batchEvent, event);
		case "listing.seen":
			return decideSeen(state, batchEvent, event);
		case "listing.gone":
			return { outcome: "ignored", note: "the next write will say so" };
		case "delta.landed":
			return decideLanded(state, batchEvent, event);
		case "delta.void":
			return decideVoid(state, batchEvent, event.batchId);
		case "home.approval":
			return decideApproval(state, batchEvent, event);
		case "orders.watermark":
			return decideWatermark(state, batchEvent, event.watermark);
		case "owed.move":
			return decideMove(state, batchEvent, event);
		case "owed.substitute":
			return decideSubstitute(state, batchEvent, event);
		case "stock.edit":
			return decideEdit(state, batchEvent, event);
		default: {
			const unknown: never = event;
			throw new Error(`No rule for the event ${JSON.stringify(unknown)}`);
		}
	}
}

/** Home no longer has the item: nothing of it can be sold anywhere. What was owed to home is void with it. */
function decideGone(
	state: ApplyState,
	event: BatchEvent,
	gone: { itemExternalId: string | null; productExternalId: string | null },
): Verdict {
	const ids =
		gone.itemExternalId !== null
			? [state.itemByExternal.get(gone.itemExternalId)]
			: (state.itemsOfProduct.get(gone.productExternalId ?? "") ?? []);
	for (const itemId of ids) {
		if (itemId === undefined) continue;
		for (const held of stocksOf(state, itemId)) {
			for (const effect of openEffects(state, itemId, held.locationId)) absorb(state, effect);
			const stock = withhold(state, event, held, 0, event.receivedAt);
			const line = state.held.get(stockKey(itemId, held.locationId));
			if (line?.state === "held") state.held.set(stockKey(itemId, held.locationId), { ...line, state: "mended" });
			const emptied = { ...stock, homeQuantity: 0, homeUnexplained: 0, deltaOwed: 0, owedSince: null };
			moveStock(state, event, emptied, -stock.net, { cause: "gone", connectionId: event.connectionId, occurredAt: event.receivedAt });
		}
		state.touched.add(itemId);
	}
	return { outcome: "applied", note: "item gone" };
}

/** Every listing that a moved item feeds, its bundles' included, is told what it must show now. */
export function refreshListings(state: ApplyState, itemIds: Iterable<number> = state.touched): void {
	const wanted = new Set<number>();
	for (const itemId of itemIds) {
		wanted.add(itemId);
		for (const bundle of state.bundlesOf.get(itemId) ?? []) wanted.add(bundle);
	}
	if (wanted.size === 0) return;
	const netOf = (itemId: number, locationId: number) => state.stock.get(stockKey(itemId, locationId))?.net ?? 0;
	for (const itemId of wanted) {
		for (const listingId of state.listingsOf.get(itemId) ?? []) {
			const listing = state.listings.get(listingId);
			const rules = listing && state.connections.get(listing.connectionId);
			if (!listing || !rules) continue;
			const desired = wantedFigure(state, { listing, rules, itemId }, netOf);
			const next = settleDirty(desired === listing.desired ? listing : { ...listing, desired }, state.now);
			if (next !== listing) state.listings.set(listingId, next);
		}
	}
}
