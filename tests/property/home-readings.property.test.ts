import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectBooksBalance, netOf } from "./apply-model.ts";
import { type Action, act, action, ITEMS, LOCATIONS, settle, start } from "./home-day.ts";
import type { Way } from "./home-model.ts";

/**
 * Home sells, edits, reserves, moves and cancels; a guest sells too; messages are lost, late, doubled and out of order, our
 * writes to home are slow and echo back. Once all is quiet, our stock is home's own, location by location.
 */
describe("home readings", () => {
	it("R06 R07 R09 R10 R20 once quiet, our stock is home's own at every location, whatever was lost, late, doubled or reordered", () => {
		const covered = new Set<string>();
		fc.assert(
			fc.property(fc.array(action, { minLength: 5, maxLength: 60 }), (actions) => {
				const run = start();
				for (const a of actions) act(run, a);
				settle(run);
				for (let i = 0; i < ITEMS; i++)
					for (let l = 0; l < LOCATIONS; l++)
						expect([i, l, netOf(run.state, i, l)]).toEqual([i, l, run.home.levels.get(`${i}:${l}`)?.quantity]);
				expectBooksBalance(run.state);
				for (const kind of run.seen) covered.add(kind);
			}),
			{ numRuns: Number(process.env["FC_RUNS"] ?? 300), ...(process.env["FC_SEED"] ? { seed: Number(process.env["FC_SEED"]) } : {}) },
		);
		expect([...covered].sort()).toEqual([
			"asked",
			"change",
			"edit",
			"guestCancel",
			"guestSale",
			"homeSale",
			"order asked",
			"pos",
			"push",
			"reroute",
			"transfer",
		]);
	});

	it("R06 R07 R20 where no message is lost, our stock is home's own without asking for more than is overdue", () => {
		const told = (w: Way): Way => ({ ...w, lost: false });
		fc.assert(
			fc.property(fc.array(action, { minLength: 5, maxLength: 60 }), (actions) => {
				const run = start();
				for (const a of actions) {
					const kept = { ...a } as Record<string, unknown>;
					for (const key of ["way", "back", "echo"]) if (kept[key]) kept[key] = told(kept[key] as Way);
					if (kept["ways"])
						kept["ways"] = { order: told((kept["ways"] as { order: Way }).order), level: told((kept["ways"] as { level: Way }).level) };
					act(run, kept as Action);
				}
				settle(run, { blanket: false });
				for (let i = 0; i < ITEMS; i++)
					for (let l = 0; l < LOCATIONS; l++)
						expect([i, l, netOf(run.state, i, l)]).toEqual([i, l, run.home.levels.get(`${i}:${l}`)?.quantity]);
				expectBooksBalance(run.state);
			}),
			{ numRuns: Number(process.env["FC_RUNS"] ?? 300) },
		);
	});

	it("R09 at home the units that guests sold are taken once: home's figure falls by exactly what they hold", () => {
		fc.assert(
			fc.property(fc.array(action, { minLength: 5, maxLength: 40 }), (actions) => {
				const run = start();
				const quiet = actions.filter((a) => a.kind === "guestSale" || a.kind === "guestCancel" || a.kind === "push" || a.kind === "wait");
				for (const a of quiet) act(run, a);
				settle(run);
				for (let i = 0; i < ITEMS; i++) {
					const held = run.guestOrders.filter((o) => o.item === i).reduce((sum, o) => sum + o.held, 0);
					const left = Array.from({ length: LOCATIONS }, (_, l) => run.home.levels.get(`${i}:${l}`)?.quantity ?? 0).reduce(
						(a, b) => a + b,
						0,
					);
					expect(left).toBe(8 * LOCATIONS - held);
				}
			}),
			{ numRuns: 200 },
		);
	});
});
