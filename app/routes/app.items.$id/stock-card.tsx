import { BlockStack, Box, Card, InlineStack, Link, Text } from "@shopify/polaris";
import type { ItemLocation, ItemPage } from "#app/pages/item/item.ts";
import { Ago } from "../../components/when.tsx";
import { number } from "../../components/words.ts";

/** What there is, and where. */
export function StockCard({ item }: { item: ItemPage }) {
	return (
		<Card padding="0">
			<Box padding="400">
				<BlockStack gap="200">
					<Text as="h2" variant="headingSm">
						In Shopify
					</Text>
					<InlineStack gap="400" blockAlign="end">
						<Text as="p" variant="heading2xl">
							<span className="figures" data-testid="available">
								{number(item.available)}
							</span>
						</Text>
						<Text as="p" tone={item.owed > 0 ? "critical" : "subdued"}>
							{item.owed > 0 ? `available, ${number(item.owed)} owed` : "available"}
						</Text>
					</InlineStack>
					{item.owed > 0 && (
						<Text as="p" tone="subdued">
							{`${item.available > 0 ? "Held back" : "Held at zero"}: ${number(item.owed)} owed to orders. `}
							<Link url={`/app/oversells?item=${item.id}`}>See which, and what to do</Link>
						</Text>
					)}
				</BlockStack>
			</Box>
			{item.locations.length > 0 && (
				<ul className="rows rows-topped">
					{item.locations.map((location) => (
						<li key={location.id} className="row row-sale">
							<Place location={location} asOf={item.asOf} />
						</li>
					))}
				</ul>
			)}
			{item.locations.length === 0 && !item.bundle && (
				<Box padding="400" paddingBlockStart="0">
					<Text as="p" tone="subdued">
						Shopify has told no figure of it yet.
					</Text>
				</Box>
			)}
		</Card>
	);
}

function Place({ location, asOf }: { location: ItemLocation; asOf: string }) {
	const { name, available, owed, home, homeAt, onItsWay, waitsIn } = location;
	return (
		<>
			<BlockStack gap="050">
				<Text as="p">{name}</Text>
				<Text as="p" variant="bodySm" tone="subdued">
					{home === null || homeAt === null ? (
						"Not read from Shopify yet"
					) : (
						<>
							Shopify said {number(home)}, <Ago at={homeAt} now={asOf} />
						</>
					)}
					{onItsWay !== 0 && ` · ${onItsWay > 0 ? "+" : "−"}${number(Math.abs(onItsWay))} on its way to Shopify`}
				</Text>
				{waitsIn !== null && (
					<Text as="p" variant="bodySm">
						Not counted yet: <Link url={`/app/approvals/${waitsIn}`}>waiting for approval</Link>
					</Text>
				)}
			</BlockStack>
			<Text as="p" fontWeight="medium" numeric alignment="end" {...(owed > 0 ? { tone: "critical" as const } : {})}>
				{owed > 0 ? `${number(owed)} owed` : number(available)}
			</Text>
		</>
	);
}
