import {
	Box,
	Card,
	EmptySearchResult,
	IndexFilters,
	IndexFiltersMode,
	type IndexFiltersProps,
	IndexTable,
	type IndexTableProps,
} from "@shopify/polaris";
import { Fragment, memo, type ReactNode, useCallback, useDeferredValue, useEffect, useMemo, useState } from "react";
import { useGuessedPhone, usePhone } from "./use-phone.ts";
import { useSame } from "./use-same.ts";
import { type UrlFilters, useTyped } from "./use-url-filters.ts";

/** As Polaris has them, with a title that is text. */
export type Headings = [Heading, ...Heading[]];
type Heading = { title: string; id?: string; alignment?: "start" | "center" | "end"; hidden?: boolean };
export type View = { name: string; query: string; id?: number };

type IndexListProps = {
	/** What one row is: "product", "products". */
	names: { singular: string; plural: string };
	filters: UrlFilters;
	/** Absent: the list is not searched. */
	searchHint?: string;
	/** Built-in views first, then those that the shop saved. A view is a query string of this page's filters. */
	views: readonly View[];
	/** The names of the address's parameters that are filters; what a view sets and clearing clears. */
	filterNames: readonly string[];
	choices?: IndexFiltersProps["filters"];
	applied?: { key: string; label: string }[];
	headings: Headings;
	rowCount: number;
	pages: { before: string | null; after: string | null };
	selection?: Pick<
		IndexTableProps,
		| "selectedItemsCount"
		| "onSelectionChange"
		| "promotedBulkActions"
		| "bulkActions"
		| "hasMoreItems"
		| "paginatedSelectAllActionText"
		| "paginatedSelectAllText"
	>;
	onSaveView?: (name: string, query: string) => Promise<boolean>;
	onDeleteView?: (view: View) => void;
	/** Something stands above the list: Polaris takes filters below the screen's edge for scrolled past, and lays them over it. */
	isBelow?: boolean;
	/** Stands in the place of the list when there is nothing at all, whatever the filters. */
	nothingYet?: ReactNode;
	children: ReactNode;
};

/** The pattern of all lists: views and filters that live in the address, a table that is a list on a phone, pages by keyset. */
export function IndexList(props: IndexListProps) {
	const { filters, rowCount, pages } = props;
	const isPhone = usePhone();
	const names = useSame(props.names);
	const headings = useSame(props.headings);
	// A press that chooses one row of many ticks it at once; what the other rows and the bars make of it comes a moment later.
	const before = useDeferredValue(props);
	const { selection } = isOneRowMore(before, props) ? before : props;
	const guess = useGuessedPhone();
	const [ready, setReady] = useState(false);
	// The same moment at which Polaris looks at the real width: what the server guessed wrong is never seen.
	useEffect(() => setReady(true), []);
	if (props.nothingYet) return <Card>{props.nothingYet}</Card>;
	return (
		<Card padding="0">
			<ListFilters list={before} />
			<div className="index-list" aria-busy={filters.loading} data-ready={ready || guess} data-testid="index-list">
				<IndexTable
					resourceName={names}
					itemCount={rowCount}
					headings={headings}
					condensed={isPhone}
					selectable={selection !== undefined}
					{...(selection ?? {})}
					{...(rowCount > 0 && (pages.before ?? pages.after) !== null
						? {
								pagination: {
									hasPrevious: pages.before !== null,
									hasNext: pages.after !== null,
									onPrevious: () => filters.set({ before: pages.before ?? "", after: "" }),
									onNext: () => filters.set({ after: pages.after ?? "", before: "" }),
								},
							}
						: {})}
					emptyState={
						<Box padding="400">
							<EmptySearchResult title={`No ${names.plural} found`} description="Change the filters or the search." withIllustration />
						</Box>
					}
				>
					<Fragment key={filters.answers}>{props.children}</Fragment>
				</IndexTable>
			</div>
		</Card>
	);
}

