import type { Queryable } from "#app/db.server.ts";

/**
 * "These 50 first": the connection is live, and every listing that was not chosen is paused for this reason. A merchant's own
 * pauses have other reasons and outlive it.
 */
export const NOT_LIVE_YET = "not live yet";

/** The connection's row is locked against going live with the rest at this very moment: whoever asks acts on the answer. */
export async function isPartlyLive(tx: Queryable, shopId: number, connectionId: number): Promise<boolean> {
	await tx.query("SELECT FROM connection WHERE shop_id = $1 AND id = $2 FOR SHARE", [shopId, connectionId]);
	const { rows } = await tx.query<{ live_scope: string }>(
		"SELECT live_scope FROM connection_setup WHERE shop_id = $1 AND connection_id = $2",
		[shopId, connectionId],
	);
	return rows[0]?.live_scope === "some";
}
