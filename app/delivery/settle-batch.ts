import type { ChannelError } from "#app/channels/errors.ts";
import { type Client, transaction } from "#app/db.server.ts";
import { type NewDeadLetter, recordDeadLetter, recordDeadLetters, resolveDeadLetters } from "#dead-letters";
import { appendEvents, requestFetch } from "#inbox";
import { markReachedHome, postponeOwed } from "#ledger";
import { type Attempt, keepAttempts, logAttempts } from "./attempts.ts";
import { backoffMs } from "./backoff.ts";
import type { DeliveryDeps } from "./deps.ts";
import { ClaimLostError } from "./lane.ts";
import type { BatchLine, ClaimedBatch } from "./sql/claim-batch.ts";
import { sampleHomeLag } from "./sql/sample-lag.ts";

export type BatchInHand = ClaimedBatch & { shopId: number; connectionId: number; token: string; lines: readonly BatchLine[] };

/** What home refuses by itself (not stocked there, a bundle) changes only when a person changes it; this often we look. */
const REFUSED_PAUSE_MS = 6 * 3_600_000;
/** After so many tries in vain a person is told; the same key goes on being tried as long as it is safe. */
const ATTEMPTS_MAX = 5;

/** Home did it. The event that says so and the batch's own state commit together, so the ledger hears of it exactly once. */
export async function landBatch(deps: DeliveryDeps, batch: BatchInHand, landedAt: string, tookMs: number): Promise<void> {
	const attempt = attemptOf(batch, { outcome: "landed", tookMs });
	const landed = await transaction(deps.pool, async (tx) => {
		const { rows } = await tx.query<{ answered_at: Date }>(
			`UPDATE delta_batch SET state = 'landed', landed_at = $3, answered_at = clock_timestamp(), last_error = NULL, claim_token = NULL,
			   claimed_until = NULL
			 WHERE shop_id = $1 AND id = $2 AND state = 'open' RETURNING answered_at`,
			[batch.shopId, batch.id, landedAt],
		);
		const [row] = rows;
		// Another worker sent the same key and was told the same.
		if (!row) return false;
		const event = { v: 1 as const, type: "delta.landed" as const, batchId: batch.id, landedAt, answeredAt: row.answered_at.toISOString() };
		await appendOwn(tx, batch, event, landedAt);
		await sampleHomeLag(tx, batch.shopId, batch.connectionId, await markReachedHome(tx, batch.shopId, batch.id));
		await resolveDeadLetters(tx, batch.shopId, [wholeKey(batch), ...batch.lines.map(lineKey)]);
		await keepAttempts(tx, batch.shopId, batch.connectionId, [attempt]);
		return true;
	});
	if (!landed) return;
	logAttempts(deps.log, batch.shopId, batch.connectionId, [attempt]);
	deps.onEvent?.(batch.shopId);
}

type Refusal = { index: number | null; error: ChannelError };

/**
 * Home refuses the batch, and nothing of it was done. Its units are owed again (apply does that) and go out under new keys:
 * without the lines that home named, or, if it named none, in halves, until the one that it refuses stands alone. That one
 * waits for a person; the others do not wait for it.
 */
export async function refuseBatch(deps: DeliveryDeps, batch: BatchInHand, refused: readonly Refusal[], tookMs: number): Promise<void> {
	const [first] = refused;
	if (!first) throw new Error(`Home refused batch ${batch.id} without saying what`);
	const attempt = attemptOf(batch, { outcome: "refused", error: first.error, tookMs });
	const named = refused.flatMap(({ index, error }) => {
		const line = batch.lines.length === 1 ? batch.lines[0] : index === null ? undefined : batch.lines[index];
		return line ? [{ line, error }] : [];
	});
	const hopeless = named.filter(({ error }) => !error.retryable);
	const passing = named.filter(({ error }) => error.retryable);
	const voided = await transaction(deps.pool, async (tx) => {
		const { rowCount } = await tx.query(
			`UPDATE delta_batch SET state = 'void', last_error = $3, claim_token = NULL, claimed_until = NULL
			 WHERE shop_id = $1 AND id = $2 AND state = 'open'`,
			[batch.shopId, batch.id, first.error.message],
		);
		if (rowCount === 0) return false;
		await appendOwn(tx, batch, { v: 1, type: "delta.void", batchId: batch.id, reason: first.error.message.slice(0, 500) }, null);
		await postponeOwed(
			tx,
			batch.shopId,
			hopeless.map(({ line }) => line),
			REFUSED_PAUSE_MS,
		);
		await postponeOwed(
			tx,
			batch.shopId,
			passing.map(({ line }) => line),
			backoffMs(batch.attempts + 1),
		);
		await recordDeadLetters(
			tx,
			hopeless.map(({ line, error }) => refusedLine(batch, line, error)),
		);
		await keepAttempts(tx, batch.shopId, batch.connectionId, [attempt]);
		return true;
	});
	if (!voided) return;
	logAttempts(deps.log, batch.shopId, batch.connectionId, [attempt]);
	deps.onEvent?.(batch.shopId);
}

