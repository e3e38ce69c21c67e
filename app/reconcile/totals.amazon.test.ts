import { afterAll, beforeAll, expect, test } from "vitest";
import { CANADA, openAmazon } from "../../tests/kit/amazon-account.ts";
import { type GuestWorld, openGuestWorld } from "../../tests/kit/guest-world.ts";
import { compareTotals, pollOrders, readTotals, readTotalsCheck } from "./index.ts";

/** Sums of a channel that tells them late, in several currencies, and may change them without a word. */
let w: GuestWorld;
let amazon: ReturnType<typeof openAmazon>;
beforeAll(async () => {
	w = await openGuestWorld();
	amazon = openAmazon(w);
});
afterAll(() => w.close());

const DAY_MS = 86_400_000;
type Joined = Awaited<ReturnType<typeof join>>;

async function join() {
	const shop = await w.shop([
		{ sku: "TEA", stock: 100 },
		{ sku: "MUG", stock: 100 },
	]);
	const { seller, connectionId } = await amazon.join(shop, [
		{ sku: "TEA", price: "4.35", quantity: 100 },
		{ sku: "MUG", price: "0.10", quantity: 100, marketplaces: [CANADA] },
		{ sku: "TEA-FBA", price: "9.00", fba: 50 },
	]);
	// Orders carry whole seconds: one of the second in which counting began would be an older one.
	await w.deps.pool.query("UPDATE connection SET cut_at = cut_at - interval '1 minute' WHERE id = $1", [connectionId]);
	const placed = (sku: string, quantity: number) => {
		const bought = seller.checkout({ lines: [{ sku, quantity }], ...(sku === "MUG" ? { marketplaceId: CANADA } : {}) });
		if (bought.outcome !== "placed") throw new Error(`${sku} was not sold`);
		return bought.orderId;
	};
	const paid = (sku: string, quantity = 1) => {
		const id = placed(sku, quantity);
		seller.payOrder(id);
		return id;
	};
	return { shop, seller, connectionId, placed, paid };
}

/** Stamps are whole seconds, and what happens next is to have one of its own. */
const later = () => w.world.clock.skip(2_000);
/** Orders are polled and counted; how many states were news. */
async function read({ shop, connectionId }: Joined): Promise<number> {
	const polled = await pollOrders(w.deps, shop.shopId, connectionId);
	await w.run();
	return polled.outcome === "polled" ? polled.fresh : Number.NaN;
}
/** In the night after so many days. */
async function compare({ shop, connectionId }: Joined, days = 1) {
	await w.refill();
	const done = await compareTotals(w.deps, shop.shopId, connectionId, new Date(Date.now() + days * DAY_MS));
	const [newest] = await readTotals(w.deps.pool, shop.shopId, { weeks: 60 });
	const found = newest && (await readTotalsCheck(w.deps.pool, shop.shopId, newest.id));
	return {
		drift: done.outcome === "done" ? done.drift : done,
		orders: newest?.figures?.orders,
		units: newest?.figures?.units,
		revenue: newest?.figures?.revenue.map(({ currency, there, here }) => [currency, there, here]),
		differences: found?.differences.map(({ orderId, kind, there, here }) => [orderId, kind, there && Number(there), here && Number(here)]),
	};
}
const moved = async ({ shop }: Joined) =>
	(await w.one<{ n: number }>("SELECT count(*)::int AS n FROM movement WHERE shop_id = $1", [shop.shopId])).n;
const change = ({ shop, connectionId }: Joined, set: string, orderId: string) =>
	w.deps.pool.query(`UPDATE sales_order SET ${set} WHERE shop_id = $1 AND connection_id = $2 AND order_id = $3`, [
		shop.shopId,
		connectionId,
		orderId,
	]);

