import { ChannelError } from "#app/channels/errors.ts";
import { type Client, type Pool, transaction } from "#app/db.server.ts";
import { type Deps, openClient } from "#connections";
import { isFulfilledByChannel, type OrderSnapshot } from "#domain";
import { requestFetch } from "#inbox";

/** Seven whole days (UTC) before the day on which it is asked (R26). */
const DAYS = 7;
const DAY_MS = 86_400_000;
/** Orders that make the difference and are named; with more than these nobody goes through them one by one. */
const NAMED_MAX = 200;
/** A list this long is no list of seven days of one merchant: the busiest shops have tens of thousands a day. */
const ORDERS_MAX = 1_000_000;
/** A check that is still running after this belongs to a process that died. */
const STUCK_MS = 6 * 3_600_000;

export type TotalsOutcome =
	| { outcome: "done"; drift: number }
	/** The channel could not be read to the end; nothing is said of it. */
	| { outcome: "failed"; error: ChannelError }
	/** This week's comparison is there already, somebody else is at it, or nothing counts yet. */
	| { outcome: "nothing" };

/**
 * Compares the orders that were placed on a channel in the seven days up to today with those that we have: how many, how many units,
 * what they come to; and the figures that the channel shows with ours. What differs is asked for again singly, by the usual way. The
 * channel's list is read page by page into a table, so memory does not grow with it. One comparison per connection and day: twice
 * is once, and one that a killed process left is begun anew.
 */
export async function compareTotals(deps: Deps, shopId: number, connectionId: number, now = new Date()): Promise<TotalsOutcome> {
	const to = new Date(Math.floor(now.getTime() / DAY_MS) * DAY_MS);
	const { connection, channel, client } = await openClient(deps, shopId, connectionId);
	// Of before it began not every order was read.
	const from = new Date(Math.max(to.getTime() - DAYS * DAY_MS, connection.cutAt?.getTime() ?? Number.POSITIVE_INFINITY));
	try {
		const checkId = from < to ? await begin(deps.pool, shopId, connectionId, { from, to }) : null;
		if (checkId === null) return { outcome: "nothing" };
		try {
			let orders = 0;
			for await (const page of client.listOrders({ since: from.toISOString() })) {
				orders += page.orders.length;
				if (orders > ORDERS_MAX) throw new Error(`More than ${ORDERS_MAX} orders in ${DAYS} days`);
				await stage(
					deps.pool,
					shopId,
					checkId,
					// What the channel ships itself is not in every list, nor is it of the merchant's stock: neither side counts it.
					page.orders.filter((order) => isWithin(order, from, to) && !isFulfilledByChannel(order)),
				);
			}
		} catch (error) {
			if (!(error instanceof ChannelError)) throw error;
			await fail(deps.pool, shopId, checkId, error.message);
			return { outcome: "failed", error };
		}
		// The wishes commit with the figures: what the page says was read again is asked for, whatever dies here.
		const { drift, asked } = await transaction(deps.pool, async (tx) => ({
			drift: await conclude(tx, shopId, connectionId, { checkId, from, to, unsaid: channel.capabilities.sumsChangeUnsaid ?? false }),
			asked: await readAgain(tx, shopId, connectionId, checkId),
		}));
		if (asked > 0) await deps.wake("ingest.fetch", { shopId, connectionId });
		return { outcome: "done", drift };
	} finally {
		await client.close();
	}
}

const isWithin = ({ createdAt }: OrderSnapshot, from: Date, to: Date): boolean => {
	const placed = Date.parse(createdAt);
	return placed >= from.getTime() && placed < to.getTime();
};

/** null: it is done, or under way. What a failed or dead one had staged is thrown away. */
async function begin(pool: Pool, shopId: number, connectionId: number, { from, to }: { from: Date; to: Date }): Promise<number | null> {
	return transaction(pool, async (tx) => {
		const { rows } = await tx.query<{ id: number }>(
			`INSERT INTO totals_check AS t (shop_id, connection_id, from_at, to_at) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (shop_id, connection_id, to_at) DO UPDATE SET state = 'running', error = NULL, started_at = clock_timestamp()
			   WHERE t.state = 'failed' OR (t.state = 'running' AND t.started_at < now() - $5 * interval '1 millisecond')
			 RETURNING id`,
			[shopId, connectionId, from, to, STUCK_MS],
		);
		const id = rows[0]?.id ?? null;
		if (id !== null) await tx.query("DELETE FROM totals_staging WHERE shop_id = $1 AND check_id = $2", [shopId, id]);
		return id;
	});
}

