import type { Pool } from "#app/db.server.ts";

/** How many the sweeper wakes at once; the rest is found a second later. */
const SHOPS_MAX = 500;

/** Shops whose import should be running and is not: nobody holds it, and it did not ask to be left alone yet. For the sweeper. */
export async function findWaitingImports(pool: Pool): Promise<number[]> {
	const { rows } = await pool.query<{ id: number }>(
		`SELECT id FROM shop
		 WHERE state = 'installed' AND import_state IN ('pending', 'running')
		   AND coalesce((import_progress->>'leaseUntil')::timestamptz < clock_timestamp(), true)
		   AND coalesce((import_progress->>'nextAt')::timestamptz < clock_timestamp(), true)
		   AND EXISTS (SELECT FROM connection c WHERE c.shop_id = shop.id AND c.is_home AND c.state NOT IN ('connecting', 'disconnected'))
		 ORDER BY id LIMIT $1`,
		[SHOPS_MAX],
	);
	return rows.map(({ id }) => id);
}

/**
 * Shops with lifecycle messages that are due. One that was looked at n times waits n half minutes from its arrival; a redact
 * that must wait its 48 hours is left alone until then (lifecycle-rules.ts). For the sweeper.
 */
export async function findWaitingLifecycle(pool: Pool): Promise<number[]> {
	const { rows } = await pool.query<{ id: number }>(
		`SELECT DISTINCT e.shop_id AS id FROM inbox_event e JOIN shop s ON s.id = e.shop_id
		 WHERE e.lane = 'lifecycle' AND e.status = 'pending' AND e.received_at + e.attempts * interval '30 seconds' <= clock_timestamp()
		   AND NOT (e.event->>'type' = 'shop.redact' AND s.state = 'uninstalled' AND e.received_at < s.uninstalled_at
		            AND e.received_at > clock_timestamp() - interval '48 hours')
		 LIMIT $1`,
		[SHOPS_MAX],
	);
	return rows.map(({ id }) => id);
}
