import { afterAll, beforeAll, expect, test } from "vitest";
import { openChannelBulk } from "../../tests/kit/channel-bulk.ts";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { expectCoherentState } from "../../tests/kit/shop.ts";
import { askForBulkUndo, askForListings, askForOrders, decideBulk, runBulk } from "./index.ts";

/** The adapter, a store that loses its webhooks, and the database: what a channel has is read once more, and counts once. */
let kit: Awaited<ReturnType<typeof openChannelBulk>>;
beforeAll(async () => {
	kit = await openChannelBulk();
});
afterAll(() => kit.w.close());

test("R06 R27 a channel's orders since a day are read once more: what was missed counts, once, however often; nothing before it is confirmed", async () => {
	const { w, join, miss, look, confirm, work, setOf, available } = kit;
	const joined = await join();
	const { shop, store } = joined;
	await w.buy(store, "TEA", 1);
	await w.run(store);
	await miss(joined, 3);
	const id = await look(joined);
	const again = await look(joined);
	expect(await available(joined)).toBe(99);
	expect(await setOf(joined, id)).toMatchObject({ state: "ready", source: "orders", summary: { known: 1, missing: 1, units: 3 } });
	expect(await confirm(joined, id)).toEqual({ outcome: "confirmed" });
	expect(await setOf(joined, id)).toMatchObject({ state: "running", total: 2, done: 0 });
	await work(joined);
	expect(await available(joined)).toBe(96);
	expect(await setOf(joined, id)).toMatchObject({ state: "done", done: 2, changed: 2, canRollBack: false });
	expect(await confirm(joined, again)).toEqual({ outcome: "confirmed" });
	await work(joined);
	expect(await setOf(joined, again)).toMatchObject({ state: "done", done: 2 });
	expect(await available(joined)).toBe(96);
	expect(await askForBulkUndo(w.deps, shop.shopId, { changeId: id, actor: "7" })).toEqual({ outcome: "nothing" });
	await expectCoherentState(w.deps.pool, shop.shopId);
});

test("R08 R27 killed before or after any statement of it, the next run reads them, and each counts once", async () => {
	const { w, join, miss, look, confirm, work, setOf, available } = kit;
	const live = async (at: number, moment: "before" | "after") => {
		const joined = await join();
		await miss(joined, 2);
		const id = await look(joined);
		await confirm(joined, id);
		const dying = dyingPool(w.deps.pool, { at, moment });
		await w.refill();
		await runBulk({ ...w.deps, pool: dying.pool }, joined.shop.shopId).catch((error: unknown) => {
			if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
		});
		await work(joined);
		expect([at, moment, await available(joined)]).toEqual([at, moment, 98]);
		expect(await setOf(joined, id)).toMatchObject({ state: "done", changed: 1 });
		return dying.statements();
	};
	const statements = await live(Number.POSITIVE_INFINITY, "before");
	for (const { at, moment } of placesToDie(statements, 2)) await live(at, moment);
}, 120_000);

test("R27 R31 where the channel does not let itself be read it stops with the reason, and goes on when somebody says so", async () => {
	const { w, join, miss, look, confirm, work, setOf, available } = kit;
	const joined = await join();
	const { shop, store, connectionId } = joined;
	await miss(joined, 3);
	const id = await look(joined);
	await confirm(joined, id);
	const set = (column: string, value: string) =>
		w.deps.pool.query(`UPDATE connection SET ${column} = $2 WHERE id = $1`, [connectionId, value]);
	const goOn = async () => {
		expect(await decideBulk(w.deps, shop.shopId, { changeId: id, word: "resume", actor: "7" })).toBe("decided");
		await work(joined);
	};
	await set("state", "disconnected");
	await work(joined);
	expect(await setOf(joined, id)).toMatchObject({ state: "paused", refusal: "The channel is disconnected." });
	await set("state", "watching");
	const key = store.state.keys.get(store.keys.consumerKey);
	store.revokeKey(store.keys.consumerKey);
	await goOn();
	expect(await setOf(joined, id)).toMatchObject({ state: "paused", refusal: expect.stringMatching(/\w/) });
	expect(await w.one("SELECT health FROM connection WHERE id = $1", [connectionId])).toEqual({ health: "red" });
	if (key) store.state.keys.set(store.keys.consumerKey, key);
	await goOn();
	expect(await setOf(joined, id)).toMatchObject({ state: "done", refusal: null });
	expect(await available(joined)).toBe(97);
});

test("R25 R27 every listing of a channel is marked to be read, some at a time", async () => {
	const { w, join, confirm, work, setOf } = kit;
	const joined = await join();
	const { shop, connectionId } = joined;
	await w.deps.pool.query("UPDATE listing SET dirty_since = NULL WHERE shop_id = $1", [shop.shopId]);
	const asked = await askForListings(w.deps, shop.shopId, { connectionId, actor: "7", press: "l" });
	if (asked.outcome !== "asked") throw new Error(asked.outcome);
	expect(await setOf(joined, asked.changeId)).toMatchObject({ state: "ready", total: 1 });
	await confirm(joined, asked.changeId);
	await work(joined);
	expect(await setOf(joined, asked.changeId)).toMatchObject({ state: "done", total: 1, done: 1 });
	expect(await w.one("SELECT dirty_since IS NOT NULL AS waits FROM listing WHERE shop_id = $1 AND sku = 'TEA'", [shop.shopId])).toEqual({
		waits: true,
	});
});

test("R27 R37 not further back than orders are read, not of a channel that counts nothing yet, not of another shop's", async () => {
	const { w, join } = kit;
	const [one, other] = [await join(), await join()];
	const since = new Date(Date.now() - 86_400_000);
	let presses = 0;
	const ask = (over: object) =>
		askForOrders(w.deps, one.shop.shopId, { connectionId: one.connectionId, since, actor: "7", press: `x${++presses}`, ...over });
	expect(await ask({ since: new Date(Date.now() - 91 * 86_400_000) })).toEqual({ outcome: "too-far" });
	expect(await ask({ since: new Date(Date.now() + 3_600_000) })).toEqual({ outcome: "too-far" });
	expect(await ask({ connectionId: other.connectionId })).toEqual({ outcome: "unknown" });
	await w.deps.pool.query("UPDATE connection SET cut_at = NULL WHERE id = $1", [one.connectionId]);
	expect(await ask({})).toEqual({ outcome: "unknown" });
});
