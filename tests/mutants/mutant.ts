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
