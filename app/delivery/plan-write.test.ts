import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ListingFigures, planWrite } from "./plan-write.ts";

const figures = (some: Partial<ListingFigures>): ListingFigures => ({
	desired: 5,
	shown: 5,
	unseen: 0,
	sent: null,
	applied: false,
	pending: null,
	before: null,
	mayStillLand: false,
	pace: 0,
	ownSalesLower: true,
	...some,
});

describe("what to write over a reading", () => {
	test("R16 the figure that must be shown is written", () => {
		expect(planWrite(figures({ desired: 3 }), 5)).toEqual({ action: "write", quantity: 3, unseen: 0, assumed: 0 });
	});

	test("R20 a channel that shows the right figure gets no call", () => {
		expect(planWrite(figures({ desired: 5 }), 5)).toEqual({ action: "none", unseen: 0 });
	});

	test("R41 units that the channel sold unseen are left out of what is written", () => {
		// Shown 5, one sold elsewhere (desired 4), one sold there that we have not heard of: 4 would give it to buyers again.
		expect(planWrite(figures({ desired: 4 }), 4)).toEqual({ action: "write", quantity: 3, unseen: 1, assumed: 0 });
	});

	test("R41 unseen units of an earlier reading are still left out", () => {
		expect(planWrite(figures({ desired: 4, shown: 3, unseen: 1 }), 2)).toEqual({ action: "none", unseen: 2 });
	});

	test("R41 a channel that owes units to its own buyers is not set to zero", () => {
		expect(planWrite(figures({ desired: 0, shown: 0 }), -2)).toMatchObject({ action: "none" });
	});

	test("R25 a figure that somebody raised is set back, and sales unseen before are not forgotten", () => {
		expect(planWrite(figures({ desired: 5, shown: 4, unseen: 1 }), 9)).toEqual({ action: "write", quantity: 4, unseen: 1, assumed: 0 });
	});

	test("R41 a listing that sells out within a minute is raised when it has sold out, to the unit", () => {
		expect(planWrite(figures({ desired: 8, shown: 3, pace: 1 }), 3)).toEqual({ action: "wait", unseen: 0 });
		expect(planWrite(figures({ desired: 8, shown: 3, pace: 1 }), 0)).toEqual({ action: "write", quantity: 5, unseen: 3, assumed: 0 });
		expect(planWrite(figures({ desired: 9, shown: 7, pace: 1 }), 7)).toEqual({ action: "write", quantity: 9, unseen: 0, assumed: 0 });
	});

	test("R41 a listing that sells out within a minute is lowered by what it probably sells on the way, too", () => {
		expect(planWrite(figures({ desired: 8, shown: 9, pace: 12 }), 9)).toEqual({ action: "write", quantity: 6, unseen: 2, assumed: 2 });
		expect(planWrite(figures({ desired: 1, shown: 9, pace: 12 }), 9)).toEqual({ action: "write", quantity: 0, unseen: 1, assumed: 1 });
		expect(planWrite(figures({ desired: 0, shown: 9, pace: 12 }), 9)).toEqual({ action: "write", quantity: 0, unseen: 0, assumed: 0 });
		expect(planWrite(figures({ desired: 98, shown: 99, pace: 12 }), 99)).toEqual({ action: "write", quantity: 98, unseen: 0, assumed: 0 });
	});

	test("R42 the first reading ever says nothing about sales", () => {
		expect(planWrite(figures({ desired: 5, shown: null }), 2)).toEqual({ action: "write", quantity: 5, unseen: 0, assumed: 0 });
	});

	describe("after a write of unknown outcome", () => {
		test("R18 a lowering that landed is recognised and not sent again", () => {
			expect(planWrite(figures({ desired: 3, shown: 5, sent: 3, mayStillLand: true }), 3)).toEqual({ action: "none", unseen: 0 });
		});

		test("R18 a lowering that has not landed is sent again at once", () => {
			expect(planWrite(figures({ desired: 3, shown: 5, sent: 3, mayStillLand: true }), 5)).toEqual({
				action: "write",
				quantity: 3,
				unseen: 0,
				assumed: 0,
			});
		});

		test("R41 a raise waits until nothing earlier can land any more", () => {
			expect(planWrite(figures({ desired: 9, shown: 5, sent: 4, mayStillLand: true }), 5)).toEqual({ action: "wait", unseen: 0 });
		});

		test("R41 a raise that may have landed and sold out again is taken for that", () => {
			// 3 shown, 10 sent, 3 read: nothing happened, or all seven are sold. Only the second is safe to believe.
			expect(planWrite(figures({ desired: 10, shown: 3, sent: 10 }), 3)).toEqual({ action: "none", unseen: 7 });
		});

		test("R41 sales after a lowering that landed are unseen units", () => {
			expect(planWrite(figures({ desired: 3, shown: 5, sent: 3 }), 2)).toEqual({ action: "none", unseen: 1 });
		});
	});

	test("R41 when orders came while it was read, the larger number of unseen sales counts", () => {
		expect(planWrite(figures({ desired: 3, shown: 4, before: { shown: 5, unseen: 0 } }), 4)).toEqual({
			action: "write",
			quantity: 2,
			unseen: 1,
			assumed: 0,
		});
	});

	test("a channel whose sales do not lower its figure is simply set", () => {
		expect(planWrite(figures({ desired: 5, shown: 7, unseen: 0, ownSalesLower: false }), 6)).toEqual({
			action: "write",
			quantity: 5,
			unseen: 0,
			assumed: 0,
		});
	});
});

