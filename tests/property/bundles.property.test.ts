import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderKey } from "../../app/apply/decide/state.ts";
import { expectBooksBalance, GUEST, netOf } from "./apply-model.ts";
import { day, play } from "./bundle-day.ts";
import { ITEMS, itemId, LOCATIONS, OPENING, type Run, settle } from "./bundle-shop.ts";
import { change } from "./shop-model.ts";

const runs = {
	numRuns: Number(process.env["FC_RUNS"] ?? 400),
	...(process.env["FC_SEED"] ? { seed: Number(process.env["FC_SEED"]) } : {}),
};
describe("orders of bundles", () => {
	it("R06 R07 R12 R14 once quiet, stock is the opening less what each line holds along its stored allocation, and every listing shows its policy's figure", () => {
		const covered = new Map<string, number>();
		fc.assert(
			fc.property(day, (given) => {
				const run = play(given);
				expectAllRight(run);
				for (const what of run.seen) covered.set(what, (covered.get(what) ?? 0) + 1);
			}),
			runs,
		);
		// A generator that no longer makes these proves nothing of them.
		const needed = [
			...[
				"sale",
				"edit up",
				"partial cancel",
				"line added",
				"line removed",
				"refund with restock",
				"refund without restock",
				"cancel",
				"complete",
			],
			...["equal stamp", "look-again", "asked", "stale", "same", "overlapping fetches", "bundle sold", "shared component in one order"],
			...["bundle changed", "link changed", "oversold", "old-order", "baseline", "baseline given back"],
			...["old order: cancel", "old order: complete", "old order: refund with restock", "old order: refund without restock"],
		];
		expect(needed.filter((what) => (covered.get(what) ?? 0) < runs.numRuns / 50)).toEqual([]);
	});

	it("R07 R14 when every order is cancelled in the end, all that we counted is back, whatever bundles are made of by then", () => {
		fc.assert(
			fc.property(day, (given) => {
				const run = play(given);
				for (const order of run.shop.orders) {
					run.shop.now += 1_500;
					change(run.shop, order, (o) => {
						o.cancelled = true;
						for (const line of o.lines) line.held = 0;
					});
				}
				settle(run);
				expectAllRight(run);
				for (let item = 0; item < ITEMS; item++) {
					const net = Array.from({ length: LOCATIONS }, (_, l) => netOf(run.state, item, l)).reduce((a, b) => a + b, 0);
					expect([item, net]).toEqual([item, OPENING * LOCATIONS + (run.baselineBack[item] ?? 0)]);
				}
			}),
			{ ...runs, numRuns: Math.ceil(runs.numRuns / 2) },
		);
	});
});

function expectAllRight(run: Run): void {
	const { state, shop } = run;
	for (const order of shop.orders) {
		const known = state.orders.get(orderKey(GUEST, order.id));
		for (const line of known?.lines.values() ?? []) {
			const held = order.lines.find((l) => l.id === line.lineId)?.held ?? 0;
			expect([order.id, line.lineId, line.held]).toEqual([order.id, line.lineId, held]);
		}
		for (const line of order.lines)
			if (line.held !== 0) expect([order.id, line.id, known?.lines.get(line.id)?.held]).toEqual([order.id, line.id, line.held]);
	}
	const total = (item: number) => Array.from({ length: LOCATIONS }, (_, l) => netOf(state, item, l)).reduce((a, b) => a + b, 0);
	for (let item = 0; item < ITEMS; item++) {
		const taken = [...run.taken.values()].reduce((sum, of) => sum + (of.get(itemId(item)) ?? 0), 0);
		const stored = [...state.orders.values()].flatMap((o) => [...o.lines.values()]).flatMap((l) => l.allocations);
		expect([item, stored.filter((a) => a.itemId === itemId(item)).reduce((sum, a) => sum + a.quantity, 0)]).toEqual([item, taken]);
		expect([item, total(item)]).toEqual([item, OPENING * LOCATIONS - taken + (run.baselineBack[item] ?? 0)]);
		// Nothing that is owed is hidden, and nothing is owed twice: open oversells are exactly what is short.
		const short = Array.from({ length: LOCATIONS }, (_, l) => Math.max(0, -netOf(state, item, l))).reduce((a, b) => a + b, 0);
		const open = [...state.oversells.values()]
			.filter((o) => o.itemId === itemId(item) && o.state === "open")
			.reduce((sum, o) => sum + o.units - o.covered, 0);
		expect([item, "open oversells", open]).toEqual([item, "open oversells", short]);
		if (short > 0) run.seen.add("oversold");
	}
	for (const listing of state.listings.values()) {
		const parts = state.components.get(listing.itemId) ?? [{ itemId: listing.itemId, quantity: 1 }];
		const sellable = Math.max(0, Math.min(...parts.map((p) => Math.floor(total(p.itemId - 100) / p.quantity))));
		expect([listing.externalId, listing.desired]).toEqual([listing.externalId, run.policy.shows(sellable)]);
	}
	expectBooksBalance(state);
	expect(new Set(state.movements.map((m) => m.sourceKey)).size).toBe(state.movements.length);
	expect(state.complaints).toEqual([]);
}
