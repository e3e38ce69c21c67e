import { BlockStack, Box, Card, InlineGrid, Link, Text } from "@shopify/polaris";
import type { Overview } from "#app/overview/index.ts";
import { needsYou } from "#app/overview/needs-you.ts";
import { counted, number, plural } from "../../components/words.ts";

/** Four numbers a merchant looks for, each with the words that make it mean something. */
export function FigureCards({ overview }: { overview: Overview }) {
	const { oversells, sales } = overview;
	const following = overview.channels.filter((channel) => channel.state === "live");
	const listings = following.reduce((total, channel) => total + channel.listings, 0);
	const behind = following.reduce((total, channel) => total + channel.behind, 0);
	const { total: waiting } = needsYou(overview);
	return (
		<InlineGrid columns={{ xs: 2, md: 4 }} gap={{ xs: "300", md: "400" }}>
			<Figure
				id="in-step"
				label="Stock figures in step"
				value={number(listings - behind)}
				note={behind > 0 ? `${number(behind)} on their way` : `of ${number(listings)}`}
			/>
			<Figure id="orders" label="Orders, last 24 hours" value={counted(sales.orders)} note="on all channels" />
			<Figure
				id="oversold"
				label="Oversold, last 24 hours"
				url="/app/oversells"
				value={number(oversells.units)}
				tone={oversells.unitsOwed > 0 ? "critical" : undefined}
				note={
					oversells.unitsOwed > 0
						? `${plural(oversells.unitsOwed, "unit")} still owed`
						: oversells.units > 0
							? "none owed any more"
							: "units"
				}
			/>
			<Figure
				id="attention"
				label="Needs you"
				value={counted(waiting)}
				tone={waiting.count > 0 ? "caution" : undefined}
				note={waiting.count > 0 ? "see below" : "nothing is stuck"}
			/>
		</InlineGrid>
	);
}

type FigureProps = { id: string; label: string; value: string; note: string; url?: string; tone?: "critical" | "caution" | undefined };

function Figure({ id, label, value, note, url, tone }: FigureProps) {
	return (
		<Card>
			<Box minHeight="100%">
				<BlockStack gap="100">
					<Text as="h2" variant="bodySm" tone="subdued">
						{url ? (
							<Link monochrome url={url}>
								{label}
							</Link>
						) : (
							label
						)}
					</Text>
					<Text as="p" variant="headingXl" {...(tone ? { tone } : {})}>
						<span className="figures" data-testid={`figure-${id}`}>
							{value}
						</span>
					</Text>
					<Text as="p" variant="bodySm" tone="subdued">
						{note}
					</Text>
				</BlockStack>
			</Box>
		</Card>
	);
}
