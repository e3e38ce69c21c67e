import { recordAudit } from "#app/connections/audit.ts";
import { type Client, transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { ALL_FAILURES, type FailureFilter, isReadable, joins, whereOf } from "#dead-letters";

/** One statement freezes them; a shop with more failures than this replays the rest as another run. */
const LINES_MAX = 50_000;

/** Some failures by their ids, all that match a filter and were there when they were counted, or past events of one order. */
export type Chosen = { ids: readonly number[] } | { filter: FailureFilter; throughId: number };
type Wish = { name: string; reason: string; actor: string; press: string };

export type AskedReplay =
	| { outcome: "asked"; runId: number; failures: number }
	/** None of them is open any more. */
	| { outcome: "nothing" };

/**
 * Begins a run: which failures it is about is settled here, in one statement. `press` is the page's own name for this press: sent twice,
 * or by a person who presses twice, it is one run.
 */
export function askForReplay(deps: Deps, shopId: number, chosen: Chosen, wish: Wish): Promise<AskedReplay> {
	return ask(deps, shopId, wish, (tx, runId) => {
		const { where, values } = whereOf(shopId, "filter" in chosen ? chosen.filter : ALL_FAILURES);
		const only = "filter" in chosen ? `d.id <= $${values.push(chosen.throughId)}` : `d.id = ANY($${values.push(chosen.ids)})`;
		return tx.query(
			`INSERT INTO replay_line (shop_id, run_id, n, letter_id, connection_id, target, listing_id, item_id, location_id, event_id, state)
			 SELECT $1, $${values.push(runId)}, row_number() OVER (ORDER BY f.id), f.id, f.connection_id, ${TARGET}, f.listing_id, f.item_id, f.location_id,
			   CASE WHEN f.readable THEN f.event_id END, CASE WHEN ${TARGET} = '' THEN 'left_alone' ELSE 'waiting' END
			 FROM (SELECT d.id, d.connection_id, d.event_id, d.listing_id,
			     CASE WHEN d.listing_id IS NULL AND d.delta_batch_id IS NOT NULL AND d.payload ? 'locationId' THEN (d.payload->>'itemId')::bigint END AS item_id,
			     CASE WHEN d.listing_id IS NULL AND d.delta_batch_id IS NOT NULL THEN (d.payload->>'locationId')::bigint END AS location_id,
			     ${isReadable} AS readable
			   FROM dead_letter d ${joins} WHERE ${where} AND ${only} ORDER BY d.id LIMIT $${values.push(LINES_MAX)}) f`,
			values,
		);
	});
}

/** So many messages of one order are counted again at once; an order has some ten. */
const MESSAGES_MAX = 200;

/**
 * Past messages of one order, those that were counted as well as those that were not, are put into the inbox once more. What they say is
 * a state, so nothing moves twice. `eventId`: that one alone.
 */
export function askForOrder(
	deps: Deps,
	shopId: number,
	{ channelId, orderId, eventId }: { channelId: number; orderId: string; eventId: number | null },
	wish: Wish,
): Promise<AskedReplay> {
	// The letter of a message that is set aside is decided with it: then it is the failure that is tried again.
	return ask(deps, shopId, wish, (tx, runId) =>
		tx.query(
			`INSERT INTO replay_line (shop_id, run_id, n, letter_id, connection_id, target, event_id)
			 SELECT $1, $2, row_number() OVER (ORDER BY e.id), d.id, e.connection_id, 'event:' || e.id, e.id
			 FROM (SELECT id, connection_id FROM inbox_event WHERE shop_id = $1 AND connection_id = $3 AND event->>'orderId' = $4 AND lane = 'stock'
			   AND status <> 'pending' AND source <> 'replay' AND ($5::bigint IS NULL OR id = $5) ORDER BY id DESC LIMIT $6) e
			 LEFT JOIN dead_letter d ON d.shop_id = $1 AND d.event_id = e.id AND d.direction = 'in' AND d.state = 'open' AND d.source_key = 'event:' || e.id`,
			[shopId, runId, channelId, orderId, eventId, MESSAGES_MAX],
		),
	);
}

const TARGET = `CASE WHEN f.listing_id IS NOT NULL THEN 'listing:' || f.listing_id WHEN f.item_id IS NOT NULL THEN 'stock:' || f.item_id || ':' || f.location_id
  WHEN f.readable THEN 'event:' || f.event_id ELSE '' END`;

async function ask(
	deps: Deps,
	shopId: number,
	{ name, reason, actor, press }: Wish,
	addLines: (tx: Client, runId: number) => Promise<{ rowCount: number | null }>,
): Promise<AskedReplay> {
	const asked = await transactionWithRetry(deps.pool, async (tx): Promise<AskedReplay> => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const known = await tx.query<{ id: number; total: number }>("SELECT id, total FROM replay_run WHERE shop_id = $1 AND press = $2", [
			shopId,
			press,
		]);
		const [row] = known.rows;
		if (row) return { outcome: "asked", runId: row.id, failures: row.total };
		const made = await tx.query<{ id: number }>(
			"INSERT INTO replay_run (shop_id, name, reason, actor, press, total) VALUES ($1, $2, $3, $4, $5, 0) RETURNING id",
			[shopId, name, reason, actor, press],
		);
		const runId = made.rows[0]?.id ?? 0;
		const failures = (await addLines(tx, runId)).rowCount ?? 0;
		if (failures === 0) {
			await tx.query("DELETE FROM replay_run WHERE shop_id = $1 AND id = $2", [shopId, runId]);
			return { outcome: "nothing" };
		}
		await tx.query(
			`UPDATE replay_run SET total = $3, left_alone = (SELECT count(*) FROM replay_line WHERE shop_id = $1 AND run_id = $2 AND state = 'left_alone')
			 WHERE shop_id = $1 AND id = $2`,
			[shopId, runId, failures],
		);
		await recordAudit(tx, shopId, { actor, action: "replay.begun", subject: String(runId), after: { name, reason, failures } });
		return { outcome: "asked", runId, failures };
	});
	if (asked.outcome === "asked") await deps.wake("replay.run", { shopId });
	return asked;
}
