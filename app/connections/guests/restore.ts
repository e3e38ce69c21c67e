import { ChannelError } from "#app/channels/errors.ts";
import { type Client, type Queryable, transactionWithRetry } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import type { Deps } from "../deps.ts";
import { openClient } from "../open-client.ts";
import { SOLD_SINCE } from "./former-figures.ts";
import { disconnect } from "./go-live.ts";

type Place = { shopId: number; connectionId: number };
export type Restoring =
	/** Figures are on their way; look again in a moment. */
	| { outcome: "waiting" }
	/** All that could be is written back, and the connection has ended. */
	| { outcome: "done" }
	/** It has ended without that, and the channel is kept in step as before. `reason` is for the merchant. */
	| { outcome: "failed"; reason: string };

/** After so long without a single listing getting there nobody is helped by waiting on. */
const PATIENCE = "10 minutes";
/** As delivery/breaker.ts: a channel that failed so often in a row is down. */
const DOWN_AFTER_FAILURES = 5;

/**
 * Puts a channel's own figures back before it is disconnected (R45), by the usual way of every update: while `restore_to` is set, a
 * listing must show what the channel showed before the first update, less what the channel has sold since, and never more than stock
 * covers. So no unit that was sold anywhere is offered again. When every listing is there, the connection ends.
 *
 * Called again until it is over; each step may be done twice. Killed anywhere, the next call goes on from what the tables say.
 */
export async function restoreFormer(deps: Deps & { publicUrl: string }, place: Place, actor: string): Promise<Restoring> {
	const { shopId, connectionId } = place;
	const before = await readState(deps.pool, place);
	if (before.state !== "live") return failed(deps, place, "Updates to this channel were paused or ended in the meantime.");
	if (before.total === null) {
		const refusal = await whyUnreachable(deps, place);
		if (refusal !== null) return failed(deps, place, `The channel cannot be reached: ${refusal} Nothing there was changed.`);
		await freeze(deps, place);
		await refreshListings(applyDepsOf(deps), shopId, { connectionId });
		await deps.pool.query(
			`UPDATE connection_setup SET work_moved_at = now(), work_done = 0, work_total =
			   (SELECT count(*) FROM listing WHERE shop_id = $1 AND connection_id = $2 AND restore_to IS NOT NULL)
			 WHERE shop_id = $1 AND connection_id = $2 AND work = 'restore'`,
			[shopId, connectionId],
		);
		await deps.wake("delivery.push", place);
	}
	const now = await noteProgress(deps.pool, place);
	if (now.waiting > 0) {
		if (before.failures < DOWN_AFTER_FAILURES && !now.stuck) return { outcome: "waiting" };
		const done = `${now.total - now.waiting} of ${now.total} listings had their former figure`;
		return failed(deps, place, `The channel ${now.stuck ? "took no more updates" : "stopped answering"} when ${done}.`);
	}
	await disconnect(deps, shopId, connectionId, actor, { restored: now.total - now.refused, refused: now.refused });
	return { outcome: "done" };
}

/** The merchant has thought better of it, before all were there: the rules count again. */
export async function stopRestoring(deps: Deps, shopId: number, connectionId: number): Promise<boolean> {
	return release(deps, { shopId, connectionId }, null);
}

async function failed(deps: Deps, place: Place, reason: string): Promise<Restoring> {
	await release(deps, place, `${reason} It is still connected, and Lockstep keeps it in step as before.`);
	return { outcome: "failed", reason };
}

/** The wish and the figures go together: there is never a listing that stays at its former figure with nobody working on it. */
async function release(deps: Deps, { shopId, connectionId }: Place, reason: string | null): Promise<boolean> {
	const ended = await transactionWithRetry(deps.pool, async (tx) => {
		await lockShop(tx, shopId);
		const { rowCount } = await tx.query(
			`UPDATE connection_setup SET work = NULL, work_total = NULL, failed_work = CASE WHEN $3::text IS NOT NULL THEN 'restore' END, failed_reason = $3
			 WHERE shop_id = $1 AND connection_id = $2 AND work = 'restore'`,
			[shopId, connectionId, reason],
		);
		await tx.query("UPDATE listing SET restore_to = NULL WHERE shop_id = $1 AND connection_id = $2 AND restore_to IS NOT NULL", [
			shopId,
			connectionId,
		]);
		return rowCount === 1;
	});
	if (ended) await refreshListings(applyDepsOf(deps), shopId, { connectionId });
	return ended;
}

