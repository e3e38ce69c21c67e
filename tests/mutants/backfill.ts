import type { Mutant } from "./mutant.ts";

/** Many changes at once that somebody wants. */
export const backfill: Mutant[] = [
	{
		name: "bulk change: what is not live yet goes live by resuming all",
		file: "app/backfill/ask.ts",
		from: "AND l.paused <> $5 AND l.paused_reason IS DISTINCT FROM $6`",
		to: "AND l.paused <> $5 AND $6 <> ''`",
		tests: ["app/backfill/bulk.test.ts"],
	},
	{
		name: "a roll back takes what was wanted instead of what was moved",
		file: "app/backfill/ask.ts",
		from: "item_id, location_id, -made FROM",
		to: "item_id, location_id, -units FROM",
		tests: ["app/backfill/sets.test.ts"],
	},
	{
		name: "of two lines of a file that contradict each other the first one counts",
		file: "app/backfill/file/save-lines.ts",
		from: "if (!wrong.has(other)) wrong.set(other, reason(line));",
		to: "",
		tests: ["app/backfill/sets.test.ts"],
	},
	{
		name: "a file with a zero where units are owed covers them",
		file: "app/backfill/file/settle-line.ts",
		from: "quantity.to === Math.max(0, seen) ? 0",
		to: "quantity.to === seen ? 0",
		tests: ["app/backfill/file/file.test.ts"],
	},
	{
		name: "lines with something wrong are left out unasked",
		file: "app/backfill/decide.ts",
		from: "if (draft.problems > 0 && !leaveOut)",
		to: "if (draft.problems < 0 && !leaveOut)",
		tests: ["app/backfill/sets.test.ts"],
	},
];
