import type pg from "pg";
import type { ListingState } from "#app/delivery/listing-state.ts";
import { drainShop } from "#apply";
import { pushListings } from "#delivery";
import { applyDeps } from "./apply-deps.ts";
import { deliveryDeps } from "./delivery-deps.ts";
import { createNeighbourStore } from "./neighbour-store.ts";
import { at, makeShop, order, put, reading, type ShopOptions, type TestShop } from "./shop.ts";

export { deliveryDeps } from "./delivery-deps.ts";

/** A shop whose listings have their first figure. */
export async function openShop(pool: pg.Pool, options: ShopOptions = {}): Promise<TestShop> {
	const shop = await makeShop(pool, options);
	await drain(pool, shop);
	return shop;
}

/** A shop, and a store that sells all of its items and shows what it should; `push` delivers to it. It was not called yet. */
export async function openInStep(pool: pg.Pool, options: ShopOptions = {}, storeOptions: Parameters<typeof createNeighbourStore>[1] = {}) {
	const shop = await openShop(pool, options);
	const store = createNeighbourStore(Object.fromEntries(shop.items.map((_, n) => [`listing-${n}`, options.opening ?? 10])), storeOptions);
	const push = () => pushListings(deliveryDeps(pool, new Map([[shop.guest, store]])), shop.shopId, shop.guest);
	await push();
	store.calls.length = 0;
	return { shop, store, push };
}
export type InStep = Awaited<ReturnType<typeof openInStep>>;

export const drain = (pool: pg.Pool, shop: TestShop) => drainShop(applyDeps(pool), shop.shopId);

let seconds = 0;
/** Home's figure changes (an edit, a sale there), and the ledger has taken it. */
export async function homeShows(pool: pg.Pool, shop: TestShop, item: number, quantity: number): Promise<void> {
	seconds++;
	const readAt = at(`11:${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`);
	await put(pool, shop, [reading(item, quantity, readAt)], { connection: "home" });
	await drain(pool, shop);
}

let orders = 0;
/** The order of a sale at the store arrives and is applied. */
export async function orderComes(pool: pg.Pool, shop: TestShop, item: number, stamp: string, units = 1): Promise<void> {
	await put(pool, shop, [order(`${++orders}`, [{ item, held: units }], { created: stamp })]);
	await drain(pool, shop);
}

type Row = Pick<ListingState, "desired" | "shown" | "unseen" | "sent" | "recheck" | "parked" | "attempts"> & {
	dirty: boolean;
	uncertain: boolean;
	claimed: boolean;
};
export async function listingOf(pool: pg.Pool, shop: TestShop, item: number): Promise<Row> {
	const { rows } = await pool.query<Row>(
		`SELECT desired, shown, unseen, sent, recheck, parked, attempts, dirty_since IS NOT NULL AS dirty,
		   coalesce(uncertain_until > now(), false) AS uncertain, claim_token IS NOT NULL AS claimed
		 FROM listing WHERE shop_id = $1 AND id = $2`,
		[shop.shopId, shop.listings[item]],
	);
	return rows[0] as Row;
}

export async function attemptsOf(
	pool: pg.Pool,
	shop: TestShop,
): Promise<{ operation: string; outcome: string; quantity: number | null }[]> {
	const { rows } = await pool.query("SELECT operation, outcome, quantity FROM delivery_attempt WHERE shop_id = $1 ORDER BY id", [
		shop.shopId,
	]);
	return rows;
}

/** What waits for a backoff, a horizon or a moment is due now. */
export async function timePasses(pool: pg.Pool, shop: TestShop, interval: string): Promise<void> {
	await pool.query(
		`UPDATE listing SET next_attempt_at = next_attempt_at - $2::interval, uncertain_until = uncertain_until - $2::interval,
		   assumed_until = assumed_until - $2::interval, accepted_at = accepted_at - $2::interval, claimed_until = claimed_until - $2::interval,
		   late_until = late_until - $2::interval WHERE shop_id = $1`,
		[shop.shopId, interval],
	);
	await pool.query("UPDATE rate_budget SET blocked_until = blocked_until - $2::interval WHERE shop_id = $1", [shop.shopId, interval]);
	await pool.query("UPDATE connection SET breaker_until = breaker_until - $2::interval WHERE shop_id = $1", [shop.shopId, interval]);
	await pool.query(
		`UPDATE delta_batch SET next_attempt_at = next_attempt_at - $2::interval, claimed_until = claimed_until - $2::interval,
		   first_tried_at = first_tried_at - $2::interval, unresolved_at = unresolved_at - $2::interval WHERE shop_id = $1`,
		[shop.shopId, interval],
	);
	await pool.query("UPDATE stock SET next_attempt_at = next_attempt_at - $2::interval WHERE shop_id = $1", [shop.shopId, interval]);
}
