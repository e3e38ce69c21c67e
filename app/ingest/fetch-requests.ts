import type { Client, Queryable } from "#app/db.server.ts";
import { recordDeadLetters } from "#dead-letters";
import type { FetchKind } from "#inbox";

export type ClaimedRow = { externalId: string; seq: number; attempts: number; correlationId: string; reason: string };
export type Claimed = { shopId: number; connectionId: number; kind: FetchKind; token: string; rows: ClaimedRow[] };

/**
 * Leases what is due: the row that waits longest, and as many more of its kind as one call can bring. `seq` as it is now is
 * what an answer will serve; a hint that comes while we ask raises it, and the thing is read once more.
 */
export async function claimFetches(
	db: Queryable,
	claim: { shopId: number; connectionId: number; token: string; leaseMs: number; batch: Record<FetchKind, number> },
): Promise<Claimed> {
	const { shopId, connectionId, token, leaseMs, batch } = claim;
	const { rows } = await db.query<ClaimedRow & { kind: FetchKind }>(claimStatement, [
		shopId,
		connectionId,
		token,
		leaseMs,
		JSON.stringify(batch),
	]);
	return { shopId, connectionId, token, kind: rows[0]?.kind ?? "order", rows };
}

const isDue =
	"shop_id = $1 AND connection_id = $2 AND seq > done_seq AND due_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until <= clock_timestamp())";
const claimStatement = `
WITH longest AS (
  SELECT kind FROM fetch_request WHERE ${isDue} ORDER BY due_at LIMIT 1
), due AS (
  SELECT kind, external_id FROM fetch_request
  WHERE ${isDue} AND kind = (SELECT kind FROM longest)
  ORDER BY due_at LIMIT (SELECT ($5::jsonb ->> kind)::int FROM longest)
  FOR UPDATE SKIP LOCKED
)
UPDATE fetch_request f SET lease_token = $3, lease_until = clock_timestamp() + $4 * interval '1 millisecond'
FROM due WHERE f.shop_id = $1 AND f.connection_id = $2 AND f.kind = due.kind AND f.external_id = due.external_id
RETURNING f.kind, f.external_id AS "externalId", f.seq, f.attempts, f.correlation_id AS "correlationId", f.reason`;

/**
 * The rows of a lease, locked in the order in which requestFetch locks them: those who ask for the same things meanwhile and
 * this wait for each other instead of in a circle.
 */
const ownRows = (kind: string, ids: string) =>
	`(SELECT external_id FROM fetch_request WHERE shop_id = $1 AND connection_id = $2 AND lease_token = $3 AND kind = ${kind} AND external_id = ANY(${ids})
	  ORDER BY external_id FOR UPDATE)`;

export async function keepLease(db: Queryable, claimed: Claimed, leaseMs: number): Promise<void> {
	const { shopId, connectionId, token, kind, rows } = claimed;
	await db.query(
		`UPDATE fetch_request f SET lease_until = clock_timestamp() + $6 * interval '1 millisecond'
		 FROM ${ownRows("$4", "$5::text[]")} AS own
		 WHERE f.shop_id = $1 AND f.connection_id = $2 AND f.kind = $4 AND f.external_id = own.external_id`,
		[shopId, connectionId, token, kind, rows.map((row) => row.externalId), leaseMs],
	);
}

/**
 * Marks as answered what was asked at `askedAt` (database's clock), where the lease is still ours; gives back which. A wish for
 * a later moment than we asked at stays, and comes due then.
 */
export async function finishFetches(tx: Client, claimed: Claimed, askedAt: string): Promise<Set<string>> {
	const { rows } = await tx.query<{ external_id: string }>(
		`UPDATE fetch_request f SET
		   done_seq = greatest(f.done_seq, CASE WHEN f.again_at > $6 THEN answered.seq - 1 ELSE answered.seq END),
		   due_at = CASE WHEN f.again_at > $6 AND f.seq = answered.seq THEN f.again_at ELSE f.due_at END,
		   lease_token = NULL, lease_until = NULL, attempts = 0, last_error = NULL
		 FROM ${ownRows("$7", "$4::text[]")} AS own
		 JOIN unnest($4::text[], $5::bigint[]) AS answered (external_id, seq) USING (external_id)
		 WHERE f.shop_id = $1 AND f.connection_id = $2 AND f.kind = $7 AND f.external_id = own.external_id
		 RETURNING f.external_id`,
		[...lease(claimed), askedAt, claimed.kind],
	);
	const held = rows.map((row) => row.external_id);
	// What a person was shown as failing has healed by itself.
	if (claimed.rows.some((row) => row.attempts > 0)) {
		await tx.query(
			"UPDATE dead_letter SET state = 'resolved', last_at = clock_timestamp() WHERE shop_id = $1 AND state = 'open' AND source_key = ANY($2)",
			[claimed.shopId, held.map((id) => sourceKey(claimed, id))],
		);
	}
	return new Set(held);
}

