import { BlockStack, Box, Card, Text } from "@shopify/polaris";
import type { OversellCard } from "#app/pages/oversells/oversells.ts";
import { Moment } from "../../components/when.tsx";

export function HistoryCard({ card }: { card: OversellCard }) {
	return (
		<Card padding="0">
			<Box padding="400">
				<Text as="h2" variant="headingSm">
					What became of it
				</Text>
			</Box>
			<ol className="rows rows-topped" data-testid="history">
				{card.history.map((entry) => (
					<li key={entry.id} className="row">
						<BlockStack gap="050">
							<Text as="p">{entry.what}</Text>
							<Text as="p" variant="bodySm" tone="subdued">
								{entry.who}, <Moment at={entry.at} />
							</Text>
						</BlockStack>
					</li>
				))}
				<li className="row">
					<BlockStack gap="050">
						<Text as="p">Noticed</Text>
						<Text as="p" variant="bodySm" tone="subdued">
							Lockstep, <Moment at={card.noticedAt} />
						</Text>
					</BlockStack>
				</li>
			</ol>
		</Card>
	);
}
