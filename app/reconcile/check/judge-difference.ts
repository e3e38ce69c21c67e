/** Why a figure differed. Of one that is being looked into nobody knows: unknown. */
export type Cause = "late" | "rejected" | "another-writer" | "unmapped" | "clamped" | "unknown";

/** What has happened to a listing since it was found to differ. */
export type ListingFacts = {
	cause: Cause;
	expected: number | null;
	found: number | null;
	linkState: "linked" | "unlinked" | "ignored" | null;
	/** Its figure is ours to say. */
	governed: boolean;
	parked: boolean;
	paused: boolean;
	/** It waits for delivery: nobody has read it yet, or what was read is being put right. */
	dirty: boolean;
	shown: number | null;
	/** It shows what it must. Not so where the channel is only watched. */
	inStep: boolean;
	/** Units that it shows too few, and whose orders may still come. */
	unseen: number;
	/** It was read singly after it was marked. */
	judged: boolean;
	lookedAgain: boolean;
	/** Units of this channel's orders that have come since, and were sold before it was found. */
	lateUnits: number;
	/** A figure of ours that the channel took since. */
	landed: number | null;
	/** How often the channel took that very figure: more than once, and another one had come back in between. */
	landedTimes: number;
	/** Figures that nobody's order or write explains, recorded since by delivery and apply (table `difference`). */
	elsewhere: readonly number[];
	/** A later run has ended and did not find it. */
	overtaken: boolean;
};

/** What has happened at home to what differed there. */
export type HomeFacts = {
	kind: "level" | "item";
	expected: number | null;
	/** What home says now, by the newest reading; null: nothing is held. */
	figure: number | null;
	/** A reading at least as new as what was found was taken. */
	read: boolean;
	/** Its product is being asked for. */
	asked: boolean;
	/** The change waits for somebody's approval. */
	held: boolean;
	/** Of an item: it is among ours. */
	known: boolean;
};

export type Judged =
	| { verdict: "wait" }
	/** To be read singly, once more or because its mark was lost. `again`: a figure of ours was written, and whether it stays is asked. */
	| { verdict: "look"; again: boolean }
	/** It does not end by itself. */
	| { verdict: "open"; cause: Cause }
	| { verdict: "over"; state: "mended" | "explained"; cause: Cause; figure: number | null };

/** What became of a difference of a guest's listing, by what has happened since. */
export function judgeListing(facts: ListingFacts): Judged {
	const { cause, shown, elsewhere, landed } = facts;
	const over = (state: "mended" | "explained", why: Cause): Judged => ({ verdict: "over", state, cause: why, figure: shown });
	if (cause === "unmapped") return facts.linkState === "unlinked" ? { verdict: "open", cause } : over("mended", cause);
	// Nobody's figure any more.
	if (facts.linkState !== "linked" || !facts.governed || facts.paused) return over("explained", cause);
	if (facts.parked) return { verdict: "open", cause: "rejected" };
	if (facts.dirty) return { verdict: "wait" };
	if (cause === "rejected") return over("mended", cause);
	if (cause === "clamped") return facts.overtaken && facts.unseen === 0 ? over("mended", cause) : { verdict: "open", cause };
	// An order that came the moment after has taken the mark away with it.
	if (!facts.judged) return { verdict: "look", again: false };
	if (facts.lookedAgain && isBack(facts)) return { verdict: "open", cause: "clamped" };
	if (facts.unseen > 0) return { verdict: "wait" };
	if (landed !== null && !facts.lookedAgain) return { verdict: "look", again: true };
	if (elsewhere.length > 0) return over(facts.inStep ? "mended" : "explained", "another-writer");
	return over(landed === null ? "explained" : "mended", isLate(facts) ? "late" : "unknown");
}

/** Orders that we had not heard of account for all that was missing; whatever was written since was for something else. */
const isLate = ({ expected, found, lateUnits }: ListingFacts): boolean =>
	expected !== null && found !== null && found < expected && lateUnits >= expected - found;

/** The channel took our figure, and another one is back, or was and had to be written over again. */
const isBack = ({ found, shown, unseen, landed, landedTimes, elsewhere }: ListingFacts): boolean =>
	landed !== null && ((unseen > 0 && shown === found) || landedTimes > 1 || elsewhere.filter((figure) => figure === found).length > 1);

/** Home wins: once its own word was taken the difference is over, and a message of it never came, or came late. */
export function judgeHome({ kind, expected, figure, read, asked, held, known }: HomeFacts): Judged {
	if (kind === "item") {
		if (asked) return { verdict: "wait" };
		return { verdict: "over", state: known ? "mended" : "explained", cause: "late", figure: null };
	}
	if (held || (!read && asked)) return { verdict: "wait" };
	if (!read) return { verdict: "over", state: "explained", cause: "late", figure };
	return { verdict: "over", state: figure === expected ? "explained" : "mended", cause: "late", figure };
}
