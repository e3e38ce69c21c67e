import type { Queryable } from "#app/db.server.ts";

const RESOLVED_PER_RUN_MAX = 5_000;

/**
 * Closes the dead letters of listings that show their figure after all: tried again, linked anew, or the channel has changed its
 * mind. Looked at by the clock, because a delivery that succeeds does not know that there is a letter. Both rows are locked, so
 * that a listing which fails again at this very moment keeps its letter. Safe at any time. `shopId`: of this shop alone.
 */
export async function resolveMended(db: Queryable, shopId: number | null = null): Promise<number> {
	const { rowCount } = await db.query(
		`UPDATE dead_letter d SET state = 'resolved'
		 FROM (SELECT d.shop_id, d.id FROM dead_letter d
		       JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id AND l.connection_id = d.connection_id
		       WHERE ${shopId === null ? "" : "d.shop_id = $2 AND"} d.state = 'open' AND d.direction = 'out' AND l.link_state = 'linked' AND NOT l.parked AND l.dirty_since IS NULL
		         AND l.desired IS NOT NULL AND l.shown IS NOT NULL AND l.attempts = 0
		       ORDER BY d.shop_id, d.id LIMIT $1 FOR UPDATE OF d SKIP LOCKED FOR SHARE OF l SKIP LOCKED) mended
		 WHERE d.shop_id = mended.shop_id AND d.id = mended.id AND d.state = 'open'`,
		shopId === null ? [RESOLVED_PER_RUN_MAX] : [RESOLVED_PER_RUN_MAX, shopId],
	);
	return rowCount ?? 0;
}
