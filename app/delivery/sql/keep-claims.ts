import type { Queryable } from "#app/db.server.ts";

export type Claim = { shopId: number; connectionId: number; token: string };

/** `quantity`: what the request that is about to leave would write; `over`: the reading that it was computed from. */
export type KeptClaim = { id: number; quantity?: number; over?: number };

/**
 * Prolongs the claims and says how many are still ours: the last look before a request leaves. None are if the merchant has
 * paused or disconnected the connection meanwhile, or uninstalled the app. From here on nobody can say that a write was not
 * sent, so it is noted now and not a moment earlier.
 */
export async function keepClaims(
	db: Queryable,
	claim: Claim,
	{ claimed, leaseMs }: { claimed: readonly KeptClaim[]; leaseMs: number },
): Promise<number> {
	const ids = claimed.map(({ id }) => id);
	const quantities = claimed.map(({ quantity }) => quantity ?? null);
	const overs = claimed.map(({ over }) => over ?? null);
	const { rowCount } = await db.query(keepStatement, [claim.shopId, claim.connectionId, claim.token, ids, quantities, leaseMs, overs]);
	return rowCount ?? 0;
}

/** The sub-select takes the locks in id order, as everybody does. */
const keepStatement = `
UPDATE listing l SET
  claimed_until = clock_timestamp() + $6 * interval '1 millisecond',
  sent = coalesce(mine.quantity, l.sent),
  sent_over = CASE WHEN mine.quantity IS NULL THEN l.sent_over ELSE mine.over END,
  sent_alone = CASE WHEN mine.quantity IS NULL OR l.sent IS NOT NULL THEN l.sent_alone
    ELSE l.uncertain_until IS NULL OR l.uncertain_until <= clock_timestamp() END
FROM (
  SELECT k.id, r.quantity, r.over FROM listing k JOIN unnest($4::bigint[], $5::int[], $7::int[]) AS r(id, quantity, over) ON r.id = k.id
  WHERE k.shop_id = $1 AND k.claim_token = $3 AND k.claimed_until > clock_timestamp()
    AND EXISTS (SELECT FROM connection c JOIN shop s ON s.id = c.shop_id
      WHERE c.shop_id = $1 AND c.id = $2 AND s.state = 'installed' AND (c.state = 'live' OR (c.state = 'watching' AND r.quantity IS NULL)))
  ORDER BY k.id FOR UPDATE OF k
) mine
WHERE l.shop_id = $1 AND l.id = mine.id`;

/** Gives back what is still claimed. `mayHaveSent`: what was about to be sent is uncertain until it surely has landed or never will. */
export async function releaseClaims(
	db: Queryable,
	claim: Claim,
	{ ids, mayHaveSent, lateHorizonMs }: { ids: readonly number[]; mayHaveSent: boolean; lateHorizonMs: number },
): Promise<void> {
	if (ids.length === 0) return;
	await db.query(releaseStatement, [claim.shopId, claim.token, ids, mayHaveSent, lateHorizonMs]);
}

const releaseStatement = `
UPDATE listing l SET claim_token = NULL, claimed_until = NULL,
  uncertain_until = CASE WHEN $4 AND l.sent IS NOT NULL THEN greatest(l.uncertain_until, now() + $5 * interval '1 millisecond')
    ELSE l.uncertain_until END
FROM (SELECT id FROM listing WHERE shop_id = $1 AND id = ANY($3::bigint[]) AND claim_token = $2 ORDER BY id FOR UPDATE) mine
WHERE l.shop_id = $1 AND l.id = mine.id`;

/**
 * A write of ours landed on listings that another worker has taken over: what it read may be from before. The moved count
 * makes it read again.
 */
export async function disturbListings(db: Queryable, shopId: number, ids: readonly number[]): Promise<void> {
	if (ids.length === 0) return;
	await db.query(disturbStatement, [shopId, ids]);
}

const disturbStatement = `
UPDATE listing l SET recheck = true, own_changes = l.own_changes + 1, dirty_since = coalesce(l.dirty_since, now())
FROM (SELECT id FROM listing WHERE shop_id = $1 AND id = ANY($2::bigint[]) ORDER BY id FOR UPDATE) these
WHERE l.shop_id = $1 AND l.id = these.id`;
