import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { type Deps, readConnection } from "#connections";

/** What one sweep opens, or wakes; the rest is found a second later. */
const FOUND_MAX = 500;

export type CheckAsked =
	| { outcome: "asked"; runId: number }
	/** Somebody was faster: that one is looked at. */
	| { outcome: "under-way"; runId: number }
	/** Nothing of it counts, or nothing may be sent to it. */
	| { outcome: "closed" };

/** A person wants a channel's stock compared now. A press that was sent twice is one run. */
export async function askForCheck(deps: Deps, shopId: number, connectionId: number, actor: string): Promise<CheckAsked> {
	const connection = await readConnection(deps.pool, shopId, connectionId);
	if (connection?.shopState !== "installed" || connection.cutAt === null || !CHECKED_STATES.includes(connection.state))
		return { outcome: "closed" };
	const asked = await transaction(deps.pool, async (tx) => {
		const { rows } = await tx.query<{ id: number }>(
			`INSERT INTO reconcile_run (shop_id, connection_id, asked_by) VALUES ($1, $2, $3)
			 ON CONFLICT (shop_id, connection_id) WHERE ended_at IS NULL DO NOTHING RETURNING id`,
			[shopId, connectionId, actor],
		);
		const [made] = rows;
		if (made) await recordAudit(tx, shopId, { actor, action: "check.asked", subject: String(connectionId) });
		return made ? { outcome: "asked" as const, runId: made.id } : null;
	});
	const outcome = asked ?? (await underWay(deps.pool, shopId, connectionId));
	await deps.wake("reconcile.compare", { shopId, connectionId });
	return outcome;
}

/** One that has ended between the two statements is as good as asked for: it is a moment old. */
async function underWay(db: Queryable, shopId: number, connectionId: number): Promise<CheckAsked> {
	const { rows } = await db.query<{ id: number }>(
		"SELECT id FROM reconcile_run WHERE shop_id = $1 AND connection_id = $2 ORDER BY id DESC LIMIT 1",
		[shopId, connectionId],
	);
	return rows[0] ? { outcome: "under-way", runId: rows[0].id } : { outcome: "closed" };
}

/** A paused channel can be told nothing, and its figures are its own affair until it goes on. */
export const CHECKED_STATES: readonly string[] = ["watching", "live"];

/**
 * Opens the runs that are due. Each connection has its own moment of the interval, by a hash of its ids, so that not all of them read
 * everything at once; what was looked at within half an interval is left for the next time. In two processes at once one opens each.
 */
export async function openDueChecks(db: Queryable, everyMs: number): Promise<void> {
	await db.query(
		`INSERT INTO reconcile_run (shop_id, connection_id, asked_by)
		 SELECT c.shop_id, c.id, 'timer' FROM connection c JOIN shop s ON s.id = c.shop_id AND s.state = 'installed' AND s.import_state = 'done'
		 CROSS JOIN LATERAL (SELECT $2::float8 / 1000 AS every, (hashtextextended(c.shop_id || ':' || c.id, 0) & 1048575)::float8 / 1048576 AS share) slot
		 WHERE c.state = ANY($3) AND c.cut_at IS NOT NULL
		   AND (c.compared_at IS NULL OR (c.compared_at <= now() - 0.5 * slot.every * interval '1 second'
		     AND floor(extract(epoch FROM now())::float8 / slot.every - slot.share) > floor(extract(epoch FROM c.compared_at)::float8 / slot.every - slot.share)))
		   AND NOT EXISTS (SELECT FROM reconcile_run r WHERE r.shop_id = c.shop_id AND r.connection_id = c.id AND r.ended_at IS NULL)
		 ORDER BY c.compared_at NULLS FIRST LIMIT $1
		 ON CONFLICT (shop_id, connection_id) WHERE ended_at IS NULL DO NOTHING`,
		[FOUND_MAX, everyMs, CHECKED_STATES],
	);
}

/** Runs that wait for somebody to do them, or whose runner is gone. */
export async function findWaitingChecks(pool: Pool): Promise<{ shopId: number; connectionId: number }[]> {
	const { rows } = await pool.query<{ shopId: number; connectionId: number }>(
		`SELECT shop_id AS "shopId", connection_id AS "connectionId" FROM reconcile_run
		 WHERE ended_at IS NULL AND next_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())
		 ORDER BY next_at LIMIT $1`,
		[FOUND_MAX],
	);
	return rows;
}
