import { useSearchParams } from "@remix-run/react";
import { BlockStack, Box, Button, Card, Icon, InlineStack, Link, Text } from "@shopify/polaris";
import { AlertTriangleIcon, ArrowUpIcon, OrderIcon, PersonIcon, ProductIcon, SearchIcon } from "@shopify/polaris-icons";
import type { ItemPage, StoryEvent } from "#app/pages/item/item.ts";
import { Moment } from "../../components/when.tsx";
import { number } from "../../components/words.ts";
import { MomentForm } from "./moment-form.tsx";
import { ThenFigures } from "./then-figures.tsx";

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
	const go = (to: { before?: string; at?: string }) =>
		setParams(
			(now) => {
				const next = new URLSearchParams(now);
				for (const key of ["before", "at", "id_token"]) next.delete(key);
				for (const [key, value] of Object.entries(to)) next.set(key, value);
				return next;
			},
			{ preventScrollReset: true },
		);
	const { past: then } = item;
	const { events, before } = item.story;
	const here = then ? { at: then.at } : {};
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<BlockStack gap="050">
					<Text as="h2" variant="headingSm">
						{titleOf(item)}
					</Text>
					<Text as="p" tone="subdued">
						{then ? "What led there, newest first." : "Everything that moved it, newest first."}
					</Text>
				</BlockStack>
			</Box>
			<MomentForm key={then?.at ?? ""} at={then?.at ?? null} onShow={(at) => go(at === null ? {} : { at })} />
			{then && <ThenFigures then={then} item={item} />}
			{events.length === 0 ? (
				<Box padding="400" paddingBlockStart="200">
					<Text as="p" tone="subdued">
						{isOlder || then ? "Nothing older." : "Nothing has happened to it yet. The next sale or edit appears here within seconds."}
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
						{isOlder && <Button onClick={() => go(here)}>{then ? "Back to that moment" : "Newest"}</Button>}
						{before !== null && <Button onClick={() => go({ ...here, before })}>Older</Button>}
					</InlineStack>
				</Box>
			)}
		</Card>
	);
}

function titleOf({ bundle, available, owed, past }: ItemPage): string {
	if (past) return past.figure === null ? "Not known yet at that moment" : `Why was it ${number(past.figure)}?`;
	return bundle ? "Why this figure?" : `Why is it ${number(available - owed)}?`;
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
