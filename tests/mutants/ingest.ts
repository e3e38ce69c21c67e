import type { Mutant } from "./mutant.ts";

/** In: any sender's message is verified, durable, acknowledged, once. */
export const ingest: Mutant[] = [
	{
		name: "any signature is good",
		file: "app/ingest/verify.ts",
		from: "if (expected.length === presented.length && timingSafeEqual(expected, presented)) signed = true;",
		to: "signed = true;",
		tests: ["app/ingest/verify.test.ts"],
	},
	{
		name: "the parsed body is verified instead of the raw bytes",
		file: "app/ingest/verify.ts",
		from: ".update(body)",
		to: ".update(JSON.stringify(JSON.parse(String(body))))",
		tests: ["app/ingest/verify.test.ts"],
	},
	{
		name: "delivery keys without ON CONFLICT",
		file: "app/inbox/append-events.ts",
		from: "  ON CONFLICT DO NOTHING\n",
		to: "",
		tests: ["app/inbox/inbox.test.ts"],
	},
	{
		name: "a delivery is acknowledged before it is committed",
		file: "app/ingest/group-commit.ts",
		from: "		const outcomes = await commitUnits(append, batch);",
		to: "		const outcomes = batch.map(() => ({ outcome: 'committed' as const, inserted: 1 })); void commitUnits(append, batch);",
		tests: ["app/ingest/group-commit.test.ts"],
	},
	{
		name: "queues: what was not committed is removed",
		file: "app/ingest/pull/take-batch.ts",
		from: 'done: read.filter(({ outcome }) => outcome !== "left").map',
		to: "done: read.map",
		tests: ["app/ingest/pull/pull.test.ts"],
	},
	{
		name: "queues: received although the database is away",
		file: "app/ingest/pull/pull-queue.ts",
		from: "if (databaseFailed) await deps.probe();",
		to: "",
		tests: ["app/ingest/pull/pull.test.ts"],
	},
	{
		name: "queues: a stranger's message goes to whoever left",
		file: "app/ingest/senders.ts",
		from: "AND state <> 'disconnected' AND NOT is_home",
		to: "AND NOT is_home ORDER BY id DESC LIMIT 1",
		tests: ["app/ingest/pull/pull.test.ts"],
	},
];
