import type { Books, Call } from "../../books.ts";
import { spread } from "../judge.ts";
import { DOWN, LIMITED, REVOKED } from "./stores.ts";
import { RETRY_AFTER_SECONDS, type Trouble } from "./troubles.ts";

/**
 * Verdicts on a run with faults, from the sandbox's own books. A call that was on its way when the answer came that forbids the
 * next is nobody's fault: on two busy processors an answer takes up to this long to be read and written down.
 */
const ON_THE_WAY_MS = 1_000;
/** After so many failures in a row Lockstep promises to try with one call at a time, after pauses that grow to 16 s with full jitter. */
const FAILURES_BEFORE_ONE_AT_A_TIME = 5;
/** Eight a minute on average, and what is to be looked up beside them; so many come by chance once in ten thousand minutes. */
const TRIES_PER_MINUTE_MAX = 20;
const MINUTE_MS = 60_000;

export type Lag = { p50: number; p99: number };
export const lagsSince = (books: Books, channels: readonly string[], since: number): Record<string, Lag> =>
	Object.fromEntries(channels.map((id) => [id, spread(books.lagMs(id, since))]));

/** What was asked of a store in its trouble, and how much of it should not have been: `forbidden` calls, with the first few by name. */
export type Bearing = { store: string; seconds: number; calls: number; forbidden: number; why: string; which: string[] };
const NAMED_MAX = 5;

export const bearings = (books: Books, troubles: readonly Trouble[]): Bearing[] =>
	troubles.map((trouble) => {
		const calls = during(books.calls(trouble.store), trouble);
		const told = (forbidden: readonly string[], why: string): Bearing => ({
			store: trouble.store,
			seconds: Math.round((trouble.until - trouble.from) / 1000),
			calls: calls.length,
			forbidden: forbidden.length,
			why,
			which: forbidden.slice(0, NAMED_MAX),
		});
		const named = (of: readonly Call[]) =>
			of.map((call) => `${call.operation} ${((startOf(call) - trouble.from) / 1000).toFixed(1)} s after it began`);
		switch (trouble.store) {
			case LIMITED:
				return told(named(insideRetryAfter(calls)), `calls within the ${RETRY_AFTER_SECONDS} s of a Retry-After`);
			case DOWN:
			case REVOKED:
				return told(named(inAHurry(calls.filter(isDelivery))), `over ${TRIES_PER_MINUTE_MAX} tries a minute, after the fifth failure`);
			default:
				return told(
					books.violations(trouble.store).map(({ rule, detail }) => `${rule}: ${detail}`),
					"limits broken",
				);
		}
	});

/** Stock is read and written at the products; orders are read all the same, or what sells meanwhile would not be known of. */
const isDelivery = ({ operation }: Call) => operation.includes("products");
const startOf = (call: Call) => call.at - call.tookMs;
const during = (calls: readonly Call[], { from, until }: Trouble) =>
	calls.filter((call) => startOf(call) >= from && call.at <= until).toSorted((a, b) => startOf(a) - startOf(b));

function insideRetryAfter(calls: readonly Call[]): Call[] {
	const refusals = calls.filter(({ status }) => status === 429);
	return calls.filter((call) =>
		refusals.some(({ at }) => startOf(call) > at + ON_THE_WAY_MS && startOf(call) < at + RETRY_AFTER_SECONDS * 1_000),
	);
}

/** Failures that overlap tell the same: they count as one. */
function inAHurry(calls: readonly Call[]): Call[] {
	let [failures, busyUntil, openedAt] = [0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
	for (const call of calls.filter(({ status }) => status >= 400)) {
		if (startOf(call) >= busyUntil && ++failures === FAILURES_BEFORE_ONE_AT_A_TIME) openedAt = call.at;
		busyUntil = Math.max(busyUntil, call.at);
	}
	const after = calls.filter((call) => startOf(call) > openedAt + ON_THE_WAY_MS);
	return after.filter((call, index) => {
		const first = after[index - TRIES_PER_MINUTE_MAX];
		return first !== undefined && startOf(call) - startOf(first) < MINUTE_MS;
	});
}
