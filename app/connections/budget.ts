import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { AccountAccess, CallReport, Limits } from "#app/channels/channel.ts";
import { RateLimitedError } from "#app/channels/errors.ts";
import type { Pool, Queryable } from "#app/db.server.ts";
import { takeSlot } from "./call-slots.ts";

/** Longer than any bucket takes to fill for one call; a caller that would wait longer gives its place back and comes again. */
const WAIT_MAX_MS = 20_000;
/**
 * Channels have said days, and negative numbers; WordPress says ten minutes for an update that takes seconds (recorded:
 * errors-html-and-routes.json). After this long a single call finds out more than waiting does, and storms nobody.
 */
const RETRY_AFTER_MAX_MS = 2 * 60_000;
/** What a channel said of its bucket holds for this long; then the documented limits count again. */
const CORRECTION_SECONDS = 60;
const BUCKET = "calls";

export type Account = { shopId: number; connectionId: number; limits: Limits };

/**
 * The hooks that make every request of one account pay: a slot (requests in flight) and tokens (rate) before it, a correction
 * by the channel's own answer after it. Both live in the database, so all processes together keep one account's limits, and no
 * other account's (R17). Nothing is held in a transaction while the request is under way.
 */
export function budgetHooks(
	deps: { pool: Pool; warn: (error: unknown) => void },
	account: Account,
): Required<Pick<AccountAccess, "beforeCall" | "onCall">> {
	const held: { release(): void; cost: number }[] = [];
	return {
		async beforeCall(cost) {
			const until = Date.now() + WAIT_MAX_MS;
			const slot = await takeSlot(deps.pool, account, until);
			try {
				await waitForBudget(deps.pool, account, cost, until);
				await guards.getStore()?.();
			} catch (error) {
				slot.release();
				throw error;
			}
			held.push({ release: slot.release, cost });
		},
		onCall(call) {
			held.shift()?.release();
			const underWay = held.reduce((sum, { cost }) => sum + cost, 0);
			// A correction that is lost is made by the next answer: nobody waits for it, and its failure fails no request.
			correctBudget(deps.pool, account.shopId, account.connectionId, call, underWay).catch(deps.warn);
		},
	};
}

const guards = new AsyncLocalStorage<() => Promise<void>>();

/** Runs `guard` as the last thing before each request that `work` makes; what it throws, the request throws, unsent. */
export const withCallGuard = <T>(guard: () => Promise<void>, work: () => Promise<T>): Promise<T> => guards.run(guard, work);

async function waitForBudget(db: Queryable, { shopId, connectionId, limits }: Account, cost: number, until: number): Promise<void> {
	for (;;) {
		const taken = await takeBudget(db, shopId, connectionId, limits, cost);
		if (taken.outcome === "taken") return;
		if (Date.now() + taken.waitMs > until) {
			throw new RateLimitedError(`The budget of connection ${connectionId} allows the next call in ${taken.waitMs} ms`, {
				retryAfterMs: taken.waitMs,
			});
		}
		// A little later than the bucket says, and not all at once.
		await sleep(taken.waitMs + Math.random() * 20);
	}
}

export type Taken = { outcome: "taken" } | { outcome: "wait"; waitMs: number };

/** Takes `cost` units from the connection's bucket if they are there, in one statement; else says how long they need. */
export async function takeBudget(db: Queryable, shopId: number, connectionId: number, limits: Limits, cost: number): Promise<Taken> {
	// A call dearer than the whole bucket goes out when the bucket is full.
	const { rows } = await db.query<{ taken: boolean; wait_ms: number | null }>(takeStatement, [
		shopId,
		connectionId,
		BUCKET,
		limits.burst,
		limits.unitsPerSecond,
		Math.max(0, cost),
		CORRECTION_SECONDS,
	]);
	const [row] = rows;
	if (!row) throw new Error("The statement returns one row whatever the bucket holds");
	return row.taken ? { outcome: "taken" } : { outcome: "wait", waitMs: Math.max(1, Math.ceil(row.wait_ms ?? 0)) };
}

