import { type ActionFunctionArgs, type HeadersFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData, useParams } from "@remix-run/react";
import { Banner, BlockStack, Button, Card, InlineStack, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { linkListings, unlinkListings } from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { readChannelName } from "#app/pages/channels/read-name.ts";
import { readChoosing } from "#app/pages/matching/read-choosing.ts";
import { AppPage } from "../../components/app-page.tsx";
import { ProductChoice } from "../../components/product-choice.tsx";
import { PageError } from "../../components/route-error.tsx";
import { Thing } from "../../components/thing.tsx";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "look");
	const [connectionId, listingId] = [channelIdOf(params.id), channelIdOf(params.listing)];
	const named = connectionId === null ? null : await readChannelName(database(), shopId, connectionId);
	if (connectionId === null || listingId === null || !named) throw notThere();
	const query = (new URL(request.url).searchParams.get("q") ?? "").trim().slice(0, 100);
	const choosing = await readChoosing(database(), shopId, { connectionId, listingId, query });
	if (!choosing) throw notThere();
	return { choosing, name: named.name };
}

const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.literal("link"), item: z.coerce.number().int().positive() }),
	z.object({ intent: z.literal("unlink") }),
]);

/** Linked to the same product again, nothing changes. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said | Response> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const [connectionId, listingId] = [channelIdOf(params.id), channelIdOf(params.listing)];
		if (connectionId === null || listingId === null || !(await readChannelName(database(), shopId, connectionId))) throw notThere();
		const read = asked.safeParse(Object.fromEntries(await request.formData()));
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		if (read.data.intent === "unlink") {
			await unlinkListings(deps(), shopId, connectionId, [listingId], actor);
			return { ok: true, message: "Link taken back. What the channel shows stays as it is." };
		}
		const { refused } = await linkListings(deps(), shopId, connectionId, [{ listingId, itemId: read.data.item }], actor);
		if (refused[0]) return { ok: false, message: refused[0].reason };
		return redirect(`/app/channels/${connectionId}/matching`);
	});

export default function ChooseRoute() {
	const { choosing, name } = useLoaderData<typeof loader>();
	const { listing, isPack } = choosing;
	const base = `/app/channels/${useParams().id}/matching`;
	const filters = useUrlFilters();
	const mayOperate = useAllowed("operate");
	const fetcher = useFetcher<Said>();
	useSaid(fetcher);
	const busyWith = fetcher.state === "idle" ? null : fetcher.formData?.get("item");
	return (
		<AppPage title={listing.title || listing.sku || "Listing"} back={{ content: "Matching", url: base }} subtitle={`A listing on ${name}`}>
			<BlockStack gap="400">
				<Card>
					<BlockStack gap="300">
						<Thing sku={listing.sku} title={listing.title} barcode={listing.barcode} />
						{listing.linkedTo && (
							<InlineStack align="space-between" blockAlign="center" gap="200">
								<Text as="p">
									Linked to <b>{listing.linkedTo.title || listing.linkedTo.sku}</b> ({listing.linkedTo.sku || "no SKU"}).
								</Text>
								{mayOperate && (
									<Button
										loading={fetcher.state !== "idle" && busyWith === null}
										onClick={() => fetcher.submit({ intent: "unlink" }, { method: "post" })}
									>
										Take the link back
									</Button>
								)}
							</InlineStack>
						)}
					</BlockStack>
				</Card>
				{isPack && (
					<Banner tone="warning" title="This looks like a pack of several pieces">
						<p>Linked as it is, each sale of it takes one piece off your stock. Link it only if your product counts the same pack.</p>
					</Banner>
				)}
				{!listing.linkedTo && (
					<ProductChoice
						choosing={choosing}
						filters={filters}
						mayLink={mayOperate}
						busyWith={typeof busyWith === "string" ? busyWith : null}
						onLink={(item) => fetcher.submit({ intent: "link", item: String(item) }, { method: "post" })}
					/>
				)}
			</BlockStack>
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="Choose a product" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
