import type { PoolClient } from "pg";
import { stockEventSchema } from "#domain";
import type { BatchEvent, Verdict } from "../decide/state.ts";

export type ReadEvent = { id: number; receivedAt: Date; topic: string; correlationId: string; connectionId: number; payload: unknown } & (
	| { readable: true; event: BatchEvent }
	| { readable: false; error: string }
);

/**
 * The oldest events of the shop that wait. While the first import runs only what it (and what it asked for) brings is
 * applied: everything else is kept, and drained once the opening figures stand. A guest's events wait until its cut is set.
 */
export async function readPending(tx: PoolClient, shopId: number, options: { importing: boolean; limit: number }): Promise<ReadEvent[]> {
	const result = await tx.query(
		`SELECT id, received_at, connection_id, topic, source, correlation_id, event, payload FROM inbox_event
		 WHERE shop_id = $1 AND lane = 'stock' AND status = 'pending'
		   AND connection_id NOT IN (SELECT id FROM connection WHERE shop_id = $1 AND state = 'connecting' AND NOT is_home) AND (NOT $2::boolean OR source = 'import' OR (source = 'fetch' AND event->>'type' LIKE 'home.%'))
		 ORDER BY id LIMIT $3`,
		[shopId, options.importing, options.limit],
	);
	return result.rows.map((r) => {
		const common = {
			id: r.id,
			receivedAt: r.received_at,
			topic: r.topic,
			correlationId: r.correlation_id,
			connectionId: r.connection_id,
			payload: r.payload,
		};
		const parsed = stockEventSchema.safeParse(r.event);
		if (!parsed.success)
			return { ...common, readable: false, error: `Not a canonical event: ${parsed.error.issues[0]?.message ?? "unknown"}` };
		const event: BatchEvent = {
			id: r.id,
			connectionId: r.connection_id,
			source: r.source,
			correlationId: r.correlation_id,
			receivedAt: r.received_at.getTime(),
			event: parsed.data,
		};
		return { ...common, readable: true, event };
	});
}

/** Writes each event's verdict; parked ones become dead letters in the same statement. */
export async function markEvents(tx: PoolClient, shopId: number, marked: readonly { event: ReadEvent; verdict: Verdict }[]): Promise<void> {
	if (marked.length === 0) return;
	await tx.query(
		`WITH verdict AS (
		   SELECT * FROM jsonb_to_recordset($2::jsonb) AS r(id bigint, received_at timestamptz, status text, outcome text, error text, error_class text)
		 ), written AS (
		   UPDATE inbox_event e SET status = v.status, outcome = v.outcome, error = v.error, processed_at = clock_timestamp(), attempts = attempts + 1
		   FROM verdict v WHERE e.shop_id = $1 AND e.id = v.id AND e.received_at BETWEEN v.received_at - interval '1 second' AND v.received_at + interval '1 second'
		   RETURNING e.id, e.connection_id, e.topic, e.payload, e.event, e.correlation_id, v.status, v.error, v.error_class
		 )
		 INSERT INTO dead_letter (shop_id, direction, connection_id, event_id, operation, error_class, error, payload, source_key, correlation_id)
		 SELECT $1, 'in', connection_id, id, topic, error_class, error, coalesce(payload, event), 'event:' || id, correlation_id
		 FROM written WHERE status = 'parked'
		 ON CONFLICT (shop_id, source_key) DO UPDATE SET attempts = dead_letter.attempts + 1, last_at = clock_timestamp(), error = excluded.error, state = 'open'`,
		[
			shopId,
			JSON.stringify(
				marked.map(({ event, verdict }) => ({
					id: event.id,
					received_at: event.receivedAt.toISOString(),
					status: verdict.outcome === "parked" ? "parked" : verdict.outcome === "applied" ? "processed" : "ignored",
					outcome: verdict.outcome === "parked" ? verdict.errorClass : verdict.note,
					error: verdict.outcome === "parked" ? verdict.error : null,
					error_class: verdict.outcome === "parked" ? verdict.errorClass : null,
				})),
			),
		],
	);
}

