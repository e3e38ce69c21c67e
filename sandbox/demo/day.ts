import { createRandom } from "../random.ts";
import { playBaseline } from "./baselines.ts";
import { judgeChannel, miscounted, webhookCounts } from "./judge.ts";
import type { Outside } from "./outside.ts";
import { planDay } from "./plan.ts";
import { countHotStock, misbehave, playAct } from "./play.ts";
import { type DemoReport, duplicatesIgnored, ledgerBalanced } from "./report.ts";

export type DayOptions = {
	seed: number;
	sales: number;
	channels: readonly string[];
	sellers: readonly string[];
	/** The app's configuration file. */
	toml: string;
	startedAt: number;
	isTerminal: boolean;
	step(what: string): void;
	write(line: string): void;
	/** Resolves when everything is in step, or says what is not. */
	settle(outside: Outside, after: string): Promise<void>;
};

/** Both acts from everything in step until everything is in step again, the same day by two other ways, and the verdicts. */
export async function playOrdinaryDay(outside: Outside, day: DayOptions): Promise<DemoReport> {
	const { world } = outside;
	const { settle, step, write } = day;
	const skus = outside.products.length + outside.bundles.length;
	const acts = planDay(createRandom(day.seed).fork("day"), {
		products: outside.products,
		bundles: outside.bundles,
		sales: day.sales,
		sellers: day.sellers,
	});
	const { books } = world;
	const total = { orders: 0, units: 0 };
	misbehave(outside, day.channels);
	const marks: { from: number; to: number }[] = [];
	for (const act of acts) {
		if (act.hot.length > 0) {
			world.faults.clear();
			await settle(outside, "the first act");
			countHotStock(outside, act);
			await settle(outside, "the count of the last units");
			misbehave(outside, day.channels);
		}
		step(
			act.name === "ample"
				? "Act 1, ample stock: buyers on all channels, cancellations, stock edited by hand"
				: `Act 2, the last units of ${act.hot.length} products that everybody wants`,
		);
		const from = books.mark();
		const played = await playAct(outside, act, (done, all, so) => {
			if (day.isTerminal)
				process.stdout.write(
					`\r        ${done} of ${all}: ${so.orders} orders, ${so.units} units, ${so.refused} sold out, ${books.deliveries().length} webhooks   `,
				);
		});
		if (day.isTerminal) process.stdout.write("\r");
		write(
			`        ${played.orders} orders, ${played.units} units, ${played.refused} times sold out, ${played.cancelled} cancelled, ${played.edits} edits by hand`,
		);
		marks.push({ from, to: books.mark() });
		total.orders += played.orders;
		total.units += played.units;
	}
	world.faults.clear();
	step("Waiting until everything has arrived");
	await settle(outside, "the last act");

	step("The same day with a plain sync, and with a naive handler");
	const same = { seed: day.seed, acts, channels: day.channels, toml: day.toml, atomicCheckout: day.sellers.length === 1 };
	const [polling, naive] = await Promise.all([playBaseline("polling", same), playBaseline("naive", same)]);

	const { double, missed } = miscounted(books, outside.available);
	const [ample, scarce] = marks as [(typeof marks)[number], (typeof marks)[number]];
	const oversold = (part: { from: number; to: number }) =>
		books
			.sales()
			.slice(part.from, part.to)
			.reduce((sum, sale) => sum + sale.shortBy, 0);
	const sold = (part: { from: number; to: number }) =>
		books
			.sales()
			.slice(part.from, part.to)
			.reduce((sum, sale) => sum + sale.units, 0);
	return {
		seed: day.seed,
		...total,
		webhooks: webhookCounts(books),
		duplicates_ignored: duplicatesIgnored(outside, double),
		double_counted: double,
		missed,
		ledger_balanced: ledgerBalanced(outside),
		channels: day.channels.map((id) =>
			judgeChannel(books, id, {
				listings: id === "shopify" ? skus : (outside.markets.find((market) => market.id === id)?.listings() ?? 0),
				soldBy: day.sellers,
			}),
		),
		acts: {
			ample: { sold: sold(ample), oversold_units: oversold(ample) },
			scarce: { sold: sold(scarce), opening: acts[1]?.hot.reduce((sum, h) => sum + h.units, 0) ?? 0, oversold_units: oversold(scarce) },
		},
		baselines: { polling, naive },
		seconds: Math.round((Date.now() - day.startedAt) / 1000),
	};
}
