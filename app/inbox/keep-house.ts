import { type Pool, transaction } from "#app/db.server.ts";
import type { Logger } from "#telemetry";

/** Months beyond this one for which the inbox has its partition: a missed run, or a month of them, changes nothing. */
const PARTITIONS_AHEAD = 3;
/** Longer than any sender repeats itself: a delivery that comes after this is judged by its order's state alone. */
const DELIVERY_KEYS_KEPT_DAYS = 90;
/** What was tried on a listing, for the merchant to read. */
const ATTEMPTS_KEPT_DAYS = 90;
/** Twice what the keys are kept: what came, for whoever asks why a figure moved. The ledger itself is kept for good. */
const EVENTS_KEPT_DAYS = 180;
/** Lags are shown for a day and compared over weeks. */
const LAGS_KEPT_DAYS = 30;
const POLLS_KEPT_DAYS = 90;
/** Failures that were tried again, with what came of each. */
const RUNS_KEPT_DAYS = 90;
/** All stock compared at once, with what differed then; an hour's run is one row. */
const CHECKS_KEPT_DAYS = 90;
/** What somebody else wrote at a channel, for the merchant to read. */
const DIFFERENCES_KEPT_DAYS = 180;
/** Files that merchants brought, and drafts that nobody has confirmed. */
const FILES_KEPT_DAYS = 30;
/** Whoever reads or writes the inbox waits behind us for so long at most; the next hour tries again. */
const DROP_LOCK_MS = 500;
/** One statement's share, so that no lock is held and no replica falls behind for long. */
const DELETED_MAX = 5_000;
const ROUNDS_MAX = 200;
/** Any fixed number: two processes that make the same partition at once would stop each other. */
const PARTITION_LOCK_KEY = 0x4c535031;

/** Hourly upkeep of the tables that grow with time. Twice at once is harmless: what is there is left, what is gone is not found. */
export async function keepHouse(pool: Pool, log: Logger): Promise<void> {
	const partitions = await makePartitions(pool);
	const done = {
		partitions,
		...(await forgetEvents(pool, log)),
		deliveryKeys: await deleteOld(pool, { table: "delivery_key", column: "received_at", keptDays: DELIVERY_KEYS_KEPT_DAYS }),
		attempts: await deleteOld(pool, { table: "delivery_attempt", column: "at", keptDays: ATTEMPTS_KEPT_DAYS }),
		lags: await deleteOld(pool, { table: "lag_sample", column: "at", keptDays: LAGS_KEPT_DAYS }),
		polls: await deleteOld(pool, { table: "order_poll", column: "at", keptDays: POLLS_KEPT_DAYS }),
		runs: await deleteOld(pool, { table: "replay_run", column: "done_at", keptDays: RUNS_KEPT_DAYS }),
		files: await deleteOld(pool, { table: "bulk_change_file", column: "at", keptDays: FILES_KEPT_DAYS }),
		drafts: await deleteOld(pool, { table: "bulk_change", column: "asked_at", keptDays: FILES_KEPT_DAYS, where: "t.confirmed_at IS NULL" }),
		checks: await deleteOld(pool, { table: "reconcile_run", column: "ended_at", keptDays: CHECKS_KEPT_DAYS }),
		differences: await deleteOld(pool, { table: "difference", column: "at", keptDays: DIFFERENCES_KEPT_DAYS }),
	};
	if (Object.values(done).some((count) => count > 0)) log.info(done, "house.kept");
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

/**
 * Old months are dropped whole. A month with an event that still waits, or that a person has still to decide on, stays, and so
 * does the default partition: of those only what is settled is taken out.
 */
async function forgetEvents(pool: Pool, log: Logger): Promise<{ monthsDropped: number; events: number }> {
	const { rows } = await pool.query<{ name: string }>(
		`SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		 WHERE i.inhparent = 'inbox_event'::regclass AND c.relname ~ '^inbox_event_[0-9]{4}_[0-9]{2}$'
		   AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= (now() AT TIME ZONE 'UTC') - $1 * interval '1 day'
		 ORDER BY 1`,
		[EVENTS_KEPT_DAYS],
	);
	const done = { monthsDropped: 0, events: 0 };
	for (const name of [...rows.map((row) => row.name), "inbox_event_default"]) {
		try {
			if (name !== "inbox_event_default" && (await dropMonth(pool, name))) done.monthsDropped++;
			else
				done.events += await deleteOld(pool, { table: name, column: "received_at", keptDays: EVENTS_KEPT_DAYS, where: `NOT (${IS_OPEN})` });
		} catch (error) {
			if (!isLeftForLater(error)) throw error;
			log.info({ month: name, err: error }, "house.month_left");
		}
	}
	return done;
}

/**
 * Readers lock the parent before its parts; in any other order than theirs we would wait for each other in a circle. So the first
 * look, which locks the part alone, is over before the transaction: two processes at the same month would each hold what the other
 * waits for, and both leave it.
 */
async function dropMonth(pool: Pool, name: string): Promise<boolean> {
	const before = await pool.query(`SELECT FROM ${name} t WHERE ${IS_OPEN} LIMIT 1`);
	if ((before.rowCount ?? 0) > 0) return false;
	return transaction(pool, async (tx) => {
		await tx.query(`SET LOCAL lock_timeout = ${DROP_LOCK_MS}`);
		await tx.query("LOCK TABLE ONLY inbox_event IN ACCESS EXCLUSIVE MODE");
		// Rows move between states, never into an old month; but one that was settled may have been opened for a replay.
		const open = await tx.query(`SELECT FROM ${name} t WHERE ${IS_OPEN} LIMIT 1`);
		if ((open.rowCount ?? 0) > 0) return false;
		await tx.query(`DROP TABLE ${name}`);
		return true;
	});
}

/** `t`: an event. Waiting, or set aside and not decided on. */
const IS_OPEN = `t.status = 'pending' OR (t.status = 'parked' AND EXISTS (
  SELECT FROM dead_letter d WHERE d.shop_id = t.shop_id AND d.event_id = t.id AND d.state = 'open'))`;

/** Somebody reads it (lock_not_available), or another process has dropped it just now (undefined_table). */
const isLeftForLater = (error: unknown): boolean =>
	error instanceof Error && "code" in error && (error.code === "55P03" || error.code === "42P01");

type Old = { table: string; column: "at" | "received_at" | "done_at" | "asked_at" | "ended_at"; keptDays: number; where?: string };

async function deleteOld(pool: Pool, { table, column, keptDays, where = "true" }: Old): Promise<number> {
	// Names stand in this file.
	const statement = `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
	  SELECT t.ctid FROM ${table} t WHERE t.${column} < now() - $1 * interval '1 day' AND (${where}) LIMIT $2))`;
	let total = 0;
	for (let round = 0; round < ROUNDS_MAX; round++) {
		const { rowCount } = await pool.query(statement, [keptDays, DELETED_MAX]);
		total += rowCount ?? 0;
		if ((rowCount ?? 0) < DELETED_MAX) break;
	}
	return total;
}
