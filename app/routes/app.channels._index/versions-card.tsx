import { Badge, BlockStack, Box, Card, InlineStack, Text } from "@shopify/polaris";
import type { ApiVersion } from "#channels";
import { Day } from "../../components/when.tsx";
import { plural } from "../../components/words.ts";

/** Which version of each channel's interface is spoken, and until when the channel answers it (R33). */
export function VersionsCard({ versions }: { versions: readonly ApiVersion[] }) {
	return (
		<BlockStack gap="300">
			<Box paddingInline={{ xs: "400", sm: "0" }}>
				<BlockStack gap="100">
					<Text as="h2" variant="headingMd">
						Versions of the channels' interfaces
					</Text>
					<Text as="p" tone="subdued">
						Channels change how programs talk to them, and switch old versions off on a day that they announce. Lockstep says so 60 days
						before.
					</Text>
				</BlockStack>
			</Box>
			<Card padding="0">
				<ul className="rows" data-testid="versions">
					{versions.map((version) => (
						<li className="row row-sale" key={version.channel}>
							<BlockStack gap="050">
								<Text as="h3" fontWeight="semibold">
									{version.name}
								</Text>
								<Text as="p" variant="bodySm" tone="subdued" breakWord>
									{version.pinned}
								</Text>
							</BlockStack>
							<InlineStack gap="200" blockAlign="center">
								<Until version={version} />
							</InlineStack>
						</li>
					))}
				</ul>
			</Card>
		</BlockStack>
	);
}

function Until({ version: { state, sunsetAt, daysLeft } }: { version: ApiVersion }) {
	if (sunsetAt === null || daysLeft === null)
		return (
			<Text as="p" variant="bodySm" tone="subdued">
				No end announced
			</Text>
		);
	return (
		<>
			<Text as="p" variant="bodySm">
				Answered until <Day at={sunsetAt} />
			</Text>
			{state === "ends-soon" && <Badge tone="warning">{`${plural(daysLeft, "day")} left`}</Badge>}
			{state === "ended" && <Badge tone="critical">Ended</Badge>}
		</>
	);
}
