import type { Queryable } from "#app/db.server.ts";
import { readStandings } from "./standings.ts";

export type FormerFigure = {
	listingId: number;
	externalId: string;
	sku: string;
	title: string;
	/** What the channel showed before Lockstep's first update; below zero it owed units to its own buyers. */
	original: number;
	/** Units that the channel itself has sold since then. */
	sold: number;
	shows: number | null;
	/** What it would be put back to now; null: it keeps what it shows (`kept` says why). */
	to: number | null;
	kept: "paused" | "unlinked" | "not-counted" | null;
};

/**
 * A channel's figures from before Lockstep, and what they would be now: less what the channel has sold since, as if nobody had ever
 * written there, and never more than stock covers. Read without a lock, for looking ahead; restore.ts decides on locked rows.
 */
export async function readFormerFigures(
	db: Queryable,
	{ shopId, connectionId }: { shopId: number; connectionId: number },
): Promise<FormerFigure[]> {
	const { rows } = await db.query<Omit<FormerFigure, "to" | "kept"> & { paused: boolean }>(
		`WITH sold AS (${SOLD_SINCE})
		 SELECT l.id AS "listingId", l.external_id AS "externalId", coalesce(l.sku, '') AS sku, l.title, l.original_quantity AS original,
		   coalesce(sold.units, 0) AS sold, l.shown AS shows, l.paused
		 FROM listing l LEFT JOIN sold ON sold.id = l.id
		 WHERE l.shop_id = $1 AND l.connection_id = $2 AND l.original_quantity IS NOT NULL ORDER BY coalesce(l.sku, ''), l.id`,
		[shopId, connectionId],
	);
	const standings = new Map((await readStandings(db, shopId, connectionId)).map((standing) => [standing.listingId, standing]));
	return rows.map(({ paused, ...row }) => {
		const standing = standings.get(row.listingId);
		const kept = paused ? "paused" : standing === undefined ? "unlinked" : standing.sellable === null ? "not-counted" : null;
		const to = kept === null ? Math.max(0, Math.min(row.original - row.sold, standing?.sellable ?? 0)) : null;
		return { ...row, to, kept };
	});
}

/**
 * Units that each listing's channel has sold since its first reading. Orders of that very second count as later: the lower figure.
 * Of one that was only cancelled since, nothing is given back.
 */
export const SOLD_SINCE = `
SELECT l.id, sum(greatest(0, x.held - x.baseline))::int AS units
FROM order_line x
JOIN sales_order o ON o.shop_id = x.shop_id AND o.connection_id = x.connection_id AND o.order_id = x.order_id
JOIN listing s ON s.shop_id = x.shop_id AND s.connection_id = x.connection_id AND s.external_id = x.external_ref
JOIN listing l ON l.shop_id = s.shop_id AND l.connection_id = s.connection_id AND l.external_id = coalesce(s.sold_from, s.external_id)
WHERE x.shop_id = $1 AND x.connection_id = $2 AND o.created_on_channel_at >= l.original_at - interval '1 second'
GROUP BY l.id`;
