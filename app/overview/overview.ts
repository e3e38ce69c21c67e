/**
 * What the overview page knows of a shop. Times are ISO 8601, never "seconds ago": the same state reads the same a moment later,
 * so that an unchanged page is answered with 304.
 */
export type Overview = {
	asOf: string;
	firstImport: FirstImport;
	/** Home first, then by name. Disconnected ones are left out. */
	channels: ChannelOverview[];
	/** Messages from channels that are stored and not applied yet. */
	waiting: { messages: number; since: string | null };
	/** `count` and `units` of the last 24 hours; `open` and `unitsOwed` of all times. Those still owed come first; at most 5 are listed. */
	oversells: { count: number; units: number; open: number; unitsOwed: number; newest: OversellLine[] };
	/** Mass changes in Shopify that wait for approval, newest first. */
	approvals: WaitingChanges[];
	/** Listings on which a channel took our figure and keeps its own. */
	keptFigures: number;
	/** Listings that stay paused after an oversell, as the shop wants it, and that have stock to sell. */
	keptPaused: number;
	/** Consents that end within weeks, or have ended, soonest first. Empty where no channel is connected by one that ends. */
	consents: EndingConsent[];
	/** Versions of connected channels' APIs that end within weeks, or have ended: Lockstep must be updated. */
	versions: EndingVersion[];
	/** Of what e-mails tell as well: channels whose updates are slow, and those with pauses that may have been forgotten. */
	alerts: ChannelAlert[];
	/** What could not succeed and waits for a person; listed are the kinds of it, those that nobody looks after and that are many first. */
	attention: { updates: Counted; messages: Counted; problems: Counted; newest: AttentionLine[] };
	/** `orders`: of the last 24 hours. `newest` first, at most 8. */
	sales: { orders: Counted; newest: SaleLine[] };
};

/** A count that stops at a bound: `{ count: 10_000, more: true }` is read "10,000+". */
export type Counted = { count: number; more: boolean };

export type FirstImport =
	| { state: "waiting" }
	/** `total` is null until Shopify has told how many there are. */
	| { state: "reading"; done: number; total: number | null }
	| { state: "done" }
	| { state: "failed"; reason: string };

export type ChannelOverview = {
	id: number;
	/** Registry id of the kind of channel (`woocommerce`). */
	channel: string;
	name: string;
	account: string;
	isHome: boolean;
	state: "connecting" | "watching" | "live" | "paused";
	health: { state: "green" | "degraded" | "red"; reason: string | null; since: string };
	/** Listings that follow an item. For home: its stock figures, one per item and location. */
	listings: number;
	/** Listings that no item was found for. */
	unlinked: number;
	/** Of `listings`: what does not show its figure yet. Watched channels: what would be changed on going live. */
	behind: number;
	behindSince: string | null;
	/** Of `listings`: not touched because the merchant paused them. */
	pausedListings: number;
	/** From the sale elsewhere to this channel, over the newest samples of 24 hours. null: no sale had to go there. */
	lag: { p50Ms: number; p99Ms: number; samples: number } | null;
};

export type WaitingChanges = { id: number; kind: "zero" | "raise"; since: string; products: number; passed: number };

/** `count`: of slow updates the seconds that the slowest of a hundred took, of pauses the listings with stock, of another writer how often in a day, of totals the comparison. */
export type ChannelAlert = {
	kind: "lag" | "paused" | "writer" | "totals";
	connectionId: number;
	channel: string;
	since: string;
	count: number;
};

export type EndingVersion = { name: string; pinned: string; endsAt: string; hasEnded: boolean };

export type EndingConsent = { connectionId: number; channel: string; endsAt: string };

/**
 * How long sales took to reach each channel, by the hour on the clock (UTC), oldest first. An hour in which nothing had to be
 * told has no figure.
 */
export type LagHours = { asOf: string; hours: string[]; channels: { id: number; hours: (LagHour | null)[] }[] };
export type LagHour = { p50Ms: number; p99Ms: number; samples: number };

export type OversellLine = {
	id: number;
	at: string;
	itemId: number;
	sku: string;
	title: string;
	channel: string;
	order: string | null;
	units: number;
	owed: number;
};

/** A kind of failure on one channel, by its newest one. */
export type AttentionLine = {
	id: number;
	connectionId: number;
	operation: string;
	errorClass: string;
	/** How many there are of it. */
	failures: number;
	at: string;
	direction: "in" | "out";
	channel: string;
	/** What it is about, as far as we know it ("Blue mug · MUG-BLUE", "Order #1001"). */
	subject: string;
	error: string;
	/** Of the newest one. */
	attempts: number;
};

export type SaleLine = {
	id: number;
	at: string;
	channel: string;
	order: string;
	sku: string;
	title: string;
	units: number;
	/** Left at home's locations after this sale; below zero: owed. */
	left: number;
	/** All listings of the item show the new figure. */
	inStep: boolean;
};

/** What the merchant calls a connection. */
export type NameOf = (connectionId: number) => string;
