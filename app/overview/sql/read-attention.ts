import type { Queryable } from "#app/db.server.ts";
import { openDepth } from "#dead-letters";
import { ownWords } from "#domain";
import type { AttentionLine, NameOf, Overview } from "../overview.ts";

const LISTED_MAX = 5;

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

/** What was set aside and needs somebody: kinds that a person has told to be ignored need nobody. */
export async function readAttention(client: Queryable, shopId: number, nameOf: NameOf): Promise<Overview["attention"]> {
	const depth = await openDepth(client, shopId, { needing: true });
	const { rows } = await client.query<Row>(
		`SELECT d.id, d.last_at, d.direction, d.connection_id, d.operation, l.title AS listing_title, l.sku AS listing_sku,
		        d.error, d.attempts
		   FROM dead_letter d
		   LEFT JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id
		  WHERE d.shop_id = $1 AND d.state = 'open'
		    AND NOT EXISTS (SELECT FROM problem p WHERE (p.shop_id, p.connection_id, p.direction, p.operation, p.error_class)
		      = (d.shop_id, d.connection_id, d.direction, left(d.operation, 200), left(d.error_class, 100)) AND p.state = 'ignored')
		  ORDER BY d.id DESC LIMIT $2`,
		[shopId, LISTED_MAX],
	);
	return { updates: exactly(depth.updates), messages: exactly(depth.messages), newest: rows.map((row) => toLine(row, nameOf)) };
}

/** The number is kept with every failure, so it is never a guess. */
const exactly = (count: number) => ({ count, more: false });

const toLine = (row: Row, nameOf: NameOf): AttentionLine => ({
	id: row.id,
	at: row.last_at.toISOString(),
	direction: row.direction,
	channel: nameOf(row.connection_id),
	subject: [row.listing_title, row.listing_sku].filter(Boolean).join(" · ") || row.operation,
	error: ownWords(row.error),
	attempts: row.attempts,
});
