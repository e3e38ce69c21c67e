import type { Queryable } from "#app/db.server.ts";

/**
 * Listings on which a channel took our figure and keeps showing another one. Updates that were refused stand among the failed ones, and
 * what is not linked under matching. Through the index of what has not ended, which is little.
 */
export async function readKeptFigures(client: Queryable, shopId: number): Promise<number> {
	const { rows } = await client.query<{ listings: number }>(
		`SELECT count(*)::int AS listings FROM reconcile_difference d JOIN connection c ON c.shop_id = d.shop_id AND c.id = d.connection_id AND c.state = 'live'
		 WHERE d.shop_id = $1 AND d.settled_at IS NULL AND d.state = 'open' AND d.cause = 'clamped'`,
		[shopId],
	);
	return rows[0]?.listings ?? 0;
}
