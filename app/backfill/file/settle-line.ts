import { type Policy, policySchema, samePolicy } from "#domain";
import type { ItemKey, LineWish, RuleWish } from "./read-line.ts";

export type ItemFact = { id: number; tracked: boolean; bundle: boolean };
export type ListingFact = {
	id: number;
	connectionId: number;
	sku: string | null;
	itemId: number | null;
	policy: Policy | null;
	paused: boolean;
	/** It waits to go live on its channel's page. */
	notLive: boolean;
	/** It sells another listing's pieces. */
	follows: boolean;
};
export type NamedFact = { id: number; name: string };

/** What is known of everything that a page of lines names. */
export type Facts = {
	items(key: ItemKey): readonly ItemFact[];
	/** SKUs that differ in letter case or leading zeros only. */
	alike(key: ItemKey): readonly string[];
	/** available − short; undefined: the product is not stocked there. */
	net(itemId: number, locationId: number): number | undefined;
	/** In the merchant's order: the first one is meant where none is named. */
	locations: readonly NamedFact[];
	channels: readonly NamedFact[];
	listingsOf(itemId: number): readonly ListingFact[];
	listingsBySku(connectionId: number, sku: string): readonly ListingFact[];
};

/** What a line does to one stock row. `units` 0: it is so already. */
export type QuantityEffect = { itemId: number; locationId: number; seen: number; to: number | null; units: number };
/** What a line does to one listing; what it does not set stays. */
export type ListingEffect = {
	listingId: number;
	policy: { to: Policy | null } | null;
	paused: boolean | null;
	link: { to: number | null } | null;
	/** It is not so already. */
	changes: boolean;
};
export type SettledLine = { quantity: QuantityEffect | null; listings: ListingEffect[] } | { problem: string };

/** What a line comes to, by what the shop has; or the first thing that is wrong with it. Pure. */
export function settleLine(wish: LineWish, facts: Facts): SettledLine {
	const [item, ...more] = facts.items(wish.key);
	if (!item) return { problem: sayUnknown(wish.key, facts.alike(wish.key)) };
	if (more.length > 0) {
		const what = wish.key.by === "barcode" ? "barcode" : "SKU";
		return { problem: `${more.length + 1} products in Shopify have the ${what} ${wish.key.value}. Name this one by its “Variant ID”.` };
	}
	const quantity = settleQuantity(wish, item, facts);
	if (typeof quantity === "string") return { problem: quantity };
	const listings = settleListings(wish, item, facts);
	return typeof listings === "string" ? { problem: listings } : { quantity, listings };
}

function sayUnknown({ by, value }: ItemKey, alike: readonly string[]): string {
	const what = { variant: "Variant ID", sku: "SKU", barcode: "barcode" }[by];
	const hint = alike.length > 0 ? ` Did you mean ${alike.join(" or ")}? Spreadsheets drop leading zeros.` : "";
	return `No product in Shopify has the ${what} ${value}.${hint}`;
}

function settleQuantity({ quantity, location }: LineWish, item: ItemFact, facts: Facts): QuantityEffect | string | null {
	if (quantity === null) return null;
	if (item.bundle) return "It is a bundle: its stock is that of its parts. Change the parts instead.";
	if (!item.tracked) return "Shopify does not count the stock of this product.";
	const found = location === null ? facts.locations.slice(0, 1) : named(facts.locations, location);
	const [place, ...more] = found;
	if (!place) return location === null ? "The shop has no location." : `There is no location “${location}” in Shopify.`;
	if (more.length > 0) return `${more.length + 1} locations are called “${location}”.`;
	const seen = facts.net(item.id, place.id);
	if (seen === undefined) return `The product is not stocked at “${place.name}” in Shopify.`;
	const at = { itemId: item.id, locationId: place.id, seen };
	if ("by" in quantity) return { ...at, to: null, units: quantity.by };
	// Where units are owed nothing is available: a file that says so asks for no change.
	return { ...at, to: quantity.to, units: quantity.to === Math.max(0, seen) ? 0 : quantity.to - seen };
}

function settleListings(wish: LineWish, item: ItemFact, facts: Facts): ListingEffect[] | string {
	const { rule, paused, link, channel, channelSku } = wish;
	if (rule === null && paused === null && link === null) return [];
	const channels = channel === null ? facts.channels : named(facts.channels, channel);
	if (channels.length === 0) return channel === null ? "No channel is connected." : `There is no channel “${channel}”.`;
	if (channel !== null && channels.length > 1) return `${channels.length} channels are called “${channel}”. Rename one in its settings.`;
	const [connection] = channels;
	if (link !== null) {
		if (channel === null || channelSku === null || !connection)
			return "To link or unlink, “Channel” and “SKU on channel” must be filled in.";
		return settleLink({ ...wish, link, channelSku }, item, facts.listingsBySku(connection.id, channelSku));
	}
	const own = facts
		.listingsOf(item.id)
		.filter((listing) => channels.some(({ id }) => id === listing.connectionId) && (channelSku === null || listing.sku === channelSku));
	if (own.length === 0) {
		if (channelSku !== null) return `“${channelSku}” is not linked to this product${channel === null ? "" : ` on ${channel}`}.`;
		return channel === null ? "The product is not for sale on any channel." : `The product is not for sale on ${channel}.`;
	}
	return effects(own, { rule, paused, link: null });
}

