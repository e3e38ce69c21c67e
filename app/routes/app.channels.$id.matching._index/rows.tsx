import { Badge, BlockStack, Button, IndexTable, Text, useBreakpoints } from "@shopify/polaris";
import { memo } from "react";
import type { Candidate, MatchRow, Tab } from "#app/pages/matching/read-matching.ts";
import { Thing } from "../../components/thing.tsx";

type MatchRowsProps = { tab: Tab; rows: readonly MatchRow[]; selected: readonly string[]; base: string; mayOperate: boolean };

/** A table; on a phone, where IndexTable is a list, everything of a row stands below each other. */
export function MatchRows({ tab, rows, selected, base, mayOperate }: MatchRowsProps) {
	const { smDown } = useBreakpoints();
	return rows.map((row, index) => (
		<OneRow
			key={row.id}
			tab={tab}
			row={row}
			position={index}
			selected={selected.includes(String(row.id))}
			isPhone={smDown}
			base={base}
			mayOperate={mayOperate}
		/>
	));
}

type OneRowProps = { row: MatchRow; position: number; selected: boolean; isPhone: boolean } & Pick<
	MatchRowsProps,
	"tab" | "base" | "mayOperate"
>;

/** Choosing a listing draws that row, not the other 49. */
const OneRow = memo(function OneRow({ tab, row, position, selected, isPhone, base, mayOperate }: OneRowProps) {
	const choose = mayOperate && tab !== "shopify-only" && (
		<Button
			variant="plain"
			url={`${base}/matching/${row.id}`}
			accessibilityLabel={`${tab === "linked" ? "Change the product of" : "Choose product for"} ${row.sku || row.title}`}
		>
			{tab === "linked" ? "Change" : "Choose product"}
		</Button>
	);
	const listing = <Thing sku={row.sku} title={row.title} barcode={row.barcode} />;
	return (
		<IndexTable.Row id={String(row.id)} position={position} selected={selected}>
			{isPhone ? (
				<div className="row-condensed">
					<BlockStack gap="150" inlineAlign="start">
						{listing}
						{tab !== "shopify-only" && row.candidates.length > 0 && (
							<>
								<Text as="span" variant="bodySm" tone="subdued">
									In Shopify
								</Text>
								<Candidates row={row} />
							</>
						)}
						{choose}
					</BlockStack>
				</div>
			) : (
				<>
					<IndexTable.Cell className="cell-listing">{listing}</IndexTable.Cell>
					{tab === "shopify-only" ? (
						<IndexTable.Cell>{row.barcode || "–"}</IndexTable.Cell>
					) : (
						<>
							<IndexTable.Cell className="cell-listing">
								<Candidates row={row} />
							</IndexTable.Cell>
							<IndexTable.Cell>{choose}</IndexTable.Cell>
						</>
					)}
				</>
			)}
		</IndexTable.Row>
	);
});

function Candidates({ row }: { row: MatchRow }) {
	if (row.candidates.length === 0) {
		return (
			<Text as="span" tone="subdued">
				Nothing found
			</Text>
		);
	}
	return (
		<BlockStack gap="100" inlineAlign="start">
			{row.candidates.map((candidate: Candidate) => (
				<Thing key={candidate.itemId} sku={candidate.sku} title={candidate.title} barcode="" />
			))}
			{row.why && <Badge tone={row.why.startsWith("Same") ? "success" : "attention"}>{row.why}</Badge>}
		</BlockStack>
	);
}
