import { BlockStack, Box, Button, Card, InlineStack, Text } from "@shopify/polaris";
import { useState } from "react";
import type { BulkPage } from "#app/pages/bulk/bulk.ts";
import { download } from "../../components/download.ts";
import { Moment } from "../../components/when.tsx";
import { plural } from "../../components/words.ts";

/** The newest orders that the look found missing or changed; more of them are in a file. */
export function OrdersCard({ set: { id, state, ordersShown } }: { set: BulkPage }) {
	const [saving, setSaving] = useState(false);
	const save = async () => {
		setSaving(true);
		await download(`/app/bulk-changes/${id}/csv`, `bulk-change-${id}.csv`);
		setSaving(false);
	};
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<InlineStack align="space-between" blockAlign="center" gap="200">
					<Text as="h2" variant="headingSm">
						{state === "ready" ? "The newest of these orders" : "What it found when it was looked at, the newest first"}
					</Text>
					<Button loading={saving} onClick={() => void save()}>
						Download the list
					</Button>
				</InlineStack>
			</Box>
			<ul className="rows" data-testid="bulk-orders">
				{ordersShown.map(({ id: order, name, placedAt, kind, units }) => (
					<li key={order} className="row row-sale">
						<BlockStack gap="050">
							<Text as="p" breakWord>
								{name || order}
							</Text>
							<Text as="p" variant="bodySm" tone="subdued">
								{kind === "missing" ? "Missing" : "Changed"} · placed <Moment at={placedAt} />
							</Text>
						</BlockStack>
						<Text as="p" numeric alignment="end">
							{kind === "missing" ? plural(units, "unit") : ""}
						</Text>
					</li>
				))}
			</ul>
		</Card>
	);
}
