import { BlockStack, Box, IndexTable, InlineStack, Link, Text } from "@shopify/polaris";
import type { FailedRow } from "#app/pages/failed/failed.ts";
import { failureWords } from "../../components/failure-words.ts";
import { rowKey } from "../../components/index-list.tsx";
import { usePhone } from "../../components/use-phone.ts";
import { Ago } from "../../components/when.tsx";
import { number, plural } from "../../components/words.ts";

type FailedRowsProps = { rows: FailedRow[]; asOf: string; selected: readonly string[] };

export function FailedRows({ rows, asOf, selected }: FailedRowsProps) {
	const isPhone = usePhone();
	return rows.map((row, index) => (
		<IndexTable.Row id={String(row.id)} key={rowKey(row.id, isPhone)} position={index} selected={selected.includes(String(row.id))}>
			{isPhone ? <PhoneRow row={row} asOf={asOf} /> : <Cells row={row} asOf={asOf} />}
		</IndexTable.Row>
	));
}

const Subject = ({ row }: { row: FailedRow }) => (
	<BlockStack gap="050">
		<Link dataPrimaryLink monochrome removeUnderline url={`/app/failed-updates/${row.id}`}>
			<Text as="span" fontWeight="semibold">
				{row.subject}
			</Text>
		</Link>
		{row.sku && row.sku !== row.subject && (
			<Text as="span" variant="bodySm" tone="subdued">
				{row.sku}
			</Text>
		)}
	</BlockStack>
);

const Why = ({ row }: { row: FailedRow }) => (
	<BlockStack gap="050">
		<Text as="span">{failureWords(row.errorClass).label}</Text>
		<Text as="span" variant="bodySm" tone="subdued" breakWord>
			{row.error}
		</Text>
	</BlockStack>
);

const Cells = ({ row, asOf }: { row: FailedRow; asOf: string }) => (
	<>
		<IndexTable.Cell className="cell-product">
			<Subject row={row} />
		</IndexTable.Cell>
		<IndexTable.Cell>{row.channel}</IndexTable.Cell>
		<IndexTable.Cell className="cell-product">
			<Why row={row} />
		</IndexTable.Cell>
		<IndexTable.Cell>
			<Ago at={row.lastAt} now={asOf} />
		</IndexTable.Cell>
		<IndexTable.Cell>
			<Text as="span" alignment="end" numeric>
				{number(row.attempts)}
			</Text>
		</IndexTable.Cell>
	</>
);

const PhoneRow = ({ row, asOf }: { row: FailedRow; asOf: string }) => (
	<Box padding="300" width="100%">
		<BlockStack gap="100">
			<Subject row={row} />
			<Why row={row} />
			<InlineStack>
				<Text as="span" variant="bodySm" tone="subdued">
					{row.channel} · {plural(row.attempts, "try", "tries")} · <Ago at={row.lastAt} now={asOf} />
				</Text>
			</InlineStack>
		</BlockStack>
	</Box>
);
