import type { ChannelError } from "#app/channels/errors.ts";
import { targetOf } from "#listings";
import { backoffMs } from "./backoff.ts";
import type { WritePlan } from "./plan-write.ts";

/**
 * What delivery reads and changes of a listing while it holds the row's lock. Times in milliseconds; `readAt` and `writtenAt`
 * by the channel's clock, the others by the database's.
 */
export type ListingState = {
	id: number;
	externalId: string;
	parentExternalId: string | null;
	itemId: number;
	desired: number | null;
	desiredMovementId: number;
	landedMovementId: number;
	shown: number | null;
	unseen: number;
	/** Of `unseen`, and until when they are not given back; kept until nothing is unseen, for what is left is in doubt. */
	assumed: number;
	assumedUntil: number | null;
	/** Of `unseen`, at most so many are no sale and nobody's doing: all that was ever assumed since nothing was unseen. */
	inDoubt: number;
	/** `unseen` as delivery left it; orders have claimed the difference since. */
	unseenSaved: number;
	/** Both are the last moment for which `shown` is known: of a reading, or of a write and the reading that it followed. */
	readAt: number | null;
	writtenAt: number | null;
	originalQuantity: number | null;
	/** The figure of a write of unknown outcome, or one that the channel has yet to apply; set as its request leaves. */
	sent: number | null;
	/** The reading that `sent` was computed from. */
	sentOver: number | null;
	sentAlone: boolean;
	/** The channel took `sent` and applies it later. */
	acceptedAt: number | null;
	ownChanges: number;
	recheck: boolean;
	seen: number | null;
	uncertainUntil: number | null;
	/** What was accepted and overtaken may show until then, although nothing waits for it: there is a last look at that moment. */
	lateUntil: number | null;
	parked: boolean;
	/** Linked, and neither paused by the merchant nor parked by us. */
	deliverable: boolean;
	dirtySince: number | null;
	nextAttemptAt: number | null;
	attempts: number;
	attemptsClass: string | null;
};

/** Per class of error: what five tries with growing pauses do not mend waits for a person (R18). */
const ATTEMPTS_MAX = 5;
/** The order of a sale usually comes within moments of the channel's "this product changed": look only after that. */
const SEEN_PATIENCE_MS = 3_000;

/** Orders mostly come within seconds; a unit that was taken for sold and was not is offered again after this. */
const ASSUMED_MS = 10_000;
/** And one that was missed while writes of ours were still to show after this, as channels that apply late also tell late. */
const DOUBTED_MS = 60_000;

/**
 * Brings the units that were taken for sold on the way of a write up to date, before a reading is judged. What orders claimed is
 * no assumption any more; unless the channel shows less than it should by as many: then those orders were sold after the write,
 * and the assumption stands. What no order has claimed in time is given back.
 */
export function withCurrentAssumptions(listing: ListingState, reading: number, now: number): ListingState {
	if (listing.assumedUntil === null) return listing;
	if (listing.assumedUntil <= now) {
		return { ...listing, unseen: listing.unseen - Math.min(listing.assumed, listing.unseen), assumed: 0 };
	}
	const claimed = Math.min(listing.assumed, Math.max(0, listing.unseenSaved - listing.unseen));
	const missing = Math.max(0, (listing.shown ?? reading) - reading);
	return { ...listing, assumed: listing.assumed - claimed + Math.min(claimed, missing) };
}

/**
 * A reading is as good as a write: at `readAt` the channel showed exactly this. Orders that are applied from here on are
 * judged by that moment: those from before it pay off `unseen`, those from after it lower `shown`. So this is saved before the
 * write leaves, and a killed worker leaves a listing that still tells the truth.
 */