export type Failure = {
	terminal: boolean;
	connectionWide: boolean;
	delayMs: number;
	deadLetter: boolean;
	errorClass: string;
	error: string;
};

/**
 * terminal: nobody asks again until the next hint. Otherwise it comes due after `delayMs`; and if the failure speaks of the
 * connection, so does everything else that is due there, or a channel that is down would be asked once a second by the sweep.
 */
export async function failFetches(tx: Client, claimed: Claimed, failure: Failure): Promise<void> {
	const { rows } = await tx.query<{ external_id: string; attempts: number; correlation_id: string; reason: string }>(
		`UPDATE fetch_request f SET
		   done_seq = CASE WHEN $7 THEN greatest(f.done_seq, failed.seq) ELSE f.done_seq END,
		   due_at = CASE WHEN $7 THEN f.due_at ELSE clock_timestamp() + $8 * interval '1 millisecond' END,
		   lease_token = NULL, lease_until = NULL, attempts = f.attempts + 1, last_error = $9
		 FROM ${ownRows("$6", "$4::text[]")} AS own
		 JOIN unnest($4::text[], $5::bigint[]) AS failed (external_id, seq) USING (external_id)
		 WHERE f.shop_id = $1 AND f.connection_id = $2 AND f.kind = $6 AND f.external_id = own.external_id
		 RETURNING f.external_id, f.attempts, f.correlation_id, f.reason`,
		[...lease(claimed), claimed.kind, failure.terminal, failure.delayMs, failure.error],
	);
	if (failure.connectionWide) {
		await tx.query(
			`UPDATE fetch_request f SET due_at = clock_timestamp() + $3 * interval '1 millisecond'
			 FROM (SELECT kind, external_id FROM fetch_request WHERE ${isDue} FOR UPDATE SKIP LOCKED) AS due
			 WHERE f.shop_id = $1 AND f.connection_id = $2 AND f.kind = due.kind AND f.external_id = due.external_id`,
			[claimed.shopId, claimed.connectionId, failure.delayMs],
		);
	}
	if (!failure.deadLetter || rows.length === 0) return;
	await recordDeadLetters(
		tx,
		rows.map((row) => ({
			shopId: claimed.shopId,
			direction: "in",
			connectionId: claimed.connectionId,
			operation: `fetch.${claimed.kind}`,
			errorClass: failure.errorClass,
			error: failure.error,
			payload: { externalId: row.external_id, reason: row.reason },
			attempts: row.attempts,
			sourceKey: sourceKey(claimed, row.external_id),
			correlationId: row.correlation_id,
		})),
	);
}

/** Milliseconds until something is due and nobody's; null when nothing waits. */
export async function nextDueInMs(db: Queryable, shopId: number, connectionId: number): Promise<number | null> {
	const { rows } = await db.query<{ ms: number | null }>(
		`SELECT extract(epoch FROM min(greatest(due_at, coalesce(lease_until, due_at))) - clock_timestamp())::float8 * 1000 AS ms
		 FROM fetch_request WHERE shop_id = $1 AND connection_id = $2 AND seq > done_seq`,
		[shopId, connectionId],
	);
	const ms = rows[0]?.ms ?? null;
	return ms === null ? null : Math.max(0, Math.ceil(ms));
}

/** ISO 8601 with microseconds: a JavaScript date would cut them off, and an answer would seem older than it is. */
export async function readDatabaseClock(db: Queryable): Promise<string> {
	const { rows } = await db.query<{ now: string }>(
		`SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now`,
	);
	if (!rows[0]) throw new Error("The database does not know what time it is");
	return rows[0].now;
}

const lease = (claimed: Claimed) => [
	claimed.shopId,
	claimed.connectionId,
	claimed.token,
	claimed.rows.map((row) => row.externalId),
	claimed.rows.map((row) => row.seq),
];
const sourceKey = (claimed: Claimed, externalId: string) => `fetch:${claimed.connectionId}:${claimed.kind}:${externalId}`;
