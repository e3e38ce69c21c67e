import { type Pool, transaction } from "#app/db.server.ts";
import type { Logger } from "#telemetry";

/** Months beyond this one for which the inbox has its partition: a missed run, or a month of them, changes nothing. */
const PARTITIONS_AHEAD = 3;
/** Longer than any sender repeats itself: a delivery that comes after this is judged by its order's state alone. */
const DELIVERY_KEYS_KEPT_DAYS = 90;
/** What was tried on a listing, for the merchant to read. */
const ATTEMPTS_KEPT_DAYS = 90;
/** One statement's share, so that no lock is held and no replica falls behind for long. */
const DELETED_MAX = 5_000;
const ROUNDS_MAX = 200;
/** Any fixed number: two processes that make the same partition at once would stop each other. */
const PARTITION_LOCK_KEY = 0x4c535031;

/** Hourly upkeep of the tables that grow with time. Twice at once is harmless: what is there is left, what is gone is not found. */
export async function keepHouse(pool: Pool, log: Logger): Promise<void> {
	const partitions = await makePartitions(pool);
	const deliveryKeys = await deleteOld(
		pool,
		`DELETE FROM delivery_key WHERE ctid = ANY (ARRAY(
		   SELECT ctid FROM delivery_key WHERE received_at < now() - $1 * interval '1 day' LIMIT $2))`,
		DELIVERY_KEYS_KEPT_DAYS,
	);
	const attempts = await deleteOld(
		pool,
		`DELETE FROM delivery_attempt WHERE ctid = ANY (ARRAY(
		   SELECT ctid FROM delivery_attempt WHERE at < now() - $1 * interval '1 day' LIMIT $2))`,
		ATTEMPTS_KEPT_DAYS,
	);
	if (partitions + deliveryKeys + attempts > 0) log.info({ partitions, deliveryKeys, attempts }, "house.kept");
}

/**
 * Rows of a month without its own partition lie in the default one, and then that month can have none any more; so months get
 * theirs ahead of time. The month in which a database begins stays in the default partition.
 */
async function makePartitions(pool: Pool): Promise<number> {
	return transaction(pool, async (tx) => {
		const { rows: lock } = await tx.query<{ mine: boolean }>("SELECT pg_try_advisory_xact_lock($1) AS mine", [PARTITION_LOCK_KEY]);
		if (!lock[0]?.mine) return 0;
		const { rows } = await tx.query<{ name: string; from: string; until: string }>(
			`SELECT name, first::text AS "from", (first + interval '1 month')::date::text AS "until"
			 FROM (SELECT first, 'inbox_event_' || to_char(first, 'YYYY_MM') AS name
			   FROM (SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + n * interval '1 month')::date AS first
			     FROM generate_series(0, $1) AS n) AS months) AS named
			 WHERE to_regclass(name) IS NULL AND NOT EXISTS (
			   SELECT FROM inbox_event_default d
			   WHERE d.received_at >= first::timestamp AT TIME ZONE 'UTC' AND d.received_at < (first + interval '1 month') AT TIME ZONE 'UTC')`,
			[PARTITIONS_AHEAD],
		);
		for (const { name, from, until } of rows) {
			// Names and dates are made above, from the clock; a partition's bounds cannot be parameters.
			await tx.query(`CREATE TABLE ${name} PARTITION OF inbox_event FOR VALUES FROM ('${from} 00:00+00') TO ('${until} 00:00+00')`);
		}
		return rows.length;
	});
}

async function deleteOld(pool: Pool, statement: string, keptDays: number): Promise<number> {
	let total = 0;
	for (let round = 0; round < ROUNDS_MAX; round++) {
		const { rowCount } = await pool.query(statement, [keptDays, DELETED_MAX]);
		total += rowCount ?? 0;
		if ((rowCount ?? 0) < DELETED_MAX) break;
	}
	return total;
}