export function afterReading(
	listing: ListingState,
	{ reading, readAt, plan, doubted, seenBefore, ordersCame, apart, now }: ReadingTaken,
): ListingState {
	const assumed = doubted + (plan.action === "write" ? plan.assumed : 0);
	const assumedMs = doubted > 0 ? DOUBTED_MS : ASSUMED_MS;
	const doubtEnds = assumed === 0 && plan.unseen === 0 && listing.assumed === 0;
	return {
		...listing,
		shown: reading,
		unseen: plan.unseen,
		assumed: listing.assumed + assumed,
		assumedUntil: assumed > 0 ? Math.max(now + assumedMs, listing.assumedUntil ?? 0) : doubtEnds ? null : listing.assumedUntil,
		inDoubt: doubtEnds ? 0 : listing.inDoubt + assumed,
		readAt,
		writtenAt: readAt,
		originalQuantity: listing.originalQuantity ?? reading,
		sent: null,
		acceptedAt: null,
		// What asked for a look while the reading was under way may speak of a later moment.
		recheck: (listing.recheck && ordersCame) || apart,
		seen: listing.seen === seenBefore ? null : listing.seen,
		...doubtAfter(listing, reading, now),
	};
}

/** Of what was accepted before a write that shows by now: at least so long, and so many times as long as that write took. */
const OVERTAKEN_MIN_MS = 30_000;
const OVERTAKEN_TIMES = 4;
/** Where the channel has moved, but to a figure that only the newest write and sales together explain. */
const MOVED_MIN_MS = 120_000;

/**
 * Where the newest of several accepted writes shows, an older one that is still to come was overtaken by it, although it went
 * out before. It is waited for in proportion to what the newer one took, and not for the whole horizon, which is the bound of
 * a write that nobody has seen anything of: sales in quick succession are lowered by writes that overlap, and a listing that
 * could not be raised for the horizon after each of them would hardly be raised on a good day. The horizon is the last look.
 */
function doubtAfter(listing: ListingState, reading: number, now: number): Pick<ListingState, "uncertainUntil" | "lateUntil"> {
	const lateUntil = listing.lateUntil !== null && listing.lateUntil <= now ? null : listing.lateUntil;
	const { uncertainUntil, acceptedAt } = listing;
	if (uncertainUntil === null || isSettled(listing, reading, now)) return { uncertainUntil: null, lateUntil };
	if (acceptedAt === null) return { uncertainUntil, lateUntil };
	const shows = showsSent(listing, reading);
	if (!shows && reading === listing.shown) return { uncertainUntil, lateUntil };
	const until = now + Math.max(shows ? OVERTAKEN_MIN_MS : MOVED_MIN_MS, OVERTAKEN_TIMES * (now - acceptedAt));
	if (until >= uncertainUntil) return { uncertainUntil, lateUntil };
	return { uncertainUntil: until, lateUntil: Math.max(uncertainUntil, lateUntil ?? 0) };
}

/** Nothing that we sent can still land: its time is over, or the only such write has. */
const isSettled = (listing: ListingState, reading: number, now: number): boolean =>
	listing.uncertainUntil === null || listing.uncertainUntil <= now || (listing.sentAlone && showsSent(listing, reading));

/**
 * The channel shows exactly what the newest write carried, less what orders say was sold there since, and did not show it
 * before. (Sales could have brought a figure down to the very unit that was sent; the channel's own word of a late change, or
 * the next reading, would show it.)
 */
export function showsSent({ sent, sentOver, shown }: ListingState, reading: number): boolean {
	if (sent === null || reading === shown) return false;
	const soldSince = sentOver === null || shown === null ? 0 : sentOver - shown;
	return reading === sent || reading === sent - soldSince;
}
export type ReadingTaken = {
	reading: number;
	/** Channel's clock. */
	readAt: number;
	plan: WritePlan;
	/** Of `plan.unseen`, what a write of ours that has yet to show would explain as well. */
	doubted: number;
	/** `seen` when the reading was asked for. */
	seenBefore: number | null;
	/** Orders of this channel were applied to the listing while the reading was under way. */
	ordersCame: boolean;
	/** They changed what we believe it shows, and the reading may be from before or after them: it is looked at once more. */
	apart: boolean;
	now: number;
};

/**
 * The channel took `quantity`. Own orders that were applied while the write was under way count as sold after it, and the
 * listing is looked at again: if they were before it, the write gave their units back, and the next reading shows that.
 */
