import { OWNER_IS_GONE } from "#app/connections/process-session.ts";
import type { Queryable } from "#app/db.server.ts";

/** A key is known to Shopify for 24 h; an hour is left for clocks and for the request itself. */
const KEY_AGE_MAX_HOURS = 23;

export type ClaimedBatch = {
	id: number;
	idempotencyKey: string;
	attempts: number;
	correlationId: string;
	/** It was first sent so long ago that sending it again could do it a second time. */
	keyExpired: boolean;
};
export type BatchLine = { itemId: number; locationId: number; itemExternalId: string; locationExternalId: string; delta: number };
type Held = { shopId: number; id: number; token: string };

/** The oldest open batch that is due and that nobody sends right now. */
export async function claimBatch(
	db: Queryable,
	{ shopId, connectionId, token, leaseMs }: { shopId: number; connectionId: number; token: string; leaseMs: number },
): Promise<ClaimedBatch | null> {
	const { rows } = await db.query<ClaimedBatch>(claimStatement, [shopId, connectionId, token, leaseMs, KEY_AGE_MAX_HOURS]);
	return rows[0] ?? null;
}

const claimStatement = `
UPDATE delta_batch b SET claim_token = $3, claimed_until = now() + $4 * interval '1 millisecond'
FROM (
  SELECT id FROM delta_batch
  WHERE shop_id = $1 AND connection_id = $2 AND state = 'open' AND next_attempt_at <= now()
    AND (claimed_until IS NULL OR claimed_until <= now() OR ${OWNER_IS_GONE("claim_token")})
  ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
) due
WHERE b.shop_id = $1 AND b.id = due.id
RETURNING b.id, b.idempotency_key AS "idempotencyKey", b.attempts, b.correlation_id AS "correlationId",
  coalesce(b.first_tried_at <= now() - $5 * interval '1 hour', false) AS "keyExpired"`;

/** The lines as they were formed, in the order in which they are sent: the same key always carries the same changes. */
export async function readLines(db: Queryable, shopId: number, batchId: number): Promise<BatchLine[]> {
	const { rows } = await db.query<BatchLine>(
		`SELECT d.item_id AS "itemId", d.location_id AS "locationId", i.external_id AS "itemExternalId", l.external_id AS "locationExternalId", d.delta
		 FROM delta_line d
		 JOIN item i ON i.shop_id = d.shop_id AND i.id = d.item_id
		 JOIN location l ON l.shop_id = d.shop_id AND l.id = d.location_id
		 WHERE d.shop_id = $1 AND d.batch_id = $2 ORDER BY d.id`,
		[shopId, batchId],
	);
	return rows;
}

/** The last look before the request leaves; false: it is not ours any more, too old, or the connection is not live. */
export async function keepBatch(db: Queryable, { shopId, id, token }: Held, leaseMs: number): Promise<boolean> {
	const { rowCount } = await db.query(keepStatement, [shopId, id, token, leaseMs, KEY_AGE_MAX_HOURS]);
	return rowCount === 1;
}

const keepStatement = `
UPDATE delta_batch b SET claimed_until = clock_timestamp() + $4 * interval '1 millisecond',
  first_tried_at = coalesce(b.first_tried_at, clock_timestamp()), attempts = b.attempts + 1
WHERE b.shop_id = $1 AND b.id = $2 AND b.claim_token = $3 AND b.state = 'open' AND b.claimed_until > clock_timestamp()
  AND (b.first_tried_at IS NULL OR b.first_tried_at > clock_timestamp() - $5 * interval '1 hour')
  AND EXISTS (SELECT FROM connection c JOIN shop s ON s.id = c.shop_id
    WHERE c.shop_id = b.shop_id AND c.id = b.connection_id AND c.state = 'live' AND s.state = 'installed')`;

export async function releaseBatch(db: Queryable, { shopId, id, token }: Held): Promise<void> {
	await db.query("UPDATE delta_batch SET claim_token = NULL, claimed_until = NULL WHERE shop_id = $1 AND id = $2 AND claim_token = $3", [
		shopId,
		id,
		token,
	]);
}
