import { transactionWithRetry } from "#app/db.server.ts";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";

/** Minutes between two regular readings of a channel's orders that a merchant can choose (R24). */
export const POLL_MINUTES = [5, 10, 15, 30, 60] as const;

/** unchanged: it stands so already. unknown: the shop has no such channel. */
export type PollingChange = { outcome: "changed" | "unchanged" | "unknown" };

/** How often a channel's orders are read beside what it reports by itself; null: as usual. It counts from the last reading on. */
export async function changePolling(
	deps: Deps,
	shopId: number,
	connectionId: number,
	{ minutes, actor }: { minutes: number | null; actor: string },
): Promise<PollingChange> {
	if (minutes !== null && !POLL_MINUTES.some((choice) => choice === minutes))
		throw new RangeError(`Orders cannot be read every ${minutes} minutes`);
	return transactionWithRetry(deps.pool, async (tx) => {
		const { rows } = await tx.query<{ minutes: number | null }>(
			"SELECT poll_minutes AS minutes FROM connection WHERE shop_id = $1 AND id = $2 AND state <> 'disconnected' AND NOT is_home FOR UPDATE",
			[shopId, connectionId],
		);
		const [before] = rows;
		if (!before) return { outcome: "unknown" };
		if (before.minutes === minutes) return { outcome: "unchanged" };
		await tx.query("UPDATE connection SET poll_minutes = $3, updated_at = now() WHERE shop_id = $1 AND id = $2", [
			shopId,
			connectionId,
			minutes,
		]);
		await recordAudit(tx, shopId, { actor, action: "polling.changed", subject: String(connectionId), before, after: { minutes } });
		return { outcome: "changed" };
	});
}
