import type { Queryable } from "#app/db.server.ts";

/** How far a run is. `waiting`: its lines whose turn is still to come; `begun`: on their way. */
export type ReplayStanding = {
	id: number;
	name: string;
	reason: string;
	actor: string;
	press: string;
	total: number;
	waiting: number;
	begun: number;
	succeeded: number;
	failed: number;
	nothing: number;
	leftAlone: number;
	askedAt: Date;
	state: "running" | "paused" | "cancelling" | "cancelled" | "done";
	doneAt: Date | null;
};
/** A line that did not succeed, by the failure that it was about. */
export type ReplayEnded = {
	n: number;
	letterId: number | null;
	connectionId: number;
	state: "failed" | "left_alone";
	sku: string;
	error: string;
	errorClass: string;
};

const RUNS_MAX = 20;
const ENDED_MAX = 50;

export async function listReplays(db: Queryable, shopId: number, { limit }: { limit: number }): Promise<ReplayStanding[]> {
	const { rows } = await db.query<ReplayStanding>(`SELECT ${columns} FROM replay_run r WHERE r.shop_id = $1 ORDER BY r.id DESC LIMIT $2`, [
		shopId,
		Math.min(limit, RUNS_MAX),
	]);
	return rows;
}

/** One run with those of its lines that a person may have to look at; null: the shop has none of that number. */
export async function readReplay(
	db: Queryable,
	shopId: number,
	runId: number,
): Promise<(ReplayStanding & { ended: ReplayEnded[] }) | null> {
	const { rows } = await db.query<ReplayStanding>(`SELECT ${columns} FROM replay_run r WHERE r.shop_id = $1 AND r.id = $2`, [
		shopId,
		runId,
	]);
	const [run] = rows;
	if (!run) return null;
	const ended = await db.query<ReplayEnded>(
		`SELECT n.n, n.letter_id AS "letterId", n.connection_id AS "connectionId", n.state, coalesce(nullif(i.sku, ''), nullif(l.sku, ''), '') AS sku,
		   coalesce(d.error, '') AS error, coalesce(d.error_class, '') AS "errorClass"
		 FROM replay_line n
		 LEFT JOIN dead_letter d ON d.shop_id = n.shop_id AND d.id = n.letter_id
		 LEFT JOIN listing l ON l.shop_id = n.shop_id AND l.id = n.listing_id
		 LEFT JOIN item i ON i.shop_id = n.shop_id AND i.id = coalesce(l.item_id, n.item_id)
		 WHERE n.shop_id = $1 AND n.run_id = $2 AND n.state IN ('failed', 'left_alone') ORDER BY n.n LIMIT $3`,
		[shopId, runId, ENDED_MAX],
	);
	return { ...run, ended: ended.rows };
}

const columns = `r.id, r.name, r.reason, r.actor, r.press, r.total, r.total - r.begun - r.succeeded - r.failed - r.nothing - r.left_alone AS waiting,
r.begun, r.succeeded, r.failed, r.nothing, r.left_alone AS "leftAlone", r.asked_at AS "askedAt", r.done_at AS "doneAt",
CASE WHEN r.done_at IS NOT NULL THEN CASE WHEN r.cancelled_at IS NULL THEN 'done' ELSE 'cancelled' END
  WHEN r.cancelled_at IS NOT NULL THEN 'cancelling' WHEN r.paused_at IS NOT NULL THEN 'paused' ELSE 'running' END AS state`;