/** Nobody knows, or not now: the same key with the same changes later. */
export async function postponeBatch(deps: DeliveryDeps, batch: BatchInHand, error: ChannelError, tookMs: number): Promise<void> {
	const lost = error instanceof ClaimLostError;
	const attempt = attemptOf(batch, { outcome: lost ? "lost" : error.outcomeUnknown ? "unknown" : "failed", error, tookMs });
	await transaction(deps.pool, async (tx) => {
		await tx.query(
			`UPDATE delta_batch SET next_attempt_at = clock_timestamp() + $4 * interval '1 millisecond', last_error = $5, claim_token = NULL, claimed_until = NULL
			 WHERE shop_id = $1 AND id = $2 AND claim_token = $3 AND state = 'open'`,
			[batch.shopId, batch.id, batch.token, lost ? 0 : backoffMs(batch.attempts + 1), error.message],
		);
		// Of a connection in trouble its own light tells.
		if (!error.connectionWide && !lost && (!error.retryable || batch.attempts + 1 >= ATTEMPTS_MAX)) {
			await recordDeadLetter(tx, wholeBatch(batch, error.errorClass, error.message));
		}
		await keepAttempts(tx, batch.shopId, batch.connectionId, [attempt]);
	});
	logAttempts(deps.log, batch.shopId, batch.connectionId, [attempt]);
}

/** A little longer than apply waits before it believes that a request of ours is over (SETTLED_AFTER_MS there). */
const READ_AFTER_MS = 65_000;

/**
 * The key is too old to be sent again, and whether home took it is not known. Home's own figures are asked for once our last
 * request has surely ended, and apply settles it by them (apply/decide/unresolved.ts); until then its units stay subtracted.
 */
export async function giveUpOnKey(deps: DeliveryDeps, batch: BatchInHand): Promise<void> {
	const message = "Home never said whether it took these differences, and their key is too old to ask again.";
	await transaction(deps.pool, async (tx) => {
		const { rowCount } = await tx.query(
			"UPDATE delta_batch SET state = 'unresolved', unresolved_at = clock_timestamp(), last_error = $3, claim_token = NULL, claimed_until = NULL WHERE shop_id = $1 AND id = $2 AND state = 'open'",
			[batch.shopId, batch.id, message],
		);
		if (rowCount === 0) return;
		await recordDeadLetter(tx, wholeBatch(batch, "key-expired", message));
		await requestFetch(
			tx,
			batch.lines.map((line) => ({
				shopId: batch.shopId,
				connectionId: batch.connectionId,
				kind: "levels" as const,
				externalId: line.itemExternalId,
				reason: "a write of unknown outcome",
				delayMs: READ_AFTER_MS,
				correlationId: batch.correlationId,
			})),
		);
	});
	deps.log.warn({ shopId: batch.shopId, connectionId: batch.connectionId, deltaBatchId: batch.id }, "delta_batch.unresolved");
}

type OwnEvent = Parameters<typeof appendEvents>[1][number]["event"];

const appendOwn = (tx: Client, batch: BatchInHand, event: NonNullable<OwnEvent>, occurredAt: string | null) =>
	appendEvents(tx, [
		{
			shopId: batch.shopId,
			connectionId: batch.connectionId,
			topic: event.type,
			source: "app",
			payload: null,
			event,
			// A batch ends once, one way or the other.
			deliveryKey: `delta:${batch.id}`,
			correlationId: batch.correlationId,
			occurredAt,
		},
	]);

const attemptOf = (batch: BatchInHand, end: Pick<Attempt, "outcome" | "tookMs" | "error">): Attempt => ({
	listingId: null,
	deltaBatchId: batch.id,
	operation: "home.adjust",
	quantity: batch.lines.reduce((sum, line) => sum + line.delta, 0),
	correlationId: batch.correlationId,
	...end,
});

const lineKey = (line: BatchLine) => `owed:${line.itemId}:${line.locationId}`;
const wholeKey = (batch: BatchInHand) => `delta-batch:${batch.id}`;

const letterBase = (batch: BatchInHand) => ({
	shopId: batch.shopId,
	direction: "out" as const,
	connectionId: batch.connectionId,
	deltaBatchId: batch.id,
	operation: "home.adjust",
	correlationId: batch.correlationId,
});

const refusedLine = (batch: BatchInHand, line: BatchLine, error: ChannelError): NewDeadLetter => ({
	...letterBase(batch),
	errorClass: error.errorClass,
	error: error.message,
	payload: { ...line, code: error.code ?? null },
	sourceKey: lineKey(line),
});

const wholeBatch = (batch: BatchInHand, errorClass: string, error: string): NewDeadLetter => ({
	...letterBase(batch),
	errorClass,
	error,
	payload: { idempotencyKey: batch.idempotencyKey, changes: batch.lines },
	attempts: Math.max(1, batch.attempts),
	sourceKey: wholeKey(batch),
});
