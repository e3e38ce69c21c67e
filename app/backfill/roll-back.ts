import { recordAudit } from "#app/connections/audit.ts";
import { transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "#connections";
import type { Asked } from "./begin.ts";
import { askForBulkUndo } from "./undo.ts";

export type RolledBack =
	| Asked
	/** It is under way: what is on its way comes to its end first, and then what was done is taken back. */
	| { outcome: "ending" };

/**
 * Takes a change back, whether it is over or under way, in one word. One that is under way is ended by it, as if the rest had been cancelled;
 * the change that takes it back begins in the transaction in which it comes to its end (finish.ts), so that whoever dies in between has
 * done either both or neither. Pressed twice, before the end or after it, it is taken back once.
 */
export async function rollBackBulk(
	deps: Deps,
	shopId: number,
	{ changeId, actor }: { changeId: number; actor: string },
): Promise<RolledBack> {
	const isUnderWay = await transactionWithRetry(deps.pool, async (tx) => {
		const { rows } = await tx.query<{ name: string; said: boolean }>(
			`SELECT name, roll_back_by IS NOT NULL AS said FROM bulk_change
			 WHERE shop_id = $1 AND id = $2 AND source IN ('rule', 'file') AND confirmed_at IS NOT NULL AND done_at IS NULL FOR UPDATE`,
			[shopId, changeId],
		);
		const [change] = rows;
		if (!change) return false;
		if (change.said) return true;
		await tx.query(
			`UPDATE bulk_change SET roll_back_by = $3, cancelled_at = coalesce(cancelled_at, clock_timestamp()), stopped_at = NULL
			 WHERE shop_id = $1 AND id = $2`,
			[shopId, changeId, actor],
		);
		const after = { name: change.name, rollBack: true };
		await recordAudit(tx, shopId, { actor, action: "bulk.cancelled", subject: String(changeId), after });
		return true;
	});
	if (!isUnderWay) return askForBulkUndo(deps, shopId, { changeId, actor });
	await deps.wake("backfill.run", { shopId });
	return { outcome: "ending" };
}
