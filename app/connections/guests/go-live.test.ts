import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dyingPool } from "../../../tests/kit/dying-pool.ts";
import { everyText } from "../../../tests/kit/every-text.ts";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import { expectCoherentState, order, put, reading, stockOf, type TestShop } from "../../../tests/kit/shop.ts";
import {
	changePolicy,
	disconnect,
	dryRun,
	ensureWebhooks,
	goLive,
	linkListings,
	pauseConnection,
	pauseListings,
	readCatalogue,
	startWatching,
} from "./index.ts";

let w: GuestWorld;
let shop: TestShop;
let store: OpenStore;
let connectionId: number;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

/** Home has, and the store shows: right, too many, too few, sold out at home, kept back, oversold there, without stock there. */
const SHELF = [
	["RIGHT", 5, 5],
	["HIGH", 50, 90],
	["LOW", 5, 2],
	["OUT", 0, 3],
	["OUT-TOO", 0, 1],
	["OWING", 0, -2],
	["UNCOUNTED", 5, null],
	["PAUSED", 5, 1],
	["GONE", 5, 5],
] as const;
beforeEach(async () => {
	({ shop, store, connectionId } = await w.together(SHELF, { watch: true }));
	writtenAtFirst = written();
});

const shown = () => Object.fromEntries(store.products().map(({ sku, shown }) => [sku, shown]));
const written = () => w.calls(store, /^(POST|PUT) products/);
let writtenAtFirst: number;
/** Since it was connected: then its keys were tried with an empty batch. */
const writes = () => written() - writtenAtFirst;
const state = async () => (await w.one<{ state: string }>("SELECT state FROM connection WHERE id = $1", [connectionId])).state;
const listingId = async (sku: string) =>
	(await w.one<{ id: number }>("SELECT id FROM listing WHERE connection_id = $1 AND sku = $2", [connectionId, sku])).id;
const run = async () => {
	await w.refill();
	const outcome = await dryRun(w.deps, shop.shopId, connectionId);
	if (outcome.outcome !== "ran") throw new Error(outcome.reason);
	return outcome;
};
const pausePAUSED = async () => {
	const change = { listingIds: [await listingId("PAUSED")], paused: true, reason: "", actor: "u" };
	await pauseListings(w.deps, shop.shopId, connectionId, change);
};
const live = () => goLive(w.deps, shop.shopId, connectionId, "user-9");

describe("R42 watch mode", () => {
	test("it reads, computes and records what it would send, counts orders, and writes nothing to the channel", async () => {
		await w.run(store);
		await w.buy(store, "HIGH", 2);
		await w.run(store);
		await put(w.deps.pool, shop, [reading(2, 4, "2026-03-01T10:00:00Z")], { connection: "home" });
		await w.drain(shop);
		await w.run(store);
		expect(writes()).toBe(0);
		expect(w.calls(store, /^GET products/)).toBeGreaterThan(0);
		expect(shown()).toMatchObject({ RIGHT: 5, HIGH: 88, LOW: 2, OUT: 3 });
		expect(await stockOf(w.deps.pool, shop, 1)).toMatchObject({ available: 48, owed: -2 });
		const watched = await w.all<{ sku: string; quantity: number }>(
			`SELECT DISTINCT ON (l.id) l.sku, a.quantity FROM delivery_attempt a JOIN listing l ON l.shop_id = a.shop_id AND l.id = a.listing_id
			 WHERE a.shop_id = $1 AND a.outcome = 'watched' ORDER BY l.id, a.id DESC`,
			[shop.shopId],
		);
		expect(Object.fromEntries(watched.map(({ sku, quantity }) => [sku, quantity]))).toEqual({
			// Sent before the two were sold, which the channel takes off by itself: live, that is no update.
			HIGH: 50,
			LOW: 4,
			OUT: 0,
			"OUT-TOO": 0,
			PAUSED: 5,
		});
		expect(await w.all("SELECT FROM delivery_attempt WHERE shop_id = $1 AND outcome = 'landed'", [shop.shopId])).toEqual([]);
		// As long as the merchant likes: what nobody changes is not looked at again and again.
		const calls = w.calls(store, /./);
		await w.run(store);
		await w.run(store);
		expect(w.calls(store, /./)).toBe(calls);
	});

	test("of a listing that sells out nothing is taken for sold on the way of a write that never leaves", async () => {
		const [small, few] = [await w.shop([{ sku: "FEW", stock: 5 }]), w.store([{ sku: "FEW", quantity: 9 }])];
		const id = await w.join(small, few, { watch: true });
		await w.run(few);
		await w.buy(few, "FEW", 2);
		await w.run(few);
		expect(await w.one("SELECT desired, shown, unseen, assumed FROM listing WHERE connection_id = $1", [id])).toEqual({
			desired: 3,
			shown: 7,
			unseen: 0,
			assumed: 0,
		});
		expect(await dryRun(w.deps, small.shopId, id)).toMatchObject({ changes: 1, sample: [{ from: 7, to: 3 }] });
	});

	test("a catalogue, a matching, a dry run and a changed rule write nothing either", async () => {
		await readCatalogue(w.deps, shop.shopId, connectionId);
		await changePolicy(w.deps, shop.shopId, connectionId, { policy: { kind: "fixed", fixed: 1 }, listingIds: null, actor: "u" });
		await run();
		await w.run(store);
		expect(writes()).toBe(0);
	});
});

