import { Badge, BlockStack, Box, Card, Text } from "@shopify/polaris";
import { useRef } from "react";
import type { Overview, SaleLine } from "#app/overview/index.ts";
import { ago, number } from "../../components/words.ts";

export function SalesCard({ overview }: { overview: Overview }) {
	const { newest } = overview.sales;
	// What was there when the page was loaded does not light up; what comes in afterwards does.
	const loadedWith = useRef(newest[0]?.id ?? 0);
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					Sales just taken
				</Text>
			</Box>
			{newest.length === 0 ? (
				<Box padding="400" paddingBlockStart="0">
					<Text as="p" tone="subdued">
						No sale in the last 24 hours. The next one appears here within seconds, whichever channel it comes from.
					</Text>
				</Box>
			) : (
				<ul className="rows" data-testid="sales">
					{newest.map((sale) => (
						<li key={sale.id} className={`row row-sale ${sale.id > loadedWith.current ? "row-new" : ""}`}>
							<Sale sale={sale} asOf={overview.asOf} />
						</li>
					))}
				</ul>
			)}
		</Card>
	);
}

function Sale({ sale, asOf }: { sale: SaleLine; asOf: string }) {
	return (
		<>
			<BlockStack gap="050">
				<Text as="p" variant="bodyMd" truncate>
					<span className="figures">{number(sale.units)} ×</span> {sale.title || sale.sku}
				</Text>
				<Text as="p" variant="bodySm" tone="subdued" truncate>
					{sale.channel} {sale.order}
				</Text>
			</BlockStack>
			<BlockStack gap="050" inlineAlign="end">
				<Left sale={sale} />
				<Text as="p" variant="bodySm" tone="subdued">
					<span className="figures">{ago(sale.at, asOf)}</span>
				</Text>
			</BlockStack>
		</>
	);
}

/** The number by now, not at the time of the sale: the list says what buyers see. */
function Left({ sale }: { sale: SaleLine }) {
	if (sale.left < 0) return <Badge tone="critical">{`${number(-sale.left)} short`}</Badge>;
	if (!sale.inStep) return <Badge tone="info">Updating</Badge>;
	return <Badge tone="success">{sale.left === 0 ? "Sold out" : `${number(sale.left)} left`}</Badge>;
}
