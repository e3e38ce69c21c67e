import type { Pool, Queryable } from "#app/db.server.ts";

/** Money adds up to more digits than a number holds: amounts stay decimals in words. */
export type TotalsCheck = {
	id: number;
	connectionId: number;
	/** Orders placed in [from, to), ISO 8601. */
	from: string;
	to: string;
	doneAt: string | null;
	state: "running" | "done" | "failed";
	error: string | null;
	/** null: it is not done. */
	figures: {
		orders: Pair;
		units: Pair;
		revenue: { currency: string; there: string; here: string }[];
		/** What the channel shows of all linked products, and what it should. null: nothing is sent there. */
		stock: Pair | null;
		/** The largest of the differences, as a part of the whole: 0.001 is 0.1%. */
		drift: number;
	} | null;
};
type Pair = { there: number; here: number };

type Row = {
	id: number;
	connection_id: number;
	from_at: Date;
	to_at: Date;
	done_at: Date | null;
	state: TotalsCheck["state"];
	error: string | null;
	orders_there: number;
	orders_here: number;
	units_there: number;
	units_here: number;
	revenue: { currency: string; there: string; here: string }[];
	stock_there: number | null;
	stock_here: number | null;
	drift: number | null;
};
const COLUMNS = `id, connection_id, from_at, to_at, done_at, state, error, orders_there, orders_here, units_there::float8, units_here::float8, revenue,
  stock_there::float8, stock_here::float8, drift`;

/** Week by week (Monday to Sunday, UTC), newest first: of each week and connection the last comparison that was made. */
export async function readTotals(db: Queryable, shopId: number, { weeks }: { weeks: number }): Promise<TotalsCheck[]> {
	const { rows } = await db.query<Row>(
		`SELECT * FROM (SELECT DISTINCT ON (connection_id, date_trunc('week', to_at AT TIME ZONE 'UTC')) ${COLUMNS} FROM totals_check
		   WHERE shop_id = $1 AND to_at >= date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - ($2 - 1) * interval '7 days'
		   ORDER BY connection_id, date_trunc('week', to_at AT TIME ZONE 'UTC'), to_at DESC) newest ORDER BY to_at DESC, connection_id`,
		[shopId, weeks],
	);
	return rows.map(toCheck);
}

export type TotalsDifference = {
	orderId: string;
	name: string;
	kind: "missing-here" | "missing-there" | "units" | "total";
	there: string | null;
	here: string | null;
};

/** One comparison with the orders behind it; null: the shop has no such one. */
export async function readTotalsCheck(
	db: Queryable,
	shopId: number,
	id: number,
): Promise<{ check: TotalsCheck; differences: TotalsDifference[] } | null> {
	const { rows } = await db.query<Row>(`SELECT ${COLUMNS} FROM totals_check WHERE shop_id = $1 AND id = $2`, [shopId, id]);
	if (!rows[0]) return null;
	const differences = await db.query<TotalsDifference>(
		`SELECT order_id AS "orderId", name, kind, there::text, here::text FROM totals_difference WHERE shop_id = $1 AND check_id = $2 ORDER BY order_id, kind`,
		[shopId, id],
	);
	return { check: toCheck(rows[0]), differences: differences.rows };
}

const toCheck = (row: Row): TotalsCheck => ({
	id: row.id,
	connectionId: row.connection_id,
	from: row.from_at.toISOString(),
	to: row.to_at.toISOString(),
	doneAt: row.done_at?.toISOString() ?? null,
	state: row.state,
	error: row.error,
	figures:
		row.state === "done" && row.drift !== null
			? {
					orders: { there: row.orders_there, here: row.orders_here },
					units: { there: row.units_there, here: row.units_here },
					revenue: row.revenue,
					stock: row.stock_there === null || row.stock_here === null ? null : { there: row.stock_there, here: row.stock_here },
					drift: row.drift,
				}
			: null,
});

const FOUND_MAX = 500;

/**
 * Connections whose night it is (1 to 5 o'clock where the shop's summary is read, each at a minute of its own) and that were not
 * compared in it; also those that missed a night. Sooner than after 20 hours no second one is made.
 */
export async function findDueTotals(pool: Pool): Promise<{ shopId: number; connectionId: number }[]> {
	const { rows } = await pool.query<{ shopId: number; connectionId: number }>(
		`SELECT c.shop_id AS "shopId", c.id AS "connectionId"
		 FROM connection c JOIN shop s ON s.id = c.shop_id AND s.state = 'installed' AND s.import_state = 'done'
		 LEFT JOIN mail_setting m ON m.shop_id = c.shop_id
		 CROSS JOIN LATERAL (SELECT now() AT TIME ZONE coalesce(m.time_zone, 'UTC') - abs(hashint8(c.id) % 60) * interval '1 minute' AS own) clock
		 WHERE c.state IN ('watching', 'live', 'paused') AND c.cut_at < date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
		   AND (c.totals_at IS NULL OR c.totals_at < now() - interval '20 hours')
		   AND (extract(hour FROM clock.own) BETWEEN 1 AND 4 OR coalesce(c.totals_at, c.cut_at) < now() - interval '30 hours')
		 ORDER BY c.totals_at NULLS FIRST LIMIT $1`,
		[FOUND_MAX],
	);
	return rows;
}
