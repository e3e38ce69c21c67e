import { type Client, type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { policySchema } from "#domain";
import type { AuditRow } from "../activity/entry.ts";
import { listingIdsOf, readWords, type Words } from "../activity/read-words.ts";
import { guestsOf, readShopMap, type ShopMap } from "../shop/read-channels.ts";
import { type Figures, type ReadListing, readFigures, readListings } from "../stock/sql/read-figures.ts";
import type { FormerRule, ItemListing, ItemLocation, ItemPage, ItemPart } from "./item.ts";
import { whyNoBundle } from "./parts.ts";
import { readStory } from "./read-story.ts";
import { readThen } from "./read-then.ts";

/** Former rules that are offered for one listing. */
const FORMER_MAX = 5;
/** So far back in the shop's changes of rules are this product's looked for. */
const FORMER_LOOK_MAX = 500;

type ItemRow = {
	as_of: Date;
	sku: string | null;
	title: string;
	barcode: string | null;
	tracked: boolean;
	sells_when_out: boolean;
	is_home_bundle: boolean;
};

/** Everything of one product as of one moment; null: the shop has no such product (any more). */
export async function readItem(
	pool: Pool,
	shopId: number,
	itemId: number,
	{
		reader,
		before,
		at = null,
	}: { reader: string; before: string | null /** ISO 8601: how it stood then, and what led there. */; at?: string | null },
): Promise<ItemPage | null> {
	return transaction(
		pool,
		async (client) => {
			const found = await client.query<ItemRow>(
				"SELECT now() AS as_of, sku, title, barcode, tracked, sells_when_out, is_home_bundle FROM item WHERE shop_id = $1 AND id = $2 AND deleted_at IS NULL",
				[shopId, itemId],
			);
			const item = found.rows[0];
			if (!item) return null;
			const shop = await readShopMap(client, shopId);
			const figures = await readFigures(client, shopId, [itemId]);
			const listings = await readListings(client, shopId, { itemIds: [itemId], channels: guestsOf(shop), figures });
			const audit = await readRuleChanges(client, shopId, listings);
			const words = await readWords(client, shopId, reader, audit);
			const parts = await readParts(client, shopId, figures.parts(itemId));
			const partOf = await readPartOf(client, shopId, itemId);
			const isBundle = parts.length > 0;
			const moment = momentOf(at, item.as_of);
			return {
				asOf: item.as_of.toISOString(),
				id: itemId,
				sku: item.sku ?? "",
				title: item.title,
				barcode: item.barcode,
				tracked: item.tracked,
				sellsWhenOut: item.sells_when_out,
				bundle: isBundle,
				available: figures.available(itemId),
				// What Shopify says of a bundle by itself is nobody's stock: it has what its parts suffice for.
				owed: isBundle ? 0 : figures.owed(itemId),
				locations: isBundle ? [] : await readLocations(client, shopId, itemId),
				parts,
				partsFixed: whyNoBundle({ isHomeBundle: item.is_home_bundle, isPart: partOf.length > 0 }),
				partOf,
				listings: listings.map((listing) => toListing(listing, { shop, figures, audit, words })),
				channels: guestsOf(shop).map(({ id, name }) => ({ id, name })),
				past: moment && (await readThen(client, shopId, { itemId, parts, listings, at: moment })),
				story: await readStory(client, shopId, {
					itemId,
					itemIds: isBundle ? parts.map((part) => part.itemId) : [itemId],
					listings: listings.map(({ id, channelId, sku }) => ({ id, channelId, sku })),
					// The older part of a page comes first; else everything up to that moment.
					before: before ?? (moment && new Date(moment.getTime() + 1).toISOString()),
					reader,
				}),
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

/** What stands in an address may be anything; what is to come is not known. */
function momentOf(text: string | null, now: Date): Date | null {
	if (text === null || Number.isNaN(Date.parse(text))) return null;
	const at = new Date(text);
	return at > now ? null : at;
}

function toListing(
	listing: ReadListing,
	{ shop, figures, audit, words }: { shop: ShopMap; figures: Figures; audit: readonly AuditRow[]; words: Words },
): ItemListing {
	const channel = shop.channels.find(({ id }) => id === listing.channelId);
	const { itemId, locationIds, ...rest } = listing;
	return {
		...rest,
		channel: channel?.name ?? "",
		channelState: channel?.state ?? "disconnected",
		channelPolicy: channel?.policy ?? { kind: "exact" },
		sellable: figures.sellable(itemId, locationIds),
		locations: locationIds.map((id) => words.location(id)),
		former: formerRules(listing.id, audit, words),
	};
}

async function readRuleChanges(db: Queryable, shopId: number, listings: readonly ReadListing[]): Promise<AuditRow[]> {
	const ids = new Set(listings.map(({ id }) => id));
	const { rows } = await db.query<AuditRow>(
		`SELECT id, actor, action, subject, before, after, at FROM audit
		  WHERE shop_id = $1 AND action = 'policy.changed' ORDER BY id DESC LIMIT $2`,
		[shopId, FORMER_LOOK_MAX],
	);
	return rows.filter((row) => listingIdsOf(row).some((id) => ids.has(id)));
}

function formerRules(listingId: number, audit: readonly AuditRow[], words: Words): FormerRule[] {
	return audit
		.flatMap((row): FormerRule[] => {
			const listings = (row.before as { listings?: { id: number; policy: unknown }[] } | null)?.listings ?? [];
			const was = listings.find(({ id }) => id === listingId);
			if (!was) return [];
			const policy = policySchema.nullable().safeParse(was.policy);
			return policy.success ? [{ at: row.at.toISOString(), who: words.person(row.actor), policy: policy.data }] : [];
		})
		.slice(0, FORMER_MAX);
}

async function readLocations(client: Client, shopId: number, itemId: number): Promise<ItemLocation[]> {
	const { rows } = await client.query<Omit<ItemLocation, "homeAt"> & { homeAt: Date | null }>(
		`SELECT l.id, l.name, s.available, s.short AS owed, s.home_quantity AS home, s.home_read_at AS "homeAt",
		        s.delta_owed + coalesce((SELECT sum(d.delta) FROM delta_line d WHERE d.shop_id = s.shop_id AND d.item_id = s.item_id
		                                   AND d.location_id = s.location_id AND d.state = 'open'), 0)::int AS "onItsWay",
		        h.set_id AS "waitsIn"
		   FROM stock s LEFT JOIN held_change h ON h.shop_id = s.shop_id AND h.item_id = s.item_id AND h.location_id = s.location_id AND h.state = 'held'
		   JOIN location l ON l.shop_id = s.shop_id AND l.id = s.location_id
		  WHERE s.shop_id = $1 AND s.item_id = $2 ORDER BY l.priority, l.id`,
		[shopId, itemId],
	);
	return rows.map((row) => ({ ...row, homeAt: row.homeAt?.toISOString() ?? null }));
}

async function readParts(client: Client, shopId: number, parts: readonly { itemId: number; quantity: number }[]): Promise<ItemPart[]> {
	if (parts.length === 0) return [];
	const { rows } = await client.query<{ id: number; sku: string | null; title: string; available: number }>(
		`SELECT i.id, i.sku, i.title, coalesce((SELECT sum(s.available - s.short) FROM stock s WHERE s.shop_id = i.shop_id AND s.item_id = i.id), 0)::int AS available
		   FROM item i WHERE i.shop_id = $1 AND i.id = ANY($2::bigint[]) ORDER BY i.sku, i.id`,
		[shopId, parts.map(({ itemId }) => itemId)],
	);
	return rows.map((row) => ({
		itemId: row.id,
		sku: row.sku ?? "",
		title: row.title,
		quantity: parts.find(({ itemId }) => itemId === row.id)?.quantity ?? 1,
		available: row.available,
	}));
}

/** Bundles of one part that are listed; a part of more is still counted in all of them. */
const PART_OF_MAX = 50;

async function readPartOf(client: Client, shopId: number, itemId: number): Promise<ItemPage["partOf"]> {
	const { rows } = await client.query<{ itemId: number; sku: string | null; title: string; quantity: number }>(
		`SELECT i.id AS "itemId", i.sku, i.title, b.quantity FROM bundle_component b
		   JOIN item i ON i.shop_id = b.shop_id AND i.id = b.bundle_item_id AND i.deleted_at IS NULL
		  WHERE b.shop_id = $1 AND b.component_item_id = $2 ORDER BY i.sku, i.id LIMIT $3`,
		[shopId, itemId, PART_OF_MAX],
	);
	return rows.map((row) => ({ ...row, sku: row.sku ?? "" }));
}
