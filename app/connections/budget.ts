import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { AccountAccess, CallReport, Limits } from "#app/channels/channel.ts";
import { RateLimitedError } from "#app/channels/errors.ts";
import type { Pool, Queryable } from "#app/db.server.ts";
import { takeSlot } from "./call-slots.ts";

/** Longer than any bucket takes to fill for one call; a caller that would wait longer gives its place back and comes again. */
const WAIT_MAX_MS = 20_000;
/** From a bucket that gives less than a unit a second few are served in that time: the others would have waited in vain. */
const SLOW_UNITS_PER_SECOND = 1;
const SLOW_WAIT_MAX_MS = 5_000;
/**
 * Channels have said days, and negative numbers; WordPress says ten minutes for an update that takes seconds (recorded:
 * errors-html-and-routes.json). After this long a single call finds out more than waiting does, and storms nobody.
 */
const RETRY_AFTER_MAX_MS = 2 * 60_000;
/** What a channel said of its bucket holds for this long; then the documented limits count again. */
const CORRECTION_SECONDS = 60;
const BUCKET = "calls";
/**
 * A request that was paid for so long ago may have reached the channel only now. Channels leave room in their bursts for what is
 * not as late as this (amazon/operations.ts).
 */
const LATE_MS = 600;

export type Account = { shopId: number; connectionId: number; limits: Limits };

/**
 * The hooks that make every request of one account pay: a slot (requests in flight) and tokens (rate) before it, a correction
 * by the channel's own answer after it. Both live in the database, so all processes together keep one account's limits, and no
 * other account's (R17). Where the channel counts its operations apart, each has a bucket of its own; the slots are the account's.
 *
 * Tokens are taken with the slot in hand, so that what is taken is sent at once: tokens that wait for a slot would leave together
 * later. But nobody waits for tokens with a slot in hand, or an empty bucket would stop the operations that have some. Nothing
 * is held in a transaction while the request is under way.
 */
export function budgetHooks(
	deps: { pool: Pool; warn: (error: unknown) => void },
	account: Account,
): Required<Pick<AccountAccess, "beforeCall" | "onCall">> {
	const { shopId, connectionId, limits } = account;
	const held: { release(): void; cost: number; bucket: string; paidAt: number }[] = [];
	let recharged: Promise<unknown> = Promise.resolve();
	const tryOnce = async (bucket: Bucket, cost: number): Promise<Taken> => {
		const { release } = await takeSlot(deps.pool, account, Date.now() + WAIT_MAX_MS);
		let paid = false;
		try {
			const taken = await takeBudget(deps.pool, shopId, connectionId, bucket, cost);
			if (taken.outcome === "wait") return taken;
			await guards.getStore()?.();
			paid = true;
			held.push({ release, cost, bucket: bucket.name, paidAt: performance.now() });
			return taken;
		} finally {
			if (!paid) release();
		}
	};
	return {
		async beforeCall(cost, operation) {
			const bucket = bucketOf(limits, operation);
			await recharged;
			const until = Date.now() + (bucket.unitsPerSecond < SLOW_UNITS_PER_SECOND ? SLOW_WAIT_MAX_MS : WAIT_MAX_MS);
			for (;;) {
				const taken = await tryOnce(bucket, cost);
				if (taken.outcome === "taken") return;
				if (Date.now() + taken.waitMs > until) {
					throw new RateLimitedError(
						`The budget of connection ${connectionId} (${bucket.name}) allows the next call in ${Math.ceil(taken.waitMs / 1000)} s`,
						{ retryAfterMs: taken.waitMs },
					);
				}
				// A little later than the bucket says, and not all at once.
				await sleep(taken.waitMs + Math.random() * 20);
			}
		},
		onCall(call) {
			const { name, unitsPerSecond } = bucketOf(limits, call.bucket);
			const own = held.findIndex(({ bucket }) => bucket === name);
			const [done] = held.splice(Math.max(0, own), 1);
			done?.release();
			const tookMs = done && name !== BUCKET ? performance.now() - done.paidAt : 0;
			if (done && tookMs > LATE_MS) {
				const units = Math.min(done.cost, (tookMs / 1000) * unitsPerSecond);
				const recharge = rechargeBudget(deps.pool, shopId, connectionId, name, units).catch(deps.warn);
				recharged = Promise.all([recharged, recharge]);
			}
			const underWay = held.reduce((sum, { cost, bucket }) => (bucket === name ? sum + cost : sum), 0);
			// A correction that is lost is made by the next answer: nobody waits for it, and its failure fails no request.
			correctBudget(deps.pool, shopId, connectionId, { ...call, bucket: name }, underWay).catch(deps.warn);
		},
	};
}

