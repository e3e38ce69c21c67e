import type { Queryable } from "#app/db.server.ts";
import type { Evidence, Taker, Told } from "./why.ts";

/** What is known of the unit that was sold twice, beside the evidence itself: whose doing each part was. */
export type Found = {
	evidence: Evidence;
	takerChannelId: number | null;
	takerOrder: { id: string; name: string } | null;
	takerUnits: number;
	/** The bulk change that took them; `isUndo`: by taking another one back. */
	takerBulk: { id: number; name: string; isUndo: boolean } | null;
};

type OversellRef = { id: number; itemId: number; connectionId: number; orderId: string; lineId: string; locationId: number };

/** Longer ago nothing took the last unit that was sold twice; it bounds what is read. */
const LOOK_BACK = "interval '30 days'";
/** Nor so many movements ago. With 200,000 of one product a card took half a second without the bounds, and an eighth of it with them. */
const LOOK_BACK_MAX = 2_000;

/**
 * Reads what is on record of one oversell: what sold its units, what took the last ones before, and when the order's channel was told.
 * Movements stay for ever, messages half a year, tries three months: where they are gone, the answer is that it is not known.
 */
export async function readEvidence(db: Queryable, shopId: number, ref: OversellRef): Promise<Found> {
	const { rows } = await db.query<Row>(statement, [shopId, ref.id]);
	const row = rows[0];
	if (!row) return { evidence: NOTHING, takerChannelId: null, takerOrder: null, takerUnits: 0, takerBulk: null };
	const taker: Taker | null =
		row.taker_at === null || row.taker_applied_at === null
			? null
			: {
					kind: KINDS[row.taker_cause ?? ""] ?? "sale",
					at: row.taker_at.getTime(),
					heardAt: ms(row.taker_heard_at),
					appliedAt: row.taker_applied_at.getTime(),
				};
	const told =
		taker === null
			? null
			: await readTold(db, shopId, ref, { after: new Date(taker.appliedAt), isHome: row.is_home, through: row.taker_id ?? 0 });
	return {
		evidence: {
			placedAt: ms(row.placed_at),
			heardAt: ms(row.heard_at),
			takenAt: ms(row.taken_at),
			standing: standingOf(row),
			taker,
			soldThereBefore: row.sold_there_before,
			told: told?.told ?? null,
			failures: told?.failures ?? 0,
		},
		takerChannelId: row.taker_connection_id,
		takerOrder: row.taker_order_id === null ? null : { id: row.taker_order_id, name: row.taker_order_name || row.taker_order_id },
		takerUnits: row.taker_units ?? 0,
		takerBulk:
			row.taker_bulk_id === null
				? null
				: { id: row.taker_bulk_id, name: row.taker_bulk_name ?? "", isUndo: row.taker_bulk_is_undo === true },
	};
}

const NOTHING: Evidence = {
	placedAt: null,
	heardAt: null,
	takenAt: null,
	standing: "live",
	taker: null,
	soldThereBefore: false,
	told: null,
	failures: 0,
};

/** A sale that home's figure told before its order did was booked as a change there; the order named it later. */
const KINDS: Readonly<Record<string, Taker["kind"]>> = { sale: "sale", home: "home-change", edit: "bulk", gone: "gone", moved: "moved" };

type Row = {
	is_home: boolean;
	connection_state: string;
	placed_at: Date | null;
	heard_at: Date | null;
	taken_at: Date | null;
	sold_there_before: boolean;
	last_act: string | null;
	listing_paused: boolean;
	watched: boolean;
	taker_id: number | null;
	taker_cause: string | null;
	taker_at: Date | null;
	taker_applied_at: Date | null;
	taker_heard_at: Date | null;
	taker_connection_id: number | null;
	taker_order_id: string | null;
	taker_order_name: string | null;
	taker_units: number | null;
	taker_bulk_id: number | null;
	taker_bulk_name: string | null;
	taker_bulk_is_undo: boolean | null;
};

function standingOf(row: Row): Evidence["standing"] {
	if (row.is_home) return "live";
	if (row.watched || row.last_act === "connection.watching") return "watching";
	if (row.last_act === "connection.paused") return "paused";
	if (row.last_act === "connection.created" || (row.last_act === null && row.connection_state === "connecting")) return "not-connected";
	return row.listing_paused ? "listing-paused" : "live";
}

/**
 * `own`: the first movement of the event that made the oversell, in the same transaction. `taker`: the newest movement before it that took units of the same
 * where the channel sells from, and that is neither the channel's own nor of the order. What an order was heard by first may have been a
 * hint without its content. Stamps are cut to the second: what a person did within it counts as done.
 */
