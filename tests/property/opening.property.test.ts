import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startWatching } from "#app/connections/guests/index.ts";
import { pollOrders } from "#reconcile";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../kit/guest-world.ts";
import { expectCoherentState, stockOf } from "../kit/shop.ts";

/**
 * A store that goes on selling while its connection begins. Whatever happens at whatever moment, the store's own stock tells
 * how many units each order took or gave back when; those from the cut on are what must have moved ours, no more and no less.
 */
let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld({ seed: 44 });
});
afterAll(() => w.close());

const OPENING = 1_000;
const KINDS = ["new", "basket", "pay", "complete", "cancel", "fail", "reopen", "restock", "refund", "edit", "trash"] as const;
type Kind = (typeof KINDS)[number];
type Action = { kind: Kind; pick: number; units: number; skipMs: number };
/** `call`: how many requests of the start the store has answered when it happens. */
type Day = { before: Action[]; between: Action[]; during: (Action & { call: number })[]; after: Action[]; lost: number };

const action = {
	kind: fc.constantFrom(...KINDS),
	pick: fc.nat(20),
	units: fc.integer({ min: 1, max: 4 }),
	skipMs: fc.constantFrom(0, 0, 300, 700, 1_100, 2_600),
};
const some = (minLength: number, maxLength: number) => fc.array(fc.record(action), { minLength, maxLength, size: "max" });
const day: fc.Arbitrary<Day> = fc.record({
	before: some(3, 8),
	between: some(0, 4),
	// The start makes eight requests for its webhooks; then come the lists of orders, two for each look, where it matters most.
	during: fc.array(fc.record({ ...action, call: fc.constantFrom(2, 5, 8, 8, 9, 10, 10, 10, 11, 12) }), {
		minLength: 2,
		maxLength: 8,
		size: "max",
	}),
	after: some(2, 6),
	lost: fc.constantFrom(0, 0.3, 1),
});

const met = { before: 0, counted: 0, uncounted: 0, olderChanged: 0, superseded: 0, unheard: 0, kinds: new Set<Kind>() };

it("R44 R06 sales before, between and while a connection begins: from the cut on every order counts once, and the final stock is right", async () => {
	const numRuns = Number(process.env.FC_RUNS ?? 12);
	await fc.assert(fc.asyncProperty(day, live), { numRuns, seed: Number(process.env.FC_SEED ?? 20261121), endOnFailure: true });
	// What the generator must have met, or it shows nothing.
	expect([...met.kinds].sort()).toEqual([...KINDS].sort());
	expect(Math.min(met.before, met.counted, met.uncounted, met.olderChanged, met.superseded, met.unheard)).toBeGreaterThan(3);
});

