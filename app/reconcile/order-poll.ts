import { ChannelError } from "#app/channels/errors.ts";
import { toInboxRows } from "#app/connections/order-events.ts";
import { type Deps, noteRefusal, openClient } from "#connections";
import { appendEvents } from "#inbox";
import { POLLED, POLLED_RECENT } from "./found-by-poll.ts";

/** Asked for again at each poll: a channel's search lags its writes, and a page may miss what changes while it is read. */
const OVERLAP_MS = 300_000;
/**
 * The watermark stays so far behind the channel's clock: a change of the last moments may not be in its list yet.
 */
const SETTLE_MS = 30_000;

export type PollOutcome =
	/** `fresh`: states that no poll had brought before. */
	| { outcome: "polled"; orders: number; fresh: number; watermark: string }
	/** Nothing counts yet (no cut). */
	| { outcome: "not-yet" }
	| { outcome: "failed"; error: ChannelError };

/**
 * Reads the orders that changed since the watermark and puts their states into the inbox: what webhooks brought already is the
 * same state and changes nothing (R24). The watermark moves only after everything before it is durable. Where the channel lists by
 * time of change, how far the list came is kept page by page, and a poll that was broken off goes on there: after days without the
 * app not even an hourly restart keeps it from its end. Two polls at once bring the same states, whose keys stop the second.
 */
export async function pollOrders(deps: Deps, shopId: number, connectionId: number): Promise<PollOutcome> {
	const { connection, client } = await openClient(deps, shopId, connectionId);
	const from = connection.orderWatermark ?? connection.cutAt;
	if (!from) {
		await client.close();
		return { outcome: "not-yet" };
	}
	const since = new Date(from.getTime() - OVERLAP_MS);
	const goOnFrom = whereToGoOn(connection.pollBroken, since);
	const read = { orders: 0, fresh: 0 };
	let settledUntil: number | undefined;
	try {
		for await (const page of client.listOrders({ since: since.toISOString(), ...(goOnFrom ? { goOnFrom } : {}) })) {
			// The first page's clock: everything that changed before it was asked for is in this or a later page.
			settledUntil ??= Date.parse(page.channelTime) - SETTLE_MS;
			const until = settledUntil;
			const rows = toInboxRows(page, {
				shopId,
				connectionId,
				source: "poll",
				name: "poll",
				topic: ({ stamp }) => (Date.parse(stamp) <= until ? POLLED : POLLED_RECENT),
			});
			const { outcomes } = await appendEvents(deps.pool, rows);
			read.orders += page.orders.length;
			read.fresh += outcomes.filter((outcome, index) => outcome === "inserted" && index < page.orders.length).length;
			if (page.reached !== undefined) await saveReached(deps, { shopId, connectionId, since, reached: page.reached });
		}
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		await recordFailure(deps, { shopId, connectionId, since, orders: read.orders, error });
		// What came before the failure is in the inbox and need not wait for the next poll.
		if (read.fresh > 0) await deps.wake("apply.drain", { shopId });
		return { outcome: "failed", error };
	} finally {
		await client.close();
	}
	const watermark = new Date(Math.max(from.getTime(), settledUntil ?? 0));
	await moveWatermark(deps, { shopId, connectionId, since, watermark, orders: read.orders });
	await deps.wake("apply.drain", { shopId });
	return { outcome: "polled", ...read, watermark: watermark.toISOString() };
}

/**
 * With the same overlap as any poll. What a poll with a later bound reached says nothing of what this one begins with.
 */
function whereToGoOn(broken: { since: Date; reached: Date } | null, since: Date): string | null {
	if (broken === null || broken.since > since) return null;
	const from = broken.reached.getTime() - OVERLAP_MS;
	return from > since.getTime() ? new Date(from).toISOString() : null;
}

/** After what it speaks of is in the inbox. Of two polls at once either may have the last word: both are true. */
async function saveReached(
	deps: Deps,
	{ shopId, connectionId, since, reached }: { shopId: number; connectionId: number; since: Date; reached: string },
): Promise<void> {
	await deps.pool.query("UPDATE connection SET poll_since = $3, poll_reached = $4 WHERE shop_id = $1 AND id = $2", [
		shopId,
		connectionId,
		since,
		reached,
	]);
}

type Polled = { shopId: number; connectionId: number; since: Date; orders: number };

/** The event first: the drain sees the watermark behind every order that it speaks of. Killed between, the next poll says it again. */
async function moveWatermark(deps: Deps, { shopId, connectionId, since, watermark, orders }: Polled & { watermark: Date }): Promise<void> {
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
		`WITH moved AS (UPDATE connection SET order_watermark = greatest(order_watermark, $3), polled_at = now(), poll_since = NULL, poll_reached = NULL WHERE shop_id = $1 AND id = $2)
		 INSERT INTO order_poll (shop_id, connection_id, from_at, to_at, orders) VALUES ($1, $2, $4, $3, $5)`,
		[shopId, connectionId, watermark, since, orders],
	);
}

/** The sweeper asks again within a minute, since `polled_at` has not moved. */
async function recordFailure(deps: Deps, { shopId, connectionId, since, orders, error }: Polled & { error: ChannelError }): Promise<void> {
	deps.log.warn({ shopId, connectionId, err: error }, "orders.not_polled");
	await deps.pool.query("INSERT INTO order_poll (shop_id, connection_id, from_at, to_at, orders, error) VALUES ($1, $2, $3, $3, $4, $5)", [
		shopId,
		connectionId,
		since,
		orders,
		error.message,
	]);
	if (error.errorClass === "credentials") await noteRefusal(deps.pool, shopId, connectionId, error.message);
}
