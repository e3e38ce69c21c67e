import type { ChannelError } from "#app/channels/errors.ts";
import { boundedRetryAfter } from "#app/connections/budget.ts";
import { noteRefusal, setHealth } from "#app/connections/health.ts";
import type { Queryable } from "#app/db.server.ts";
import { backoffMs } from "./backoff.ts";

/** After so many failures in a row one call at a time finds out whether the channel is back; the rest waits. */
const OPEN_AFTER_FAILURES = 5;
/** Longer than the slowest call may take (60 s): nobody else tries while the probe is under way. */
const PROBE_MS = 90_000;
/** Refused credentials do not come back by themselves; this often we look whether somebody has mended them. */
const CREDENTIALS_PROBE_MS = 5 * 60_000;

/** `troubled`: its last call failed, and the next may hang as long as a call may take. */
type Passed = { isHome: boolean; watching: boolean; troubled: boolean };
export type Gate =
	| ({ gate: "open" } & Passed)
	/** Whoever has something to send asks `takeProbe` first. */
	| ({ gate: "half-open" } & Passed)
	| { gate: "shut"; waitMs: number }
	| { gate: "closed" };

/** May something be sent to this connection now? */
export async function passGate(db: Queryable, shopId: number, connectionId: number): Promise<Gate> {
	const { rows } = await db.query<{ state: string; is_home: boolean; failures: number; wait_ms: number | null }>(
		`SELECT c.state, c.is_home, c.breaker_failures AS failures, 1000 * extract(epoch FROM c.breaker_until - clock_timestamp())::float8 AS wait_ms
		 FROM connection c JOIN shop s ON s.id = c.shop_id
		 WHERE c.shop_id = $1 AND c.id = $2 AND c.state IN ('live', 'watching') AND s.state = 'installed'`,
		[shopId, connectionId],
	);
	const [row] = rows;
	if (!row) return { gate: "closed" };
	if (row.wait_ms !== null && row.wait_ms > 0) return { gate: "shut", waitMs: Math.ceil(row.wait_ms) };
	const passed = { isHome: row.is_home, watching: row.state === "watching", troubled: row.failures > 0 };
	return { gate: row.failures < OPEN_AFTER_FAILURES ? "open" : "half-open", ...passed };
}

/** Half open: this caller, and for the time of one call nobody else, may find out whether the channel is back. */
export async function takeProbe(db: Queryable, shopId: number, connectionId: number): Promise<boolean> {
	const { rowCount } = await db.query(
		`UPDATE connection SET breaker_until = clock_timestamp() + $3 * interval '1 millisecond'
		 WHERE shop_id = $1 AND id = $2 AND breaker_failures >= $4 AND (breaker_until IS NULL OR breaker_until <= clock_timestamp())`,
		[shopId, connectionId, PROBE_MS, OPEN_AFTER_FAILURES],
	);
	return rowCount === 1;
}

/**
 * The channel as a whole failed (down, too fast, credentials): its connection waits, no listing is blamed (R18). Of calls that
 * were under way together only the first counts; the others can but prolong the wait.
 */
export async function noteFailure(
	db: Queryable,
	shopId: number,
	connectionId: number,
	error: ChannelError & { retryAfterMs?: number | undefined },
	{ probing }: { probing: boolean },
): Promise<void> {
	const refused = error.errorClass === "credentials";
	const retryAfterMs = boundedRetryAfter(error.retryAfterMs);
	const counted = await db.query<{ failures: number }>(countStatement, [shopId, connectionId, probing, refused ? OPEN_AFTER_FAILURES : 1]);
	const failures = counted.rows[0]?.failures;
	if (failures === undefined) {
		await db.query(prolongStatement, [shopId, connectionId, retryAfterMs]);
		return;
	}
	const waitMs = refused ? CREDENTIALS_PROBE_MS : backoffMs(failures, { retryAfterMs });
	await db.query(waitStatement, [shopId, connectionId, waitMs]);
	if (refused) await noteRefusal(db, shopId, connectionId, error.message);
	else if (failures >= OPEN_AFTER_FAILURES) await setHealth(db, shopId, connectionId, { health: "degraded", reason: error.message });
}

const countStatement = `
UPDATE connection SET breaker_failures = greatest(breaker_failures + 1, $4)
WHERE shop_id = $1 AND id = $2 AND ($3 OR breaker_until IS NULL OR breaker_until <= clock_timestamp())
RETURNING breaker_failures AS failures`;

const prolongStatement = `
UPDATE connection SET breaker_until = greatest(breaker_until, clock_timestamp() + $3 * interval '1 millisecond') WHERE shop_id = $1 AND id = $2`;

const waitStatement = `
UPDATE connection SET breaker_until = clock_timestamp() + $3 * interval '1 millisecond' WHERE shop_id = $1 AND id = $2`;

/** The channel answered. A success that was under way when others failed proves nothing: only one after their wait does. */
export async function noteSuccess(db: Queryable, shopId: number, connectionId: number, { probing }: { probing: boolean }): Promise<void> {
	const { rows } = await db.query<{ was_open: boolean }>(successStatement, [shopId, connectionId, probing, OPEN_AFTER_FAILURES]);
	if (rows[0]?.was_open) await setHealth(db, shopId, connectionId, { health: "green" });
}

const successStatement = `
UPDATE connection c SET breaker_failures = 0, breaker_until = NULL
FROM (SELECT breaker_failures FROM connection WHERE shop_id = $1 AND id = $2 FOR UPDATE) was
WHERE c.shop_id = $1 AND c.id = $2 AND was.breaker_failures > 0 AND ($3 OR c.breaker_until IS NULL OR c.breaker_until <= clock_timestamp())
RETURNING was.breaker_failures >= $4 AS was_open`;
