import { Badge, BlockStack, Box, Button, Card, InlineStack, Link, Text } from "@shopify/polaris";
import { useState } from "react";
import type { ItemListing, ItemPage } from "#app/pages/item/item.ts";
import type { LinkForetold } from "#app/pages/item/preview-links.ts";
import type { Policy } from "#domain";
import { MARK_WORDS, MarkBadge } from "../../components/mark-badge.tsx";
import { sayRule } from "../../components/rule-words.ts";
import { useAllowed } from "../../components/use-right.ts";
import { Ago } from "../../components/when.tsx";
import { listedFew, number } from "../../components/words.ts";
import { areLinksChanged, Foretold, type LinksDraft, LinksForm, NO_LINKS, useLinksForetold } from "./links-form.tsx";
import { RuleForm } from "./rule-form.tsx";

/** Rules as they are being edited, by listing. */
export type Rules = Readonly<Record<number, { policy: Policy | null; wrong: boolean } | undefined>>;

type RulesCardProps = {
	item: ItemPage;
	rules: Rules;
	onRules: (rules: Rules) => void;
	busy: boolean;
	onPause: (listingId: number, paused: boolean) => void;
	/** null: nobody is changing them. */
	links: LinksDraft | null;
	onLinks: (links: LinksDraft | null) => void;
	/** Something else is being edited that the figures depend on. */
	linksLocked: boolean;
};

/** What each channel shows of it, by which rule; its listings are linked and unlinked here. */
export function RulesCard({ item, rules, onRules, busy, onPause, links, onLinks, linksLocked }: RulesCardProps) {
	const mayOperate = useAllowed("operate");
	const draft = links ?? NO_LINKS;
	const foretold = useLinksForetold(item.id, draft);
	const change = (next: LinksDraft) => onLinks(next.finding || areLinksChanged(next) ? next : null);
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd={draft.finding ? "400" : "200"}>
				<InlineStack align="space-between" blockAlign="center" gap="200">
					<Text as="h2" variant="headingSm">
						On the sales channels
					</Text>
					{mayOperate && !draft.finding && item.channels.length > 0 && (
						<Button size="slim" disabled={linksLocked} onClick={() => change({ ...draft, finding: true })}>
							Link a listing
						</Button>
					)}
				</InlineStack>
			</Box>
			{mayOperate && draft.finding && <LinksForm item={item} links={draft} foretold={foretold} onLinks={change} />}
			{item.listings.length === 0 ? (
				<Box padding="400" paddingBlockStart="200">
					<Text as="p" tone="subdued">
						It is linked to no listing. Many at once are linked on a channel's page: <Link url="/app/channels">Channels</Link>
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
								isUnlinked={draft.unlink.some(({ id }) => id === listing.id)}
								foretold={foretold?.find(({ listingId }) => listingId === listing.id) ?? null}
								linksLocked={linksLocked}
								onUnlink={(unlink) => {
									onRules({ ...rules, [listing.id]: undefined });
									const others = draft.unlink.filter(({ id }) => id !== listing.id);
									change({ ...draft, unlink: unlink ? [...others, listing] : others });
								}}
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
	/** Chosen to be unlinked, not saved yet. */
	isUnlinked: boolean;
	foretold: LinkForetold | null;
	linksLocked: boolean;
	onUnlink: (unlink: boolean) => void;
};

function Listing(props: ListingProps) {
	const { listing, asOf, edited, onEdit, busy, onPause, isUnlinked } = props;
	const mayOperate = useAllowed("operate");
	const [open, setOpen] = useState(false);
	const panel = `rule-${listing.id}`;
	const name = listing.sku || listing.externalId;
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
						{isUnlinked ? <Badge tone="attention">Unlinked when saved</Badge> : <MarkBadge mark={listing.mark} />}
					</InlineStack>
					<Text as="p" variant="bodySm" tone="subdued">
						{[name, listing.title].filter(Boolean).join(" · ")}
					</Text>
				</BlockStack>
				{mayOperate && isUnlinked && (
					<Button size="slim" onClick={() => props.onUnlink(false)} accessibilityLabel={`Keep link of ${name} on ${listing.channel}`}>
						Keep link
					</Button>
				)}
				{mayOperate && !isUnlinked && (
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
						<Button
							size="slim"
							disabled={busy || props.linksLocked}
							onClick={() => props.onUnlink(true)}
							accessibilityLabel={`Unlink ${name} on ${listing.channel}`}
						>
							Unlink
						</Button>
					</InlineStack>
				)}
			</InlineStack>
			{isUnlinked && <Foretold of={props.foretold} />}
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
				<dd>{listedFew(listing.locations) || "no location"}</dd>
			</dl>
			{listing.mark !== "right" && (
				<Text as="p" variant="bodySm" tone="subdued">
					{MARK_WORDS[listing.mark].means}
				</Text>
			)}
			{mayOperate && !isUnlinked && (
				<div id={panel}>{(open || edited !== undefined) && <RuleForm listing={listing} asOf={asOf} edited={edited} onEdit={onEdit} />}</div>
			)}
		</BlockStack>
	);
}
