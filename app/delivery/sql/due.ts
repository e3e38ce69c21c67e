import { OWNER_IS_GONE } from "#app/connections/process-session.ts";

/**
 * Which listings wait for a delivery, and when each is due; one wording for claiming, for the sweeper and for "come back at".
 * `l` is a listing row.
 *
 * What must go down goes out at once, unless it is that which failed; what must be raised, or only looked at, waits for its
 * moment, and for as long as an earlier write may still land. A write that the channel accepted is followed meanwhile.
 */
export const WAITING = `l.dirty_since IS NOT NULL AND NOT l.parked AND NOT l.paused AND l.link_state = 'linked' AND l.desired IS NOT NULL`;

const TARGET = "greatest(l.desired - l.unseen, 0)";
/** What a channel has accepted it will show, so that only a still lower figure is in a hurry. */
const SHOWS_SOON = "CASE WHEN l.accepted_at IS NULL THEN l.shown ELSE l.sent END";
const MUST_FALL = `(l.shown IS NULL OR ${TARGET} < ${SHOWS_SOON})`;

/** A claim holds until its lease is over or its owner is gone; the second is noticed at once. */
const CLAIMED_UNTIL = `CASE WHEN l.claimed_until <= now() THEN NULL WHEN l.claimed_until IS NULL THEN NULL
    WHEN ${OWNER_IS_GONE("l.claim_token")} THEN NULL ELSE l.claimed_until END`;

export const DUE_AT = `greatest(
  ${CLAIMED_UNTIL},
  CASE WHEN l.attempts = 0 AND ${MUST_FALL} THEN NULL ELSE l.next_attempt_at END,
  CASE WHEN ${MUST_FALL} OR l.accepted_at IS NOT NULL THEN NULL ELSE l.uncertain_until END)`;

export const IS_DUE = `coalesce(${DUE_AT} <= now(), true)`;

/** To zero first, then what must fall or was never read, then the rest; the longest waiting first (R16). */
export const MOST_URGENT_FIRST = `
  CASE WHEN ${MUST_FALL} AND ${TARGET} = 0 THEN 0 WHEN ${MUST_FALL} THEN 1 ELSE 2 END, l.dirty_since, l.id`;
