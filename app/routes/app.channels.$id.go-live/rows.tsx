import { Badge, BlockStack, Button, IndexTable, Text, useBreakpoints } from "@shopify/polaris";
import type { DryRunRow } from "#app/pages/channels/read-dry-run.ts";
import { Thing } from "../../components/thing.tsx";
import { number } from "../../components/words.ts";

type DryRunRowsProps = {
	rows: readonly DryRunRow[];
	selected: readonly string[];
	isPartlyLive: boolean;
	/** On a phone rows cannot be chosen (Polaris): each has its own button. Absent: nobody may, or there is nothing to do. */
	onGoLive?: ((id: string) => void) | undefined;
};

/** A table; on a phone, where IndexTable is a list, everything of a row stands below each other. */
export function DryRunRows({ rows, selected, isPartlyLive, onGoLive }: DryRunRowsProps) {
	const { smDown } = useBreakpoints();
	const goLive = isPartlyLive ? "Go live with this too" : "Go live with this first";
	return rows.map((row, index) => (
		<IndexTable.Row id={String(row.id)} key={row.id} position={index} selected={selected.includes(String(row.id))}>
			{smDown ? (
				<div className="row-condensed">
					<BlockStack gap="150" inlineAlign="start">
						<Thing sku={row.sku} title={row.title} barcode="" />
						{row.problem === null && (
							<span className="figures">
								Shows {number(row.from ?? 0)}, would show <b>{number(row.to ?? 0)}</b>
							</span>
						)}
						<Note row={row} isPartlyLive={isPartlyLive} />
						{onGoLive && row.problem === null && !(isPartlyLive && row.isLive) && (
							<Button size="slim" onClick={() => onGoLive(String(row.id))} accessibilityLabel={`${goLive}: ${row.sku || row.title}`}>
								{goLive}
							</Button>
						)}
					</BlockStack>
				</div>
			) : (
				<>
					<IndexTable.Cell className="cell-listing">
						<Thing sku={row.sku} title={row.title} barcode="" />
					</IndexTable.Cell>
					<IndexTable.Cell>
						<Text as="span" alignment="end" numeric>
							{row.from === null ? "–" : number(row.from)}
						</Text>
					</IndexTable.Cell>
					<IndexTable.Cell>
						<Text as="span" alignment="end" numeric fontWeight="semibold">
							{row.to === null ? "–" : number(row.to)}
						</Text>
					</IndexTable.Cell>
					<IndexTable.Cell>
						<Note row={row} isPartlyLive={isPartlyLive} />
					</IndexTable.Cell>
				</>
			)}
		</IndexTable.Row>
	));
}

function Note({ row, isPartlyLive }: { row: DryRunRow; isPartlyLive: boolean }) {
	if (row.problem === "gone") return <Badge tone="critical">Not on the channel any more</Badge>;
	if (row.problem === "unmanaged") return <Badge tone="critical">Stock is not managed there</Badge>;
	if (isPartlyLive && row.isLive) return <Badge tone="success">Live</Badge>;
	return row.to === 0 ? <Badge tone="warning">Sold out</Badge> : null;
}