const statement = `
WITH o AS (SELECT * FROM oversell WHERE shop_id = $1 AND id = $2),
own AS (
  SELECT m.id, m.created_at, m.event_id FROM o
  JOIN LATERAL (SELECT id, created_at, event_id FROM movement m WHERE m.shop_id = $1 AND m.item_id = o.item_id
    AND m.created_at = o.created_at AND m.event_id = (regexp_match(o.source_key, '^event:([0-9]+):'))[1]::bigint ORDER BY m.id LIMIT 1) m ON true
),
place AS (
  SELECT l.id FROM location l, o WHERE l.shop_id = $1 AND (l.id = o.location_id OR
    CASE WHEN EXISTS (SELECT FROM connection_location cl WHERE cl.shop_id = $1 AND cl.connection_id = o.connection_id)
      THEN EXISTS (SELECT FROM connection_location cl WHERE cl.shop_id = $1 AND cl.connection_id = o.connection_id AND cl.location_id = l.id)
      ELSE l.active AND l.fulfills_online AND NOT l.fulfillment_service END)
),
taker AS (
  SELECT m.* FROM o, own, LATERAL (
    SELECT m.* FROM (SELECT * FROM movement WHERE shop_id = $1 AND item_id = o.item_id AND id < own.id ORDER BY id DESC LIMIT ${LOOK_BACK_MAX}) m
    WHERE m.delta < 0 AND m.cause IN ('sale', 'home', 'edit', 'gone', 'moved') AND m.location_id IN (SELECT id FROM place)
      AND (m.connection_id IS DISTINCT FROM o.connection_id OR (m.cause <> 'sale' AND o.order_id <> ''))
      AND NOT (m.order_id IS NOT DISTINCT FROM o.order_id AND m.connection_id = o.connection_id)
      AND m.created_at > own.created_at - ${LOOK_BACK}
      -- Booked as home's own and named by its order since: the order's own row stands for it. Or of a bulk change, and rolled back since.
      AND NOT (m.cause IN ('home', 'edit') AND EXISTS (SELECT FROM movement n WHERE n.shop_id = $1 AND n.item_id = m.item_id AND n.location_id = m.location_id
        AND n.cause = CASE m.cause WHEN 'home' THEN 'home-explained' ELSE 'edit' END AND n.id > m.id AND n.id < own.id AND n.delta = -m.delta))
    ORDER BY m.id DESC LIMIT 1) m
)
SELECT c.is_home, c.state AS connection_state, s.created_on_channel_at AS placed_at,
  (SELECT min(e.received_at) FROM inbox_event e WHERE e.shop_id = $1 AND e.connection_id = o.connection_id AND o.order_id <> ''
     AND e.event->>'orderId' = o.order_id AND e.lane = 'stock' AND e.source <> 'replay') AS heard_at,
  own.created_at AS taken_at,
  EXISTS (SELECT FROM movement m WHERE m.shop_id = $1 AND m.item_id = o.item_id AND m.id < own.id AND m.cause = 'sale' AND m.delta < 0
    AND m.connection_id = o.connection_id AND m.order_id <> o.order_id AND m.created_at > own.created_at - ${LOOK_BACK}) AS sold_there_before,
  (SELECT a.action FROM audit a WHERE a.shop_id = $1 AND a.action IN ('connection.created', 'connection.watching', 'connection.live', 'connection.paused')
     AND a.subject = o.connection_id::text AND a.at < coalesce(s.created_on_channel_at, o.occurred_at) + interval '1 second' ORDER BY a.id DESC LIMIT 1) AS last_act,
  coalesce((SELECT a.action = 'listings.paused' FROM listing l JOIN audit a ON a.shop_id = $1 AND a.action IN ('listings.paused', 'listings.resumed')
     AND a.after->'listingIds' @> to_jsonb(l.id) AND a.at < coalesce(s.created_on_channel_at, o.occurred_at) + interval '1 second'
     WHERE l.shop_id = $1 AND l.connection_id = o.connection_id AND l.external_id = line.external_ref ORDER BY a.id DESC LIMIT 1), false) AS listing_paused,
  EXISTS (SELECT FROM listing l JOIN delivery_attempt d ON d.shop_id = $1 AND d.listing_id = l.id AND d.outcome = 'watched'
     WHERE l.shop_id = $1 AND l.connection_id = o.connection_id AND l.external_id = line.external_ref AND d.at >= taker.created_at
       AND NOT EXISTS (SELECT FROM delivery_attempt n WHERE n.shop_id = $1 AND n.listing_id = l.id AND n.outcome = 'landed' AND n.at < d.at AND n.at >= taker.created_at)) AS watched,
  taker.id AS taker_id, taker.cause AS taker_cause, taker.occurred_at AS taker_at, taker.created_at AS taker_applied_at,
  -- Two questions, each through its own index.
  least((SELECT e.received_at FROM inbox_event e WHERE e.shop_id = $1 AND e.id = taker.event_id LIMIT 1),
    (SELECT min(e.received_at) FROM inbox_event e WHERE e.shop_id = $1 AND e.connection_id = taker.connection_id AND taker.cause = 'sale'
       AND e.event->>'orderId' = taker.order_id AND e.lane = 'stock' AND e.source <> 'replay' AND e.id <= taker.event_id
       AND e.received_at >= taker.occurred_at - interval '1 hour')) AS taker_heard_at,
  taker.connection_id AS taker_connection_id, taker.order_id AS taker_order_id, t.name AS taker_order_name, -taker.delta AS taker_units,
  b.id AS taker_bulk_id, b.name AS taker_bulk_name, b.undoes_change IS NOT NULL AS taker_bulk_is_undo
FROM o JOIN connection c ON c.shop_id = $1 AND c.id = o.connection_id
LEFT JOIN own ON true LEFT JOIN taker ON true
LEFT JOIN sales_order s ON s.shop_id = $1 AND s.connection_id = o.connection_id AND s.order_id = o.order_id AND o.order_id <> ''
LEFT JOIN order_line line ON line.shop_id = $1 AND line.connection_id = o.connection_id AND line.order_id = o.order_id AND line.line_id = o.line_id
LEFT JOIN sales_order t ON t.shop_id = $1 AND t.connection_id = taker.connection_id AND t.order_id = taker.order_id
LEFT JOIN bulk_change b ON b.shop_id = $1 AND taker.cause = 'edit' AND b.id = (regexp_match(taker.correlation_id, '^bulk:([0-9]+)$'))[1]::bigint`;

