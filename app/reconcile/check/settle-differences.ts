import { type Client, type Queryable, transaction } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { metrics } from "#telemetry";
import { markListings } from "./act.ts";
import { itemsOf, MOVEMENTS_MAX } from "./compare-guest.ts";
import { type Cause, type HomeFacts, type Judged, judgeHome, judgeListing, type ListingFacts } from "./judge-difference.ts";

/** Rows of one transaction; and what one call does at most, so that its timer is not late for the next. */
const BATCH = 500;
const ROUNDS_MAX = 20;
/** What is being looked into is looked at again after so many seconds, and the longer it takes the more seldom. */
const WAITING_SECONDS = 1.5;
const WAITING_SECONDS_MAX = 60;
/** What needs a person, or the next run. */
const OPEN_SECONDS = 120;

type Row = ListingFacts &
	HomeFacts & {
		id: number;
		shopId: number;
		connectionId: number;
		channel: string;
		runId: number;
		isHome: boolean;
		listingId: number | null;
		state: "waiting" | "open";
		readAt: Date | null;
	};

/**
 * Settles what runs have found, from what has happened since: the one place that says why a figure differed and how it ended. Looked
 * at by the clock, since neither an order nor a delivery knows that somebody waits for it. Rows are locked and those of others
 * skipped, so it may run in several processes at once, and be killed anywhere. `shopId`: of this shop alone.
 */
export async function settleDifferences(
	deps: Pick<Deps, "pool" | "wake">,
	{ shopId = null }: { shopId?: number | null } = {},
): Promise<number> {
	let settled = 0;
	for (let round = 0; round < ROUNDS_MAX; round++) {
		const done = await transaction(deps.pool, (tx) => settleBatch(tx, shopId));
		for (const { shopId: of, connectionId } of done.marked) await deps.wake("delivery.push", { shopId: of, connectionId });
		for (const { channel, cause, state } of done.ended) metrics().differencesSettled.inc({ channel, cause, state });
		settled += done.ended.length;
		if (done.looked < BATCH) break;
	}
	return settled;
}

type Ended = {
	id: number;
	shopId: number;
	runId: number;
	channel: string;
	state: "mended" | "explained";
	cause: Cause;
	figure: number | null;
};

async function settleBatch(tx: Client, shopId: number | null) {
	const { rows } = await tx.query<Row>(factsStatement(shopId !== null), shopId === null ? [BATCH] : [BATCH, shopId]);
	const ended: Ended[] = [];
	const open: { id: number; shopId: number; cause: Cause }[] = [];
	const waiting: { id: number; shopId: number }[] = [];
	const looks: { row: Row; again: boolean }[] = [];
	for (const row of rows) {
		const judged: Judged = row.isHome ? judgeHome(row) : judgeListing(row);
		if (judged.verdict === "over") ended.push({ ...row, state: judged.state, cause: judged.cause, figure: judged.figure });
		else if (judged.verdict === "open") open.push({ ...row, cause: judged.cause });
		else waiting.push(row);
		if (judged.verdict === "look") looks.push({ row, again: judged.again });
	}
	const marked = await look(tx, looks);
	await tx.query(endStatement, [JSON.stringify(ended)]);
	await tx.query(openStatement, [JSON.stringify(open), OPEN_SECONDS]);
	await tx.query(waitStatement, [JSON.stringify(waiting), WAITING_SECONDS, WAITING_SECONDS_MAX]);
	return { looked: rows.length, ended, marked };
}

/** Marks them again, shop by shop, and remembers what was known of them at that moment. */
async function look(tx: Client, looks: readonly { row: Row; again: boolean }[]): Promise<{ shopId: number; connectionId: number }[]> {
	for (const shopId of new Set(looks.map(({ row }) => row.shopId))) {
		const own = looks.filter(({ row }) => row.shopId === shopId);
		await markListings(
			tx,
			shopId,
			own.flatMap(({ row }) => row.listingId ?? []),
		);
		await tx.query(
			`UPDATE reconcile_difference d SET marked_read_at = l.read_at, looked_again_at = CASE WHEN d.id = ANY($3::bigint[]) THEN clock_timestamp() ELSE d.looked_again_at END
			 FROM listing l WHERE d.shop_id = $1 AND d.id = ANY($2::bigint[]) AND l.shop_id = $1 AND l.id = d.listing_id`,
			[shopId, own.map(({ row }) => row.id), own.flatMap(({ row, again }) => (again ? [row.id] : []))],
		);
	}
	const places = new Map(looks.map(({ row: { shopId, connectionId } }) => [`${shopId} ${connectionId}`, { shopId, connectionId }]));
	return [...places.values()];
}

/** What a connection's differences wait for is a matter of moments. */
export async function hasWaiting(db: Queryable, shopId: number, connectionId: number): Promise<boolean> {
	const { rows } = await db.query<{ waits: boolean }>(
		`SELECT EXISTS (SELECT FROM reconcile_difference d JOIN reconcile_run r ON r.shop_id = d.shop_id AND r.id = d.run_id
		   WHERE d.shop_id = $1 AND d.connection_id = $2 AND d.settled_at IS NULL AND d.state = 'waiting' AND r.ended_at > now() - $3 * interval '1 second') AS waits`,
		[shopId, connectionId, WATCHED_SECONDS],
	);
	return rows[0]?.waits ?? false;
}
/** After a run somebody may look at its page for so long. */
const WATCHED_SECONDS = 90;

/** A channel's clock and ours. */
const CLOCKS_APART = "interval '5 seconds'";

