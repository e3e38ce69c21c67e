import type { Queryable } from "#app/db.server.ts";

export type NewDeadLetter = {
	shopId: number;
	/** in: a message that could not become stock. out: a channel that could not be brought to its figure. */
	direction: "in" | "out";
	connectionId: number;
	eventId?: number | null;
	listingId?: number | null;
	deltaBatchId?: number | null;
	/** What was tried ("listing.write", "orders/updated"). */
	operation: string;
	errorClass: string;
	error: string;
	/** What it takes to try again; nothing secret, nothing personal. */
	payload?: unknown;
	/** How often it was tried until now; each further failure of the same source adds one. */
	attempts?: number;
	/** The same trouble of the same thing is one row, however often it comes back. */
	sourceKey: string;
	correlationId: string;
};

/** Errors are for people: what does not fit a screen is in the attempts. */
const ERROR_CHARS_MAX = 2_000;

export const recordDeadLetter = (db: Queryable, letter: NewDeadLetter): Promise<void> => recordDeadLetters(db, [letter]);

/** Writes or renews dead letters in one statement. One that a person had closed opens again: it has happened again. */
export async function recordDeadLetters(db: Queryable, letters: readonly NewDeadLetter[]): Promise<void> {
	// One statement may not touch a row twice.
	const bySource = new Map(letters.map((letter) => [`${letter.shopId} ${letter.sourceKey}`, letter]));
	if (bySource.size === 0) return;
	await db.query(recordStatement, [JSON.stringify([...bySource.values()].map(toRecord))]);
}

/** What they complained of has succeeded after all. */
export async function resolveDeadLetters(db: Queryable, shopId: number, sourceKeys: readonly string[]): Promise<void> {
	if (sourceKeys.length === 0) return;
	await db.query(
		"UPDATE dead_letter SET state = 'resolved', last_at = clock_timestamp() WHERE shop_id = $1 AND source_key = ANY($2) AND state = 'open'",
		[shopId, sourceKeys],
	);
}

const recordStatement = `
INSERT INTO dead_letter AS d (shop_id, direction, connection_id, event_id, listing_id, delta_batch_id, operation, error_class, error, payload,
  attempts, source_key, correlation_id)
SELECT shop_id, direction, connection_id, event_id, listing_id, delta_batch_id, operation, error_class, error, payload, attempts, source_key,
  correlation_id
FROM jsonb_to_recordset($1::jsonb) AS r(shop_id bigint, direction text, connection_id bigint, event_id bigint, listing_id bigint,
  delta_batch_id bigint, operation text, error_class text, error text, payload jsonb, attempts int, source_key text, correlation_id text)
ORDER BY shop_id, source_key
ON CONFLICT (shop_id, source_key) DO UPDATE SET
  attempts = d.attempts + 1, last_at = clock_timestamp(), state = 'open', error_class = excluded.error_class, error = excluded.error,
  payload = excluded.payload, operation = excluded.operation, event_id = coalesce(excluded.event_id, d.event_id),
  delta_batch_id = coalesce(excluded.delta_batch_id, d.delta_batch_id), correlation_id = excluded.correlation_id`;

const toRecord = (letter: NewDeadLetter) => ({
	shop_id: letter.shopId,
	direction: letter.direction,
	connection_id: letter.connectionId,
	event_id: letter.eventId ?? null,
	listing_id: letter.listingId ?? null,
	delta_batch_id: letter.deltaBatchId ?? null,
	operation: letter.operation,
	error_class: letter.errorClass,
	error: letter.error.replaceAll("\0", "\uFFFD").slice(0, ERROR_CHARS_MAX).toWellFormed(),
	payload: letter.payload ?? null,
	attempts: letter.attempts ?? 1,
	source_key: letter.sourceKey,
	correlation_id: letter.correlationId,
});
