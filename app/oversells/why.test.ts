import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Evidence, type HopName, REASONS, type Reason, whyOf } from "./why.ts";

const S = 1_000;
/** An order placed at 60 s; somebody else bought the last unit at 0 s; its news travels at once. */
const usual: Evidence = {
	placedAt: 60 * S,
	heardAt: 61 * S,
	takenAt: 61.1 * S,
	standing: "live",
	taker: { kind: "sale", at: 0, heardAt: 1 * S, appliedAt: 1.1 * S },
	soldThereBefore: false,
	told: { sentAt: 1.2 * S, takenAt: 1.5 * S, quantity: 0 },
	failures: 0,
};
const taker = (over: Partial<NonNullable<Evidence["taker"]>>) => ({ ...usual.taker, ...over }) as NonNullable<Evidence["taker"]>;

const rows: { it: string; given: Partial<Evidence>; reason: Reason; slow?: HopName; first?: "taker" | "order" }[] = [
	{
		it: "the other channel told of its sale a minute late",
		given: { taker: taker({ heardAt: 62 * S, appliedAt: 62.1 * S }), told: { sentAt: 62.2 * S, takenAt: 62.4 * S, quantity: 0 } },
		...{ reason: "told-late", slow: "telling", first: "taker" },
	},
	{
		it: "it told us late, and what followed was quick but later still",
		given: { taker: taker({ heardAt: 50 * S, appliedAt: 50.1 * S }), told: { sentAt: 59.5 * S, takenAt: 61 * S, quantity: 0 } },
		...{ reason: "told-late", slow: "telling", first: "taker" },
	},
	{
		it: "Lockstep had it after a second and sent it after the order",
		given: { told: { sentAt: 70 * S, takenAt: 71 * S, quantity: 0 } },
		...{ reason: "lockstep-behind", slow: "working", first: "taker" },
	},
	{ it: "Lockstep has it and never sent it", given: { told: null }, ...{ reason: "lockstep-behind", slow: "working", first: "taker" } },
	{
		it: "the channel took a minute to accept the zero",
		given: { told: { sentAt: 1.2 * S, takenAt: 65 * S, quantity: 0 } },
		...{ reason: "slow-accept", slow: "taking", first: "taker" },
	},
	{ it: "the channel had confirmed zero before the buyer ordered", given: {}, reason: "own-checkout", first: "taker" },
	{
		it: "it had confirmed in the very moment of the order",
		given: { told: { sentAt: 59 * S, takenAt: 60 * S, quantity: 0 } },
		reason: "own-checkout",
	},
	{
		it: "it confirmed a moment after the order",
		given: { told: { sentAt: 1.2 * S, takenAt: 60 * S + 1, quantity: 0 } },
		...{ reason: "slow-accept", slow: "taking" },
	},
	{
		it: "the channel had accepted the zero and did not show it yet",
		given: { told: { sentAt: 1.2 * S, takenAt: null, quantity: 0 } },
		...{ reason: "slow-accept", slow: "taking" },
	},
	{
		it: "nobody else took anything: the channel sold its own last unit twice",
		given: { taker: null, soldThereBefore: true, told: null },
		reason: "own-checkout",
	},
	{ it: "nothing is on record", given: { taker: null, told: null }, reason: "unknown" },
	{
		it: "somebody lowered the stock in Shopify",
		given: { taker: taker({ kind: "home-change" }), told: { sentAt: 70 * S, takenAt: 71 * S, quantity: 0 } },
		...{ reason: "lowered-at-home", slow: "working" },
	},
	{
		it: "somebody lowered it in Shopify after the buyer ordered",
		given: { taker: taker({ kind: "home-change", at: 80 * S, heardAt: 81 * S }), heardAt: 90 * S, told: null },
		...{ reason: "lowered-at-home", first: "order" },
	},
	{
		it: "a bulk change took the units off, and the channel was not told yet",
		given: { taker: taker({ kind: "bulk" }), told: { sentAt: 70 * S, takenAt: 71 * S, quantity: 0 } },
		...{ reason: "lowered-in-bulk", slow: "working", first: "taker" },
	},
	{
		it: "the channel had taken the bulk change's zero before the buyer ordered",
		given: { taker: taker({ kind: "bulk" }) },
		reason: "own-checkout",
	},
	{
		it: "the channel was paused during a bulk change",
		given: { taker: taker({ kind: "bulk" }), standing: "paused", told: null },
		reason: "not-sent",
	},
	{
		it: "home's figure is below zero after a bulk change",
		given: { placedAt: null, taker: taker({ kind: "bulk" }) },
		reason: "lowered-in-bulk",
	},
	{ it: "the product was deleted in Shopify", given: { taker: taker({ kind: "gone" }), told: null }, reason: "lowered-at-home" },
	{ it: "the channel was only watched", given: { standing: "watching", told: null }, reason: "not-sent" },
	{ it: "the channel was paused", given: { standing: "paused", told: null }, reason: "not-sent" },
	{ it: "the listing was paused", given: { standing: "listing-paused", told: null }, reason: "not-sent" },
	{ it: "the channel was not connected yet", given: { standing: "not-connected", told: null, taker: null }, reason: "not-sent" },
	{
		it: "both were bought within two seconds",
		given: { placedAt: 2 * S, told: { sentAt: 2.2 * S, takenAt: 2.5 * S, quantity: 0 } },
		...{ reason: "at-once", first: "taker" },
	},
	{
		it: "three seconds are not at once",
		given: { placedAt: 3 * S, taker: taker({ heardAt: 2.9 * S }), told: { sentAt: 3.2 * S, takenAt: 3.5 * S, quantity: 0 } },
		...{ reason: "told-late", slow: "telling" },
	},
	{
		it: "the owed order was the first, and its own channel told of it late",
		given: { placedAt: 0, heardAt: 90 * S, takenAt: 90.1 * S, taker: taker({ at: 60 * S, heardAt: 61 * S }), told: null },
		...{ reason: "told-late", slow: "telling", first: "order" },
	},
	{
		it: "the owed order was the first, and waited here",
		given: { placedAt: 0, heardAt: 1 * S, takenAt: 70 * S, taker: taker({ at: 60 * S, heardAt: 61 * S }), told: null },
		...{ reason: "lockstep-behind", slow: "working", first: "order" },
	},
	{ it: "what told of the other sale is not kept any more", given: { taker: taker({ heardAt: null }), told: null }, reason: "unknown" },
	{
		it: "what told of the owed order is not kept any more",
		given: { placedAt: 0, heardAt: null, taker: taker({ at: 60 * S }), told: null },
		reason: "unknown",
	},
	{ it: "home's figure is below zero without an order", given: { placedAt: null }, reason: "unknown" },
	{
		it: "home's figure is below zero after a change there",
		given: { placedAt: null, taker: taker({ kind: "home-change" }) },
		reason: "lowered-at-home",
	},
];

