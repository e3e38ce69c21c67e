import { transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "../deps.ts";
import { auditUnlinked, linkListings, unlink } from "./links.ts";

export type LinkUndo =
	/** `left`: of them, what stands otherwise by now (linked to another product, gone) and was not touched. */
	| { outcome: "undone"; listings: number; left: number }
	/** The shop has no such entry for this connection, or it was no linking. */
	| { outcome: "unknown" };

type Entry = { action: string; links: { listingId: number; itemId: number }[] | null };

/**
 * Takes one linking (or unlinking) of the audit list back: all of it, as far as it still stands (R45). Undone twice, the second
 * finds nothing left to do. The undoing is an entry of its own, so it can be undone as well.
 */
export async function undoLinks(
	deps: Deps,
	shopId: number,
	connectionId: number,
	{ auditId, actor }: { auditId: number; actor: string },
): Promise<LinkUndo> {
	const { rows } = await deps.pool.query<Entry>(
		`SELECT action, coalesce(after, before)->'links' AS links FROM audit
		 WHERE shop_id = $1 AND id = $2 AND subject = $3 AND action IN ('listings.linked', 'listings.unlinked')`,
		[shopId, auditId, String(connectionId)],
	);
	const entry = rows[0];
	if (!entry?.links) return { outcome: "unknown" };
	const { links } = entry;
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