/** No sale is applied between counting what was sold and keeping it: apply takes every later one off (apply/decide/order.ts). */
async function freeze(deps: Deps, { shopId, connectionId }: Place): Promise<void> {
	await transactionWithRetry(deps.pool, async (tx) => {
		await lockShop(tx, shopId);
		await tx.query(freezeStatement, [shopId, connectionId]);
	});
}

const lockShop = (tx: Client, shopId: number) => tx.query("SELECT FROM shop_lane WHERE shop_id = $1 FOR UPDATE", [shopId]);

/** What is paused keeps what it shows; what failed before is tried again. Frozen twice, the first figures stay. */
const freezeStatement = `
WITH sold AS (${SOLD_SINCE}), these AS (
  SELECT l.id, greatest(0, l.original_quantity - coalesce(sold.units, 0)) AS restore_to FROM listing l LEFT JOIN sold ON sold.id = l.id
  WHERE l.shop_id = $1 AND l.connection_id = $2 AND l.link_state = 'linked' AND NOT l.paused AND l.original_quantity IS NOT NULL
    AND l.desired IS NOT NULL AND l.restore_to IS NULL
  ORDER BY l.id FOR UPDATE OF l
)
UPDATE listing l SET restore_to = these.restore_to, parked = false, attempts = 0, attempts_class = NULL, next_attempt_at = NULL
FROM these WHERE l.shop_id = $1 AND l.id = these.id`;

type State = { state: string; failures: number; total: number | null };

async function readState(db: Queryable, { shopId, connectionId }: Place): Promise<State> {
	const { rows } = await db.query<State>(
		`SELECT c.state, c.breaker_failures AS failures, u.work_total AS total FROM connection c
		 JOIN connection_setup u ON u.shop_id = c.shop_id AND u.connection_id = c.id WHERE c.shop_id = $1 AND c.id = $2`,
		[shopId, connectionId],
	);
	return rows[0] ?? { state: "gone", failures: 0, total: null };
}

type Progress = { total: number; waiting: number; refused: number; stuck: boolean };

async function noteProgress(db: Queryable, { shopId, connectionId }: Place): Promise<Progress> {
	const { rows } = await db.query<Progress>(
		`WITH now AS (
		   SELECT count(*)::int AS total, count(*) FILTER (WHERE dirty_since IS NOT NULL AND NOT parked AND NOT paused AND desired IS NOT NULL)::int AS waiting,
		     count(*) FILTER (WHERE dirty_since IS NOT NULL AND (parked OR paused OR desired IS NULL))::int AS refused
		   FROM listing WHERE shop_id = $1 AND connection_id = $2 AND restore_to IS NOT NULL
		 ), was AS (SELECT work_done, work_moved_at FROM connection_setup WHERE shop_id = $1 AND connection_id = $2 FOR UPDATE), noted AS (
		   UPDATE connection_setup u SET work_done = now.total - now.waiting, work_moved_at = CASE WHEN now.total - now.waiting > u.work_done THEN now() ELSE u.work_moved_at END
		   FROM now WHERE u.shop_id = $1 AND u.connection_id = $2 AND u.work = 'restore'
		 )
		 SELECT now.*, now.total - now.waiting <= was.work_done AND was.work_moved_at < now() - $3::interval AS stuck FROM now, was`,
		[shopId, connectionId, PATIENCE],
	);
	return rows[0] ?? { total: 0, waiting: 0, refused: 0, stuck: false };
}

/** null: it answers. */
async function whyUnreachable(deps: Deps, { shopId, connectionId }: Place): Promise<string | null> {
	const { client } = await openClient(deps, shopId, connectionId);
	try {
		const checked = await client.check();
		return checked.health === "red" ? checked.reason : null;
	} catch (error) {
		if (error instanceof ChannelError) return error.message;
		throw error;
	} finally {
		await client.close();
	}
}