/** "All" and none are the table's own: they show at once in its head. */
function isOneRowMore({ selection: before }: IndexListProps, { selection: after, rowCount }: IndexListProps): boolean {
	const [from, to] = [before?.selectedItemsCount, after?.selectedItemsCount];
	return typeof from === "number" && typeof to === "number" && Math.abs(from - to) === 1 && rowCount > 1 && to < rowCount;
}

const NO_CHOICES: NonNullable<IndexListProps["choices"]> = [];

/** What is typed and which part of the bar is open is known here only: neither draws the table again. */
const ListFilters = memo(function ListFilters({ list: props }: { list: IndexListProps }) {
	const { filters, filterNames } = props;
	const views = useSame(props.views);
	const { typed, type } = useTyped(filters);
	const [mode, setMode] = useState<IndexFiltersMode>(
		// A view's own filters are its tab: that is shown. Others are shown as filters, which take the tabs' place.
		views.some((view) => view.query === queryOf(filterNames, filters.get)) ? IndexFiltersMode.Default : IndexFiltersMode.Filtering,
	);

	// The search opens with its field; the filters beside it come a moment later, or the press would wait for all of them.
	const choices = useDeferredValue(mode === IndexFiltersMode.Filtering ? (props.choices ?? NO_CHOICES) : NO_CHOICES);

	const current = queryOf(filterNames, filters.get);
	const selected = Math.max(
		0,
		views.findIndex((view) => view.query === current),
	);
	const { set } = filters;
	const { onDeleteView } = props;
	const clear = useMemo(() => Object.fromEntries(filterNames.map((name) => [name, ""])), [filterNames]);
	const choose = useCallback(
		(index: number) => set({ ...clear, ...Object.fromEntries(new URLSearchParams(views[index]?.query ?? "")) }),
		[set, clear, views],
	);
	// Polaris measures the tabs' widths whenever it is given others: not with every letter that is typed beside them.
	const tabs = useMemo(
		() =>
			views.map((view, index) => ({
				id: `view-${index}`,
				content: view.name,
				index,
				isLocked: index === 0,
				...(view.id !== undefined && onDeleteView
					? {
							actions: [
								{
									type: "delete" as const,
									onPrimaryAction: async () => {
										onDeleteView(view);
										return true;
									},
								},
							],
						}
					: {}),
				onAction: () => choose(index),
			})),
		[views, onDeleteView, choose],
	);
	return (
		<IndexFilters
			tabs={tabs}
			selected={selected}
			onSelect={choose}
			queryValue={typed}
			{...(props.searchHint ? { queryPlaceholder: props.searchHint } : { hideQueryField: true })}
			onQueryChange={type}
			onQueryClear={() => filters.set({ q: "" })}
			filters={choices}
			appliedFilters={(props.applied ?? []).map((one) => ({ ...one, onRemove: () => filters.set({ [one.key]: "" }) }))}
			onClearAll={() => filters.set(clear)}
			cancelAction={{ onAction: () => filters.set(clear), disabled: false }}
			mode={mode}
			setMode={setMode}
			canCreateNewView={props.onSaveView !== undefined}
			{...(props.onSaveView ? { onCreateNewView: async (name: string) => (await props.onSaveView?.(name, current)) ?? false } : {})}
			{...(props.onSaveView && current !== "" && views[selected]?.query !== current
				? {
						primaryAction: {
							type: "save-as" as const,
							onAction: async (name: string) => (await props.onSaveView?.(name, current)) ?? false,
							disabled: false,
						},
					}
				: {})}
			loading={filters.loading}
			disableKeyboardShortcuts
			disableStickyMode={props.isBelow ?? false}
		/>
	);
});

/**
 * A row's key. Polaris keeps the row's link as it was when the row was made; a row whose cells change with the width must be made
 * anew, or a press would follow the link that is gone: past the app's own navigation, and out of the admin's session.
 */
export const rowKey = (id: string | number, isPhone: boolean): string => `${id}:${isPhone ? "narrow" : "wide"}`;

/** The filters as one comparable text: a view is the one that is open when its text is the same. */
export function queryOf(names: readonly string[], get: (name: string) => string): string {
	const query = new URLSearchParams();
	for (const name of [...names].sort()) if (get(name)) query.set(name, get(name));
	return query.toString();
}
