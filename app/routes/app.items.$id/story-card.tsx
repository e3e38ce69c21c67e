import { useSearchParams } from "@remix-run/react";
import { BlockStack, Box, Button, Card, Icon, InlineStack, Link, Text } from "@shopify/polaris";
import { AlertTriangleIcon, ArrowUpIcon, OrderIcon, PersonIcon, ProductIcon, SearchIcon } from "@shopify/polaris-icons";
import type { ItemPage, StoryEvent } from "#app/pages/item/item.ts";
import { Moment } from "../../components/when.tsx";
import { number } from "../../components/words.ts";

const ICONS: Readonly<Record<StoryEvent["kind"], typeof OrderIcon>> = {
	sale: OrderIcon,
	stock: ProductIcon,
	update: ArrowUpIcon,
	problem: AlertTriangleIcon,
	person: PersonIcon,
	difference: SearchIcon,
};

/** "Why is it 7?", newest first. */
export function StoryCard({ item }: { item: ItemPage }) {
	const [params, setParams] = useSearchParams();
	const isOlder = params.has("before");
	const go = (before: string | null) =>
		setParams(
			(now) => {
				const next = new URLSearchParams(now);
				if (before === null) next.delete("before");
				else next.set("before", before);
				next.delete("id_token");
				return next;
			},
			{ preventScrollReset: true },
		);
	const { events, before } = item.story;
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<BlockStack gap="050">
					<Text as="h2" variant="headingSm">
						{item.bundle ? "Why this figure?" : `Why is it ${number(item.available - item.owed)}?`}
					</Text>
					<Text as="p" tone="subdued">
						Everything that moved it, newest first.
					</Text>
				</BlockStack>
			</Box>
			{events.length === 0 ? (
				<Box padding="400" paddingBlockStart="200">
					<Text as="p" tone="subdued">
						{isOlder ? "Nothing older." : "Nothing has happened to it yet. The next sale or edit appears here within seconds."}
					</Text>
				</Box>
			) : (
				<ol className="rows story" data-testid="story">
					{events.map((event) => (
						<li key={event.key} className="row story-row">
							<Event event={event} />
						</li>
					))}
				</ol>
			)}
			{(isOlder || before !== null) && (
				<Box padding="300" borderBlockStartWidth="025" borderColor="border-secondary">
					<InlineStack gap="200" align="center">
						{isOlder && <Button onClick={() => go(null)}>Newest</Button>}
						{before !== null && <Button onClick={() => go(before)}>Older</Button>}
					</InlineStack>
				</Box>
			)}
		</Card>
	);
}

function Event({ event }: { event: StoryEvent }) {
	return (
		<>
			<Icon source={ICONS[event.kind]} tone={event.kind === "problem" || event.kind === "difference" ? "caution" : "subdued"} />
			<BlockStack gap="050">
				<Text as="p" breakWord>
					{event.link ? (
						<Link monochrome url={event.link}>
							{event.text}
						</Link>
					) : (
						event.text
					)}
				</Text>
				<Text as="p" variant="bodySm" tone="subdued" breakWord>
					<Moment at={event.at} />
					{event.detail && ` · ${event.detail}`}
				</Text>
			</BlockStack>
			<Text
				as="p"
				numeric
				alignment="end"
				fontWeight="medium"
				{...(event.left !== null && event.left < 0 ? { tone: "critical" as const } : {})}
			>
				{event.left === null ? "" : event.left < 0 ? `${number(-event.left)} owed` : `→ ${number(event.left)}`}
			</Text>
		</>
	);
}
