import { type Pool, type Queryable, transaction } from "#app/db.server.ts";
import type { Run, RunLease } from "./run.ts";

/** The first room is everybody's: its rows are deleted one by one, which takes a second for a million and leaves as much to vacuum. */
const SHARED = 0;
/** The others are a large run's alone, and emptied at once (TRUNCATE). As many as migration 20261130103000 makes. */
const OWN_ROOMS = 8;
/** From so many rows on a run takes a room of its own, where one is free. */
const LARGE_ROWS = 50_000;
/** One statement's share when rows are deleted. */
const FORGET_ROWS = 100_000;
const UNIQUE_VIOLATION = "23505";

/** The part of `reconcile_row` that a room is. */
export function tableOf(room: number): string {
	if (!Number.isInteger(room) || room < SHARED || room > OWN_ROOMS) throw new RangeError(`There is no room ${room}`);
	return `reconcile_row_${room}`;
}

/**
 * What of a room's rows are a run's present reading, as a condition of $1 shop, $3 run and $4 attempt. In a room of its own all are: it was
 * emptied under the lease, and a plan that knows this takes the whole table without a look into its index.
 */
export const OF_RUN = "shop_id = $1 AND run_id = $3 AND attempt = $4";
export const readingIn = (room: number): string => (room === SHARED ? OF_RUN : "true");

/** A large run gets a room of its own for as long as it reads and compares; where none is free, or somebody was faster, it shares. */
export async function takeRoom(pool: Pool, lease: RunLease, expected: number): Promise<void> {
	if (expected < LARGE_ROWS || lease.run.room !== SHARED) return;
	const { rows } = await pool.query<{ room: number }>(
		"SELECT room FROM generate_series(1, $1::int) AS room WHERE NOT EXISTS (SELECT FROM reconcile_run r WHERE r.room = room.room) ORDER BY random() LIMIT 1",
		[OWN_ROOMS],
	);
	if (!rows[0]) return;
	await lease.save(pool, { room: rows[0].room }).catch((error: unknown) => {
		if ((error as { code?: unknown }).code !== UNIQUE_VIOLATION) throw error;
	});
	// Whoever had it before may have died before it was emptied.
	await emptyRoom(pool, lease.run.room, lease.run.id);
}

/** Throws away what a run has read, all its attempts. Of an ended one also what it read into a room that is nobody's any more. */
export async function forgetRows(pool: Pool, shopId: number, { id, room }: Pick<Run, "id" | "room">): Promise<void> {
	if (room !== SHARED) return emptyRoom(pool, room, id);
	// By ranges: a statement that looks for "some" again walks over what is gone.
	const { rows } = await pool.query<{ attempt: number; last: number }>(
		`SELECT attempt, max(n) AS last FROM ${tableOf(SHARED)} WHERE shop_id = $1 AND run_id = $2 GROUP BY attempt`,
		[shopId, id],
	);
	for (const { attempt, last } of rows) {
		for (let from = 0; from < last; from += FORGET_ROWS) {
			await pool.query(`DELETE FROM ${tableOf(SHARED)} WHERE shop_id = $1 AND run_id = $2 AND attempt = $3 AND n > $4 AND n <= $5`, [
				shopId,
				id,
				attempt,
				from,
				from + FORGET_ROWS,
			]);
		}
	}
}

/** Unless another run has it. That is asked under the lock: a run takes a room before it writes its first row there. */
async function emptyRoom(pool: Pool, room: number, runId: number | null): Promise<void> {
	if (room === SHARED) return;
	const table = tableOf(room);
	const { rows } = await pool.query<{ filled: boolean }>(`SELECT EXISTS (SELECT FROM ${table}) AS filled`);
	if (!rows[0]?.filled) return;
	await transaction(pool, async (tx) => {
		await tx.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
		const others = await tx.query("SELECT FROM reconcile_run WHERE room = $1 AND id IS DISTINCT FROM $2", [room, runId]);
		if (others.rowCount === 0) await tx.query(`TRUNCATE ${table}`);
	});
}

/** What runs left that were killed between their end and this. Hourly. */
export async function forgetLeftRows(pool: Pool): Promise<number> {
	const { rowCount } = await pool.query(
		`DELETE FROM ${tableOf(SHARED)} WHERE ctid = ANY (ARRAY(
		   SELECT r.ctid FROM ${tableOf(SHARED)} r WHERE NOT EXISTS (
		     SELECT FROM reconcile_run u WHERE u.shop_id = r.shop_id AND u.id = r.run_id AND u.ended_at IS NULL) LIMIT $1))`,
		[FORGET_ROWS],
	);
	for (let room = 1; room <= OWN_ROOMS; room++) await emptyRoom(pool, room, null);
	return rowCount ?? 0;
}

/** Are all rows there that were written? The table does not outlive a crash of the database, and the run's counter does. */
export async function isStaged(
	db: Queryable,
	shopId: number,
	{ id, attempt, room }: Pick<Run, "id" | "attempt" | "room">,
	rows: number,
): Promise<boolean> {
	const { rows: counted } = await db.query<{ n: number }>(
		`SELECT count(*)::int AS n FROM ${tableOf(room)} WHERE shop_id = $1 AND run_id = $2 AND attempt = $3`,
		[shopId, id, attempt],
	);
	return counted[0]?.n === rows;
}
