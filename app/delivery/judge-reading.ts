import { type ChannelError, ListingNotFoundError, RequestRejectedError, RetryableError } from "#app/channels/errors.ts";
import {
	afterAgreement,
	afterFailure,
	afterReading,
	type ListingState,
	owesWrite,
	settle,
	showsSent,
	stillToCome,
	withCurrentAssumptions,
} from "./listing-state.ts";
import { planWrite } from "./plan-write.ts";
import type { ClaimedListing } from "./sql/claim-listings.ts";
import type { Difference } from "./sql/note-differences.ts";

/** What the channel answered for one listing. `readAt`: channel's clock, before the figures were taken. */
export type Answer = { quantity: number | null; managed: boolean; readAt: number } | { error: ChannelError };

export type Judgement =
	/** Orders of the channel were applied while it was being read: the figures speak of different moments. */
	| { verdict: "read-again" }
	| { verdict: "write"; listing: ListingState; quantity: number; reading: number; difference: Difference | null }
	/** Nothing to send: right already, waiting, or only watched (`wouldSend`). */
	| { verdict: "settled"; listing: ListingState; wouldSend: number | null; agreed: boolean; difference: Difference | null }
	| { verdict: "failed"; listing: ListingState; error: ChannelError };

/**
 * Decides on one locked listing with its reading. The figure to send comes from the row as it is now, so it is the newest
 * there is, however old the wake that led here (R16).
 */
export function judgeReading(
	locked: ListingState,
	asked: ClaimedListing,
	answer: Answer | undefined,
	context: { now: number; watching: boolean; ownSalesLower: boolean; appliesLater: boolean; pace: number; lastReading: boolean },
): Judgement {
	const { now } = context;
	if (locked.desired === null || !locked.deliverable) return settled(locked, now, locked.desired === null);
	const figure = readable(locked, answer);
	if ("error" in figure) return { verdict: "failed", listing: afterFailure(locked, figure.error, now), error: figure.error };
	const listing = withCurrentAssumptions(locked, figure.quantity, now);

	const ordersCame = listing.ownChanges !== asked.ownChanges;
	const apart = ordersCame && listing.shown !== asked.shown;
	if (apart && !context.lastReading) return { verdict: "read-again" };

	const { quantity: reading, readAt } = figure;
	const toCome = isToCome(listing, reading);
	if (toCome) {
		if ((listing.uncertainUntil ?? 0) <= now) return notApplied(listing, now);
		// A lower figure than the accepted one is written over it at once; anything else waits until it shows.
		if (Math.max(0, locked.desired - listing.unseen) >= (listing.sent ?? 0))
			return { verdict: "settled", listing: stillToCome(listing, now), wouldSend: null, agreed: false, difference: null };
	}
	const plan = planWrite(
		{
			desired: locked.desired,
			shown: listing.shown,
			unseen: listing.unseen,
			// What has not come yet explains nothing of the reading.
			sent: toCome ? null : listing.sent,
			before: apart ? { shown: asked.shown, unseen: asked.unseen } : null,
			applied: listing.acceptedAt !== null && showsSent(listing, reading),
			pending: listing.acceptedAt !== null && !showsSent(listing, reading) ? listing.sent : null,
			mayStillLand: listing.uncertainUntil !== null && listing.uncertainUntil > now,
			pace: context.pace,
			ownSalesLower: context.ownSalesLower,
		},
		reading,
	);
	const difference = raisedElsewhere(listing, reading, now);
	// The lower figure may as well be an earlier write of ours that has shown by now, which no order will ever claim.
	const assumedOfPlan = plan.action === "write" ? plan.assumed : 0;
	const isLastLook = listing.lateUntil !== null && listing.lateUntil <= now;
	const isDoubtful = context.appliesLater && (isLastLook || (listing.uncertainUntil ?? 0) > now);
	const doubted = isDoubtful ? Math.max(0, plan.unseen - assumedOfPlan - listing.unseen) : 0;
	const next = afterReading(listing, { reading, readAt, plan, doubted, seenBefore: asked.seen, ordersCame, apart, now });
	switch (plan.action) {
		case "write":
			if (!context.watching) return { verdict: "write", listing: next, quantity: plan.quantity, reading, difference };
			// Nothing is sent while the merchant only watches (R42), so there is nothing to come back for until the figure changes, and
			// nothing is sold on the way of a write that never leaves.
			return {
				verdict: "settled",
				listing: rest(withoutWrite(next, listing, plan.assumed)),
				// Without what the write would have assumed to be sold on its way: it has none.
				wouldSend: plan.quantity + plan.assumed,
				agreed: false,
				difference,
			};
		case "wait":
			return {
				verdict: "settled",
				listing: lookLater(settle(next, { now, since: null }), now),
				wouldSend: null,
				agreed: false,
				difference,
			};
		case "none":
			return { verdict: "settled", listing: afterAgreement(next, now), wouldSend: null, agreed: owesWrite(listing), difference };
	}
}

