import type { ChannelState } from "../shop/read-channels.ts";

/** How a listing stands to the figure that it must show. */
export type Mark =
	| "right"
	/** A new figure is on its way. */
	| "waiting"
	/** The channel was seen showing a figure that nobody explained yet. */
	| "difference"
	| "failed"
	| "paused"
	/** Its channel went live with some listings, and this one was not chosen yet. */
	| "not-live"
	| "channel-paused"
	/** Watched or not begun: nothing is sent; on going live it would change. */
	| "would-change"
	/** Its figure was never read. */
	| "unread"
	/** Stock is not counted in Shopify, or it sells when out of stock: the channel's figure is left alone. */
	| "not-counted";

export type MarkFacts = {
	connectionState: ChannelState;
	paused: boolean;
	notLive: boolean;
	parked: boolean;
	desired: number | null;
	shown: number | null;
	unseen: number;
	seen: number | null;
	/** An earlier write may still land. */
	uncertain: boolean;
};

/** The order is the message: what a person decided first, then what needs one, then what takes time. */
export function markOf(facts: MarkFacts): Mark {
	const { desired, shown, unseen, seen, connectionState } = facts;
	if (desired === null) return "not-counted";
	if (facts.paused) return facts.notLive ? "not-live" : "paused";
	if (facts.parked) return "failed";
	if (connectionState === "paused") return "channel-paused";
	const isElsewhere = seen !== null && seen !== shown;
	const isRight = shown !== null && Math.max(0, shown) === Math.max(0, desired - unseen) && !isElsewhere && !facts.uncertain;
	if (isRight) return "right";
	if (connectionState !== "live") return shown === null ? "unread" : "would-change";
	return isElsewhere ? "difference" : "waiting";
}
