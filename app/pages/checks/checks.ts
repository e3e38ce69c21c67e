import type { Cause } from "#reconcile";

export const CAUSES = ["another-writer", "late", "rejected", "clamped", "unmapped", "unknown"] as const satisfies readonly Cause[];
export const DIFFERENCE_STATES = ["waiting", "open", "mended", "explained"] as const;
export type DifferenceState = (typeof DIFFERENCE_STATES)[number];

export type CheckRun = {
	id: number;
	channelId: number;
	channel: string;
	isHome: boolean;
	/** waits: it has not begun, or waits for the channel; `note` says for what. */
	state: "waits" | "running" | "done" | "failed";
	/** null: by the clock. */
	who: string | null;
	askedAt: string;
	beganAt: string | null;
	endedAt: string | null;
	/** About so many are to be read. */
	expected: number;
	read: number;
	compared: number;
	explained: number;
	tolerated: number;
	found: number;
	mended: number;
	added: number;
	note: string | null;
};

/** A channel with its newest check; null: there was none. */
export type CheckedChannel = {
	id: number;
	name: string;
	isHome: boolean;
	/** false: it is paused, or does not count yet. */
	canCheck: boolean;
	tolerance: number;
	/** Of its differences: being looked into, and waiting for a person. */
	waiting: number;
	open: number;
	run: CheckRun | null;
};

/** Differences of the last days by channel and cause. */
export type CauseSum = { channelId: number; channel: string; cause: Cause; count: number; open: number };

export type DifferenceRow = {
	id: number;
	kind: "listing" | "level" | "item";
	channelId: number;
	channel: string;
	isHome: boolean;
	/** Of a figure in Shopify: the location. */
	place: string | null;
	itemId: number | null;
	sku: string;
	title: string;
	/** null: not there, or without a figure. */
	expected: number | null;
	found: number | null;
	cause: Cause;
	state: DifferenceState;
	foundAt: string;
	settledAt: string | null;
	figure: number | null;
};

export type DifferenceList = { rows: DifferenceRow[]; pages: { before: string | null; after: string | null } };

export type ChecksPage = {
	asOf: string;
	channels: CheckedChannel[];
	sums: CauseSum[];
	/** The newest checks of all channels. */
	runs: CheckRun[];
	differences: DifferenceList;
	/** Nothing has ever differed. */
	isEmpty: boolean;
};

export type CheckRunPage = { asOf: string; run: CheckRun; differences: DifferenceList };

export type DifferencePage = DifferenceRow & {
	asOf: string;
	/** The newest check that found it, and how many did. */
	runId: number;
	times: number;
	/** An update met it, between two checks or before this one did. */
	byUpdate: boolean;
	/** Where its listing can be looked at: linked, or tried again. */
	listingId: number | null;
	failureId: number | null;
};
