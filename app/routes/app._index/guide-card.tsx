import { BlockStack, Box, Button, Card, InlineStack, Text } from "@shopify/polaris";
import type { ChannelOverview, Overview } from "#app/overview/index.ts";
import { type Step, Steps } from "../../components/steps.tsx";
import { number, plural } from "../../components/words.ts";

/**
 * From the installation to the first channel that is live. What is done is read from the shop itself, so the guide is right
 * after a break, on another device, and for whoever of the staff goes on with it. Gone once a channel has been live.
 */
export function GuideCard({ overview }: { overview: Overview }) {
	const guests = overview.channels.filter((channel) => !channel.isHome);
	if (guests.some(({ state }) => state === "live" || state === "paused")) return null;
	const steps = stepsOf(overview, furthest(guests));
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<BlockStack gap="100">
					<Text as="h2" variant="headingSm">
						Get your first channel in step
					</Text>
					<Text as="p" variant="bodySm" tone="subdued">
						{steps.filter(({ done }) => done).length} of {steps.length} steps done. Nothing changes on a channel before the last one.
					</Text>
				</BlockStack>
			</Box>
			<Steps steps={steps} testId="guide" />
		</Card>
	);
}

/** The one that a merchant goes on with: a watched one before one whose listings are linked, before one that is just connected. */
const furthest = (guests: readonly ChannelOverview[]): ChannelOverview | undefined =>
	guests.find(({ state }) => state === "watching") ?? guests.find(({ listings }) => listings > 0) ?? guests[0];

function stepsOf({ firstImport }: Overview, channel: ChannelOverview | undefined): Step[] {
	const page = `/app/channels/${channel?.id}`;
	const name = channel?.name ?? "the channel";
	return [
		{
			done: firstImport.state === "done",
			title: "Lockstep reads your products and stock",
			body:
				firstImport.state === "done"
					? "Done. What you edit in Shopify from now on is followed within seconds."
					: firstImport.state === "reading"
						? `${number(firstImport.done)}${firstImport.total === null ? "" : ` of ${number(firstImport.total)}`} so far. It goes on when you close this page.`
						: "This starts by itself. You need not wait here.",
		},
		{
			done: channel !== undefined,
			title: "Connect a sales channel",
			body: channel ? `${channel.name} is connected: ${channel.account}.` : "You sign in on the channel's own page, or paste its keys.",
			action: go("Choose a channel", "/app/channels"),
		},
		{
			done: channel !== undefined && channel.listings > 0,
			title: "Match its listings with your products",
			body:
				channel && channel.listings > 0
					? `${plural(channel.listings, "listing")} linked${channel.unlinked > 0 ? `, ${number(channel.unlinked)} without a match: those are left alone` : ""}.`
					: "By SKU and barcode. You see what matches before anything is linked.",
			action: go(`Continue with ${name}`, page),
		},
		{
			done: channel?.state === "watching",
			title: "Watch, without changing anything",
			body:
				channel?.state === "watching"
					? `Orders of ${channel.name} lower your stock in Shopify. Nothing is written to ${channel.name} itself.`
					: "Its orders begin to count, and you see what Lockstep would have written there.",
			action: go(`Continue with ${name}`, page),
		},
		{
			done: false,
			title: "Go live",
			body: "See every figure that would change, then go live with some listings first, or with all.",
			action: go("See what would change", `${page}/go-live`),
		},
	];
}

const go = (label: string, url: string) => (
	<InlineStack>
		<Button variant="primary" url={url}>
			{label}
		</Button>
	</InlineStack>
);
