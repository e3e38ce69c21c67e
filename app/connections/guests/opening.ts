import { createHash } from "node:crypto";
import { appendEvents } from "#inbox";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";
import { openClient } from "../open-client.ts";
import { ensureWebhooks } from "./webhooks.ts";

/** Orders that changed in these days are read at the start, so that a later cancellation of one is a difference, not a surprise. */
const BASELINE_DAYS = 60;

export type WatchOutcome = { outcome: "watching"; baselineOrders: number } | { outcome: "failed"; reason: string };

/**
 * Starts counting: webhooks first, then the cut on the channel's own clock, then the open orders as baseline. In watch mode
 * everything is computed and recorded and nothing is written (R42). Until here the connection's events waited; now they are
 * drained, and what is older than the cut is baseline, however it comes (R44). Run again after a crash, it starts anew with a
 * later cut only if the first run had not set one.
 */
export async function startWatching(deps: Deps & { publicUrl: string }, shopId: number, connectionId: number, actor: string): Promise<WatchOutcome> {
	const webhooks = await ensureWebhooks(deps, shopId, connectionId);
	if (webhooks.outcome === "failed") return { outcome: "failed", reason: webhooks.error.message };
	const { client, channel } = await openClient(deps, shopId, connectionId);
	let orders = 0;
	try {
		const { channelTime } = await client.readStock([]);
		const cut = await deps.pool.query("UPDATE connection SET cut_at = coalesce(cut_at, $3) WHERE shop_id = $1 AND id = $2 RETURNING cut_at", [shopId, connectionId, channelTime]);
		const cutAt: Date = cut.rows[0].cut_at;
		const since = new Date(cutAt.getTime() - BASELINE_DAYS * 86_400_000).toISOString();
		for await (const page of client.listOrders({ since })) {
			orders += page.orders.length;
			await appendEvents(
				deps.pool,
				page.orders.map((order) => ({
					shopId,
					connectionId,
					topic: "order.baseline",
					source: "import" as const,
					payload: null,
					event: order,
					deliveryKey: `baseline:${order.orderId}:${createHash("sha256").update(`${order.stamp}${order.contentHash}`).digest("hex").slice(0, 32)}`,
					correlationId: `baseline-${connectionId}`,
					occurredAt: order.stamp,
				})),
			);
		}
		await deps.pool.query(
			`UPDATE connection SET state = 'watching', order_watermark = coalesce(order_watermark, cut_at), polled_at = now(), updated_at = now()
			 WHERE shop_id = $1 AND id = $2 AND state = 'connecting'`,
			[shopId, connectionId],
		);
	} finally {
		await client.close();
	}
	await recordAudit(deps.pool, shopId, { actor, action: "connection.watching", subject: String(connectionId), after: { channel: channel.id, baselineOrders: orders } });
	deps.wake("apply.drain", { shopId });
	return { outcome: "watching", baselineOrders: orders };
}
