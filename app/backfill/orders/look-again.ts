import type { Deps } from "#connections";

/**
 * A draft of a channel's orders is looked at anew: the channel could not be read, or the person wants to know what is missing now. False:
 * it was confirmed or put away, is being looked at, is of another kind, or the shop has none of that number.
 */
export async function lookAgain(deps: Deps, shopId: number, changeId: number): Promise<boolean> {
	const { rowCount } = await deps.pool.query(
		`UPDATE bulk_change SET refusal = NULL, read_at = NULL, summary = NULL, total = 0, read_records = 0
		 WHERE shop_id = $1 AND id = $2 AND source = 'orders' AND confirmed_at IS NULL AND (read_at IS NOT NULL OR refusal IS NOT NULL)`,
		[shopId, changeId],
	);
	if ((rowCount ?? 0) === 0) return false;
	await deps.wake("backfill.run", { shopId });
	return true;
}