/** The channel has accepted a write and shows what it showed before, less what orders say was sold there since. */
const isToCome = ({ acceptedAt, sent, shown }: ListingState, reading: number): boolean =>
	acceptedAt !== null && reading === shown && reading !== sent;

/** It said yes and did nothing: written again, and after some times a person is told. */
class NotAppliedError extends RetryableError {
	override readonly errorClass = "not-applied";
}
function notApplied(listing: ListingState, now: number): Judgement {
	const error = new NotAppliedError(`The channel accepted ${listing.sent} for the listing ${listing.externalId} and has not applied it`);
	return { verdict: "failed", listing: afterFailure({ ...listing, sent: null, acceptedAt: null }, error, now), error };
}

/** A raise that has to wait is looked at this often; what must fall meanwhile does not wait for that (sql/due.ts). */
const RAISE_PAUSE_MS = 1_000;
const lookLater = (listing: ListingState, now: number): ListingState => ({ ...listing, nextAttemptAt: now + RAISE_PAUSE_MS });

/** Not governed any more: nothing to do. Paused or unlinked meanwhile: it stays as it is until somebody lets it go on. */
const settled = (listing: ListingState, now: number, free: boolean): Judgement => ({
	verdict: "settled",
	listing: free ? settle({ ...listing, recheck: false, seen: null }, { now, since: null }) : listing,
	wouldSend: null,
	agreed: false,
	difference: null,
});

const rest = (listing: ListingState): ListingState => ({ ...listing, recheck: false, seen: null, dirtySince: null, nextAttemptAt: null });

const withoutWrite = (next: ListingState, { assumed, assumedUntil, inDoubt }: ListingState, ofWrite: number): ListingState => ({
	...next,
	sent: null,
	unseen: next.unseen - ofWrite,
	assumed,
	assumedUntil,
	inDoubt,
});

function readable(listing: ListingState, answer: Answer | undefined): { quantity: number; readAt: number } | { error: ChannelError } {
	if (answer === undefined) return { error: new ListingNotFoundError(`The channel does not know the listing ${listing.externalId}`) };
	if ("error" in answer) return answer;
	if (answer.quantity === null || !answer.managed) {
		return {
			error: new RequestRejectedError(
				`The channel keeps no stock for the listing ${listing.externalId}: it sells without end. Switch stock management on there.`,
				{ code: "stock-not-managed" },
			),
		};
	}
	return { quantity: answer.quantity, readAt: answer.readAt };
}

/** Only where we were sure of what the channel showed does a higher figure say that somebody else writes there too. */
function raisedElsewhere(listing: ListingState, reading: number, now: number): Difference | null {
	const sure = listing.sent === null && !listing.recheck && (listing.uncertainUntil ?? 0) <= now;
	if (!sure || listing.shown === null || reading <= listing.shown) return null;
	return { listingId: listing.id, expected: listing.shown, found: reading, cause: "raised-elsewhere" };
}
