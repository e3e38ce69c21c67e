import { cpus, loadavg } from "node:os";

/** Milliseconds that one side took, and whatever else was measured on the way; every figure of `also` is better when smaller. */
export type Measure = number | { ms: number; also: Record<string, number> };

/** One comparison: the same work done two ways, interleaved in one run, so that a noisy machine is noisy for both. */
export type Bench = {
	name: string;
	/** What the ratio means, in a sentence. */
	question: string;
	/** Absolute floor in ms: a pair whose faster side is below it measures the clock, not the work. */
	floorMs: number;
	pairs: number;
	ours: (pair: number) => Promise<Measure>;
	theirs: (pair: number) => Promise<Measure>;
	/** What is wanted of figures of `also`: the median of ours is compared with it. */
	goals?: readonly Goal[];
	close?: () => Promise<void>;
};

export type Goal = { figure: string; atMost: number };

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
	/** Further figures by name, one per pair, with the median of theirs ÷ ours where both sides have them. */
	also: Record<string, { ours: number[]; theirs: number[]; ratio: number | null }>;
	goals: (Goal & { median: number; met: boolean })[];
};

/** Runs the pairs, swapping who goes first, after one unmeasured round of each. `onPair` is told what is known after each. */
export async function runBench(bench: Bench, onPair: (soFar: BenchReport) => Promise<void>): Promise<BenchReport> {
	await bench.ours(-1);
	await bench.theirs(-2);
	const ours: Exclude<Measure, number>[] = [];
	const theirs: Exclude<Measure, number>[] = [];
	for (let pair = 0; pair < bench.pairs; pair++) {
		if (pair % 2 === 0) {
			ours.push(whole(await bench.ours(pair)));
			theirs.push(whole(await bench.theirs(pair)));
		} else {
			theirs.push(whole(await bench.theirs(pair)));
			ours.push(whole(await bench.ours(pair)));
		}
		await onPair(reportOf(bench, ours, theirs));
	}
	return reportOf(bench, ours, theirs);
}

function reportOf(bench: Bench, ours: readonly Exclude<Measure, number>[], theirs: readonly Exclude<Measure, number>[]): BenchReport {
	const ratios = pairwise(
		ours.map((o) => o.ms),
		theirs.map((t) => t.ms),
	);
	const also = alsoOf(ours, theirs);
	return {
		name: bench.name,
		question: bench.question,
		pairs: ours.length,
		ratio: round(median(ratios)),
		ratios: ratios.map(round),
		ours_ms: ours.map((o) => round(o.ms)),
		theirs_ms: theirs.map((t) => round(t.ms)),
		valid: Math.min(...ours.map((o) => o.ms), ...theirs.map((t) => t.ms)) >= bench.floorMs,
		also,
		goals: (bench.goals ?? []).map((goal) => {
			const figure = also[goal.figure];
			if (!figure) throw new Error(`Nothing was measured that is called "${goal.figure}"`);
			const reached = round(median(figure.ours));
			return { ...goal, median: reached, met: reached <= goal.atMost };
		}),
	};
}

function alsoOf(ours: readonly Exclude<Measure, number>[], theirs: readonly Exclude<Measure, number>[]): BenchReport["also"] {
	const names = new Set([...ours, ...theirs].flatMap((measure) => Object.keys(measure.also)));
	const of = (side: readonly Exclude<Measure, number>[], name: string) => side.flatMap((m) => m.also[name] ?? []);
	return Object.fromEntries(
		[...names].map((name) => {
			const [a, b] = [of(ours, name), of(theirs, name)];
			const isBoth = a.length === b.length && a.every((value) => value > 0);
			return [name, { ours: a.map(round), theirs: b.map(round), ratio: isBoth ? round(median(pairwise(a, b))) : null }];
		}),
	);
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
	const started = performance.now();
	await work();
	return performance.now() - started;
}

export const median = (values: readonly number[]): number => percentile(values, 50);

/** The value below which `p` per cent lie; between two of them, their mean at 50 and the upper one elsewhere. */
export function percentile(values: readonly number[], p: number): number {
	const sorted = [...values].sort((a, b) => a - b);
	const place = (sorted.length * p) / 100;
	const upper = sorted[Math.min(sorted.length - 1, Math.floor(place))];
	if (upper === undefined) throw new Error("There is no percentile of nothing");
	if (p === 50 && Number.isInteger(place)) return ((sorted[place - 1] as number) + upper) / 2;
	return upper;
}

const whole = (measure: Measure) => (typeof measure === "number" ? { ms: measure, also: {} } : measure);
const pairwise = (ours: readonly number[], theirs: readonly number[]) => ours.map((value, n) => (theirs[n] as number) / value);
const round = (value: number) => Math.round(value * 100) / 100;

export const machine = () => ({
	cpus: cpus().length,
	model: cpus()[0]?.model ?? "unknown",
	node: process.version,
	load: loadavg().map(round),
});
