import type pg from "pg";
import { drainShop } from "#apply";
import { applyDeps } from "../tests/kit/apply-deps.ts";
import { at, makeShop, order, put } from "../tests/kit/shop.ts";
import { type Bench, timed } from "./harness.ts";

const EVENTS = 1_000;
const PAIRS = 5;

/**
 * A backlog of sales drained in batches, against the same SQL event by event (a batch of one): what one transaction for many
 * events is worth. Each side drains a backlog of its own shop; filling it is not measured.
 */
const applyBench = (pool: pg.Pool, name: string, items: number, question: string): Bench => {
	const drainBacklog = async (batchMax: number, events: number) => {
		const shop = await makeShop(pool, { items, opening: 100_000 });
		await drainShop(applyDeps(pool), shop.shopId);
		const sales = Array.from({ length: events }, (_, n) => order(`${n}`, [{ item: n % items, held: 1 }], { created: at("10:00:00") }));
		for (let start = 0; start < sales.length; start += 500) await put(pool, shop, sales.slice(start, start + 500));
		return timed(async () => {
			for (;;) {
				const drained = await drainShop(applyDeps(pool), shop.shopId, { batchMax });
				if (drained.outcome !== "more") return;
			}
		});
	};
	return {
		name,
		question,
		floorMs: 50,
		pairs: PAIRS,
		ours: () => drainBacklog(500, EVENTS),
		theirs: () => drainBacklog(1, EVENTS),
	};
};

export const hotSku = (pool: pg.Pool) => applyBench(pool, "apply-hot-sku", 1, `${EVENTS} sales of one SKU: one transaction a batch against one an event`);
/** As many SKUs as a shop of 10,000 sells in one backlog of 1,000 sales: each sale another SKU. */
export const manySkus = (pool: pg.Pool) => applyBench(pool, "apply-many-skus", EVENTS, `${EVENTS} sales of as many SKUs: one transaction a batch against one an event`);
