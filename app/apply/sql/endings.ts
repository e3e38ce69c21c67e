import type { PoolClient } from "pg";

/** Why listings stand still whose shop does not want them to sell again by themselves. A person resumes them. */
export const AFTER_AN_OVERSELL = "After an oversell";

/** How units of an oversell came to an end, for the card's history and the page of what was done. */
export type WrittenEnding = {
	oversellId: number;
	itemId: number;
	how: string;
	units: number;
	left: number;
	/** Of the item, still owed to anybody after the batch. */
	itemOwed: number;
	by: string;
	locationId: number;
	substituteItemId: number | null;
	/** What brought the stock: a movement's cause, and the order that gave units back. */
	cause: string | null;
	causeOrderId: string | null;
};

export async function writeEndings(tx: PoolClient, shopId: number, endings: readonly WrittenEnding[]): Promise<void> {
	if (endings.length === 0) return;
	await tx.query(
		`INSERT INTO audit (shop_id, actor, action, subject, after)
		 SELECT $1, r.by, 'oversell.' || r.how, r."oversellId"::text, jsonb_build_object('units', r.units, 'left', r.left, 'itemId', r."itemId",
		   'itemOwed', r."itemOwed", 'connectionId', o.connection_id, 'orderId', o.order_id, 'order', s.name, 'locationId', r."locationId",
		   'substituteItemId', r."substituteItemId", 'cause', r.cause, 'causeOrder', coalesce(nullif(c.name, ''), r."causeOrderId"),
		   'afterwards', (SELECT settings->>'afterOversell' FROM shop WHERE id = $1))
		 FROM jsonb_to_recordset($2::jsonb) AS r(position int, "oversellId" bigint, "itemId" bigint, how text, units int, "left" int, "itemOwed" int, by text,
		   "locationId" bigint, "substituteItemId" bigint, cause text, "causeOrderId" text)
		 JOIN oversell o ON o.shop_id = $1 AND o.id = r."oversellId"
		 LEFT JOIN sales_order s ON s.shop_id = $1 AND s.connection_id = o.connection_id AND s.order_id = o.order_id
		 LEFT JOIN LATERAL (SELECT name FROM sales_order WHERE shop_id = $1 AND order_id = r."causeOrderId" LIMIT 1) c ON true
		 ORDER BY r.position`,
		[shopId, JSON.stringify(endings.map((ending, position) => ({ position, ...ending })))],
	);
}

/**
 * Listings of items of which nothing is owed any more, where the shop wants to look first: they stay at the zero that they show. One
 * that shows something never stopped selling and is left alone. The rows are locked already.
 */
export async function pauseAfterOversell(tx: PoolClient, shopId: number, itemIds: readonly number[]): Promise<void> {
	if (itemIds.length === 0) return;
	await tx.query(
		`WITH paused AS (
		   UPDATE listing l SET paused = true, paused_reason = $3, updated_at = now()
		   FROM connection c, shop s
		   WHERE l.shop_id = $1 AND s.id = $1 AND s.settings->>'afterOversell' = 'pause'
		     AND c.shop_id = $1 AND c.id = l.connection_id AND NOT c.is_home AND c.state = 'live'
		     AND (l.item_id = ANY($2::bigint[]) OR l.item_id IN (SELECT bundle_item_id FROM bundle_component WHERE shop_id = $1 AND component_item_id = ANY($2::bigint[])))
		     AND l.link_state = 'linked' AND NOT l.paused AND l.shown <= 0
		   RETURNING l.id, l.connection_id
		 )
		 INSERT INTO audit (shop_id, actor, action, subject, before, after)
		 SELECT $1, 'system', 'listings.paused', connection_id::text,
		   jsonb_build_object('listingIds', jsonb_agg(id ORDER BY id), 'paused', false, 'reasons', jsonb_build_array(NULL)),
		   jsonb_build_object('listingIds', jsonb_agg(id ORDER BY id), 'paused', true, 'reason', $3::text)
		 FROM paused GROUP BY connection_id ORDER BY connection_id`,
		[shopId, itemIds, AFTER_AN_OVERSELL],
	);
}
