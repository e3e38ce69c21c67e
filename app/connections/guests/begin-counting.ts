import type { Client } from "#app/db.server.ts";
import { requestFetch } from "#inbox";

export type Cut = { shopId: number; connectionId: number; cut: string; readFrom: string; readThrough: number; strict: boolean };

export type BeginOutcome =
	| { outcome: "begun"; baselineOrders: number }
	/** Orders at the very edge of the cut: what they were before it is not known, or they counted already. A later cut is asked for. */
	| { outcome: "doubtful"; orders: number }
	/** The connection counts already, or is gone. */
	| { outcome: "not-connecting" };

/**
 * Sets the cut and lets the connection's events be applied, all in the caller's transaction; until its commit nothing of the
 * connection counts. Of an order from before the cut exactly one state from before the cut is left, the newest: it becomes the
 * baseline, and what the order became after the cut is a difference (R44). An earlier state would make a difference of
 * what happened before the cut.
 *
 * `cut`: channel's clock, a multiple of its resolution, so that "stamp < cut" says exactly "changed before the cut".
 * `readFrom`: channel's clock when the reading began. `readThrough`: the last inbox row that was written before the cut was taken.
 * `strict`: also an order that is known from before the cut and has changed since makes it doubtful, for it may have changed on
 * both sides of it.
 */
export async function beginCounting(tx: Client, { shopId, connectionId, cut, readFrom, readThrough, strict }: Cut): Promise<BeginOutcome> {
	const locked = await tx.query("SELECT FROM connection WHERE shop_id = $1 AND id = $2 AND state = 'connecting' FOR UPDATE", [
		shopId,
		connectionId,
	]);
	if (locked.rowCount === 0) return { outcome: "not-connecting" };
	const former = await tx.query<{ orders: number }>(countedBeforeStatement, [shopId, connectionId, cut]);
	if ((former.rows[0]?.orders ?? 0) > 0) return { outcome: "doubtful", orders: former.rows[0]?.orders ?? 0 };
	const doubtful = await tx.query<{ orders: number }>(doubtfulStatement, [shopId, connectionId, cut, readFrom, readThrough, strict]);
	const orders = doubtful.rows[0]?.orders ?? 0;
	if (orders > 0) return { outcome: "doubtful", orders };

	const settled = await tx.query<{ order_id: string; verdict: "kept" | "superseded" | "overtaken" }>(settleStatement, [
		shopId,
		connectionId,
		cut,
	]);
	const overtaken = settled.rows.filter(({ verdict }) => verdict === "overtaken").map(({ order_id }) => order_id);
	await requestFetch(
		tx,
		[...new Set(overtaken)].map((externalId) => ({
			shopId,
			connectionId,
			kind: "order" as const,
			externalId,
			reason: "changed while the connection began",
			correlationId: `opening-${connectionId}-${externalId}`,
		})),
	);
	await tx.query(
		`UPDATE connection SET state = 'watching', cut_at = $3, order_watermark = $3, polled_at = now(), updated_at = now()
		 WHERE shop_id = $1 AND id = $2`,
		[shopId, connectionId, cut],
	);
	return { outcome: "begun", baselineOrders: settled.rows.filter(({ verdict }) => verdict === "kept").length };
}

/** What a former connection of the same account has counted never counts a second time: the cut lies behind it. */
const countedBeforeStatement = `
SELECT count(*)::int AS orders FROM connection mine
JOIN connection former ON former.shop_id = mine.shop_id AND former.channel = mine.channel AND former.account = mine.account AND former.id <> mine.id
JOIN sales_order o ON o.shop_id = former.shop_id AND o.connection_id = former.id AND o.created_on_channel_at >= $3
WHERE mine.shop_id = $1 AND mine.id = $2`;

/** States of orders from before the cut that wait, and per order the newest one from before the cut (of equal stamps the last read). */
const WAITING = `
WITH waiting AS (
  SELECT id, source, event->>'orderId' AS order_id, (event->>'createdAt')::timestamptz AS created, (event->>'stamp')::timestamptz AS stamp
  FROM inbox_event
  WHERE shop_id = $1 AND connection_id = $2 AND lane = 'stock' AND status = 'pending' AND event->>'type' = 'order.snapshot'
    AND (event->>'createdAt')::timestamptz < $3
), kept AS (
  SELECT DISTINCT ON (order_id) order_id, id FROM waiting WHERE stamp < $3 ORDER BY order_id, stamp DESC, id DESC
)`;

/**
 * Stamped after the cut, and no state from before it is known: read by us just before the cut was taken, or placed since the
 * reading began (a basket that was paid for at that moment). Older ones that changed for the first time in weeks are not meant: of
 * those nobody can know more.
 */
const doubtfulStatement = `${WAITING}
SELECT count(DISTINCT order_id)::int AS orders FROM waiting
WHERE stamp >= $3 AND CASE WHEN order_id IN (SELECT order_id FROM kept) THEN $6
  ELSE created >= $4 OR (source IN ('import', 'poll') AND id <= $5) END`;

/**
 * kept: the baseline; expected, whichever way it came. superseded: an older state of it. overtaken: a state from after the cut
 * that stands before the baseline in the inbox and would take its place; the order is read once more instead.
 */
const settleStatement = `${WAITING}, verdict AS (
  SELECT w.id, w.order_id,
    CASE WHEN w.id = k.id THEN 'kept' WHEN w.stamp < $3 THEN 'superseded' WHEN w.id < k.id THEN 'overtaken' END AS verdict
  FROM waiting w JOIN kept k ON k.order_id = w.order_id
)
UPDATE inbox_event e SET
  source = CASE v.verdict WHEN 'kept' THEN 'import' ELSE e.source END,
  status = CASE v.verdict WHEN 'kept' THEN e.status ELSE 'ignored' END,
  outcome = CASE v.verdict WHEN 'superseded' THEN 'from before the cut' WHEN 'overtaken' THEN 'look-again' ELSE e.outcome END,
  processed_at = CASE v.verdict WHEN 'kept' THEN e.processed_at ELSE clock_timestamp() END
FROM verdict v
WHERE e.shop_id = $1 AND e.connection_id = $2 AND e.id = v.id AND v.verdict IS NOT NULL
RETURNING v.order_id, v.verdict`;
