import { createRandom } from "../../random.ts";
import { judgeChannel, miscounted } from "../judge.ts";
import type { Outside } from "../outside.ts";
import { playAct } from "../play.ts";
import type { App } from "../processes.ts";
import { ledgerBalanced } from "../report.ts";
import { sayOutOfStep, untilInStep } from "../steps.ts";
import { type Bearing, bearings, type Lag, lagsSince } from "./judge.ts";
import { planSteadySales } from "./plan.ts";
import { FAULTY_STORES, HEALTHY, PICKY, PIECES_OF_EACH, SELLERS } from "./stores.ts";
import { breakThings, FAULTY_RUN_MS, REFUSED_PRODUCTS } from "./troubles.ts";

/** A run without faults needs sales enough for a 99th percentile, not five minutes. */
const QUIET_RUN_MS = 100_000;
const SETTLE_MS = 300_000;

export type FaultsReport = {
	seed: number;
	sales: number;
	pairs: {
		without: Record<string, Lag>;
		with: Record<string, Lag>;
		ratio: Record<string, number>;
		troubles: Bearing[];
		seconds_to_recover: number;
	}[];
	/** p99 with faults over p99 without, on the channels that had none: the median over the pairs. */
	median_ratio: Record<string, number>;
	channels: { id: string; in_step: boolean; out_of_step: number; calls: number; violations: number; broken_rules: string[] }[];
	double_counted: number;
	missed: number;
	ledger_balanced: boolean;
	/** What cannot succeed: figures that the picky store refuses. What the app lists as failed is compared with it. */
	failures: { refused_by_store: string[]; listed: string[]; exactly: boolean };
	forbidden_calls: number;
	seconds: number;
};
type Playing = { seed: number; sales: number; pairs: number; step(what: string): void; write(line: string): void };
type Listed = { account: string | null; direction: string; sku: string | null; errorClass: string };

/** Runs without faults and with them in turn, each from everything in step until everything is in step again. */
export async function playFaults(outside: Outside, running: App, playing: Playing): Promise<FaultsReport> {
	const { world, products } = outside;
	const { books } = world;
	const startedAt = Date.now();
	const random = createRandom(playing.seed).fork("faults");
	const sellers = SELLERS.map((id) => {
		const sells = FAULTY_STORES.find((store) => store.id === id)?.sells ?? FAULTY_STORES[0]?.sells ?? 0;
		return { id, skus: products.slice(0, sells).map(({ sku }) => sku) };
	});
	const picky = sellers.find(({ id }) => id === PICKY)?.skus ?? [];
	const refused: string[] = [];
	const mayLag = (channel: string, sku: string) => channel === PICKY && refused.includes(sku);
	const settle = async (after: string) => {
		const from = Date.now();
		const wrong = await untilInStep(outside, { withinMs: SETTLE_MS, mayLag });
		if (wrong.length > 0) playing.step(`Not in step after ${after}: ${sayOutOfStep(wrong)}`);
		return Math.round((Date.now() - from) / 1000);
	};
	const play = async (name: string, lengthMs: number) => {
		const sales = Math.round((playing.sales * lengthMs) / FAULTY_RUN_MS);
		const since = books.mark();
		const played = await playAct(outside, planSteadySales(random.fork(`${name} ${since}`), { sales, lengthMs, sellers }), () => {});
		playing.write(`        ${played.orders} orders, ${played.refused} times sold out`);
		return since;
	};

	const pairs: FaultsReport["pairs"] = [];
	for (let pair = 1; pair <= playing.pairs; pair++) {
		playing.step(`Pair ${pair} of ${playing.pairs}: the shelves are filled`);
		fillShelves(outside, products.slice(0, sellers[0]?.skus.length));
		await settle("the shelves were filled");
		playing.step("Without faults");
		const quiet = await play("quiet", QUIET_RUN_MS);
		await settle("the run without faults");
		const without = lagsSince(books, HEALTHY, quiet);

		playing.step("With faults: one store answers 429, one is down, one answers late, one refuses three products, one revokes its key");
		refused.push(...picky.slice(refused.length, refused.length + REFUSED_PRODUCTS));
		const troubles = breakThings(outside, running, refused);
		const [faulty] = await Promise.all([play("faulty", FAULTY_RUN_MS), troubles.over]);
		playing.step("The faults are over; waiting until everything has arrived");
		const secondsToRecover = await settle("the run with faults");
		const withFaults = lagsSince(books, HEALTHY, faulty);
		const ratio = Object.fromEntries(HEALTHY.map((id) => [id, round((withFaults[id]?.p99 ?? 0) / Math.max(1, without[id]?.p99 ?? 0))]));
		pairs.push({ without, with: withFaults, ratio, troubles: bearings(books, troubles.list), seconds_to_recover: secondsToRecover });
		playing.write(
			`        p99 on ${HEALTHY.map((id) => `${id}: ${without[id]?.p99} ms without, ${withFaults[id]?.p99} ms with faults`).join("; ")}`,
		);
	}

	const wanted = refused.filter((sku) => books.shown(PICKY, sku) !== books.sellable(sku)).toSorted();
	const failures: Listed[] = JSON.parse(await running.run("scripts/failures.ts", []));
	const listed = failures
		.map((one) => (one.account?.startsWith(PICKY) && one.direction === "out" ? (one.sku ?? "") : JSON.stringify(one)))
		.toSorted();
	const channels = ["shopify", ...FAULTY_STORES.map(({ id }) => id)].map((id) => {
		const { calls, violations, broken_rules } = judgeChannel(books, id, { listings: 0, soldBy: [] });
		const wrong = books.outOfStep(id).filter(({ sku }) => !mayLag(id, sku)).length;
		return { id, in_step: wrong === 0, out_of_step: wrong, calls, violations, broken_rules };
	});
	const { double, missed } = miscounted(books, outside.available);
	return {
		seed: playing.seed,
		sales: playing.sales,
		pairs,
		median_ratio: Object.fromEntries(HEALTHY.map((id) => [id, median(pairs.map(({ ratio }) => ratio[id] ?? 0))])),
		channels,
		double_counted: double,
		missed,
		ledger_balanced: ledgerBalanced(outside),
		failures: { refused_by_store: wanted, listed, exactly: wanted.join() === listed.join() },
		forbidden_calls: pairs.flatMap(({ troubles }) => troubles).reduce((sum, { forbidden }) => sum + forbidden, 0),
		seconds: Math.round((Date.now() - startedAt) / 1000),
	};
}

/** The merchant counts, and types the same round figure for each. */
function fillShelves(outside: Outside, products: Outside["products"]): void {
	const [main] = outside.shop.locations();
	if (!main) throw new Error("The shop has no location");
	for (const { sku } of products) outside.shop.editStock({ sku, locationId: main.id, set: PIECES_OF_EACH });
}

const round = (value: number) => Math.round(value * 100) / 100;
const median = (values: readonly number[]) => {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length / 2;
	return round(((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2);
};
