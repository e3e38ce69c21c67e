import type { Mutant } from "./mutant.ts";

/** What everything stands on: the database, sealed texts, jobs and their timers. */
export const base: Mutant[] = [
	{
		name: "a wake during a run is dropped",
		file: "app/jobs/queue.ts",
		from: "keepLastIfActive: true",
		to: "keepLastIfActive: false",
		tests: ["app/jobs/queue.test.ts"],
	},
	{
		name: "a sealed text opens in another shop",
		file: "app/crypto.server.ts",
		from: "JSON.stringify([VERSION, keyId, shop, purpose])",
		to: "JSON.stringify([VERSION, keyId, purpose])",
		tests: ["app/crypto.server.test.ts"],
	},
	{
		name: "a swallowed failure inside a transaction counts as a commit",
		file: "app/db.server.ts",
		from: 'if (command !== "COMMIT") throw',
		to: "if (false) throw",
		tests: ["app/db.server.test.ts"],
	},
	{
		name: "an unknown commit is tried again although the work may not happen twice",
		file: "app/db.server.ts",
		from: "(repeatable && error instanceof CommitUnknownError)",
		to: "error instanceof CommitUnknownError",
		tests: ["app/db.server.test.ts"],
	},
	{
		name: "how often orders are read is not the merchant's to choose",
		file: "server/sweep.ts",
		from: "coalesce(c.poll_minutes * 60000, $2::float8)",
		to: "coalesce(NULL::float8, $2::float8)",
		tests: ["server/sweep.test.ts"],
	},
	{
		name: "all connections are polled in the same moment",
		file: "server/sweep.ts",
		from: "(1 - $4::float8 * abs(hashint8(c.id) % 1000) / 1000.0)",
		to: "(1 - 0 * $4::float8)",
		tests: ["server/sweep.test.ts"],
	},
];
