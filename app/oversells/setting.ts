import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, type Queryable, transactionWithRetry } from "#app/db.server.ts";

/** After an oversell, when nothing is owed any more: resume, the product sells again by itself; pause, a person resumes its listings. */
export const AFTERWARDS = ["resume", "pause"] as const;
export type Afterwards = (typeof AFTERWARDS)[number];

export async function readAfterwards(db: Queryable, shopId: number): Promise<Afterwards> {
	const { rows } = await db.query<{ chosen: string | null }>("SELECT settings->>'afterOversell' AS chosen FROM shop WHERE id = $1", [
		shopId,
	]);
	return rows[0]?.chosen === "pause" ? "pause" : "resume";
}

/** What is chosen already is no change. It counts for what ends from now on. */
export async function setAfterwards(
	pool: Pool,
	shopId: number,
	{ afterwards, actor }: { afterwards: Afterwards; actor: string },
): Promise<{ outcome: "changed" | "unchanged" }> {
	return transactionWithRetry(pool, async (tx) => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR UPDATE", [shopId]);
		const before = await readAfterwards(tx, shopId);
		if (before === afterwards) return { outcome: "unchanged" };
		await tx.query("UPDATE shop SET settings = jsonb_set(settings, '{afterOversell}', to_jsonb($2::text)) WHERE id = $1", [
			shopId,
			afterwards,
		]);
		await recordAudit(tx, shopId, { actor, action: "oversells.afterwards_chosen", before: { afterwards: before }, after: { afterwards } });
		return { outcome: "changed" };
	});
}
