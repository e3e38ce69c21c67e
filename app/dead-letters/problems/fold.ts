import { type Pool, type Queryable, transactionWithRetry } from "#app/db.server.ts";

/** One statement's share; what is left is taken a second later. */
const CHANGES_MAX = 5_000;
const SHOPS_MAX = 200;
/** Any fixed number: two that added up the same shop at once could each take a part that makes no sense without the other's. */
const FOLD_LOCK_KEY = 0x4c535032;

/** By the clock, and by a page before it is read: what opened and closed since is added to the shop's problems. Safe at any time. */
export async function foldProblems(pool: Pool): Promise<number> {
	const { rows } = await pool.query<{ shop_id: number }>(
		`SELECT s.id AS shop_id FROM shop s WHERE EXISTS (SELECT FROM problem_change c WHERE c.shop_id = s.id) LIMIT $1`,
		[SHOPS_MAX],
	);
	for (const { shop_id } of rows) await foldProblemsOf(pool, shop_id);
	return rows.length;
}

/**
 * Changes become the numbers that are shown, and the numbers decide: the last failure gone, the problem is resolved; the first one
 * again, it is open again, whatever a person had said of the time before. Both in one transaction, so a kill leaves all or nothing.
 * Another that is at it just now does the same, so it is not waited for.
 */
export async function foldProblemsOf(pool: Pool, shopId: number): Promise<void> {
	const { rowCount } = await pool.query("SELECT FROM problem_change WHERE shop_id = $1 LIMIT 1", [shopId]);
	if (rowCount === 0) return;
	await transactionWithRetry(pool, async (tx) => {
		const lock = await tx.query<{ mine: boolean }>("SELECT pg_try_advisory_xact_lock($1, ($2::bigint % 2147483647)::int) AS mine", [
			FOLD_LOCK_KEY,
			shopId,
		]);
		if (!lock.rows[0]?.mine) return;
		const { rows } = await tx.query<{ through: number | null }>(
			"SELECT max(id) AS through FROM (SELECT id FROM problem_change WHERE shop_id = $1 ORDER BY id LIMIT $2) first",
			[shopId, CHANGES_MAX],
		);
		await addUp(tx, shopId, rows[0]?.through ?? 0);
	});
}

/**
 * Only what this very statement deletes is added: a change of a smaller id that commits meanwhile waits for the next time. (It opened
 * something that nobody has seen yet, so nothing that closed it is among those that are taken.)
 */
async function addUp(tx: Queryable, shopId: number, throughId: number): Promise<void> {
	// A kind that was never seen begins with none: a row of its own, since a sum below zero could not be proposed to ON CONFLICT.
	await tx.query(
		`INSERT INTO problem (shop_id, connection_id, direction, operation, error_class)
		 SELECT DISTINCT shop_id, connection_id, direction, operation, error_class FROM problem_change WHERE shop_id = $1 AND id <= $2
		 ORDER BY 2, 3, 4, 5 ON CONFLICT (shop_id, connection_id, direction, operation, error_class) DO NOTHING`,
		[shopId, throughId],
	);
	await tx.query(
		`WITH taken AS (
		   DELETE FROM problem_change c USING problem p
		   WHERE c.shop_id = $1 AND c.id <= $2 AND (p.shop_id, p.connection_id, p.direction, p.operation, p.error_class)
		     = (c.shop_id, c.connection_id, c.direction, c.operation, c.error_class)
		   RETURNING p.id AS problem_id, c.failures, c.at
		 ), summed AS (SELECT problem_id, sum(failures)::int AS failures, min(at) AS first_at, max(at) AS last_at FROM taken GROUP BY 1)
		 UPDATE problem p SET
		   failures = p.failures + s.failures,
		   state = CASE WHEN p.failures + s.failures = 0 THEN 'resolved' WHEN p.state = 'resolved' THEN 'open' ELSE p.state END,
		   times = p.times + CASE WHEN p.state = 'resolved' AND p.failures + s.failures > 0 THEN 1 ELSE 0 END,
		   began_at = CASE WHEN p.state = 'resolved' AND p.failures + s.failures > 0 THEN s.first_at ELSE coalesce(p.began_at, s.first_at) END,
		   last_at = s.last_at,
		   resolved_at = CASE WHEN p.failures + s.failures = 0 THEN s.last_at ELSE p.resolved_at END
		 FROM summed s WHERE p.shop_id = $1 AND p.id = s.problem_id`,
		[shopId, throughId],
	);
}
