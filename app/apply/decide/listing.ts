import type { ListingSeen } from "#domain";
import { type ApplyState, type BatchEvent, linkKey, type Verdict } from "./state.ts";

/** The order of a sale usually comes within moments of the channel's "this product changed": look only after that. */
const SEEN_PATIENCE_MS = 3_000;

/** A channel tells its own figure: our echo, the effect of a sale, or somebody's edit. Only the last needs us (R20). */
export function decideSeen(state: ApplyState, event: BatchEvent, seen: ListingSeen): Verdict {
	const link = state.links.get(linkKey(event.connectionId, seen.listingExternalId));
	const listing = link && state.listings.get(link.listingId);
	if (!listing) return { outcome: "ignored", note: "not linked" };
	if (seen.quantity === null) return { outcome: "ignored", note: "the channel keeps no stock for it" };
	if (listing.shown === null || seen.quantity === listing.shown) {
		if (listing.seen !== null) state.listings.set(listing.id, { ...listing, seen: null });
		state.touched.add(listing.itemId);
		return { outcome: "ignored", note: "echo" };
	}
	const nextAttemptAt = listing.dirtySince === null ? state.now + SEEN_PATIENCE_MS : listing.nextAttemptAt;
	state.listings.set(listing.id, { ...listing, seen: seen.quantity, nextAttemptAt });
	state.touched.add(listing.itemId);
	return { outcome: "applied", note: "the channel shows another figure: to be looked at" };
}

/** A store lowers its stock before it stamps the order; a request on a slow store takes no longer than this. */
const WATERMARK_MARGIN_MS = 15_000;
export const watermarkBound = (watermark: string) => Date.parse(watermark) - WATERMARK_MARGIN_MS;

/**
 * Every order up to the watermark is in. Units that the channel was short of and that no order paid for: another writer, but for
 * those that may be of our own making, and where they are all that is left nobody is named.
 */
export function decideWatermark(state: ApplyState, event: BatchEvent, watermark: string): Verdict {
	let found = 0;
	for (const listing of [...state.listings.values()]) {
		if (listing.connectionId !== event.connectionId || listing.unseen === 0) continue;
		if (listing.unseenAt === null || listing.unseenAt >= watermarkBound(watermark)) continue;
		const missing = listing.unseen - listing.inDoubt;
		if (missing > 0) {
			state.differences.push({
				connectionId: listing.connectionId,
				listingId: listing.id,
				expected: (listing.shown ?? 0) + missing,
				found: listing.shown ?? 0,
				cause: "another-writer",
			});
			found++;
		}
		state.listings.set(listing.id, { ...listing, unseen: 0, recheck: true });
		state.touched.add(listing.itemId);
	}
	return { outcome: "applied", note: `${found} listings were changed by somebody else` };
}
