import type { Queryable } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import type { RemoteListing } from "#channels";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";
import { openClient } from "../open-client.ts";
import { type Match, type Matching, matchListings, type Sellable } from "./matching.ts";

/** Reads what the channel sells, page by page, and keeps it as listings. Links that stand are kept. Safe to repeat. */
export async function readCatalogue(deps: Deps, shopId: number, connectionId: number): Promise<{ listings: number }> {
	const { client } = await openClient(deps, shopId, connectionId);
	let listings = 0;
	try {
		for await (const page of client.listListings()) {
			await keepListings(deps.pool, shopId, connectionId, page);
			listings += page.length;
		}
	} finally {
		await client.close();
	}
	return { listings };
}

async function keepListings(db: Queryable, shopId: number, connectionId: number, page: readonly RemoteListing[]): Promise<void> {
	const unique = [...new Map(page.map((l) => [l.externalId, l])).values()];
	await db.query(
		`INSERT INTO listing (shop_id, connection_id, external_id, parent_external_id, sku, barcode, title, sold_from)
		 SELECT $1, $2, external_id, parent_external_id, sku, barcode, title, sold_from
		 FROM jsonb_to_recordset($3::jsonb)
		   AS r(external_id text, parent_external_id text, sku text, barcode text, title text, sold_from text)
		 ON CONFLICT (shop_id, connection_id, external_id) DO UPDATE SET parent_external_id = excluded.parent_external_id, sku = excluded.sku,
		   barcode = excluded.barcode, title = excluded.title, sold_from = excluded.sold_from`,
		[
			shopId,
			connectionId,
			JSON.stringify(
				unique.map((l) => ({
					external_id: l.externalId,
					parent_external_id: l.parentExternalId,
					sku: l.sku,
					barcode: l.barcode,
					title: l.title,
					sold_from: l.soldFrom ?? null,
				})),
			),
		],
	);
}

/** What could be linked, and what could not, with reasons. Looks only; nothing is linked by it. */
export async function proposeMatching(db: Queryable, shopId: number, connectionId: number): Promise<Matching> {
	const listings = await db.query<Sellable>(
		"SELECT id, sku, barcode, title FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'unlinked' AND sold_from IS NULL ORDER BY id",
		[shopId, connectionId],
	);
	const items = await db.query<Sellable>(
		`SELECT id, sku, barcode, title FROM item i WHERE shop_id = $1 AND deleted_at IS NULL AND tracked
		   AND NOT EXISTS (SELECT 1 FROM listing l WHERE l.shop_id = $1 AND l.connection_id = $2 AND l.item_id = i.id) ORDER BY id`,
		[shopId, connectionId],
	);
	return matchListings(listings.rows, items.rows);
}

export type LinkOutcome = { linked: number; refused: { listingId: number; reason: string }[] };

/**
 * Links listings to items. From here on an order of the listing moves the item's stock and the listing follows it. A listing
 * that is linked to another item already is refused: unlink first, so that nobody's units change their item unseen.
 */
export async function linkListings(
	deps: Deps,
	shopId: number,
	connectionId: number,
	links: readonly Pick<Match, "listingId" | "itemId">[],
	actor: string,
): Promise<LinkOutcome> {
	const result = await deps.pool.query<{ id: number }>(
		`UPDATE listing l SET item_id = r.item_id, link_state = 'linked', parked = false, attempts = 0, attempts_class = NULL, updated_at = now()
		 FROM jsonb_to_recordset($3::jsonb) AS r(listing_id bigint, item_id bigint)
		 JOIN item i ON i.shop_id = $1 AND i.id = r.item_id AND i.deleted_at IS NULL
		 WHERE l.shop_id = $1 AND l.connection_id = $2 AND l.id = r.listing_id AND l.sold_from IS NULL AND (l.item_id IS NULL OR l.item_id = r.item_id)
		 RETURNING l.id`,
		[shopId, connectionId, JSON.stringify(links.map((l) => ({ listing_id: l.listingId, item_id: l.itemId })))],
	);
	const linked = new Set(result.rows.map((r) => r.id));
	const refused = links
		.filter((l) => !linked.has(l.listingId))
		.map((l) => ({
			listingId: l.listingId,
			reason: "The listing or the product is gone, it is linked to another product, or it sells another listing's stock.",
		}));
	await recordAudit(deps.pool, shopId, { actor, action: "listings.linked", subject: String(connectionId), after: { count: linked.size } });
	await refreshListings(applyDepsOf(deps), shopId, { connectionId });
	return { linked: linked.size, refused };
}

/** Takes a link back. What the channel shows stays as it is; units sold through it stay counted where they were taken. */
export async function unlinkListings(
	deps: Deps,
	shopId: number,
	connectionId: number,
	listingIds: readonly number[],
	actor: string,
): Promise<number> {
	const result = await deps.pool.query(
		`UPDATE listing SET item_id = NULL, link_state = 'unlinked', desired = NULL, dirty_since = NULL, recheck = false, seen = NULL, unseen = 0, updated_at = now()
		 WHERE shop_id = $1 AND connection_id = $2 AND id = ANY($3::bigint[]) AND link_state = 'linked'`,
		[shopId, connectionId, listingIds],
	);
	await recordAudit(deps.pool, shopId, { actor, action: "listings.unlinked", subject: String(connectionId), before: { listingIds } });
	return result.rowCount ?? 0;
}
