import { ChoiceList, type IndexFiltersProps } from "@shopify/polaris";
import type { UrlFilters } from "./use-url-filters.ts";

type ChoiceFilter = { key: string; label: string; choices: { value: string; label: string }[] };

/** A list's filter of which one value is chosen, kept in the address under its key. */
export const choiceFilter = (
	filters: UrlFilters,
	{ key, label, choices }: ChoiceFilter,
): NonNullable<IndexFiltersProps["filters"]>[number] => ({
	key,
	label,
	shortcut: true,
	filter: (
		<ChoiceList
			title={label}
			titleHidden
			choices={choices}
			selected={[filters.get(key)]}
			onChange={([value]) => filters.set({ [key]: value ?? "" })}
		/>
	),
});

export const channelFilter = (filters: UrlFilters, channels: readonly { id: number; name: string }[]) =>
	choiceFilter(filters, {
		key: "channel",
		label: "Sales channel",
		choices: channels.map(({ id, name }) => ({ value: String(id), label: name })),
	});