test("R26 each currency's sum by itself, to the cent; an order that is not paid counts by its units until its sum is told, which moves no stock", async () => {
	const joined = await join();
	joined.paid("TEA", 3);
	for (let n = 0; n < 3; n++) joined.paid("MUG");
	const pending = joined.placed("MUG", 5);
	expect(await read(joined)).toBe(5);
	expect(await compare(joined)).toEqual({
		drift: 0,
		orders: { there: 5, here: 5 },
		units: { there: 11, here: 11 },
		revenue: [
			["CAD", "0.300000", "0.300000"],
			["USD", "13.050000", "13.050000"],
		],
		differences: [],
	});
	const before = await moved(joined);
	later();
	joined.seller.payOrder(pending);
	expect(await read(joined)).toBe(1);
	expect(await moved(joined)).toBe(before);
	expect((await compare(joined, 2)).revenue).toEqual([
		["CAD", "0.800000", "0.800000"],
		["USD", "13.050000", "13.050000"],
	]);
});

test("R26 a sum of an older state here, and an order that never came, are told, read again, and agree the night after", async () => {
	const joined = await join();
	const [behind] = [joined.paid("TEA"), joined.paid("TEA", 2)];
	await read(joined);
	// As though its last change had been lost.
	await change(joined, "total = 4.34, stamp = stamp - interval '1 second'", behind);
	const missed = joined.paid("MUG", 10);
	const night = await compare(joined);
	expect(night).toMatchObject({ orders: { there: 3, here: 2 } });
	expect(night.drift).toBe(1);
	expect(night.revenue).toEqual([
		["CAD", "1.000000", "0"],
		["USD", "13.050000", "13.040000"],
	]);
	expect(night.differences).toHaveLength(2);
	expect(night.differences).toEqual(
		expect.arrayContaining([
			[behind, "total", 4.35, 4.34],
			[missed, "missing-here", 10, null],
		]),
	);
	await w.run();
	expect(await compare(joined, 2)).toMatchObject({ drift: 0, orders: { there: 3, here: 3 }, differences: [] });
});

test("R26 a sum that changes, comes to nothing or is no longer told accuses nobody while the order's state is the one we have", async () => {
	const joined = await join();
	const [refunded, unsaid, cancelled, void_] = [joined.paid("TEA"), joined.paid("TEA"), joined.paid("TEA"), joined.paid("TEA")];
	joined.paid("TEA", 2);
	await read(joined);
	later();
	joined.seller.cancelOrder(cancelled);
	joined.seller.sayProceeds(cancelled, null);
	joined.seller.cancelOrder(void_);
	joined.seller.sayProceeds(void_, "0.00");
	await read(joined);
	joined.seller.sayProceeds(refunded, "1.00");
	joined.seller.sayProceeds(unsaid, null);
	const agreed = { drift: 0, orders: { there: 5, here: 5 }, units: { there: 4, here: 4 }, differences: [] };
	expect(await compare(joined)).toEqual({ ...agreed, revenue: [["USD", "8.700000", "8.700000"]] });
	// Told with a state of its own, it is a sum like any other.
	later();
	joined.seller.shipOrder(refunded);
	await read(joined);
	expect(await compare(joined, 2)).toEqual({ ...agreed, revenue: [["USD", "9.700000", "9.700000"]] });
});

test("R26 orders from before sums were asked for are left out of them, and nothing about them is news", async () => {
	const joined = await join();
	const id = joined.paid("TEA");
	await read(joined);
	await change(joined, "total = NULL, currency = NULL", id);
	expect(await read(joined)).toBe(0);
	expect(await compare(joined)).toMatchObject({ drift: 0, orders: { there: 1, here: 1 }, revenue: [], differences: [] });
	later();
	joined.seller.shipOrder(id);
	expect(await read(joined)).toBe(1);
	expect((await compare(joined, 2)).revenue).toEqual([["USD", "4.350000", "4.350000"]]);
});

test("R26 what Amazon ships itself is on neither side, whether its list has it or not", async () => {
	const joined = await join();
	joined.paid("TEA-FBA", 2);
	joined.paid("TEA");
	expect(await read(joined)).toBe(2);
	const agreed = { drift: 0, orders: { there: 1, here: 1 }, revenue: [["USD", "4.350000", "4.350000"]], differences: [] };
	expect(await compare(joined)).toMatchObject(agreed);
	// Of more than a day only what the seller ships is asked for.
	await w.deps.pool.query("UPDATE connection SET cut_at = now() - interval '3 days' WHERE id = $1", [joined.connectionId]);
	expect(await compare(joined, 2)).toMatchObject(agreed);
});
