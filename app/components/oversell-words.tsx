import { Badge, type BadgeProps } from "@shopify/polaris";
import type { CardState, OversellRow, OwedState, WhySaid } from "#app/pages/oversells/oversells.ts";
import { duration, number, plural } from "./words.ts";

export const CARD_WORDS: Readonly<Record<CardState, { label: string; tone?: BadgeProps["tone"] }>> = {
	waiting: { label: "Waiting", tone: "critical" },
	solved: { label: "Solved", tone: "success" },
	dismissed: { label: "Dismissed" },
};

const END_WORDS: Readonly<Record<OwedState, string>> = {
	open: "Owed",
	covered: "Covered by stock",
	moved: "Taken from another location",
	cancelled: "Cancelled",
	substituted: "Something else sent",
	dismissed: "Dismissed",
};
export const sayEnd = (state: OwedState): string => END_WORDS[state];

export function OversellBadge({ card }: { card: Pick<OversellRow, "state" | "owed" | "ends"> }) {
	const { label, tone } = CARD_WORDS[card.state];
	const [end] = card.ends;
	const said =
		card.state === "waiting" ? `${number(card.owed)} owed` : card.state === "solved" && card.ends.length === 1 && end ? sayEnd(end) : label;
	return <Badge {...(tone ? { tone } : {})}>{said}</Badge>;
}

/** The one named reason, as a heading and a sentence. */
export function sayReason({ reason, who, slowMs, standing, failures }: WhySaid): { title: string; text: string } {
	const slow = slowMs === null ? "" : duration(slowMs);
	switch (reason) {
		case "told-late":
			return {
				title: `${who} told of its sale late`,
				text: `The sale came first. ${slow} later, when the same was bought on the other channel, Lockstep had not heard of it.`,
			};
		case "lockstep-behind":
			return {
				title: "Lockstep was behind",
				text: `It had the news for ${slow} and had not passed it on when the same was bought again. That is longer than it should be.`,
			};
		case "slow-accept":
			return {
				title: `${who} needed ${slow} or more to take the new figure`,
				text:
					failures > 0
						? `Lockstep sent it in time; ${plural(failures, "try", "tries")} failed before it was taken.`
						: "Lockstep sent it in time. Until the channel had taken it, it went on selling.",
			};
		case "own-checkout":
			return {
				title: `${who} sold more than it showed`,
				text: "It had the right figure when the buyer ordered: two checkouts there at once took the same unit, or a cart held it. A buffer on this channel helps.",
			};
		case "lowered-at-home":
			return {
				title: "Stock was lowered in Shopify",
				text: "Somebody, the till or another app took units off in Shopify that a channel was about to sell.",
			};
		case "lowered-in-bulk":
			return {
				title: "A bulk change took the units off",
				text: "A bulk change in Lockstep took units off that the channel was still selling. The order came before the channel showed less.",
			};
		case "not-sent":
			return {
				title:
					{
						watching: `${who} was only watched`,
						paused: `${who} was paused`,
						"listing-paused": `The listing on ${who} was paused`,
						"not-connected": `${who} was not live yet`,
					}[standing] ?? `${who} was sent nothing`,
				text: "Nothing is sent to it then, so it went on selling from the figure that it had.",
			};
		case "at-once":
			return {
				title: "Both were bought at the same moment",
				text: "The two orders are less than two seconds apart. No news is that fast; a buffer helps where it happens often.",
			};
		case "unknown":
			return {
				title: "Why is not known any more",
				text: "What is on record does not tell which of the channels was late. Messages are kept for half a year, and updates for three months.",
			};
	}
}
