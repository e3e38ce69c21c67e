import { type Client, type Queryable, transactionWithRetry } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import { requestFetch } from "#inbox";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";
import { type Match, type Matching, matchListings, type Sellable } from "./matching.ts";
import { isPartlyLive, NOT_LIVE_YET } from "./partly-live.ts";

/**
 * What could be linked, and what could not, with reasons. Looks only; nothing is linked by it. All of home's items are looked at,
 * also those that have a listing: a code that stands on two of them is nobody's.
 */
export async function proposeMatching(db: Queryable, shopId: number, connectionId: number): Promise<Matching> {
	const { listings, items, listed } = await readSellables(db, shopId, connectionId);
	return matchListings(listings, items, listed);
}

export type Sellables = { listings: Sellable[]; items: Sellable[]; listed: Set<number> };

/** What matching looks at: the listings without a link, all of home's items, and those of them that have a listing. */
export async function readSellables(db: Queryable, shopId: number, connectionId: number): Promise<Sellables> {
	const listings = await db.query<Sellable>(
		"SELECT id, sku, barcode, title FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'unlinked' AND sold_from IS NULL ORDER BY id",
		[shopId, connectionId],
	);
	const items = await db.query<Sellable>("SELECT id, sku, barcode, title FROM item WHERE shop_id = $1 AND deleted_at IS NULL ORDER BY id", [
		shopId,
	]);
	const listed = await db.query<{ item_id: number }>(
		"SELECT DISTINCT item_id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked'",
		[shopId, connectionId],
	);
	return { listings: listings.rows, items: items.rows, listed: new Set(listed.rows.map(({ item_id }) => item_id)) };
}

export type LinkOutcome = { linked: number; refused: { listingId: number; reason: string }[] };
type Link = Pick<Match, "listingId" | "itemId">;

/**
 * Links listings to items. From here on an order of the listing moves the item's stock and the listing follows it; orders that
 * waited for the link are read again. A listing that is linked to another item already is refused: unlink first, so that nobody's
 * units change their item unseen. Linked again to the same item, nothing changes. Links and audit commit together.
 */
export async function linkListings(
	deps: Deps,
	shopId: number,
	connectionId: number,
	links: readonly Link[],
	actor: string,
): Promise<LinkOutcome> {
	const chosen = new Map(links.map((link) => [link.listingId, link.itemId]));
	const contradicting = new Set(links.filter((link) => chosen.get(link.listingId) !== link.itemId).map((link) => link.listingId));
	const clear = [...chosen].filter(([listingId]) => !contradicting.has(listingId));
	const done = await transactionWithRetry(deps.pool, async (tx) => {
		// Behind a drain that is under way: an order that it could not place is known here, or finds the link.
		await tx.query("SELECT FROM shop_lane WHERE shop_id = $1 FOR UPDATE", [shopId]);
		const { standing, fresh } = await link(tx, {
			shopId,
			connectionId,
			links: clear.map(([listingId, itemId]) => ({ listingId, itemId })),
		});
		if (fresh.length > 0)
			await recordAudit(tx, shopId, { actor, action: "listings.linked", subject: String(connectionId), after: { links: fresh } });
		return { linked: new Map(standing.map(({ listingId, itemId }) => [listingId, itemId])), fresh: fresh.length };
	});
	// Only what was named: a whole catalogue is not computed anew for one link by hand. Also what stood before: its process may have
	// died right here.
	const itemIds = [...new Set(done.linked.values())];
	if (itemIds.length > 0) await refreshListings(applyDepsOf(deps), shopId, { connectionId, itemIds });
	if (done.fresh > 0) await deps.wake("ingest.fetch", { shopId, connectionId });
	const refused = [...chosen.keys()]
		.filter((listingId) => !done.linked.has(listingId))
		.map((listingId) => ({
			listingId,
			reason: contradicting.has(listingId)
				? "Two products were named for it."
				: "The listing or the product is gone, it is linked to another product, or it sells another listing's stock.",
		}));
	return { linked: done.linked.size, refused };
}

type Linking = { shopId: number; connectionId: number; links: readonly Link[] };

/**
 * Within the lane. `standing`: those of the links that are there now; of them `fresh`: those that were not there before. What is
 * linked to another item already is in neither. Orders that waited for the fresh ones are asked for.
 */
export async function link(tx: Client, { shopId, connectionId, links }: Linking): Promise<{ standing: Link[]; fresh: Link[] }> {
	const heldBack = await isPartlyLive(tx, shopId, connectionId);
	const { rows } = await tx.query<Link & { fresh: boolean }>(linkStatement, [
		shopId,
		connectionId,
		JSON.stringify(links.map(({ listingId, itemId }) => ({ listing_id: listingId, item_id: itemId }))),
		heldBack,
		NOT_LIVE_YET,
	]);
	const plain = ({ listingId, itemId }: Link): Link => ({ listingId, itemId });
	const fresh = rows.filter((row) => row.fresh).map(plain);
	if (fresh.length > 0) await lookAgainAtUnmapped(tx, shopId, connectionId);
	return { standing: rows.map(plain), fresh };
}

