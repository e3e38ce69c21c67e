import type { Mutant } from "./mutant.ts";

/** Trying failures again. */
export const replay: Mutant[] = [
	{
		name: "a press that is sent twice begins two runs",
		file: "app/replay/ask.ts",
		from: '\t\tif (row) return { outcome: "asked", runId: row.id, failures: row.total };\n',
		to: "\t\tpress += Math.random();\n",
		tests: ["app/replay/replay.test.ts"],
	},
	{
		name: "trying all again takes in what failed after it was counted",
		file: "app/replay/ask.ts",
		from: "`d.id <= $${values.push(chosen.throughId)}`",
		to: "`d.id <= 1000000000 + $${values.push(chosen.throughId)}`",
		tests: ["app/replay/replay.test.ts"],
	},
	{
		name: "trying again goes ahead of a channel's own traffic",
		file: "app/replay/begin.ts",
		from: "LISTINGS_WAITING_MAX - waiting,",
		to: "LISTINGS_WAITING_MAX,",
		tests: ["app/replay/replay.test.ts"],
	},
	{
		name: "a run that is paused goes on",
		file: "app/replay/decide.ts",
		from: '\tpause: "paused_at = clock_timestamp()",',
		to: '\tpause: "paused_at = NULL",',
		tests: ["app/replay/replay.test.ts"],
	},
	{
		name: "a cancelled run does the rest all the same",
		file: "app/replay/run.ts",
		from: "\t\t\tif (open.cancelled) await leaveAlone(",
		to: "\t\t\tif (open.cancelled && open.paused) await leaveAlone(",
		tests: ["app/replay/replay.test.ts"],
	},
	{
		name: "what was set aside once more is said to have succeeded",
		file: "app/replay/settle.ts",
		from: "WHEN l.parked THEN 'failed' END",
		to: "WHEN l.parked THEN 'succeeded' END",
		tests: ["app/replay/replay.test.ts"],
	},
	{
		name: "a failure of which home is owed nothing any more waits for ever",
		file: "app/replay/settle.ts",
		from: "THEN 'nothing'",
		to: "THEN NULL",
		tests: ["app/replay/replay.test.ts"],
	},
	{
		name: "a message that is only looked at again is said to have failed",
		file: "app/replay/settle.ts",
		from: "WHEN e.outcome = 'look-again' AND (",
		to: "WHEN false AND (",
		tests: ["app/pages/failed/link-failure.test.ts"],
	},
];
