import type { Pool } from "#app/db.server.ts";

/** What the import brought and apply has not taken yet; and whether items that it asked for are still to be read or applied. */
export async function whatIsUnapplied(pool: Pool, shopId: number, connectionId: number): Promise<{ events: boolean; fetches: boolean }> {
	const { rows } = await pool.query<{ events: boolean; fetches: boolean }>(
		`SELECT
		   EXISTS (SELECT FROM inbox_event WHERE shop_id = $1 AND lane = 'stock' AND status = 'pending' AND source = 'import') AS events,
		   EXISTS (SELECT FROM fetch_request WHERE shop_id = $1 AND connection_id = $2 AND kind = 'levels' AND seq > done_seq)
		     OR EXISTS (SELECT FROM inbox_event WHERE shop_id = $1 AND lane = 'stock' AND status = 'pending' AND source = 'fetch'
		                  AND event->>'type' LIKE 'home.%') AS fetches`,
		[shopId, connectionId],
	);
	return rows[0] ?? { events: false, fetches: false };
}
