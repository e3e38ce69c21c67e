import type { Books } from "../books.ts";

/**
 * Verdicts, computed from the sandbox's own books and the stand-ins' own figures, never from what a program in between says.
 */
export type ChannelVerdict = {
	id: string;
	in_step: boolean;
	out_of_step: number;
	lag_ms: { p50: number; p99: number };
	/** Of it the channel's own share: until its webhook was delivered. */
	own_lag_ms: { p50: number; p99: number };
	calls: number;
	listings: number;
	violations: number;
	/** Which ones: each rule with what was told of it last. */
	broken_rules: string[];
};

export function percentile(values: readonly number[], p: number): number {
	if (values.length === 0) return 0;
	const sorted = [...values].sort((a, b) => a - b);
	return Math.round(sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] as number);
}

export const spread = (values: readonly number[]) => ({ p50: percentile(values, 50), p99: percentile(values, 99) });

export function judgeChannel(
	books: Books,
	channel: string,
	{ listings, soldBy }: { listings: number; soldBy: readonly string[] },
): ChannelVerdict {
	const wrong = books.outOfStep(channel);
	// The share of the others' channels: from a sale there to the delivery of the webhook that tells of it.
	const told = soldBy.filter((seller) => seller !== channel).flatMap((seller) => orderDeliveries(books, seller).map((d) => d.delayMs));
	return {
		id: channel,
		in_step: wrong.length === 0,
		out_of_step: wrong.length,
		lag_ms: spread(books.lagMs(channel)),
		own_lag_ms: spread(told),
		calls: books.calls(channel).length,
		listings,
		violations: books.violations(channel).length,
		broken_rules: [...new Map(books.violations(channel).map(({ rule, detail }) => [rule, `${rule}: ${detail}`])).values()],
	};
}

const orderDeliveries = (books: Books, channel: string) =>
	books.deliveries(channel).filter((d) => /order/.test(d.topic) && d.fate !== "duplicate" && d.fate !== "lost" && d.fate !== "failed");

/** Units that home's figure is too low by (counted twice) and too high by (missed), over all SKUs. */
export function miscounted(books: Books, available: (sku: string) => number): { double: number; missed: number } {
	let double = 0;
	let missed = 0;
	for (const sku of books.skus()) {
		const gap = books.truth(sku) - available(sku);
		if (gap > 0) double += gap;
		else missed -= gap;
	}
	return { double, missed };
}

export function webhookCounts(books: Books): { sent: number; duplicates: number; reordered: number; late: number; lost: number } {
	const count = (fate: string) => books.deliveries().filter((d) => d.fate === fate).length;
	return {
		sent: books.deliveries().filter((d) => d.fate !== "lost").length,
		duplicates: count("duplicate"),
		reordered: count("reordered"),
		late: count("late"),
		lost: count("lost"),
	};
}
