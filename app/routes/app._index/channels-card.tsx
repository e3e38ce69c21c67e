import { Badge, BlockStack, Box, Card, InlineStack, Text, Tooltip } from "@shopify/polaris";
import type { ChannelOverview, Overview } from "#app/overview/index.ts";
import { duration, number, plural } from "../../components/words.ts";

export function ChannelsCard({ overview }: { overview: Overview }) {
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					Channels
				</Text>
			</Box>
			<ul className="rows" data-testid="channels">
				<li className="row row-channel row-head" aria-hidden="true">
					<Head>Channel</Head>
					<Head>Stock</Head>
					<Head>A sale elsewhere arrives in</Head>
				</li>
				{overview.channels.map((channel) => (
					<li key={channel.id} className="row row-channel" data-channel={channel.channel}>
						<Name channel={channel} />
						<Step channel={channel} reading={overview.firstImport.state !== "done"} />
						<Speed channel={channel} />
					</li>
				))}
			</ul>
		</Card>
	);
}

const Head = ({ children }: { children: string }) => (
	<Text as="span" variant="bodySm" tone="subdued" fontWeight="medium">
		{children}
	</Text>
);

function Name({ channel }: { channel: ChannelOverview }) {
	return (
		<BlockStack gap="050">
			<InlineStack gap="200" blockAlign="center">
				<Text as="h3" variant="bodyMd" fontWeight="semibold">
					{channel.name}
				</Text>
				<State channel={channel} />
			</InlineStack>
			<Text as="p" variant="bodySm" tone="subdued" truncate>
				{channel.isHome ? "Your stock is kept here" : channel.account}
			</Text>
		</BlockStack>
	);
}

function State({ channel }: { channel: ChannelOverview }) {
	if (channel.health.state === "red") return <Badge tone="critical">Not reachable</Badge>;
	if (channel.health.state === "degraded") return <Badge tone="warning">Having trouble</Badge>;
	if (channel.isHome) return <Badge tone="success">Home</Badge>;
	switch (channel.state) {
		case "live":
			return <Badge tone="success">Live</Badge>;
		case "watching":
			return <Badge tone="info">Watching</Badge>;
		case "paused":
			return <Badge tone="attention">Paused</Badge>;
		case "connecting":
			return <Badge progress="partiallyComplete">Connecting</Badge>;
	}
}

function Step({ channel, reading }: { channel: ChannelOverview; reading: boolean }) {
	return (
		<BlockStack gap="050">
			<Text as="p" variant="bodyMd">
				<span className="figures">{stepOf(channel, reading)}</span>
			</Text>
			<Text as="p" variant="bodySm" tone="subdued">
				{plural(channel.listings, channel.isHome ? "stock figure" : "listing")}
				{channel.unlinked > 0 && ` · ${number(channel.unlinked)} without a match`}
				{channel.pausedListings > 0 && ` · ${number(channel.pausedListings)} paused`}
			</Text>
		</BlockStack>
	);
}

/** What we know of the channel's figures: of one that does not answer, only what still waits for it. */
function stepOf(channel: ChannelOverview, reading: boolean): string {
	if (channel.isHome && reading) return "Being read";
	if (channel.health.state === "red") return channel.behind > 0 ? `${number(channel.behind)} waiting for it` : "Nothing waits for it";
	switch (channel.state) {
		case "connecting":
			return "Being set up";
		case "paused":
			return "Nothing is sent";
		case "watching":
			return channel.behind > 0 ? `${number(channel.behind)} would change` : "Nothing would change";
		case "live":
			return channel.behind > 0 ? `${number(channel.behind)} on their way` : "In step";
	}
}

function Speed({ channel }: { channel: ChannelOverview }) {
	if (channel.state === "watching" || channel.state === "connecting") return <span />;
	if (!channel.lag) {
		return (
			<Text as="p" variant="bodySm" tone="subdued">
				No sale elsewhere in 24 hours
			</Text>
		);
	}
	const { p50Ms, p99Ms, samples } = channel.lag;
	return (
		<Tooltip content={`From the sale on another channel until ${channel.name} shows it, over the latest ${plural(samples, "update")}.`}>
			<BlockStack gap="050">
				<Text as="p" variant="bodyMd">
					<span className="only-small">A sale elsewhere arrives in </span>
					<span className="figures" data-testid="lag">
						{duration(p50Ms)} usually
					</span>
				</Text>
				<Text as="p" variant="bodySm" tone="subdued">
					<span className="figures">99 of 100 within {duration(p99Ms)}</span>
				</Text>
			</BlockStack>
		</Tooltip>
	);
}
