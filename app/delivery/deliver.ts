import { setTimeout as sleep } from "node:timers/promises";
import { OWNER_IS_GONE } from "#app/connections/process-session.ts";
import type { Queryable } from "#app/db.server.ts";
import type { JobResult } from "#jobs";
import { passGate } from "./breaker.ts";
import type { DeliveryDeps, PushOutcome } from "./deps.ts";
import { pushDeltas } from "./push-deltas.ts";
import { pushListings } from "./push-listings.ts";
import { IS_DUE, WAITING } from "./sql/due.ts";

/** The sweeper looks every second anyway; sooner than this a wake of our own is worth its job. */
const AGAIN_MAX_MS = 30_000;
/** A push that found its work in other hands, or that is due at this very moment, does not spin. */
const AGAIN_MIN_MS = 50;
/** Connections that one sweep wakes; the rest is woken by the next one. */
const CONNECTIONS_MAX = 1_000;

/** A channel whose last call failed has worker places of its own: hundreds that hang at once take none from those that answer (R19). */
export type Lane = "well" | "troubled";

/**
 * The handler of `delivery.push` and, in the lane for channels in trouble, of `delivery.retry`. Twice at once, or long after its
 * cause: it looks at what is due now, claims it, and finds nothing if another has done it. "other-lane": nothing was done here.
 */
export async function deliver(
	deps: DeliveryDeps,
	{ shopId, connectionId }: { shopId: number; connectionId: number },
	lane?: Lane,
): Promise<JobResult | "other-lane"> {
	const passed = await passGate(deps.pool, shopId, connectionId);
	if (passed.gate === "closed") return undefined;
	if (passed.gate === "shut") return again(passed.waitMs);
	if (lane !== undefined && lane !== (passed.troubled ? "troubled" : "well")) return "other-lane";
	const pushed = await (passed.isHome ? pushDeltas(deps, shopId, connectionId) : pushInTwoLanes(deps, shopId, connectionId));
	switch (pushed.outcome) {
		case "closed":
			return undefined;
		case "more":
			return { again: { delayMs: 0 } };
		case "done":
			return pushed.againInMs === null ? undefined : again(pushed.againInMs);
	}
}

/** How often the second lane looks for what became due while the first is waiting for the channel. */
const SECOND_LANE_MS = 50;

/**
 * A push is a read and a write, and a slow store takes a second for both. A sale that comes meanwhile would wait for all of it
 * and then for its own; so while the first lane is out, a second one takes what becomes due. Claims keep them apart, and the
 * account's concurrency limit counts both.
 */
async function pushInTwoLanes(deps: DeliveryDeps, shopId: number, connectionId: number): Promise<PushOutcome> {
	let isFirstOut = true;
	const first = pushListings(deps, shopId, connectionId).finally(() => {
		isFirstOut = false;
	});
	const second = (async () => {
		for (;;) {
			await sleep(SECOND_LANE_MS);
			if (!isFirstOut) return null;
			const pushed = await pushListings(deps, shopId, connectionId);
			if (pushed.outcome !== "done") return pushed;
		}
	})();
	const [one, other] = await Promise.all([first, second]);
	return other?.outcome === "more" ? other : one;
}

const again = (delayMs: number): JobResult =>
	delayMs > AGAIN_MAX_MS ? undefined : { again: { delayMs: Math.max(AGAIN_MIN_MS, delayMs) } };

export type DueDelivery = { lane: Lane; shopId: number; connectionId: number };

/** For the sweep: connections that something is due for right now, whatever became of its wake. */
export async function findDueDeliveries(db: Queryable): Promise<DueDelivery[]> {
	const { rows } = await db.query<DueDelivery>(findStatement, [CONNECTIONS_MAX]);
	return rows;
}

const findStatement = `
SELECT CASE WHEN c.breaker_failures > 0 THEN 'troubled' ELSE 'well' END AS lane, c.shop_id AS "shopId", c.id AS "connectionId"
FROM connection c JOIN shop s ON s.id = c.shop_id AND s.state = 'installed'
WHERE c.state IN ('live', 'watching') AND (c.breaker_until IS NULL OR c.breaker_until <= now()) AND CASE WHEN c.is_home
  THEN c.state = 'live' AND (
    EXISTS (SELECT FROM delta_batch b WHERE b.shop_id = c.shop_id AND b.connection_id = c.id AND b.state = 'open'
      AND b.next_attempt_at <= now() AND (b.claimed_until IS NULL OR b.claimed_until <= now() OR ${OWNER_IS_GONE("b.claim_token")}))
    OR EXISTS (SELECT FROM stock k WHERE k.shop_id = c.shop_id AND k.delta_owed <> 0 AND (k.next_attempt_at IS NULL OR k.next_attempt_at <= now())
      AND NOT EXISTS (SELECT FROM delta_line d
        WHERE d.shop_id = k.shop_id AND d.item_id = k.item_id AND d.location_id = k.location_id AND d.state = 'open')))
  ELSE EXISTS (SELECT FROM listing l WHERE l.shop_id = c.shop_id AND l.connection_id = c.id AND ${WAITING} AND ${IS_DUE}) END
LIMIT $1`;
