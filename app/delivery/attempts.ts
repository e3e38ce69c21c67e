import type { Logger } from "pino";
import type { ChannelError } from "#app/channels/errors.ts";
import type { Queryable } from "#app/db.server.ts";

/** One try to bring one figure (or one batch of differences) to a channel, whatever came of it. */
export type Attempt = {
	listingId: number | null;
	deltaBatchId?: number | null;
	/** "listing.write", "listing.read", "home.adjust". */
	operation: string;
	quantity: number | null;
	/**
	 * landed: the channel said so. accepted: it will be applied later. failed: surely not done. unknown: nobody knows. refused: home wants none of it. watched:
	 * what would have been sent, had the connection been live. lost: the claim went to another worker before the request left.
	 */
	outcome: "landed" | "accepted" | "failed" | "unknown" | "refused" | "watched" | "lost";
	error?: Error | undefined;
	tookMs: number | null;
	correlationId: string;
};

const ERROR_CHARS_MAX = 500;

/** Keeps the attempts: rows in one statement, for the person who asks why a figure is what it is (R21). */
export async function keepAttempts(db: Queryable, shopId: number, connectionId: number, attempts: readonly Attempt[]): Promise<void> {
	if (attempts.length === 0) return;
	await db.query(insertStatement, [shopId, connectionId, JSON.stringify(attempts.map(toRecord))]);
}

/** One wide line per attempt, once its outcome is committed. */
export function logAttempts(log: Logger, shopId: number, connectionId: number, attempts: readonly Attempt[]): void {
	for (const attempt of attempts) {
		const { error, ...fields } = attempt;
		const level = error === undefined ? "info" : "warn";
		log[level](
			{ shopId, connectionId, ...fields, ...(error && { errorClass: classOf(error), error: error.message }) },
			"delivery.attempted",
		);
	}
}

/** What attempts, listings and dead letters are counted by. */
export const classOf = (error: Error): string => (error as Partial<ChannelError>).errorClass ?? "unexpected";

const insertStatement = `
INSERT INTO delivery_attempt (shop_id, connection_id, listing_id, delta_batch_id, operation, quantity, outcome, error_class, error, http_status,
  request_id, took_ms, correlation_id)
SELECT $1, $2, listing_id, delta_batch_id, operation, quantity, outcome, error_class, error, http_status, request_id, took_ms, correlation_id
FROM jsonb_to_recordset($3::jsonb) AS r(listing_id bigint, delta_batch_id bigint, operation text, quantity int, outcome text, error_class text,
  error text, http_status int, request_id text, took_ms int, correlation_id text)`;

function toRecord(attempt: Attempt) {
	const error = attempt.error as (Error & Partial<ChannelError>) | undefined;
	return {
		listing_id: attempt.listingId,
		delta_batch_id: attempt.deltaBatchId ?? null,
		operation: attempt.operation,
		quantity: attempt.quantity,
		outcome: attempt.outcome,
		error_class: error ? classOf(error) : null,
		error: error ? error.message.replaceAll("\0", "\uFFFD").slice(0, ERROR_CHARS_MAX).toWellFormed() : null,
		http_status: error?.httpStatus ?? null,
		request_id: error?.requestId ?? null,
		took_ms: attempt.tookMs,
		correlation_id: attempt.correlationId,
	};
}
