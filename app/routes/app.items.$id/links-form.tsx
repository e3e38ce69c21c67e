import { BlockStack, Box, Button, InlineStack, Select, Text, TextField } from "@shopify/polaris";
import { useState } from "react";
import type { FoundListing } from "#app/pages/item/find-listings.ts";
import type { ItemListing, ItemPage } from "#app/pages/item/item.ts";
import type { LinkForetold } from "#app/pages/item/preview-links.ts";
import { number } from "../../components/words.ts";
import type { LinksLook } from "../app.items.$id.links.ts";
import { useLook } from "./use-look.ts";

/** Links as somebody changes them: listings that shall be this product's, and of its own those that shall not. `finding`: more are looked for. */
export type LinksDraft = {
	finding: boolean;
	link: readonly (FoundListing & { channel: string })[];
	unlink: readonly ItemListing[];
};
/** There is something to save. */
export const areLinksChanged = (links: LinksDraft | null): links is LinksDraft =>
	links !== null && links.link.length + links.unlink.length > 0;
export const NO_LINKS: LinksDraft = { finding: false, link: [], unlink: [] };

/** What saving makes of each listing; null: being asked. */
export function useLinksForetold(itemId: number, { link, unlink }: LinksDraft): readonly LinkForetold[] | null {
	const [linked, unlinked] = [link.map(({ listingId }) => listingId).join(","), unlink.map(({ id }) => id).join(",")];
	const nothing = linked === "" && unlinked === "";
	return useLook<LinksLook>(nothing ? null : `/app/items/${itemId}/links?link=${linked}&unlink=${unlinked}`)?.preview ?? null;
}

type LinksFormProps = {
	item: ItemPage;
	links: LinksDraft;
	foretold: readonly LinkForetold[] | null;
	onLinks: (links: LinksDraft) => void;
};

/** Finds listings for the product and says what linking makes of each; nothing is changed until it is saved. */
export function LinksForm({ item, links, foretold, onLinks }: LinksFormProps) {
	return (
		<Box padding="400" borderBlockStartWidth="025" borderBlockEndWidth="025" borderColor="border-secondary">
			<BlockStack gap="400">
				<FindListing item={item} links={links} onLinks={onLinks} />
				{links.link.length > 0 && (
					<BlockStack gap="200">
						<Text as="h3" variant="headingXs">
							What changes
						</Text>
						<ul className="plain-list" data-testid="links-preview" aria-live="polite">
							{links.link.map((listing) => (
								<li key={listing.listingId} className="row-sale-plain">
									<BlockStack gap="050">
										<Text as="p">
											{listing.channel}, {listing.sku}
										</Text>
										<Foretold of={foretold?.find(({ listingId }) => listingId === listing.listingId) ?? null} />
									</BlockStack>
									<Button
										size="slim"
										accessibilityLabel={`Remove ${listing.sku}`}
										onClick={() => onLinks({ ...links, link: links.link.filter(({ listingId }) => listingId !== listing.listingId) })}
									>
										Remove
									</Button>
								</li>
							))}
						</ul>
					</BlockStack>
				)}
				<Text as="p" variant="bodySm" tone="subdued">
					From then on a sale of the listing takes this product's stock, and the listing follows it. Orders that waited for the link are
					counted.
				</Text>
				<InlineStack>
					<Button onClick={() => onLinks({ ...links, finding: false, link: [] })}>Cancel</Button>
				</InlineStack>
			</BlockStack>
		</Box>
	);
}

function FindListing({ item, links, onLinks }: Pick<LinksFormProps, "item" | "links" | "onLinks">) {
	const [channelId, setChannelId] = useState(String(item.channels[0]?.id ?? ""));
	const [query, setQuery] = useState("");
	const asked = query.trim();
	const look = useLook<LinksLook>(
		asked === "" ? null : `/app/items/${item.id}/links?channel=${channelId}&q=${encodeURIComponent(asked.slice(0, 100))}`,
	);
	const found = asked === "" ? [] : (look?.found ?? []);
	const offered = found.filter(({ listingId }) => links.link.every((one) => one.listingId !== listingId));
	const channel = item.channels.find(({ id }) => String(id) === channelId)?.name ?? "";
	return (
		<BlockStack gap="200">
			<Select
				label="Sales channel"
				options={item.channels.map(({ id, name }) => ({ value: String(id), label: name }))}
				value={channelId}
				onChange={setChannelId}
			/>
			<TextField
				label="Find a listing"
				placeholder="SKU, barcode or title"
				autoComplete="off"
				value={query}
				onChange={setQuery}
				clearButton
				onClearButtonClick={() => setQuery("")}
			/>
			<ul className="plain-list" data-testid="found-listings">
				{offered.map((listing) => (
					<li key={listing.listingId} className="row-sale-plain">
						<BlockStack gap="050">
							<Text as="p">{listing.title || listing.sku}</Text>
							<Text as="p" variant="bodySm" tone="subdued">
								{listing.sku}
								{listing.linkedTo && ` · linked to ${nameOf(listing.linkedTo)}`}
							</Text>
						</BlockStack>
						<Button
							size="slim"
							accessibilityLabel={`${listing.linkedTo ? "Move here:" : "Link"} ${listing.sku}`}
							onClick={() => {
								onLinks({ ...links, link: [...links.link, { ...listing, channel }] });
								setQuery("");
							}}
						>
							{listing.linkedTo ? "Move here" : "Link"}
						</Button>
					</li>
				))}
			</ul>
			{look?.found?.length === 0 && asked !== "" && (
				<Text as="p" tone="subdued">
					No other listing found on {channel}. A new listing appears once the channel has been read again.
				</Text>
			)}
		</BlockStack>
	);
}

/** "Shows 4 → 13", "Keeps showing 4, and follows no product any more". */
export function Foretold({ of }: { of: LinkForetold | null }) {
	return (
		<Text as="p" variant="bodySm" tone="subdued">
			{of === null ? "Looking…" : say(of)}
		</Text>
	);
}

function say({ shows, to, isUnlinked, from, isSent }: LinkForetold): string {
	const now = shows === null ? null : number(Math.max(0, shows));
	if (isUnlinked)
		return `${now === null ? "Keeps what it shows" : `Keeps showing ${now}`}, and follows no product any more. Its sales take no stock.`;
	return [figureSaid(now, to) + (isSent ? "." : " (not sent: not live)."), from && `It was ${nameOf(from)}'s and moves here.`]
		.filter(Boolean)
		.join(" ");
}

function figureSaid(now: string | null, to: number | null): string {
	if (to === null) return "Not counted: its figure is left alone";
	return now === number(to) ? `Stays ${now}` : `Shows ${now ?? "what was not read yet"} → ${number(to)}`;
}

const nameOf = ({ sku, title }: { sku: string; title: string }) => sku || title || "an unnamed product";
