import type { Queryable } from "#app/db.server.ts";

/** As long as the column takes. */
const REASON_CHARS_MAX = 500;

/**
 * A person has decided that these need nothing any more. Only open ones are touched: what has succeeded or was decided on
 * meanwhile stays as it is, so a second press finds nothing. It opens again if the same thing fails again. Returns their ids.
 */
export async function discardDeadLetters(
	db: Queryable,
	shopId: number,
	ids: readonly number[],
	decision: { reason: string; actor: string },
): Promise<number[]> {
	const { rows } = await db.query<{ id: number }>(
		`UPDATE dead_letter d SET state = 'discarded', discard_reason = $3, decided_by = $4, decided_at = clock_timestamp()
		 FROM (SELECT id FROM dead_letter WHERE shop_id = $1 AND id = ANY($2) AND state = 'open' ORDER BY id FOR UPDATE) these
		 WHERE d.shop_id = $1 AND d.id = these.id RETURNING d.id`,
		[shopId, ids, decision.reason.replaceAll("\0", "").slice(0, REASON_CHARS_MAX).toWellFormed(), decision.actor],
	);
	return rows.map(({ id }) => id);
}

/**
 * Their messages were put into the inbox anew, in the same transaction. Only open ones; locked until it ends. What was complained of
 * although its message was applied as far as it could be stays open: it is over only when apply says so.
 */
export async function takeForReplay(
	db: Queryable,
	shopId: number,
	ids: readonly number[],
	actor: string,
): Promise<{ id: number; eventId: number }[]> {
	const { rows } = await db.query<{ id: number; eventId: number }>(
		`UPDATE dead_letter d SET state = CASE WHEN d.source_key = 'event:' || d.event_id THEN 'replayed' ELSE d.state END, decided_by = $3, decided_at = clock_timestamp()
		 FROM (SELECT id FROM dead_letter WHERE shop_id = $1 AND id = ANY($2) AND state = 'open' AND direction = 'in' AND event_id IS NOT NULL
		       ORDER BY id FOR UPDATE) these
		 WHERE d.shop_id = $1 AND d.id = these.id RETURNING d.id, d.event_id AS "eventId"`,
		[shopId, ids, actor],
	);
	return rows;
}
