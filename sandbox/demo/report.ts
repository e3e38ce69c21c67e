import type { BaselineResult } from "./baselines.ts";
import type { ChannelVerdict, webhookCounts } from "./judge.ts";
import type { Outside } from "./outside.ts";
import { ms, table } from "./table.ts";

export type DemoReport = {
	seed: number;
	orders: number;
	units: number;
	webhooks: ReturnType<typeof webhookCounts>;
	/** Copies of webhooks that reached the app and were answered, and changed nothing. */
	duplicates_ignored: number;
	double_counted: number;
	missed: number;
	ledger_balanced: boolean;
	channels: ChannelVerdict[];
	acts: {
		ample: { sold: number; oversold_units: number };
		scarce: { sold: number; opening: number; oversold_units: number };
	};
	baselines: { polling: BaselineResult; naive: BaselineResult };
	seconds: number;
};

/** A copy that was delivered changed nothing if, in the end, no unit is missing at home. */
export const duplicatesIgnored = (outside: Outside, doubleCounted: number): number =>
	doubleCounted > 0 ? 0 : outside.world.books.deliveries().filter((d) => d.fate === "duplicate" && d.status === 200).length;

/** Home's own figures, SKU by SKU, are what the books say was there, less what was sold, plus what came back and was added. */
export const ledgerBalanced = (outside: Outside): boolean =>
	outside.world.books.skus().every((sku) => outside.available(sku) === outside.world.books.truth(sku));

export function printReport(report: DemoReport, write: (line: string) => void): void {
	const { webhooks: w } = report;
	write("");
	write(
		`${report.orders} orders, ${report.units} units. ${w.sent} webhooks were sent: ${w.duplicates} twice, ${w.reordered} out of order, ${w.late} late; ${w.lost} never came.`,
	);
	write("");
	write(
		table(
			["Channel", "In step", "Lag p50", "Lag p99", "of it the channel's own", "API calls", "Listings", "Rules broken"],
			report.channels.map((c) => [
				c.id,
				c.in_step ? "yes" : `no (${c.out_of_step})`,
				ms(c.lag_ms.p50),
				ms(c.lag_ms.p99),
				`${ms(c.own_lag_ms.p50)} / ${ms(c.own_lag_ms.p99)}`,
				c.calls,
				c.listings,
				c.violations,
			]),
		),
	);
	for (const { id, broken_rules } of report.channels) for (const rule of broken_rules) write(`Rule broken at ${id}: ${rule}`);
	write("");
	const { acts, baselines } = report;
	write(
		table(
			["The same day with", "Oversold units", "of them the last units", "Counted twice", "Missed"],
			[
				[
					"Lockstep",
					acts.ample.oversold_units + acts.scarce.oversold_units,
					acts.scarce.oversold_units,
					report.double_counted,
					report.missed,
				],
				[
					"a sync every 15 minutes",
					baselines.polling.oversold_units,
					baselines.polling.scarce_oversold_units,
					baselines.polling.double_counted,
					baselines.polling.missed,
				],
				[
					"a naive webhook handler",
					baselines.naive.oversold_units,
					baselines.naive.scarce_oversold_units,
					baselines.naive.double_counted,
					baselines.naive.missed,
				],
			],
		),
	);
	write("");
	write(
		`Last units: ${acts.scarce.opening} pieces, ${acts.scarce.sold} sold. Every figure is from the sandbox's own books, not from the app.`,
	);
}
