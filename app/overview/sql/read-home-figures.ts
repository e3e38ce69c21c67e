import type { Queryable } from "#app/db.server.ts";
import type { ListingsOverview } from "./read-listings.ts";

type Row = { figures: number; behind: number; behind_since: Date | null };

/**
 * Home's side: its stock figures (one per item and location), and of them those that must still be told of sales made
 * elsewhere: units owed that no batch carries yet, and units in a batch that home has not confirmed.
 */
export async function readHomeFigures(client: Queryable, shopId: number): Promise<ListingsOverview> {
	const { rows } = await client.query<Row>(
		`SELECT (SELECT count(*)::int FROM stock WHERE shop_id = $1) AS figures, count(*)::int AS behind, min(since) AS behind_since
		   FROM (SELECT item_id, location_id, min(since) AS since
		           FROM (SELECT item_id, location_id, owed_since AS since FROM stock WHERE shop_id = $1 AND delta_owed <> 0
		                 UNION ALL
		                 SELECT d.item_id, d.location_id, b.created_at
		                   FROM delta_line d JOIN delta_batch b ON b.shop_id = d.shop_id AND b.id = d.batch_id
		                  WHERE d.shop_id = $1 AND d.state = 'open') told
		          GROUP BY item_id, location_id) figure`,
		[shopId],
	);
	const [row] = rows;
	if (!row) throw new Error("An aggregate without GROUP BY always has one row");
	return {
		listings: row.figures,
		unlinked: 0,
		behind: row.behind,
		behindSince: row.behind_since?.toISOString() ?? null,
		pausedListings: 0,
	};
}
