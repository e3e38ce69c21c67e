import type { Side } from "#dead-letters";

export const SIDES = ["updates", "messages"] as const satisfies readonly Side[];

export type FailedPage = {
	asOf: string;
	channels: { id: number; name: string }[];
	/** What there is, by channel, operation and kind: those that nobody has looked at first, then the most. */
	problems: ProblemRow[];
	rows: FailedRow[];
	pages: { before: string | null; after: string | null };
	/** How many match, up to a bound; `throughId`: the newest when this was counted, so that "all" means those that were counted. */
	matching: { count: number; more: boolean; throughId: number };
	/** Nothing has failed, whatever the filter. */
	isEmpty: boolean;
};

export type ProblemRow = {
	id: number;
	side: Side;
	channelId: number;
	channel: string;
	operation: string;
	errorClass: string;
	count: number;
	state: "open" | "acknowledged" | "ignored";
	/** It was over before, and came back. */
	isBack: boolean;
	beganAt: string;
	lastAt: string;
	/** Of the newest failure: the channel's own words. */
	error: string;
	decided: { who: string; at: string } | null;
};

export type FailedRow = {
	id: number;
	side: Side;
	channelId: number;
	channel: string;
	/** "Blue mug", or of a message its topic. */
	subject: string;
	sku: string;
	itemId: number | null;
	errorClass: string;
	error: string;
	attempts: number;
	firstAt: string;
	lastAt: string;
	canTryAgain: boolean;
};

export type FailedDetail = FailedRow & {
	asOf: string;
	state: "open" | "replayed" | "resolved" | "discarded";
	decided: { who: string; at: string; reason: string | null } | null;
	/** Now, as it would be sent; null: it is about no listing. */
	figures: { now: number | null; shows: number | null } | null;
	tries: {
		id: number;
		at: string;
		quantity: number | null;
		outcome: string;
		error: string | null;
		status: number | null;
		requestId: string | null;
	}[];
	/** What was sent or received, as it is kept: nothing personal, nothing secret. */
	payload: string | null;
	correlationId: string;
};
