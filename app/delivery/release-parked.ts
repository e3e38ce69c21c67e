import type { Queryable } from "#app/db.server.ts";
import { WAITING } from "./sql/due.ts";

/**
 * Gives up on these listings no more: those that were set aside are delivered again, with all their attempts. They are looked at first
 * (`recheck`), whatever they showed when they were set aside. Their dead letters stay open until the delivery succeeds
 * (resolveMended). Disconnected ones are left alone. Returns which were set aside until now; `tx` keeps who asked for it.
 */
export async function releaseParked(
	tx: Queryable,
	shopId: number,
	listingIds: readonly number[],
): Promise<{ id: number; connection_id: number }[]> {
	if (listingIds.length === 0) return [];
	const { rows } = await tx.query<{ id: number; connection_id: number }>(releaseStatement, [shopId, listingIds]);
	return rows;
}

/** How many listings of a connection wait for a delivery now, up to a bound: whoever adds slow work asks first whether there is room. */
export async function countWaiting(db: Queryable, shopId: number, connectionId: number, most: number): Promise<number> {
	const { rows } = await db.query<{ count: number }>(
		`SELECT count(*)::int AS count FROM (SELECT FROM listing l WHERE l.shop_id = $1 AND l.connection_id = $2 AND ${WAITING} LIMIT $3) waiting`,
		[shopId, connectionId, most],
	);
	return rows[0]?.count ?? 0;
}

/** Lag counts from now: nobody was late while it waited for a person. */
const releaseStatement = `
UPDATE listing l SET parked = false, attempts = 0, attempts_class = NULL, next_attempt_at = NULL, updated_at = now(),
  recheck = l.desired IS NOT NULL, dirty_since = CASE WHEN l.desired IS NOT NULL THEN now() END
FROM (
  SELECT x.id FROM listing x JOIN connection c ON c.shop_id = x.shop_id AND c.id = x.connection_id AND c.state <> 'disconnected'
  WHERE x.shop_id = $1 AND x.id = ANY($2) AND x.parked AND x.link_state = 'linked'
  ORDER BY x.id FOR UPDATE OF x
) these
WHERE l.shop_id = $1 AND l.id = these.id
RETURNING l.id, l.connection_id`;
