import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { disconnect } from "#app/connections/guests/index.ts";
import { requestFetch } from "#inbox";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { type GuestWorld, openGuestWorld, type Together } from "../../tests/kit/guest-world.ts";
import { expectCoherentState, stockOf } from "../../tests/kit/shop.ts";
import { countFoundByPoll, pollOrders } from "./index.ts";

/** The adapter, a store that loses its webhooks, and the database: what was missed is found, once. */
let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

type Joined = Together & { since: Date };
async function join({ stock = 100, timezone = "America/New_York" } = {}): Promise<Joined> {
	const together = await w.together([["TEA", stock]], { watch: true, store: { timezone } });
	await w.run(together.store);
	return { ...together, since: new Date() };
}
/** So much later that a change is not one of the last moments any more. */
const later = () => w.world.clock.skip(40_000);
const poll = async ({ shop, connectionId }: Joined, deps = w.deps) => {
	await w.refill();
	return pollOrders(deps, shop.shopId, connectionId);
};
const polled = async (joined: Joined) => {
	const outcome = await poll(joined);
	if (outcome.outcome !== "polled") throw new Error(`The poll is ${outcome.outcome}`);
	await w.drain(joined.shop);
	return outcome;
};
const available = async ({ shop }: Joined) => (await stockOf(w.deps.pool, shop, 0)).available;
const found = ({ shop, connectionId, since }: Joined) => countFoundByPoll(w.deps.pool, shop.shopId, connectionId, since);
const watermark = async ({ connectionId }: Joined) =>
	(await w.one<{ at: Date }>("SELECT order_watermark AS at FROM connection WHERE id = $1", [connectionId])).at.getTime();
const movements = ({ shop }: Joined) =>
	w.all<{ delta: number }>("SELECT delta FROM movement WHERE shop_id = $1 AND cause <> 'reading' AND order_id IS NOT NULL ORDER BY id", [
		shop.shopId,
	]);

test("R24 an order whose webhook was lost is found by the poll and counted as missed; the overlap of the next polls changes nothing", async () => {
	const joined = await join();
	const { store, shop } = joined;
	await w.buy(store, "TEA", 2);
	await w.run(store);
	const missed = await w.unheard(store, () => w.buy(store, "TEA", 3));
	later();
	expect(await available(joined)).toBe(98);
	const before = await watermark(joined);

	expect(await polled(joined)).toMatchObject({ orders: 2, fresh: 2 });
	expect(await available(joined)).toBe(95);
	expect(await found(joined)).toBe(1);
	expect(await watermark(joined)).toBeGreaterThan(before);
	// Again, within the overlap.
	expect(await polled(joined)).toMatchObject({ orders: 2, fresh: 0 });
	later();
	expect(await polled(joined)).toMatchObject({ orders: 2, fresh: 0 });
	expect(await available(joined)).toBe(95);
	expect(await found(joined)).toBe(1);

	// A lost cancellation is a newer state of an order that is known.
	await w.unheard(store, () => store.cancelOrder(missed));
	later();
	await polled(joined);
	expect(await available(joined)).toBe(98);
	expect(await found(joined)).toBe(2);
	expect(await stockOf(w.deps.pool, shop, 0)).toMatchObject({ owed: -2, short: 0 });
	await expectCoherentState(w.deps.pool, shop.shopId);
});

test("R24 an order of the last moments counts at once, but not as missed: its webhook may be on its way, and does not count it again", async () => {
	const joined = await join();
	later();
	await w.buy(joined.store, "TEA", 4);
	const { watermark: until } = await polled(joined);
	expect(await available(joined)).toBe(96);
	expect(await found(joined)).toBe(0);
	expect(Date.parse(until)).toBeLessThan(w.world.clock.now() - 29_000);
	await w.run(joined.store);
	later();
	await polled(joined);
	expect(await available(joined)).toBe(96);
	expect(await found(joined)).toBe(0);
	expect(await movements(joined)).toEqual([{ delta: -4 }]);
});

