import type { Queryable } from "#app/db.server.ts";
import { type CanonicalEvent, laneOf } from "#domain";
import { storableJson, storableText } from "./storable.ts";

export type EventSource = "webhook" | "queue" | "fetch" | "poll" | "import" | "replay" | "app";

export type NewInboxEvent = {
	shopId: number;
	connectionId: number;
	/** The sender's topic, or ours for what we asked for ourselves ("orders/updated", "fetch.order"). */
	topic: string;
	source: EventSource;
	/** What the sender sent, reduced to the allow-listed fields; null for our own events. */
	payload: unknown;
	/** null: could not be understood (parked), or says nothing about stock (ignored). */
	event: CanonicalEvent | null;
	/** Repeats of a key stop here. null: always taken (its effect is idempotent by itself). */
	deliveryKey: string | null;
	correlationId: string;
	/** Sender's clock, ISO 8601. */
	occurredAt: string | null;
	/** Our clock, for what waited on disk before it came here; otherwise the database says when. */
	receivedAt?: string;
	/** parked: also written to the dead letters. ignored: kept for the record. */
	status?: "pending" | "parked" | "ignored";
	/** For parked rows, what dead letters are grouped by ("unexpected-shape"); for ignored ones a word on why. */
	outcome?: string;
	error?: string;
};

export type AppendedEvents = {
	inserted: number;
	duplicates: number;
	/** One per row, in the order given. */
	outcomes: ("inserted" | "duplicate")[];
};

/**
 * Puts events into the inbox, all or none, in one statement: delivery keys, events and the dead letters of parked ones. It
 * returns after the commit when `db` is a pool; inside a transaction it is durable with that transaction.
 *
 * A key that another transaction is inserting right now is waited for: so "duplicate" is said only of what is committed.
 */
export async function appendEvents(db: Queryable, rows: readonly NewInboxEvent[]): Promise<AppendedEvents> {
	const outcomes = rows.map(() => "duplicate" as "inserted" | "duplicate");
	const seen = new Set<string>();
	const input: unknown[][] = columns.map(() => []);
	for (const [position, row] of rows.entries()) {
		const key = row.deliveryKey === null ? null : storableText(row.deliveryKey);
		if (key !== null) {
			// The same key twice in one call: ON CONFLICT would keep one key, and the join below would then insert both rows.
			const identity = `${row.shopId} ${row.connectionId} ${key}`;
			if (seen.has(identity)) continue;
			seen.add(identity);
		}
		for (const [index, column] of columns.entries()) input[index]?.push(column.of(row, position));
	}
	if (rows.length === 0) return { inserted: 0, duplicates: 0, outcomes };
	const { rows: fresh } = await db.query<{ position: number }>(appendStatement, input);
	for (const { position } of fresh) outcomes[position] = "inserted";
	return { inserted: fresh.length, duplicates: rows.length - fresh.length, outcomes };
}

const columns: readonly { name: string; type: string; of: (row: NewInboxEvent, position: number) => unknown }[] = [
	{ name: "position", type: "int", of: (_, position) => position },
	{ name: "shop_id", type: "bigint", of: (row) => row.shopId },
	{ name: "connection_id", type: "bigint", of: (row) => row.connectionId },
	{ name: "lane", type: "text", of: (row) => (row.event === null ? "stock" : laneOf(row.event)) },
	{ name: "topic", type: "text", of: (row) => storableText(row.topic) },
	{ name: "source", type: "text", of: (row) => row.source },
	{ name: "payload", type: "text", of: (row) => storableJson(row.payload) },
	{ name: "event", type: "text", of: (row) => storableJson(row.event) },
	{ name: "status", type: "text", of: (row) => row.status ?? "pending" },
	{ name: "outcome", type: "text", of: (row) => (row.outcome === undefined ? null : storableText(row.outcome)) },
	{ name: "error", type: "text", of: (row) => (row.error === undefined ? null : storableText(row.error)) },
	{ name: "delivery_key", type: "text", of: (row) => (row.deliveryKey === null ? null : storableText(row.deliveryKey)) },
	{ name: "correlation_id", type: "text", of: (row) => storableText(row.correlationId) },
	{ name: "occurred_at", type: "timestamptz", of: (row) => row.occurredAt },
	{ name: "received_at", type: "timestamptz", of: (row) => row.receivedAt ?? null },
];

/**
 * Keys are inserted in one order everywhere: two statements that share keys wait for each other instead of deadlocking.
 * Events are inserted in the order given, so ids follow arrival within a batch. INSERT … RETURNING sees only the target's
 * columns, which is why a parked row's error class also stands in `outcome`.
 */
const appendStatement = `
WITH input AS (
  SELECT * FROM unnest(${columns.map((column, index) => `$${index + 1}::${column.type}[]`).join(", ")})
    AS t (${columns.map((column) => column.name).join(", ")})
), new_key AS (
  INSERT INTO delivery_key (shop_id, connection_id, key)
  SELECT shop_id, connection_id, delivery_key FROM input WHERE delivery_key IS NOT NULL
  ORDER BY shop_id, connection_id, delivery_key
  ON CONFLICT DO NOTHING
  RETURNING shop_id, connection_id, key
), fresh AS (
  SELECT input.* FROM input
  LEFT JOIN new_key ON new_key.shop_id = input.shop_id AND new_key.connection_id = input.connection_id AND new_key.key = input.delivery_key
  WHERE input.delivery_key IS NULL OR new_key.key IS NOT NULL
), new_event AS (
  INSERT INTO inbox_event (shop_id, connection_id, lane, topic, source, payload, event, status, outcome, error, delivery_key,
    correlation_id, occurred_at, received_at, processed_at)
  SELECT shop_id, connection_id, lane, topic, source, payload::jsonb, event::jsonb, status, outcome, error, delivery_key,
    correlation_id, occurred_at, least(coalesce(received_at, clock_timestamp()), clock_timestamp()), CASE status WHEN 'pending' THEN NULL ELSE clock_timestamp() END
  FROM fresh ORDER BY position
  RETURNING shop_id, id, connection_id, topic, status, outcome, error, payload, correlation_id
), new_dead_letter AS (
  INSERT INTO dead_letter (shop_id, direction, connection_id, event_id, operation, error_class, error, payload, source_key, correlation_id)
  SELECT shop_id, 'in', connection_id, id, topic, coalesce(outcome, 'unexpected'), coalesce(error, ''), payload, 'event:' || id, correlation_id
  FROM new_event WHERE status = 'parked'
)
SELECT position FROM fresh`;
