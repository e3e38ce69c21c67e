import type { Queryable } from "#app/db.server.ts";

/** What people say of oversells. It moves no unit: what is owed is owed, and stock covers it oldest first, dismissed or not. */

/** Of those of these that are open. Returns them; the condition stands in the WHERE, so that of two at once one changes something. */
export async function dismissOpen(
	db: Queryable,
	shopId: number,
	{ ids, reason, actor }: { ids: readonly number[]; reason: string; actor: string },
): Promise<{ id: number; owed: number }[]> {
	const { rows } = await db.query<{ id: number; owed: number }>(
		`UPDATE oversell SET state = 'dismissed', dismissed_by = $3, dismissed_at = clock_timestamp(), dismissed_reason = $4
		 WHERE shop_id = $1 AND id IN (SELECT id FROM oversell WHERE shop_id = $1 AND id = ANY($2::bigint[]) ORDER BY id FOR UPDATE) AND state = 'open'
		 RETURNING id, units - covered AS owed`,
		[shopId, ids, actor, reason],
	);
	return rows;
}

/** Open again, or over if stock has covered them meanwhile. */
export async function reopenDismissed(db: Queryable, shopId: number, ids: readonly number[]): Promise<{ id: number; owed: number }[]> {
	const { rows } = await db.query<{ id: number; owed: number }>(
		`UPDATE oversell SET state = CASE WHEN covered < units THEN 'open' ELSE 'covered' END, dismissed_by = NULL, dismissed_at = NULL, dismissed_reason = NULL
		 WHERE shop_id = $1 AND id IN (SELECT id FROM oversell WHERE shop_id = $1 AND id = ANY($2::bigint[]) ORDER BY id FOR UPDATE) AND state = 'dismissed'
		 RETURNING id, units - covered AS owed`,
		[shopId, ids],
	);
	return rows;
}

/** What the staff is to send instead; empty: nothing any more. False: it says so already, or there is no such oversell. */
export async function keepSendInstead(db: Queryable, shopId: number, { id, text }: { id: number; text: string }): Promise<boolean> {
	const { rowCount } = await db.query(
		"UPDATE oversell SET send_instead = nullif($3, '') WHERE shop_id = $1 AND id = $2 AND coalesce(send_instead, '') <> $3",
		[shopId, id, text],
	);
	return rowCount === 1;
}
