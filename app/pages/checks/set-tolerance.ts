import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, transaction } from "#app/db.server.ts";
import { connectionSettingsSchema } from "#connections";

/** More than this is no tolerance but a channel that nobody looks at. */
export const TOLERANCE_MAX = 1_000;

/** From the next check on. Saved twice, it is said once. `was`: only where that stands now, as whoever takes it back expects. */
export function setTolerance(
	pool: Pool,
	shopId: number,
	{ connectionId, units, was, actor }: { connectionId: number; units: number; was?: number; actor: string },
): Promise<"changed" | "unchanged" | "unknown"> {
	return transaction(pool, async (tx) => {
		const { rows } = await tx.query<{ settings: unknown }>("SELECT settings FROM connection WHERE shop_id = $1 AND id = $2 FOR UPDATE", [
			shopId,
			connectionId,
		]);
		if (!rows[0]) return "unknown";
		const { stockTolerance: before } = connectionSettingsSchema.parse(rows[0].settings);
		if (before === units || (was !== undefined && before !== was)) return "unchanged";
		await tx.query(
			"UPDATE connection SET settings = settings || jsonb_build_object('stockTolerance', $3::int), updated_at = now() WHERE shop_id = $1 AND id = $2",
			[shopId, connectionId, units],
		);
		const entry = { actor, action: "check.tolerance_changed", subject: String(connectionId) };
		await recordAudit(tx, shopId, { ...entry, before: { units: before }, after: { units } });
		return "changed";
	});
}