describe("whatever happened before", () => {
	const units = fc.integer({ min: 0, max: 30 });

	test("R41 what the channel shows afterwards never holds a unit that it has sold, whether an earlier write landed or not", () => {
		let unknowns = 0;
		fc.assert(
			fc.property(units, units, fc.option(units), fc.boolean(), units, units, (shown, unseen, sent, landed, soldBefore, sold) => {
				// The channel held `shown`; some were sold; perhaps a write landed over that; then more were sold.
				const base = sent !== null && landed ? sent : shown - Math.min(soldBefore, shown);
				const reading = base - Math.min(sold, Math.max(0, base));
				// Sales that an absolute write covered are part of `desired` until their orders come, as always: not this write's doing.
				const trulyUnseen = unseen + (sent !== null && landed ? base - reading : shown - reading);
				// What we show is what we have, less what is sold unseen; a raise only comes from more stock.
				const desired = Math.max(shown, sent ?? 0) + unseen;
				if (sent !== null) unknowns++;
				const plan = planWrite(figures({ desired, shown, unseen, sent }), reading);
				const after = plan.action === "write" ? plan.quantity : reading;
				expect(after).toBeLessThanOrEqual(Math.max(reading, desired - trulyUnseen));
			}),
			{ numRuns: 5_000 },
		);
		expect(unknowns).toBeGreaterThan(1_000);
	});

	test("R20 the figure that was written, read back, needs no second write", () => {
		fc.assert(
			fc.property(units, fc.option(units), units, units, (desired, shown, unseen, reading) => {
				const plan = planWrite(figures({ desired, shown, unseen }), reading);
				if (plan.action !== "write") return;
				const again = planWrite(figures({ desired, shown: plan.quantity, unseen: plan.unseen }), plan.quantity);
				expect(again).toEqual({ action: "none", unseen: plan.unseen });
			}),
		);
	});

	test("R09 nothing below zero and nothing above what we have is ever written", () => {
		fc.assert(
			fc.property(
				units,
				fc.option(units),
				units,
				fc.option(units),
				fc.integer({ min: -30, max: 60 }),
				(desired, shown, unseen, sent, reading) => {
					const plan = planWrite(figures({ desired, shown, unseen, sent }), reading);
					expect(plan.unseen).toBeGreaterThanOrEqual(0);
					if (plan.action === "write") {
						expect(plan.quantity).toBeGreaterThanOrEqual(0);
						expect(plan.quantity).toBeLessThanOrEqual(desired);
					}
				},
			),
		);
	});
});
