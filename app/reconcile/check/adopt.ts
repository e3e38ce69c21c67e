import type { Client } from "#app/db.server.ts";

/** What one run takes over at most; a channel where more is written over has one trouble and not so many. */
const ADOPTED_MAX = 10_000;

/**
 * Delivery reads each listing singly before it writes, and may meet somebody's figure before a list shows it, or know only afterwards,
 * from the watermark, that no order accounts for it. What it has noted since the last run began and no run has found becomes a
 * difference of this run, so that *Checks* lists all that somebody changed, whoever came upon it. Returns how many.
 */
export async function adoptNoted(tx: Client, place: { shopId: number; connectionId: number; runId: number }): Promise<number> {
	const { rowCount } = await tx.query(adoptStatement, [place.shopId, place.connectionId, place.runId, ADOPTED_MAX]);
	return rowCount ?? 0;
}

/** Found then, and asked for then: what has happened since says why and how it ended, as with the others (settle-differences.ts). */
const adoptStatement = `
INSERT INTO reconcile_difference (shop_id, connection_id, run_id, kind, subject, listing_id, item_id, external_id, sku, title, expected, found, cause, state, by_update, found_at, acted_at)
SELECT DISTINCT ON (x.listing_id) $1::bigint, $2::bigint, $3::bigint, 'listing', 'listing:' || l.external_id, l.id, l.item_id, l.external_id, l.sku, l.title,
  x.expected, x.found, 'unknown', 'waiting', true, x.at, x.at
FROM difference x JOIN listing l ON l.shop_id = $1 AND l.id = x.listing_id AND l.link_state = 'linked'
WHERE x.shop_id = $1 AND x.connection_id = $2
  AND x.at >= (SELECT coalesce(max(r.began_at) FILTER (WHERE r.id < $3 AND r.state = 'done'), max(r.began_at) FILTER (WHERE r.id = $3))
               FROM reconcile_run r WHERE r.shop_id = $1 AND r.connection_id = $2)
  AND NOT EXISTS (
    SELECT FROM reconcile_difference d JOIN reconcile_run r ON r.shop_id = $1 AND r.id = d.run_id
    WHERE d.shop_id = $1 AND d.connection_id = $2 AND d.listing_id = x.listing_id AND x.at >= least(r.began_at, d.found_at) AND (d.settled_at IS NULL OR x.at <= d.settled_at))
ORDER BY x.listing_id, x.at DESC LIMIT $4
ON CONFLICT (shop_id, connection_id, subject) WHERE settled_at IS NULL DO NOTHING`;
