import { createRandom, type Random } from "../../sandbox/random.ts";

/**
 * A week of a merchant whose old way is a sync: every six hours it reads Shopify's figures and, minutes later, sets the store to
 * them. In between the two know nothing of each other. Twelve oversells come of it; every story is one product's, and what is not
 * in these twelve is a day as it should be.
 */
export type Act =
	| { act: "sync-reads" | "sync-writes" }
	| { act: "store-sells"; sku: string; units: number; note?: string; payLater?: boolean; twice?: boolean }
	| { act: "store-pays" | "store-cancels"; note: string }
	| { act: "home-sells"; sku: string; units: number; via?: "pos"; lateMs?: number };
/** `at`: milliseconds since the week began. `rest`: there is time before the next act for everything that is under way to arrive. */
export type TimedAct = Act & { at: number; rest: boolean };

/** Stories in which a live Lockstep would have shown less, and those in which nobody could have. */
export const PREVENTABLE = ["stale", "partly", "given-back", "unfulfillable", "bundle"] as const;
export const UNPREVENTABLE = ["seconds", "pays-later", "heard-late", "till", "at-once", "home-after"] as const;
export const HARMLESS = ["sells-within", "cancels-in-time", "sold-out"] as const;
export type Story = (typeof PREVENTABLE | typeof UNPREVENTABLE | typeof HARMLESS)[number];

export const OVERSELLS = 12;
const LEAST_OF_A_KIND = 3;
const HARMLESS_STORIES = 8;
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
const SYNC_EVERY = 6 * HOUR;
const SYNC_READS_BEFORE = 5 * MINUTE;
const SYNCS = 28;

export type Product = { sku: string; opening: number; story: Story };
export type WeekPlan = { products: Product[]; acts: TimedAct[] };

export function planWeek(seed: number): WeekPlan {
	const random = createRandom(seed).fork("watch week");
	const preventable = random.between(LEAST_OF_A_KIND + 1, OVERSELLS - LEAST_OF_A_KIND - 1);
	const stories = random.shuffle([
		...take(random, PREVENTABLE, preventable),
		...take(random, UNPREVENTABLE, OVERSELLS - preventable),
		...take(random, HARMLESS, HARMLESS_STORIES),
	]);
	// The last window is left to the quiet in which everything arrives.
	const windows = random.shuffle(Array.from({ length: SYNCS - 2 }, (_, n) => n));
	const acts: TimedAct[] = [];
	for (let n = 1; n <= SYNCS; n++) {
		acts.push({ act: "sync-reads", at: n * SYNC_EVERY - SYNC_READS_BEFORE, rest: true });
		acts.push({ act: "sync-writes", at: n * SYNC_EVERY, rest: true });
	}
	const products = stories.map((story, n) => {
		const opening = story === "bundle" ? random.between(2, 3) : random.between(1, 4);
		const product = { sku: `${story.toUpperCase()}-${n}`, opening, story };
		const windowAt = (windows[n] as number) * SYNC_EVERY;
		acts.push(...play(product, { random, from: windowAt + random.between(10, 60) * MINUTE, syncAt: windowAt + SYNC_EVERY }));
		return product;
	});
	return { products, acts: acts.sort((a, b) => a.at - b.at) };
}

/** Each kind once, as far as the number goes, then any. */
const take = <T>(random: Random, kinds: readonly T[], count: number): T[] =>
	[...random.shuffle(kinds), ...Array.from({ length: count }, () => random.pick(kinds))].slice(0, count);

function play({ sku, opening, story }: Product, { random, from, syncAt }: { random: Random; from: number; syncAt: number }): TimedAct[] {
	const all = { sku, units: opening };
	const one = { sku, units: 1 };
	const later = from + random.between(1, 180) * MINUTE;
	const soon = from + random.between(1, 6) * SECOND;
	switch (story) {
		case "stale":
			return [
				{ act: "home-sells", ...all, at: from, rest: true, ...(random.chance(0.3) ? { via: "pos" } : {}) },
				{ act: "store-sells", ...one, at: later, rest: true },
			];
		case "partly":
			// One is left, and the buyer takes all that the store still shows.
			if (opening === 1) return play({ sku, opening, story: "stale" }, { random, from, syncAt });
			return [
				{ act: "home-sells", sku, units: opening - 1, at: from, rest: true },
				{ act: "store-sells", sku, units: random.between(2, opening), at: later, rest: true },
			];
		case "given-back":
			// The sync has read the figure before the store sold, and writes it after.
			return [
				{ act: "store-sells", ...all, at: syncAt - SYNC_READS_BEFORE + MINUTE, rest: true },
				{ act: "store-sells", ...one, at: syncAt + random.between(2, 60) * MINUTE, rest: true },
			];
		case "unfulfillable":
			return [
				{ act: "home-sells", ...all, at: from, rest: true },
				{ act: "store-sells", ...one, at: later, rest: true, note: sku },
				{ act: "store-cancels", at: later + random.between(1, 10) * HOUR, rest: true, note: sku },
			];
		case "bundle":
			// A set takes two of its part: of three or two that makes one set, and one part fewer makes none.
			return [
				{ act: "home-sells", sku: `${sku}-PART`, units: 2, at: from, rest: true },
				{ act: "store-sells", ...one, at: later, rest: true },
			];
		case "seconds":
			return [
				{ act: "home-sells", ...all, at: from, rest: false },
				{ act: "store-sells", ...one, at: soon, rest: true },
			];
		case "pays-later":
			return [
				{ act: "store-sells", ...one, at: from, rest: true, note: sku, payLater: true },
				{ act: "home-sells", ...all, at: from + random.between(1, 10) * MINUTE, rest: true },
				{ act: "store-pays", at: from + random.between(15, 40) * MINUTE, rest: true, note: sku },
			];
		case "heard-late":
			return [
				{ act: "home-sells", ...all, at: from, rest: false, lateMs: 25 * MINUTE },
				{ act: "store-sells", ...one, at: from + random.between(2, 20) * MINUTE, rest: true },
			];
		case "till":
			// Nothing of it is sold anywhere else: staff sells at the till what the system says is not there.
			return [
				{ act: "home-sells", ...all, at: from, rest: true },
				{ act: "home-sells", ...one, at: later, rest: true, via: "pos" },
			];
		case "at-once":
			return [
				{ act: "home-sells", sku, units: opening - 1, at: from, rest: true },
				{ act: "store-sells", ...one, at: syncAt + MINUTE, rest: true, twice: true },
			];
		case "home-after":
			return [
				{ act: "store-sells", ...one, at: from, rest: false },
				{ act: "home-sells", ...all, at: soon, rest: true },
			];
		case "sells-within":
			return [
				{ act: "home-sells", sku, units: opening - 1, at: from, rest: true },
				{ act: "store-sells", ...one, at: later, rest: true },
			];
		case "cancels-in-time":
			return [
				{ act: "store-sells", ...all, at: from, rest: true, note: sku },
				{ act: "store-cancels", at: from + 10 * MINUTE, rest: true, note: sku },
				{ act: "home-sells", ...all, at: syncAt + HOUR, rest: true },
			];
		case "sold-out":
			return [{ act: "home-sells", ...all, at: from, rest: true }];
	}
}
