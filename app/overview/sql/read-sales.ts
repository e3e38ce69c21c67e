import type { Queryable } from "#app/db.server.ts";
import type { NameOf, Overview, SaleLine } from "../overview.ts";
import { OWES_WRITE } from "./owes-write.ts";

const LISTED_MAX = 8;
const COUNTED_MAX = 10_000;

type Row = {
	id: number;
	created_at: Date;
	connection_id: number;
	order_name: string;
	sku: string | null;
	title: string;
	units: number;
	left: number;
	in_step: boolean;
};

/**
 * The newest sales, as the ledger took them. They are found from the newest end of the ledger: while a shop sells, the first
 * few rows are sales. `in_step` asks whether anything of the item is still to be sent, so a sale whose figure was already
 * overtaken by a newer one counts as done when the newer one is.
 */
export async function readSales(client: Queryable, shopId: number, nameOf: NameOf): Promise<Overview["sales"]> {
	const orders = await client.query<{ count: number }>(
		`SELECT count(*)::int AS count
		   FROM (SELECT 1 FROM sales_order
		          WHERE shop_id = $1 AND created_at > now() - interval '24 hours' AND NOT baseline LIMIT $2) today`,
		[shopId, COUNTED_MAX],
	);
	const { rows } = await client.query<Row>(
		`SELECT m.id, m.created_at, m.connection_id, COALESCE(NULLIF(s.name, ''), m.order_id) AS order_name,
		        i.sku, i.title, -m.delta AS units, total.left,
		        NOT EXISTS (SELECT 1 FROM listing l JOIN connection lc ON lc.shop_id = l.shop_id AND lc.id = l.connection_id
		                     WHERE l.shop_id = m.shop_id AND l.item_id = m.item_id AND ${OWES_WRITE}
		                       AND NOT l.paused AND lc.state = 'live')
		        AND NOT EXISTS (SELECT 1 FROM stock o WHERE o.shop_id = m.shop_id AND o.item_id = m.item_id AND o.delta_owed <> 0)
		        AND NOT EXISTS (SELECT 1 FROM delta_line d WHERE d.shop_id = m.shop_id AND d.item_id = m.item_id AND d.state = 'open')
		        AS in_step
		   FROM (SELECT * FROM movement
		          WHERE shop_id = $1 AND cause = 'sale' AND delta < 0 AND order_id IS NOT NULL AND created_at > now() - interval '24 hours'
		          ORDER BY created_at DESC, id DESC LIMIT $2) m
		   JOIN item i ON i.shop_id = m.shop_id AND i.id = m.item_id
		   LEFT JOIN sales_order s ON s.shop_id = m.shop_id AND s.connection_id = m.connection_id AND s.order_id = m.order_id
		   CROSS JOIN LATERAL (SELECT COALESCE(sum(available - short), 0)::int AS left
		                         FROM stock WHERE shop_id = m.shop_id AND item_id = m.item_id) total
		  ORDER BY m.created_at DESC, m.id DESC`,
		[shopId, LISTED_MAX],
	);
	const count = orders.rows[0]?.count ?? 0;
	return { orders: { count, more: count >= COUNTED_MAX }, newest: rows.map((row) => toLine(row, nameOf)) };
}

const toLine = (row: Row, nameOf: NameOf): SaleLine => ({
	id: row.id,
	at: row.created_at.toISOString(),
	channel: nameOf(row.connection_id),
	order: row.order_name,
	sku: row.sku ?? "",
	title: row.title,
	units: row.units,
	left: row.left,
	inStep: row.in_step,
});
