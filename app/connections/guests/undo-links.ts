import { transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "../deps.ts";
import { changeLinks } from "./change-links.ts";
import { auditUnlinked, linkListings, unlink } from "./links.ts";

export type LinkUndo =
	/** `left`: of them, what stands otherwise by now (linked to another product, gone) and was not touched. */
	| { outcome: "undone"; listings: number; left: number }
	/** The shop has no such entry for this connection, or it was no linking. */
	| { outcome: "unknown" };

type Links = { listingId: number; itemId: number }[];
/** `former`: of listings that moved, the product that each came from. */
type Entry = { action: string; links: Links | null; former: Links | null };

/**
 * Takes one linking (or unlinking, or moving to another product) of the audit list back: all of it, as far as it still stands (R45). Undone twice, the second
 * finds nothing left to do. The undoing is an entry of its own, so it can be undone as well.
 */
export async function undoLinks(
	deps: Deps,
	shopId: number,
	connectionId: number,
	{ auditId, actor }: { auditId: number; actor: string },
): Promise<LinkUndo> {
	const { rows } = await deps.pool.query<Entry>(
		`SELECT action, coalesce(after, before)->'links' AS links, before->'links' AS former FROM audit
		 WHERE shop_id = $1 AND id = $2 AND subject = $3 AND action IN ('listings.linked', 'listings.unlinked', 'listings.moved')`,
		[shopId, auditId, String(connectionId)],
	);
	const entry = rows[0];
	if (!entry?.links) return { outcome: "unknown" };
	const { links } = entry;
	if (entry.action === "listings.moved") return undoMove(deps, shopId, { links, former: entry.former ?? [], actor });
	if (entry.action === "listings.unlinked") {
		const { linked } = await linkListings(deps, shopId, connectionId, links, actor);
		return { outcome: "undone", listings: linked, left: links.length - linked };
	}
	const unlinked = await transactionWithRetry(deps.pool, async (tx) => {
		const taken = await unlink(tx, { shopId, connectionId, links });
		if (taken.length > 0) await auditUnlinked(tx, { shopId, connectionId, unlinked: taken, actor });
		return taken.length;
	});
	return { outcome: "undone", listings: unlinked, left: links.length - unlinked };
}

async function undoMove(
	deps: Deps,
	shopId: number,
	{ links, former, actor }: { links: Links; former: Links; actor: string },
): Promise<LinkUndo> {
	const { rows } = await deps.pool.query<{ id: number; item_id: number | null }>(
		"SELECT id, item_id FROM listing WHERE shop_id = $1 AND id = ANY($2::bigint[])",
		[shopId, links.map(({ listingId }) => listingId)],
	);
	const changes = links.flatMap(({ listingId, itemId }) => {
		const to = former.find((one) => one.listingId === listingId)?.itemId;
		const stands = rows.some((row) => row.id === listingId && row.item_id === itemId);
		return to !== undefined && stands ? [{ listingId, was: itemId, to }] : [];
	});
	const done = changes.length > 0 ? await changeLinks(deps, shopId, { changes, actor }) : null;
	const listings = done?.outcome === "saved" ? done.listings : 0;
	return { outcome: "undone", listings, left: links.length - listings };
}
