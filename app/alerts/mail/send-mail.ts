import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Pool } from "#app/db.server.ts";
import type { Mailer, MailResult } from "./transport.ts";

/** Longer than connecting, greeting and answering may take together. */
const CLAIM_MS = 120_000;
const SENT_PER_RUN_MAX = 50;
const BACKOFF_FIRST_MS = 5_000;
const BACKOFF_MAX_MS = 30 * 60_000;
/** What is told a day late is no alert any more. */
const LATE_HOURS = 24;
const FOUND_MAX = 500;
/** Kept so long, to show whether they arrived. */
const KEPT_DAYS = 30;

type MailDeps = { pool: Pool; log: Logger; mailer: Mailer | null };

/**
 * Sends what waits in one shop, one after the other. At least once: a process that dies after the server has taken an e-mail sends it
 * again, under the same Message-ID, by which a mail program shows it once. Of two workers each takes others. Safe at any time.
 */
export async function sendMail({ pool, log, mailer }: MailDeps, shopId: number): Promise<{ outcome: "done" | "more"; sent: number }> {
	await pool.query(
		`UPDATE mail SET state = 'dropped', error = coalesce(error, 'It could not be sent within a day'), done_at = now()
		 WHERE shop_id = $1 AND state = 'waiting' AND written_at < now() - $2 * interval '1 hour' AND coalesce(claimed_until <= now(), true)`,
		[shopId, LATE_HOURS],
	);
	if (!mailer) return { outcome: "done", sent: 0 };
	let sent = 0;
	for (let turn = 0; turn < SENT_PER_RUN_MAX; turn++) {
		const mail = await claim(pool, shopId);
		if (!mail) return { outcome: "done", sent };
		const { address, subject, text, html, id, token, attempts } = mail;
		const result = await mailer.send({ to: address, subject, text, html, messageId: `<${shopId}.${id}@lockstep>` });
		await note(pool, { shopId, id, token, attempts }, result);
		// The server's own words may name the address, and stay out of logs (R30); they stand in the row.
		log.info({ shopId, mail: id, attempts, outcome: result.outcome }, "mail.tried");
		if (result.outcome === "sent") sent++;
		// The server is the trouble: the others would meet the same.
		if (result.outcome === "again") return { outcome: "done", sent };
	}
	return { outcome: "more", sent };
}

/** Shops with e-mails that are due. For the sweeper. */
export async function findWaitingMail(pool: Pool): Promise<number[]> {
	const { rows } = await pool.query<{ id: number }>(
		`SELECT s.id FROM shop s WHERE EXISTS (SELECT FROM mail m WHERE m.shop_id = s.id AND m.state = 'waiting' AND m.next_attempt_at <= now()
		   AND coalesce(m.claimed_until <= now(), true)) LIMIT $1`,
		[FOUND_MAX],
	);
	return rows.map(({ id }) => id);
}

/** Old e-mails and alerts. For housekeeping. */
export async function forgetOldMail(pool: Pool): Promise<void> {
	await pool.query("DELETE FROM mail WHERE state <> 'waiting' AND done_at < now() - $1 * interval '1 day'", [KEPT_DAYS]);
	await pool.query("DELETE FROM alert WHERE resolved_at < now() - $1 * interval '1 day'", [3 * KEPT_DAYS]);
}

type Claimed = { id: number; address: string; subject: string; text: string; html: string; attempts: number; token: string };

async function claim(pool: Pool, shopId: number): Promise<Claimed | undefined> {
	const { rows } = await pool.query<Claimed>(
		`WITH due AS (
		   SELECT id FROM mail WHERE shop_id = $1 AND state = 'waiting' AND next_attempt_at <= now() AND coalesce(claimed_until <= now(), true)
		   ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
		 )
		 UPDATE mail m SET claim_token = $2, claimed_until = now() + $3 * interval '1 millisecond', attempts = attempts + 1
		 FROM due WHERE m.shop_id = $1 AND m.id = due.id
		 RETURNING m.id, m.address, m.subject, m.text_body AS text, m.html_body AS html, m.attempts, m.claim_token AS token`,
		[shopId, randomUUID(), CLAIM_MS],
	);
	return rows[0];
}

/** Whoever took the claim over meanwhile notes it instead. */
async function note(
	pool: Pool,
	{ shopId, id, token, attempts }: { shopId: number; id: number; token: string; attempts: number },
	result: MailResult,
): Promise<void> {
	const state = result.outcome === "sent" ? "sent" : result.outcome === "refused" ? "dropped" : "waiting";
	await pool.query(
		`UPDATE mail SET state = $4, error = $5, done_at = CASE WHEN $4 <> 'waiting' THEN now() END, claim_token = NULL, claimed_until = NULL,
		   next_attempt_at = now() + $6 * interval '1 millisecond'
		 WHERE shop_id = $1 AND id = $2 AND claim_token = $3`,
		[
			...[shopId, id, token, state],
			result.outcome === "sent" ? null : result.error.replaceAll("\0", "").slice(0, 500).toWellFormed(),
			result.outcome === "again" ? backoffMs(attempts) : 0,
		],
	);
}

/** Full jitter on the upper half, so that many shops do not come back together. */
const backoffMs = (attempts: number) =>
	Math.round((0.5 + Math.random() / 2) * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attempts - 1)));
