import { type Client, type Pool, transaction } from "#app/db.server.ts";
import { adoptNoted } from "./adopt.ts";
import { readingIn, tableOf } from "./rooms.ts";
import type { Run, RunLease } from "./run.ts";

/** Differences that one run records. A channel where more differ has one trouble and not so many: the next run takes the rest. */
const RECORDED_MAX = 10_000;
/**
 * Of our listings so many may be missing in a list that ended well before the list itself is doubted: a channel that answers with a
 * part of its catalogue is likelier than a merchant who deletes a fifth of it between two runs.
 */
const LACKING_SHARE_MAX = 0.2;
const LACKING_ALWAYS = 50;
/** The hash of a million listings goes to disk in pieces of this. */
const WORK_MEM_MB = 64;

export type Compared =
	| { outcome: "compared"; found: number }
	/** Rows were lost with the database's memory: read again. */
	| { outcome: "lost" }
	/** The list cannot be whole. Nothing of it was believed. */
	| { outcome: "doubted"; lacking: number };

type Counts = { compared: number; explained: number; tolerated: number; found: number; added: number; lacking: number };
/** `staged`: rows that the pass came by. */
type Pass = Counts & { staged: number };
type Guest = { shopId: number; connectionId: number; tolerance: number; lagMs: number };

/**
 * Compares what was read with what we believe, in one statement over all of it, and writes down what differs and nothing explains.
 * Nothing is believed yet: each is read singly before anything follows from it (act.ts).
 */
export async function compareGuest(pool: Pool, lease: RunLease, guest: Guest): Promise<Compared> {
	const { run } = lease;
	return transaction(pool, async (tx) => {
		await lease.save(tx, { state: "acting" });
		await tx.query(`SET LOCAL work_mem = '${WORK_MEM_MB}MB'`);
		// Sorting a million texts by a language's rules takes longer than all the rest; so does compiling a statement that runs once.
		await tx.query("SET LOCAL enable_mergejoin = off");
		await tx.query("SET LOCAL jit = off");
		const { rows } = await tx.query<Pass>(compareStatement(run.room), [
			guest.shopId,
			guest.connectionId,
			run.id,
			run.attempt,
			run.beganAt,
			guest.lagMs,
			guest.tolerance,
			RECORDED_MAX,
		]);
		const { staged, ...counts } = rows[0] as Pass;
		if (staged !== run.read) throw new RowsLostError();
		if (counts.lacking > Math.max(LACKING_ALWAYS, LACKING_SHARE_MAX * counts.compared)) throw new ListDoubtedError(counts.lacking);
		const adopted = await adoptNoted(tx, { ...guest, runId: run.id });
		const found = counts.found + adopted;
		await saveCounts(tx, guest.shopId, run, { ...counts, found });
		return { outcome: "compared" as const, found };
	}).catch((error: unknown) => {
		if (error instanceof RowsLostError) return { outcome: "lost" as const };
		if (error instanceof ListDoubtedError) return { outcome: "doubted" as const, lacking: error.lacking };
		throw error;
	});
}

/** Both undo what the transaction has written. */
export class RowsLostError extends Error {}
class ListDoubtedError extends Error {
	readonly lacking: number;
	constructor(lacking: number) {
		super(`${lacking} listings are missing`);
		this.lacking = lacking;
	}
}

export async function saveCounts(tx: Client, shopId: number, run: Pick<Run, "id">, counts: Omit<Counts, "lacking">): Promise<void> {
	await tx.query(
		`UPDATE reconcile_run SET compared = $3, explained = $4, tolerated = $5, found = $6, added = $7, mended = 0 WHERE shop_id = $1 AND id = $2`,
		[shopId, run.id, counts.compared, counts.explained, counts.tolerated, counts.found, counts.added],
	);
}

const TARGET = "greatest(l.desired - l.unseen, 0)";
/** When the figure was true at the earliest, by our clock: a list may be made from older data. */
const TRUE_FROM = "$5::timestamptz + coalesce(r.asked_s, 0) * interval '1 second' - $6::float8 * interval '1 millisecond'";

/** What is sold with a listing of this item: itself, or a bundle's parts. */
export const itemsOf = (shop: string, item: string): string => `
SELECT ${item} AS id UNION SELECT b.component_item_id FROM bundle_component b WHERE b.shop_id = ${shop} AND b.bundle_item_id = ${item}`;
/** Of an item that sells all day only the newest movements are looked at. */
export const MOVEMENTS_MAX = 1_000;

