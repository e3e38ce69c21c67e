import { type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { OWES_WRITE } from "#app/overview/sql/owes-write.ts";
import { policySchema, quantityToShow } from "#domain";

/** What was computed for a channel that is only watched (R42). Times are ISO 8601. */
export type WatchReport = {
	since: string | null;
	orders: number;
	units: number;
	/** What would have been sent: updates, and to how many listings. */
	updates: number;
	listings: number;
	wouldChangeNow: number;
	prediction: Prediction;
	prevented: PreventedOversell[];
	newest: WatchedUpdate[];
};
/** Of the listings whose figure on the channel was read: how many showed exactly what was expected from its orders. */
export type Prediction = { compared: number; met: number; unexplained: number; raisedElsewhere: number };
export type WatchedUpdate = { id: number; at: string; sku: string; title: string; quantity: number };
export type PreventedOversell = {
	id: number;
	at: string;
	order: string;
	sku: string;
	title: string;
	units: number;
	wouldHaveShown: number;
};

const NEWEST_MAX = 20;
const OVERSELLS_MAX = 100;
/** Past this many, the exact number of updates says nothing more. */
const UPDATES_MAX = 100_000;
/** A sale on another channel is shown here after this long at the latest, when things go as they should (R15). */
const DELAY_SECONDS = 10;

export async function readWatch(pool: Pool, shopId: number, connectionId: number): Promise<WatchReport> {
	return transaction(
		pool,
		async (tx) => {
			const place = [shopId, connectionId];
			const since = await tx.query<{ cut_at: Date | null }>("SELECT cut_at FROM connection WHERE shop_id = $1 AND id = $2", place);
			const sold = await tx.query<{ orders: number; units: number }>(
				`SELECT (SELECT count(*)::int FROM sales_order WHERE shop_id = $1 AND connection_id = $2 AND NOT baseline) AS orders,
				   (SELECT coalesce(sum(held - baseline), 0)::int FROM order_line WHERE shop_id = $1 AND connection_id = $2) AS units`,
				place,
			);
			const watched = await tx.query<{ updates: number; listings: number }>(
				`SELECT count(*)::int AS updates, count(DISTINCT listing_id)::int AS listings
				 FROM (SELECT listing_id FROM delivery_attempt WHERE shop_id = $1 AND connection_id = $2 AND outcome = 'watched'
				   ORDER BY id DESC LIMIT $3) newest`,
				[...place, UPDATES_MAX],
			);
			return {
				since: since.rows[0]?.cut_at?.toISOString() ?? null,
				orders: sold.rows[0]?.orders ?? 0,
				units: sold.rows[0]?.units ?? 0,
				updates: watched.rows[0]?.updates ?? 0,
				listings: watched.rows[0]?.listings ?? 0,
				...(await readPrediction(tx, shopId, connectionId)),
				prevented: await readPrevented(tx, shopId, connectionId),
				newest: await readNewest(tx, shopId, connectionId),
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

/**
 * A listing that was read keeps what of its figure no order explains: units that went missing (`unseen`), a figure that the channel
 * told of and that differs (`seen`). Without either, the last reading was what its orders made us expect.
 */
async function readPrediction(
	db: Queryable,
	shopId: number,
	connectionId: number,
): Promise<Pick<WatchReport, "prediction" | "wouldChangeNow">> {
	const { rows } = await db.query<Prediction & { would_change: number }>(
		`SELECT count(*) FILTER (WHERE read_at IS NOT NULL)::int AS compared,
		   count(*) FILTER (WHERE read_at IS NOT NULL AND unseen = 0 AND (seen IS NULL OR seen = shown))::int AS met,
		   count(*) FILTER (WHERE read_at IS NOT NULL AND (unseen > 0 OR seen <> shown))::int AS unexplained,
		   count(*) FILTER (WHERE NOT paused AND ${OWES_WRITE})::int AS would_change,
		   (SELECT count(*)::int FROM difference d WHERE d.shop_id = $1 AND d.connection_id = $2 AND d.cause = 'raised-elsewhere') AS "raisedElsewhere"
		 FROM listing WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked'`,
		[shopId, connectionId],
	);
	const { would_change: wouldChangeNow = 0, ...prediction } = rows[0] ?? { compared: 0, met: 0, unexplained: 0, raisedElsewhere: 0 };
	return { wouldChangeNow, prediction };
}

type OversellRow = {
	id: number;
	at: Date;
	order: string;
	sku: string;
	title: string;
	units: number;
	policy: unknown;
	/** Left of the product by what was known so long before, minus what the channel itself sold since. */
	left: number;
};

/**
 * Oversells of this channel that would not have happened, had it been live: going by what was known ten seconds before, and by its own
 * sales, it would have shown fewer units than the order took. Where the missing units were sold elsewhere within these ten
 * seconds, nothing is claimed; nor where the channel sold its own last unit twice within a second, which being live does not help.
 */
async function readPrevented(db: Queryable, shopId: number, connectionId: number): Promise<PreventedOversell[]> {
	const { rows } = await db.query<OversellRow>(preventedStatement, [shopId, connectionId, OVERSELLS_MAX, DELAY_SECONDS]);
	return rows.flatMap(({ at, policy, left, ...oversell }) => {
		const wouldHaveShown = quantityToShow(policySchema.parse(policy), left);
		return wouldHaveShown < oversell.units ? [{ ...oversell, at: at.toISOString(), wouldHaveShown }] : [];
	});
}

const preventedStatement = `
SELECT o.id, o.occurred_at AS at, coalesce(nullif(s.name, ''), o.order_id) AS "order", coalesce(i.sku, '') AS sku, i.title, line.held AS units,
  coalesce(l.policy, c.policy) AS policy,
  (SELECT coalesce(sum((SELECT m.after FROM movement m WHERE m.shop_id = k.shop_id AND m.item_id = k.item_id AND m.location_id = k.location_id
       AND m.occurred_at <= o.occurred_at - $4 * interval '1 second' ORDER BY m.id DESC LIMIT 1)), 0)::int
     FROM stock k JOIN location w ON w.shop_id = k.shop_id AND w.id = k.location_id
     WHERE k.shop_id = o.shop_id AND k.item_id = o.item_id
       AND CASE WHEN EXISTS (SELECT FROM connection_location cl WHERE cl.shop_id = c.shop_id AND cl.connection_id = c.id)
         THEN EXISTS (SELECT FROM connection_location cl WHERE cl.shop_id = c.shop_id AND cl.connection_id = c.id AND cl.location_id = w.id)
         ELSE w.active AND w.fulfills_online AND NOT w.fulfillment_service END)
  + (SELECT coalesce(sum(m.delta), 0)::int FROM movement m WHERE m.shop_id = o.shop_id AND m.item_id = o.item_id AND m.connection_id = c.id
       AND m.cause = 'sale' AND m.order_id <> o.order_id
       AND m.occurred_at > o.occurred_at - $4 * interval '1 second' AND m.occurred_at <= o.occurred_at - interval '1 second') AS left
FROM oversell o
JOIN connection c ON c.shop_id = o.shop_id AND c.id = o.connection_id
JOIN item i ON i.shop_id = o.shop_id AND i.id = o.item_id
JOIN order_line line ON line.shop_id = o.shop_id AND line.connection_id = o.connection_id AND line.order_id = o.order_id AND line.line_id = o.line_id
LEFT JOIN sales_order s ON s.shop_id = o.shop_id AND s.connection_id = o.connection_id AND s.order_id = o.order_id
LEFT JOIN LATERAL (SELECT policy FROM listing WHERE shop_id = o.shop_id AND connection_id = c.id AND item_id = o.item_id ORDER BY id LIMIT 1) l ON true
WHERE o.shop_id = $1 AND o.connection_id = $2 AND o.order_id <> ''
ORDER BY o.id DESC LIMIT $3`;

async function readNewest(db: Queryable, shopId: number, connectionId: number): Promise<WatchedUpdate[]> {
	const { rows } = await db.query<Omit<WatchedUpdate, "at"> & { at: Date }>(
		`SELECT a.id, a.at, coalesce(l.sku, '') AS sku, coalesce(l.title, '') AS title, a.quantity
		 FROM delivery_attempt a LEFT JOIN listing l ON l.shop_id = a.shop_id AND l.id = a.listing_id
		 WHERE a.shop_id = $1 AND a.connection_id = $2 AND a.outcome = 'watched' AND a.quantity IS NOT NULL ORDER BY a.id DESC LIMIT $3`,
		[shopId, connectionId, NEWEST_MAX],
	);
	return rows.map(({ at, ...update }) => ({ ...update, at: at.toISOString() }));
}
