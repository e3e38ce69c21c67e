import type { IndexFiltersProps } from "@shopify/polaris";
import type { StockChannel, StockState } from "#app/pages/stock/stock.ts";
import { channelFilter, choiceFilter } from "../../components/choice-filter.tsx";
import type { View } from "../../components/index-list.tsx";
import type { UrlFilters } from "../../components/use-url-filters.ts";

/** What a view of this page may set. */
export const FILTER_NAMES = ["q", "state", "channel"];

const STATE_WORDS: Readonly<Record<StockState, string>> = {
	off: "Not in step",
	failed: "Update failed",
	paused: "Paused",
	owed: "Owed",
	out: "Sold out",
	unlisted: "On no channel",
};

export const VIEWS: View[] = [
	{ name: "All", query: "" },
	...(["off", "failed", "owed", "out", "paused", "unlisted"] as const).map((state) => ({
		name: STATE_WORDS[state],
		query: `state=${state}`,
	})),
];

export function choicesOf(filters: UrlFilters, channels: readonly StockChannel[]): NonNullable<IndexFiltersProps["filters"]> {
	return [
		choiceFilter(filters, {
			key: "state",
			label: "State",
			choices: Object.entries(STATE_WORDS).map(([value, label]) => ({ value, label })),
		}),
		channelFilter(filters, channels),
	];
}

export function appliedOf(filters: UrlFilters, channels: readonly StockChannel[]): { key: string; label: string }[] {
	const state = STATE_WORDS[filters.get("state") as StockState];
	const channel = channels.find(({ id }) => String(id) === filters.get("channel"));
	return [
		...(state ? [{ key: "state", label: `State: ${state}` }] : []),
		...(channel ? [{ key: "channel", label: `On ${channel.name}` }] : []),
	];
}
