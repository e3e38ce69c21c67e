import type { Queryable } from "#app/db.server.ts";

/** Longer than what a full jitter backoff and a channel's own delays make of an ordinary sale (Amazon: minutes). */
const LATE_MINUTES = 10;
/** One difference is mended and forgotten; so many within the hour are another program that writes there too. */
const DIFFERENCES_MIN = 5;
/** A channel that comes and goes is told of at most so often. */
const AGAIN_AFTER_MINUTES = 60;

/**
 * Notices channels that are out of step, in the shops whose workflows wait for that: one event when it begins, none while it
 * lasts. One statement each way, so it may run in every worker, at once, and be killed anywhere.
 */
export async function noticeOutOfStep(db: Queryable): Promise<void> {
	const limits = [LATE_MINUTES, DIFFERENCES_MIN];
	await db.query(beginStatement, [...limits, AGAIN_AFTER_MINUTES]);
	await db.query(endStatement, limits);
}

/**
 * Live connections and why they are out of step. Listings that were accepted by the channel and are followed are not late: the
 * channel said that it takes its time.
 */
const OUT_OF_STEP = `
SELECT c.shop_id, c.id, f.behind,
  CASE WHEN c.health = 'red' THEN coalesce(c.health_reason, 'The channel cannot be reached.')
       WHEN f.late THEN f.behind || CASE WHEN f.behind = 1 THEN ' update has' ELSE ' updates have' END || ' been waiting for more than ' || $1::int || ' minutes.'
       ELSE f.differences || ' listings were changed by something else within the last hour.' END AS reason
FROM connection c
JOIN shop s ON s.id = c.shop_id AND s.state = 'installed' AND s.import_state = 'done'
CROSS JOIN LATERAL (
  SELECT (SELECT count(*)::int FROM listing l WHERE l.shop_id = c.shop_id AND l.connection_id = c.id AND l.dirty_since IS NOT NULL
            AND NOT l.parked AND NOT l.paused AND l.link_state = 'linked') AS behind,
         EXISTS (SELECT FROM listing l WHERE l.shop_id = c.shop_id AND l.connection_id = c.id AND NOT l.parked AND NOT l.paused
            AND l.link_state = 'linked' AND l.accepted_at IS NULL AND l.dirty_since < now() - $1::int * interval '1 minute') AS late,
         (SELECT count(DISTINCT d.listing_id)::int FROM difference d WHERE d.shop_id = c.shop_id AND d.connection_id = c.id
            AND d.at > now() - interval '1 hour') AS differences
) f
WHERE c.state = 'live' AND flow_waits_for(c.shop_id, 'channel-out-of-step')
  AND (c.health = 'red' OR f.late OR f.differences >= $2::int)`;

const beginStatement = `
WITH bad AS (${OUT_OF_STEP}),
begun AS (
  INSERT INTO flow_spell AS p (shop_id, connection_id, told_at) SELECT shop_id, id, now() FROM bad ORDER BY shop_id, id
  ON CONFLICT (shop_id, connection_id) DO UPDATE SET told_at = now(), is_over = false
  WHERE p.is_over AND p.told_at < now() - $3::int * interval '1 minute'
  RETURNING shop_id, connection_id, told_at
)
INSERT INTO flow_event (shop_id, handle, subject_id, source_key, detail, occurred_at)
SELECT b.shop_id, 'channel-out-of-step', b.connection_id, 'channel:' || b.connection_id || ':' || floor(1000 * extract(epoch FROM b.told_at))::bigint,
  jsonb_build_object('reason', bad.reason, 'behind', bad.behind), b.told_at
FROM begun b JOIN bad ON bad.shop_id = b.shop_id AND bad.id = b.connection_id
ON CONFLICT (shop_id, source_key) DO NOTHING`;

const endStatement = `
UPDATE flow_spell p SET is_over = true
WHERE NOT p.is_over AND NOT EXISTS (SELECT FROM (${OUT_OF_STEP}) bad WHERE bad.shop_id = p.shop_id AND bad.id = p.connection_id)`;
