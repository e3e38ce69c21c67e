import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countFoundByPoll, pollOrders } from "#reconcile";
import { dyingPool, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { type GuestWorld, openGuestWorld, type Together } from "../../../tests/kit/guest-world.ts";
import { stockOf } from "../../../tests/kit/shop.ts";
import { ensureWebhooks, startWatching } from "./index.ts";

let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

const join = (stock = 100): Promise<Together> => w.together([["TEA", stock]]);
const place = ({ store }: Together, status: string, quantity: number) =>
	store.placeOrder({ status, lines: [{ product_id: store.shelf.get("TEA")?.productId ?? 0, quantity }] });
const watch = async ({ shop, connectionId }: Together, deps = w.deps) => {
	await w.refill();
	return startWatching(deps, shop.shopId, connectionId, "user-1");
};
const available = async ({ shop }: Together) => (await stockOf(w.deps.pool, shop, 0)).available;
const ordersOf = ({ shop }: Together) =>
	w.all<{ order_id: string; baseline: boolean; unknown_older: boolean }>(
		"SELECT order_id, baseline, unknown_older FROM sales_order WHERE shop_id = $1 ORDER BY order_id::int",
		[shop.shopId],
	);
/** The store's clock goes on by whole seconds, so that what follows is surely after the cut (or before it). */
const seconds = (n = 3) => w.world.clock.skip(n * 1_000);

describe("R44 orders from before the cut", () => {
	test("completed, cancelled, refunded, edited and paid after it: only the difference counts, and a new one counts whole", async () => {
		const joined = await join();
		const { store } = joined;
		const [completed, cancelled, refunded, kept, edited] = (await Promise.all(
			[1, 2, 3, 4, 5].map((units) => place(joined, "processing", units)),
		)) as [number, number, number, number, number];
		const paid = await place(joined, "pending", 6);
		const untouched = await place(joined, "on-hold", 7);
		seconds();
		expect(await watch(joined)).toMatchObject({ outcome: "watching", baselineOrders: 7 });
		await w.run(store);
		expect(await available(joined)).toBe(100);

		seconds();
		const line = (id: number) => store.orders().find((order) => order.id === id)?.lines[0]?.id ?? 0;
		await store.setOrderStatus(completed, "completed");
		await store.cancelOrder(cancelled);
		await store.refund(refunded, { lines: [{ lineId: line(refunded), quantity: 2 }], restock: true });
		await store.refund(kept, { lines: [{ lineId: line(kept), quantity: 2 }], restock: false });
		await store.editOrder(edited, [{ id: line(edited), quantity: 8 }]);
		await store.payOrder(paid);
		const fresh = await place(joined, "processing", 9);
		await w.run(store);
		expect(await available(joined)).toBe(100 + 2 + 2 - 3 - 6 - 9);
		const orders = await ordersOf(joined);
		expect(orders.filter(({ baseline }) => !baseline)).toMatchObject([{ order_id: String(fresh) }]);
		expect(orders.filter(({ unknown_older }) => unknown_older)).toEqual([]);
		expect(orders.map(({ order_id }) => Number(order_id))).toContain(untouched);
	});

	test("what happened between connecting and watching is from before it: it moves nothing, also where webhooks told it in pieces", async () => {
		const joined = await join();
		const { store } = joined;

		const old = await place(joined, "processing", 2);
		await w.refill();
		await ensureWebhooks(w.deps, joined.shop.shopId, joined.connectionId);
		const between = await place(joined, "processing", 3);
		await store.runQueue();
		seconds();
		await store.cancelOrder(old);
		await store.setOrderStatus(between, "completed");
		await store.runQueue();
		seconds();
		expect(await watch(joined)).toMatchObject({ outcome: "watching" });
		await w.run(store);
		expect(await available(joined)).toBe(100);
		const superseded = await w.all(
			"SELECT FROM inbox_event WHERE shop_id = $1 AND status = 'ignored' AND outcome = 'from before the cut'",
			[joined.shop.shopId],
		);
		expect(superseded.length).toBeGreaterThanOrEqual(2);
		seconds();
		await store.cancelOrder(between);
		await w.run(store);
		expect(await available(joined)).toBe(103);
		expect((await ordersOf(joined)).every(({ baseline, unknown_older }) => baseline && !unknown_older)).toBe(true);
	});

	test("one that nobody touched for months and that changes now is baseline, and is listed", async () => {
		const joined = await join();
		const { store } = joined;
		const old = await place(joined, "processing", 4);
		const order = store.state.orders.get(old);
		if (!order) throw new Error("It was placed");
		order.createdAt -= 90 * 86_400;
		order.modifiedAt = order.createdAt;
		seconds();
		expect(await watch(joined)).toMatchObject({ outcome: "watching", baselineOrders: 0 });
		await w.run(store);
		seconds();
		await store.setOrderStatus(old, "completed");
		await w.run(store);
		expect(await ordersOf(joined)).toEqual([{ order_id: String(old), baseline: true, unknown_older: true }]);
		expect(await available(joined)).toBe(100);
	});

	test("R32 one that does not fit is parked by itself, and the connection begins all the same", async () => {
		const joined = await join();
		await place(joined, "processing", 1);
		const odd = await place(joined, "processing", 1);
		const order = joined.store.state.orders.get(odd);
		if (order) order.status = "packed-by-plugin";
		seconds();
		expect(await watch(joined)).toMatchObject({ outcome: "watching", baselineOrders: 1 });
		expect(await w.all("SELECT operation, error_class FROM dead_letter WHERE shop_id = $1", [joined.shop.shopId])).toEqual([
			{ operation: "order.opening", error_class: "unexpected-shape" },
		]);
	});
});

describe("R08 a start that is cut short, comes twice, or meets another", () => {
	test("killed before and after every statement, either nothing counts yet or all of it does; run again it ends right", async () => {
		const joined = await join(500);
		const { shop, store, connectionId } = joined;
		const reset = async () => {
			await w.deps.pool.query("UPDATE connection SET state = 'connecting', cut_at = NULL, order_watermark = NULL WHERE id = $1", [
				connectionId,
			]);
			await w.deps.pool.query("DELETE FROM inbox_event WHERE connection_id = $1", [connectionId]);
			await w.deps.pool.query("DELETE FROM delivery_key WHERE connection_id = $1", [connectionId]);
			await w.deps.pool.query("DELETE FROM audit WHERE shop_id = $1", [shop.shopId]);
		};
		const old = await place(joined, "processing", 1);
		seconds();
		await watch(joined);
		await reset();
		const clean = dyingPool(w.deps.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		expect(await watch(joined, { ...w.deps, pool: clean.pool })).toMatchObject({ outcome: "watching", baselineOrders: 1 });
		await reset();
		const ends = { nothing: 0, all: 0 };
		const places = placesToDie(clean.statements());
		// Every second one, and the last ones, of which one is the commit.
		for (const place of places.filter((_, n) => n % 4 < 2 || n > places.length - 6)) {
			const { pool } = dyingPool(w.deps.pool, place);
			await watch(joined, { ...w.deps, pool }).catch(() => undefined);
			const row = await w.one<{ state: string; cut_at: Date | null }>("SELECT state, cut_at FROM connection WHERE id = $1", [connectionId]);
			const audits = await w.all("SELECT FROM audit WHERE shop_id = $1 AND action = 'connection.watching'", [shop.shopId]);
			expect([place, row.state, row.cut_at !== null, audits.length]).toEqual(
				row.state === "watching" ? [place, "watching", true, 1] : [place, "connecting", false, 0],
			);
			ends[row.state === "watching" ? "all" : "nothing"]++;
			if (row.state === "watching") await reset();
		}
		expect(ends.nothing).toBeGreaterThan(10);
		expect(ends.all).toBeGreaterThan(0);
		seconds();
		await store.setOrderStatus(old, "completed");
		seconds();
		expect(await watch(joined)).toMatchObject({ outcome: "watching", baselineOrders: 1 });
		seconds();
		await store.cancelOrder(old);
		await w.run(store);
		expect(await available(joined)).toBe(501);
	});

	test("two starts at once make one beginning; a third finds it begun and changes nothing", async () => {
		const joined = await join();
		await place(joined, "processing", 2);
		seconds();
		const outcomes = await Promise.all([watch(joined), watch(joined)]);
		expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["already", "watching"]);
		const row = () => w.one("SELECT state, cut_at, order_watermark FROM connection WHERE id = $1", [joined.connectionId]);
		const begun = await row();
		seconds();
		await w.buy(joined.store, "TEA", 5);
		expect(await watch(joined)).toEqual({ outcome: "already" });
		expect(await row()).toEqual(begun);
		await w.run(joined.store);
		expect(await available(joined)).toBe(95);
	});

	test("a store that fails says why, nothing counts, and the next start begins with a later cut", async () => {
		const joined = await join();
		w.world.faults.next(joined.store.channel, 1, { kind: "status", status: 503 }, (operation) => operation === "GET orders");
		expect(await watch(joined)).toMatchObject({ outcome: "failed", reason: expect.any(String) });
		expect(await w.one("SELECT state, cut_at FROM connection WHERE id = $1", [joined.connectionId])).toEqual({
			state: "connecting",
			cut_at: null,
		});
		await w.buy(joined.store, "TEA", 2);
		seconds();
		expect(await watch(joined)).toMatchObject({ outcome: "watching", baselineOrders: 1 });
		await w.run(joined.store);
		expect(await available(joined)).toBe(100);
		joined.store.ail("crash");
		const other = {
			...joined,
			...(await join().then((made) => ({ shop: made.shop, store: made.store, connectionId: made.connectionId }))),
		};
		other.store.ail("crash");
		expect(await watch(other)).toMatchObject({ outcome: "failed" });
	});
});

test("R44 R24 from the cut on the poll fills what webhooks lose, and what the start itself read is not counted as missed", async () => {
	const joined = await join();
	const since = new Date();
	await place(joined, "processing", 1);
	seconds();
	await watch(joined);
	seconds();
	await w.unheard(joined.store, () => w.buy(joined.store, "TEA", 3));
	await w.run(joined.store);
	seconds(40);
	await w.refill();
	await pollOrders(w.deps, joined.shop.shopId, joined.connectionId);
	await w.drain(joined.shop);
	expect(await available(joined)).toBe(97);
	expect(await countFoundByPoll(w.deps.pool, joined.shop.shopId, joined.connectionId, since)).toBe(1);
});
