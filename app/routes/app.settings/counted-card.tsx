import { Badge, BlockStack, Card, InlineStack, Text } from "@shopify/polaris";
import { listedFew } from "../../components/words.ts";
import type { CardProps } from "./draft.ts";

export function CountedCard({ settings }: CardProps) {
	const online = settings.locations.filter((location) => location.online);
	return (
		<Card>
			<BlockStack gap="200">
				<InlineStack gap="200" blockAlign="center">
					<Text as="h3" variant="headingSm">
						Shopify
					</Text>
					<Badge tone="success">Counted here</Badge>
				</InlineStack>
				<Text as="p" tone="subdued">
					{settings.account}. You edit stock there, as always; the other channels follow, and their sales are told to it.
				</Text>
				<Text as="p" tone="subdued">
					{online.length === 0
						? "None of its locations fulfils online orders."
						: `Locations that fulfil online orders: ${listedFew(online.map(({ name }) => name))}.`}
				</Text>
			</BlockStack>
		</Card>
	);
}
