import { ChannelError } from "#app/channels/errors.ts";
import { type Client, type Queryable, transactionWithRetry } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import type { RemoteListing } from "#channels";
import { requestFetch } from "#inbox";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";
import { openClient } from "../open-client.ts";
import { type Match, type Matching, matchListings, type Sellable } from "./matching.ts";

export type CatalogueOutcome =
	/** `unlinked`: listings that had a link and now sell another listing's stock. */
	| { outcome: "read"; listings: number; unlinked: number }
	/** What was read until then is kept; reading again goes over all of it. */
	| { outcome: "failed"; reason: string; listings: number };

/** Reads what the channel sells, page by page, and keeps it as listings. Links that stand are kept. Safe to repeat, also at once. */
export async function readCatalogue(deps: Deps, shopId: number, connectionId: number): Promise<CatalogueOutcome> {
	const { client } = await openClient(deps, shopId, connectionId);
	const read = { listings: 0, unlinked: 0 };
	try {
		for await (const page of client.listListings()) {
			read.unlinked += await transactionWithRetry(deps.pool, (tx) => keepListings(tx, { shopId, connectionId, page }), {
				repeatable: true,
			});
			read.listings += page.length;
		}
		return { outcome: "read", ...read };
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		return { outcome: "failed", reason: error.message, listings: read.listings };
	} finally {
		await client.close();
	}
}

type Page = { shopId: number; connectionId: number; page: readonly RemoteListing[] };

async function keepListings(tx: Client, { shopId, connectionId, page }: Page): Promise<number> {
	const unique = [...new Map(page.map((listing) => [listing.externalId, listing])).values()];
	const rows = unique.map((l) => ({
		external_id: l.externalId,
		parent_external_id: l.parentExternalId,
		sku: l.sku,
		barcode: l.barcode,
		title: l.title,
		sold_from: l.soldFrom ?? null,
	}));
	// Known rows first and by id: apply and delivery lock them in that order.
	await tx.query(
		`INSERT INTO listing (shop_id, connection_id, external_id, parent_external_id, sku, barcode, title, sold_from)
		 SELECT $1, $2, r.external_id, r.parent_external_id, r.sku, r.barcode, r.title, r.sold_from
		 FROM jsonb_to_recordset($3::jsonb) AS r(external_id text, parent_external_id text, sku text, barcode text, title text, sold_from text)
		 LEFT JOIN listing l ON l.shop_id = $1 AND l.connection_id = $2 AND l.external_id = r.external_id
		 ORDER BY l.id NULLS LAST, r.external_id
		 ON CONFLICT (shop_id, connection_id, external_id) DO UPDATE SET parent_external_id = excluded.parent_external_id, sku = excluded.sku,
		   barcode = excluded.barcode, title = excluded.title, sold_from = excluded.sold_from
		 WHERE (listing.parent_external_id, listing.sku, listing.barcode, listing.title, listing.sold_from)
		   IS DISTINCT FROM (excluded.parent_external_id, excluded.sku, excluded.barcode, excluded.title, excluded.sold_from)`,
		[shopId, connectionId, JSON.stringify(rows)],
	);
	// What sells another one's pieces is never written itself; units that were sold through it stay counted.
	const misled = await tx.query<{ id: number }>(
		"SELECT id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND external_id = ANY($3) AND sold_from IS NOT NULL AND link_state = 'linked'",
		[shopId, connectionId, unique.map((l) => l.externalId)],
	);
	if (misled.rows.length === 0) return 0;
	const unlinked = await unlink(tx, { shopId, connectionId, listingIds: misled.rows.map(({ id }) => id) });
	await auditUnlinked(tx, { shopId, connectionId, unlinked, actor: "system" });
	return unlinked.length;
}

/**
 * What could be linked, and what could not, with reasons. Looks only; nothing is linked by it. All of home's items are looked at,
 * also those that have a listing: a code that stands on two of them is nobody's.
 */
