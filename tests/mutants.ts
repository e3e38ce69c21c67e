/** One single-line bug, the way it would slip in, and the tests that must notice it when it is planted alone. */
export type Mutant = {
	/** What is wrong then, in a sentence without a full stop. */
	name: string;
	file: string;
	/** Stands exactly once in the file. */
	from: string;
	to: string;
	/** Files or folders for vitest. */
	tests: string[];
};

/** Bugs that would oversell, lose or leak without anybody noticing. `npm run mutants` plants them one by one. */
export const mutants: Mutant[] = [
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
];
