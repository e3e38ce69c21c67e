import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, type Queryable, transaction } from "#app/db.server.ts";

export type SavedView = { id: number; name: string; query: string };

/** More tabs than this are no overview any more. */
const VIEWS_MAX = 20;
const NAME_CHARS_MAX = 40;
const QUERY_CHARS_MAX = 2_000;

export async function readViews(db: Queryable, shopId: number, page: "stock"): Promise<SavedView[]> {
	const { rows } = await db.query<SavedView>(
		"SELECT id, name, query FROM saved_view WHERE shop_id = $1 AND page = $2 ORDER BY id LIMIT $3",
		[shopId, page, VIEWS_MAX],
	);
	return rows;
}

export type ViewChange = { outcome: "saved" } | { outcome: "full"; max: number } | { outcome: "unnamed" };

/** The same name again is the same view with other filters. */
export async function saveView(
	pool: Pool,
	shopId: number,
	view: { page: "stock"; name: string; query: string; actor: string },
): Promise<ViewChange> {
	const name = view.name.trim().slice(0, NAME_CHARS_MAX);
	if (name === "" || view.query.length > QUERY_CHARS_MAX) return { outcome: "unnamed" };
	return transaction(pool, async (tx) => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const known = await readViews(tx, shopId, view.page);
		if (known.length >= VIEWS_MAX && !known.some((one) => one.name === name)) return { outcome: "full", max: VIEWS_MAX };
		await tx.query(
			`INSERT INTO saved_view (shop_id, page, name, query) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (shop_id, page, name) DO UPDATE SET query = excluded.query`,
			[shopId, view.page, name, view.query],
		);
		await recordAudit(tx, shopId, {
			actor: view.actor,
			action: "view.saved",
			subject: name,
			after: { page: view.page, query: view.query },
		});
		return { outcome: "saved" };
	});
}

export async function deleteView(pool: Pool, shopId: number, view: { id: number; actor: string }): Promise<boolean> {
	return transaction(pool, async (tx) => {
		const { rows } = await tx.query<{ name: string; page: string; query: string }>(
			"DELETE FROM saved_view WHERE shop_id = $1 AND id = $2 RETURNING name, page, query",
			[shopId, view.id],
		);
		const gone = rows[0];
		if (!gone) return false;
		await recordAudit(tx, shopId, {
			actor: view.actor,
			action: "view.deleted",
			subject: gone.name,
			before: { page: gone.page, query: gone.query },
		});
		return true;
	});
}