async function live({ before, between, during, after, lost }: Day): Promise<void> {
	const shop = await w.shop([{ sku: "TEA", stock: OPENING }]);
	const store = w.store([{ sku: "TEA", quantity: OPENING }]);
	const staff = staffOf(store);
	for (const one of before) await staff.act(one);
	w.world.clock.skip(1_500);
	const connectionId = await w.join(shop, store);
	for (const one of between) await staff.act(one);

	w.world.faults.onWebhooks(store.channel, "lost", lost, { kind: "lost" });
	let answered = 0;
	const happening: Promise<void>[] = [];
	const stop = w.world.books.watch(({ kind, channel }) => {
		if (kind !== "called" || channel !== store.channel) return;
		const call = ++answered;
		const now = during.filter((one) => one.call === call);
		// After the answer has left the store: its Date says when it was given.
		if (now.length > 0) {
			setImmediate(() => {
				happening.push(
					(async () => {
						for (const one of now) await staff.act(one);
						if (call % 2 === 0) await store.runQueue();
					})(),
				);
			});
		}
	});
	const started = await startWatching(w.deps, shop.shopId, connectionId, "user-1");
	stop();
	await Promise.all(happening);
	if (started.outcome !== "watching") throw new Error(JSON.stringify(started));
	await w.deps.pool.query("UPDATE connection SET compared_at = now(), health_checked_at = now() WHERE id = $1", [connectionId]);

	for (const one of after) await staff.act(one);
	await w.run(store);
	w.world.faults.clear(store.channel);
	w.world.clock.skip(45_000);
	expect(await pollOrders(w.deps, shop.shopId, connectionId)).toMatchObject({ outcome: "polled" });
	await w.run(store);

	const cut = Date.parse(started.cutAt);
	const counts = ({ at }: Taken) => Math.floor(at / 1000) * 1000 >= cut;
	const expected = new Map<string, number>();
	for (const taken of staff.taken.filter(counts)) {
		expected.set(taken.orderId, (expected.get(taken.orderId) ?? 0) + taken.units);
	}
	const moved = await w.all<{ order_id: string; units: number }>(
		"SELECT order_id, sum(-delta)::int AS units FROM movement WHERE shop_id = $1 AND connection_id = $2 GROUP BY order_id HAVING sum(delta) <> 0",
		[shop.shopId, connectionId],
	);
	const told = (entries: Iterable<readonly [string, number]>) => Object.fromEntries([...entries].filter(([, units]) => units !== 0).sort());
	expect(told(moved.map(({ order_id, units }) => [order_id, units] as const))).toEqual(told(expected));
	const sum = [...expected.values()].reduce((total, units) => total + units, 0);
	expect(await stockOf(w.deps.pool, shop, 0)).toEqual({ available: OPENING - sum, short: 0, owed: 0 - sum });
	// Only watching, what a listing should show and what it shows may differ.
	await w.deps.pool.query("UPDATE listing SET shown = desired, unseen = 0 WHERE shop_id = $1", [shop.shopId]);
	await expectCoherentState(w.deps.pool, shop.shopId);

	const ignored = await w.all("SELECT FROM inbox_event WHERE shop_id = $1 AND outcome = 'from before the cut'", [shop.shopId]);
	const bornBefore = new Set(staff.taken.filter((taken) => !counts(taken)).map(({ orderId }) => orderId));
	met.before += before.length;
	met.superseded += ignored.length;
	met.counted += staff.taken.filter(counts).length;
	met.uncounted += bornBefore.size;
	met.olderChanged += [...expected].filter(([orderId, units]) => units !== 0 && bornBefore.has(orderId)).length;
	met.unheard += w.world.books.deliveries(store.channel).filter(({ fate }) => fate === "lost").length;
}

type Taken = { at: number; orderId: string; units: number };

/** Staff and buyers, one after the other; after each deed the store's own figure says what it took. */
function staffOf(store: OpenStore) {
	const taken: Taken[] = [];
	let last: Promise<void> = Promise.resolve();
	const figure = () => store.products()[0]?.shown ?? 0;
	const product = store.shelf.get("TEA")?.productId ?? 0;
	const lines = (units: number) => [{ product_id: product, quantity: units }];

	const deed = async ({ kind, pick, units, skipMs }: Action): Promise<void> => {
		w.world.clock.skip(skipMs);
		met.kinds.add(kind);
		const of = (...statuses: string[]) => {
			const orders = store.orders().filter(({ status }) => statuses.includes(status));
			return orders[pick % Math.max(1, orders.length)];
		};
		const before = figure();
		const at = w.world.clock.now();
		const orderId = await change();
		taken.push({ at, orderId: String(orderId), units: before - figure() });

		async function change(): Promise<number> {
			const holding = of("processing", "on-hold", "completed");
			const line = holding?.lines[0];
			const basket = of("pending");
			if (kind === "basket") return store.placeOrder({ status: "pending", lines: lines(units) });
			if (kind === "pay" && basket) return store.payOrder(basket.id).then(() => basket.id);
			if (!holding || !line || kind === "new" || kind === "pay")
				return store.placeOrder({ status: units % 2 ? "processing" : "on-hold", lines: lines(units) });
			if (kind === "complete") await store.setOrderStatus(holding.id, "completed");
			else if (kind === "cancel") await store.cancelOrder(holding.id);
			else if (kind === "fail") await store.setOrderStatus(holding.id, "failed");
			else if (kind === "trash") store.trashOrder(holding.id);
			else if (kind === "edit") await store.editOrder(holding.id, [{ id: line.id, quantity: units + 1 }]);
			else if (kind === "reopen") {
				const over = of("cancelled", "failed");
				if (!over) return store.placeOrder({ status: "cancelled", lines: lines(units) });
				await store.setOrderStatus(over.id, "processing");
				return over.id;
			} else await store.refund(holding.id, { lines: [{ lineId: line.id, quantity: 1 }], restock: kind === "restock" });
			return holding.id;
		}
	};
	return {
		taken,
		act(one: Action): Promise<void> {
			last = last.then(() => deed(one));
			return last;
		},
	};
}
