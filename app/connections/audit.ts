import type { Queryable } from "#app/db.server.ts";

/** Who did what (R40). `actor` is the session token's `sub`, or "system". */
export async function recordAudit(
	db: Queryable,
	shopId: number,
	entry: { actor: string; action: string; subject?: string; before?: unknown; after?: unknown },
): Promise<void> {
	await db.query("INSERT INTO audit (shop_id, actor, action, subject, before, after) VALUES ($1, $2, $3, $4, $5, $6)", [
		shopId,
		entry.actor,
		entry.action,
		entry.subject ?? "",
		entry.before === undefined ? null : JSON.stringify(entry.before),
		entry.after === undefined ? null : JSON.stringify(entry.after),
	]);
}
