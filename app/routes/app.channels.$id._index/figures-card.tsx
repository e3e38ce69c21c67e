import { BlockStack, Button, Card, InlineGrid, InlineStack, Text } from "@shopify/polaris";
import type { ChannelPage } from "#app/pages/channels/read-channel.ts";
import { Figure } from "../../components/figure.tsx";
import { duration, number } from "../../components/words.ts";

/** How many listings there are, how they stand, and where each number leads. */
export function FiguresCard({ page: { channel, setUp }, base }: { page: ChannelPage; base: string }) {
	const isReachable = channel.health.state !== "red";
	const isCounting = channel.state !== "connecting";
	return (
		<Card>
			<BlockStack gap="400">
				<InlineStack align="space-between" blockAlign="center">
					<Text as="h2" variant="headingSm">
						Listings
					</Text>
					<InlineStack gap="300">
						<Button variant="plain" url={`${base}/matching`}>
							Matching
						</Button>
						{isCounting && (
							<Button variant="plain" url={`${base}/watch`}>
								What Lockstep saw
							</Button>
						)}
						{isCounting && (channel.state !== "live" || setUp.isPartlyLive) && (
							<Button variant="plain" url={`${base}/go-live`}>
								Dry run
							</Button>
						)}
					</InlineStack>
				</InlineStack>
				<InlineGrid columns={{ xs: 2, md: 4 }} gap="400">
					<Figure testId="channel-linked" level="h3" label="Linked" value={number(channel.listings)} note="follow your stock" />
					<Figure
						testId="channel-unlinked"
						level="h3"
						label="Without a match"
						value={number(channel.unlinked)}
						note={channel.unlinked === 0 ? "none" : isCounting ? "left alone" : "not linked yet"}
					/>
					<Figure
						testId="channel-behind"
						level="h3"
						label={
							channel.state === "paused"
								? "Waiting"
								: channel.state !== "live"
									? "Would change"
									: isReachable
										? "On their way"
										: "Waiting for it"
						}
						value={isCounting ? number(channel.behind) : "–"}
						note={
							channel.state === "paused"
								? "sent when you resume"
								: channel.state !== "live"
									? "on going live"
									: isReachable
										? "updates being sent"
										: "updates to send"
						}
					/>
					<Figure
						testId="channel-lag"
						level="h3"
						label="Sales arrive in"
						value={channel.lag ? duration(channel.lag.p50Ms) : "–"}
						note={channel.lag ? `99 of 100 within ${duration(channel.lag.p99Ms)}` : "no sale elsewhere in 24 hours"}
					/>
				</InlineGrid>
				{channel.pausedListings > 0 && (
					<Text as="p" variant="bodySm" tone="subdued">
						{number(channel.pausedListings)} {channel.pausedListings === 1 ? "listing is" : "listings are"}{" "}
						{setUp.isPartlyLive ? "paused, or wait to go live" : "paused"}: nothing is sent to them.
					</Text>
				)}
			</BlockStack>
		</Card>
	);
}
