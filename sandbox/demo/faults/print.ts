import { ms, table } from "../table.ts";
import type { FaultsReport } from "./play-faults.ts";
import { FAULTY_STORES, HEALTHY } from "./stores.ts";

const nameOf = (id: string) => FAULTY_STORES.find((store) => store.id === id)?.name ?? "Shopify";

export function printFaults(report: FaultsReport, write: (line: string) => void): void {
	write("");
	write(
		table(
			["Without trouble themselves", ...report.pairs.map((_, n) => `pair ${n + 1}: p99 without, with`), "Ratio (median)"],
			HEALTHY.map((id) => [
				nameOf(id),
				...report.pairs.map((pair) => `${ms(pair.without[id]?.p99 ?? 0)}, ${ms(pair.with[id]?.p99 ?? 0)}`),
				String(report.median_ratio[id]),
			]),
		),
	);
	write("");
	write(
		table(
			["In trouble", "Seconds", "Calls meanwhile", "Forbidden", "What is forbidden"],
			(report.pairs.at(-1)?.troubles ?? []).map(({ store, seconds, calls, forbidden, why }) => [
				nameOf(store),
				seconds,
				calls,
				forbidden,
				why,
			]),
		),
	);
	write("");
	write(
		table(
			["Afterwards", "In step", "API calls", "Rules broken"],
			report.channels.map(({ id, in_step, out_of_step, calls, violations }) => [
				nameOf(id),
				in_step ? "yes" : `no (${out_of_step})`,
				calls,
				violations,
			]),
		),
	);
	for (const { store, which } of report.pairs.flatMap(({ troubles }) => troubles))
		for (const call of which) write(`Forbidden at ${nameOf(store)}: ${call}`);
	for (const { id, broken_rules } of report.channels) for (const rule of broken_rules) write(`Rule broken at ${id}: ${rule}`);
	const { failures, double_counted, missed } = report;
	write("");
	write(
		`${double_counted} counted twice, ${missed} missed. The store refuses ${failures.refused_by_store.length} products, ${failures.listed.length} failed updates are listed: ${failures.exactly ? "exactly those" : `not the same (${failures.listed.join(", ")})`}.`,
	);
	write("Every figure but the list of failed updates is from the sandbox's own books, not from the app.");
}