/** An order that changes while the list is read comes twice: its later state counts. */
async function stage(pool: Pool, shopId: number, checkId: number, orders: readonly OrderSnapshot[]): Promise<void> {
	if (orders.length === 0) return;
	const last = [...new Map(orders.map((order) => [order.orderId, order])).values()];
	await pool.query(
		`INSERT INTO totals_staging (shop_id, check_id, order_id, name, stamp, lines, total, currency)
		 SELECT $1, $2, order_id, name, stamp, lines, total, currency
		 FROM jsonb_to_recordset($3::jsonb) AS r(order_id text, name text, stamp timestamptz, lines jsonb, total numeric, currency text)
		 ON CONFLICT (shop_id, check_id, order_id) DO UPDATE
		   SET stamp = excluded.stamp, lines = excluded.lines, total = excluded.total, currency = excluded.currency`,
		[
			shopId,
			checkId,
			JSON.stringify(
				last.map((order) => ({
					order_id: order.orderId,
					name: order.name,
					stamp: order.stamp,
					lines: order.lines.flatMap(({ lineId, held, listingExternalId, fulfilledByChannel }) =>
						fulfilledByChannel ? [] : [{ line_id: lineId, units: held, sold: listingExternalId }],
					),
					total: order.total?.amount ?? null,
					currency: order.total?.currency ?? null,
				})),
			),
		],
	);
}

/** `unsaid`: the channel may change a sum without a newer state of the order. */
type Of = { checkId: number; from: Date; to: Date; unsaid: boolean };

/** In one transaction: the figures, the orders behind them, and that it is done. */
async function conclude(tx: Client, shopId: number, connectionId: number, { checkId, from, to, unsaid }: Of): Promise<number> {
	await tx.query(`CREATE TEMP TABLE compared ON COMMIT DROP AS ${comparedStatement}`, [shopId, connectionId, checkId, from, to, unsaid]);
	const { rows } = await tx.query<{ drift: number }>(concludeStatement, [shopId, connectionId, checkId]);
	await tx.query(nameStatement, [shopId, checkId, NAMED_MAX]);
	await tx.query("DELETE FROM totals_staging WHERE shop_id = $1 AND check_id = $2", [shopId, checkId]);
	await tx.query("UPDATE connection SET totals_at = now() WHERE shop_id = $1 AND id = $2", [shopId, connectionId]);
	return rows[0]?.drift ?? 0;
}

/** The channel's lines that count: those that we have placed, and those of what is linked here. Anything else moves no stock of ours. */
const unitsThere = `SELECT coalesce(sum(l.units), 0) FROM jsonb_to_recordset(t.lines) AS l(line_id text, units bigint, sold text)
  LEFT JOIN order_line n ON n.shop_id = $1 AND n.connection_id = $2 AND n.order_id = t.order_id AND n.line_id = l.line_id
  WHERE n.item_id IS NOT NULL
    OR EXISTS (SELECT FROM listing s WHERE s.shop_id = $1 AND s.connection_id = $2 AND s.external_id = l.sold AND s.link_state = 'linked')
    OR EXISTS (SELECT FROM item i JOIN connection h ON h.shop_id = i.shop_id AND h.id = $2 AND h.is_home
      WHERE i.shop_id = $1 AND (i.external_id = l.sold OR 'variant:' || i.variant_id = l.sold))`;

/** One row per order that either side has. Sums count where both sides were told one, and where they may be held against each other. */
const comparedStatement = `
SELECT coalesce(t.order_id, o.order_id) AS order_id, coalesce(nullif(t.name, ''), o.name) AS name,
  t.order_id IS NOT NULL AS is_there, o.order_id IS NOT NULL AS is_here,
  CASE WHEN t.order_id IS NULL THEN 0 ELSE (${unitsThere}) END AS units_there,
  CASE WHEN o.order_id IS NULL THEN 0 ELSE (SELECT coalesce(sum(n.held), 0) FROM order_line n
      WHERE n.shop_id = $1 AND n.connection_id = $2 AND n.order_id = o.order_id AND n.item_id IS NOT NULL) END AS units_here,
  CASE WHEN o.order_id IS NULL OR (o.total IS NOT NULL AND NOT sums.unsaid) THEN t.total END AS total_there,
  CASE WHEN t.order_id IS NULL OR (t.total IS NOT NULL AND NOT sums.unsaid) THEN o.total END AS total_here,
  coalesce(t.currency, o.currency) AS currency
FROM (SELECT * FROM totals_staging WHERE shop_id = $1 AND check_id = $3) t
FULL JOIN (SELECT * FROM sales_order
    WHERE shop_id = $1 AND connection_id = $2 AND created_on_channel_at >= $4 AND created_on_channel_at < $5 AND NOT fulfilled_by_channel) o
  ON o.order_id = t.order_id
CROSS JOIN LATERAL (SELECT coalesce($6::boolean AND t.stamp <= o.stamp AND o.total <> t.total, false) AS unsaid) sums`;

