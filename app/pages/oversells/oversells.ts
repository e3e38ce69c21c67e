import type { Reason } from "#app/oversells/index.ts";

export const CARD_STATES = ["waiting", "solved", "dismissed"] as const;
/** waiting: units are owed, and nobody has dismissed them all. solved: nothing is owed. dismissed: a person has closed it; it may be owed still. */
export type CardState = (typeof CARD_STATES)[number];

/** How the owed units of one product came to an end; open: they are owed. */
export type OwedState = "open" | "covered" | "moved" | "cancelled" | "substituted" | "dismissed";

/** One owed order. Times are ISO 8601. */
export type OversellRow = {
	/** Of its first oversell. */
	id: number;
	channelId: number;
	channel: string;
	/** null: Shopify's own figure is below zero, and no order of it is known. */
	order: { id: string; name: string } | null;
	placedAt: string;
	/** When we noticed. */
	noticedAt: string;
	endedAt: string | null;
	items: { itemId: number; sku: string; title: string }[];
	units: number;
	owed: number;
	state: CardState;
	/** How the units ended, each way once. */
	ends: OwedState[];
};

export type OversellList = {
	asOf: string;
	channels: { id: number; name: string }[];
	/** The product that the list is about, if it is about one. */
	item: { id: number; name: string } | null;
	rows: OversellRow[];
	counts: Readonly<Record<CardState, number>>;
	/** Units that are owed in all that is waiting. */
	unitsOwed: number;
	pages: { before: string | null; after: string | null };
	/** There never was one. */
	isEmpty: boolean;
};

export type OversellCard = Omit<OversellRow, "items"> & {
	asOf: string;
	isHome: boolean;
	owed: number;
	lines: OwedLine[];
	ways: { cancel: CancelWay };
	history: HistoryEntry[];
	/** Shows after it is over whether the products sell again. */
	afterwards: "resume" | "pause";
};

/** The owed units of one product of the order. */
export type OwedLine = {
	oversellId: number;
	itemId: number;
	sku: string;
	title: string;
	location: string;
	units: number;
	owed: number;
	state: OwedState;
	endedAt: string | null;
	endedBy: string | null;
	dismissed: { by: string; at: string; reason: string } | null;
	sendInstead: string | null;
	why: WhySaid;
	/** Where units lie free that could be taken instead, most first. */
	elsewhere: { locationId: number; location: string; free: number; takes: number; leaves: number }[];
	/** null: the order's units cannot be taken from somewhere else or exchanged here; why. */
	fixed: string | null;
	wait: { place: number; unitsBefore: number; onHand: number | null };
	/** Of the same product, to other orders. */
	owedToOthers: number;
	/** What of it other channels show now, most first; nothing: all show zero. */
	shownElsewhere: { channel: string; shows: number | null; held: boolean }[];
};

export type WhySaid = {
	reason: Reason;
	/** Whose doing the slow hop was. */
	who: string;
	slowMs: number | null;
	steps: WhyStep[];
	/** Of `not-sent`. */
	standing: string;
	failures: number;
};
/** One moment of the unit that was sold twice. `tookMs`: since the step before on its way; `slow`: that is what was too slow. */
export type WhyStep = {
	at: string;
	what: string;
	where: string | null;
	tookMs: number | null;
	slow: boolean;
	/** What it was: the order, or the bulk change. */
	link: { url: string; text: string } | null;
};

export type CancelWay =
	| { can: false; why: string }
	| { can: true; cost: string; state: null | { state: "asked" | "sent" | "taken" | "refused"; at: string; reason: string | null } };

export type HistoryEntry = { id: number; at: string; who: string; what: string };
