import type { Policy } from "#domain";
import type { ChannelState } from "../shop/read-channels.ts";
import type { StockListing } from "../stock/stock.ts";
import type { Then } from "./read-then.ts";

export type ItemPage = {
	asOf: string;
	id: number;
	sku: string;
	title: string;
	barcode: string | null;
	tracked: boolean;
	sellsWhenOut: boolean;
	bundle: boolean;
	available: number;
	owed: number;
	locations: ItemLocation[];
	/** What a bundle is made of. */
	parts: ItemPart[];
	/** Why nobody says here what it is made of; null: who may operate can. */
	partsFixed: string | null;
	/** The bundles that this is a part of. */
	partOf: { itemId: number; sku: string; title: string; quantity: number }[];
	listings: ItemListing[];
	/** Where a listing can be linked to it. */
	channels: { id: number; name: string }[];
	/** At the moment that was asked for; null: it is about now. */
	past: Then | null;
	story: Story;
};

export type ItemLocation = {
	id: number;
	name: string;
	available: number;
	owed: number;
	/** What Shopify said last, and when; null: not yet. */
	home: number | null;
	homeAt: string | null;
	/** Sales elsewhere that Shopify is still to be told of. */
	onItsWay: number;
	/** What Shopify says is not counted before somebody approves it, and where; null: it is. */
	waitsIn: number | null;
};

export type ItemPart = { itemId: number; sku: string; title: string; quantity: number; available: number };

export type ItemListing = StockListing & {
	title: string;
	externalId: string;
	channel: string;
	channelState: ChannelState;
	channelPolicy: Policy;
	pausedReason: string | null;
	/** What this channel may sell of it before the rule; below zero: owed. */
	sellable: number;
	/** Sold there, its order not arrived yet: left out of what is sent. */
	unseen: number;
	/** The locations that feed the channel. */
	locations: string[];
	/** Rules that were in force before, newest first. */
	former: FormerRule[];
};

export type FormerRule = { at: string; who: string; policy: Policy | null };

/** Newest first. `before`: where the older part begins; null: this is all. */
export type Story = { events: StoryEvent[]; before: string | null };

export type StoryEvent = {
	key: string;
	at: string;
	kind: "sale" | "stock" | "update" | "problem" | "person" | "difference";
	text: string;
	/** A second, quieter line: who, which order, what the channel said. */
	detail: string | null;
	/** What was available at that place after it; below zero: owed. */
	left: number | null;
	link: string | null;
};