describe("R42 the dry run says what the first push will do", () => {
	test("its numbers are what going live then really changes, listing by listing", async () => {
		await pausePAUSED();
		store.deleteProduct("GONE");
		await changePolicy(w.deps, shop.shopId, connectionId, { policy: { kind: "exact", maximum: 4 }, listingIds: null, actor: "u" });
		await w.run(store);
		const planned = await run();
		expect(planned).toMatchObject({ listings: 8, changes: 5, increases: 1, decreases: 4, toZero: 2, unmanaged: 1, gone: 1 });
		const before = shown();
		expect(planned.sample.map(({ sku, from, to }) => [sku, from, to]).sort()).toEqual([
			["HIGH", 90, 4],
			["LOW", 2, 4],
			["OUT", 3, 0],
			["OUT-TOO", 1, 0],
			["RIGHT", 5, 4],
		]);
		expect(writes()).toBe(0);

		expect(await live()).toEqual({ outcome: "changed" });
		await w.run(store);
		const after = shown();
		const changed = Object.keys(after).filter((sku) => after[sku] !== before[sku]);
		expect(changed.sort()).toEqual(planned.sample.map(({ sku }) => sku).sort());
		for (const { sku, from, to } of planned.sample) expect([sku, before[sku as string], after[sku as string]]).toEqual([sku, from, to]);
		expect(after).toMatchObject({ OWING: before.OWING, PAUSED: 1, UNCOUNTED: null });
		expect(await run()).toMatchObject({ changes: 0, unmanaged: 1, gone: 1, sample: [] });
		await w.run(store);
		const landed = await w.one<{ n: number }>("SELECT count(*)::int AS n FROM delivery_attempt WHERE shop_id = $1 AND outcome = 'landed'", [
			shop.shopId,
		]);
		expect(landed.n).toBe(planned.changes);
	});

	test("sales that the channel made and we have not heard of are not offered again", async () => {
		await w.run(store);
		const high = await w.buy(store, "HIGH", 3);
		expect(high).toBeGreaterThan(0);
		// The order is not here yet; the store shows 87 of the 90 that it was seen with.
		expect((await run()).sample.find(({ sku }) => sku === "HIGH")).toMatchObject({ from: 87, to: 47 });
		await live();
		await w.run();
		expect(shown().HIGH).toBe(47);
		await w.run(store);
		expect(shown().HIGH).toBe(47);
		expect(await stockOf(w.deps.pool, shop, 1)).toMatchObject({ available: 47 });
	});

	test("R17 a store that is asked too much is asked again when it says, and the look goes on", async () => {
		w.world.faults.next(store.channel, 2, { kind: "status", status: 429, retryAfterSeconds: 1 });
		expect(await run()).toMatchObject({ outcome: "ran", changes: 5 });
		expect(w.world.books.calls(store.channel).filter(({ status }) => status === 429)).toHaveLength(2);
	});

	test("R31 a store that does not answer is a reason, not a crash", async () => {
		store.ail("maintenance");
		expect(await dryRun(w.deps, shop.shopId, connectionId)).toMatchObject({ outcome: "failed", reason: expect.any(String) });
		store.ail(null);
	});
});

