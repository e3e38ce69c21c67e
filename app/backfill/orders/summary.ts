/** What the look at a channel's orders saw, as of the moment at which its last page was read. Each order is one of those below. */
export type OrdersSummary = {
	kind: "orders";
	/** All that were read, each once. */
	orders: number;
	/** Counted here as they are. */
	known: number;
	/** Known here, and changed on the channel since. */
	changed: number;
	/** Not here, and placed since the channel was connected: these take stock. */
	missing: number;
	/** From before the channel was connected, in a state that is not known here: noted, and no stock moves. */
	older: number;
	/** Heard of and not counted: they wait for their turn, or are among the failed updates. Reading them again changes nothing. */
	heard: number;
	/** The channel named them, and what it said of them could not be understood. */
	unreadable: number;
	/** What the missing ones would take; and units of them that are linked to nothing here, and take nothing. */
	units: number;
	unlinked: number;
	/** Of those that are missing: changed in the last moments. Their own message may be on its way. */
	recent: number;
	/** There are more than are looked at beforehand: nothing is said of the others. */
	isCut: boolean;
};

/** An order that is missing or has changed. `placedAt`: the channel's clock, ISO 8601. `units`: what a missing one would take. */
export type ListedOrder = { id: string; name: string; placedAt: string; kind: "missing" | "changed"; units: number };

/** The newest of them stand in the draft, for its sample and its file. */
export const LISTED_MAX = 1_000;

/** Orders that would be counted, or of which nobody knows yet. */
export const isWorthIt = ({ missing, changed, isCut }: OrdersSummary): boolean => missing + changed > 0 || isCut;

/** Is there anything that is not here as the channel has it? */
export const bringsAnything = (summary: OrdersSummary): boolean => isWorthIt(summary) || summary.older + summary.unreadable > 0;
