import type { BulkListing, BulkQuantity } from "#app/backfill/index.ts";
import { policySchema } from "#domain";
import { sayRule } from "../../components/rule-words.ts";
import { number } from "../../components/words.ts";
import type { BulkLine } from "./bulk.ts";

const RESULTS: Readonly<Record<string, string>> = {
	...{ waiting: "waits", sent: "on its way", moved: "done", written: "done", done: "done" },
	...{ same: "no change", problem: "left out: see what is wrong", left: "not done: cancelled" },
};

const signed = (units: number) => `${units > 0 ? "+" : units < 0 ? "−" : ""}${number(Math.abs(units))}`;

export function sayQuantity(line: BulkQuantity): BulkLine {
	const { from, to, units, made } = line;
	const missing = made === null ? 0 : Math.abs(units) - Math.abs(made);
	const result = made === null || line.state === "same" ? (RESULTS[line.state] ?? line.state) : `${signed(made)} done`;
	return {
		key: `stock-${line.itemId}-${line.locationId}`,
		line: line.line,
		...{ sku: line.sku, product: line.product, where: line.location, what: "Quantity" as const },
		from: from === null ? "" : number(from),
		to: from === null || to === null ? signed(units) : number(to),
		result: missing > 0 ? `${result}, ${number(missing)} were not there any more` : result,
	};
}

/** A line for each thing that changes of the listing. */
export function sayListing(line: BulkListing, channel: string): BulkLine[] {
	const common = { line: line.line, sku: line.sku, product: line.product, where: channel, result: RESULTS[line.state] ?? line.state };
	const key = `listing-${line.listingId}`;
	return [
		...(line.setsLink
			? [{ ...common, key: `${key}-link`, what: "Linked" as const, from: line.linkedTo ? "" : "linked", to: line.linkedTo ?? "not linked" }]
			: []),
		...(line.setsPolicy
			? [{ ...common, key: `${key}-rule`, what: "Rule" as const, from: sayPolicy(line.before), to: sayPolicy(line.policy) }]
			: []),
		...(line.paused === null
			? []
			: [{ ...common, key: `${key}-pause`, what: "Paused" as const, from: "", to: line.paused ? "paused" : "goes on" }]),
	];
}

function sayPolicy(value: unknown): string {
	if (value === null || value === undefined) return "the channel's rule";
	const read = policySchema.safeParse(value);
	return read.success ? sayRule(read.data) : "a rule of an older release";
}
