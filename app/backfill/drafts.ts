import type { Queryable } from "#app/db.server.ts";

/** Drafts that wait at once: each is confirmed or put away before there are many, and each costs a channel its reading, or a file its room. */
export const DRAFTS_MAX = 10;

export async function hasManyDrafts(db: Queryable, shopId: number): Promise<boolean> {
	const { rows } = await db.query<{ n: number }>(
		"SELECT count(*)::int AS n FROM bulk_change WHERE shop_id = $1 AND confirmed_at IS NULL AND cancelled_at IS NULL AND refusal IS NULL",
		[shopId],
	);
	return (rows[0]?.n ?? 0) >= DRAFTS_MAX;
}
