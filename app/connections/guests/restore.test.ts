import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHandlers } from "../../../server/handlers.ts";
import { dyingPool, Killed, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { type GuestWorld, type OpenStore, openGuestWorld, type Together } from "../../../tests/kit/guest-world.ts";
import { expectCoherentState, put, reading } from "../../../tests/kit/shop.ts";
import { askForSetUp, goLive, pauseConnection, pauseListings, readFormerFigures, runSetUp, stopRestoring } from "./index.ts";

let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

/** Home has, and the store showed before: fewer, as many, more, fewer than it then sells, kept back by hand. */
const SHELF = [
	["FEWER", 50, 10],
	["SAME", 5, 5],
	["MORE", 30, 60],
	["FEW", 20, 2],
	["PAUSED", 5, 1],
] as const;
const KILLED_SHELF = [SHELF[0], SHELF[2]] as const;

/** Live, in step, and then sold: 3 of FEWER and 4 of FEW there, 6 of MORE elsewhere. */
async function openLive(shelf: readonly (readonly [string, number, number])[] = SHELF): Promise<Together> {
	const { shop, store, connectionId } = await w.together(shelf, { watch: true });
	const listing = shelf.findIndex(([sku]) => sku === "PAUSED");
	await goLive(w.deps, shop.shopId, connectionId, "user-1");
	await w.run(store);
	if (listing >= 0) {
		const { id } = await w.one<{ id: number }>("SELECT id FROM listing WHERE connection_id = $1 AND sku = 'PAUSED'", [connectionId]);
		await pauseListings(w.deps, shop.shopId, connectionId, { listingIds: [id], paused: true, reason: "by hand", actor: "u" });
	}
	// Orders of the very second of the first reading count as before it or after it; these are after it.
	await w.deps.pool.query("UPDATE listing SET original_at = original_at - interval '2 seconds' WHERE connection_id = $1", [connectionId]);
	await w.buy(store, "FEWER", 3);
	if (shelf.length > 2) await w.buy(store, "FEW", 4);
	await put(
		w.deps.pool,
		shop,
		[
			reading(
				shelf.findIndex(([sku]) => sku === "MORE"),
				24,
				"2026-03-01T10:00:00Z",
			),
		],
		{ connection: "home" },
	);
	await w.drain(shop);
	await w.run(store);
	return { shop, store, connectionId };
}
const shown = (store: OpenStore) => Object.fromEntries(store.products().map(({ sku, shown }) => [sku, shown]));
const ask = ({ shop, connectionId }: Together) => askForSetUp(w.deps, shop.shopId, connectionId, { work: "restore", actor: "user-7" });
const step = ({ shop, connectionId }: Together) => runSetUp(w.deps, shop.shopId, connectionId);
const connection = ({ connectionId }: Together) =>
	w.one<{ state: string; credentials: string | null }>("SELECT state, credentials FROM connection WHERE id = $1", [connectionId]);
const frozen = ({ connectionId }: Together) =>
	w.all("SELECT FROM listing WHERE connection_id = $1 AND restore_to IS NOT NULL", [connectionId]);
const setUp = ({ connectionId }: Together) =>
	w.one<{ work: string | null; work_done: number; work_total: number | null; failed_reason: string | null }>(
		"SELECT work, work_done, work_total, failed_reason FROM connection_setup WHERE connection_id = $1",
		[connectionId],
	);

describe("R45 a channel's figures from before, put back before it is disconnected", () => {
	test("R45 each shows its own former figure less what was sold there, never more than stock covers, as the page had said; then it has ended", async () => {
		const live = await openLive();
		const { shop, store, connectionId } = live;
		expect(shown(store)).toEqual({ FEWER: 47, SAME: 5, MORE: 24, FEW: 16, PAUSED: 5 });
		const looked = await readFormerFigures(w.deps.pool, { shopId: shop.shopId, connectionId });
		expect(looked.map(({ sku, original, sold, shows, to, kept }) => [sku, original, sold, shows, to, kept])).toEqual([
			["FEW", 2, 4, 16, 0, null],
			["FEWER", 10, 3, 47, 7, null],
			["MORE", 60, 0, 24, 24, null],
			["PAUSED", 1, 0, 5, null, "paused"],
			["SAME", 5, 0, 5, 5, null],
		]);
		expect(await ask(live)).toEqual({ outcome: "asked" });
		await w.run(store);
		expect(shown(store)).toEqual({ FEWER: 7, SAME: 5, MORE: 24, FEW: 0, PAUSED: 5 });
		expect(await connection(live)).toEqual({ state: "disconnected", credentials: null });
		expect(store.webhooks()).toEqual([]);
		expect(await w.all("SELECT actor, after FROM audit WHERE shop_id = $1 AND action = 'connection.disconnected'", [shop.shopId])).toEqual([
			{ actor: "user-7", after: { webhooksRemoved: true, restored: 4, refused: 0 } },
		]);
		await expectCoherentState(w.deps.pool, shop.shopId);
	});

	test("R45 what the channel or another one sells while the figures are on their way is not offered again either", async () => {
		const live = await openLive();
		const { shop, store } = live;
		await ask(live);
		expect(await step(live)).toEqual({ outcome: "waiting" });
		await w.buy(store, "FEWER", 2);
		await put(w.deps.pool, shop, [reading(1, 3, "2026-03-01T11:00:00Z")], { connection: "home" });
		await w.drain(shop);
		await w.run(store);
		expect(shown(store)).toMatchObject({ FEWER: 5, SAME: 3, MORE: 24 });
		expect((await connection(live)).state).toBe("disconnected");
	});

	test("R45 how far it is can be seen meanwhile; stopped, the rules count again and nothing has ended", async () => {
		const live = await openLive();
		const { shop, store, connectionId } = live;
		await ask(live);
		await step(live);
		expect(await setUp(live)).toMatchObject({ work: "restore", work_done: 2, work_total: 4 });
		expect(await stopRestoring(w.deps, shop.shopId, connectionId)).toBe(true);
		expect(await stopRestoring(w.deps, shop.shopId, connectionId)).toBe(false);
		await w.run(store);
		expect(shown(store)).toEqual({ FEWER: 47, SAME: 5, MORE: 24, FEW: 16, PAUSED: 5 });
		expect((await connection(live)).state).toBe("live");
		expect(await step(live)).toEqual({ outcome: "nothing" });
	});

	test("R45 a channel that does not answer is refused before anything is changed, and says what stays", async () => {
		const live = await openLive();
		const { store } = live;
		const before = shown(store);
		w.world.faults.onRequests(store.channel, "down", 1, { kind: "status", status: 503 });
		await ask(live);
		expect(await step(live)).toMatchObject({ outcome: "failed" });
		w.world.faults.clear(store.channel);
		expect((await setUp(live)).failed_reason).toMatch(/cannot be reached.*Nothing there was changed\. It is still connected/);
		expect([await frozen(live), (await connection(live)).state, shown(store)]).toEqual([[], "live", before]);
	});

	test("R45 one that goes away in the middle ends it: still connected, and in step by its rules when it is back", async () => {
		const live = await openLive();
		const { store, connectionId } = live;
		await ask(live);
		await step(live);
		await w.deps.pool.query("UPDATE connection SET breaker_failures = 5, breaker_until = now() + interval '1 hour' WHERE id = $1", [
			connectionId,
		]);
		expect(await step(live)).toMatchObject({ outcome: "failed" });
		expect((await setUp(live)).failed_reason).toMatch(/stopped answering when 2 of 4 listings .* still connected/);
		await w.deps.pool.query("UPDATE connection SET breaker_failures = 0, breaker_until = NULL WHERE id = $1", [connectionId]);
		await w.run(store);
		expect(shown(store)).toMatchObject({ FEWER: 47, FEW: 16 });
		expect((await connection(live)).state).toBe("live");
	});

	test("R45 a paused channel is not written to: it is refused, and pausing in the middle ends it", async () => {
		const live = await openLive();
		const { shop, connectionId } = live;
		await ask(live);
		await step(live);
		await pauseConnection(w.deps, shop.shopId, connectionId, "u");
		expect(await step(live)).toMatchObject({ outcome: "failed" });
		expect(await frozen(live)).toEqual([]);
		expect(await ask(live)).toMatchObject({ outcome: "refused" });
	});

	test("R08 R45 killed before or after any statement it goes on: the same figures, one end, one entry", async () => {
		const dieIn = async (call: "first" | "last", live: Together, dying: ReturnType<typeof dyingPool>) => {
			const { shopId } = live.shop;
			await ask(live);
			if (call === "last") {
				// Frozen, and everything written: what is left is the end.
				await step(live);
				await w.refill();
				const handlers = createHandlers({ ...w.deps, rescue: async () => {}, orderPollMs: 9e9, stockCheckMs: 9e9 });
				const context = { log: w.deps.log, signal: new AbortController().signal };
				await handlers["delivery.push"]?.({ shopId, connectionId: live.connectionId }, context);
			}
			await w.refill();
			const died = await runSetUp({ ...w.deps, pool: dying.pool }, shopId, live.connectionId).then(
				() => false,
				(error: unknown) => {
					if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
					return true;
				},
			);
			await w.run(live.store);
			return died;
		};
		for (const call of ["first", "last"] as const) {
			const clean = dyingPool(w.deps.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
			expect(await dieIn(call, await openLive(KILLED_SHELF), clean)).toBe(false);
			expect(clean.statements()).toBeGreaterThan(15);
			for (const { at, moment } of placesToDie(clean.statements(), 5)) {
				const live = await openLive(KILLED_SHELF);
				await dieIn(call, live, dyingPool(w.deps.pool, { at, moment }));
				const ended = [shown(live.store), (await connection(live)).state];
				expect([call, at, moment, ...ended]).toEqual([call, at, moment, { FEWER: 7, MORE: 24 }, "disconnected"]);
				const entries = await w.all("SELECT FROM audit WHERE shop_id = $1 AND action = 'connection.disconnected'", [live.shop.shopId]);
				expect([call, at, moment, entries.length]).toEqual([call, at, moment, 1]);
			}
		}
	}, 240_000);
});
