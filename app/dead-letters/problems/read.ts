import type { Queryable } from "#app/db.server.ts";

export type ProblemState = "open" | "acknowledged" | "ignored" | "resolved";
export type Problem = {
	id: number;
	connectionId: number;
	direction: "in" | "out";
	operation: string;
	errorClass: string;
	/** How many failures of it are open now. */
	failures: number;
	state: ProblemState;
	/** How often it began: 1 is the first time. */
	times: number;
	beganAt: Date;
	decidedBy: string | null;
	decidedAt: Date | null;
	/** Of the newest failure: the channel's word, and what it is called. */
	newestId: number | null;
	error: string;
	lastAt: Date;
};

/** A connection has some ten operations and classes; more kinds than this nobody reads. */
const PROBLEMS_MAX = 50;

/** The shop's problems that are not over, those that nobody has looked at first, then the most failures. */
export async function listProblems(db: Queryable, shopId: number, { limit = PROBLEMS_MAX } = {}): Promise<Problem[]> {
	const { rows } = await db.query<Problem>(
		`SELECT p.id, p.connection_id AS "connectionId", p.direction, p.operation, p.error_class AS "errorClass",
		   p.failures, p.state, p.times, p.began_at AS "beganAt", p.decided_by AS "decidedBy", p.decided_at AS "decidedAt",
		   newest.id AS "newestId", coalesce(newest.error, '') AS error, coalesce(newest.last_at, p.last_at) AS "lastAt"
		 FROM (${NOW}) p
		 LEFT JOIN LATERAL (
		   SELECT d.id, d.error, d.last_at FROM dead_letter d WHERE d.shop_id = $1 AND d.connection_id = p.connection_id AND d.direction = p.direction
		     AND d.operation = p.operation AND d.error_class = p.error_class AND d.state = 'open' ORDER BY d.id DESC LIMIT 1) newest ON true
		 WHERE p.failures > 0 ORDER BY p.state = 'ignored', p.state = 'acknowledged', p.failures DESC, p.id LIMIT $2`,
		[shopId, Math.min(limit, PROBLEMS_MAX)],
	);
	return rows;
}

export type Depth = { updates: number; messages: number };

/** How many failures are open in the shop, to the unit: the numbers that are kept, and what came since. `needing`: but for ignored kinds. */
export async function openDepth(db: Queryable, shopId: number, { needing = false } = {}): Promise<Depth> {
	const { rows } = await db.query<{ direction: "in" | "out"; failures: number }>(
		`SELECT direction, sum(failures)::int AS failures FROM (
		   SELECT direction, failures FROM problem WHERE shop_id = $1 AND state <> 'resolved' AND NOT ($2 AND state = 'ignored')
		   UNION ALL
		   SELECT c.direction, c.failures FROM problem_change c WHERE c.shop_id = $1 AND NOT ($2 AND EXISTS (
		     SELECT FROM problem p WHERE (p.shop_id, p.connection_id, p.direction, p.operation, p.error_class)
		       = (c.shop_id, c.connection_id, c.direction, c.operation, c.error_class) AND p.state = 'ignored'))) kept
		 GROUP BY direction`,
		[shopId, needing],
	);
	const of = (direction: "in" | "out") => rows.find((row) => row.direction === direction)?.failures ?? 0;
	return { updates: of("out"), messages: of("in") };
}

/** Over all shops, for whoever runs this: one sum over what is not resolved. */
export async function openDepthOfAll(db: Queryable): Promise<Depth> {
	const { rows } = await db.query<{ direction: "in" | "out"; failures: number }>(
		`SELECT direction, sum(failures)::int AS failures FROM (
		   SELECT direction, failures FROM problem WHERE state <> 'resolved' UNION ALL SELECT direction, failures FROM problem_change) kept
		 GROUP BY direction`,
	);
	const of = (direction: "in" | "out") => rows.find((row) => row.direction === direction)?.failures ?? 0;
	return { updates: of("out"), messages: of("in") };
}

/** Problems with what came since they were last added up; of one that began since, nobody has said anything (id 0). */
const NOW = `
SELECT coalesce(p.id, 0) AS id, connection_id, direction, operation, error_class, coalesce(p.failures, 0) + coalesce(since.failures, 0) AS failures,
  coalesce(p.state, 'open') AS state, coalesce(p.times, 1) AS times, coalesce(p.began_at, p.last_at, now()) AS began_at, coalesce(p.last_at, now()) AS last_at,
  p.decided_by, p.decided_at
FROM (SELECT * FROM problem WHERE shop_id = $1) p
FULL JOIN (SELECT connection_id, direction, operation, error_class, sum(failures)::int AS failures FROM problem_change WHERE shop_id = $1
  GROUP BY 1, 2, 3, 4) since USING (connection_id, direction, operation, error_class)
WHERE p.id IS NULL OR p.state <> 'resolved' OR since.failures <> 0`;
