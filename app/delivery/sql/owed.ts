import type { Queryable } from "#app/db.server.ts";

/** So long after a refusal batches stay small, so that what home refuses stands alone at last. */
const SPLIT_MINUTES = 10;

/**
 * How many lines the next batch may have: half of the newest one that home refused without saying what of it, then twice as
 * many with each one that lands, until the refusal is forgotten. (Where home says which lines, they are put off instead.)
 */
export async function recentSplit(db: Queryable, shopId: number): Promise<number> {
	const { rows } = await db.query<{ state: string; lines: number }>(splitStatement, [shopId, SPLIT_MINUTES]);
	const [newest] = rows;
	if (!newest) return Number.POSITIVE_INFINITY;
	return newest.state === "void" ? Math.max(1, Math.floor(newest.lines / 2)) : newest.lines * 2;
}

const splitStatement = `
WITH newest AS (
  SELECT b.id, b.state, b.created_at FROM delta_batch b WHERE b.shop_id = $1 AND b.state IN ('landed', 'void') ORDER BY b.id DESC LIMIT 50
)
SELECT n.state, (SELECT count(*)::int FROM delta_line d WHERE d.shop_id = $1 AND d.batch_id = n.id) AS lines
FROM newest n
WHERE EXISTS (SELECT FROM newest v WHERE v.state = 'void' AND v.created_at > now() - $2 * interval '1 minute'
  AND NOT EXISTS (SELECT FROM delta_line d JOIN stock s USING (shop_id, item_id, location_id)
    WHERE d.shop_id = $1 AND d.batch_id = v.id AND s.next_attempt_at > now()))
ORDER BY n.id DESC LIMIT 1`;

/** The correlation id of the sale that has waited longest: the batch that carries it carries its id (R30). */
export async function oldestCorrelation(db: Queryable, shopId: number): Promise<string | null> {
	const { rows } = await db.query<{ correlation_id: string }>(
		`SELECT m.correlation_id
		 FROM (SELECT item_id, location_id, landed_movement_id FROM stock WHERE shop_id = $1 AND delta_owed <> 0 ORDER BY owed_since LIMIT 1) s
		 JOIN movement m ON m.shop_id = $1 AND m.item_id = s.item_id AND m.location_id = s.location_id AND m.id > s.landed_movement_id
		 ORDER BY m.id DESC LIMIT 1`,
		[shopId],
	);
	return rows[0]?.correlation_id ?? null;
}

/** When something is due for home, in milliseconds from now; null: nothing waits. */
export async function nextOwedInMs(db: Queryable, shopId: number, connectionId: number): Promise<number | null> {
	const { rows } = await db.query<{ ms: number | null }>(nextStatement, [shopId, connectionId]);
	const ms = rows[0]?.ms ?? null;
	return ms === null ? null : Math.max(0, Math.ceil(ms));
}

const nextStatement = `
SELECT 1000 * extract(epoch FROM min(due_at) - now())::float8 AS ms FROM (
  SELECT greatest(next_attempt_at, claimed_until) AS due_at FROM delta_batch WHERE shop_id = $1 AND connection_id = $2 AND state = 'open'
  UNION ALL
  SELECT coalesce(s.next_attempt_at, now()) FROM stock s WHERE s.shop_id = $1 AND s.delta_owed <> 0
    AND NOT EXISTS (SELECT FROM delta_line d
      WHERE d.shop_id = s.shop_id AND d.item_id = s.item_id AND d.location_id = s.location_id AND d.state = 'open')
) due`;