describe("going live, pausing, going on", () => {
	test("R40 each only from where it makes sense, once, with the actor; what waited is pushed, and while paused nothing is", async () => {
		expect(await pauseConnection(w.deps, shop.shopId, connectionId, "user-9")).toMatchObject({ outcome: "unchanged" });
		const outcomes = await Promise.all([live(), live(), live()]);
		expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["changed", "unchanged", "unchanged"]);
		await w.run(store);
		expect(shown()).toMatchObject({ HIGH: 50, LOW: 5, OUT: 0 });
		expect(await pauseConnection(w.deps, shop.shopId, connectionId, "user-10")).toEqual({ outcome: "changed" });
		const before = writes();
		await w.buy(store, "HIGH", 1);
		await put(w.deps.pool, shop, [reading(0, 1, "2026-03-01T10:00:00Z")], { connection: "home" });
		await w.drain(shop);
		await w.run(store);
		expect(writes()).toBe(before);
		expect(shown()).toMatchObject({ RIGHT: 5, HIGH: 49 });
		// Counted all the same.
		expect(await stockOf(w.deps.pool, shop, 1)).toMatchObject({ available: 49 });
		const since = new Date();
		expect(await live()).toEqual({ outcome: "changed" });
		await w.run(store);
		expect(shown()).toMatchObject({ RIGHT: 1, HIGH: 49 });
		const late = await w.all("SELECT FROM listing WHERE connection_id = $1 AND dirty_since < $2", [connectionId, since]);
		expect(late).toEqual([]);
		const said = await w.all<{ actor: string; action: string; before: unknown }>(
			"SELECT actor, action, before FROM audit WHERE shop_id = $1 AND action IN ('connection.live', 'connection.paused') ORDER BY id",
			[shop.shopId],
		);
		expect(said).toEqual([
			{ actor: "user-9", action: "connection.live", before: { state: "watching" } },
			{ actor: "user-10", action: "connection.paused", before: { state: "live" } },
			{ actor: "user-9", action: "connection.live", before: { state: "paused" } },
		]);
	});

	test("what could not be delivered while watching is tried anew at going live", async () => {
		await w.run(store);
		const parked = () => w.one("SELECT parked FROM listing WHERE connection_id = $1 AND sku = 'UNCOUNTED'", [connectionId]);
		expect(await parked()).toEqual({ parked: true });
		await store.editStock("UNCOUNTED", 11);
		await live();
		await w.run(store);
		expect(await parked()).toEqual({ parked: false });
		expect(shown().UNCOUNTED).toBe(5);
	});

	test("R08 killed at any statement of going live, it is live with its entry or not at all, and the sweep pushes what is due", async () => {
		let lives = 0;
		for (let at = 1; at <= 10; at++) {
			await w.deps.pool.query("UPDATE connection SET state = 'watching' WHERE id = $1", [connectionId]);
			const audits = async () =>
				(
					await w.one<{ n: number }>("SELECT count(*)::int AS n FROM audit WHERE shop_id = $1 AND action = 'connection.live'", [
						shop.shopId,
					])
				).n;
			const before = await audits();
			const { pool } = dyingPool(w.deps.pool, { at, moment: "after" });
			await goLive({ ...w.deps, pool }, shop.shopId, connectionId, "u").catch(() => undefined);
			const isLive = (await state()) === "live";
			expect([at, await audits()]).toEqual([at, before + (isLive ? 1 : 0)]);
			if (isLive) lives++;
		}
		expect(lives).toBeGreaterThan(1);
		expect(await state()).toBe("live");
		await w.run(store);
		expect(shown()).toMatchObject({ HIGH: 50, LOW: 5, OUT: 0 });
	});
});

