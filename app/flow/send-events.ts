import { randomUUID } from "node:crypto";
import type { HomeClient } from "#app/channels/channel.ts";
import { ChannelError } from "#app/channels/errors.ts";
import type { Pool } from "#app/db.server.ts";
import { type Deps, openClient } from "#connections";
import { type FlowEvent, readEvent } from "./read-event.ts";

/** Longer than the wait for budget (20 s), a renewed token and a request take together. */
const CLAIM_MS = 120_000;
/** Home's budget is shared with stock: after so many the others have their turn. */
const SENT_PER_RUN_MAX = 50;
const ATTEMPTS_MAX = 10;
const BACKOFF_FIRST_MS = 5_000;
const BACKOFF_MAX_MS = 30 * 60_000;
/** An automation that starts a day late surprises more than it helps. */
const LATE_HOURS = 24;

export type Sending = { outcome: "done" | "more" | "closed"; sent: number };

/**
 * Tells Flow what waits to be told in one shop, one after the other, paid from home's budget. At least once: Flow has no key that
 * recognises a repetition, so an event that was sent by a process that died before it noted it is sent again, under the same
 * "Event ID". Of two workers each takes other events. Safe to run at any time.
 */
export async function sendEvents(deps: Deps, shopId: number): Promise<Sending> {
	const { pool } = deps;
	await dropLate(pool, shopId);
	const home = await homeOf(pool, shopId);
	if (home === null) return { outcome: "closed", sent: 0 };
	const { client } = await openClient(deps, shopId, home);
	let sent = 0;
	try {
		for (let turn = 0; turn < SENT_PER_RUN_MAX; turn++) {
			const claimed = await claim(pool, shopId);
			if (!claimed) return { outcome: "done", sent };
			const result = await sendOne(pool, client.home, claimed);
			await note(pool, claimed, result);
			deps.log.info({ shopId, handle: claimed.handle, event: claimed.sourceKey, ...result }, "flow.event_sent");
			if (result.outcome === "sent") sent++;
			// The shop's access or Shopify itself is the trouble: what stands behind it would meet the same.
			if (result.outcome === "again" && result.connectionWide) return { outcome: "done", sent };
		}
		return { outcome: "more", sent };
	} finally {
		await client.close();
	}
}

/** Shops with events that are due. */
export async function findWaitingEvents(pool: Pool): Promise<number[]> {
	const { rows } = await pool.query<{ id: number }>(
		`SELECT s.id FROM shop s WHERE s.state = 'installed' AND EXISTS (
		   SELECT FROM flow_event e WHERE e.shop_id = s.id AND e.state = 'waiting' AND e.next_attempt_at <= now()
		     AND (e.claimed_until IS NULL OR e.claimed_until <= now()))
		 LIMIT $1`,
		[FOUND_MAX],
	);
	return rows.map(({ id }) => id);
}
const FOUND_MAX = 500;

type Claimed = FlowEvent & { token: string; attempts: number };
type Result =
	| { outcome: "sent" }
	| { outcome: "dropped"; error: string }
	| { outcome: "again"; error: string; waitMs: number; connectionWide: boolean };

async function sendOne(pool: Pool, home: HomeClient | undefined, event: Claimed): Promise<Result> {
	const payload = await readEvent(pool, event);
	if (payload === null) return { outcome: "dropped", error: "what it was about is gone" };
	if (!home?.startWorkflows) return { outcome: "dropped", error: "this home has no workflows" };
	try {
		const answer = await home.startWorkflows({ handle: event.handle, payload });
		return answer.outcome === "taken" ? { outcome: "sent" } : { outcome: "dropped", error: answer.reason };
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		// An access that is refused may be renewed by the merchant; what Shopify understood and refuses stays refused.
		const passes = error.retryable || error.errorClass === "credentials";
		if (!passes || event.attempts >= ATTEMPTS_MAX) return { outcome: "dropped", error: error.message };
		return { outcome: "again", error: error.message, waitMs: backoffMs(event.attempts), connectionWide: error.connectionWide };
	}
}

/** Full jitter, so that many shops do not come back together. */
const backoffMs = (attempts: number) =>
	Math.round((0.5 + Math.random() / 2) * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attempts - 1)));

async function homeOf(pool: Pool, shopId: number): Promise<number | null> {
	const { rows } = await pool.query<{ id: number }>(
		`SELECT c.id FROM connection c JOIN shop s ON s.id = c.shop_id AND s.state = 'installed'
		 WHERE c.shop_id = $1 AND c.is_home AND c.state <> 'disconnected'`,
		[shopId],
	);
	return rows[0]?.id ?? null;
}

async function claim(pool: Pool, shopId: number): Promise<Claimed | undefined> {
	const token = randomUUID();
	const { rows } = await pool.query<Claimed>(
		`WITH due AS (
		   SELECT id FROM flow_event WHERE shop_id = $1 AND state = 'waiting' AND next_attempt_at <= now()
		     AND (claimed_until IS NULL OR claimed_until <= now())
		   ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
		 )
		 UPDATE flow_event e SET claim_token = $2, claimed_until = now() + $3 * interval '1 millisecond', attempts = attempts + 1
		 FROM due WHERE e.shop_id = $1 AND e.id = due.id
		 RETURNING e.shop_id AS "shopId", e.id, e.handle, e.subject_id AS "subjectId", e.source_key AS "sourceKey", e.detail, e.attempts,
		   e.claim_token AS token`,
		[shopId, token, CLAIM_MS],
	);
	return rows[0];
}

/** Whoever took the claim over meanwhile notes it instead. */
async function note(pool: Pool, { shopId, id, token }: Claimed, result: Result): Promise<void> {
	const isDone = result.outcome !== "again";
	await pool.query(
		`UPDATE flow_event SET state = $4, error = $5, done_at = CASE WHEN $6 THEN now() END, claim_token = NULL, claimed_until = NULL,
		   next_attempt_at = now() + $7 * interval '1 millisecond'
		 WHERE shop_id = $1 AND id = $2 AND claim_token = $3`,
		[
			shopId,
			id,
			token,
			isDone ? result.outcome : "waiting",
			result.outcome === "sent" ? null : result.error.slice(0, 500).toWellFormed(),
			isDone,
			result.outcome === "again" ? result.waitMs : 0,
		],
	);
}

async function dropLate(pool: Pool, shopId: number): Promise<void> {
	await pool.query(
		`UPDATE flow_event SET state = 'dropped', error = 'too late', done_at = now() WHERE shop_id = $1 AND state = 'waiting'
		   AND occurred_at < now() - $2 * interval '1 hour' AND (claimed_until IS NULL OR claimed_until <= now())`,
		[shopId, LATE_HOURS],
	);
}

/** What was sent or dropped so long ago tells nobody anything; one statement over all shops, in small bites. */
const KEPT_DAYS = 30;
const FORGOTTEN_PER_RUN_MAX = 10_000;
export async function forgetOldEvents(pool: Pool): Promise<void> {
	await pool.query(
		`DELETE FROM flow_event e USING (SELECT shop_id, id FROM flow_event WHERE state <> 'waiting' AND done_at < now() - $1 * interval '1 day'
		   ORDER BY shop_id, id LIMIT $2) old WHERE e.shop_id = old.shop_id AND e.id = old.id`,
		[KEPT_DAYS, FORGOTTEN_PER_RUN_MAX],
	);
}
