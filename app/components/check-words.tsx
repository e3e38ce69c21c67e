import { Badge, type BadgeProps } from "@shopify/polaris";
import type { CheckRun, DifferenceRow, DifferenceState } from "#app/pages/checks/checks.ts";
import { number, plural } from "./words.ts";

type Cause = DifferenceRow["cause"];
type Words = { label: string; means: string; todo: string | null };

/** Why a figure differed, what that means, and what can be done. */
export const CAUSE_WORDS: Readonly<Record<Cause, Words>> = {
	"another-writer": {
		label: "Something else changes stock",
		means: "Neither an order there nor Lockstep made this change: somebody typed it, or another app or feed writes stock there too.",
		todo: "If it happens again, look on the channel for apps and feeds that write stock, and switch that off for what Lockstep keeps.",
	},
	late: {
		label: "Heard of late",
		means: "A sale or a change was made there before, and its message came late or never. Now it is counted.",
		todo: null,
	},
	rejected: {
		label: "Update refused",
		means: "The channel has refused the new figure several times and goes on showing the old one.",
		todo: "Open the failed update: it says what the channel answered, and can be tried again.",
	},
	clamped: {
		label: "Channel keeps its own figure",
		means: "The channel took the new figure and shows another one again: it has a limit of its own, or another app sets it at once.",
		todo: "Look on the channel for a limit on this listing, or for an app that writes it. A maximum in the channel's rule in Lockstep avoids it as well.",
	},
	unmapped: {
		label: "Not linked",
		means: "The channel sells it, and it is linked to no product: its sales lower nobody's stock.",
		todo: "Link it to its product, or say that it is to be left alone.",
	},
	unknown: {
		label: "Not known",
		means: "It differed for a moment, and nothing on record says why.",
		todo: null,
	},
};

/** While it is being looked into nobody can say. */
export const sayCause = ({ cause, state }: Pick<DifferenceRow, "cause" | "state">): string =>
	cause === "unknown" && state === "waiting" ? "Being looked into" : CAUSE_WORDS[cause].label;

const STATE_WORDS: Readonly<Record<DifferenceState, { label: string; tone: BadgeProps["tone"] }>> = {
	waiting: { label: "Being looked into", tone: "info" },
	open: { label: "Needs you", tone: "warning" },
	mended: { label: "Corrected", tone: "success" },
	explained: { label: "Explained", tone: undefined },
};
export const sayState = (state: DifferenceState): string => STATE_WORDS[state].label;

export function DifferenceBadge({ state }: Pick<DifferenceRow, "state">) {
	const { label, tone } = STATE_WORDS[state];
	return <Badge {...(tone ? { tone } : {})}>{label}</Badge>;
}

/** "shows 12 instead of 10" */
export function sayFigures({ kind, expected, found, isHome }: Pick<DifferenceRow, "kind" | "expected" | "found" | "isHome">): string {
	if (kind === "item") return "known on one side only";
	if (found === null) return expected === null ? "not found there" : `not found there, should show ${number(expected)}`;
	if (expected === null) return `shows ${number(found)}`;
	return isHome ? `says ${number(found)}, Lockstep held ${number(expected)}` : `shows ${number(found)} instead of ${number(expected)}`;
}

export function RunBadge({ run }: { run: CheckRun }) {
	switch (run.state) {
		case "waits":
			return <Badge tone="attention">Waits</Badge>;
		case "running":
			return <Badge tone="info">Checking</Badge>;
		case "failed":
			return <Badge tone="critical">Not checked</Badge>;
		case "done":
			return run.found === 0 ? <Badge tone="success">In step</Badge> : <Badge>{plural(run.found, "difference")}</Badge>;
	}
}

/** What came of it, or how far it is. */
export function sayRun(run: CheckRun): string {
	const things = run.isHome ? "figure" : "listing";
	switch (run.state) {
		case "waits":
			return run.note ?? "Begins in a moment";
		case "running":
			if (run.note) return run.note;
			if (run.beganAt === null) return "Shopify is preparing its figures";
			return run.compared > 0
				? `${plural(run.compared, things)} compared, ${number(run.found)} differ`
				: `${number(run.read)} of about ${number(run.expected)} read`;
		case "failed":
			return run.note ?? "It could not be finished.";
		case "done":
			return [
				`${plural(run.compared, things)} compared`,
				run.found === 0 ? "none differs" : `${number(run.found)} differed, ${number(run.mended)} corrected`,
				...(run.tolerated > 0 ? [`${number(run.tolerated)} within what you tolerate`] : []),
				...(run.added > 0 ? [`${number(run.added)} new there`] : []),
			].join(", ");
	}
}

/** How far a running check is, of a hundred; reading is nearly all of it. */
export const progressOf = ({ read, expected, compared }: CheckRun): number =>
	compared > 0 ? 95 : Math.min(90, Math.round((90 * read) / Math.max(1, expected)));
