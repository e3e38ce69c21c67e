import { Banner, BlockStack, Box, Button, Card, InlineStack, Spinner, Text } from "@shopify/polaris";
import type { ChannelPage } from "#app/pages/channels/read-channel.ts";
import { type Step, Steps } from "../../components/steps.tsx";
import { ago, number, plural } from "../../components/words.ts";
import { FoundSources } from "./found-sources.tsx";
import { MirroredQuestion } from "./mirrored-question.tsx";

type SetUpCardProps = {
	page: ChannelPage;
	/** What was sent and is not answered yet. */
	sending: string | null;
	send: (fields: Record<string, string>) => void;
	mayOperate: boolean;
	mayApprove: boolean;
};

/**
 * From connected to live, in order. Everything is kept in the database, so a merchant may leave after any step and finds the next
 * one here. Gone once all listings are live.
 */
export function SetUpCard(props: SetUpCardProps) {
	const { page } = props;
	const { channel, setUp } = page;
	if (channel.state === "paused" || (channel.state === "live" && !setUp.isPartlyLive)) return null;
	const steps = stepsOf(props);
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<BlockStack gap="100">
					<Text as="h2" variant="headingSm">
						Set up {channel.name}
					</Text>
					<Text as="p" variant="bodySm" tone="subdued">
						{steps.filter(({ done }) => done).length} of {steps.length} steps done. You can leave at any time and go on later.
					</Text>
				</BlockStack>
			</Box>
			{setUp.failed && (
				<Box paddingInline="400" paddingBlockEnd="200">
					<Banner tone="critical" title={FAILED[setUp.failed.what]}>
						<p>{setUp.failed.reason} You can try it again.</p>
					</Banner>
				</Box>
			)}
			<Steps steps={steps} testId="steps" />
		</Card>
	);
}

const FAILED = {
	catalogue: "Its listings could not be read",
	sources: "The orders in Shopify could not be looked through",
	watch: "Watching could not begin",
	"dry-run": "The dry run could not be finished",
	restore: "The figures from before Lockstep could not be put back",
} as const;

function stepsOf({ page, sending, send, mayOperate, mayApprove }: SetUpCardProps): Step[] {
	const { channel, setUp, asOf } = page;
	const base = `/app/channels/${channel.id}`;
	const isWorking = setUp.work !== null;
	const watches = channel.state === "watching" || channel.state === "live";
	const press = (label: string, fields: Record<string, string>, may: boolean) => (
		<InlineStack>
			<Button variant="primary" disabled={!may || isWorking} loading={sending === fields.intent} onClick={() => send(fields)}>
				{label}
			</Button>
		</InlineStack>
	);
	const under = (words: string) => (
		<InlineStack gap="200" blockAlign="center">
			<Spinner size="small" accessibilityLabel={words} />
			<Text as="span" variant="bodySm" tone="subdued">
				<span data-testid="working">{words}</span>
			</Text>
		</InlineStack>
	);
	const reading = setUp.work?.what === "catalogue";
	const hasListings = setUp.catalogueReadAt !== null || channel.listings + channel.unlinked > 0;
	return [
		{
			done: hasListings && !reading,
			title: "Read its listings",
			body: reading
				? under(`Reading: ${plural(setUp.work?.done ?? 0, "listing")} so far. You can close this page.`)
				: hasListings
					? `${plural(channel.listings + channel.unlinked, "listing")} found${setUp.catalogueReadAt ? `, read ${ago(setUp.catalogueReadAt, asOf)}` : ""}.`
					: "Lockstep looks what is for sale there.",
			action: reading ? null : press("Read listings", { intent: "set-up", work: "catalogue" }, mayOperate),
		},
		{
			done: channel.listings > 0,
			title: "Match them with your products",
			body:
				channel.listings > 0
					? `${plural(channel.listings, "listing")} linked${channel.unlinked > 0 ? `, ${number(channel.unlinked)} without a match: those are left alone until you link them` : ""}.`
					: `${plural(channel.unlinked, "listing")} to match by SKU and barcode.`,
			action: (
				<InlineStack>
					<Button variant="primary" url={`${base}/matching`}>
						Match listings
					</Button>
				</InlineStack>
			),
		},
		{
			done: (setUp.mirrored !== null && setUp.mirrored !== "unsure") || (setUp.mirrored === null && watches),
			title: `Say whether orders of ${channel.name} already appear in Shopify`,
			body:
				setUp.mirrored === "no"
					? "They do not. Lockstep counts them and takes them off your stock in Shopify."
					: setUp.mirrored === "takes-stock"
						? "They do, and lower its stock. An order and its copy are counted once."
						: setUp.mirrored === "leaves-stock"
							? "They do, without touching its stock. Lockstep takes them off your stock in Shopify."
							: "If another app copies them into Shopify, each could be counted twice.",
			action: (
				<BlockStack gap="300">
					<FoundSources
						channel={channel.kind}
						found={setUp.orderSources}
						isLooking={setUp.work?.what === "sources" || (setUp.orderSources === null && setUp.work?.what === "catalogue")}
						sending={sending === "set-up"}
						look={mayOperate && !isWorking ? () => send({ intent: "set-up", work: "sources" }) : null}
						asOf={asOf}
					/>
					<MirroredQuestion
						name={channel.name}
						answer={setUp.mirrored}
						found={setUp.orderSources?.outcome === "looked" ? setUp.orderSources.sources : []}
						sending={sending === "mirrored"}
						send={send}
						may={mayApprove}
					/>
				</BlockStack>
			),
		},
		{
			done: watches,
			title: "Watch",
			body:
				setUp.work?.what === "watch"
					? under("Reading its orders of the last 60 days, so that none counts twice. You can close this page.")
					: watches
						? "Its orders are counted, and lower your stock in Shopify. Nothing is written to the channel."
						: "From then on its orders lower your stock in Shopify. Nothing is written to the channel itself, for as long as you like.",
			action: setUp.work?.what === "watch" ? null : press("Start watching", { intent: "set-up", work: "watch" }, mayApprove),
		},
		{
			done: setUp.dryRun !== null,
			title: "See what would change",
			body: setUp.dryRun
				? `${plural(setUp.dryRun.changes, "listing")} would change, ${number(setUp.dryRun.toZero)} to zero.`
				: "A dry run reads every figure on the channel and shows what going live would write.",
			action: (
				<InlineStack>
					<Button variant="primary" url={`${base}/go-live`}>
						Dry run
					</Button>
				</InlineStack>
			),
		},
		{
			done: false,
			title: "Go live",
			body: setUp.isPartlyLive
				? `${number(channel.listings - channel.pausedListings)} of ${plural(channel.listings, "listing")} are live. When they look right, go live with the others.`
				: "With some listings first, then with all.",
			action: (
				<InlineStack>
					<Button variant="primary" url={`${base}/go-live`}>
						{setUp.isPartlyLive ? "Go live with more" : "Go live"}
					</Button>
				</InlineStack>
			),
		},
	];
}
