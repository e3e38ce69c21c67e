import { ChannelError } from "#app/channels/errors.ts";
import { type Client, transactionWithRetry } from "#app/db.server.ts";
import type { RemoteListing } from "#channels";
import type { Deps } from "../deps.ts";
import { openClient } from "../open-client.ts";
import { auditUnlinked, unlink } from "./links.ts";

export type CatalogueOutcome =
	/** `unlinked`: listings that had a link and now sell another listing's stock. */
	| { outcome: "read"; listings: number; unlinked: number }
	/** What was read until then is kept; reading again goes over all of it. */
	| { outcome: "failed"; reason: string; listings: number };

/**
 * Reads what the channel sells, page by page, and keeps it as listings. Links that stand are kept. Safe to repeat, also at once.
 * `onPage`: told after each page how many were read.
 */
export async function readCatalogue(
	deps: Deps,
	shopId: number,
	connectionId: number,
	{ onPage = async () => {} }: { onPage?: (listings: number) => Promise<void> } = {},
): Promise<CatalogueOutcome> {
	const { client } = await openClient(deps, shopId, connectionId);
	const read = { listings: 0, unlinked: 0 };
	try {
		for await (const page of client.listListings()) {
			read.unlinked += await transactionWithRetry(deps.pool, (tx) => keepListings(tx, { shopId, connectionId, page }), {
				repeatable: true,
			});
			read.listings += page.length;
			await onPage(read.listings);
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
	const unlinked = await unlink(tx, { shopId, connectionId, links: misled.rows.map(({ id }) => ({ listingId: id, itemId: null })) });
	await auditUnlinked(tx, { shopId, connectionId, unlinked, actor: "system" });
	return unlinked.length;
}
