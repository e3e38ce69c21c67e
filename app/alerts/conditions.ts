import { ALERT_KINDS, KIND_FACTS, LATE_CHANNEL_SECONDS } from "./kinds.ts";

/** Fewer sales than this say nothing about the slowest of a hundred. */
const SAMPLES_MIN = 20;
/** A channel that is down comes back by itself mostly; after so long somebody should know. */
const TROUBLE_MINUTES = 10;
/** Changes by somebody else that are counted of a day: more says nothing more. */
const CHANGES_MAX = 1_000;

/**
 * Everything that is to be told of right now, in all shops: (shop_id, kind, subject, detail). $1: listings of this reason of a pause
 * are none (they wait to go live). $2: channels that apply updates later, by the registry's ids.
 */
export const CONDITIONS = `
WITH usual (kind, threshold, for_ms) AS (
  VALUES ${ALERT_KINDS.map((kind) => `('${kind}', ${KIND_FACTS[kind].threshold?.default ?? "NULL"}::int, ${KIND_FACTS[kind].forMs}::bigint)`).join(", ")}
),
rule AS (
  SELECT s.id AS shop_id, u.kind, coalesce(r.threshold, u.threshold) AS threshold, u.for_ms
  FROM shop s CROSS JOIN usual u LEFT JOIN alert_rule r ON r.shop_id = s.id AND r.kind = u.kind
  WHERE s.state = 'installed' AND coalesce(r.enabled, true)
),
bad AS MATERIALIZED (
  SELECT r.shop_id, r.kind, o.item_id::text AS subject, jsonb_build_object('units', sum(o.units - o.covered)) AS detail, r.for_ms
  FROM rule r JOIN oversell o ON o.shop_id = r.shop_id AND o.state = 'open' WHERE r.kind = 'oversell'
  GROUP BY r.shop_id, r.kind, o.item_id, r.for_ms
UNION ALL
  SELECT r.shop_id, r.kind, c.id::text, jsonb_build_object('products', n.products, 'kind', c.kind), r.for_ms
  FROM rule r JOIN change_set c ON c.shop_id = r.shop_id AND c.closed_at IS NULL AND c.kept_at IS NULL
  CROSS JOIN LATERAL (SELECT count(DISTINCT h.item_id) AS products FROM held_change h
    WHERE h.shop_id = c.shop_id AND h.set_id = c.id AND h.state = 'held' AND h.asked IS NULL) n
  WHERE r.kind = 'approval' AND n.products > 0
UNION ALL
  SELECT r.shop_id, r.kind, '', jsonb_build_object('failures', sum(p.failures)), r.for_ms
  FROM rule r JOIN problem p ON p.shop_id = r.shop_id AND p.state IN ('open', 'acknowledged') WHERE r.kind = 'failures'
  GROUP BY r.shop_id, r.kind, r.threshold, r.for_ms HAVING sum(p.failures) > r.threshold
UNION ALL
  SELECT r.shop_id, r.kind, c.id::text, jsonb_build_object('seconds', round(l.p99 / 1000.0)), r.for_ms
  FROM rule r JOIN connection c ON c.shop_id = r.shop_id AND c.state = 'live'
  CROSS JOIN LATERAL (
    SELECT count(*) AS samples, percentile_disc(0.99) WITHIN GROUP (ORDER BY lag_ms) AS p99 FROM lag_sample
    WHERE shop_id = c.shop_id AND connection_id = c.id AND at > now() - interval '15 minutes'
  ) l
  WHERE r.kind = 'lag' AND l.samples >= ${SAMPLES_MIN}
    AND l.p99 > 1000 * CASE WHEN c.channel = ANY($2::text[]) THEN greatest(r.threshold, ${LATE_CHANNEL_SECONDS}) ELSE r.threshold END
UNION ALL
  SELECT r.shop_id, r.kind, c.id::text, jsonb_build_object('reason', left(coalesce(c.health_reason, ''), 300)), r.for_ms
  FROM rule r JOIN connection c ON c.shop_id = r.shop_id AND c.state IN ('live', 'watching')
    AND (c.health = 'red' OR (c.health = 'degraded' AND c.health_since < now() - interval '${TROUBLE_MINUTES} minutes')) WHERE r.kind = 'unreachable'
UNION ALL
  SELECT r.shop_id, r.kind, c.id::text, jsonb_build_object('times', w.times, 'products', w.products, 'home', c.is_home), r.for_ms
  FROM rule r JOIN connection c ON c.shop_id = r.shop_id AND c.state IN ('live', 'paused')
  CROSS JOIN LATERAL (SELECT count(*) AS times, count(DISTINCT item) AS products FROM (
      (SELECT u.item_id AS item FROM undone_at_home u WHERE c.is_home AND u.shop_id = c.shop_id AND u.created_at > now() - interval '1 day'
       ORDER BY u.created_at DESC LIMIT ${CHANGES_MAX})
      UNION ALL
      (SELECT d.listing_id FROM difference d WHERE NOT c.is_home AND d.shop_id = c.shop_id AND d.connection_id = c.id AND d.at > now() - interval '1 day'
       ORDER BY d.at DESC LIMIT ${CHANGES_MAX})) changes) w
  WHERE r.kind = 'writer' AND w.times > r.threshold
UNION ALL
  SELECT r.shop_id, r.kind, c.id::text, jsonb_build_object('perMille', round((t.drift * 1000)::numeric, 1), 'check', t.id), r.for_ms
  FROM rule r JOIN connection c ON c.shop_id = r.shop_id AND c.state IN ('live', 'watching', 'paused')
  CROSS JOIN LATERAL (SELECT id, drift, to_at FROM totals_check k WHERE k.shop_id = c.shop_id AND k.connection_id = c.id AND k.state = 'done'
    ORDER BY k.to_at DESC LIMIT 1) t
  WHERE r.kind = 'totals' AND t.to_at > now() - interval '3 days' AND t.drift * 1000 > r.threshold
UNION ALL
  SELECT r.shop_id, r.kind, l.connection_id::text, jsonb_build_object('listings', count(*)), r.for_ms
  FROM rule r JOIN listing l ON l.shop_id = r.shop_id AND l.paused AND l.paused_reason IS DISTINCT FROM $1 AND l.link_state = 'linked' AND l.desired > 0
  JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id AND c.state = 'live' WHERE r.kind = 'paused'
  GROUP BY r.shop_id, r.kind, l.connection_id, r.for_ms
)`;
