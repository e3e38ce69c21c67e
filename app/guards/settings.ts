import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { type Guards, guardsSchema, readGuards } from "#domain";

export async function readShopGuards(db: Queryable, shopId: number): Promise<Guards> {
	const { rows } = await db.query<{ guards: unknown }>("SELECT settings->'guards' AS guards FROM shop WHERE id = $1", [shopId]);
	return readGuards(rows[0]?.guards);
}

export type SavedGuards = { outcome: "changed" | "unchanged" };

/** From the next message on. What waits already waits on: a larger number approves nothing. */
export async function saveGuards(pool: Pool, shopId: number, { guards, actor }: { guards: Guards; actor: string }): Promise<SavedGuards> {
	const next = guardsSchema.parse(guards);
	return transaction(pool, async (tx) => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const before = await readShopGuards(tx, shopId);
		if (JSON.stringify(before) === JSON.stringify(next)) return { outcome: "unchanged" };
		await tx.query("UPDATE shop SET settings = settings || jsonb_build_object('guards', $2::jsonb) WHERE id = $1", [
			shopId,
			JSON.stringify(next),
		]);
		await recordAudit(tx, shopId, { actor, action: "guards.changed", before, after: next });
		return { outcome: "changed" };
	});
}
