import type { HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useLoaderData } from "@remix-run/react";
import { Badge, BlockStack, Box, Button, Card, Icon, InlineGrid, InlineStack, List, Text } from "@shopify/polaris";
import { StoreManagedIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { requireRight } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { type AvailableChannel, type ConnectedChannel, readGallery } from "#app/pages/channels/read-gallery.ts";
import { readOtherWriterAtHome } from "#app/pages/channels/read-other-writer.ts";
import { AppPage } from "../../components/app-page.tsx";
import { ChannelState } from "../../components/channel-state.tsx";
import { OtherWriterBanner } from "../../components/other-writer.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useAllowed } from "../../components/use-right.ts";
import { duration, number, plural } from "../../components/words.ts";
import { VersionsCard } from "./versions-card.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	return { gallery: await readGallery(database(), deps(), shopId), writerAtHome: await readOtherWriterAtHome(database(), shopId) };
}

/** What is connected, and what could be. */
export default function ChannelsPage() {
	const { gallery, writerAtHome } = useLoaderData<typeof loader>();
	const mayApprove = useAllowed("approve");
	useFresh({ paused: false });
	const guests = gallery.connected.filter((channel) => !channel.isHome);
	return (
		<AppPage title="Channels">
			<BlockStack gap="600">
				{writerAtHome && <OtherWriterBanner writer={writerAtHome} />}
				<BlockStack gap="300">
					<Box paddingInline={{ xs: "400", sm: "0" }}>
						<Text as="h2" variant="headingMd">
							Your channels
						</Text>
					</Box>
					<Card padding="0">
						<ul className="rows" data-testid="connected">
							{gallery.connected.map((channel) => (
								<Connected key={channel.id} channel={channel} />
							))}
						</ul>
						{guests.length === 0 && (
							<Box padding="400" paddingBlockStart="0">
								<Text as="p" tone="subdued">
									Nothing else is connected yet. Choose a channel below: at first Lockstep only watches, and changes nothing there.
								</Text>
							</Box>
						)}
					</Card>
				</BlockStack>
				<BlockStack gap="300">
					<Box paddingInline={{ xs: "400", sm: "0" }}>
						<Text as="h2" variant="headingMd">
							Connect a channel
						</Text>
					</Box>
					<InlineGrid columns={{ xs: 1, md: 2 }} gap="400">
						{gallery.available.map((channel) => (
							<Available key={channel.id} channel={channel} mayApprove={mayApprove} isImporting={gallery.isImporting} />
						))}
					</InlineGrid>
				</BlockStack>
				<VersionsCard versions={gallery.versions} />
			</BlockStack>
		</AppPage>
	);
}

function Connected({ channel }: { channel: ConnectedChannel }) {
	const open = channel.state === "connecting" ? "Continue" : "Open";
	return (
		<li className="row row-sale">
			<InlineStack gap="300" blockAlign="center" wrap={false}>
				<Box background="bg-surface-secondary" borderRadius="200" padding="200">
					<Icon source={StoreManagedIcon} tone="subdued" />
				</Box>
				<BlockStack gap="050">
					<InlineStack gap="200" blockAlign="center">
						<Text as="h3" fontWeight="semibold">
							{channel.name}
						</Text>
						<ChannelState channel={channel} isPartlyLive={channel.setUp.isPartlyLive} />
					</InlineStack>
					<Text as="p" variant="bodySm" tone="subdued" breakWord>
						{[channel.name === channel.kind ? null : channel.kind, channel.account].filter(Boolean).join(" · ")}
					</Text>
					<Text as="p" variant="bodySm">
						<span className="figures">{standingOf(channel)}</span>
					</Text>
					{channel.health.reason && channel.health.state !== "green" && (
						<Text as="p" variant="bodySm" tone="critical">
							{channel.health.reason}
						</Text>
					)}
				</BlockStack>
			</InlineStack>
			{!channel.isHome && (
				<Button url={`/app/channels/${channel.id}`} accessibilityLabel={`${open} ${channel.name}`}>
					{open}
				</Button>
			)}
		</li>
	);
}

function standingOf(channel: ConnectedChannel): string {
	if (channel.isHome) return `Your stock is kept here: ${plural(channel.listings, "stock figure")}`;
	const { work } = channel.setUp;
	if (work?.what === "catalogue") return `Reading its listings: ${number(work.done)} so far`;
	const parts = [plural(channel.listings, "linked listing")];
	if (channel.unlinked > 0) parts.push(`${number(channel.unlinked)} without a match`);
	if (channel.state === "watching") parts.push(`${number(channel.behind)} would change`);
	if (channel.state === "live" && channel.behind > 0) parts.push(`${number(channel.behind)} on their way`);
	if (channel.state === "live" && channel.lag) parts.push(`a sale elsewhere arrives in ${duration(channel.lag.p50Ms)}`);
	return parts.join(" · ");
}

type AvailableProps = { channel: AvailableChannel; mayApprove: boolean; isImporting: boolean };

function Available({ channel, mayApprove, isImporting }: AvailableProps) {
	const isClosed = !mayApprove || !channel.isAvailable || isImporting;
	return (
		<Card>
			<div data-testid={`available-${channel.id}`}>
				<BlockStack gap="300">
					<InlineStack align="space-between" blockAlign="center">
						<Text as="h3" variant="headingSm">
							{channel.name}
						</Text>
						{!channel.isAvailable && <Badge>Not available here</Badge>}
					</InlineStack>
					<List>
						{channel.abilities.map((ability) => (
							<List.Item key={ability}>{ability}</List.Item>
						))}
					</List>
					<Text as="p" variant="bodySm" tone="subdued">
						{channel.isAvailable
							? `${channel.way === "consent" ? `You agree on ${channel.name}'s own page.` : "You type in an address and keys."} Its orders stay there: Lockstep does not copy them into Shopify.`
							: "Whoever runs this server has not registered the app with this channel."}
					</Text>
					<Box>
						<Button
							variant="primary"
							disabled={isClosed}
							// A link without an address: what cannot be pressed leads nowhere, for a screen reader too.
							{...(isClosed ? {} : { url: `/app/channels/connect/${channel.id}` })}
							accessibilityLabel={`Connect ${channel.name}`}
						>
							Connect
						</Button>
					</Box>
					{!mayApprove && (
						<Text as="p" variant="bodySm" tone="subdued">
							To connect a channel you need the right “Approve and connect”.
						</Text>
					)}
					{mayApprove && isImporting && (
						<Text as="p" variant="bodySm" tone="subdued">
							Your products are still being read. Then channels can be connected.
						</Text>
					)}
				</BlockStack>
			</div>
		</Card>
	);
}

export const ErrorBoundary = () => <PageError title="Channels" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
