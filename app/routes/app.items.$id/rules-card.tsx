import { BlockStack, Box, Button, Card, InlineStack, Link, Text } from "@shopify/polaris";
import { useState } from "react";
import type { ItemListing, ItemPage } from "#app/pages/item/item.ts";
import type { Policy } from "#domain";
import { MARK_WORDS, MarkBadge } from "../../components/mark-badge.tsx";
import { sayRule } from "../../components/rule-words.ts";
import { useAllowed } from "../../components/use-right.ts";
import { Ago } from "../../components/when.tsx";
import { listed, number } from "../../components/words.ts";
import { RuleForm } from "./rule-form.tsx";

/** Rules as they are being edited, by listing. */
export type Rules = Readonly<Record<number, { policy: Policy | null; wrong: boolean } | undefined>>;

type RulesCardProps = {
	item: ItemPage;
	rules: Rules;
	onRules: (rules: Rules) => void;
	busy: boolean;
	onPause: (listingId: number, paused: boolean) => void;
};

/** What each channel shows of it, by which rule. */
export function RulesCard({ item, rules, onRules, busy, onPause }: RulesCardProps) {
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					On the sales channels
				</Text>
			</Box>
			{item.listings.length === 0 ? (
				<Box padding="400" paddingBlockStart="200">
					<Text as="p" tone="subdued">
						It is linked to no listing. Listings are linked on a channel's page: <Link url="/app/channels">Channels</Link>
					</Text>
				</Box>
			) : (
				<ul className="rows" data-testid="listings">
					{item.listings.map((listing) => (
						<li key={listing.id} className="row">
							<Listing
								listing={listing}
								asOf={item.asOf}
								edited={rules[listing.id]}
								onEdit={(edit) => onRules({ ...rules, [listing.id]: edit })}
								busy={busy}
								onPause={(paused) => onPause(listing.id, paused)}
							/>
						</li>
					))}
				</ul>
			)}
		</Card>
	);
}

type ListingProps = {
	listing: ItemListing;
	asOf: string;
	edited: Rules[number];
	onEdit: (edit: Rules[number]) => void;
	busy: boolean;
	onPause: (paused: boolean) => void;
};

function Listing({ listing, asOf, edited, onEdit, busy, onPause }: ListingProps) {
	const mayOperate = useAllowed("operate");
	const [open, setOpen] = useState(false);
	const panel = `rule-${listing.id}`;
	return (
		<BlockStack gap="300">
			<InlineStack align="space-between" blockAlign="start" gap="300">
				<BlockStack gap="100">
					<InlineStack gap="200" blockAlign="center" align="start">
						<Text as="h3" variant="headingSm">
							<Link monochrome removeUnderline url={`/app/channels/${listing.channelId}`}>
								{listing.channel}
							</Link>
						</Text>
						<MarkBadge mark={listing.mark} />
					</InlineStack>
					<Text as="p" variant="bodySm" tone="subdued">
						{[listing.sku || listing.externalId, listing.title].filter(Boolean).join(" · ")}
						{" · "}
						<Link
							monochrome
							accessibilityLabel={`Change link of ${listing.sku || listing.externalId} on ${listing.channel}`}
							url={`/app/channels/${listing.channelId}/matching/${listing.id}`}
						>
							Change link
						</Link>
					</Text>
				</BlockStack>
				{mayOperate && (
					<InlineStack gap="200">
						<Button
							size="slim"
							onClick={() => setOpen(!open)}
							ariaExpanded={open}
							ariaControls={panel}
							accessibilityLabel={`Edit rule of ${listing.sku || listing.channel} on ${listing.channel}`}
						>
							Edit rule
						</Button>
						{listing.mark === "not-live" ? (
							<Button size="slim" url={`/app/channels/${listing.channelId}/go-live`}>
								Go live
							</Button>
						) : (
							<Button
								size="slim"
								disabled={busy}
								onClick={() => onPause(!listing.paused)}
								accessibilityLabel={`${listing.paused ? "Resume" : "Pause"} ${listing.sku} on ${listing.channel}`}
							>
								{listing.paused ? "Resume" : "Pause"}
							</Button>
						)}
					</InlineStack>
				)}
			</InlineStack>
			<dl className="figure-list">
				<dt>Shows</dt>
				<dd>
					{listing.shows === null ? "Not read yet" : number(Math.max(0, listing.shows))}
					{listing.confirmedAt && (
						<Text as="span" tone="subdued">
							{", confirmed "}
							<Ago at={listing.confirmedAt} now={asOf} />
						</Text>
					)}
				</dd>
				<dt>Should show</dt>
				<dd>
					{listing.should === null ? "Not counted" : number(listing.should)}
					<Text as="span" tone="subdued">
						{listing.heldBack > 0 && ` of ${number(Math.max(0, listing.sellable))}, ${number(listing.heldBack)} held back`}
						{listing.unseen > 0 && `, ${number(listing.unseen)} sold there whose order is not here yet`}
					</Text>
				</dd>
				<dt>Rule</dt>
				<dd>{listing.policy === null ? `The channel's: ${sayRule(listing.channelPolicy)}` : sayRule(listing.policy)}</dd>
				<dt>Stock of</dt>
				<dd>{listed(listing.locations) || "no location"}</dd>
			</dl>
			{listing.mark !== "right" && (
				<Text as="p" variant="bodySm" tone="subdued">
					{MARK_WORDS[listing.mark].means}
				</Text>
			)}
			{mayOperate && (
				<div id={panel}>{(open || edited !== undefined) && <RuleForm listing={listing} asOf={asOf} edited={edited} onEdit={onEdit} />}</div>
			)}
		</BlockStack>
	);
}
