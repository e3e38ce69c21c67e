import type { Client } from "#app/db.server.ts";
import { resolveDeadLetters } from "#dead-letters";
import { noteStates } from "./note-states.ts";

/**
 * What has become of the lines that have begun, as their listings and messages say it: succeeded when the figure stands or the message
 * was counted, failed when it was set aside once more. A listing that is still on its way has no verdict yet. Whatever was begun was
 * committed before, so that "set aside" here is never the old one.
 */
export async function settleLines(tx: Client, shopId: number, runId: number): Promise<number> {
	const { rows } = await tx.query<{ n: number; verdict: string; owed_key: string | null }>(verdictStatement, [shopId, runId]);
	if (rows.length === 0) return 0;
	await tx.query(
		`UPDATE replay_line l SET state = r.verdict FROM jsonb_to_recordset($3::jsonb) AS r(n int, verdict text)
		 WHERE l.shop_id = $1 AND l.run_id = $2 AND l.n = r.n`,
		[shopId, runId, JSON.stringify(rows)],
	);
	// Home was owed nothing any more: then nothing will ever say that it has taken it.
	await resolveDeadLetters(
		tx,
		shopId,
		rows.flatMap(({ owed_key }) => owed_key ?? []),
	);
	await noteStates(
		tx,
		{ shopId, runId },
		rows.map(({ verdict }) => ({ from: "begun", to: verdict })),
	);
	return rows.length;
}

const NOTHING_OWED = `n.item_id IS NOT NULL AND n.listing_id IS NULL
  AND NOT EXISTS (SELECT FROM stock k WHERE k.shop_id = n.shop_id AND k.item_id = n.item_id AND k.location_id = n.location_id AND k.delta_owed <> 0)
  AND NOT EXISTS (SELECT FROM delta_line o WHERE o.shop_id = n.shop_id AND o.item_id = n.item_id AND o.location_id = n.location_id AND o.state = 'open')`;

/** The message said no more than "look again": its order is asked for, or the answer waits to be applied. */
const IS_BEING_READ = `EXISTS (SELECT FROM fetch_request f WHERE f.shop_id = e.shop_id AND f.connection_id = e.connection_id AND f.kind = 'order'
    AND f.external_id = e.event->>'orderId' AND f.seq > f.done_seq)
  OR EXISTS (SELECT FROM inbox_event p WHERE p.shop_id = e.shop_id AND p.connection_id = e.connection_id AND p.event->>'orderId' = e.event->>'orderId'
    AND p.status = 'pending')`;

const verdictStatement = `
SELECT * FROM (
  SELECT n.n, CASE WHEN d.state = 'open' AND ${NOTHING_OWED} THEN d.source_key END AS owed_key, CASE
    WHEN n.event_id IS NOT NULL THEN CASE
      WHEN e.status IS NULL THEN 'left_alone'
      WHEN e.status = 'pending' THEN NULL
      WHEN e.status = 'parked' THEN 'failed'
      WHEN d.state = 'resolved' THEN 'succeeded'
      WHEN e.outcome = 'look-again' AND (${IS_BEING_READ}) THEN NULL
      WHEN d.state = 'open' THEN 'failed'
      ELSE 'succeeded' END
    WHEN d.state IS DISTINCT FROM 'open' THEN CASE WHEN d.state = 'resolved' THEN 'succeeded' ELSE 'nothing' END
    WHEN c.state IS NULL OR c.state = 'disconnected' THEN 'left_alone'
    WHEN n.listing_id IS NOT NULL THEN CASE
      WHEN l.id IS NULL OR l.link_state <> 'linked' OR l.paused OR l.desired IS NULL THEN 'left_alone'
      WHEN l.parked THEN 'failed' END
    WHEN d.last_at > n.begun_at THEN 'failed'
    WHEN ${NOTHING_OWED} THEN 'nothing'
  END AS verdict
  FROM replay_line n
  LEFT JOIN dead_letter d ON d.shop_id = n.shop_id AND d.id = n.letter_id
  LEFT JOIN connection c ON c.shop_id = n.shop_id AND c.id = n.connection_id
  LEFT JOIN listing l ON l.shop_id = n.shop_id AND l.id = n.listing_id
  LEFT JOIN inbox_event e ON e.shop_id = n.shop_id AND e.id = n.replayed_event_id
  WHERE n.shop_id = $1 AND n.run_id = $2 AND n.state = 'begun'
) judged WHERE verdict IS NOT NULL ORDER BY n LIMIT 5000`;
