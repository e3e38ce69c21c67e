/** What is told of. The words that merchants read are in mail/words.ts and in the settings page. */
export const ALERT_KINDS = ["oversell", "approval", "failures", "lag", "unreachable", "writer", "totals", "paused"] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

export type AlertKindFacts = {
	/** It is told of when it has lasted so long: what passes by itself tells nobody. */
	forMs: number;
	/** null: any of it. The unit is the kind's: failed updates, or seconds. */
	threshold: { default: number; min: number; max: number } | null;
};

const MINUTE_MS = 60_000;

export const KIND_FACTS: Readonly<Record<AlertKind, AlertKindFacts>> = {
	/** Units are owed to a buyer. */
	oversell: { forMs: 0, threshold: null },
	/** A mass change in Shopify waits for a word: what is mended within moments tells nobody. */
	approval: { forMs: 30_000, threshold: null },
	/** More updates and messages wait for a person than this. */
	failures: { forMs: 0, threshold: { default: 50, min: 0, max: 10_000 } },
	/** Of the last quarter of an hour's sales one in a hundred took longer, in seconds, to reach a channel. */
	lag: { forMs: 5 * MINUTE_MS, threshold: { default: 5, min: 1, max: 3_600 } },
	/** A channel cannot be reached, or refuses us. */
	unreachable: { forMs: 2 * MINUTE_MS, threshold: null },
	/** More often than this in a day something else changed a channel's stock, or set stock in Shopify back to before our updates. */
	writer: { forMs: 0, threshold: { default: 5, min: 0, max: 1_000 } },
	/** Of a week's orders, units, sums or figures more than this many in a thousand differ between a channel and us (R26: 0.1%). */
	totals: { forMs: 0, threshold: { default: 1, min: 0, max: 1_000 } },
	/** Listings that somebody paused sell nothing although there is stock: a day is meant, a week is mostly forgotten. */
	paused: { forMs: 24 * 60 * MINUTE_MS, threshold: null },
};

/** A channel that applies updates by itself, later, is slow after so many seconds and not after those of the others. */
export const LATE_CHANNEL_SECONDS = 600;
