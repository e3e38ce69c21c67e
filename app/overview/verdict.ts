import type { ChannelOverview, Overview } from "./overview.ts";

/** A figure that is on its way this long is nothing to tell a merchant of: it is the ordinary life of a sale (R15). */
const ORDINARY_DELAY_MS = 10_000;

export type Verdict =
	| { verdict: "reading"; done: number; total: number | null }
	| { verdict: "reading-failed"; reason: string }
	| { verdict: "alone" }
	| { verdict: "broken"; channel: ChannelOverview; others: number }
	| { verdict: "oversold"; units: number }
	/** A mass change in Shopify waits for approval. */
	| { verdict: "approval"; kind: "zero" | "raise"; products: number; others: number }
	| { verdict: "attention"; count: number; more: boolean }
	/** A channel answers with errors or not at all, and is asked again by itself. */
	| { verdict: "troubled"; channel: ChannelOverview; others: number }
	| { verdict: "behind"; count: number; since: string | null; channels: string[] }
	| { verdict: "moving"; count: number }
	| { verdict: "watching"; channels: string[]; wouldChange: number }
	/** Channels are connected, and none of them is live or watched: still connecting, or paused by the merchant. */
	| { verdict: "idle"; channels: string[] }
	| { verdict: "in-step"; listings: number; channels: string[] };

/**
 * The one answer to "is everything in step?". The order is the message: what stops everything first, then what needs a person,
 * then what only takes time. A figure that was sold a second ago and is on its way is "moving", never a worry.
 */
export function verdictOf(overview: Overview): Verdict {
	const { firstImport, channels, attention, waiting } = overview;
	if (firstImport.state === "failed") return { verdict: "reading-failed", reason: firstImport.reason };
	if (firstImport.state !== "done") {
		return { verdict: "reading", done: firstImport.state === "reading" ? firstImport.done : 0, total: totalOf(firstImport) };
	}

	const broken = channels.filter((channel) => channel.health.state === "red" && channel.state !== "paused");
	if (broken[0]) return { verdict: "broken", channel: broken[0], others: broken.length - 1 };

	if (overview.oversells.unitsOwed > 0) return { verdict: "oversold", units: overview.oversells.unitsOwed };

	const [waitingChanges, ...others] = overview.approvals;
	if (waitingChanges) {
		const { kind, products } = waitingChanges;
		return { verdict: "approval", kind, products, others: others.reduce((total, one) => total + one.products, 0) };
	}

	const parked = attention.updates.count + attention.messages.count;
	if (parked > 0) return { verdict: "attention", count: parked, more: attention.updates.more || attention.messages.more };

	const troubled = channels.filter((channel) => channel.health.state === "degraded" && channel.state !== "paused");
	if (troubled[0]) return { verdict: "troubled", channel: troubled[0], others: troubled.length - 1 };

	const guests = channels.filter((channel) => !channel.isHome);
	if (guests.length === 0) return { verdict: "alone" };

	const writing = channels.filter((channel) => channel.state === "live");
	const late = writing.filter((channel) => isLate(channel.behindSince, overview.asOf) && channel.behind > 0);
	const backlogIsLate = waiting.messages > 0 && isLate(waiting.since, overview.asOf);
	if (late.length > 0 || backlogIsLate) {
		const starts = [...late.map((channel) => channel.behindSince), backlogIsLate ? waiting.since : null];
		const since = starts.filter((at) => at !== null).sort()[0] ?? null;
		return { verdict: "behind", count: sum(late), since, channels: late.map((channel) => channel.name) };
	}

	const moving = sum(writing);
	if (moving > 0) return { verdict: "moving", count: moving };

	const live = guests.filter((channel) => channel.state === "live");
	if (live.length === 0) {
		const watched = guests.filter((channel) => channel.state === "watching");
		if (watched.length > 0) return { verdict: "watching", channels: watched.map((channel) => channel.name), wouldChange: sum(watched) };
		return { verdict: "idle", channels: guests.map((channel) => channel.name) };
	}
	return {
		verdict: "in-step",
		listings: live.reduce((total, channel) => total + channel.listings, 0),
		channels: live.map((channel) => channel.name),
	};
}

const totalOf = (firstImport: Overview["firstImport"]) => (firstImport.state === "reading" ? firstImport.total : null);
const sum = (channels: ChannelOverview[]) => channels.reduce((total, channel) => total + channel.behind, 0);
const isLate = (since: string | null, asOf: string) => since !== null && Date.parse(asOf) - Date.parse(since) > ORDINARY_DELAY_MS;