/**
 * Units that orders of this very channel have taken (or given back) since then: the list may be from before or after each of them.
 * Of a bundle its parts' movements, which are as many or more.
 */
const SOLD_SINCE = `
SELECT coalesce(-sum(m.delta) FILTER (WHERE m.delta < 0), 0)::int AS taken, coalesce(sum(m.delta) FILTER (WHERE m.delta > 0), 0)::int AS given
FROM (${itemsOf("$1", "l.item_id")}) i
CROSS JOIN LATERAL (SELECT x.* FROM movement x WHERE x.shop_id = $1 AND x.item_id = i.id ORDER BY x.id DESC LIMIT ${MOVEMENTS_MAX}) m
WHERE m.connection_id = $2 AND m.created_at >= ${TRUE_FROM}`;

/** Delivery has read it singly since, just before it wrote: that is newer than the list, and exact. */
const WRITTEN_SINCE = `EXISTS (
  SELECT FROM delivery_attempt a WHERE a.shop_id = $1 AND a.listing_id = l.id AND a.operation = 'listing.write'
    AND a.outcome IN ('landed', 'accepted', 'unknown') AND a.at >= ${TRUE_FROM})`;

/**
 * What a listing that differs is. Compared is what we believe it shows; a new figure that waits to be sent shows nowhere yet. Not
 * believed to differ: what is under way, units whose orders may still come, and what moved since the list was asked for, as far as
 * that movement can account for it. Paused ones were left so by a person.
 */
const VERDICT = `
CASE
  WHEN l.id IS NULL THEN 'new'
  WHEN l.sold_from IS NOT NULL OR r.place IS NOT NULL THEN 'none'
  WHEN l.link_state = 'unlinked' THEN CASE WHEN r.quantity IS NOT NULL AND ${`(
    SELECT count(*) FROM item i WHERE i.shop_id = $1 AND i.sku = l.sku AND i.deleted_at IS NULL) = 1`} THEN 'unmapped' ELSE 'none' END
  WHEN l.link_state <> 'linked' OR l.desired IS NULL THEN 'none'
  WHEN l.paused THEN CASE WHEN r.n IS NULL OR r.quantity IS NOT DISTINCT FROM l.shown THEN 'none' ELSE 'explained' END
  WHEN l.parked THEN CASE WHEN r.n IS NULL OR greatest(r.quantity, 0) IS NOT DISTINCT FROM ${TARGET} THEN 'none' ELSE 'rejected' END
  WHEN l.sent IS NOT NULL OR l.accepted_at IS NOT NULL OR l.uncertain_until > now() OR l.shown IS NULL THEN 'explained'
  WHEN r.n IS NULL THEN CASE WHEN l.dirty_since IS NULL AND l.updated_at < $5::timestamptz THEN 'lacking' ELSE 'explained' END
  WHEN r.quantity IS NULL THEN 'differs'
  WHEN r.quantity BETWEEN l.shown AND l.shown + l.unseen THEN 'explained'
  WHEN l.updated_at >= ${TRUE_FROM} AND (${WRITTEN_SINCE} OR EXISTS (
    SELECT FROM (${SOLD_SINCE}) s WHERE r.quantity BETWEEN l.shown - s.given AND l.shown + s.taken)) THEN 'explained'
  WHEN abs(r.quantity - l.shown) <= $7 THEN 'tolerated'
  ELSE 'differs'
END`;

/** Worth a look at the whole of it: only one side has it, what it shows is not sure or not ours to say, or differs. */
const IS_APART = "(r.quantity = l.sure) IS NOT TRUE";

/**
 * One pass over both sides, which carries as little as it can and counts on the way; what differs is then looked up by its keys. A full
 * join has no nested loop, so the plan does not depend on statistics, which a table that was filled a moment ago has not got; and the
 * LIMIT of the lookup keeps it one row by the whole key: else a plan for "a few rows" reads all of them, for each difference.
 * Of what is new only listings are made, unlinked, as reading the catalogue makes them (connections/guests/catalogue.ts).
 */
