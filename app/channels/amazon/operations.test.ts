import fc from "fast-check";
import { expect, test } from "vitest";
import { OPERATIONS, type Operation, OWN_LIMITS } from "./operations.ts";

/** How many of these arrivals (seconds, sorted) a bucket of Amazon's refuses. */
function refusals(arrivals: readonly number[], { unitsPerSecond, burst }: { unitsPerSecond: number; burst: number }): number {
	let [tokens, at, refused] = [burst, 0, 0];
	for (const arrival of arrivals) {
		tokens = Math.min(burst, tokens + (arrival - at) * unitsPerSecond);
		at = arrival;
		if (tokens >= 1) tokens -= 1;
		else refused++;
	}
	return refused;
}

/** As fast as our own bucket lets them leave, from a full one. */
function departures(count: number, { unitsPerSecond, burst }: { unitsPerSecond: number; burst: number }): number[] {
	return Array.from({ length: count }, (_, n) => Math.max(0, n + 1 - burst) / unitsPerSecond);
}

const LATE_MAX = 0.6;

test("R17 requests that are late by up to 0.6 s, and overtake each other, are none too many for any operation's bucket", () => {
	const operations = (Object.keys(OPERATIONS) as Operation[]).filter((name) => OPERATIONS[name].burst > 1);
	fc.assert(
		fc.property(
			fc.constantFrom(...operations),
			fc.double({ min: 0, max: 4, noNaN: true }),
			fc.array(fc.double({ min: 0, max: LATE_MAX, noNaN: true }), { minLength: 60, maxLength: 60 }),
			(name, stall, late) => {
				const left = departures(late.length, OWN_LIMITS[name] ?? { unitsPerSecond: 0, burst: 0 });
				// Each by chance; or all that left in the moments before a stall's end together at its end, which is the worst.
				const arrivals = [
					left.map((at, n) => at + (late[n] ?? 0)),
					left.map((at) => (at < stall ? Math.min(stall, at + LATE_MAX) : at)),
				].map((list) => list.toSorted((one, other) => one - other));
				expect([name, ...arrivals.map((list) => refusals(list, OPERATIONS[name]))]).toEqual([name, 0, 0]);
			},
		),
		{ numRuns: 2_000 },
	);
});

test("R17 what is left for ourselves is nearly what is allowed, and never nothing", () => {
	for (const [name, own] of Object.entries(OWN_LIMITS)) {
		const allowed = OPERATIONS[name as Operation];
		expect(own.unitsPerSecond / allowed.unitsPerSecond).toBeCloseTo(0.95);
		expect(own.burst).toBeGreaterThanOrEqual(1);
		expect(own.burst).toBeLessThanOrEqual(allowed.burst);
	}
});