test("R24 R28 a state of the last moments is counted once its webhook has had its time, and is taken off again when that comes after all", async () => {
	const joined = await join();
	later();
	await w.unheard(joined.store, () => w.buy(joined.store, "TEA", 1));
	const second = await w.buy(joined.store, "TEA", 2);
	await polled(joined);
	expect(await found(joined)).toBe(0);
	const minutesPass = () =>
		w.deps.pool.query("UPDATE inbox_event SET received_at = received_at - interval '3 minutes' WHERE shop_id = $1 AND source = 'poll'", [
			joined.shop.shopId,
		]);
	const since = joined.since.getTime();
	joined.since = new Date(since - 600_000);
	await minutesPass();
	expect(await found(joined)).toBe(2);
	// The second one's was only late.
	await w.run(joined.store);
	expect(await found(joined)).toBe(1);
	expect(
		await w.all("SELECT FROM inbox_event WHERE shop_id = $1 AND source = 'webhook' AND event->>'orderId' = $2", [
			joined.shop.shopId,
			String(second),
		]),
	).not.toEqual([]);
	expect(await available(joined)).toBe(97);
});

describe("R24 R08 the watermark moves only when everything before it is durable", () => {
	test("a page that fails leaves it where it was; what came before the failure counts, and the next poll brings the rest", async () => {
		const joined = await join({ stock: 500 });
		const { store, shop } = joined;
		const product = store.shelf.get("TEA")?.productId ?? 0;
		await w.unheard(store, async () => {
			for (let n = 0; n < 130; n++) await store.placeOrder({ status: "processing", lines: [{ product_id: product, quantity: 1 }] });
		});
		later();
		const before = await watermark(joined);
		let lists = 0;
		const second = (operation: string) => operation === "GET orders" && ++lists === 2;
		w.world.faults.next(store.channel, 1, { kind: "status", status: 500 }, second);
		expect(await poll(joined)).toMatchObject({ outcome: "failed", error: { errorClass: "unavailable" } });
		await w.drain(shop);
		expect(await watermark(joined)).toBe(before);
		expect(await available(joined)).toBe(400);
		expect(await w.all("SELECT orders, error IS NOT NULL AS failed FROM order_poll WHERE shop_id = $1", [shop.shopId])).toEqual([
			{ orders: 100, failed: true },
		]);
		expect(await polled(joined)).toMatchObject({ orders: 130, fresh: 30 });
		expect(await available(joined)).toBe(370);
		expect(await watermark(joined)).toBeGreaterThan(before);
		expect(await found(joined)).toBe(130);
		await expectCoherentState(w.deps.pool, shop.shopId);
	});

	test("a long list that was broken off goes on where it was, and not from its beginning; what changed or was trashed since is in it", async () => {
		const joined = await join({ stock: 500 });
		const { store, shop } = joined;
		const product = store.shelf.get("TEA")?.productId ?? 0;
		const before = await watermark(joined);
		const placed: number[] = [];
		await w.unheard(store, async () => {
			for (let n = 0; n < 220; n++) {
				placed.push(await store.placeOrder({ status: "processing", lines: [{ product_id: product, quantity: 1 }] }));
				w.world.clock.skip(60_000);
				// The trash is listed at the end, whatever its time.
				if (n === 50) store.trashOrder(placed[20] ?? 0);
			}
			store.trashOrder(placed[215] ?? 0);
		});
		later();
		let lists = 0;
		const third = (operation: string) => operation === "GET orders" && ++lists === 3;
		w.world.faults.next(store.channel, 1, { kind: "status", status: 500 }, third);
		expect(await poll(joined)).toMatchObject({ outcome: "failed" });
		await w.drain(shop);
		expect(await watermark(joined)).toBe(before);
		// The second page begins with the last order of the first.
		expect(await available(joined)).toBe(301);

		// Meanwhile one that was read is cancelled, and one that was not is trashed.
		await w.unheard(store, () => store.cancelOrder(placed[3] ?? 0));
		await w.unheard(store, async () => store.trashOrder(placed[210] ?? 0));
		later();
		const again = await polled(joined);
		// Those behind the break, five minutes of overlap, and the one that changed.
		expect(again.orders).toBeLessThan(30);
		expect(again.fresh).toBe(22);
		expect(await available(joined)).toBe(500 - 220 + 1);
		expect(await watermark(joined)).toBeGreaterThan(before);
		// Once it has come to its end the next one begins as always.
		expect(await polled(joined)).toMatchObject({ fresh: 0 });
		expect(await w.all("SELECT FROM connection WHERE shop_id = $1 AND poll_reached IS NOT NULL", [shop.shopId])).toEqual([]);
		await expectCoherentState(w.deps.pool, shop.shopId);
	}, 60_000);

	test("how far a list came that began later says nothing of this one", async () => {
		const joined = await join();
		await w.unheard(joined.store, () => w.buy(joined.store, "TEA", 3));
		later();
		await w.deps.pool.query(
			"UPDATE connection SET poll_since = order_watermark, poll_reached = order_watermark + interval '1 day' WHERE shop_id = $1 AND id = $2",
			[joined.shop.shopId, joined.connectionId],
		);
		expect(await polled(joined)).toMatchObject({ fresh: 1 });
	});

	test("killed before and after every statement, nothing that the watermark has passed is missing, and the next poll ends right", async () => {
		const joined = await join({ stock: 500 });
		const { store, shop, connectionId } = joined;
		const clean = dyingPool(w.deps.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		await w.unheard(store, () => w.buy(store, "TEA", 1));
		later();
		await poll(joined, { ...w.deps, pool: clean.pool });
		let sold = 1;
		const died = { moved: 0, before: 0 };
		for (const place of placesToDie(clean.statements())) {
			const orderId = await w.unheard(store, () => w.buy(store, "TEA", 1));
			sold++;
			later();
			const before = await watermark(joined);
			const { pool } = dyingPool(w.deps.pool, place);
			const end = await poll(joined, { ...w.deps, pool }).catch((error: unknown) => error);
			if (end instanceof Killed) {
				const moved = (await watermark(joined)) > before;
				died[moved ? "moved" : "before"]++;
				const kept = await w.all(
					"SELECT FROM inbox_event WHERE shop_id = $1 AND connection_id = $2 AND source = 'poll' AND event->>'orderId' = $3",
					[shop.shopId, connectionId, String(orderId)],
				);
				if (moved) expect(kept.length).toBe(1);
			}
			await polled(joined);
			expect({ place, available: await available(joined) }).toEqual({ place, available: 500 - sold });
		}
		expect(died.before).toBeGreaterThan(6);
		expect(died.moved).toBeGreaterThan(0);
		expect(await movements(joined)).toHaveLength(sold);
		expect(await found(joined)).toBe(sold);
		await expectCoherentState(w.deps.pool, shop.shopId);
	});
});

test("R06 three polls at once, the webhook twice and a fetch of the same order: one sale", async () => {
	const joined = await join();
	const { store, shop, connectionId } = joined;
	w.world.faults.onWebhooks(store.channel, "twice", 1, { kind: "duplicate", copies: 1 });
	const orderId = await w.buy(store, "TEA", 5);
	later();
	await requestFetch(w.deps.pool, [
		{ shopId: shop.shopId, connectionId, kind: "order", externalId: String(orderId), reason: "test", correlationId: "test" },
	]);
	const outcomes = await Promise.all([poll(joined), poll(joined), store.runQueue().then(() => poll(joined)), w.run(store)]);
	w.world.faults.clear(store.channel);
	expect(outcomes.slice(0, 3).map((outcome) => outcome?.outcome)).toEqual(["polled", "polled", "polled"]);
	// Of the polls one brought the state; the others met its key.
	expect(outcomes.slice(0, 3).reduce((sum, outcome) => sum + (outcome?.outcome === "polled" ? outcome.fresh : 0), 0)).toBe(1);
	await w.run(store);
	const sources = await w.all<{ source: string }>(
		"SELECT DISTINCT source FROM inbox_event WHERE shop_id = $1 AND event->>'orderId' = $2 ORDER BY source",
		[shop.shopId, String(orderId)],
	);
	expect(sources.map(({ source }) => source)).toEqual(["fetch", "poll", "webhook"]);
	expect(await available(joined)).toBe(95);
	expect(await movements(joined)).toEqual([{ delta: -5 }]);
	await expectCoherentState(w.deps.pool, shop.shopId);
});

test.each(["America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])(
	"R24 the store's time zone (%s) hides nothing: bounds are asked for in its own way, and the watermark is true",
	async (timezone) => {
		const joined = await join({ timezone });
		await w.unheard(joined.store, () => w.buy(joined.store, "TEA", 2));
		later();
		const { watermark: until } = await polled(joined);
		expect(await available(joined)).toBe(98);
		expect(await found(joined)).toBe(1);
		expect(Math.abs(Date.parse(until) - (w.world.clock.now() - 30_000))).toBeLessThan(3_000);
		// Within the overlap it is asked for again; hours later it is not.
		w.world.clock.skip(3_600_000);
		expect(await polled(joined)).toMatchObject({ orders: 1, fresh: 0 });
		w.world.clock.skip(60_000);
		expect(await polled(joined)).toMatchObject({ orders: 0 });
		expect(w.world.books.violations(joined.store.channel)).toEqual([]);
	},
);

test("R44 an order from before the cut that only the poll brings is baseline, and is listed as such", async () => {
	const joined = await join();
	const { store, shop, connectionId } = joined;
	const product = store.shelf.get("TEA")?.productId ?? 0;
	const orderId = await w.unheard(store, () => store.placeOrder({ status: "processing", lines: [{ product_id: product, quantity: 7 }] }));
	// It was placed 90 days ago, and nothing happened to it until now.
	const order = store.state.orders.get(orderId);
	if (!order) throw new Error("It was placed");
	order.createdAt -= 90 * 86_400;
	later();
	await polled(joined);
	expect(await available(joined)).toBe(100);
	expect(
		await w.all("SELECT baseline, unknown_older FROM sales_order WHERE shop_id = $1 AND connection_id = $2", [shop.shopId, connectionId]),
	).toEqual([{ baseline: true, unknown_older: true }]);
	// What becomes of it from here on counts.
	await w.unheard(store, () => store.cancelOrder(orderId));
	later();
	await polled(joined);
	expect(await available(joined)).toBe(107);
});

test("R37 equal order numbers of two shops' stores are two orders", async () => {
	const [mine, theirs] = [await join(), await join()];
	const bought = [
		await w.unheard(mine.store, () => w.buy(mine.store, "TEA", 1)),
		await w.unheard(theirs.store, () => w.buy(theirs.store, "TEA", 6)),
	];
	expect(bought[0]).toBe(bought[1]);
	later();
	await polled(mine);
	expect([await available(mine), await available(theirs)]).toEqual([99, 100]);
	await polled(theirs);
	expect([await available(mine), await available(theirs)]).toEqual([99, 94]);
});

test("R31 refused keys turn the connection red and nothing moves; without a cut nothing is asked; closed, nothing is sent", async () => {
	const joined = await join();
	const before = await watermark(joined);
	joined.store.revokeKey(joined.store.keys.consumerKey);
	expect(await poll(joined)).toMatchObject({ outcome: "failed", error: { errorClass: "credentials" } });
	expect(await watermark(joined)).toBe(before);
	expect(await w.one("SELECT health FROM connection WHERE id = $1", [joined.connectionId])).toEqual({ health: "red" });

	const shop = await w.shop([]);
	const store = w.store([]);
	const connectionId = await w.connect(shop, store);
	const calls = w.calls(store, /orders/);
	expect(await pollOrders(w.deps, shop.shopId, connectionId)).toEqual({ outcome: "not-yet" });
	await disconnect(w.deps, shop.shopId, connectionId, "user-1");
	await expect(pollOrders(w.deps, shop.shopId, connectionId)).rejects.toThrow(/disconnected/);
	expect(w.calls(store, /orders/)).toBe(calls);
});
