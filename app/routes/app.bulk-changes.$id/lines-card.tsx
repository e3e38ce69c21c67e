import { BlockStack, Box, Button, Card, InlineStack, Text } from "@shopify/polaris";
import { useState } from "react";
import type { BulkLine, BulkPage } from "#app/pages/bulk/bulk.ts";
import { download } from "../../components/download.ts";

/** Some of the lines; all of them are in a file. */
export function LinesCard({ set }: { set: BulkPage }) {
	const [saving, setSaving] = useState(false);
	const save = async () => {
		setSaving(true);
		await download(`/app/bulk-changes/${set.id}/csv`, `bulk-change-${set.id}.csv`);
		setSaving(false);
	};
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<InlineStack align="space-between" blockAlign="center" gap="200">
					<Text as="h2" variant="headingSm">
						Some of the changes
					</Text>
					<Button loading={saving} onClick={() => void save()}>
						Download all lines
					</Button>
				</InlineStack>
			</Box>
			<ul className="rows" data-testid="bulk-lines">
				{set.sample.map((line) => (
					<OneLine key={line.key} line={line} />
				))}
			</ul>
		</Card>
	);
}

function OneLine({ line: { sku, product, where, what, from, to, result } }: { line: BulkLine }) {
	return (
		<li className="row row-sale">
			<BlockStack gap="050">
				<Text as="p" breakWord>
					{sku || product}
				</Text>
				<Text as="p" variant="bodySm" tone="subdued" breakWord>
					{what} · {where} · {result}
				</Text>
			</BlockStack>
			<Text as="p" numeric alignment="end" breakWord>
				{from === "" ? to : `${from} → ${to}`}
			</Text>
		</li>
	);
}
