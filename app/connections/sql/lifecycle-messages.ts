import type { Queryable } from "#app/db.server.ts";

export type WaitingMessage = {
	id: number;
	connectionId: number;
	topic: string;
	event: unknown;
	receivedAt: Date;
	correlationId: string;
};

/** Far more than a shop ever has at once; what is beyond is found at the next run. */
const BATCH_MAX = 100;

export async function readPendingMessages(db: Queryable, shopId: number): Promise<WaitingMessage[]> {
	const { rows } = await db.query<WaitingMessage>(
		`SELECT id, connection_id AS "connectionId", topic, event, received_at AS "receivedAt", correlation_id AS "correlationId"
		 FROM inbox_event WHERE shop_id = $1 AND lane = 'lifecycle' AND status = 'pending' ORDER BY id LIMIT $2`,
		[shopId, BATCH_MAX],
	);
	return rows;
}

/** Under the shop's row: whoever held it before may have handled the message. */
export async function isStillPending(db: Queryable, shopId: number, message: WaitingMessage): Promise<boolean> {
	const { rows } = await db.query(`SELECT FROM inbox_event WHERE shop_id = $1 AND id = $2 AND status = 'pending'`, [shopId, message.id]);
	return rows.length > 0;
}

export async function markMessage(
	db: Queryable,
	shopId: number,
	message: WaitingMessage,
	verdict: { outcome: "processed" | "ignored"; note: string },
): Promise<void> {
	await db.query(
		`UPDATE inbox_event SET status = $3, outcome = $4, processed_at = clock_timestamp(), attempts = attempts + 1 WHERE shop_id = $1 AND id = $2`,
		[shopId, message.id, verdict.outcome, verdict.note],
	);
}

/** It has to wait: counted, so that the sweeper leaves it alone for a while (waiting.ts). */
export async function noteLook(db: Queryable, shopId: number, message: WaitingMessage): Promise<void> {
	await db.query(`UPDATE inbox_event SET attempts = attempts + 1 WHERE shop_id = $1 AND id = $2`, [shopId, message.id]);
}

/** One more failed attempt; at the last one the message is parked. Returns the attempts so far. */
export async function noteAttempt(
	db: Queryable,
	shopId: number,
	message: WaitingMessage,
	{ error, attemptsMax }: { error: string; attemptsMax: number },
): Promise<number> {
	const { rows } = await db.query<{ attempts: number }>(
		`UPDATE inbox_event SET attempts = attempts + 1, error = $3, status = CASE WHEN attempts + 1 >= $4 THEN 'parked' ELSE status END
		 WHERE shop_id = $1 AND id = $2 RETURNING attempts`,
		[shopId, message.id, error, attemptsMax],
	);
	return rows[0]?.attempts ?? attemptsMax;
}

/** Throws for a shop that is gone: it has no messages left that could be read. */
export async function readInstallation(
	db: Queryable,
	shopId: number,
): Promise<{ state: "installed" | "uninstalled"; installation: number }> {
	const { rows } = await db.query<{ state: "installed" | "uninstalled"; installation: number }>(
		`SELECT state, installation FROM shop WHERE id = $1`,
		[shopId],
	);
	const [shop] = rows;
	if (!shop) throw new Error(`There is no shop ${shopId}`);
	return shop;
}