const compareStatement = (room: number) => `
WITH joined AS MATERIALIZED (
  SELECT count(r.n)::int AS staged, count(*) FILTER (WHERE l.governed AND r.n IS NOT NULL)::int AS compared,
    array_agg(ARRAY[coalesce(l.id, 0), coalesce(r.n, 0)]) FILTER (WHERE ${IS_APART}) AS keys
  FROM (SELECT n, external_id, quantity FROM ${tableOf(room)} WHERE ${readingIn(room)}) r
  FULL JOIN (SELECT id, external_id, CASE WHEN link_state <> 'unlinked' AND NOT parked THEN shown END AS sure, link_state = 'linked' AND desired IS NOT NULL AS governed
             FROM listing WHERE shop_id = $1 AND connection_id = $2) l ON l.external_id = r.external_id
), apart AS MATERIALIZED (
  SELECT l.id AS listing_id, l.item_id, l.shown, ${TARGET} AS target, coalesce(r.external_id, l.external_id) AS external_id,
    r.n, r.place, r.parent, coalesce(r.sku, l.sku) AS sku, r.barcode, coalesce(r.title, l.title) AS title, r.quantity, ${VERDICT} AS verdict
  FROM joined CROSS JOIN LATERAL (SELECT joined.keys[i][1] AS id, joined.keys[i][2] AS n FROM generate_subscripts(joined.keys, 1) i) k
  LEFT JOIN listing l ON l.shop_id = $1 AND l.id = k.id
  LEFT JOIN LATERAL (SELECT s.* FROM ${tableOf(room)} s WHERE s.shop_id = $1 AND s.run_id = $3 AND s.attempt = $4 AND s.n = k.n LIMIT 1) r ON true
), fresh AS (
  INSERT INTO listing (shop_id, connection_id, external_id, parent_external_id, sku, barcode, title, sold_from)
  SELECT DISTINCT ON (external_id) $1::bigint, $2::bigint, external_id, parent, sku, barcode, coalesce(title, ''), place
  FROM apart WHERE verdict = 'new' ORDER BY external_id, n DESC
  ON CONFLICT (shop_id, connection_id, external_id) DO NOTHING
  RETURNING id, external_id, sold_from
), noted AS (
  SELECT DISTINCT ON (a.external_id) a.*, f.id AS fresh_id FROM apart a LEFT JOIN fresh f ON f.external_id = a.external_id
  WHERE a.verdict IN ('differs', 'lacking', 'rejected', 'unmapped') OR (a.verdict = 'new' AND f.sold_from IS NULL AND f.id IS NOT NULL AND a.quantity IS NOT NULL)
  ORDER BY a.external_id, a.n DESC
), kept AS (
  INSERT INTO reconcile_difference (shop_id, connection_id, run_id, kind, subject, listing_id, item_id, external_id, sku, title, expected, found, cause, state, acted_at)
  SELECT $1, $2, $3, 'listing', 'listing:' || d.external_id, coalesce(d.listing_id, d.fresh_id),
    coalesce(d.item_id, (SELECT min(i.id) FROM item i WHERE i.shop_id = $1 AND i.sku = d.sku AND i.deleted_at IS NULL HAVING count(*) = 1)),
    d.external_id, d.sku, coalesce(d.title, ''), CASE d.verdict WHEN 'rejected' THEN d.target WHEN 'new' THEN NULL WHEN 'unmapped' THEN NULL ELSE d.shown END, d.quantity,
    CASE d.verdict WHEN 'rejected' THEN 'rejected' WHEN 'new' THEN 'unmapped' WHEN 'unmapped' THEN 'unmapped' ELSE 'unknown' END,
    CASE WHEN d.verdict IN ('differs', 'lacking') THEN 'waiting' ELSE 'open' END,
    CASE WHEN d.verdict IN ('differs', 'lacking') THEN NULL ELSE clock_timestamp() END
  FROM noted d ORDER BY d.n NULLS LAST LIMIT $8
  ON CONFLICT (shop_id, connection_id, subject) WHERE settled_at IS NULL
  DO UPDATE SET run_id = excluded.run_id, found = excluded.found, times = reconcile_difference.times + 1, next_look_at = now()
)
SELECT
  (SELECT staged FROM joined) AS staged,
  (SELECT compared FROM joined) AS compared,
  count(*) FILTER (WHERE verdict = 'explained')::int AS explained,
  count(*) FILTER (WHERE verdict = 'tolerated')::int AS tolerated,
  (SELECT count(*)::int FROM noted) AS found,
  (SELECT count(*)::int FROM fresh) AS added,
  count(*) FILTER (WHERE verdict = 'lacking')::int AS lacking
FROM apart`;
