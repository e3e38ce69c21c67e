import { cpus } from "node:os";

/** One comparison: the same work done two ways, interleaved in one run, so that a noisy machine is noisy for both. */
export type Bench = {
	name: string;
	/** What the ratio means, in a sentence. */
	question: string;
	/** Absolute floor in ms: a pair whose faster side is below it measures the clock, not the work. */
	floorMs: number;
	pairs: number;
	ours: (pair: number) => Promise<number>;
	theirs: (pair: number) => Promise<number>;
	close?: () => Promise<void>;
};

export type BenchReport = {
	name: string;
	question: string;
	pairs: number;
	/** Median over the pairs of theirs ÷ ours: above 1 means that ours is faster. */
	ratio: number;
	ratios: number[];
	ours_ms: number[];
	theirs_ms: number[];
	valid: boolean;
	extra?: Record<string, unknown>;
};

/** Runs the pairs, swapping who goes first, after one unmeasured round of each. */
export async function runBench(bench: Bench): Promise<BenchReport> {
	await bench.ours(-1);
	await bench.theirs(-2);
	const ours: number[] = [];
	const theirs: number[] = [];
	for (let pair = 0; pair < bench.pairs; pair++) {
		if (pair % 2 === 0) {
			ours.push(await bench.ours(pair));
			theirs.push(await bench.theirs(pair));
		} else {
			theirs.push(await bench.theirs(pair));
			ours.push(await bench.ours(pair));
		}
	}
	const ratios = ours.map((value, n) => (theirs[n] as number) / value);
	return {
		name: bench.name,
		question: bench.question,
		pairs: bench.pairs,
		ratio: round(median(ratios)),
		ratios: ratios.map(round),
		ours_ms: ours.map(round),
		theirs_ms: theirs.map(round),
		valid: Math.min(...ours, ...theirs) >= bench.floorMs,
	};
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
	const started = performance.now();
	await work();
	return performance.now() - started;
}

export const median = (values: readonly number[]): number => {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	return sorted.length % 2 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};
const round = (value: number) => Math.round(value * 100) / 100;

export const machine = () => ({ cpus: cpus().length, model: cpus()[0]?.model ?? "unknown", node: process.version });
