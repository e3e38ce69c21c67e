import { recordAudit } from "#app/connections/audit.ts";
import { type Client, type Pool, transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { resolveMended } from "#delivery";
import { beginMessages, beginStock, beginUpdates, leaveAlone } from "./begin.ts";
import { settleLines } from "./settle.ts";

/** Runs of one shop that one job looks after; the others are looked after by the next. */
const RUNS_MAX = 20;
const FOUND_MAX = 500;

export type OpenRun = { id: number; actor: string; name: string; cancelled: boolean; paused: boolean };

/**
 * The handler of `replay.run`: one round of each of the shop's runs. What has settled since is noted, then a few more lines begin, as
 * many as there is room for beside live traffic (begin.ts). Each step is one transaction under the run's row, which keeps what was done
 * and how far the run is together: twice at once, one follows the other; killed anywhere, the next round goes on where it stood.
 */
export async function runReplays(deps: Deps, shopId: number): Promise<{ outcome: "done" | "more" }> {
	const { rows } = await deps.pool.query<{ id: number }>(
		`SELECT r.id FROM replay_run r JOIN shop s ON s.id = r.shop_id AND s.state = 'installed'
		 WHERE r.shop_id = $1 AND r.done_at IS NULL ORDER BY r.id LIMIT $2`,
		[shopId, RUNS_MAX],
	);
	if (rows.length === 0) return { outcome: "done" };
	// A delivery that succeeds does not know that there is a letter: what has succeeded since the last round is closed here.
	await resolveMended(deps.pool, shopId);
	const pushes = new Set<number>();
	let [messages, more] = [0, false];
	for (const { id } of rows) {
		const step = async <T>(work: (tx: Client, run: OpenRun) => Promise<T>) => underRun(deps.pool, shopId, id, work);
		await step((tx, run) => settleLines(tx, shopId, run.id));
		const run = await step(async (tx, open) => {
			if (open.cancelled) await leaveAlone(tx, shopId, open.id, null);
			return open;
		});
		if (run && !run.cancelled && !run.paused) {
			for (const { connectionId, isGone, isReachable } of await readConnections(deps.pool, shopId, id)) {
				// A pause that comes meanwhile is seen by the next step.
				const begin = <T>(work: (tx: Client, open: OpenRun) => Promise<T>, otherwise: T) =>
					step(async (tx, open) => (open.paused || open.cancelled ? otherwise : work(tx, open))).then((done) => done ?? otherwise);
				const place = { shopId, runId: id, connectionId };
				if (isGone) await begin((tx) => leaveAlone(tx, shopId, id, connectionId), 0);
				const begun = isReachable ? (await begin((tx) => beginUpdates(tx, place), 0)) + (await begin((tx) => beginStock(tx, place), 0)) : 0;
				if (begun > 0) pushes.add(connectionId);
				messages += await begin((tx, open) => beginMessages(tx, { ...place, actor: open.actor }), 0);
			}
		}
		const ended = await step((tx, open) => finish(tx, shopId, open));
		if (ended) deps.log.info({ shopId, runId: id, ...ended }, "replay.done");
		else more ||= run !== null && !run.paused;
	}
	for (const connectionId of pushes) await deps.wake("delivery.push", { shopId, connectionId });
	if (messages > 0) await deps.wake("apply.drain", { shopId });
	return { outcome: more ? "more" : "done" };
}

/** Shops with a run that goes on; a paused one waits for a person. */
export async function findWaitingReplays(pool: Pool): Promise<number[]> {
	const { rows } = await pool.query<{ id: number }>(
		`SELECT s.id FROM shop s WHERE s.state = 'installed'
		   AND EXISTS (SELECT FROM replay_run r WHERE r.shop_id = s.id AND r.done_at IS NULL) LIMIT $1`,
		[FOUND_MAX],
	);
	return rows.map(({ id }) => id);
}

/** null: the run is over. */
async function underRun<T>(pool: Pool, shopId: number, runId: number, work: (tx: Client, run: OpenRun) => Promise<T>): Promise<T | null> {
	return transactionWithRetry(pool, async (tx) => {
		const { rows } = await tx.query<OpenRun>(
			`SELECT id, actor, name, cancelled_at IS NOT NULL AS cancelled, paused_at IS NOT NULL AS paused
			 FROM replay_run WHERE shop_id = $1 AND id = $2 AND done_at IS NULL FOR UPDATE`,
			[shopId, runId],
		);
		const [run] = rows;
		return run ? work(tx, run) : null;
	});
}

type Connection = { connectionId: number; isGone: boolean; isReachable: boolean };

/** Of the lines whose turn is still to come: where they belong, and whether anything can be sent there now. */
async function readConnections(pool: Pool, shopId: number, runId: number): Promise<Connection[]> {
	const { rows } = await pool.query<Connection>(
		`SELECT n.connection_id AS "connectionId", coalesce(c.state = 'disconnected', true) AS "isGone",
		   coalesce(c.state IN ('live', 'watching') AND (c.breaker_until IS NULL OR c.breaker_until <= now()), false) AS "isReachable"
		 FROM (SELECT DISTINCT connection_id FROM replay_line WHERE shop_id = $1 AND run_id = $2 AND state = 'waiting') n
		 LEFT JOIN connection c ON c.shop_id = $1 AND c.id = n.connection_id ORDER BY 1`,
		[shopId, runId],
	);
	return rows;
}

type Ended = { succeeded: number; failed: number; nothing: number; leftAlone: number };

/** One entry for all of it, in the moment in which the last line has settled. */
async function finish(tx: Client, shopId: number, run: OpenRun): Promise<Ended | null> {
	const { rows } = await tx.query<Ended>(
		`UPDATE replay_run SET done_at = clock_timestamp() WHERE shop_id = $1 AND id = $2 AND begun = 0
		   AND succeeded + failed + nothing + left_alone = total
		 RETURNING succeeded, failed, nothing, left_alone AS "leftAlone"`,
		[shopId, run.id],
	);
	const [ended] = rows;
	if (!ended) return null;
	await recordAudit(tx, shopId, { actor: run.actor, action: "replay.ended", subject: String(run.id), after: { name: run.name, ...ended } });
	return ended;
}
