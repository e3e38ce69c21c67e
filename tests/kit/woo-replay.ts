import type { CallReport } from "../../app/channels/channel.ts";
import { woocommerce } from "../../app/channels/woocommerce/index.ts";
import { createReplay } from "./replay.ts";

export const WOO_KEYS = { consumerKey: `ck_${"1".repeat(40)}`, consumerSecret: `cs_${"2".repeat(40)}` };

/** The store's clock where a test begins, and so many seconds later as a store writes it. */
export const T0 = Date.parse("2026-11-21T10:00:00Z");
export const gmt = (seconds: number) => new Date(T0 + seconds * 1000).toISOString().slice(0, 19);

/** The adapter's client, and a store that answers what it is told to. What is reported and paid is kept. */
export async function openWooReplay() {
	const replay = await createReplay();
	const reports: CallReport[] = [];
	const costs: number[] = [];
	const client = woocommerce.connect({
		account: "store.example",
		credentials: WOO_KEYS,
		onCall: (report) => void reports.push(report),
		beforeCall: async (cost) => void costs.push(cost),
	});
	return {
		replay,
		client,
		reports,
		costs,
		/** As though nothing had been asked; an hour after T0. */
		begin() {
			for (const kept of [replay.requests, reports, costs]) kept.length = 0;
			replay.setDate(new Date(T0 + 3_600_000).toISOString());
		},
	};
}
export type WooReplay = Awaited<ReturnType<typeof openWooReplay>>;

export const collect = async <T>(pages: AsyncIterable<T>): Promise<T[]> => {
	const all: T[] = [];
	for await (const page of pages) all.push(page);
	return all;
};
