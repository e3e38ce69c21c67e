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
		file: "app/backfill/undo.ts",
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
	{
		name: "an order whose message waits is looked at as missing",
		file: "app/backfill/orders/judge-page.ts",
		from: "= r.id AND e.status = 'pending')",
		to: "= r.id AND e.status = 'nothing')",
		tests: ["app/backfill/orders/look.test.ts"],
	},
	{
		name: "the look at a channel's orders says nothing of those that it left out",
		file: "app/backfill/orders/read-orders.ts",
		from: "if (isCut) break;",
		to: "if (isCut) return { judged: [...judged.values()], unreadable: unreadable.size, isCut: false };",
		tests: ["app/backfill/orders/look.test.ts"],
	},
	{
		name: "a change under way that is rolled back twice is on record twice",
		file: "app/backfill/roll-back.ts",
		from: "if (change.said) return true;",
		to: "",
		tests: ["app/backfill/roll-back.test.ts"],
	},
	{
		name: "a change that was taken back while it was under way only ends",
		file: "app/backfill/finish.ts",
		from: "if (change.rollBackBy !== null) await",
		to: "if (change.rollBackBy === null && change.entry === -1) await",
		tests: ["app/backfill/roll-back.test.ts"],
	},
];