describe("why an order is owed", () => {
	it.each(rows)("R11 $it: $reason", ({ given, reason, slow, first }) => {
		const why = whyOf({ ...usual, ...given });
		expect(why.reason).toBe(reason);
		if (slow) expect(why.hops.filter((hop) => hop.slow).map((hop) => hop.name)).toEqual([slow]);
		if (first) expect(why.first).toBe(first);
	});

	it("R11 every reason has a row, and whatever the clocks say: one reason, at most one slow hop, and none that took less than nothing", () => {
		expect(new Set(rows.map((row) => row.reason))).toEqual(new Set(REASONS));
		const time = fc.integer({ min: -100 * S, max: 100 * S });
		const evidence: fc.Arbitrary<Evidence> = fc.record({
			placedAt: fc.option(time),
			heardAt: fc.option(time),
			takenAt: fc.option(time),
			standing: fc.constantFrom(
				"live" as const,
				"watching" as const,
				"paused" as const,
				"listing-paused" as const,
				"not-connected" as const,
			),
			taker: fc.option(
				fc.record({
					kind: fc.constantFrom("sale" as const, "home-change" as const, "bulk" as const, "gone" as const, "moved" as const),
					...{ at: time, heardAt: fc.option(time), appliedAt: time },
				}),
			),
			soldThereBefore: fc.boolean(),
			told: fc.option(fc.record({ sentAt: time, takenAt: fc.option(time), quantity: fc.option(fc.nat(5)) })),
			failures: fc.nat(5),
		});
		fc.assert(
			fc.property(evidence, (given) => {
				const { reason, hops, slowMs } = whyOf(given);
				expect(REASONS).toContain(reason);
				const slow = hops.filter((hop) => hop.slow);
				expect(slow.length).toBeLessThanOrEqual(1);
				expect(slowMs).toBe(slow[0]?.ms ?? null);
				for (const hop of hops) expect(hop.ms).toBeGreaterThanOrEqual(0);
				for (const hop of hops) expect(hop.ms).toBeLessThanOrEqual(slowMs ?? 0);
				// What is named is what the longest hop says.
				if (reason === "told-late") expect(slow[0]?.name).toBe("telling");
				if (reason === "slow-accept") expect(slow[0]?.name).toBe("taking");
			}),
		);
	});
});
