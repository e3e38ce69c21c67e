import type { Queryable } from "#app/db.server.ts";
import type { NameOf, OversellLine, Overview } from "../overview.ts";

const LISTED_MAX = 5;

type Row = {
	id: number;
	created_at: Date;
	item_id: number;
	sku: string | null;
	title: string;
	connection_id: number;
	order_name: string | null;
	units: number;
	owed: number;
	all_count: number;
	all_units: number;
	all_open: number;
	all_owed: number;
};

/** Oversells are rare by design, so they are counted as they are: the day's, and whatever no stock has covered since. */
export async function readOversells(client: Queryable, shopId: number, nameOf: NameOf): Promise<Overview["oversells"]> {
	const { rows } = await client.query<Row>(
		`SELECT o.id, o.created_at, o.item_id, i.sku, i.title, o.connection_id, s.name AS order_name, o.units,
		        CASE WHEN o.state = 'open' THEN o.units - o.covered ELSE 0 END AS owed,
		        (count(*) FILTER (WHERE o.created_at > now() - interval '24 hours') OVER ())::int AS all_count,
		        COALESCE(sum(o.units) FILTER (WHERE o.created_at > now() - interval '24 hours') OVER (), 0)::int AS all_units,
		        (count(*) FILTER (WHERE o.state = 'open') OVER ())::int AS all_open,
		        (sum(CASE WHEN o.state = 'open' THEN o.units - o.covered ELSE 0 END) OVER ())::int AS all_owed
		   FROM oversell o
		   JOIN item i ON i.shop_id = o.shop_id AND i.id = o.item_id
		   LEFT JOIN sales_order s ON s.shop_id = o.shop_id AND s.connection_id = o.connection_id AND s.order_id = o.order_id
		  WHERE o.shop_id = $1 AND (o.created_at > now() - interval '24 hours' OR o.state = 'open')
		  ORDER BY o.state = 'open' DESC, o.created_at DESC, o.id DESC LIMIT $2`,
		[shopId, LISTED_MAX],
	);
	const [first] = rows;
	return {
		count: first?.all_count ?? 0,
		units: first?.all_units ?? 0,
		open: first?.all_open ?? 0,
		unitsOwed: first?.all_owed ?? 0,
		newest: rows.map((row) => toLine(row, nameOf)),
	};
}

const toLine = (row: Row, nameOf: NameOf): OversellLine => ({
	id: row.id,
	at: row.created_at.toISOString(),
	itemId: row.item_id,
	sku: row.sku ?? "",
	title: row.title,
	channel: nameOf(row.connection_id),
	order: row.order_name || null,
	units: row.units,
	owed: row.owed,
});