/**
 * A fresh link forgets what was shown under a former one: the channel is read before anything is written. `$4`: while only some
 * listings are live, a new one waits with the others.
 */
const linkStatement = `
WITH wanted AS (
  SELECT l.id, r.item_id, l.item_id IS NULL AS fresh
  FROM jsonb_to_recordset($3::jsonb) AS r(listing_id bigint, item_id bigint)
  JOIN item i ON i.shop_id = $1 AND i.id = r.item_id AND i.deleted_at IS NULL
  JOIN listing l ON l.shop_id = $1 AND l.connection_id = $2 AND l.id = r.listing_id AND l.sold_from IS NULL
  WHERE l.item_id IS NULL OR l.item_id = r.item_id
  ORDER BY l.id FOR UPDATE OF l
), linked AS (
  UPDATE listing l SET item_id = w.item_id, link_state = 'linked', parked = false, attempts = 0, attempts_class = NULL, next_attempt_at = NULL,
    shown = NULL, unseen = 0, assumed = 0, assumed_until = NULL, in_doubt = 0, seen = NULL, recheck = false,
    paused = l.paused OR $4, paused_reason = CASE WHEN l.paused THEN l.paused_reason WHEN $4 THEN $5 END, updated_at = now()
  FROM wanted w WHERE w.fresh AND l.shop_id = $1 AND l.id = w.id
)
SELECT id AS "listingId", item_id AS "itemId", fresh FROM wanted`;

/** Orders with lines that nobody could place: read again, their lines find the new links. */
const UNMAPPED_MAX = 1_000;

async function lookAgainAtUnmapped(tx: Client, shopId: number, connectionId: number): Promise<void> {
	const orders = await tx.query<{ order_id: string }>(
		`SELECT order_id FROM sales_order WHERE shop_id = $1 AND connection_id = $2 AND content_hash = 'unmapped' ORDER BY created_at DESC LIMIT $3`,
		[shopId, connectionId, UNMAPPED_MAX],
	);
	await requestFetch(
		tx,
		orders.rows.map(({ order_id }) => ({
			shopId,
			connectionId,
			kind: "order" as const,
			externalId: order_id,
			reason: "its listing was linked",
			correlationId: `link-${connectionId}-${order_id}`,
		})),
	);
}

/** Takes links back. What the channel shows stays as it is; units sold through them stay counted where they were taken. */
export async function unlinkListings(
	deps: Deps,
	shopId: number,
	connectionId: number,
	listingIds: readonly number[],
	actor: string,
): Promise<number> {
	return transactionWithRetry(deps.pool, async (tx) => {
		const unlinked = await unlink(tx, { shopId, connectionId, links: listingIds.map((listingId) => ({ listingId, itemId: null })) });
		if (unlinked.length > 0) await auditUnlinked(tx, { shopId, connectionId, unlinked, actor });
		return unlinked.length;
	});
}

/** `itemId`: unlinked only where the listing is still linked to that item. */
type Unlink = { shopId: number; connectionId: number; links: readonly { listingId: number; itemId: number | null }[] };

export async function unlink(tx: Client, { shopId, connectionId, links }: Unlink): Promise<Link[]> {
	const { rows } = await tx.query<Link>(unlinkStatement, [
		shopId,
		connectionId,
		JSON.stringify(links.map(({ listingId, itemId }) => ({ listing_id: listingId, item_id: itemId }))),
	]);
	return rows;
}

/** `sent` and `uncertain_until` stay: a write that is under way may still land, whatever the listing is linked to then. */
const unlinkStatement = `
UPDATE listing l SET item_id = NULL, link_state = 'unlinked', desired = NULL, dirty_since = NULL, next_attempt_at = NULL, recheck = false,
  seen = NULL, unseen = 0, assumed = 0, assumed_until = NULL, in_doubt = 0, parked = false, updated_at = now()
FROM (SELECT l.id, l.item_id FROM jsonb_to_recordset($3::jsonb) AS r(listing_id bigint, item_id bigint)
  JOIN listing l ON l.shop_id = $1 AND l.connection_id = $2 AND l.id = r.listing_id
  WHERE l.link_state = 'linked' AND (r.item_id IS NULL OR l.item_id = r.item_id) ORDER BY l.id FOR UPDATE OF l) was
WHERE l.shop_id = $1 AND l.id = was.id
RETURNING l.id AS "listingId", was.item_id AS "itemId"`;

type Unlinked = { shopId: number; connectionId: number; unlinked: readonly Link[]; actor: string };

/** Which item each was linked to: linking these again undoes it (R45). */
export const auditUnlinked = (tx: Client, { shopId, connectionId, unlinked, actor }: Unlinked) =>
	recordAudit(tx, shopId, { actor, action: "listings.unlinked", subject: String(connectionId), before: { links: unlinked } });
