import { Badge, BlockStack, Box, Card, InlineStack, Link, Text } from "@shopify/polaris";
import type { CauseSum } from "#app/pages/checks/checks.ts";
import { CAUSE_WORDS } from "../../components/check-words.tsx";
import { number, plural } from "../../components/words.ts";

/** Of a week's differences, and of those that are still there: why, what it means, what to do. Those that explained themselves are left out. */
export function ReasonsCard({ sums }: { sums: CauseSum[] }) {
	const causes = [...new Set(sums.map(({ cause }) => cause))];
	if (causes.length === 0) return null;
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					Why figures differed in the last 7 days
				</Text>
			</Box>
			<ul className="rows" data-testid="reasons">
				{causes.map((cause) => {
					const own = sums.filter((sum) => sum.cause === cause);
					const { label, means, todo } = CAUSE_WORDS[cause];
					const open = own.reduce((sum, one) => sum + one.open, 0);
					return (
						<li key={cause} className="row row-sale">
							<BlockStack gap="050">
								<InlineStack gap="200" blockAlign="center">
									<Text as="h3" fontWeight="medium">
										{label}
									</Text>
									{open > 0 && <Badge tone="warning">{`${number(open)} not over`}</Badge>}
								</InlineStack>
								<Text as="p" variant="bodySm" tone="subdued">
									{means} {todo}
								</Text>
								<Text as="p" variant="bodySm">
									{own.map((sum, n) => (
										<span key={sum.channelId}>
											{n > 0 && " · "}
											<Link url={`/app/checks?channel=${sum.channelId}&cause=${cause}`}>
												{sum.channel}: {plural(sum.count, "difference")}
											</Link>
										</span>
									))}
								</Text>
							</BlockStack>
						</li>
					);
				})}
			</ul>
		</Card>
	);
}
