/** Seeded randomness (mulberry32), so that the same seed plays the same day again. */
export type Random = {
	/** A number in [0, 1). */
	next(): number;
	/** A whole number in [low, high], both included. */
	between(low: number, high: number): number;
	chance(probability: number): boolean;
	pick<T>(from: readonly T[]): T;
	shuffle<T>(list: readonly T[]): T[];
	/** An independent stream with its own seed, so that one actor's draws never shift another's. */
	fork(name: string): Random;
};

export function createRandom(seed: number): Random {
	let state = seed >>> 0;
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
	return {
		next,
		between,
		chance: (probability) => next() < probability,
		pick: (from) => {
			if (from.length === 0) throw new Error("pick from an empty list");
			return from[between(0, from.length - 1)] as (typeof from)[number];
		},
		shuffle: (list) => {
			const copy = [...list];
			for (let i = copy.length - 1; i > 0; i--) {
				const j = between(0, i);
				[copy[i], copy[j]] = [copy[j] as (typeof copy)[number], copy[i] as (typeof copy)[number]];
			}
			return copy;
		},
		fork: (name) => {
			let hash = seed >>> 0;
			for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 16777619) >>> 0;
			return createRandom(hash);
		},
	};
}
