import { BlockStack, Box, Card, Link, Text } from "@shopify/polaris";
import type { CheckRun } from "#app/pages/checks/checks.ts";
import { RunBadge, sayRun } from "../../components/check-words.tsx";
import { Ago } from "../../components/when.tsx";

/** The newest checks of all channels, by whoever asked for them. */
export function RunsCard({ runs, asOf }: { runs: CheckRun[]; asOf: string }) {
	if (runs.length === 0) return null;
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					Last checks
				</Text>
			</Box>
			<ul className="rows" data-testid="check-runs">
				{runs.map((run) => (
					<li key={run.id} className="row row-sale">
						<BlockStack gap="050">
							<Link url={`/app/checks/${run.id}`} monochrome removeUnderline>
								<Text as="span" fontWeight="medium" breakWord>
									{run.channel}
								</Text>
							</Link>
							<Text as="p" variant="bodySm" tone="subdued" breakWord>
								{sayRun(run)} · {run.who ?? "Every hour"}, <Ago at={run.askedAt} now={asOf} />
							</Text>
						</BlockStack>
						<RunBadge run={run} />
					</li>
				))}
			</ul>
		</Card>
	);
}