export function afterLanding(listing: ListingState, landed: Landed): ListingState {
	const soldMeanwhile = landed.reading - (listing.shown ?? landed.reading);
	const next: ListingState = {
		...listing,
		shown: landed.quantity - soldMeanwhile,
		writtenAt: landed.writtenAt,
		sent: null,
		acceptedAt: null,
		recheck: listing.recheck || listing.ownChanges !== landed.ownChanges,
		landedMovementId: landed.movementId,
		attempts: 0,
		attemptsClass: null,
	};
	return settle(next, { now: landed.now, since: landed.plannedAt });
}
export type Landed = {
	reading: number;
	quantity: number;
	/** Channel's clock. */
	writtenAt: number;
	/** As they were when the write was planned. */
	ownChanges: number;
	movementId: number;
	plannedAt: number;
	now: number;
};

/** The channel showed the right figure without a call. */
export function afterAgreement(listing: ListingState, now: number): ListingState {
	return settle({ ...listing, landedMovementId: listing.desiredMovementId, attempts: 0, attemptsClass: null }, { now, since: null });
}

/** Nobody knows what became of the write. The next reading may hold it; until `until` it may land after anything we do. */
export function afterUnknown(listing: ListingState, until: number): ListingState {
	return { ...listing, uncertainUntil: Math.max(until, listing.uncertainUntil ?? 0), recheck: true };
}

/** The channel took the write and will apply it, or refuse it, later: it is looked at until its figure shows. */
export function afterAccepted(listing: ListingState, { until, now }: { until: number; now: number }): ListingState {
	const followed = { ...afterUnknown(listing, until), acceptedAt: now };
	return lookAgain(settle(followed, { now, since: null }), now);
}

/** Of a write that was accepted the figure shows as little as before: looked at after a third of the time it has taken so far. */
export function stillToCome(listing: ListingState, now: number): ListingState {
	return lookAgain(settle({ ...listing, recheck: true }, { now, since: null }), now);
}

const FOLLOW_MIN_MS = 5_000;
const FOLLOW_MAX_MS = 120_000;
const lookAgain = (listing: ListingState, now: number): ListingState => ({
	...listing,
	nextAttemptAt: now + Math.min(FOLLOW_MAX_MS, Math.max(FOLLOW_MIN_MS, (now - (listing.acceptedAt ?? now)) / 3)),
});

/**
 * The channel failed this one listing. What is hopeless, or has been tried often enough, is parked; another figure to show
 * does not make it any better.
 */
export function afterFailure(listing: ListingState, error: ChannelError, now: number): ListingState {
	const attempts = listing.attemptsClass === error.errorClass ? listing.attempts + 1 : 1;
	const parked = !error.retryable || attempts >= ATTEMPTS_MAX;
	return {
		...listing,
		attempts,
		attemptsClass: error.errorClass,
		nextAttemptAt: parked ? null : now + backoffMs(attempts),
		parked: listing.parked || parked,
	};
}

/** Clean, or dirty since when and due when. `since`: a reached figure's next step starts there; null keeps what was. */
export function settle(listing: ListingState, { now, since }: { now: number; since: number | null }): ListingState {
	const settled = { ...listing, seen: listing.seen === listing.shown ? null : listing.seen };
	const dirty = { ...settled, recheck: true, dirtySince: since ?? settled.dirtySince ?? now, nextAttemptAt: null };
	if (settled.recheck) return dirty;
	if (owesWrite(settled)) return { ...dirty, recheck: false };
	if (listing.uncertainUntil !== null && listing.uncertainUntil > now) return dirty;
	if (settled.seen !== null) return { ...dirty, recheck: false, nextAttemptAt: now + SEEN_PATIENCE_MS };
	if (settled.assumed > 0 && settled.unseen > 0) return { ...dirty, nextAttemptAt: settled.assumedUntil };
	return { ...settled, dirtySince: null, nextAttemptAt: null };
}

/** Below zero a channel sells as little as at zero. */
export function owesWrite(listing: Pick<ListingState, "desired" | "unseen" | "shown">): boolean {
	const target = targetOf(listing);
	return target !== null && (listing.shown === null || Math.max(0, listing.shown) !== target);
}
