import { Badge, BlockStack, Box, Card, InlineStack, Text } from "@shopify/polaris";
import type { AttentionLine, OversellLine, Overview } from "#app/overview/index.ts";
import { ago, counted, plural } from "../../components/words.ts";

/** What a person should look at: oversold units first, then what could not be delivered or understood. Nothing: no card. */
export function AttentionCard({ overview }: { overview: Overview }) {
	const { attention, oversells, asOf } = overview;
	const owed = oversells.newest.filter((line) => line.owed > 0);
	if (owed.length === 0 && attention.newest.length === 0) return null;
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<InlineStack gap="200" blockAlign="center">
					<Text as="h2" variant="headingSm">
						Needs attention
					</Text>
					{attention.updates.count > 0 && <Badge tone="warning">{`${counted(attention.updates)} not delivered`}</Badge>}
					{attention.messages.count > 0 && <Badge tone="warning">{`${counted(attention.messages)} not understood`}</Badge>}
				</InlineStack>
			</Box>
			<ul className="rows" data-testid="attention">
				{owed.map((line) => (
					<li key={`oversold-${line.id}`} className="row row-sale">
						<Oversold line={line} asOf={asOf} />
					</li>
				))}
				{attention.newest.map((line) => (
					<li key={line.id} className="row row-sale">
						<Parked line={line} asOf={asOf} />
					</li>
				))}
			</ul>
		</Card>
	);
}

function Oversold({ line, asOf }: { line: OversellLine; asOf: string }) {
	return (
		<>
			<BlockStack gap="050">
				<Text as="p" fontWeight="medium">
					{line.title || line.sku} is oversold by {plural(line.owed, "unit")}
				</Text>
				<Text as="p" variant="bodySm" tone="subdued">
					{line.order ? `${line.channel} ${line.order}` : line.channel} · {ago(line.at, asOf)}. It is held at 0 on the other channels until
					stock covers it.
				</Text>
			</BlockStack>
			<Badge tone="critical">Oversold</Badge>
		</>
	);
}

function Parked({ line, asOf }: { line: AttentionLine; asOf: string }) {
	return (
		<>
			<BlockStack gap="050">
				<Text as="p" fontWeight="medium" truncate>
					{line.subject}
				</Text>
				<Text as="p" variant="bodySm" tone="subdued">
					{line.channel} · {ago(line.at, asOf)}: {line.error} ({plural(line.attempts, "attempt")})
				</Text>
			</BlockStack>
			<Badge tone="warning">{line.direction === "out" ? "Not delivered" : "Not understood"}</Badge>
		</>
	);
}
