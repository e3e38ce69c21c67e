import type { HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useLoaderData } from "@remix-run/react";
import { BlockStack, Box, IndexTable, InlineStack, Link, Text } from "@shopify/polaris";
import { CheckCircleIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { memo } from "react";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { CARD_STATES, type CardState, type OversellRow } from "#app/pages/oversells/oversells.ts";
import { readOversells, readOversellsRequest } from "#app/pages/oversells/read-list.ts";
import { AppPage } from "../../components/app-page.tsx";
import { channelFilter } from "../../components/choice-filter.tsx";
import { Empty } from "../../components/empty.tsx";
import { IndexList, rowKey } from "../../components/index-list.tsx";
import { CARD_WORDS, OversellBadge } from "../../components/oversell-words.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { usePhone } from "../../components/use-phone.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";
import { Ago } from "../../components/when.tsx";
import { listedFew, number, plural } from "../../components/words.ts";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	return { oversells: await readOversells(database(), shopId, readOversellsRequest(new URL(request.url).searchParams)) };
}

export default function OversellsPage() {
	const { oversells } = useLoaderData<typeof loader>();
	const filters = useUrlFilters();
	const isPhone = usePhone();
	useFresh({ paused: false });
	const channel = oversells.channels.find(({ id }) => String(id) === filters.get("channel"));
	const state = CARD_STATES.find((known): known is CardState => known === filters.get("state"));
	const { counts, item } = oversells;
	const views = [
		{ name: "All", query: "" },
		...CARD_STATES.map((one) => ({
			name: counts[one] > 0 ? `${CARD_WORDS[one].label} (${number(counts[one])})` : CARD_WORDS[one].label,
			query: `state=${one}`,
		})),
	];
	return (
		<AppPage title="Oversells" fullWidth>
			<BlockStack gap="400">
				{!oversells.isEmpty && (
					<Box paddingInline={{ xs: "400", md: "0" }}>
						<Text as="p" tone="subdued">
							{counts.waiting === 0
								? "Nothing is owed to a buyer. Here is what happened before."
								: `${plural(oversells.unitsOwed, "unit")} owed to ${plural(counts.waiting, "order")}. Each product that is owed shows 0 where it would be sold again, until stock covers it.`}
						</Text>
					</Box>
				)}
				<IndexList
					names={{ singular: "owed order", plural: "owed orders" }}
					filters={filters}
					searchHint="The whole order number, or a part of a SKU"
					views={views}
					filterNames={["q", "state", "channel", "item"]}
					choices={[channelFilter(filters, oversells.channels)]}
					applied={[
						...(state ? [{ key: "state", label: CARD_WORDS[state].label }] : []),
						...(channel ? [{ key: "channel", label: `On ${channel.name}` }] : []),
						...(item ? [{ key: "item", label: `Of ${item.name}` }] : []),
					]}
					headings={[
						{ title: "Order" },
						{ title: "Sales channel" },
						{ title: "Products" },
						{ title: "Ordered" },
						{ title: "Sold, not there", alignment: "end" },
						{ title: "State" },
					]}
					rowCount={oversells.rows.length}
					pages={oversells.pages}
					nothingYet={
						oversells.isEmpty ? (
							<Empty icon={CheckCircleIcon} heading="Nothing was ever sold twice">
								When a channel sells what is not there any more, the order stands here with the reason and with what can be done.
							</Empty>
						) : undefined
					}
				>
					{oversells.rows.map((row, index) => (
						<OneRow key={rowKey(String(row.id), isPhone)} row={row} asOf={oversells.asOf} position={index} isPhone={isPhone} />
					))}
				</IndexList>
			</BlockStack>
		</AppPage>
	);
}

type OneRowProps = { row: OversellRow; asOf: string; position: number; isPhone: boolean };

const OneRow = memo(function OneRow({ row, asOf, position, isPhone }: OneRowProps) {
	return (
		<IndexTable.Row id={String(row.id)} position={position}>
			{isPhone ? <PhoneRow row={row} asOf={asOf} /> : <Cells row={row} asOf={asOf} />}
		</IndexTable.Row>
	);
});

const nameOf = ({ order }: OversellRow) => order?.name ?? "No order known";
const productsOf = ({ items }: OversellRow) => listedFew(items.map(({ sku, title }) => sku || title || "A product"));

const Name = ({ row }: { row: OversellRow }) => (
	<Link dataPrimaryLink monochrome removeUnderline url={`/app/oversells/${row.id}`}>
		<Text as="span" fontWeight="semibold">
			{nameOf(row)}
		</Text>
	</Link>
);

const Cells = ({ row, asOf }: { row: OversellRow; asOf: string }) => (
	<>
		<IndexTable.Cell>
			<Name row={row} />
		</IndexTable.Cell>
		<IndexTable.Cell>{row.channel}</IndexTable.Cell>
		<IndexTable.Cell>{productsOf(row)}</IndexTable.Cell>
		<IndexTable.Cell>
			<Ago at={row.placedAt} now={asOf} />
		</IndexTable.Cell>
		<IndexTable.Cell>
			<Text as="span" alignment="end" numeric>
				{number(row.units)}
			</Text>
		</IndexTable.Cell>
		<IndexTable.Cell>
			<OversellBadge card={row} />
		</IndexTable.Cell>
	</>
);

const PhoneRow = ({ row, asOf }: { row: OversellRow; asOf: string }) => (
	<Box padding="300" width="100%">
		<BlockStack gap="100">
			<InlineStack align="space-between" blockAlign="center">
				<Name row={row} />
				<OversellBadge card={row} />
			</InlineStack>
			<Text as="span" variant="bodySm" tone="subdued">
				{row.channel} · {productsOf(row)} · <Ago at={row.placedAt} now={asOf} />
			</Text>
		</BlockStack>
	</Box>
);

export const ErrorBoundary = () => <PageError title="Oversells" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
