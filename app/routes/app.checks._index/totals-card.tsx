import { Badge, BlockStack, Box, Button, Card, Text } from "@shopify/polaris";
import type { TotalsCheck } from "#reconcile";
import { DRIFT_MAX, lastDayOf } from "../../components/totals-figures.tsx";
import { DayUtc } from "../../components/when.tsx";
import { number, percent } from "../../components/words.ts";

/** Week by week and channel by channel: are the sums the same on both sides? */
export function TotalsCard({ totals, names }: { totals: readonly TotalsCheck[]; names: Readonly<Record<number, string>> }) {
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<BlockStack gap="050">
					<Text as="h2" variant="headingSm">
						Totals, week by week
					</Text>
					<Text as="p" tone="subdued">
						Each night orders, units, sums and what is for sale of the last seven days are compared between every channel and Lockstep.
					</Text>
				</BlockStack>
			</Box>
			{totals.length === 0 ? (
				<Box padding="400" paddingBlockStart="0">
					<Text as="p">The first comparison is made in the coming night.</Text>
				</Box>
			) : (
				<ul className="rows" data-testid="totals-weeks">
					{totals.map((check) => (
						<li key={check.id} className="row row-sale">
							<BlockStack gap="050">
								<Text as="h3" fontWeight="medium">
									{names[check.connectionId] ?? "A former channel"}
								</Text>
								<Text as="p" variant="bodySm" tone="subdued">
									<DayUtc at={check.from} /> to <DayUtc at={lastDayOf(check)} />
									{check.figures &&
										` · ${number(check.figures.orders.there)} orders there, ${number(check.figures.orders.here)} here · ${number(check.figures.units.there)} and ${number(check.figures.units.here)} units`}
								</Text>
								<div>
									<Standing check={check} />
								</div>
							</BlockStack>
							<Button
								size="slim"
								url={`/app/checks/totals/${check.id}`}
								accessibilityLabel={`See the totals of ${names[check.connectionId] ?? "a former channel"} up to ${check.to.slice(0, 10)}`}
							>
								See
							</Button>
						</li>
					))}
				</ul>
			)}
		</Card>
	);
}

function Standing({ check: { state, figures } }: { check: TotalsCheck }) {
	if (state === "failed") return <Badge tone="warning">Could not be read</Badge>;
	if (!figures) return <Badge>Being compared</Badge>;
	return figures.drift > DRIFT_MAX ? (
		<Badge tone="warning">{`Differs by ${percent(figures.drift)}`}</Badge>
	) : (
		<Badge tone="success">The same</Badge>
	);
}
