import type {
	AttentionLine,
	ChannelAlert,
	ChannelOverview,
	Counted,
	EndingConsent,
	EndingVersion,
	OversellLine,
	Overview,
	WaitingChanges,
} from "./overview.ts";

/** One thing that does not mend itself, or not soon enough, and the page on which something can be done about it. */
export type Need =
	| { need: "unreachable"; channel: ChannelOverview }
	| { need: "oversold"; line: OversellLine }
	| { need: "approval"; changes: WaitingChanges }
	| { need: "kept-figures" | "kept-paused"; listings: number }
	| { need: "consent"; consent: EndingConsent }
	| { need: "version"; version: EndingVersion }
	| { need: "slow" | "other-writer" | "totals" | "forgotten-pause"; alert: ChannelAlert }
	| { need: "undelivered" | "not-understood"; line: AttentionLine };

/**
 * Everything that waits for a person, in the order in which it costs money: a channel that sells from an old figure, units that
 * are owed to buyers, a mass change that waits for approval, a channel that is told too slowly, another writer of its stock, a consent or a version of an API that is about to end, what
 * was paused and may be forgotten, then what was set aside. `total` counts those too that are not listed.
 */
export function needsYou(overview: Overview): { total: Counted; needs: Need[] } {
	const { channels, oversells, approvals, keptFigures, keptPaused, consents, versions, alerts, attention } = overview;
	const unreachable = channels.filter(({ health, state }) => health.state === "red" && state !== "paused");
	const needs: Need[] = [
		...unreachable.map((channel) => ({ need: "unreachable" as const, channel })),
		...oversells.newest.filter(({ owed }) => owed > 0).map((line) => ({ need: "oversold" as const, line })),
		...approvals.map((changes) => ({ need: "approval" as const, changes })),
		...alerts.flatMap((alert) => (alert.kind === "lag" ? [{ need: "slow" as const, alert }] : [])),
		...alerts.flatMap((alert) => (alert.kind === "writer" ? [{ need: "other-writer" as const, alert }] : [])),
		...alerts.flatMap((alert) => (alert.kind === "totals" ? [{ need: "totals" as const, alert }] : [])),
		...(keptFigures > 0 ? [{ need: "kept-figures" as const, listings: keptFigures }] : []),
		...(keptPaused > 0 ? [{ need: "kept-paused" as const, listings: keptPaused }] : []),
		...consents.map((consent) => ({ need: "consent" as const, consent })),
		...versions.map((version) => ({ need: "version" as const, version })),
		...alerts.flatMap((alert) => (alert.kind === "paused" ? [{ need: "forgotten-pause" as const, alert }] : [])),
		...attention.newest.map((line) => ({
			need: line.direction === "out" ? ("undelivered" as const) : ("not-understood" as const),
			line,
		})),
	];
	return {
		total: {
			count:
				unreachable.length +
				oversells.open +
				approvals.length +
				(keptFigures > 0 ? 1 : 0) +
				(keptPaused > 0 ? 1 : 0) +
				consents.length +
				versions.length +
				alerts.length +
				attention.problems.count,
			more: attention.problems.more,
		},
		needs,
	};
}
