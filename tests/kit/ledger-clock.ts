import type pg from "pg";

/**
 * The moment at which the ledger writes, so that a test can tell the news of a week in seconds: a movement's own time
 * (`created_at`, when Lockstep knew of it) is this clock's and not the machine's. Everything else keeps its own time.
 */
export type LedgerClock = { set(at: number): Promise<void> };

export async function playLedgerClock(pool: pg.Pool): Promise<LedgerClock> {
	await pool.query(`
CREATE TABLE played_clock (at timestamptz NOT NULL);
INSERT INTO played_clock VALUES (now());
CREATE FUNCTION played_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM played_clock';
ALTER TABLE movement ALTER COLUMN created_at SET DEFAULT played_now();`);
	return { set: async (at) => void (await pool.query("UPDATE played_clock SET at = $1", [new Date(at)])) };
}