function settleLink(
	wish: LineWish & { link: boolean; channelSku: string },
	item: ItemFact,
	found: readonly ListingFact[],
): ListingEffect[] | string {
	const own = found.filter(({ itemId }) => itemId === item.id);
	const { rule, paused } = wish;
	// It is linked already, perhaps more than once: then only the rest of the line has something to say.
	if (wish.link && own.length > 0) return effects(own, { rule, paused, link: null });
	const [listing, ...more] = wish.link ? found : own;
	if (!listing) return wish.link ? `${wish.channel} has no listing with the SKU ${wish.channelSku}.` : [];
	if (more.length > 0)
		return `${more.length + 1} listings on ${wish.channel} have the SKU ${wish.channelSku}. Link them on the channel's page.`;
	if (wish.link && listing.follows) return "This listing sells another listing's stock: link that one.";
	if (wish.link && listing.itemId !== null) return `${wish.channelSku} is linked to another product. Unlink it first.`;
	return effects([listing], { rule, paused, link: { to: wish.link ? item.id : null } });
}

type Wanted = Pick<LineWish, "rule" | "paused"> & { link: ListingEffect["link"] };

function effects(listings: readonly ListingFact[], { rule, paused, link }: Wanted): ListingEffect[] | string {
	const all: ListingEffect[] = [];
	for (const listing of listings) {
		const made = rule === null ? null : makeRule(listing.policy, rule);
		if (typeof made === "string") return made;
		// Going live is decided on the channel's page.
		if (paused === false && listing.notLive) return "The listing is not live yet: it goes live on its channel's page.";
		all.push({
			listingId: listing.id,
			policy: made,
			paused,
			link,
			changes:
				(made !== null && !samePolicy(made.to, relevant(listing.policy))) ||
				(paused !== null && paused !== listing.paused) ||
				(link !== null && link.to !== listing.itemId),
		});
	}
	return all;
}

/** The listing's rule as the line changes it: what it does not say stays. A figure of its own ends the channel's rule. */
export function makeRule(now: Policy | null, wish: RuleWish): { to: Policy | null } | string {
	const { kind: said, minimum, maximum, ...figures } = wish;
	const [implied, ...more] = Object.keys(figures) as (keyof typeof figures)[];
	if (more.length > 0) return "Of Buffer, Percentage and Fixed figure only one can be filled in.";
	if (said !== undefined && implied !== undefined && said !== implied && said !== "channel" && said !== "exact")
		return `The rule is “${said}”, and the column ${implied === "fixed" ? "Fixed figure" : implied} is filled in.`;
	const own = minimum !== undefined || maximum !== undefined;
	const bare = minimum == null && maximum == null;
	if (said === "channel" && implied === undefined && bare) return { to: null };
	const kind = implied ?? (said === "channel" ? "exact" : (said ?? now?.kind ?? "exact"));
	const kept = now ?? { kind: "exact" as const };
	const value = { ...kept, ...figures };
	if (kind !== "exact" && value[kind] === undefined && now?.kind !== kind) return `The rule “${kind}” needs a figure in its column.`;
	// Only bounds were named, and there are none: the channel's rule stays what counts.
	if (now === null && said === undefined && implied === undefined && own && bare) return { to: null };
	const limit = (name: "minimum" | "maximum", given: number | null | undefined) => {
		const bound = given === undefined ? kept[name] : (given ?? undefined);
		return bound === undefined ? {} : { [name]: bound };
	};
	return {
		to: policySchema.parse({
			kind,
			...(kind === "exact" || value[kind] === undefined ? {} : { [kind]: value[kind] }),
			...limit("minimum", minimum),
			...limit("maximum", maximum),
		}),
	};
}

/** Without the figures that another kind of rule has left behind: they mean nothing. */
function relevant(policy: Policy | null): Policy | null {
	if (policy === null) return null;
	const { buffer: _, percentage: __, fixed: ___, ...rest } = policy;
	return policy.kind === "exact" || policy[policy.kind] === undefined ? rest : { ...rest, [policy.kind]: policy[policy.kind] };
}

const named = (all: readonly NamedFact[], name: string) => all.filter((one) => one.name.trim().toLowerCase() === name.toLowerCase());
