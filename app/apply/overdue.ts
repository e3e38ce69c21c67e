import type { Pool } from "pg";
import { requestFetch } from "#inbox";
import { SETTLED_AFTER_MS } from "./decide/unresolved.ts";

/** A home sale or a write of ours that no reading has held for so long is asked for. */
const UNREAD_MS = 30_000;
const ROWS_MAX = 1_000;

/**
 * Asks home for the levels of items whose predictions or landed deltas no reading has absorbed (a lost webhook, an order that
 * takes nothing, another location), or with deltas of which home never said whether it took them. Called by the sweeper; asking twice is one request. Returns the connections to wake.
 */
export async function askForOverdueReadings(pool: Pool): Promise<{ shopId: number; connectionId: number }[]> {
	const result = await pool.query(
		`WITH overdue AS (
		   (SELECT shop_id, item_id FROM prediction WHERE received_at < now() - $1 * interval '1 millisecond' LIMIT $2)
		   UNION
		   (SELECT shop_id, item_id FROM delta_line WHERE state = 'landed' AND answered_at < now() - $1 * interval '1 millisecond' LIMIT $2)
		   UNION
		   (SELECT l.shop_id, l.item_id FROM delta_batch b JOIN delta_line l ON l.shop_id = b.shop_id AND l.batch_id = b.id AND l.state = 'open'
		    WHERE b.state = 'unresolved' AND b.unresolved_at < now() - $3 * interval '1 millisecond' LIMIT $2)
		 )
		 SELECT o.shop_id, c.id AS connection_id, i.external_id FROM overdue o
		 JOIN item i ON i.shop_id = o.shop_id AND i.id = o.item_id
		 JOIN shop s ON s.id = o.shop_id AND s.state = 'installed'
		 JOIN connection c ON c.shop_id = o.shop_id AND c.is_home AND c.state <> 'disconnected'
		 WHERE NOT EXISTS (SELECT 1 FROM fetch_request f WHERE f.shop_id = o.shop_id AND f.connection_id = c.id AND f.kind = 'levels'
		   AND f.external_id = i.external_id AND f.seq > f.done_seq)`,
		[UNREAD_MS, ROWS_MAX, SETTLED_AFTER_MS],
	);
	await requestFetch(
		pool,
		result.rows.map((r) => ({
			shopId: r.shop_id,
			connectionId: r.connection_id,
			kind: "levels" as const,
			externalId: r.external_id,
			reason: "no reading has held it",
			correlationId: "",
		})),
	);
	const woken = new Map(
		result.rows.map((r) => [`${r.shop_id}:${r.connection_id}`, { shopId: r.shop_id as number, connectionId: r.connection_id as number }]),
	);
	return [...woken.values()];
}

/**
 * Shops with events that wait although no drain was woken for them (a crash after the commit, a lost queue). What waits for
 * the first import, or for a guest's cut, waits by itself (sql/inbox.ts).
 */
export async function findWaitingShops(pool: Pool): Promise<number[]> {
	const result = await pool.query(
		`SELECT s.id FROM shop s WHERE s.state = 'installed' AND EXISTS (
		   SELECT 1 FROM inbox_event e WHERE e.shop_id = s.id AND e.lane = 'stock' AND e.status = 'pending'
		     AND (s.import_state = 'done' OR e.source = 'import' OR (e.source = 'fetch' AND e.event->>'type' LIKE 'home.%'))
		     AND e.connection_id NOT IN (SELECT c.id FROM connection c WHERE c.shop_id = s.id AND c.state = 'connecting' AND NOT c.is_home))`,
	);
	return result.rows.map((r) => r.id);
}
