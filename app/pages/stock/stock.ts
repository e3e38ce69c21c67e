import type { Policy } from "#domain";
import type { Mark } from "./mark.ts";

/** What the stock page knows. Times are ISO 8601. */
export type StockPage = {
	asOf: string;
	/** The shop has products at all; false while the first import has not brought any. */
	hasProducts: boolean;
	importing: boolean;
	channels: StockChannel[];
	rows: StockRow[];
	pages: { before: string | null; after: string | null };
	/** All that the filter matches, over all pages. */
	matching: number;
};

export type StockChannel = { id: number; name: string; state: "connecting" | "watching" | "live" | "paused" };

export type StockRow = {
	itemId: number;
	sku: string;
	title: string;
	/** Its stock is that of its parts. */
	bundle: boolean;
	/** false: Shopify does not count it, or sells it when it is out of stock. */
	counted: boolean;
	available: number;
	owed: number;
	/** A change in Shopify is not counted before somebody approves it, and where; null: there is none. */
	waitsIn: number | null;
	listings: StockListing[];
};

export type StockListing = {
	id: number;
	channelId: number;
	sku: string;
	/** What the rule makes of what is available; null: not counted. */
	should: number | null;
	shows: number | null;
	/** Units that the rule keeps from being shown. */
	heldBack: number;
	/** By the channel's clock: it was read or written then, and showed this. */
	confirmedAt: string | null;
	mark: Mark;
	/** null: the channel's rule. */
	policy: Policy | null;
	paused: boolean;
};

export const STOCK_STATES = ["off", "failed", "paused", "owed", "out", "unlisted"] as const;
export type StockState = (typeof STOCK_STATES)[number];

export type StockFilter = {
	/** In SKU, title or barcode. */
	query: string;
	state: StockState | null;
	channelId: number | null;
};
