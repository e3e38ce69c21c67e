import { recordAudit } from "#app/connections/audit.ts";
import { type Client, transactionWithRetry } from "#app/db.server.ts";
import { lockLane } from "#apply";
import type { Deps } from "#connections";
import { appendEvents } from "#inbox";

export type Decided =
	/** `products`: of how many it was decided now; what is decided already is not decided again. */
	| { outcome: "decided"; products: number }
	/** No such set in this shop, or nothing of it waits for a word. */
	| { outcome: "nothing" }
	/** The one who asks may not approve (any more). */
	| { outcome: "refused" };

/** All that waits in the set, or these products of it. */
export type Choice = { itemIds: readonly number[] } | "all";
type Row = { item_id: number; location_id: number; item: string; location: string; read_at: Date };

/** Events in one statement: a large catalogue is some dozens of these. */
const CHUNK = 2_000;

/**
 * A person lets Shopify's figures count, or has the former ones written back to Shopify. One message for each figure, all in one
 * transaction: whoever is killed has decided nothing or all, and what is pressed twice is decided once, by the messages' keys.
 * They go through the inbox like anything that changes stock; each speaks of the figure that stood there when it was decided.
 */
export async function decideChanges(
	deps: Deps,
	shopId: number,
	{ setId, choice, verdict, actor }: { setId: number; choice: Choice; verdict: "approve" | "write-back"; actor: string },
): Promise<Decided> {
	const decided = await transactionWithRetry(deps.pool, async (tx): Promise<Decided> => {
		// Nothing is applied meanwhile: what is marked is what stands.
		await lockLane(tx, shopId);
		if (!(await mayApprove(tx, shopId, actor))) return { outcome: "refused" };
		const { rows } = await tx.query<Row>(
			`UPDATE held_change h SET asked = $4 FROM item i, location l
			 WHERE h.shop_id = $1 AND h.set_id = $2 AND h.state = 'held' AND h.asked IS NULL AND ($3::bigint[] IS NULL OR h.item_id = ANY($3))
			   AND i.shop_id = h.shop_id AND i.id = h.item_id AND l.shop_id = h.shop_id AND l.id = h.location_id
			 RETURNING h.item_id, h.location_id, i.external_id AS item, l.external_id AS location, h.read_at`,
			[shopId, setId, choice === "all" ? null : choice.itemIds, verdict],
		);
		if (rows.length === 0) return { outcome: "nothing" };
		const home = await tx.query<{ id: number }>("SELECT id FROM connection WHERE shop_id = $1 AND is_home AND state <> 'disconnected'", [
			shopId,
		]);
		const connectionId = home.rows[0]?.id;
		if (connectionId === undefined) throw new Error(`Shop ${shopId} has changes that wait and no Shopify connection`);
		for (let start = 0; start < rows.length; start += CHUNK) {
			await appendEvents(
				tx,
				rows.slice(start, start + CHUNK).map((row) => ({
					...{ shopId, connectionId, topic: "home.approval", source: "app" as const, payload: null, occurredAt: null },
					event: {
						...{ v: 1 as const, type: "home.approval" as const, verdict, readAt: row.read_at.toISOString() },
						...{ itemExternalId: row.item, locationExternalId: row.location },
					},
					deliveryKey: `approval:${setId}:${row.item_id}:${row.location_id}:${row.read_at.getTime()}`,
					correlationId: `approval:${setId}`,
				})),
			);
		}
		// Approved as a whole it was meant as a whole: what had passed before no longer counts towards the next question.
		if (choice === "all" && verdict === "approve")
			await tx.query("UPDATE held_change SET asked = 'approve' WHERE shop_id = $1 AND set_id = $2 AND state = 'passed'", [shopId, setId]);
		const products = new Set(rows.map((row) => row.item_id)).size;
		const action = verdict === "approve" ? "changes.approved" : "changes.written_back";
		await recordAudit(tx, shopId, { actor, action, subject: String(setId), after: { products } });
		return { outcome: "decided", products };
	});
	if (decided.outcome === "decided") await deps.wake("apply.drain", { shopId });
	return decided;
}

/** The channels go on with the former figures, and nobody is asked again until something joins. Saying it twice changes nothing. */
export async function keepFormer(
	deps: Pick<Deps, "pool">,
	shopId: number,
	{ setId, actor }: { setId: number; actor: string },
): Promise<Decided> {
	return transactionWithRetry(deps.pool, async (tx): Promise<Decided> => {
		await lockLane(tx, shopId);
		if (!(await mayApprove(tx, shopId, actor))) return { outcome: "refused" };
		const { rowCount } = await tx.query(
			"UPDATE change_set SET kept_at = now(), kept_by = $3 WHERE shop_id = $1 AND id = $2 AND closed_at IS NULL AND kept_at IS NULL",
			[shopId, setId, actor],
		);
		if (rowCount === 0) return { outcome: "nothing" };
		const waiting = await tx.query<{ products: number }>(
			"SELECT count(DISTINCT item_id)::int AS products FROM held_change WHERE shop_id = $1 AND set_id = $2 AND state = 'held'",
			[shopId, setId],
		);
		const { products = 0 } = waiting.rows[0] ?? {};
		await recordAudit(tx, shopId, { actor, action: "changes.kept", subject: String(setId), after: { products } });
		return { outcome: "decided", products };
	});
}

/** The page has asked already; in between the right may have been taken away. */
async function mayApprove(tx: Client, shopId: number, actor: string): Promise<boolean> {
	const own = await tx.query("SELECT FROM member WHERE shop_id = $1 AND user_id = $2 AND granted = 'approve' FOR SHARE", [shopId, actor]);
	return own.rowCount === 1;
}
