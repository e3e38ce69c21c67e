import { BlockStack, Box, Card, Text } from "@shopify/polaris";
import type { FailedDetail } from "#app/pages/failed/failed.ts";
import { Moment } from "../../components/when.tsx";
import { number } from "../../components/words.ts";

const OUTCOMES: Readonly<Record<string, string>> = {
	landed: "The channel took it",
	accepted: "The channel accepted it",
	failed: "The channel did not take it",
	unknown: "No answer",
	lost: "Not sent: another update was under way",
};

/** Each try with the channel's answer and its number of the request, newest first. */
export function TriesCard({ failure }: { failure: FailedDetail }) {
	if (failure.tries.length === 0) return null;
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					What was tried
				</Text>
			</Box>
			<ul className="rows" data-testid="tries">
				{failure.tries.map((one) => (
					<li key={one.id} className="row row-sale">
						<BlockStack gap="050">
							<Text as="p" breakWord>
								{OUTCOMES[one.outcome] ?? "Tried"}
								{one.error && `: ${one.error}`}
							</Text>
							<Text as="p" variant="bodySm" tone="subdued" breakWord>
								<Moment at={one.at} />
								{one.status !== null && ` · answer ${one.status}`}
								{one.requestId && ` · request ${one.requestId}`}
							</Text>
						</BlockStack>
						{one.quantity !== null && (
							<Text as="span">
								<span className="figures">{number(one.quantity)}</span>
							</Text>
						)}
					</li>
				))}
			</ul>
		</Card>
	);
}
