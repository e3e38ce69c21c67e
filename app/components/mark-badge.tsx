import { Badge, type BadgeProps } from "@shopify/polaris";
import type { Mark } from "#app/pages/stock/mark.ts";

type Word = { label: string; tone: NonNullable<BadgeProps["tone"]> | undefined; means: string };

/** A listing's state in a merchant's words. A figure that is right needs none. */
export const MARK_WORDS: Readonly<Record<Mark, Word>> = {
	right: { label: "In step", tone: "success", means: "The channel shows what it should." },
	waiting: { label: "On its way", tone: "info", means: "A new figure is being sent." },
	difference: {
		label: "Difference",
		tone: "warning",
		means: "The channel was seen showing another figure. It is looked at again and put right.",
	},
	failed: {
		label: "Update failed",
		tone: "critical",
		means: "The channel refused the new figure several times. What it said is under Failed updates.",
	},
	paused: { label: "Paused", tone: undefined, means: "Nothing is sent to this listing until it is resumed." },
	"not-live": {
		label: "Not live yet",
		tone: undefined,
		means: "The channel is live with some of its listings. This one follows when it is chosen under Go live.",
	},
	"channel-paused": { label: "Channel paused", tone: undefined, means: "Nothing is sent to this channel until it is resumed." },
	"would-change": {
		label: "Would change",
		tone: "attention",
		means: "The channel is not live: nothing is sent. On going live it gets this figure.",
	},
	unread: { label: "Not read yet", tone: undefined, means: "What the channel shows has not been read yet." },
	"not-counted": {
		label: "Not counted",
		tone: undefined,
		means: "Shopify does not count this product's stock, so the channel is left alone.",
	},
};

export function MarkBadge({ mark }: { mark: Mark }) {
	const { label, tone } = MARK_WORDS[mark];
	return <Badge {...(tone ? { tone } : {})}>{label}</Badge>;
}