/**
 * Differences are summed order by order, so that one too many and one too few do not make it right. Figures that a channel shows are
 * compared as they stand: what is on its way there is not told apart here (the regular check of stock does that).
 */
const concludeStatement = `
WITH orders AS (
  SELECT count(*) FILTER (WHERE is_there) AS there, count(*) FILTER (WHERE is_here) AS here, count(*) FILTER (WHERE is_there <> is_here) AS apart,
    coalesce(sum(units_there), 0) AS units_there, coalesce(sum(units_here), 0) AS units_here, coalesce(sum(abs(units_there - units_here)), 0) AS units_apart
  FROM compared
),
money AS (
  SELECT currency, coalesce(sum(total_there), 0) AS there, coalesce(sum(total_here), 0) AS here,
    coalesce(sum(abs(coalesce(total_there, 0) - coalesce(total_here, 0))), 0) AS apart
  FROM compared WHERE currency IS NOT NULL AND (total_there IS NOT NULL OR total_here IS NOT NULL) GROUP BY currency
),
shown AS (
  SELECT sum(greatest(l.shown, 0)) AS there, sum(greatest(l.desired, 0)) AS here, sum(abs(greatest(l.shown, 0) - greatest(l.desired, 0))) AS apart
  FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id AND c.state = 'live' AND NOT c.is_home
  WHERE l.shop_id = $1 AND l.connection_id = $2 AND l.link_state = 'linked' AND NOT l.paused AND l.shown IS NOT NULL AND l.desired IS NOT NULL
)
UPDATE totals_check k SET state = 'done', error = NULL, done_at = clock_timestamp(), orders_there = o.there, orders_here = o.here,
  units_there = o.units_there, units_here = o.units_here, stock_there = s.there, stock_here = s.here,
  revenue = coalesce((SELECT jsonb_agg(jsonb_build_object('currency', currency, 'there', there::text, 'here', here::text) ORDER BY currency) FROM money), '[]'),
  drift = greatest(o.apart::float8 / greatest(o.there, o.here, 1), o.units_apart::float8 / greatest(abs(o.units_there), abs(o.units_here), 1),
    (SELECT max(apart::float8 / greatest(abs(there), abs(here), 1)) FROM money), s.apart::float8 / greatest(s.there, s.here, 1))
FROM orders o, shown s WHERE k.shop_id = $1 AND k.id = $3
RETURNING k.drift`;

const nameStatement = `
INSERT INTO totals_difference (shop_id, check_id, order_id, name, kind, there, here)
SELECT $1, $2, order_id, name, kind, there, here FROM (
  SELECT order_id, name, CASE WHEN NOT is_here THEN 'missing-here' ELSE 'missing-there' END AS kind,
    CASE WHEN is_there THEN units_there END AS there, CASE WHEN is_here THEN units_here END AS here FROM compared WHERE is_there <> is_here
  UNION ALL
  SELECT order_id, name, 'units', units_there, units_here FROM compared WHERE is_there AND is_here AND units_there <> units_here
  UNION ALL
  SELECT order_id, name, 'total', total_there, total_here FROM compared WHERE is_there AND is_here AND total_there IS DISTINCT FROM total_here
) apart ORDER BY order_id LIMIT $3
ON CONFLICT DO NOTHING`;

async function fail(pool: Pool, shopId: number, checkId: number, error: string): Promise<void> {
	await pool.query("UPDATE totals_check SET state = 'failed', error = $3, done_at = clock_timestamp() WHERE shop_id = $1 AND id = $2", [
		shopId,
		checkId,
		error.slice(0, 1_000),
	]);
	await pool.query("DELETE FROM totals_staging WHERE shop_id = $1 AND check_id = $2", [shopId, checkId]);
}

/** An order that is read again is counted by what it is now, whatever went wrong before; one that the channel lacks is said to be gone. */
async function readAgain(tx: Client, shopId: number, connectionId: number, checkId: number): Promise<number> {
	const { rows } = await tx.query<{ order_id: string }>(
		"SELECT DISTINCT order_id FROM totals_difference WHERE shop_id = $1 AND check_id = $2 AND kind <> 'missing-there'",
		[shopId, checkId],
	);
	if (rows.length === 0) return 0;
	const about = { shopId, connectionId, kind: "order" as const, reason: "nightly totals", correlationId: `totals-${checkId}` };
	await requestFetch(
		tx,
		rows.map(({ order_id }) => ({ ...about, externalId: order_id })),
	);
	return rows.length;
}
