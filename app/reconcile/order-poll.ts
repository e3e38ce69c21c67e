import { createHash } from "node:crypto";
import { ChannelError } from "#app/channels/errors.ts";
import { type Deps, openClient } from "#connections";
import { appendEvents } from "#inbox";

/** Asked for again at each poll: a channel's search lags its writes, and a page may miss what changes while it is read. */
const OVERLAP_MS = 300_000;
/** What changed in the last moments is left to the webhooks; the next poll brings it if they do not. */
const SETTLE_MS = 30_000;

export type PollOutcome =
	| { outcome: "polled"; orders: number; fresh: number; watermark: string }
	/** Nothing counts yet (no cut), or the connection is closed. */
	| { outcome: "not-yet" }
	| { outcome: "failed"; error: ChannelError };

/**
 * Reads the orders that changed since the watermark and puts their states into the inbox: what webhooks brought already is the
 * same state and changes nothing (R24). The watermark moves only after everything before it is durable; a killed poll is read
 * again from the same place. Two polls at once bring the same states, whose keys stop the second.
 */
export async function pollOrders(deps: Deps, shopId: number, connectionId: number): Promise<PollOutcome> {
	const { connection, client } = await openClient(deps, shopId, connectionId);
	const from = connection.orderWatermark ?? connection.cutAt;
	if (!from) {
		await client.close();
		return { outcome: "not-yet" };
	}
	const since = new Date(from.getTime() - OVERLAP_MS);
	let orders = 0;
	let fresh = 0;
	let until: number | null = null;
	try {
		for await (const page of client.listOrders({ since: since.toISOString() })) {
			// The first page's clock: everything that changed before it was asked for is in this or a later page.
			until ??= Date.parse(page.channelTime) - SETTLE_MS;
			const settled = page.orders.filter((order) => Date.parse(order.stamp) <= (until as number));
			const { inserted } = await appendEvents(
				deps.pool,
				settled.map((order) => ({
					shopId,
					connectionId,
					topic: "order.poll",
					source: "poll" as const,
					payload: null,
					event: order,
					deliveryKey: `poll:${order.orderId}:${createHash("sha256").update(`${order.stamp}\n${order.contentHash}`).digest("hex").slice(0, 32)}`,
					correlationId: `poll-${connectionId}-${order.orderId}`,
					occurredAt: order.stamp,
				})),
			);
			// One order that does not fit is parked by itself, once per content; the others and the watermark go on.
			await appendEvents(
				deps.pool,
				(page.unreadable ?? []).map(({ orderId, payload, error }) => ({
					shopId,
					connectionId,
					topic: "order.poll",
					source: "poll" as const,
					payload,
					event: null,
					deliveryKey: `poll:${orderId}:unreadable:${createHash("sha256").update(JSON.stringify(payload)).digest("hex").slice(0, 32)}`,
					correlationId: `poll-${connectionId}-${orderId}`,
					occurredAt: null,
					status: "parked" as const,
					outcome: error.errorClass,
					error: error.message,
				})),
			);
			orders += settled.length;
			fresh += inserted;
		}
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		await deps.pool.query(
			"INSERT INTO order_poll (shop_id, connection_id, from_at, to_at, orders, error) VALUES ($1, $2, $3, $3, $4, $5)",
			[shopId, connectionId, since, orders, error.message],
		);
		return { outcome: "failed", error };
	} finally {
		await client.close();
	}
	const watermark = new Date(Math.max(from.getTime(), until ?? 0));
	await appendEvents(deps.pool, [
		{
			shopId,
			connectionId,
			topic: "orders.watermark",
			source: "app",
			payload: null,
			event: { v: 1, type: "orders.watermark", watermark: watermark.toISOString() },
			deliveryKey: null,
			correlationId: `poll-${connectionId}`,
			occurredAt: null,
		},
	]);
	await deps.pool.query(
		`WITH moved AS (UPDATE connection SET order_watermark = greatest(order_watermark, $3), polled_at = now() WHERE shop_id = $1 AND id = $2)
		 INSERT INTO order_poll (shop_id, connection_id, from_at, to_at, orders) VALUES ($1, $2, $4, $3, $5)`,
		[shopId, connectionId, watermark, since, orders],
	);
	deps.wake("apply.drain", { shopId });
	return { outcome: "polled", orders, fresh, watermark: watermark.toISOString() };
}

/** Order states that only a poll brought (the webhook never came, or came after it): what webhooks missed. */
export async function countFoundByPoll(pool: Deps["pool"], shopId: number, connectionId: number, since: Date): Promise<number> {
	const result = await pool.query(
		`SELECT count(*)::int AS found FROM inbox_event WHERE shop_id = $1 AND connection_id = $2 AND received_at >= $3
		   AND source = 'poll' AND status = 'processed' AND outcome IN ('first', 'newer', 'baseline')`,
		[shopId, connectionId, since],
	);
	return result.rows[0].found;
}
