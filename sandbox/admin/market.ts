import type { Breakage } from "./pages/break-it.ts";

/** What the admin's page of a channel needs of it: what buyers see there, and what buyers and the merchant do. */
export type AdminMarket = {
	/** In the books and in the faults. */
	id: string;
	/** As people call it. */
	name: string;
	/** Where a person can look at it in a browser, if anywhere. */
	host: string | null;
	offers(): readonly AdminOffer[];
	/** Newest first. */
	orders(): readonly AdminMarketOrder[];
	/** null: it showed too few, and the buyer went away. */
	checkout(lines: readonly { sku: string; quantity: number }[]): Promise<string | null>;
	cancel(orderId: string): Promise<void>;
	/** Somebody types another figure there, behind the app's back. */
	editStock(sku: string, quantity: number): Promise<void>;
	/** What can go wrong on this channel alone. */
	breakages?: readonly Breakage[];
};

export type AdminOffer = {
	sku: string;
	title: string;
	price: string;
	/** What a buyer sees now; null: any number is sold. */
	shown: number | null;
};

export type AdminMarketOrder = {
	id: string;
	/** Milliseconds since the epoch. */
	at: number;
	/** In the channel's own words. */
	status: string;
	/** It may still be cancelled. */
	open: boolean;
	lines: readonly { sku: string; quantity: number }[];
};