describe("R45 disconnecting", () => {
	test("R36 its webhooks are gone, its keys forgotten, nothing is written any more; what was sold stays counted, what it shows stays", async () => {
		await live();
		await w.run(store);
		await w.buy(store, "HIGH", 2);
		await w.run(store);
		const before = { shown: shown(), writes: writes() };
		expect(store.webhooks()).toHaveLength(7);
		expect(await disconnect(w.deps, shop.shopId, connectionId, "user-11")).toEqual({ outcome: "changed", webhooksRemoved: true });
		expect(store.webhooks()).toEqual([]);
		const texts = await everyText(w.database.pool);
		for (const secret of Object.values(store.keys)) expect(texts.some(({ text }) => text.includes(secret))).toBe(false);
		expect(await w.one("SELECT state, credentials FROM connection WHERE id = $1", [connectionId])).toEqual({
			state: "disconnected",
			credentials: null,
		});
		await put(w.deps.pool, shop, [reading(0, 1, "2026-03-01T10:00:00Z")], { connection: "home" });
		await w.drain(shop);
		await w.run(store);
		expect({ shown: shown(), writes: writes() }).toEqual(before);
		expect(await stockOf(w.deps.pool, shop, 1)).toMatchObject({ available: 48, owed: -2 });
		expect(await w.one("SELECT original_quantity FROM listing WHERE connection_id = $1 AND sku = 'HIGH'", [connectionId])).toEqual({
			original_quantity: 90,
		});
		for (const door of [
			live,
			() => pauseConnection(w.deps, shop.shopId, connectionId, "u"),
			() => disconnect(w.deps, shop.shopId, connectionId, "u"),
		]) {
			expect(await door()).toMatchObject({ outcome: "unchanged" });
		}
		await expect(ensureWebhooks(w.deps, shop.shopId, connectionId)).rejects.toThrow(/disconnected/);
		expect(await startWatching(w.deps, shop.shopId, connectionId, "u")).toMatchObject({ outcome: "failed" });
	});

	test("a write that is under way while the merchant disconnects is not sent any more", async () => {
		await live();
		let ended: Promise<unknown> | undefined;
		const stop = w.world.books.watch(({ kind, channel }) => {
			// Between the read and the write that follows it.
			if (kind === "called" && channel === store.channel && !ended)
				ended = w.deps.pool.query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [connectionId]);
		});
		const before = shown();
		await w.run();
		stop();
		await ended;
		expect(writes()).toBe(0);
		expect(shown()).toEqual(before);
	});

	test("R44 connected again, an order that counted counts no second time, and its cancellation gives its units back once", async () => {
		await live();
		await w.run(store);
		const orderId = await w.buy(store, "HIGH", 2);
		await w.run(store);
		await disconnect(w.deps, shop.shopId, connectionId, "u");
		connectionId = await w.join(shop, store, { watch: true });
		await w.run(store);
		expect(await stockOf(w.deps.pool, shop, 1)).toMatchObject({ available: 48 });
		await store.cancelOrder(orderId);
		await w.run(store);
		expect(await stockOf(w.deps.pool, shop, 1)).toMatchObject({ available: 50, owed: 0 });
		await expectCoherentWhileWatching();
	});

	test("R44 one that never began to count never will: neither what waited nor what still comes moves stock", async () => {
		const [other, young] = [w.store([{ sku: "RIGHT", quantity: 5 }]), await w.shop([{ sku: "RIGHT", stock: 5 }])];
		const id = await w.join(young, other);
		await ensureWebhooks(w.deps, young.shopId, id);
		await w.buy(other, "RIGHT", 2);
		await w.run(other);
		const waiting = () =>
			w.all("SELECT status FROM inbox_event WHERE shop_id = $1 AND connection_id = $2 AND status = 'pending'", [young.shopId, id]);
		expect((await waiting()).length).toBeGreaterThan(0);
		await disconnect(w.deps, young.shopId, id, "u");
		await put(w.deps.pool, { ...young, guest: id }, [order("77", [{ item: 0, held: 1 }], { created: new Date().toISOString() })]);
		await w.drain(young);
		expect(await waiting()).toEqual([]);
		expect(await stockOf(w.deps.pool, young, 0)).toMatchObject({ available: 5, owed: 0 });
	});

	test("with a store that is gone for good it ends all the same", async () => {
		await w.refill();
		await w.deps.pool.query("UPDATE connection SET account = 'closed.stores-elsewhere.example' WHERE id = $1", [connectionId]);
		expect(await disconnect(w.deps, shop.shopId, connectionId, "u")).toEqual({ outcome: "changed", webhooksRemoved: false });
		expect(await state()).toBe("disconnected");
	});
});

/** Watching, what a listing should show and what it shows may differ for ever. */
async function expectCoherentWhileWatching(): Promise<void> {
	await w.deps.pool.query("UPDATE listing SET shown = greatest(desired - unseen, 0) WHERE shop_id = $1 AND desired IS NOT NULL", [
		shop.shopId,
	]);
	await expectCoherentState(w.deps.pool, shop.shopId);
}

test("R14 a listing linked on a live connection is read and brought into step at once", async () => {
	const id = await listingId("PAUSED");
	await live();
	await w.run(store);
	await w.deps.pool.query("UPDATE listing SET item_id = NULL, link_state = 'unlinked', desired = NULL, dirty_since = NULL WHERE id = $1", [
		id,
	]);
	await linkListings(w.deps, shop.shopId, connectionId, [{ listingId: id, itemId: shop.items[1] as number }], "u");
	await store.editStock("PAUSED", 1);
	await w.run(store);
	expect(shown()).toMatchObject({ PAUSED: 50, HIGH: 50 });
});
