import type { Queryable } from "#app/db.server.ts";

const LOOKS_PER_RUN_MAX = 5_000;

/**
 * Asks for the last look at listings of which an overtaken write could have shown until now (afterReading keeps that moment).
 * With `recheck`: should it have shown, the raised figure is our own doing and nobody else's. What waits already is read anyway,
 * and the reading takes the moment away. Safe at any time.
 */
export async function lookLate(db: Queryable): Promise<number> {
	const { rowCount } = await db.query(
		`UPDATE listing l SET dirty_since = now(), recheck = true, updated_at = now()
		 FROM (SELECT l.shop_id, l.id FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id
		       WHERE l.late_until <= now() AND l.dirty_since IS NULL AND l.link_state = 'linked' AND l.desired IS NOT NULL
		         AND NOT l.parked AND NOT l.paused AND c.state = 'live'
		       ORDER BY l.shop_id, l.id LIMIT $1 FOR UPDATE OF l SKIP LOCKED) these
		 WHERE l.shop_id = these.shop_id AND l.id = these.id`,
		[LOOKS_PER_RUN_MAX],
	);
	return rowCount ?? 0;
}
