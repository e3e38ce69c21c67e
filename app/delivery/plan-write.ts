/** Figures of one listing at the moment its reading is judged; the row is locked. Quantities in whole units. */
export type ListingFigures = {
	/** What the listing must show, by everything we know. */
	desired: number;
	/** What we believe the channel shows; null until it was read once. */
	shown: number | null;
	/** Units that the channel had sold at the last reading and whose orders we do not have yet. */
	unseen: number;
	/** The figure of an earlier write of unknown outcome: the reading may hold it. */
	sent: number | null;
	/** The reading is just what that write makes, which the channel had accepted. */
	applied: boolean;
	/** A figure that the channel has accepted and, by the reading, not applied so far. */
	pending: number | null;
	/** As it was when the reading was asked for, where orders of the channel were applied since and changed `shown`. */
	before: { shown: number | null; unseen: number } | null;
	/** An earlier write may still land: what we raise now, it could raise again over sales. */
	mayStillLand: boolean;
	/** Units that the channel itself sold in the last ten seconds, by the orders that we have. */
	pace: number;
	/** The channel's own sale lowers its own figure. Where it does not, a lower reading says nothing about sales. */
	ownSalesLower: boolean;
};

/** `unseen`: what to remember, whatever is done. */
export type WritePlan =
	/** `assumed`: of `unseen`, units that we did not see but that are probably sold before the write lands. */
	| { action: "write"; quantity: number; unseen: number; assumed: number }
	/** The channel shows the right figure already. */
	| { action: "none"; unseen: number }
	/** It must be raised, and not now. */
	| { action: "wait"; unseen: number };

/**
 * What to write over `reading`, if anything. A reading below what the channel should hold means sales whose orders we do not
 * have: an absolute write of `desired` would give those units to buyers a second time, so they are left out of it until their
 * orders come. A reading above means that somebody raised the figure, or a restock that we have not heard of: our figure stands.
 */
export function planWrite(figures: ListingFigures, reading: number): WritePlan {
	const unseen = unseenUnits(figures, reading);
	const quantity = Math.max(0, figures.desired - unseen);
	// Below zero the channel owes units to its own buyers. Zero sells as little, and writing it would let the next cancellation
	// there offer a unit that is owed.
	if (quantity === Math.max(0, reading)) return { action: "none", unseen };
	// What is lower than a figure on its way raises nothing.
	const raises = quantity > reading && (figures.pending === null || quantity >= figures.pending);
	if ((raises && figures.mayStillLand) || (quantity > reading && sellsOutSoon(figures, reading, unseen))) return { action: "wait", unseen };
	const assumed = quantity < reading ? Math.min(quantity, soldOnTheWay(figures, reading, unseen)) : 0;
	return { action: "write", quantity: quantity - assumed, unseen: unseen + assumed, assumed };
}

/** From reading to write: two halves of a call, and what it waited for. Measured on stores: 0.3 to 0.8 s. */
const ON_THE_WAY_SECONDS = 1;

/**
 * Between reading and write the channel may sell, and an absolute write gives that unit to buyers again. On a listing that
 * lasts for long the order comes and corrects it; one that sells out within a minute could sell the unit twice before. So such
 * a one is raised when it has sold out: a channel that shows nothing sells nothing in between, and the raise is exact.
 */
const sellsOutSoon = ({ pace, ownSalesLower }: ListingFigures, reading: number, unseen: number): boolean =>
	ownSalesLower && reading > 0 && reading <= pace * TEN_SECONDS_IN_MINUTE + unseen;
const TEN_SECONDS_IN_MINUTE = 6;

/**
 * And when it must be lowered, what it probably sells on the way is taken for sold at once: the orders pay it off, or it is
 * given back after some seconds. Simulated over 200 days each (simulation.test.ts), 40 units that two channels sell out in 10 to
 * 20 s, orders up to 0.5 s and up to 4 s late: oversold 1.6 and 3.4 units a day without this, 0.04 and 0.45 with it.
 */
const soldOnTheWay = (figures: ListingFigures, reading: number, unseen: number): number =>
	sellsOutSoon(figures, reading, unseen) ? Math.max(1, Math.ceil((figures.pace / 10) * ON_THE_WAY_SECONDS)) : 0;

/** A raise of so few units may be sold out before it is heard of: then the larger number of sales is believed. */
const SMALL_RAISE = 2;

function unseenUnits(figures: ListingFigures, reading: number): number {
	const { desired, shown, unseen, sent, before } = figures;
	if (!figures.ownSalesLower) return 0;
	if (shown === null) return unseen;
	let units = unseen + Math.max(0, shown - reading);
	if (figures.applied) {
		units = unseen;
	} else if (figures.pending !== null && figures.pending > shown + SMALL_RAISE && reading <= shown) {
		// It has probably not been applied yet, and units were sold of what was there before. That it was, and all of it sold
		// unheard and more, would take a rush; to believe that would hold back the whole raise until orders are polled.
		units = unseen + shown - reading;
	} else if (sent !== null && sent > shown) {
		// A raise that may have landed, and units of it may have been sold since.
		units = unseen + Math.max(0, sent - reading);
	} else if (sent !== null && reading <= sent) {
		// Our lowering landed, or sales brought the figure down. If what we must show has not risen since, then believing the
		// first raises nothing; if it has, only the second is safe.
		const landed = unseen + sent - reading;
		if (desired - landed <= reading) units = landed;
	}
	// The reading and `shown` speak of different moments, and reading again has not helped: the larger number of sales counts.
	if (before !== null && before.shown !== null) units = Math.max(units, before.unseen + Math.max(0, before.shown - reading));
	return units;
}