/** What a person has to settle although the event was applied as far as it could be. */
export async function writeComplaints(
	tx: PoolClient,
	shopId: number,
	rows: readonly {
		connectionId: number;
		eventId: number;
		errorClass: string;
		error: string;
		sourceKey: string;
		correlationId: string;
		topic: string;
	}[],
): Promise<void> {
	if (rows.length === 0) return;
	const newest = [...new Map(rows.map((r) => [r.sourceKey, r])).values()];
	await tx.query(
		`INSERT INTO dead_letter (shop_id, direction, connection_id, event_id, operation, error_class, error, source_key, correlation_id)
		 SELECT $1, 'in', connection_id, event_id, topic, error_class, error, source_key, correlation_id
		 FROM jsonb_to_recordset($2::jsonb) AS r(connection_id bigint, event_id bigint, topic text, error_class text, error text, source_key text, correlation_id text)
		 ON CONFLICT (shop_id, source_key) DO UPDATE SET attempts = dead_letter.attempts + 1, last_at = clock_timestamp(), error = excluded.error,
		   event_id = excluded.event_id, state = 'open'`,
		[
			shopId,
			JSON.stringify(
				newest.map((r) => ({
					connection_id: r.connectionId,
					event_id: r.eventId,
					topic: r.topic,
					error_class: r.errorClass,
					error: r.error,
					source_key: r.sourceKey,
					correlation_id: r.correlationId,
				})),
			),
		],
	);
}

/** An order whose lines could all be placed no longer needs anybody. */
export async function resolveComplaints(tx: PoolClient, shopId: number, sourceKeys: readonly string[]): Promise<void> {
	if (sourceKeys.length === 0) return;
	await tx.query(
		"UPDATE dead_letter SET state = 'resolved', last_at = clock_timestamp() WHERE shop_id = $1 AND source_key = ANY($2) AND state = 'open'",
		[shopId, sourceKeys],
	);
}

/** Batches that nobody knew the end of, and of which every line is settled now (delivery/settle-batch.ts wrote the letter). */
export async function resolveSettledBatches(tx: PoolClient, shopId: number, batchIds: readonly number[]): Promise<void> {
	if (batchIds.length === 0) return;
	await tx.query(
		`UPDATE dead_letter d SET state = 'resolved', last_at = clock_timestamp()
		 WHERE d.shop_id = $1 AND d.source_key = ANY(SELECT 'delta-batch:' || id FROM unnest($2::bigint[]) AS id) AND d.state = 'open'
		   AND NOT EXISTS (SELECT FROM delta_line l WHERE l.shop_id = $1 AND l.batch_id = d.delta_batch_id AND l.state IN ('open', 'unresolved'))`,
		[shopId, batchIds],
	);
}

export async function writeDifferences(
	tx: PoolClient,
	shopId: number,
	rows: readonly { connectionId: number; listingId: number; expected: number; found: number; cause: string }[],
): Promise<void> {
	if (rows.length === 0) return;
	await tx.query(
		`INSERT INTO difference (shop_id, connection_id, listing_id, expected, found, cause)
		 SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::int[], $5::int[], $6::text[])`,
		[
			shopId,
			rows.map((r) => r.connectionId),
			rows.map((r) => r.listingId),
			rows.map((r) => r.expected),
			rows.map((r) => r.found),
			rows.map((r) => r.cause),
		],
	);
}

/** Makers of copies, as home names them; each is noted once, and few at all. */
export async function writeMirrorSources(
	tx: PoolClient,
	shopId: number,
	found: readonly { connectionId: number; name: string }[],
): Promise<void> {
	for (const { connectionId, name } of found) {
		await tx.query(
			`UPDATE connection SET mirror_sources = array_append(mirror_sources, $3::text)
			 WHERE shop_id = $1 AND id = $2 AND NOT mirror_sources @> ARRAY[$3::text] AND cardinality(mirror_sources) < $4`,
			[shopId, connectionId, name, MIRROR_SOURCES_MAX],
		);
	}
}
const MIRROR_SOURCES_MAX = 20;
