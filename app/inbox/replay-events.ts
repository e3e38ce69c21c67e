import type { Queryable } from "#app/db.server.ts";
import { type CanonicalEvent, canonicalEventSchema } from "#domain";
import { appendEvents } from "./append-events.ts";

type Row = {
	id: number;
	connection_id: number;
	topic: string;
	payload: unknown;
	event: unknown;
	correlation_id: string;
	occurred_at: Date | null;
};

/**
 * Puts past events into the inbox once more, each as a new one with the old one's correlation id. What they say is a state, so
 * one that was counted already moves nothing. Returns those that could be: a message that was never understood has
 * nothing to be applied, and what is older than the inbox keeps is gone. `once` names the replay: under one name an event is put in once.
 */
export async function replayEvents(
	db: Queryable,
	shopId: number,
	eventIds: readonly number[],
	{ once }: { once: string },
): Promise<{ eventId: number; replayedId: number }[]> {
	const { rows } = await db.query<Row>(
		`SELECT id, connection_id, topic, payload, event, correlation_id, occurred_at FROM inbox_event
		 WHERE shop_id = $1 AND id = ANY($2) AND lane = 'stock' AND event IS NOT NULL ORDER BY id`,
		[shopId, eventIds],
	);
	const readable = rows.flatMap((row) => {
		const { success, data } = canonicalEventSchema.safeParse(row.event);
		return success ? [{ row, event: data as CanonicalEvent }] : [];
	});
	const keyOf = (eventId: number) => `replay:${once}:${eventId}`;
	const newest = await db.query<{ id: number }>("SELECT coalesce(max(id), 0) AS id FROM inbox_event WHERE shop_id = $1", [shopId]);
	await appendEvents(
		db,
		readable.map(({ row, event }) => ({
			shopId,
			connectionId: row.connection_id,
			topic: row.topic,
			source: "replay" as const,
			payload: row.payload,
			event,
			deliveryKey: keyOf(row.id),
			correlationId: row.correlation_id,
			occurredAt: row.occurred_at?.toISOString() ?? null,
		})),
	);
	const made = await db.query<{ id: number; key: string }>(
		"SELECT id, delivery_key AS key FROM inbox_event WHERE shop_id = $1 AND id > $2 AND delivery_key = ANY($3)",
		[shopId, newest.rows[0]?.id ?? 0, readable.map(({ row }) => keyOf(row.id))],
	);
	const idOf = new Map(made.rows.map(({ id, key }) => [key, id]));
	return readable.flatMap(({ row }) => {
		const replayedId = idOf.get(keyOf(row.id));
		return replayedId === undefined ? [] : [{ eventId: row.id, replayedId }];
	});
}