export async function proposeMatching(db: Queryable, shopId: number, connectionId: number): Promise<Matching> {
	const listings = await db.query<Sellable>(
		"SELECT id, sku, barcode, title FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'unlinked' AND sold_from IS NULL ORDER BY id",
		[shopId, connectionId],
	);
	const items = await db.query<Sellable & { listed: boolean }>(
		`SELECT id, sku, barcode, title,
		   EXISTS (SELECT FROM listing l WHERE l.shop_id = $1 AND l.connection_id = $2 AND l.item_id = i.id) AS listed
		 FROM item i WHERE shop_id = $1 AND deleted_at IS NULL ORDER BY id`,
		[shopId, connectionId],
	);
	const listed = items.rows.filter((item) => item.listed).map(({ id }) => id);
	return matchListings(listings.rows, items.rows, new Set(listed));
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
		const standing = await tx.query<{ id: number; item_id: number; fresh: boolean }>(linkStatement, [
			shopId,
			connectionId,
			JSON.stringify(clear.map(([listing_id, item_id]) => ({ listing_id, item_id }))),
		]);
		const fresh = standing.rows.filter((row) => row.fresh).map(({ id, item_id }) => ({ listingId: id, itemId: item_id }));
		if (fresh.length > 0) {
			await recordAudit(tx, shopId, { actor, action: "listings.linked", subject: String(connectionId), after: { links: fresh } });
			await lookAgainAtUnmapped(tx, shopId, connectionId);
		}
		return { linked: new Set(standing.rows.map(({ id }) => id)), fresh: fresh.length };
	});
	await refreshListings(applyDepsOf(deps), shopId, { connectionId });
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

/** A fresh link forgets what was shown under a former one: the channel is read before anything is written. */
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
    shown = NULL, unseen = 0, assumed = 0, assumed_until = NULL, seen = NULL, recheck = false, updated_at = now()
  FROM wanted w WHERE w.fresh AND l.shop_id = $1 AND l.id = w.id
)
SELECT id, item_id, fresh FROM wanted`;

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
		const unlinked = await unlink(tx, { shopId, connectionId, listingIds });
		if (unlinked.length > 0) await auditUnlinked(tx, { shopId, connectionId, unlinked, actor });
		return unlinked.length;
	});
}

type Unlink = { shopId: number; connectionId: number; listingIds: readonly number[] };

async function unlink(tx: Client, { shopId, connectionId, listingIds }: Unlink): Promise<{ listingId: number; itemId: number }[]> {
	const { rows } = await tx.query<{ listingId: number; itemId: number }>(unlinkStatement, [shopId, connectionId, listingIds]);
	return rows;
}

/** `sent` and `uncertain_until` stay: a write that is under way may still land, whatever the listing is linked to then. */
const unlinkStatement = `
UPDATE listing l SET item_id = NULL, link_state = 'unlinked', desired = NULL, dirty_since = NULL, next_attempt_at = NULL, recheck = false,
  seen = NULL, unseen = 0, assumed = 0, assumed_until = NULL, parked = false, updated_at = now()
FROM (SELECT id, item_id FROM listing WHERE shop_id = $1 AND connection_id = $2 AND id = ANY($3::bigint[]) AND link_state = 'linked'
  ORDER BY id FOR UPDATE) was
WHERE l.shop_id = $1 AND l.id = was.id
RETURNING l.id AS "listingId", was.item_id AS "itemId"`;

type Unlinked = { shopId: number; connectionId: number; unlinked: readonly { listingId: number; itemId: number }[]; actor: string };

/** Which item each was linked to: linking these again undoes it (R45). */
const auditUnlinked = (tx: Client, { shopId, connectionId, unlinked, actor }: Unlinked) =>
	recordAudit(tx, shopId, { actor, action: "listings.unlinked", subject: String(connectionId), before: { links: unlinked } });
