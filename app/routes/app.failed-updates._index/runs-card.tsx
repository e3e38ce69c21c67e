import { Badge, BlockStack, Box, Card, InlineStack, Link, Text } from "@shopify/polaris";
import type { RunView } from "#app/pages/failed/read-run.ts";
import { RUN_STATES, sayRun } from "../../components/run-words.ts";
import { Ago } from "../../components/when.tsx";

function RunBadge({ state }: Pick<RunView, "state">) {
	const { label, tone } = RUN_STATES[state];
	return <Badge {...(tone ? { tone } : {})}>{label}</Badge>;
}

/** What has been tried again lately, and how far it is. */
export function RunsCard({ runs, asOf }: { runs: RunView[]; asOf: string }) {
	if (runs.length === 0) return null;
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					Tried again
				</Text>
			</Box>
			<ul className="rows" data-testid="runs">
				{runs.map((run) => (
					<li key={run.id} className="row row-sale">
						<BlockStack gap="050">
							<InlineStack gap="200" blockAlign="center">
								<Link url={`/app/failed-updates/runs/${run.id}`} monochrome removeUnderline>
									<Text as="span" fontWeight="medium" breakWord>
										{run.name}
									</Text>
								</Link>
							</InlineStack>
							<Text as="p" variant="bodySm" tone="subdued" breakWord>
								{sayRun(run)} · {run.who}, <Ago at={run.askedAt} now={asOf} />
							</Text>
						</BlockStack>
						<RunBadge state={run.state} />
					</li>
				))}
			</ul>
		</Card>
	);
}
