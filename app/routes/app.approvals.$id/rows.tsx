import { Badge, type BadgeProps, BlockStack, Box, IndexTable, InlineStack, Link, Text } from "@shopify/polaris";
import type { ApprovalRow } from "#app/pages/approvals/approvals.ts";
import { rowKey } from "../../components/index-list.tsx";
import { usePhone } from "../../components/use-phone.ts";
import { number } from "../../components/words.ts";

export function ApprovalRows({ rows, selected }: { rows: ApprovalRow[]; selected: readonly string[] }) {
	const isPhone = usePhone();
	return rows.map((row, index) => (
		<IndexTable.Row id={row.key} key={rowKey(row.key, isPhone)} position={index} selected={selected.includes(row.key)}>
			{isPhone ? <PhoneRow row={row} /> : <Cells row={row} />}
		</IndexTable.Row>
	));
}

const STATES: Readonly<Record<ApprovalRow["state"], { label: string; tone?: BadgeProps["tone"] }>> = {
	waiting: { label: "Waiting for approval", tone: "attention" },
	deciding: { label: "Being done", tone: "info" },
	passed: { label: "Went out before" },
	approved: { label: "Approved", tone: "success" },
	kept: { label: "Written back", tone: "success" },
	mended: { label: "Mended in Shopify", tone: "success" },
};

const State = ({ row }: { row: ApprovalRow }) => {
	const { label, tone } = STATES[row.state];
	return <Badge {...(tone ? { tone } : {})}>{label}</Badge>;
};

const Product = ({ row }: { row: ApprovalRow }) => (
	<BlockStack gap="050">
		<Link dataPrimaryLink monochrome removeUnderline url={`/app/items/${row.itemId}`}>
			<Text as="span" fontWeight="semibold">
				{row.title || row.sku || "A product"}
			</Text>
		</Link>
		<Text as="span" variant="bodySm" tone="subdued">
			{[row.sku !== row.title ? row.sku : "", row.location].filter(Boolean).join(" · ")}
		</Text>
	</BlockStack>
);

const sayShows = (row: ApprovalRow): string =>
	row.shows.map(({ channel, figure }) => `${channel} ${figure === null ? "not known yet" : number(figure)}`).join(", ") || "No channel";

const Figure = ({ value }: { value: number }) => (
	<Text as="span" alignment="end" numeric>
		{number(value)}
	</Text>
);

const Cells = ({ row }: { row: ApprovalRow }) => (
	<>
		<IndexTable.Cell className="cell-product">
			<Product row={row} />
		</IndexTable.Cell>
		<IndexTable.Cell>
			<Figure value={row.former} />
		</IndexTable.Cell>
		<IndexTable.Cell>
			<Figure value={row.toFigure} />
		</IndexTable.Cell>
		<IndexTable.Cell>{sayShows(row)}</IndexTable.Cell>
		<IndexTable.Cell>
			<State row={row} />
		</IndexTable.Cell>
	</>
);

const PhoneRow = ({ row }: { row: ApprovalRow }) => (
	<Box padding="300" width="100%">
		<BlockStack gap="100">
			<Product row={row} />
			<Text as="span">
				Before {number(row.former)}, in Shopify now {number(row.toFigure)}
			</Text>
			<InlineStack gap="200" blockAlign="center">
				<State row={row} />
				<Text as="span" variant="bodySm" tone="subdued">
					{sayShows(row)}
				</Text>
			</InlineStack>
		</BlockStack>
	</Box>
);