const factsStatement = (ofShop: boolean) => `
SELECT d.id, d.shop_id AS "shopId", d.connection_id AS "connectionId", c.channel, c.is_home AS "isHome", d.run_id AS "runId", d.state, d.listing_id AS "listingId",
  d.cause, d.kind, d.expected, d.found, d.read_at AS "readAt",
  l.link_state AS "linkState", l.desired IS NOT NULL AS governed, coalesce(l.parked, false) AS parked, coalesce(l.paused, false) AS paused,
  l.dirty_since IS NOT NULL AS dirty, l.shown, coalesce(greatest(l.shown, 0) = greatest(l.desired - l.unseen, 0), false) AS "inStep", coalesce(l.unseen, 0) AS unseen,
  l.read_at IS DISTINCT FROM d.marked_read_at AS judged, d.looked_again_at IS NOT NULL AS "lookedAgain",
  (SELECT coalesce(-sum(m.delta), 0)::int FROM (${itemsOf("d.shop_id", "l.item_id")}) i
     CROSS JOIN LATERAL (SELECT x.* FROM movement x WHERE x.shop_id = d.shop_id AND x.item_id = i.id ORDER BY x.id DESC LIMIT ${MOVEMENTS_MAX}) m
     WHERE m.connection_id = d.connection_id AND m.created_at >= d.found_at AND m.occurred_at <= d.found_at + ${CLOCKS_APART}) AS "lateUnits",
  w.quantity AS landed, coalesce(w.times, 0) AS "landedTimes",
  ARRAY(SELECT x.found FROM difference x WHERE x.shop_id = d.shop_id AND x.listing_id = d.listing_id AND x.at >= d.found_at) AS elsewhere,
  EXISTS (SELECT FROM reconcile_run r WHERE r.shop_id = d.shop_id AND r.connection_id = d.connection_id AND r.id > d.run_id AND r.state = 'done') AS overtaken,
  s.home_quantity AS figure, coalesce(s.home_read_at >= d.read_at OR (d.found IS NULL AND s.home_quantity IS DISTINCT FROM d.expected), false) AS read,
  EXISTS (SELECT FROM fetch_request f WHERE f.shop_id = d.shop_id AND f.connection_id = d.connection_id AND f.kind = 'levels' AND f.external_id = d.external_id AND f.seq > f.done_seq)
    OR EXISTS (SELECT FROM inbox_event v WHERE c.is_home AND v.shop_id = d.shop_id AND v.lane = 'stock' AND v.status = 'pending'
         AND v.event->>'itemExternalId' = d.external_id) AS asked,
  EXISTS (SELECT FROM held_change h WHERE h.shop_id = d.shop_id AND h.item_id = s.item_id AND h.location_id = s.location_id AND h.state = 'held') AS held,
  EXISTS (SELECT FROM item i WHERE i.shop_id = d.shop_id AND i.external_id = d.external_id AND (i.deleted_at IS NULL) = (d.item_id IS NULL)) AS known
FROM reconcile_difference d
JOIN connection c ON c.shop_id = d.shop_id AND c.id = d.connection_id
LEFT JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id
LEFT JOIN LATERAL (
  SELECT a.quantity, count(*)::int AS times FROM delivery_attempt a
  WHERE a.shop_id = d.shop_id AND a.listing_id = d.listing_id AND a.operation = 'listing.write' AND a.outcome IN ('landed', 'accepted') AND a.at >= d.acted_at
  GROUP BY a.quantity ORDER BY max(a.id) DESC LIMIT 1) w ON true
LEFT JOIN item t ON t.shop_id = d.shop_id AND t.external_id = d.external_id AND d.kind = 'level'
LEFT JOIN location o ON o.shop_id = d.shop_id AND o.external_id = d.place_external_id
LEFT JOIN stock s ON s.shop_id = d.shop_id AND s.item_id = t.id AND s.location_id = o.id
WHERE d.settled_at IS NULL AND d.acted_at IS NOT NULL AND d.next_look_at <= now() ${ofShop ? "AND d.shop_id = $2" : ""}
ORDER BY d.next_look_at, d.shop_id, d.id LIMIT $1 FOR UPDATE OF d SKIP LOCKED`;

/** With the run's own count of what ended how. */
const endStatement = `
WITH ended AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(id bigint, "shopId" bigint, "runId" bigint, state text, cause text, figure int)
), written AS (
  UPDATE reconcile_difference d SET state = e.state, cause = e.cause, mended_figure = CASE WHEN e.state = 'mended' THEN e.figure END, settled_at = clock_timestamp()
  FROM ended e WHERE d.shop_id = e."shopId" AND d.id = e.id
)
UPDATE reconcile_run r SET mended = r.mended + n.mended
FROM (SELECT "shopId", "runId", count(*) FILTER (WHERE state = 'mended')::int AS mended FROM ended GROUP BY 1, 2 ORDER BY 1, 2) n
WHERE r.shop_id = n."shopId" AND r.id = n."runId"`;

const openStatement = `
UPDATE reconcile_difference d SET state = 'open', cause = o.cause, next_look_at = now() + $2 * interval '1 second'
FROM jsonb_to_recordset($1::jsonb) AS o(id bigint, "shopId" bigint, cause text)
WHERE d.shop_id = o."shopId" AND d.id = o.id`;

const waitStatement = `
UPDATE reconcile_difference d SET next_look_at = now() + least($3, greatest($2, extract(epoch FROM now() - d.found_at)::float8 / 8)) * interval '1 second'
FROM jsonb_to_recordset($1::jsonb) AS w(id bigint, "shopId" bigint)
WHERE d.shop_id = w."shopId" AND d.id = w.id`;
