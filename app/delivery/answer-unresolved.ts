import { recordAudit } from "#app/connections/audit.ts";
import { transaction } from "#app/db.server.ts";
import { appendEvents } from "#inbox";
import type { DeliveryDeps } from "./deps.ts";

export type Answered =
	| { outcome: "answered"; lines: number }
	/** The shop has no such batch, or nothing of it waits for a person any more. Nothing was changed. */
	| { outcome: "nothing to answer" };

/**
 * A person says whether home took a batch of which neither home nor its figures could tell (apply/decide/unresolved.ts). Took
 * it: its units are in home's figure and are no longer subtracted. Did not: they are owed again, under a new key. The first
 * answer stands; a second one finds nothing to answer.
 */
export async function answerUnresolved(
	deps: Pick<DeliveryDeps, "pool" | "onEvent">,
	shopId: number,
	{ batchId, took, actor }: { batchId: number; took: boolean; actor: string },
): Promise<Answered> {
	const answered = await transaction(deps.pool, async (tx): Promise<Answered> => {
		const { rows } = await tx.query<{ connectionId: number; correlationId: string; firstTriedAt: Date; now: Date; lines: number }>(
			`SELECT b.connection_id AS "connectionId", b.correlation_id AS "correlationId", b.first_tried_at AS "firstTriedAt", clock_timestamp() AS now,
			   (SELECT count(*)::int FROM delta_line l WHERE l.shop_id = b.shop_id AND l.batch_id = b.id AND l.state = 'unresolved') AS lines
			 FROM delta_batch b WHERE b.shop_id = $1 AND b.id = $2 AND b.state = 'unresolved' FOR UPDATE`,
			[shopId, batchId],
		);
		const [batch] = rows;
		if (!batch || batch.lines === 0) return { outcome: "nothing to answer" };
		const landedAt = batch.firstTriedAt.toISOString();
		const { inserted } = await appendEvents(tx, [
			{
				shopId,
				connectionId: batch.connectionId,
				topic: took ? "delta.landed" : "delta.void",
				source: "app",
				payload: null,
				event: took
					? { v: 1, type: "delta.landed", batchId, landedAt, answeredAt: batch.now.toISOString() }
					: { v: 1, type: "delta.void", batchId, reason: "A person says that home did not take it." },
				// A batch ends once, one way or the other.
				deliveryKey: `delta:${batchId}`,
				correlationId: batch.correlationId,
				occurredAt: null,
			},
		]);
		if (inserted === 0) return { outcome: "nothing to answer" };
		await recordAudit(tx, shopId, { actor, action: "home-write.answered", subject: String(batchId), after: { took } });
		return { outcome: "answered", lines: batch.lines };
	});
	if (answered.outcome === "answered") deps.onEvent?.(shopId);
	return answered;
}
