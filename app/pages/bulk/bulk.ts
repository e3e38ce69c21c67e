import type { BulkProblem, BulkSet, ListedOrder } from "#app/backfill/index.ts";

/** What the pages of bulk changes know. Times are ISO 8601. */
export type BulkView = Omit<BulkSet, "askedAt" | "readAt" | "confirmedAt" | "doneAt" | "undoneAt" | "since" | "actor"> & {
	who: string;
	/** Of one that reads a channel again: which. */
	channel: string | null;
	askedAt: string;
	readAt: string | null;
	confirmedAt: string | null;
	doneAt: string | null;
	undoneAt: string | null;
	since: string | null;
};

/** One line of what is changed, in words. */
export type BulkLine = {
	key: string;
	line: number | null;
	sku: string;
	product: string;
	/** A location or a channel. */
	where: string;
	what: "Quantity" | "Rule" | "Paused" | "Linked";
	from: string;
	to: string;
	result: string;
};

export type BulkPage = BulkView & {
	asOf: string;
	problemsShown: BulkProblem[];
	sample: BulkLine[];
	/** Of a channel's orders: the newest that are missing or have changed. */
	ordersShown: ListedOrder[];
	/** How confirming it is offered: as what one would do, as what one may do, or not at all. */
	offer: "first" | "second" | "none";
	/** Why the one who asks cannot confirm it; null: they can. */
	refused: string | null;
};
