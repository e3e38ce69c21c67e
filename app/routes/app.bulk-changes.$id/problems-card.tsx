import { BlockStack, Box, Card, Text } from "@shopify/polaris";
import type { BulkPage } from "#app/pages/bulk/bulk.ts";
import { plural } from "../../components/words.ts";

/** What is wrong, line by line of the file. */
export function ProblemsCard({ set: { problems, problemsShown } }: { set: BulkPage }) {
	const hidden = problems - problemsShown.length;
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					{`${plural(problems, "line")} with something wrong`}
				</Text>
			</Box>
			<ul className="rows" data-testid="bulk-problems">
				{problemsShown.map(({ line, sku, reason }) => (
					<li key={line} className="row">
						<BlockStack gap="050">
							<Text as="p" breakWord>
								Line {line}: {reason}
							</Text>
							{sku && (
								<Text as="p" variant="bodySm" tone="subdued" breakWord>
									{sku}
								</Text>
							)}
						</BlockStack>
					</li>
				))}
			</ul>
			{hidden > 0 && (
				<Box padding="400" paddingBlockStart="200">
					<Text as="p" variant="bodySm" tone="subdued">
						And {plural(hidden, "other")}, in the file of all lines.
					</Text>
				</Box>
			)}
		</Card>
	);
}
