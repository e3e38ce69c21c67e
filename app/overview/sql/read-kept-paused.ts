import type { Queryable } from "#app/db.server.ts";
import { AFTER_AN_OVERSELL } from "#apply";

/** Listings that were paused when an oversell was over, and that could sell again. Through the index of paused ones, which are few. */
export async function readKeptPaused(client: Queryable, shopId: number): Promise<number> {
	const { rows } = await client.query<{ listings: number }>(
		`SELECT count(*)::int AS listings FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id AND c.state = 'live'
		 WHERE l.shop_id = $1 AND l.paused AND l.paused_reason = $2 AND l.link_state = 'linked' AND l.desired > 0`,
		[shopId, AFTER_AN_OVERSELL],
	);
	return rows[0]?.listings ?? 0;
}
