/**
 * Why an order was sold what was not there: computed from what is on record, never guessed. Times are milliseconds since the epoch,
 * each by the clock that stands with it; other clocks than ours may be seconds off, so a hop is never shorter than nothing.
 */
export type Evidence = {
	/** The order that is owed: when the buyer placed it, by its channel's clock. null: home's figure fell below zero, and no order says why. */
	placedAt: number | null;
	/** Ours: its first message was received, and what it sold was taken. */
	heardAt: number | null;
	takenAt: number | null;
	/** How the order's channel stood when the order was placed. */
	standing: "live" | "watching" | "paused" | "listing-paused" | "not-connected";
	/** What took the last units before it, elsewhere. */
	taker: Taker | null;
	/** The order's own channel had sold units of the same before it. */
	soldThereBefore: boolean;
	/** The first figure that the order's channel took after that, as we have it on record. */
	told: Told | null;
	/** Tries to tell it that failed, before it took one or was asked by the buyer. */
	failures: number;
};

export type Taker = {
	kind: "sale" | "home-change" | "bulk" | "gone" | "moved";
	/** By the sender's clock. */
	at: number;
	/** Ours. null: what told of it is not kept any more. */
	heardAt: number | null;
	appliedAt: number;
};
/** Ours: the request left, the answer was there (null: accepted, and not known when it showed). `quantity`: what it was told to show. */
export type Told = { sentAt: number; takenAt: number | null; quantity: number | null };

export const REASONS = [
	"told-late",
	"lockstep-behind",
	"slow-accept",
	"own-checkout",
	"lowered-at-home",
	"lowered-in-bulk",
	"not-sent",
	"at-once",
	"unknown",
] as const;
export type Reason = (typeof REASONS)[number];

/** telling: a channel told of its sale. working: until the other channel was asked. taking: until that channel had it. */
export type HopName = "telling" | "working" | "taking";
/** `ms`: as much of it as passed before the second of the two was bought. `open`: it had not ended by then. */
export type Hop = { name: HopName; from: number; to: number | null; ms: number; open: boolean; slow: boolean };

export type Why = {
	reason: Reason;
	/** Which sale was the first by the clocks; its news is what came too late. */
	first: "taker" | "order" | null;
	hops: Hop[];
	/** How long the slow hop took before it was too late. */
	slowMs: number | null;
};

/** Two people may buy the same at once, and no news is faster; stamps are whole seconds. */
export const AT_ONCE_MS = 2_000;

export function whyOf(evidence: Evidence): Why {
	const { placedAt, taker, told, standing } = evidence;
	const none = (reason: Reason): Why => ({ reason, first: null, hops: [], slowMs: null });
	if (standing !== "live" && placedAt !== null) return { ...chainOf(evidence), reason: "not-sent" };
	if (taker === null) return none(evidence.soldThereBefore && placedAt !== null ? "own-checkout" : "unknown");
	if (placedAt === null) return none(taker.kind === "home-change" || taker.kind === "bulk" ? LOWERED[taker.kind] : "unknown");
	if (told !== null && told.takenAt !== null && told.takenAt <= placedAt) return { ...chainOf(evidence), reason: "own-checkout" };
	if (taker.kind === "home-change" || taker.kind === "gone" || taker.kind === "bulk")
		return { ...chainOf(evidence), reason: LOWERED[taker.kind] };
	// The news of it is gone: who was slow nobody can say.
	if (taker.heardAt === null || (taker.at > placedAt && evidence.heardAt === null)) return none("unknown");
	const chain = chainOf(evidence);
	if (Math.abs(placedAt - taker.at) <= AT_ONCE_MS) return { ...chain, reason: "at-once" };
	const slow = chain.hops.find((hop) => hop.slow);
	return { ...chain, reason: slow ? REASON_OF[slow.name] : "unknown" };
}

/** Nobody bought them: somebody took them off, and no channel was late. */
const LOWERED = { "home-change": "lowered-at-home", gone: "lowered-at-home", bulk: "lowered-in-bulk" } as const;

const REASON_OF: Readonly<Record<HopName, Reason>> = { telling: "told-late", working: "lockstep-behind", taking: "slow-accept" };

/** The way that the news of the first of the two took towards the channel of the second, and what of it was left when that one sold. */
function chainOf({ placedAt, heardAt, takenAt, taker, told }: Evidence): Omit<Why, "reason"> {
	if (placedAt === null || taker === null) return { first: null, hops: [], slowMs: null };
	const first = taker.at <= placedAt ? "taker" : "order";
	const until = first === "taker" ? placedAt : taker.at;
	const stops: [HopName, number | null, number | null][] =
		first === "taker"
			? [
					["telling", taker.at, taker.heardAt],
					["working", taker.heardAt, told?.sentAt ?? null],
					["taking", told?.sentAt ?? null, told?.takenAt ?? null],
				]
			: [
					["telling", placedAt, heardAt],
					["working", heardAt, takenAt],
				];
	const hops = stops.flatMap(([name, from, to]): Hop[] => {
		if (from === null) return [];
		const end = to === null ? until : Math.min(to, until);
		return [{ name, from, to, ms: Math.max(0, end - from), open: to === null || to > until, slow: false }];
	});
	// The longest; of equal ones the earlier, without which the later had been in time.
	const slowest = hops.reduce<Hop | undefined>((most, hop) => (hop.ms > (most?.ms ?? 0) ? hop : most), undefined);
	return { first, hops: hops.map((hop) => ({ ...hop, slow: hop === slowest })), slowMs: slowest?.ms ?? null };
}
