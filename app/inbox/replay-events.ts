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
 * one that was counted already moves nothing. Returns the ids of those that could be: a message that was never understood has
 * nothing to be applied, and what is older than the inbox keeps is gone. Exactly-once is the caller's: inside of the
 * transaction that decides on it.
 */
export async function replayEvents(db: Queryable, shopId: number, eventIds: readonly number[]): Promise<number[]> {
	const { rows } = await db.query<Row>(
		`SELECT id, connection_id, topic, payload, event, correlation_id, occurred_at FROM inbox_event
		 WHERE shop_id = $1 AND id = ANY($2) AND lane = 'stock' AND event IS NOT NULL ORDER BY id`,
		[shopId, eventIds],
	);
	const readable = rows.flatMap((row) => {
		const { success, data } = canonicalEventSchema.safeParse(row.event);
		return success ? [{ row, event: data as CanonicalEvent }] : [];
	});
	await appendEvents(
		db,
		readable.map(({ row, event }) => ({
			shopId,
			connectionId: row.connection_id,
			topic: row.topic,
			source: "replay" as const,
			payload: row.payload,
			event,
			deliveryKey: null,
			correlationId: row.correlation_id,
			occurredAt: row.occurred_at?.toISOString() ?? null,
		})),
	);
	return readable.map(({ row }) => row.id);
}
