import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, type Queryable, transactionWithRetry } from "#app/db.server.ts";
import { WAITING } from "./sql/due.ts";

/** Rows that are locked at once: others' deliveries wait no longer than a moment. */
const LISTINGS_PER_STEP = 500;

export type Retried = { listings: number; connectionIds: number[] };

/**
 * Gives up on nothing any more: listings that were set aside are delivered again, with all their attempts. They are looked at
 * first (`recheck`), whatever they showed when they were set aside. Their dead letters stay open until the delivery succeeds
 * (resolveMended). What is not set aside is not touched, so it may be called twice, at once, or stop halfway.
 *
 * `itemIds`, `connectionIds`, `listingIds`: only these; null: all of the shop's. Disconnected ones are left alone.
 */
export async function retryParked(
	pool: Pool,
	shopId: number,
	which: {
		itemIds: readonly number[] | null;
		connectionIds: readonly number[] | null;
		listingIds?: readonly number[] | null;
		actor: string;
	},
): Promise<Retried> {
	const connectionIds = new Set<number>();
	let listings = 0;
	for (;;) {
		const step = await transactionWithRetry(pool, async (tx) => {
			const { rows } = await tx.query<{ id: number; connection_id: number }>(retryStatement, [
				shopId,
				which.itemIds,
				which.connectionIds,
				LISTINGS_PER_STEP,
				which.listingIds ?? null,
			]);
			for (const [connectionId, listingIds] of byConnection(rows)) {
				const entry = { actor: which.actor, action: "updates.retried", subject: String(connectionId), after: { listingIds } };
				await recordAudit(tx, shopId, entry);
			}
			return rows;
		});
		for (const { connection_id } of step) connectionIds.add(connection_id);
		listings += step.length;
		if (step.length < LISTINGS_PER_STEP) return { listings, connectionIds: [...connectionIds].sort((a, b) => a - b) };
	}
}

/** The same of these alone, inside of a transaction that keeps who asked for it. Returns which were set aside until now. */
export async function releaseParked(
	tx: Queryable,
	shopId: number,
	listingIds: readonly number[],
): Promise<{ id: number; connection_id: number }[]> {
	if (listingIds.length === 0) return [];
	const { rows } = await tx.query<{ id: number; connection_id: number }>(retryStatement, [
		shopId,
		null,
		null,
		listingIds.length,
		listingIds,
	]);
	return rows;
}

/** How many listings of a connection wait for a delivery now, up to a bound: whoever adds slow work asks first whether there is room. */
export async function countWaiting(db: Queryable, shopId: number, connectionId: number, most: number): Promise<number> {
	const { rows } = await db.query<{ count: number }>(
		`SELECT count(*)::int AS count FROM (SELECT FROM listing l WHERE l.shop_id = $1 AND l.connection_id = $2 AND ${WAITING} LIMIT $3) waiting`,
		[shopId, connectionId, most],
	);
	return rows[0]?.count ?? 0;
}

function byConnection(rows: readonly { id: number; connection_id: number }[]): Map<number, number[]> {
	const listingIds = new Map<number, number[]>();
	for (const { id, connection_id } of [...rows].sort((a, b) => a.id - b.id))
		listingIds.set(connection_id, [...(listingIds.get(connection_id) ?? []), id]);
	return listingIds;
}

/** Lag counts from now: nobody was late while it waited for a person. */
const retryStatement = `
UPDATE listing l SET parked = false, attempts = 0, attempts_class = NULL, next_attempt_at = NULL, updated_at = now(),
  recheck = l.desired IS NOT NULL, dirty_since = CASE WHEN l.desired IS NOT NULL THEN now() END
FROM (
  SELECT x.id FROM listing x JOIN connection c ON c.shop_id = x.shop_id AND c.id = x.connection_id AND c.state <> 'disconnected'
  WHERE x.shop_id = $1 AND x.parked AND x.link_state = 'linked'
    AND ($2::bigint[] IS NULL OR x.item_id = ANY($2)) AND ($3::bigint[] IS NULL OR x.connection_id = ANY($3))
    AND ($5::bigint[] IS NULL OR x.id = ANY($5))
  ORDER BY x.id LIMIT $4 FOR UPDATE OF x
) these
WHERE l.shop_id = $1 AND l.id = these.id
RETURNING l.id, l.connection_id`;
