import type { Queryable } from "#app/db.server.ts";

/** `paused` null: it gives rules. */
export type BulkStanding = {
	id: number;
	paused: boolean | null;
	isUndo: boolean;
	press: string;
	total: number;
	done: number;
	changed: number;
	isOver: boolean;
};

/** How far the shop's newest bulk change is; null: there was none in the last day. */
export async function readNewestBulk(db: Queryable, shopId: number): Promise<BulkStanding | null> {
	const { rows } = await db.query<BulkStanding>(
		`SELECT id, paused, undoes_entry IS NOT NULL AS "isUndo", press, total, done, changed, done_at IS NOT NULL AS "isOver" FROM bulk_change
		 WHERE shop_id = $1 AND source = 'rule' AND (done_at IS NULL OR done_at > now() - interval '1 day') ORDER BY id DESC LIMIT 1`,
		[shopId],
	);
	return rows[0] ?? null;
}
