import type { PoolClient } from "pg";

/**
 * The first statement of every apply transaction: the shop's lane row. Whoever holds it is the only one who applies anything
 * for this shop; every read comes after it, so it sees what the holder before committed. Another drain waits here (bounded by
 * lock_timeout) rather than leaving: an event that arrives while the holder finishes would otherwise wait for the sweeper.
 */
export async function lockLane(tx: PoolClient, shopId: number): Promise<{ now: number; installed: boolean; importing: boolean } | null> {
	const lane = await tx.query("SELECT 1 FROM shop_lane WHERE shop_id = $1 FOR UPDATE", [shopId]);
	if (lane.rowCount === 0) return null;
	const shop = await tx.query("SELECT state, import_state, clock_timestamp() AS now FROM shop WHERE id = $1", [shopId]);
	const row = shop.rows[0];
	return { now: row.now.getTime(), installed: row.state === "installed", importing: row.import_state !== "done" };
}
