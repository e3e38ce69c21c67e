import type pg from "pg";
import { drainShop } from "#apply";
import { applyDeps } from "../tests/kit/apply-deps.ts";
import { at, makeShop, order, put, reading, type TestShop } from "../tests/kit/shop.ts";
import { type Bench, timed } from "./harness.ts";

const EVENTS = 500;
const PAIRS = 5;
const SKUS = 10_000;
/** Nothing sells out here. */
const OPENING = 100_000;
const ROWS_AT_ONCE = 500;

/**
 * A backlog of sales drained in batches, against the same SQL event by event (a batch of one): what one transaction for many
 * events is worth. Both sides drain in turn at one shop, so that what the earlier rounds left there is in the way of both.
 * Filling the backlog is not measured.
 */
const applyBench = (pool: pg.Pool, name: string, items: number, question: string): Bench => {
	let shop: TestShop | undefined;
	let round = 0;
	const drainBacklog = async (batchMax: number) => {
		shop ??= await makeShopOf(pool, items);
		const { shopId } = shop;
		const sold = round++ * EVENTS;
		const sales = Array.from({ length: EVENTS }, (_, n) =>
			order(`${sold + n}`, [{ item: (sold + n) % items, held: 1 }], { created: at("10:00:00") }),
		);
		await putAll(pool, shop, sales);
		return timed(async () => {
			for (;;) {
				const drained = await drainShop(applyDeps(pool), shopId, { batchMax });
				if (drained.outcome !== "more") return;
			}
		});
	};
	return {
		name,
		question,
		floorMs: 50,
		pairs: PAIRS,
		ours: () => drainBacklog(500),
		theirs: () => drainBacklog(1),
		async close() {
			const total = await pool.query<{ n: number }>("SELECT sum($2 - available)::int AS n FROM stock WHERE shop_id = $1", [
				shop?.shopId,
				OPENING,
			]);
			if (total.rows[0]?.n !== round * EVENTS) throw new Error(`${round * EVENTS} sales were drained, the stock holds ${total.rows[0]?.n}`);
		},
	};
};

export const hotSku = (pool: pg.Pool) =>
	applyBench(pool, "apply-hot-sku", 1, `${EVENTS} sales of one SKU: one transaction a batch against one an event`);
export const manySkus = (pool: pg.Pool) =>
	applyBench(
		pool,
		"apply-many-skus",
		SKUS,
		`${EVENTS} sales in a shop of ${SKUS} SKUs, each of another one: one transaction a batch against one an event`,
	);

/** As makeShop's, but its items written by two statements: ten thousand single ones would take longer than the bench. */
async function makeShopOf(pool: pg.Pool, items: number): Promise<TestShop> {
	const shop = await makeShop(pool, { items: 0 });
	await pool.query(
		"INSERT INTO item (shop_id, external_id, variant_id, product_id, sku, title) SELECT $1, 'item-' || n, n::text, n::text, 'SKU-' || n, 'SKU-' || n FROM generate_series(0, $2 - 1) n",
		[shop.shopId, items],
	);
	await pool.query(
		`INSERT INTO listing (shop_id, connection_id, external_id, sku, item_id, link_state)
		 SELECT shop_id, $2, 'listing-' || substr(external_id, 6), sku, id, 'linked' FROM item WHERE shop_id = $1`,
		[shop.shopId, shop.guest],
	);
	const readings = Array.from({ length: items }, (_, n) => reading(n, OPENING, at("00:00:00")));
	await putAll(pool, shop, readings, { connection: "home", source: "import" });
	for (;;) {
		const drained = await drainShop(applyDeps(pool), shop.shopId);
		if (drained.outcome !== "more") break;
	}
	await pool.query("ANALYZE");
	return shop;
}

async function putAll(
	pool: pg.Pool,
	shop: TestShop,
	events: Parameters<typeof put>[2],
	options?: Parameters<typeof put>[3],
): Promise<void> {
	for (let start = 0; start < events.length; start += ROWS_AT_ONCE)
		await put(pool, shop, events.slice(start, start + ROWS_AT_ONCE), options);
}
