import type { Client } from "#app/db.server.ts";
import { takeForReplay } from "#dead-letters";
import { countWaiting, releaseParked } from "#delivery";
import { replayEvents } from "#inbox";
import { postponeOwed } from "#ledger";
import { noteStates } from "./note-states.ts";

/**
 * So many listings of one channel wait for delivery at most, live ones among them, before a run adds one of its own: a sale finds a queue
 * that a write or two empties. A busy channel's own traffic goes first, then; so that a run ends nevertheless, it may always have one.
 */
const LISTINGS_WAITING_MAX = 20;
const STOCK_PER_ROUND = 20;
/** A drain takes 500 events at once: between two rounds live ones find room. */
const MESSAGES_ON_THEIR_WAY_MAX = 100;

type Place = { shopId: number; runId: number; connectionId: number };
type Begun = {
	n: number;
	letter_id: number | null;
	listing_id: number | null;
	item_id: number;
	location_id: number;
	event_id: number;
	state: "begun" | "nothing";
};

/** Listings get today's figure, not the one that failed: lines of one listing are one push, however many failures it had. */
export async function beginUpdates(tx: Client, { shopId, runId, connectionId }: Place): Promise<number> {
	const waiting = await countWaiting(tx, shopId, connectionId, LISTINGS_WAITING_MAX);
	const own = await tx.query(
		"SELECT FROM replay_line WHERE shop_id = $1 AND run_id = $2 AND connection_id = $3 AND listing_id IS NOT NULL AND state = 'begun' LIMIT 1",
		[shopId, runId, connectionId],
	);
	const room = Math.max(LISTINGS_WAITING_MAX - waiting, own.rowCount === 0 ? 1 : 0);
	const begun = await beginLines(tx, { shopId, runId, connectionId }, "listing_id", room);
	const listingIds = begun.flatMap(({ listing_id, state }) => (state === "begun" && listing_id !== null ? [listing_id] : []));
	await releaseParked(tx, shopId, [...new Set(listingIds)]);
	return listingIds.length;
}

/** What home refused goes out under a new key, now instead of after its pause. */
export async function beginStock(tx: Client, { shopId, runId, connectionId }: Place): Promise<number> {
	const begun = (await beginLines(tx, { shopId, runId, connectionId }, "item_id", STOCK_PER_ROUND)).filter(
		({ state }) => state === "begun",
	);
	await postponeOwed(
		tx,
		shopId,
		begun.map(({ item_id, location_id }) => ({ itemId: item_id, locationId: location_id })),
		0,
	);
	return begun.length;
}

/** Messages are put into the inbox anew, where each counts once. Their letters' decision is in the same transaction. */
export async function beginMessages(tx: Client, { shopId, runId, connectionId, actor }: Place & { actor: string }): Promise<number> {
	const { rows } = await tx.query<{ count: number }>(
		`SELECT count(*)::int AS count FROM (SELECT FROM replay_line WHERE shop_id = $1 AND run_id = $2 AND event_id IS NOT NULL AND state = 'begun' LIMIT $3) begun`,
		[shopId, runId, MESSAGES_ON_THEIR_WAY_MAX],
	);
	const room = MESSAGES_ON_THEIR_WAY_MAX - (rows[0]?.count ?? 0);
	if (room === 0) return 0;
	const lines = await tx.query<{ n: number; letter_id: number | null; event_id: number }>(
		`SELECT n, letter_id, event_id FROM replay_line WHERE shop_id = $1 AND run_id = $2 AND connection_id = $3 AND event_id IS NOT NULL AND state = 'waiting'
		 ORDER BY n LIMIT $4`,
		[shopId, runId, connectionId, room],
	);
	if (lines.rows.length === 0) return 0;
	const letterIds = lines.rows.flatMap(({ letter_id }) => letter_id ?? []);
	const taken = new Set((await takeForReplay(tx, shopId, letterIds, actor)).map(({ id }) => id));
	const ours = lines.rows.filter(({ letter_id }) => letter_id === null || taken.has(letter_id));
	const replayed = await replayEvents(tx, shopId, [...new Set(ours.map(({ event_id }) => event_id))], { once: String(runId) });
	const replayedId = new Map(replayed.map(({ eventId, replayedId: id }) => [eventId, id]));
	const marks = lines.rows.map((line) => {
		const isOurs = ours.includes(line);
		const id = replayedId.get(line.event_id) ?? null;
		return { n: line.n, id, state: !isOurs ? "nothing" : id === null ? "left_alone" : "begun" };
	});
	await tx.query(
		`UPDATE replay_line l SET state = r.state, replayed_event_id = r.id, begun_at = clock_timestamp()
		 FROM jsonb_to_recordset($3::jsonb) AS r(n int, id bigint, state text) WHERE l.shop_id = $1 AND l.run_id = $2 AND l.n = r.n`,
		[shopId, runId, JSON.stringify(marks)],
	);
	await noteStates(
		tx,
		{ shopId, runId },
		marks.map(({ state }) => ({ from: "waiting", to: state })),
	);
	return replayed.length;
}

/** Cancelled, or of a channel that is disconnected: they stay as they are. */
export async function leaveAlone(tx: Client, shopId: number, runId: number, connectionId: number | null): Promise<number> {
	const { rowCount } = await tx.query(
		`UPDATE replay_line SET state = 'left_alone' WHERE shop_id = $1 AND run_id = $2 AND state = 'waiting' AND ($3::bigint IS NULL OR connection_id = $3)`,
		[shopId, runId, connectionId],
	);
	await tx.query("UPDATE replay_run SET left_alone = left_alone + $3 WHERE shop_id = $1 AND id = $2", [shopId, runId, rowCount ?? 0]);
	return 0;
}

/** The next targets of one kind, with all their lines; those whose failure is settled already need nothing. */
async function beginLines(
	tx: Client,
	{ shopId, runId, connectionId }: Place,
	kind: "listing_id" | "item_id",
	targets: number,
): Promise<Begun[]> {
	if (targets <= 0) return [];
	const next = await tx.query<{ target: string }>(
		`SELECT target FROM replay_line WHERE shop_id = $1 AND run_id = $2 AND connection_id = $3 AND state = 'waiting' AND ${kind} IS NOT NULL
		   ${kind === "item_id" ? "AND listing_id IS NULL" : ""} GROUP BY target ORDER BY min(n) LIMIT $4`,
		[shopId, runId, connectionId, targets],
	);
	if (next.rows.length === 0) return [];
	// One look-up per line: joined, a table that has just been filled was read once for each of them (10,000 lines took 45 s).
	const { rows } = await tx.query<Begun>(
		`UPDATE replay_line l SET begun_at = clock_timestamp(), state = CASE
		   WHEN (SELECT d.state FROM dead_letter d WHERE d.shop_id = l.shop_id AND d.id = l.letter_id) = 'open' THEN 'begun' ELSE 'nothing' END
		 WHERE l.shop_id = $1 AND l.run_id = $2 AND l.connection_id = $3 AND l.state = 'waiting' AND l.target = ANY($4::text[])
		 RETURNING l.n, l.letter_id, l.listing_id, l.item_id, l.location_id, l.event_id, l.state`,
		[shopId, runId, connectionId, next.rows.map(({ target }) => target)],
	);
	await noteStates(
		tx,
		{ shopId, runId },
		rows.map(({ state }) => ({ from: "waiting", to: state })),
	);
	return rows;
}
