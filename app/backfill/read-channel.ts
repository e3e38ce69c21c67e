import { toInboxRows } from "#app/connections/order-events.ts";
import { type Pool, transactionWithRetry } from "#app/db.server.ts";
import { type Deps, openClient } from "#connections";
import { appendEvents } from "#inbox";
import { sayFailure } from "./channel-failure.ts";

type Place = { shopId: number; changeId: number };
export type ChannelWork = Place & { connectionId: number; since: Date };

/**
 * Reads the orders that changed since a moment once more and puts their states into the inbox, as the regular poll does and under its
 * keys: what is known already is stopped there, so an order counts once however often it is read, and one from before the connection's
 * cut stays what it is. Page by page; killed anywhere, it begins again and its keys stop what was read. Where the channel fails, the
 * change stops with the reason, and a person lets it go on.
 */
export async function readOrdersAgain(deps: Deps, { shopId, changeId, connectionId, since }: ChannelWork): Promise<"read" | "stopped"> {
	let orders = 0;
	try {
		const { client } = await openClient(deps, shopId, connectionId);
		try {
			for await (const page of client.listOrders({ since: since.toISOString() })) {
				const topic = () => "order.poll-again";
				await appendEvents(deps.pool, toInboxRows(page, { shopId, connectionId, source: "poll", name: "poll", topic }));
				orders += page.orders.length;
				const { rowCount } = await deps.pool.query(
					"UPDATE bulk_change SET done = $3 WHERE shop_id = $1 AND id = $2 AND done_at IS NULL AND stopped_at IS NULL AND cancelled_at IS NULL",
					[shopId, changeId, orders],
				);
				await deps.wake("apply.drain", { shopId });
				if (rowCount === 0) return "stopped";
			}
		} finally {
			await client.close();
		}
	} catch (error) {
		const reason = await sayFailure(deps, { shopId, connectionId }, error);
		// Of a shop that has uninstalled the app meanwhile nothing is said: it goes on when the app comes back.
		await deps.pool.query(
			`UPDATE bulk_change b SET stopped_at = clock_timestamp(), refusal = $3 FROM shop s
			 WHERE b.shop_id = $1 AND b.id = $2 AND b.done_at IS NULL AND b.cancelled_at IS NULL AND s.id = b.shop_id AND s.state = 'installed'`,
			[shopId, changeId, reason],
		);
		return "stopped";
	}
	await deps.pool.query("UPDATE bulk_change SET done = $3, total = $3, changed = $3 WHERE shop_id = $1 AND id = $2 AND done_at IS NULL", [
		shopId,
		changeId,
		orders,
	]);
	return "read";
}

/** The next listings of a channel that is read again are marked to be looked at. Returns how many. */
export async function markToRead(pool: Pool, { shopId, changeId }: Place, limit: number): Promise<number> {
	return transactionWithRetry(pool, async (tx) => {
		const mine = await tx.query(
			"SELECT FROM bulk_change WHERE shop_id = $1 AND id = $2 AND done_at IS NULL AND stopped_at IS NULL AND cancelled_at IS NULL FOR UPDATE",
			[shopId, changeId],
		);
		if (mine.rowCount === 0) return 0;
		const lines = await tx.query<{ listing_id: number }>(
			"SELECT listing_id FROM bulk_change_line WHERE shop_id = $1 AND change_id = $2 AND state = 'waiting' ORDER BY listing_id LIMIT $3",
			[shopId, changeId, limit],
		);
		const ids = lines.rows.map(({ listing_id }) => listing_id);
		// As the regular check marks them (reconcile/compare.ts); what waits already is read anyway.
		await tx.query(
			`UPDATE listing l SET dirty_since = now(), updated_at = now()
			 FROM (SELECT id FROM listing WHERE shop_id = $1 AND id = ANY($2::bigint[]) AND link_state = 'linked' AND desired IS NOT NULL
			     AND NOT parked AND NOT paused AND dirty_since IS NULL ORDER BY id FOR UPDATE) these
			 WHERE l.shop_id = $1 AND l.id = these.id`,
			[shopId, ids],
		);
		await tx.query("UPDATE bulk_change_line SET state = 'done' WHERE shop_id = $1 AND change_id = $2 AND listing_id = ANY($3::bigint[])", [
			shopId,
			changeId,
			ids,
		]);
		await tx.query("UPDATE bulk_change SET done = done + $3, changed = changed + $3 WHERE shop_id = $1 AND id = $2", [
			shopId,
			changeId,
			ids.length,
		]);
		return ids.length;
	});
}