/** When the owed order's channel had the news: the first update of what was sold that left after the news was counted here, and landed. */
async function readTold(
	db: Queryable,
	shopId: number,
	ref: OversellRef,
	{ after, isHome, through }: { after: Date; isHome: boolean; through: number },
): Promise<{ told: Told | null; failures: number }> {
	if (isHome) {
		const { rows } = await db.query<{ sent_at: Date; taken_at: Date }>(
			`SELECT b.first_tried_at AS sent_at, d.answered_at AS taken_at FROM delta_line d JOIN delta_batch b ON b.shop_id = $1 AND b.id = d.batch_id
			 WHERE d.shop_id = $1 AND d.item_id = $2 AND d.location_id = $3 AND d.through_movement_id >= $4 AND d.answered_at IS NOT NULL
			   AND b.first_tried_at IS NOT NULL ORDER BY d.id LIMIT 1`,
			[shopId, ref.itemId, ref.locationId, through],
		);
		const [first] = rows;
		return { told: first ? { sentAt: first.sent_at.getTime(), takenAt: first.taken_at.getTime(), quantity: null } : null, failures: 0 };
	}
	const { rows } = await db.query<{ at: Date; took_ms: number | null; quantity: number | null; outcome: string; long_ago: boolean }>(
		`SELECT d.at, d.took_ms, d.quantity, d.outcome, d.at < s.created_on_channel_at - interval '1 hour' AS long_ago FROM order_line line
		   JOIN sales_order s ON s.shop_id = $1 AND s.connection_id = line.connection_id AND s.order_id = line.order_id
		   JOIN listing l ON l.shop_id = $1 AND l.connection_id = line.connection_id AND l.external_id = line.external_ref
		   JOIN delivery_attempt d ON d.shop_id = $1 AND d.listing_id = l.id AND d.operation = 'listing.write'
		     AND d.outcome IN ('landed', 'accepted', 'failed', 'unknown') AND d.at - coalesce(d.took_ms, 0) * interval '1 millisecond' >= $5
		  WHERE line.shop_id = $1 AND line.connection_id = $2 AND line.order_id = $3 AND line.line_id = $4 ORDER BY d.id LIMIT 50`,
		[shopId, ref.connectionId, ref.orderId, ref.lineId, after],
	);
	const first = rows.findIndex(({ outcome }) => outcome === "landed" || outcome === "accepted");
	const took = rows[first];
	return {
		told: took
			? {
					sentAt: took.at.getTime() - (took.took_ms ?? 0),
					// What a channel has only accepted it shows later, and does not say when; within the hour it does.
					takenAt: took.outcome === "landed" || took.long_ago ? took.at.getTime() : null,
					quantity: took.quantity,
				}
			: null,
		failures: rows.slice(0, first < 0 ? rows.length : first).filter(({ outcome }) => outcome === "failed" || outcome === "unknown").length,
	};
}

const ms = (value: Date | null): number | null => value?.getTime() ?? null;
