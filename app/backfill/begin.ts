import { type Client, transaction } from "#app/db.server.ts";
import type { Deps } from "#connections";
import type { Policy } from "#domain";

export type Asked =
	| { outcome: "asked"; changeId: number; listings: number }
	/** Another bulk change of this shop is under way: they go one after the other, so that each can be undone. */
	| { outcome: "busy" }
	/** Nothing of it is left to do: none of these products is for sale on a channel, all are paused already, nothing stands as it was left. */
	| { outcome: "nothing" };

/** `paused` null: it is about rules. */
export type Wish = {
	policy: Policy | null;
	paused: boolean | null;
	actor: string;
	press: string;
	source?: "rule" | "file" | "orders" | "listings";
	name?: string;
	/** `entry`: what the audit calls it; null: nothing was written there, because it changed nothing. */
	undoes: { changeId: number; entry: number | null } | null;
};
type AddLines = (tx: Client, changeId: number) => Promise<{ rowCount: number | null }>;

/** A change that needs no second word: it is under way with this one, unless another one is. */
export async function begin(deps: Deps, shopId: number, wish: Wish, addLines: AddLines): Promise<Asked> {
	const asked = await transaction(deps.pool, async (tx): Promise<Asked> => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const known = await tx.query<{ id: number; total: number; press: string; over: boolean }>(
			`SELECT id, total, press, done_at IS NOT NULL AS over FROM bulk_change
			 WHERE shop_id = $1 AND (press = $2 OR done_at IS NULL AND confirmed_at IS NOT NULL) ORDER BY press = $2 DESC LIMIT 1`,
			[shopId, wish.press],
		);
		const [row] = known.rows;
		if (row && row.press !== wish.press) return { outcome: "busy" };
		// What was taken back is taken back.
		if (row?.over && wish.undoes !== null) return { outcome: "nothing" };
		if (row) return { outcome: "asked", changeId: row.id, listings: row.total };
		const made = await insertChange(tx, shopId, wish, addLines);
		return made === null ? { outcome: "nothing" } : { outcome: "asked", ...made };
	});
	if (asked.outcome === "asked") await deps.wake("backfill.run", { shopId });
	return asked;
}

/** null: it has no lines, and nothing was written. */
export async function insertChange(
	tx: Client,
	shopId: number,
	{ policy, paused, actor, press, source = "rule", name = "", undoes }: Wish,
	addLines: AddLines,
): Promise<{ changeId: number; listings: number } | null> {
	const made = await tx.query<{ id: number }>(
		`INSERT INTO bulk_change (shop_id, actor, press, policy, paused, source, name, undoes_entry, undoes_change, total)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0) RETURNING id`,
		[
			...[shopId, actor, press, policy === null ? null : JSON.stringify(policy), paused, source, name],
			...[undoes?.entry ?? null, undoes?.changeId ?? null],
		],
	);
	const changeId = made.rows[0]?.id ?? 0;
	const listings = (await addLines(tx, changeId)).rowCount ?? 0;
	if (listings === 0) {
		await tx.query("DELETE FROM bulk_change WHERE shop_id = $1 AND id = $2", [shopId, changeId]);
		return null;
	}
	await tx.query("UPDATE bulk_change SET total = $3 WHERE shop_id = $1 AND id = $2", [shopId, changeId, listings]);
	return { changeId, listings };
}
