import type { BulkProblem, BulkSet } from "#app/backfill/index.ts";

/** What the pages of bulk changes know. Times are ISO 8601. */
export type BulkView = Omit<BulkSet, "askedAt" | "readAt" | "confirmedAt" | "doneAt" | "since" | "actor"> & {
	who: string;
	/** Of one that reads a channel again: which. */
	channel: string | null;
	askedAt: string;
	readAt: string | null;
	confirmedAt: string | null;
	doneAt: string | null;
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
	/** Why the one who asks cannot confirm it; null: they can. */
	refused: string | null;
};
