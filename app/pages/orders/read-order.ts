import { type Pool, transaction } from "#app/db.server.ts";
import { readShopMap } from "../shop/read-channels.ts";
import type { OrderLineView, OrderMessage, OrderMove, OrderPage } from "./orders.ts";
import { type FoundOrder, orderColumns, toOrderRow } from "./read-orders.ts";

/** Orders of more lines are wholesale's; those past it are counted and not listed. */
const LINES_MAX = 500;
const MOVES_MAX = 200;
const MESSAGES_MAX = 50;

type LineRow = {
	line_id: string;
	item_id: number | null;
	sku: string | null;
	title: string | null;
	external_ref: string | null;
	held: number;
	baseline: number;
};
type AllocationRow = { line_id: string; location: string; sku: string | null; quantity: number; short: number };

/** One order: was it taken, when, and what did each line do. null: the shop has no such order. */
export async function readOrder(pool: Pool, shopId: number, key: { channelId: number; orderId: string }): Promise<OrderPage | null> {
	return transaction(
		pool,
		async (client) => {
			const values = [shopId, key.channelId, key.orderId];
			const found = await client.query<FoundOrder & { first_source: string; as_of: Date; oversell_id: number | null }>(
				`SELECT ${orderColumns}, o.first_source, now() AS as_of,
				   (SELECT min(s.id) FROM oversell s WHERE s.shop_id = o.shop_id AND s.connection_id = o.connection_id AND s.order_id = o.order_id AND s.order_id <> '') AS oversell_id FROM sales_order o
				  WHERE o.shop_id = $1 AND o.connection_id = $2 AND o.order_id = $3`,
				values,
			);
			const order = found.rows[0];
			if (!order) return null;
			const lines = await client.query<LineRow>(
				`SELECT l.line_id, l.item_id, coalesce(i.sku, li.sku) AS sku, coalesce(i.title, li.title) AS title, l.external_ref, l.held, l.baseline
				   FROM order_line l
				   LEFT JOIN item i ON i.shop_id = l.shop_id AND i.id = l.item_id
				   LEFT JOIN listing li ON li.shop_id = l.shop_id AND li.connection_id = l.connection_id AND li.external_id = l.external_ref
				  WHERE l.shop_id = $1 AND l.connection_id = $2 AND l.order_id = $3 ORDER BY l.line_id LIMIT $4`,
				[...values, LINES_MAX],
			);
			const allocations = await client.query<AllocationRow>(
				`SELECT a.line_id, lo.name AS location, i.sku, a.quantity, a.short
				   FROM order_line_allocation a
				   JOIN location lo ON lo.shop_id = a.shop_id AND lo.id = a.location_id
				   JOIN item i ON i.shop_id = a.shop_id AND i.id = a.item_id
				  WHERE a.shop_id = $1 AND a.connection_id = $2 AND a.order_id = $3 ORDER BY a.line_id, i.sku, lo.priority, lo.id`,
				values,
			);
			const moves = await client.query<Omit<OrderMove, "at"> & { at: Date }>(
				`SELECT m.id, m.created_at AS at, coalesce(i.sku, '') AS sku, lo.name AS location, m.delta AS change, m.after AS left, m.cause
				   FROM movement m
				   JOIN item i ON i.shop_id = m.shop_id AND i.id = m.item_id
				   JOIN location lo ON lo.shop_id = m.shop_id AND lo.id = m.location_id
				  WHERE m.shop_id = $1 AND m.connection_id = $2 AND m.order_id = $3 ORDER BY m.id LIMIT $4`,
				[...values, MOVES_MAX],
			);
			const messages = await client.query<Omit<OrderMessage, "at"> & { at: Date }>(
				`SELECT id, received_at AS at, topic, source, status, CASE WHEN status = 'parked' THEN error END AS error FROM inbox_event
				  WHERE shop_id = $1 AND connection_id = $2 AND event->>'orderId' = $3 AND lane = 'stock' ORDER BY id DESC LIMIT $4`,
				[...values, MESSAGES_MAX],
			);
			const connection = await client.query("SELECT FROM connection WHERE shop_id = $1 AND id = $2 AND state <> 'disconnected'", [
				shopId,
				key.channelId,
			]);
			return {
				...toOrderRow(order, await readShopMap(client, shopId)),
				asOf: order.as_of.toISOString(),
				oversellId: order.oversell_id,
				source: order.first_source,
				lines: lines.rows.map((line) => toLine(line, allocations.rows)),
				moves: moves.rows.map((move) => ({ ...move, at: move.at.toISOString() })),
				messages: messages.rows.map((message) => ({ ...message, at: message.at.toISOString() })),
				canRead: connection.rowCount === 1,
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

const toLine = (line: LineRow, allocations: readonly AllocationRow[]): OrderLineView => ({
	lineId: line.line_id,
	itemId: line.item_id,
	sku: line.sku ?? "",
	title: line.title ?? "",
	held: line.held,
	before: line.baseline,
	takenFrom: allocations
		.filter(({ line_id }) => line_id === line.line_id)
		.map(({ location, sku, quantity, short }) => ({ location, sku: sku ?? "", units: quantity, owed: short })),
});
