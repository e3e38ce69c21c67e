import fc from "fast-check";
import { expect, test } from "vitest";
import { type Day, play } from "../../tests/kit/simulated-channel.ts";

const seeds = fc.integer({ min: 1, max: 2 ** 31 });
const scarce = { units: 20, seconds: 30, buyersHere: 2, buyersElsewhere: 0, adds: false, ordersLateMs: 4_000 };

test("R41 one store, 20 units, 2 sales a second: our pushes add no oversell, where pushing the newest figure does", () => {
	let naive = 0;
	fc.assert(
		fc.property(seeds, (seed) => {
			const ours = play({ ...scarce, seed });
			expect(ours.oversold).toBe(0);
			expect(ours.truth).toBe(0);
			naive += play({ ...scarce, seed }, { naive: true }).oversold;
		}),
		{ numRuns: 200 },
	);
	expect(naive).toBeGreaterThan(50);
});

/** The same 200 days for both ways of pushing. */
function compare(day: Omit<Day, "seed">): { ours: number; naive: number } {
	let ours = 0;
	let naive = 0;
	for (let seed = 1; seed <= 200; seed++) {
		ours += play({ ...day, seed }).oversold;
		naive += play({ ...day, seed }, { naive: true }).oversold;
	}
	return { ours, naive };
}

test("R41 stock that is added while the store sells out adds next to no oversell", () => {
	const { ours, naive } = compare({ ...scarce, seconds: 60, adds: true, ordersLateMs: 500 });
	expect(ours).toBeLessThanOrEqual(10);
	expect(naive).toBeGreaterThan(1_000);
});

test("R41 two channels that sell the last units oversell less than with naive pushes", () => {
	const { ours, naive } = compare({ units: 40, seconds: 60, buyersHere: 2, buyersElsewhere: 2, adds: false, ordersLateMs: 500 });
	expect(ours).toBeLessThan(naive / 5);
});

test("R43 nobody is said to write there when it was a sale on the way, or none", () => {
	let blamed = 0;
	for (let seed = 1; seed <= 200; seed++) {
		blamed += play({ units: 14, seconds: 40, buyersHere: 0.3, buyersElsewhere: 1, adds: false, ordersLateMs: 4_000, seed }).strangers;
		blamed += play({ units: 20, seconds: 60, buyersHere: 2, buyersElsewhere: 1, adds: true, ordersLateMs: 4_000, seed }).strangers;
	}
	expect(blamed).toBeLessThan(10);
});

/** Amazon's way: accepted, applied within a minute, orders told in seconds, clocks that are two minutes apart. */
const accepting = { applies: { fromMs: 5_000, toMs: 60_000, overtaken: 0 }, clocksApartMs: 120_000, ordersLateMs: 8_000 };
const DAYS_AT_AMAZON = [
	{ what: "sales elsewhere", day: { units: 40, seconds: 60, buyersHere: 0, buyersElsewhere: 1, adds: false } },
	{ what: "sales everywhere and stock that comes in", day: { units: 200, seconds: 60, buyersHere: 1, buyersElsewhere: 2, adds: true } },
	{
		what: "orders that are cancelled and told late",
		day: { units: 200, seconds: 60, buyersHere: 1, buyersElsewhere: 1, adds: false, cancelled: { share: 0.3, lateMs: 100_000 } },
	},
];

test.each(DAYS_AT_AMAZON)(
	"R15 R43 where writes show late, after $what the figure is right in minutes, and hardly ever somebody else is blamed",
	({ day }) => {
		let blamed = 0;
		let slow = 0;
		for (let seed = 1; seed <= 200; seed++) {
			const world = play({ ...accepting, ...day, seed });
			expect(Math.max(0, world.figure)).toBe(Math.max(0, world.truth));
			expect(world.listing).toMatchObject({ unseen: 0, dirtySince: null });
			blamed += world.strangers;
			if (world.rightSince - world.lastEventAt > 300_000) slow++;
		}
		expect(blamed).toBeLessThan(3);
		expect(slow).toBeLessThan(10);
	},
);

test("R41 where writes show late, also late orders make less oversell than with naive pushes", () => {
	let ours = 0;
	let naive = 0;
	for (let seed = 1; seed <= 200; seed++) {
		const day = { ...accepting, units: 60, seconds: 120, buyersHere: 1, buyersElsewhere: 1, adds: true, ordersLateMs: 120_000, seed };
		ours += play(day).oversold;
		naive += play(day, { naive: true }).oversold;
	}
	expect(ours).toBeLessThan(naive / 2);
});

test("R41 an old write that shows minutes after newer ones never stays", () => {
	let found = 0;
	for (let seed = 1; seed <= 200; seed++) {
		const applies = { ...accepting.applies, overtaken: 0.02 };
		const world = play({ ...accepting, units: 200, seconds: 60, buyersHere: 1, buyersElsewhere: 2, adds: true, applies, seed });
		expect(Math.max(0, world.figure)).toBe(Math.max(0, world.truth));
		if (world.rightSince - world.lastEventAt > 600_000) found++;
	}
	expect(found).toBeGreaterThan(10);
});

test("R15 whatever is sold where and whenever its orders come, the store ends at what is left, and nothing is unaccounted for", () => {
	const days = fc.record({
		units: fc.integer({ min: 0, max: 40 }),
		seconds: fc.integer({ min: 5, max: 60 }),
		buyersHere: fc.integer({ min: 0, max: 3 }),
		buyersElsewhere: fc.integer({ min: 0, max: 3 }),
		adds: fc.boolean(),
		ordersLateMs: fc.integer({ min: 0, max: 20_000 }),
		seed: seeds,
	});
	let writes = 0;
	fc.assert(
		fc.property(days, (day) => {
			const world = play(day);
			expect(world.counted).toBe(world.truth);
			expect(Math.max(0, world.figure)).toBe(Math.max(0, world.truth));
			expect(world.listing).toMatchObject({ unseen: 0, dirtySince: null });
			writes += world.writes;
		}),
		{
			numRuns: 4_000,
			// An own order between the last reading and its judgement: the figure stayed one too low.
			examples: [[{ units: 15, seconds: 8, buyersHere: 1, buyersElsewhere: 1, adds: true, ordersLateMs: 0, seed: 1_253_858_452 }]],
		},
	);
	expect(writes).toBeGreaterThan(1_000);
});