/**
 * The row is the lock: two calls that meet take one after the other, and the second sees what the first left. It is written
 * only if it can pay. Limits come from the caller (a new release may know better ones) unless the channel itself said
 * something lately.
 */
const takeStatement = `
WITH taken AS (
  INSERT INTO rate_budget AS b (shop_id, connection_id, name, tokens, capacity, refill_per_second)
  VALUES ($1, $2, $3, $4::float8 - least($6::float8, $4::float8), $4, $5)
  ON CONFLICT (shop_id, connection_id, name) DO UPDATE SET
    capacity = CASE WHEN b.corrected_at > clock_timestamp() - $7 * interval '1 second' THEN b.capacity ELSE $4 END,
    refill_per_second = CASE WHEN b.corrected_at > clock_timestamp() - $7 * interval '1 second' THEN b.refill_per_second ELSE $5 END,
    tokens = least(b.capacity, b.tokens + b.refill_per_second * extract(epoch FROM clock_timestamp() - b.updated_at)) - least($6::float8, b.capacity),
    blocked_until = NULL,
    updated_at = clock_timestamp()
  WHERE least(b.capacity, b.tokens + b.refill_per_second * extract(epoch FROM clock_timestamp() - b.updated_at)) >= least($6::float8, b.capacity)
    AND (b.blocked_until IS NULL OR b.blocked_until <= clock_timestamp())
  RETURNING 1
)
SELECT EXISTS (SELECT FROM taken) AS taken,
  (SELECT greatest(
      1000 * (least($6::float8, b.capacity) - b.tokens) / b.refill_per_second - 1000 * extract(epoch FROM clock_timestamp() - b.updated_at),
      1000 * extract(epoch FROM b.blocked_until - clock_timestamp()))::float8
   FROM rate_budget b WHERE b.shop_id = $1 AND b.connection_id = $2 AND b.name = $3) AS wait_ms`;

/**
 * Sets the bucket by what the channel's answer says of it: units left, size, refill, or "not before". `underWay`: cost of
 * calls that are paid for and that the channel has not counted yet.
 */
export async function correctBudget(
	db: Queryable,
	shopId: number,
	connectionId: number,
	call: Pick<CallReport, "budget" | "retryAfterMs">,
	underWay = 0,
): Promise<void> {
	if (call.budget && call.budget.refillPerSecond > 0 && call.budget.capacity > 0) {
		const { remaining, capacity, refillPerSecond } = call.budget;
		await db.query(correctStatement, [shopId, connectionId, BUCKET, Math.min(remaining, capacity) - underWay, capacity, refillPerSecond]);
	}
	const waitMs = boundedRetryAfter(call.retryAfterMs);
	if (waitMs > 0) await db.query(blockStatement, [shopId, connectionId, BUCKET, waitMs]);
}

/** "Retry-After" in milliseconds, as far as it can be believed; 0 where there is none. */
export const boundedRetryAfter = (retryAfterMs: number | undefined): number =>
	retryAfterMs !== undefined && retryAfterMs > 0 ? Math.min(retryAfterMs, RETRY_AFTER_MAX_MS) : 0;

const correctStatement = `
INSERT INTO rate_budget AS b (shop_id, connection_id, name, tokens, capacity, refill_per_second, corrected_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
ON CONFLICT (shop_id, connection_id, name) DO UPDATE SET
  tokens = $4,
  capacity = $5, refill_per_second = $6, corrected_at = clock_timestamp(), updated_at = clock_timestamp()`;

/** A bucket that was never used is made by the call that pays first, so there is always a row to block. */
const blockStatement = `
UPDATE rate_budget SET blocked_until = greatest(blocked_until, clock_timestamp() + $4 * interval '1 millisecond')
WHERE shop_id = $1 AND connection_id = $2 AND name = $3`;
