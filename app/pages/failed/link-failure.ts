import { linkListings } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";
import { askForReplay } from "#app/replay/index.ts";
import type { Deps } from "#connections";

export type Unlinked = { listingId: number; sku: string; title: string };
/** So many failures of one listing are tried again at once; the others are in the list. */
const KIND_MAX = 5_000;

export type Linked =
	| { outcome: "begun"; runId: number; failures: number }
	/** It is linked; nothing of it waits any more. */
	| { outcome: "linked" }
	| { outcome: "refused"; reason: string };

/** What a failure sells, or is about, that is linked to no product: linking it is what mends it. */
export async function readUnlinked(db: Queryable, shopId: number, failureId: number): Promise<Unlinked[]> {
	return (await listingsOf(db, shopId, failureId)).filter(({ itemId }) => itemId === null);
}

/**
 * Links a listing that a failure is about, then tries again what failed because of it: this failure, and every other that sells the same
 * listing. Killed in between, the same press links nothing more and begins the run; pressed twice, it is one.
 */
export async function linkFailure(
	deps: Deps,
	shopId: number,
	wish: { failureId: number; listingId: number; itemId: number; actor: string; press: string },
): Promise<Linked> {
	const listing = (await listingsOf(deps.pool, shopId, wish.failureId)).find(({ listingId }) => listingId === wish.listingId);
	if (!listing) return { outcome: "refused", reason: "This failure is about no such listing any more." };
	const { refused } = await linkListings(deps, shopId, listing.connectionId, [wish], wish.actor);
	if (refused[0]) return { outcome: "refused", reason: refused[0].reason };
	const { rows } = await deps.pool.query<{ id: number }>(
		`SELECT d.id FROM dead_letter d LEFT JOIN inbox_event e ON e.shop_id = d.shop_id AND e.id = d.event_id AND d.direction = 'in'
		 WHERE d.shop_id = $1 AND d.connection_id = $2 AND d.state = 'open'
		   AND (d.listing_id = $3 OR (d.error_class = 'unmapped-listing' AND e.event->'lines' @> $4::jsonb)) ORDER BY d.id LIMIT $5`,
		[shopId, listing.connectionId, wish.listingId, JSON.stringify([{ listingExternalId: listing.externalId }]), KIND_MAX],
	);
	const name = `Linked ${listing.sku || listing.title || "a listing"}`.slice(0, 100);
	const asked = await askForReplay(
		deps,
		shopId,
		{ ids: rows.map(({ id }) => id) },
		{ name, reason: "Its listing was linked to a product", actor: wish.actor, press: wish.press },
	);
	return asked.outcome === "asked" ? { outcome: "begun", runId: asked.runId, failures: asked.failures } : { outcome: "linked" };
}

type Listing = Unlinked & { connectionId: number; externalId: string; itemId: number | null };

async function listingsOf(db: Queryable, shopId: number, failureId: number): Promise<Listing[]> {
	const { rows } = await db.query<Listing>(
		`SELECT l.id AS "listingId", coalesce(l.sku, '') AS sku, l.title, l.connection_id AS "connectionId", l.external_id AS "externalId", l.item_id AS "itemId"
		 FROM (SELECT d.shop_id, d.connection_id, d.listing_id, CASE jsonb_typeof(e.event->'lines') WHEN 'array' THEN e.event->'lines' ELSE '[]' END AS lines
		   FROM dead_letter d LEFT JOIN inbox_event e ON e.shop_id = d.shop_id AND e.id = d.event_id
		   WHERE d.shop_id = $1 AND d.id = $2 AND d.state = 'open') f
		 JOIN listing l ON l.shop_id = f.shop_id AND l.connection_id = f.connection_id AND l.sold_from IS NULL
		   AND (l.id = f.listing_id OR l.external_id IN (SELECT x->>'listingExternalId' FROM jsonb_array_elements(f.lines) x))
		 ORDER BY l.id LIMIT 50`,
		[shopId, failureId],
	);
	return rows;
}
