import type { Queryable } from "#app/db.server.ts";
import type { Cause } from "./judge-difference.ts";

export type OpenCount = { channel: string; cause: Cause; count: number };

/** Differences that have not ended, over all shops: for whoever runs this. */
export async function countOpenDifferences(db: Queryable): Promise<OpenCount[]> {
	const { rows } = await db.query<OpenCount>(
		`SELECT c.channel, d.cause, count(*)::int AS count FROM reconcile_difference d
		 JOIN connection c ON c.shop_id = d.shop_id AND c.id = d.connection_id
		 WHERE d.settled_at IS NULL GROUP BY 1, 2`,
	);
	return rows;
}
