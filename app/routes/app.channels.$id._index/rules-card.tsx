import { BlockStack, Button, Card, InlineStack, Text } from "@shopify/polaris";
import type { ChannelPage } from "#app/pages/channels/read-channel.ts";
import { sayRule } from "../../components/rule-words.ts";
import { listedFew } from "../../components/words.ts";

type RulesCardProps = { page: ChannelPage; base: string; mayOperate: boolean; mayApprove: boolean };

/** What it shows of the stock, and from where; and the way out. */
export function RulesCard({ page, base, mayOperate, mayApprove }: RulesCardProps) {
	const chosen = page.locations.filter((location) => location.chosen);
	const feeding = chosen.length > 0 ? chosen : page.locations.filter((location) => location.sellsOnline);
	return (
		<BlockStack gap="400">
			<Card>
				<BlockStack gap="300">
					<InlineStack align="space-between" blockAlign="center">
						<Text as="h2" variant="headingSm">
							What it shows
						</Text>
						{mayOperate && (
							<Button variant="plain" url={`${base}/rules`} accessibilityLabel="Change what the channel shows">
								Change
							</Button>
						)}
					</InlineStack>
					<BlockStack gap="100">
						<Text as="h3" variant="bodySm" tone="subdued">
							Rule, where a listing has none of its own
						</Text>
						<Text as="p">
							<span data-testid="rule">Shows {sayRule(page.policy)}</span>
						</Text>
					</BlockStack>
					<BlockStack gap="100">
						<Text as="h3" variant="bodySm" tone="subdued">
							Stock from
						</Text>
						<Text as="p">
							{feeding.length > 0 ? listedFew(feeding.map(({ name }) => name)) : "No location"}
							{chosen.length === 0 && feeding.length > 0 && " (all that fulfil online orders)"}
						</Text>
					</BlockStack>
				</BlockStack>
			</Card>
			<Card>
				<BlockStack gap="300">
					<Text as="h2" variant="headingSm">
						Disconnect
					</Text>
					<Text as="p" tone="subdued">
						Lockstep stops counting its orders and sending figures to it. What it shows then stays as it is.
					</Text>
					{mayApprove ? (
						<InlineStack>
							<Button tone="critical" url={`${base}/disconnect`}>
								Disconnect…
							</Button>
						</InlineStack>
					) : (
						<Text as="p" variant="bodySm" tone="subdued">
							To disconnect a channel you need the right “Approve and connect”.
						</Text>
					)}
				</BlockStack>
			</Card>
		</BlockStack>
	);
}
