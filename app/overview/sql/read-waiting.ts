import type { Queryable } from "#app/db.server.ts";
import type { Overview } from "../overview.ts";

/** The partial index on pending messages is as small as the queue itself; past this many the exact number says nothing more. */
const COUNTED_MAX = 10_000;

export async function readWaiting(client: Queryable, shopId: number): Promise<Overview["waiting"]> {
	const { rows } = await client.query<{ count: number; since: Date | null }>(
		`SELECT count(*)::int AS count, min(received_at) AS since
		   FROM (SELECT received_at FROM inbox_event
		          WHERE shop_id = $1 AND lane = 'stock' AND status = 'pending' ORDER BY id LIMIT $2) pending`,
		[shopId, COUNTED_MAX],
	);
	return { messages: rows[0]?.count ?? 0, since: rows[0]?.since?.toISOString() ?? null };
}
