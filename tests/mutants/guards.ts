import type { Mutant } from "./mutant.ts";

/** Many changes at once that nobody meant. */
export const guards: Mutant[] = [
	{
		name: "who may operate approves a mass change",
		file: "app/guards/decide-changes.ts",
		from: " AND granted = 'approve' FOR SHARE",
		to: " FOR SHARE",
		tests: ["app/guards/guards.test.ts"],
	},
	{
		name: "an approval pressed twice is on record twice",
		file: "app/guards/decide-changes.ts",
		from: "AND h.state = 'held' AND h.asked IS NULL",
		to: "AND h.state = 'held'",
		tests: ["app/guards/guards.test.ts"],
	},
	{
		name: "a rule takes everything to zero unasked",
		file: "app/guards/rules.ts",
		from: "const empties = zero !== null && toZero > zero;",
		to: "const empties = false;",
		tests: ["app/guards/guards.test.ts"],
	},
];
