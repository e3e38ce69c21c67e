import type { Queryable } from "#app/db.server.ts";
import { IS_DUE, MOST_URGENT_FIRST, WAITING } from "./due.ts";

export type ClaimedListing = {
	id: number;
	externalId: string;
	parentExternalId: string | null;
	/** As they were before the reading is asked for. */
	shown: number | null;
	unseen: number;
	seen: number | null;
	ownChanges: number;
	/** Of the change that the newest figure comes from. */
	correlationId: string | null;
};

/**
 * Takes the most urgent listings of one connection that nobody works on. SKIP LOCKED: what apply or another worker holds right
 * now is taken in the next round rather than waited for. A claim that its owner left behind with a write under way makes the
 * listing uncertain: that write may still land.
 */
export async function claimListings(
	db: Queryable,
	claim: { shopId: number; connectionId: number; token: string; leaseMs: number; lateHorizonMs: number; limit: number },
): Promise<ClaimedListing[]> {
	const { rows } = await db.query<ClaimedListing>(claimStatement, [
		claim.shopId,
		claim.connectionId,
		claim.token,
		claim.leaseMs,
		claim.lateHorizonMs,
		claim.limit,
	]);
	return rows;
}

const claimStatement = `
WITH due AS (
  SELECT l.id, l.claim_token IS NOT NULL AND l.sent IS NOT NULL AS abandoned
  FROM listing l
  WHERE l.shop_id = $1 AND l.connection_id = $2 AND ${WAITING} AND ${IS_DUE}
  ORDER BY ${MOST_URGENT_FIRST}
  LIMIT $6 FOR UPDATE SKIP LOCKED
)
UPDATE listing l SET
  claim_token = $3,
  claimed_until = now() + $4 * interval '1 millisecond',
  uncertain_until = CASE WHEN due.abandoned THEN greatest(l.uncertain_until, now() + $5 * interval '1 millisecond') ELSE l.uncertain_until END
FROM due WHERE l.shop_id = $1 AND l.id = due.id
RETURNING l.id, l.external_id AS "externalId", l.parent_external_id AS "parentExternalId", l.shown, l.unseen, l.seen,
  l.own_changes AS "ownChanges",
  (SELECT m.correlation_id FROM movement m WHERE m.shop_id = l.shop_id AND m.id = l.desired_movement_id) AS "correlationId"`;
