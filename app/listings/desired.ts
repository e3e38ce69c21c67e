import { quantityToShow } from "#domain";
import type { ConnectionRules, Listing } from "./types.ts";

/** Units of an item that a channel may sell: the sum over its locations, what is owed at one subtracted from the others. */
export function sellableUnits(
	locationIds: readonly number[],
	components: readonly { itemId: number; quantity: number }[],
	netOf: (itemId: number, locationId: number) => number,
): number {
	let fewest = Number.POSITIVE_INFINITY;
	for (const { itemId, quantity } of components) {
		let net = 0;
		for (const locationId of locationIds) net += netOf(itemId, locationId);
		fewest = Math.min(fewest, Math.floor(net / quantity));
	}
	return Number.isFinite(fewest) ? fewest : 0;
}

/** What the listing must show now. `null`: not governed (untracked, or sells when out of stock). */
export function desiredFor(
	listing: Pick<Listing, "policy" | "restoreTo">,
	rules: Pick<ConnectionRules, "policy">,
	sellable: number | null,
): number | null {
	if (sellable === null) return null;
	if (listing.restoreTo !== null) return Math.max(0, Math.min(listing.restoreTo, sellable));
	return quantityToShow(listing.policy ?? rules.policy, sellable);
}

/** The figure that the channel must hold, given what it sold unseen by us. */
export const targetOf = (listing: Pick<Listing, "desired" | "unseen">): number | null =>
	listing.desired === null ? null : Math.max(0, listing.desired - listing.unseen);

/** Does the channel have to be looked at or written to? */
export function isDirty(listing: Listing): boolean {
	const target = targetOf(listing);
	if (target === null) return false;
	// Below zero the channel owes units to its own buyers: it sells as little as at zero, and is left alone.
	return (
		listing.shown === null ||
		Math.max(0, listing.shown) !== target ||
		listing.recheck ||
		(listing.seen !== null && listing.seen !== listing.shown)
	);
}

/** `dirtySince` is set only when the listing was clean before: it is what lag is measured from. */
export function settleDirty(listing: Listing, now: number): Listing {
	const seen = listing.seen === listing.shown ? null : listing.seen;
	const next = seen === listing.seen ? listing : { ...listing, seen };
	const dirty = isDirty(next);
	if (dirty && next.dirtySince === null) return { ...next, dirtySince: now };
	if (!dirty && next.dirtySince !== null) return { ...next, dirtySince: null, nextAttemptAt: null };
	return next;
}

/**
 * The effect of an order of this very channel on what its listing shows. The channel lowers (or raises) its own figure by
 * itself; the question is whether the figure we know is from before or after that.
 *
 * `change` = units now held minus units held before. [from, to] = channel's clock: when it happened at the earliest and at
 * the latest; stamps are cut to `resolutionMs`.
 *
 * Surely after our last write: the figure moved with the order, nothing to do for us. Surely before the read that the write was
 * computed from: the read saw the sale already, it pays off `unseen`; what is left over was not in our figure, so the listing
 * becomes dirty and is written. Unsure: believe the lower figure, and look: one more read or write, never a missing one. (To
 * believe the higher one after a cancellation would make the next reading look like a sale that nobody ever tells of.)
 */
export function applyOwnOrder(listing: Listing, sale: { change: number; from: number; to: number }, resolutionMs: number): Listing {
	const touched = { ...listing, ownChanges: listing.ownChanges + 1 };
	const knownAt = listing.writtenAt ?? listing.readAt;
	if (listing.shown === null || knownAt === null) return touched;
	if (sale.from >= knownAt + resolutionMs) return { ...touched, shown: listing.shown - sale.change };
	const paid = Math.min(listing.unseen, Math.max(0, sale.change));
	if (sale.to + resolutionMs <= (listing.readAt ?? knownAt)) return { ...touched, unseen: listing.unseen - paid };
	const shown = listing.shown - Math.max(0, sale.change - paid);
	// The look is due now, whatever it waited for.
	return { ...touched, unseen: listing.unseen - paid, shown, recheck: true, nextAttemptAt: null };
}
