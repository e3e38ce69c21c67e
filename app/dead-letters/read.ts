import type { Queryable } from "#app/db.server.ts";

export type DeadLetter = {
	id: number;
	direction: "in" | "out";
	connectionId: number;
	eventId: number | null;
	listingId: number | null;
	deltaBatchId: number | null;
	operation: string;
	errorClass: string;
	error: string;
	payload: unknown;
	attempts: number;
	state: "open" | "replayed" | "resolved" | "discarded";
	correlationId: string;
	firstAt: Date;
	lastAt: Date;
};

const PAGE_MAX = 100;

/** Open ones of one shop, newest first. `after`: the last id of the page before. */
export async function listDeadLetters(
	db: Queryable,
	shopId: number,
	{ after, limit = PAGE_MAX }: { after?: number | undefined; limit?: number | undefined } = {},
): Promise<DeadLetter[]> {
	const { rows } = await db.query<DeadLetter>(
		`SELECT id, direction, connection_id AS "connectionId", event_id AS "eventId", listing_id AS "listingId",
		   delta_batch_id AS "deltaBatchId", operation, error_class AS "errorClass", error, payload, attempts, state,
		   correlation_id AS "correlationId", first_at AS "firstAt", last_at AS "lastAt"
		 FROM dead_letter WHERE shop_id = $1 AND state = 'open' AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
		[shopId, after ?? null, Math.min(PAGE_MAX, limit)],
	);
	return rows;
}
