import { BlockStack, Box, IndexTable, InlineStack, Link, Text } from "@shopify/polaris";
import type { ReactNode } from "react";
import { CAUSES, DIFFERENCE_STATES, type DifferenceList, type DifferenceRow } from "#app/pages/checks/checks.ts";
import { CAUSE_WORDS, DifferenceBadge, sayCause, sayFigures, sayState } from "./check-words.tsx";
import { channelFilter, choiceFilter } from "./choice-filter.tsx";
import { IndexList, rowKey } from "./index-list.tsx";
import { usePhone } from "./use-phone.ts";
import { useUrlFilters } from "./use-url-filters.ts";
import { Ago } from "./when.tsx";
import { number } from "./words.ts";

type DifferenceListProps = {
	list: DifferenceList;
	asOf: string;
	/** To choose from; of one channel's check there is nothing to choose. */
	channels: { id: number; name: string }[];
	nothingYet?: ReactNode;
};

const VIEWS = [{ name: "All", query: "" }, ...DIFFERENCE_STATES.map((state) => ({ name: sayState(state), query: `state=${state}` }))];

/** What differed, newest first: the list of the checks' page and of each check's own. */
export function Differences({ list, asOf, channels, nothingYet }: DifferenceListProps) {
	const filters = useUrlFilters();
	const isPhone = usePhone();
	const channel = channels.find(({ id }) => String(id) === filters.get("channel"));
	const cause = CAUSES.find((known) => known === filters.get("cause"));
	const state = DIFFERENCE_STATES.find((known) => known === filters.get("state"));
	return (
		<IndexList
			isBelow
			names={{ singular: "difference", plural: "differences" }}
			filters={filters}
			searchHint="A part of a SKU"
			views={VIEWS}
			filterNames={["q", "state", "cause", "channel"]}
			choices={[
				choiceFilter(filters, {
					key: "cause",
					label: "Why",
					choices: CAUSES.map((one) => ({ value: one, label: CAUSE_WORDS[one].label })),
				}),
				...(channels.length > 0 ? [channelFilter(filters, channels)] : []),
			]}
			applied={[
				...(state ? [{ key: "state", label: sayState(state) }] : []),
				...(cause ? [{ key: "cause", label: CAUSE_WORDS[cause].label }] : []),
				...(channel ? [{ key: "channel", label: `On ${channel.name}` }] : []),
			]}
			headings={[
				{ title: "Product" },
				{ title: "Sales channel" },
				{ title: "Should show", alignment: "end" },
				{ title: "Showed", alignment: "end" },
				{ title: "Why" },
				{ title: "Found" },
				{ title: "State" },
			]}
			rowCount={list.rows.length}
			pages={list.pages}
			nothingYet={nothingYet}
		>
			{list.rows.map((row, index) => (
				<IndexTable.Row id={String(row.id)} key={rowKey(row.id, isPhone)} position={index}>
					{isPhone ? <PhoneRow row={row} asOf={asOf} /> : <Cells row={row} asOf={asOf} />}
				</IndexTable.Row>
			))}
		</IndexList>
	);
}

const Product = ({ row }: { row: DifferenceRow }) => (
	<BlockStack gap="050">
		<Link dataPrimaryLink monochrome removeUnderline url={`/app/checks/differences/${row.id}`}>
			<Text as="span" fontWeight="semibold" breakWord>
				{row.title || row.sku || "A product"}
			</Text>
		</Link>
		{row.sku && row.title && row.sku !== row.title && (
			<Text as="span" variant="bodySm" tone="subdued" breakWord>
				{row.sku}
			</Text>
		)}
	</BlockStack>
);

const Figure = ({ value }: { value: number | null }) => (
	<Text as="span" alignment="end" numeric>
		{value === null ? "–" : number(value)}
	</Text>
);

const Cells = ({ row, asOf }: { row: DifferenceRow; asOf: string }) => (
	<>
		<IndexTable.Cell className="cell-product">
			<Product row={row} />
		</IndexTable.Cell>
		<IndexTable.Cell>{row.place ? `${row.channel}, ${row.place}` : row.channel}</IndexTable.Cell>
		<IndexTable.Cell>
			<Figure value={row.expected} />
		</IndexTable.Cell>
		<IndexTable.Cell>
			<Figure value={row.found} />
		</IndexTable.Cell>
		<IndexTable.Cell>{sayCause(row)}</IndexTable.Cell>
		<IndexTable.Cell>
			<Ago at={row.foundAt} now={asOf} />
		</IndexTable.Cell>
		<IndexTable.Cell>
			<DifferenceBadge state={row.state} />
		</IndexTable.Cell>
	</>
);

const PhoneRow = ({ row, asOf }: { row: DifferenceRow; asOf: string }) => (
	<Box padding="300" width="100%">
		<BlockStack gap="100">
			<InlineStack align="space-between" blockAlign="start" wrap={false} gap="200">
				<Product row={row} />
				<DifferenceBadge state={row.state} />
			</InlineStack>
			<Text as="span" variant="bodySm" breakWord>
				{row.channel} {sayFigures(row)}
			</Text>
			<Text as="span" variant="bodySm" tone="subdued" breakWord>
				{sayCause(row)} · <Ago at={row.foundAt} now={asOf} />
			</Text>
		</BlockStack>
	</Box>
);
