import { recordAudit } from "#app/connections/audit.ts";
import { transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { requestFetch } from "#inbox";

/**
 * The channel is asked for the order as it is now; the answer counts like any other message of it. Pressed twice it is one question.
 * closed: the channel is disconnected, or this shop has no such order.
 */
export async function readAgain(
	deps: Deps,
	shopId: number,
	{ channelId, orderId, actor }: { channelId: number; orderId: string; actor: string },
): Promise<"asked" | "closed"> {
	const asked = await transactionWithRetry(deps.pool, async (tx) => {
		const { rows } = await tx.query<{ name: string }>(
			`SELECT o.name FROM sales_order o JOIN connection c ON c.shop_id = o.shop_id AND c.id = o.connection_id AND c.state <> 'disconnected'
			 WHERE o.shop_id = $1 AND o.connection_id = $2 AND o.order_id = $3`,
			[shopId, channelId, orderId],
		);
		const [order] = rows;
		if (!order) return false;
		const correlationId = `read-again:${channelId}:${orderId}`;
		await requestFetch(tx, [
			{ shopId, connectionId: channelId, kind: "order", externalId: orderId, reason: "asked for by hand", correlationId },
		]);
		await recordAudit(tx, shopId, { actor, action: "order.read_again", subject: String(channelId), after: { orderId, name: order.name } });
		return true;
	});
	if (!asked) return "closed";
	await deps.wake("ingest.fetch", { shopId, connectionId: channelId });
	return "asked";
}
