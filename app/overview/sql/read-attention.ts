import type { Queryable } from "#app/db.server.ts";
import type { AttentionLine, NameOf, Overview } from "../overview.ts";

const LISTED_MAX = 5;
/** A channel that refuses a whole catalogue parks tens of thousands; past this the exact number says nothing more. */
const COUNTED_MAX = 10_000;

type Row = {
	id: number;
	last_at: Date;
	direction: "in" | "out";
	connection_id: number;
	operation: string;
	listing_title: string | null;
	listing_sku: string | null;
	error: string;
	attempts: number;
};

export async function readAttention(client: Queryable, shopId: number, nameOf: NameOf): Promise<Overview["attention"]> {
	const counts = await client.query<{ direction: "in" | "out"; count: number }>(
		`SELECT direction, count(*)::int AS count
		   FROM (SELECT direction FROM dead_letter WHERE shop_id = $1 AND state = 'open' ORDER BY id LIMIT $2) open
		  GROUP BY direction`,
		[shopId, COUNTED_MAX],
	);
	const { rows } = await client.query<Row>(
		`SELECT d.id, d.last_at, d.direction, d.connection_id, d.operation, l.title AS listing_title, l.sku AS listing_sku,
		        d.error, d.attempts
		   FROM dead_letter d
		   LEFT JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id
		  WHERE d.shop_id = $1 AND d.state = 'open'
		  ORDER BY d.id DESC LIMIT $2`,
		[shopId, LISTED_MAX],
	);
	const counted = (direction: "in" | "out") => {
		const count = counts.rows.find((row) => row.direction === direction)?.count ?? 0;
		return { count, more: count >= COUNTED_MAX };
	};
	return { updates: counted("out"), messages: counted("in"), newest: rows.map((row) => toLine(row, nameOf)) };
}

const toLine = (row: Row, nameOf: NameOf): AttentionLine => ({
	id: row.id,
	at: row.last_at.toISOString(),
	direction: row.direction,
	channel: nameOf(row.connection_id),
	subject: [row.listing_title, row.listing_sku].filter(Boolean).join(" · ") || row.operation,
	error: row.error,
	attempts: row.attempts,
});