const guards = new AsyncLocalStorage<() => Promise<void>>();

/** Runs `guard` as the last thing before each request that `work` makes; what it throws, the request throws, unsent. */
export const withCallGuard = <T>(guard: () => Promise<void>, work: () => Promise<T>): Promise<T> => guards.run(guard, work);

export type Bucket = { name: string; unitsPerSecond: number; burst: number };

/** The operation's own bucket, where the channel counts it by itself; else the account's. */
export function bucketOf(limits: Limits, operation: string | undefined): Bucket {
	const own = operation === undefined ? undefined : limits.operations?.[operation];
	if (operation === undefined || own === undefined) return { name: BUCKET, unitsPerSecond: limits.unitsPerSecond, burst: limits.burst };
	return { name: operation, ...own };
}

export type Taken = { outcome: "taken" } | { outcome: "wait"; waitMs: number };

/** Takes `cost` units from the connection's bucket if they are there, in one statement; else says how long they need. */
export async function takeBudget(db: Queryable, shopId: number, connectionId: number, bucket: Bucket, cost: number): Promise<Taken> {
	// A call dearer than the whole bucket goes out when the bucket is full.
	const { rows } = await db.query<{ taken: boolean; wait_ms: number | null }>(takeStatement, [
		shopId,
		connectionId,
		bucket.name,
		bucket.burst,
		bucket.unitsPerSecond,
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
 * Sets the bucket by what the channel's answer says of it: units left, size, refill, or "not before". A "too many" without a
 * time says that it is empty, whatever we believed. `underWay`: cost of calls that are paid for and that the channel has not
 * counted yet.
 */
export async function correctBudget(
	db: Queryable,
	shopId: number,
	connectionId: number,
	call: Partial<Pick<CallReport, "bucket" | "budget" | "retryAfterMs" | "httpStatus">>,
	underWay = 0,
): Promise<void> {
	const place = [shopId, connectionId, call.bucket ?? BUCKET];
	const told = call.budget && call.budget.refillPerSecond > 0 && call.budget.capacity > 0 ? call.budget : undefined;
	if (told) {
		const { remaining, capacity, refillPerSecond } = told;
		await db.query(correctStatement, [...place, Math.min(remaining, capacity) - underWay, capacity, refillPerSecond]);
	}
	const waitMs = boundedRetryAfter(call.retryAfterMs);
	if (waitMs > 0) await db.query(blockStatement, [...place, waitMs]);
	else if (call.httpStatus === 429 && !told) await db.query(emptyStatement, place);
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

/**
 * A request that took long, on a stalled machine or line, may have been counted by the channel only just before it answered,
 * while our bucket filled again since it was paid: what came in meanwhile is not counted, or several such requests and those
 * after them would be more at once than is allowed. The next call waits for this.
 */
async function rechargeBudget(db: Queryable, shopId: number, connectionId: number, name: string, units: number): Promise<void> {
	await db.query(rechargeStatement, [shopId, connectionId, name, units]);
}

const rechargeStatement = `
UPDATE rate_budget b SET
  tokens = least(b.capacity, b.tokens + b.refill_per_second * extract(epoch FROM clock_timestamp() - b.updated_at)) - $4::float8,
  updated_at = clock_timestamp()
WHERE b.shop_id = $1 AND b.connection_id = $2 AND b.name = $3`;

const emptyStatement = `
UPDATE rate_budget SET tokens = least(tokens, 0), updated_at = clock_timestamp() WHERE shop_id = $1 AND connection_id = $2 AND name = $3`;

/** A bucket that was never used is made by the call that pays first, so there is always a row to block. */
const blockStatement = `
UPDATE rate_budget SET blocked_until = greatest(blocked_until, clock_timestamp() + $4 * interval '1 millisecond')
WHERE shop_id = $1 AND connection_id = $2 AND name = $3`;
