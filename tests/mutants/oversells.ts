import type { Mutant } from "./mutant.ts";

/** What is owed, and the ways out of it. */
export const oversells: Mutant[] = [
	{
		name: "two presses are the same press",
		file: "app/oversells/decide.ts",
		from: "wish.press}`;",
		to: "wish.actor}`;",
		tests: ["app/oversells/oversells.test.ts"],
	},
	{
		name: "a cancellation without an answer is sent again",
		file: "app/oversells/cancel.ts",
		from: "if (left && error.outcomeUnknown)",
		to: "if (false)",
		tests: ["tests/pipeline/oversells.test.ts"],
	},
	{
		name: "a channel that had the zero when the buyer ordered is called slow",
		file: "app/oversells/why.ts",
		from: "told.takenAt <= placedAt",
		to: "told.takenAt < placedAt",
		tests: ["app/oversells/why.test.ts"],
	},
	{
		name: "a bulk change that was rolled back is the reason why an order is owed",
		file: "app/oversells/evidence.ts",
		from: "m.cause IN ('home', 'edit') AND EXISTS",
		to: "m.cause = 'home' AND EXISTS",
		tests: ["app/oversells/evidence.test.ts"],
	},
];
