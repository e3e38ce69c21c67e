import { BlockStack, Box, Card, Text } from "@shopify/polaris";
import type { ReplaySample } from "#app/replay/index.ts";
import { failureWords } from "../../components/failure-words.ts";
import { number, plural } from "../../components/words.ts";

type SampleCardProps = { sample: ReplaySample[]; failures: number; nameOf: (id: number) => string };

/** Some of what is chosen, the newest first: today's figure, what would be sent, and what the channel itself shows at this moment. */
export function SampleCard({ sample, failures, nameOf }: SampleCardProps) {
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					{sample.length < failures ? `The newest ${number(sample.length)} of ${plural(failures, "failure")}` : "What would be sent"}
				</Text>
			</Box>
			<ul className="rows" data-testid="replay-sample">
				{sample.map((one) => (
					<li key={one.letterId} className="row row-channel">
						<BlockStack gap="050">
							<Text as="p" fontWeight="medium" breakWord>
								{one.subject || (one.now === null ? "A message" : "A product")}
							</Text>
							<Text as="p" variant="bodySm" tone="subdued" breakWord>
								{[one.sku !== one.subject ? one.sku : "", nameOf(one.connectionId), failureWords(one.errorClass).label]
									.filter(Boolean)
									.join(" · ")}
							</Text>
						</BlockStack>
						<Text as="p">
							{one.now === null ? "–" : `${number(one.now)} now`}
							{one.wouldSend !== null && `, would send ${number(one.wouldSend)}`}
						</Text>
						<Text as="p" tone="subdued">
							{sayShown(one, nameOf(one.connectionId))}
						</Text>
					</li>
				))}
			</ul>
		</Card>
	);
}

function sayShown({ now, shows }: ReplaySample, channel: string): string {
	if ("read" in shows) return shows.read === null ? `${channel} does not say what it shows` : `${channel} shows ${number(shows.read)}`;
	if (now === null) return "";
	return shows.unread === "no-answer" ? `${channel} could not be read just now` : `${channel} cannot be asked at the moment`;
}
