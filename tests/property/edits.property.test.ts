import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editKey, type Verdict } from "../../app/apply/decide/state.ts";
import { applyModel, expectBooksBalance, HOME, netOf } from "./apply-model.ts";
import { type Action, act, action, BASE, ITEMS, item, LOCATIONS, place, type Run, settle, start } from "./home-day.ts";

/**
 * The same day as of the readings' tests, and bulk changes in between: a figure is read from a file at one moment, moved at a later one,
 * its message comes twice, and it is taken back at any moment after. What is sold meanwhile is kept, whatever comes first.
 */
const step = fc.oneof(
	{ weight: 24, arbitrary: action.map((it) => ({ do: "day" as const, it })) },
	{
		weight: 8,
		arbitrary: fc.record({ do: fc.constant("plan" as const), item, place, to: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 })) }),
	},
	{ weight: 8, arbitrary: fc.record({ do: fc.constant("move" as const), which: fc.nat(20), again: fc.boolean() }) },
	{ weight: 4, arbitrary: fc.record({ do: fc.constant("take back" as const), which: fc.nat(20) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

type Line = { changeId: number; item: number; place: number; units: number; made: number | null; tookBack: boolean };
type Day = { run: Run; lines: Line[]; nothingLeft: number; again: number; tookBack: number };

const begin = (): Day => ({ run: start(), lines: [], nothingLeft: 0, again: 0, tookBack: 0 });

const owedUnits = (run: Run) => [...run.state.oversells.values()].reduce((sum, o) => sum + o.units, 0);

/** One line's event, as the runner sends it. */
function send(day: Day, line: Line): Verdict | undefined {
	const { state, home } = day.run;
	const edit = { changeId: line.changeId, itemId: 100 + line.item, locationId: 10 + line.place };
	if (!state.edits.get(editKey(edit))) {
		state.edits.set(editKey(edit), { ...edit, made: null });
		state.edits.keep();
	}
	const before = { net: netOf(day.run.state, line.item, line.place), owed: owedUnits(day.run), made: state.edits.get(editKey(edit))?.made };
	const [verdict] = applyModel(state, BASE + home.now, [
		{ connectionId: HOME, source: "app", event: { v: 1, type: "stock.edit", ...edit, units: line.units } },
	]);
	const made = state.edits.get(editKey(edit))?.made ?? null;
	const after = netOf(day.run.state, line.item, line.place);
	// It counts once, moves no more than was asked for and than is there, and makes no order owed.
	expect(after - before.net).toBe(before.made === null ? made : 0);
	expect(Math.sign(made ?? 0) * Math.sign(line.units)).toBeGreaterThanOrEqual(0);
	expect(Math.abs(made ?? 0)).toBeLessThanOrEqual(Math.abs(line.units));
	expect(after).toBeGreaterThanOrEqual(Math.min(0, before.net));
	expect(owedUnits(day.run)).toBe(before.owed);
	if (made !== line.units) day.nothingLeft++;
	line.made = made;
	return verdict;
}

function play(day: Day, one: Step): void {
	const open = day.lines.filter(({ made }) => made === null);
	const moved = day.lines.filter(({ made, tookBack }) => made !== null && made !== 0 && !tookBack);
	switch (one.do) {
		case "day":
			act(day.run, one.it);
			break;
		case "plan": {
			const units = one.to - netOf(day.run.state, one.item, one.place);
			if (units !== 0)
				day.lines.push({ changeId: day.lines.length + 1, item: one.item, place: one.place, units, made: null, tookBack: false });
			break;
		}
		case "move": {
			const lines = one.again ? day.lines.filter(({ made }) => made !== null) : open;
			const line = lines[one.which % Math.max(1, lines.length)];
			if (!line) return;
			const known = line.made;
			const verdict = send(day, line);
			if (known === null) return;
			day.again++;
			expect([verdict?.outcome, line.made]).toEqual(["ignored", known]);
			break;
		}
		case "take back": {
			const line = moved[one.which % Math.max(1, moved.length)];
			if (!line) return;
			line.tookBack = true;
			day.tookBack++;
			const back = { ...line, changeId: day.lines.length + 1, units: -(line.made ?? 0), made: null, tookBack: true };
			day.lines.push(back);
			send(day, back);
		}
	}
}

const runs = { numRuns: Number(process.env["FC_RUNS"] ?? 300) };
const steps = fc.array(step, { minLength: 8, maxLength: 60 });
const everywhere = function* () {
	for (let i = 0; i < ITEMS; i++) for (let l = 0; l < LOCATIONS; l++) yield [i, l] as const;
};

describe("stock that bulk changes move", () => {
	it("R10 R27 between sales, readings and cancellations, in the end our stock is home's own and every movement has its reason", () => {
		const seen = { nothingLeft: 0, again: 0, tookBack: 0 };
		fc.assert(
			fc.property(steps, (all) => {
				const day = begin();
				for (const one of all) {
					play(day, one);
					expectBooksBalance(day.run.state);
				}
				settle(day.run);
				for (const [i, l] of everywhere())
					expect([i, l, netOf(day.run.state, i, l)]).toEqual([i, l, day.run.home.levels.get(`${i}:${l}`)?.quantity]);
				expectBooksBalance(day.run.state);
				const moved = day.run.state.movements.filter(({ cause }) => cause === "edit").reduce((sum, { delta }) => sum + delta, 0);
				expect(moved).toBe(day.lines.reduce((sum, { made }) => sum + (made ?? 0), 0));
				for (const key of ["nothingLeft", "again", "tookBack"] as const) seen[key] += day[key];
			}),
			runs,
		);
		for (const count of Object.values(seen)) expect(count).toBeGreaterThan(5);
	});

	it("R27 R45 sales are kept: home ends with what it had, plus what was moved, less what is sold; taken back, as if nothing had been moved", () => {
		const guests: readonly Action["kind"][] = ["guestSale", "guestCancel", "push", "wait"];
		let whole = 0;
		fc.assert(
			fc.property(steps, (all) => {
				const day = begin();
				for (const one of all) if (one.do !== "day" || guests.includes(one.it.kind)) play(day, one);
				for (const line of day.lines.filter(({ made, tookBack }) => made !== null && made !== 0 && !tookBack)) {
					const back = { ...line, changeId: day.lines.length + 1, units: -(line.made ?? 0), made: null, tookBack: true };
					line.tookBack = true;
					day.lines.push(back);
					send(day, back);
				}
				settle(day.run);
				const made = day.lines.reduce((sum, line) => sum + (line.made ?? 0), 0);
				const held = day.run.guestOrders.reduce((sum, order) => sum + order.held, 0);
				const left = [...everywhere()].reduce((sum, [i, l]) => sum + (day.run.home.levels.get(`${i}:${l}`)?.quantity ?? 0), 0);
				expect(left).toBe(8 * ITEMS * LOCATIONS - held + made);
				if (made === 0 && day.tookBack > 0) whole++;
			}),
			runs,
		);
		expect(whole).toBeGreaterThan(20);
	});
});
