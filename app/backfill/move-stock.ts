import { type Client, type Pool, transactionWithRetry } from "#app/db.server.ts";
import { appendEvents } from "#inbox";

type Place = { shopId: number; changeId: number };

/**
 * The next lines that move stock, as messages in the inbox: that they are there and that their lines know it is one transaction. So many
 * at once and no more: a sale that comes now is applied behind one such batch at the most. Returns how many were sent.
 */
export async function sendQuantities(pool: Pool, { shopId, changeId }: Place, limit: number): Promise<number> {
	return transactionWithRetry(pool, async (tx) => {
		const mine = await tx.query<{ home: number }>(
			`SELECT c.id AS home FROM bulk_change b JOIN connection c ON c.shop_id = b.shop_id AND c.is_home
			 WHERE b.shop_id = $1 AND b.id = $2 AND b.done_at IS NULL AND b.stopped_at IS NULL AND b.cancelled_at IS NULL
			   AND NOT EXISTS (SELECT FROM bulk_change_quantity q WHERE q.shop_id = b.shop_id AND q.change_id = b.id AND q.state = 'sent')
			 FOR UPDATE OF b`,
			[shopId, changeId],
		);
		const home = mine.rows[0]?.home;
		if (home === undefined) return 0;
		const lines = await tx.query<{ itemId: number; locationId: number; units: number; gone: boolean }>(
			`SELECT q.item_id AS "itemId", q.location_id AS "locationId", q.units, i.id IS NULL AS gone FROM bulk_change_quantity q
			   LEFT JOIN item i ON i.shop_id = q.shop_id AND i.id = q.item_id AND i.deleted_at IS NULL
			  WHERE q.shop_id = $1 AND q.change_id = $2 AND q.state = 'waiting' ORDER BY q.item_id, q.location_id LIMIT $3`,
			[shopId, changeId, limit],
		);
		await mark(tx, { shopId, changeId }, lines.rows);
		await appendEvents(
			tx,
			lines.rows
				.filter(({ gone }) => !gone)
				.map(({ itemId, locationId, units }) => ({
					...{ shopId, connectionId: home, topic: "stock.edit", source: "app" as const, payload: null, occurredAt: null },
					event: { v: 1, type: "stock.edit", changeId, itemId, locationId, units },
					// The line itself says whether it was moved.
					deliveryKey: null,
					correlationId: correlationOf(changeId),
				})),
		);
		return lines.rows.length;
	});
}

/** By this a movement of the ledger names the change. */
export const correlationOf = (changeId: number): string => `bulk:${changeId}`;

type Sent = { itemId: number; locationId: number; gone: boolean };

/** Of a product that was deleted meanwhile there is nothing to move. */
async function mark(tx: Client, { shopId, changeId }: Place, lines: readonly Sent[]): Promise<void> {
	await tx.query(
		`UPDATE bulk_change_quantity q SET state = CASE WHEN r.gone THEN 'moved' ELSE 'sent' END, made = CASE WHEN r.gone THEN 0 END
		 FROM unnest($3::bigint[], $4::bigint[], $5::boolean[]) AS r(item_id, location_id, gone)
		 WHERE q.shop_id = $1 AND q.change_id = $2 AND q.item_id = r.item_id AND q.location_id = r.location_id`,
		[shopId, changeId, lines.map((l) => l.itemId), lines.map((l) => l.locationId), lines.map((l) => l.gone)],
	);
}

/** What apply has moved since is added to the change's figures. Returns how many lines that were. */
export async function countMoved(pool: Pool, { shopId, changeId }: Place): Promise<number> {
	return transactionWithRetry(pool, async (tx) => {
		await tx.query("SELECT FROM bulk_change WHERE shop_id = $1 AND id = $2 FOR UPDATE", [shopId, changeId]);
		const { rows } = await tx.query<{ lines: number }>(
			`WITH moved AS (
			   UPDATE bulk_change_quantity SET state = 'done' WHERE shop_id = $1 AND change_id = $2 AND state = 'moved' RETURNING units, made
			 ), sums AS (
			   SELECT count(*)::int AS lines, count(*) FILTER (WHERE made <> 0)::int AS changed, coalesce(sum(greatest(made, 0)), 0) AS up,
			     coalesce(sum(greatest(-made, 0)), 0) AS down, coalesce(sum(abs(units) - abs(made)), 0) AS missing FROM moved
			 ), noted AS (
			   UPDATE bulk_change b SET done = done + s.lines, changed = b.changed + s.changed, units_up = units_up + s.up,
			     units_down = units_down + s.down, units_missing = units_missing + s.missing
			   FROM sums s WHERE b.shop_id = $1 AND b.id = $2 AND s.lines > 0
			 )
			 SELECT lines FROM sums`,
			[shopId, changeId],
		);
		return rows[0]?.lines ?? 0;
	});
}

/**
 * Lines that were sent and that no message of the inbox speaks of any more: it could not be applied and was set aside, where a person
 * finds it. Nothing of them was moved. Looked for only after a drain that left nothing. Returns whether any are still on their way.
 */
export async function giveUpParked(pool: Pool, { shopId, changeId }: Place): Promise<"none" | "on their way"> {
	return transactionWithRetry(pool, async (tx) => {
		// Nobody sends another batch between the look and the mark.
		await tx.query("SELECT FROM bulk_change WHERE shop_id = $1 AND id = $2 FOR UPDATE", [shopId, changeId]);
		const pending = await tx.query(
			"SELECT FROM inbox_event WHERE shop_id = $1 AND lane = 'stock' AND status = 'pending' AND topic = 'stock.edit' LIMIT 1",
			[shopId],
		);
		if ((pending.rowCount ?? 0) > 0) return "on their way";
		await tx.query("UPDATE bulk_change_quantity SET state = 'moved', made = 0 WHERE shop_id = $1 AND change_id = $2 AND state = 'sent'", [
			shopId,
			changeId,
		]);
		return "none";
	});
}

/** Lines whose turn has not come when a change is cancelled stay as they are; so many in one transaction. */
const LEFT_MAX = 5_000;

export async function leaveRest(pool: Pool, { shopId, changeId }: Place): Promise<number> {
	let left = 0;
	for (const [table, key] of [
		["bulk_change_line", "listing_id"],
		["bulk_change_quantity", "item_id, location_id"],
	] as const) {
		const { rowCount } = await pool.query(
			`UPDATE ${table} SET state = 'left' WHERE shop_id = $1 AND change_id = $2 AND (${key}) IN (
			   SELECT ${key} FROM ${table} WHERE shop_id = $1 AND change_id = $2 AND state = 'waiting' ORDER BY ${key} LIMIT $3) AND state = 'waiting'`,
			[shopId, changeId, LEFT_MAX],
		);
		left += rowCount ?? 0;
	}
	return left;
}
