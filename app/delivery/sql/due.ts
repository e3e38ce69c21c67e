import { OWNER_IS_GONE } from "#app/connections/process-session.ts";

/**
 * Which listings wait for a delivery, and when each is due; one wording for claiming, for the sweeper and for "come back at".
 * `l` is a listing row.
 *
 * What must go down goes out at once, unless it is that which failed; what must be raised, or only looked at, waits for its
 * moment, and for as long as an earlier write may still land.
 */
export const WAITING = `l.dirty_since IS NOT NULL AND NOT l.parked AND NOT l.paused AND l.link_state = 'linked' AND l.desired IS NOT NULL`;

const TARGET = "greatest(l.desired - l.unseen, 0)";
const MUST_FALL = `(l.shown IS NULL OR ${TARGET} < l.shown)`;

/** A claim holds until its lease is over or its owner is gone; the second is noticed at once. */
const CLAIMED_UNTIL = `CASE WHEN l.claimed_until <= now() THEN NULL WHEN l.claimed_until IS NULL THEN NULL
    WHEN ${OWNER_IS_GONE("l.claim_token")} THEN NULL ELSE l.claimed_until END`;

export const DUE_AT = `greatest(
  ${CLAIMED_UNTIL},
  CASE WHEN l.attempts = 0 AND ${MUST_FALL} THEN NULL ELSE l.next_attempt_at END,
  CASE WHEN ${MUST_FALL} THEN NULL ELSE l.uncertain_until END)`;

export const IS_DUE = `coalesce(${DUE_AT} <= now(), true)`;

/** To zero first, then what must fall or was never read, then the rest; the longest waiting first (R16). */
export const MOST_URGENT_FIRST = `
  CASE WHEN ${MUST_FALL} AND ${TARGET} = 0 THEN 0 WHEN ${MUST_FALL} THEN 1 ELSE 2 END, l.dirty_since, l.id`;
