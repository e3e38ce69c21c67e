import { afterAll, beforeAll, expect, test } from "vitest";
import { ordersCsv } from "#app/pages/bulk/orders-csv.ts";
import { readBulkPage } from "#app/pages/bulk/read-bulk.ts";
import { interruptedPool, type Joined, openChannelBulk } from "../../../tests/kit/channel-bulk.ts";
import { dyingPool, Killed, placesToDie } from "../../../tests/kit/dying-pool.ts";
import type { OpenStore } from "../../../tests/kit/guest-world.ts";
import { expectCoherentState } from "../../../tests/kit/shop.ts";
import { askForOrders, findWaitingBulks, lookAgain, putAway, runBulk } from "../index.ts";

/** A channel's orders are looked at before they are read again: the adapter, a store that loses its webhooks, and the database. */
let kit: Awaited<ReturnType<typeof openChannelBulk>>;
beforeAll(async () => {
	kit = await openChannelBulk();
});
afterAll(() => kit.w.close());

const NOTHING = { known: 0, changed: 0, missing: 0, older: 0, heard: 0, unreadable: 0, units: 0, unlinked: 0, recent: 0, isCut: false };
/** Bought an hour before the channel is connected. */
const buyEarly = async (store: OpenStore): Promise<number> => {
	const id = await kit.w.buy(store, "TEA", 1);
	const order = store.state.orders.get(id);
	if (order) for (const clock of ["createdAt", "modifiedAt"] as const) order[clock] -= 3_600;
	return id;
};
const pageOf = ({ shop }: Joined, changeId: number) => readBulkPage(kit.w.deps.pool, shop.shopId, { changeId, right: "operate" });

test("R27 each order is what it is: known, missing, changed, from before, heard of, or not understood; and nothing of it is in the inbox", async () => {
	const { w, join, miss, untold, ask, work, setOf, inbox, available } = kit;
	let early = 0;
	const joined = await join({
		before: async (store) => {
			early = await buyEarly(store);
		},
	});
	const { shop, store, connectionId } = joined;
	const changing = await w.buy(store, "TEA", 5);
	await w.buy(store, "TEA", 1);
	await w.run(store);
	// Of these no message comes, nor of what becomes of the first.
	await untold(joined, () => store.cancelOrder(changing));
	await miss(joined, 3);
	await miss(joined, 2, "CUP");
	const strange = await miss(joined, 1);
	const order = store.state.orders.get(strange);
	if (order) order.status = "packed-by-plugin";
	// An order that waits to be counted, and one from before the channel was connected that is not known here.
	await w.buy(store, "TEA", 4);
	await store.runQueue();
	for (const table of ["order_line", "sales_order"])
		await w.deps.pool.query(`DELETE FROM ${table} WHERE shop_id = $1 AND order_id = $2`, [shop.shopId, String(early)]);
	const before = await inbox(joined);
	const was = await available(joined);

	const id = await ask(joined);
	expect(await setOf(joined, id)).toMatchObject({ state: "reading", linesRead: 0, summary: null });
	expect(await findWaitingBulks(w.deps.pool)).toContain(shop.shopId);
	await w.refill();
	await runBulk(w.deps, shop.shopId);
	expect(await findWaitingBulks(w.deps.pool)).not.toContain(shop.shopId);
	expect(await inbox(joined)).toBe(before);
	expect(await available(joined)).toBe(was);
	const seen = await setOf(joined, id);
	expect(seen).toMatchObject({ state: "ready", source: "orders", connectionId, total: 7, linesRead: 7 });
	expect(seen?.summary).toEqual({
		...{ kind: "orders", orders: 7, known: 1, changed: 1, missing: 2, older: 1, heard: 1, unreadable: 1 },
		...{ units: 3, unlinked: 2, recent: 2, isCut: false },
	});
	// What was heard of counts by itself, and what is missing only when somebody says so.
	await work(joined);
	expect(await available(joined)).toBe(was - 4);
});

test("R27 what is linked to nothing, ignored, not counted, or held by a copy in Shopify takes nothing", async () => {
	const { w, join, miss, look, setOf } = kit;
	const joined = await join();
	const { shop, connectionId } = joined;
	const query = (sql: string, ...values: unknown[]) => w.deps.pool.query(sql, [shop.shopId, ...values]);
	const seen = async () => (await setOf(joined, await look(joined)))?.summary;
	const number = await miss(joined, 3);
	await miss(joined, 2, "CUP");
	await query("UPDATE listing SET link_state = 'ignored' WHERE shop_id = $1 AND sku = 'CUP'");
	expect(await seen()).toMatchObject({ missing: 2, units: 3, unlinked: 0 });
	await query("UPDATE item SET tracked = false WHERE shop_id = $1");
	expect(await seen()).toMatchObject({ missing: 2, units: 0 });
	await query("UPDATE item SET tracked = true WHERE shop_id = $1");
	await query(
		`INSERT INTO sales_order (shop_id, connection_id, order_id, created_on_channel_at, stamp, content_hash, as_of, first_source, source_identifier)
		 VALUES ($1, $2, 'copy', now(), now(), 'x', now(), 'webhook', $3)`,
		shop.home,
		String(number),
	);
	await query(
		"INSERT INTO order_line (shop_id, connection_id, order_id, line_id, item_id, held) VALUES ($1, $2, 'copy', '1', $3, 2)",
		shop.home,
		shop.items[0],
	);
	expect(await seen()).toMatchObject({ missing: 2, units: 3 });
	await query("UPDATE connection SET mirror = 'takes-stock' WHERE shop_id = $1 AND id = $2", connectionId);
	expect(await seen()).toMatchObject({ missing: 2, units: 1 });
});

test("R27 the newest are shown, and all of them are in a file", async () => {
	const { w, join, miss, look, setOf } = kit;
	const joined = await join();
	const ids: number[] = [];
	for (let units = 1; units <= 11; units++) {
		const id = await miss(joined, units);
		const order = joined.store.state.orders.get(id);
		// A second apart, as the store's clock goes.
		if (order) order.createdAt += units - 11;
		ids.push(id);
	}
	await w.deps.pool.query("UPDATE connection SET cut_at = now() - interval '1 hour' WHERE id = $1", [joined.connectionId]);
	const id = await look(joined);
	const page = await pageOf(joined, id);
	expect(page?.ordersShown.map(({ units, kind }) => [units, kind])).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2].map((n) => [n, "missing"]));
	expect(page?.offer).toBe("first");
	expect(JSON.stringify(page?.summary)).not.toContain("placedAt");
	const csv = async () => {
		const set = await setOf(joined, id);
		let text = "";
		if (set) for await (const part of ordersCsv(w.deps.pool, joined.shop.shopId, set)) text += part;
		return text.trim().split("\r\n");
	};
	const lines = await csv();
	expect(lines).toHaveLength(12);
	expect(lines[1]).toMatch(new RegExp(`#${ids[10]}.*Missing.*11`));
	await w.deps.pool.query("UPDATE bulk_change SET summary = jsonb_set(summary, '{missing}', '1500') WHERE id = $1", [id]);
	expect((await csv()).at(-1)).toContain("And 1489 older ones, which are not listed");
});

test("R08 R27 killed before or after any statement of the look, the next one begins anew and sees the same; nothing is in the inbox", async () => {
	const { w, join, miss, ask, work, setOf, inbox } = kit;
	const joined = await join();
	await w.buy(joined.store, "TEA", 1);
	await w.run(joined.store);
	await miss(joined, 2);
	const before = await inbox(joined);
	const live = async (at: number, moment: "before" | "after") => {
		const id = await ask(joined);
		const dying = dyingPool(w.deps.pool, { at, moment });
		await w.refill();
		await runBulk({ ...w.deps, pool: dying.pool }, joined.shop.shopId).catch((error: unknown) => {
			if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
		});
		await work(joined);
		const set = await setOf(joined, id);
		expect([at, moment, set?.state, set?.summary]).toEqual([
			...[at, moment, "ready"],
			{ ...NOTHING, kind: "orders", orders: 2, known: 1, missing: 1, units: 2, recent: expect.any(Number) },
		]);
		expect(await inbox(joined)).toBe(before);
		await putAway(w.deps, joined.shop.shopId, id);
		return dying.statements();
	};
	const statements = await live(Number.POSITIVE_INFINITY, "before");
	expect(statements).toBeGreaterThan(10);
	for (const { at, moment } of placesToDie(statements)) await live(at, moment);
}, 120_000);

test("R27 put away while it is looked at it is gone, disconnected it says so, and of a shop that has uninstalled nothing is said until it is back", async () => {
	const { w, join, miss, ask, work, setOf, inbox } = kit;
	const joined = await join();
	const { shop, connectionId } = joined;
	await miss(joined, 2);
	const before = await inbox(joined);
	const query = (sql: string, of: number) => w.deps.pool.query(sql, [of]);
	const during = async (at: number, act: (id: number) => Promise<unknown>): Promise<{ id: number; statements: number }> => {
		const id = await ask(joined);
		const interrupted = interruptedPool(w.deps.pool, at, () => act(id));
		await w.refill();
		await runBulk({ ...w.deps, pool: interrupted.pool }, shop.shopId);
		expect(await inbox(joined)).toBe(before);
		return { id, statements: interrupted.statements() };
	};
	const { id: clean, statements } = await during(0, async () => {});
	expect(await setOf(joined, clean)).toMatchObject({ state: "ready" });
	await putAway(w.deps, shop.shopId, clean);
	for (let at = 1; at <= statements; at++) {
		const put = await during(at, (id) => putAway(w.deps, shop.shopId, id));
		expect([at, await setOf(joined, put.id)]).toEqual([at, null]);

		const cut = await during(at, () => query("UPDATE connection SET state = 'disconnected' WHERE id = $1", connectionId));
		await work(joined);
		const after = await setOf(joined, cut.id);
		if (after?.state !== "ready")
			expect([at, after]).toMatchObject([at, { state: "refused", refusal: "The channel is disconnected.", summary: null }]);
		await query("UPDATE connection SET state = 'watching' WHERE id = $1", connectionId);
		await putAway(w.deps, shop.shopId, cut.id);

		const left = await during(at, () => query("UPDATE shop SET state = 'uninstalled' WHERE id = $1", shop.shopId));
		expect([at, (await setOf(joined, left.id))?.refusal]).toEqual([at, null]);
		expect(await findWaitingBulks(w.deps.pool)).not.toContain(shop.shopId);
		await query("UPDATE shop SET state = 'installed' WHERE id = $1", shop.shopId);
		await work(joined);
		expect([at, await setOf(joined, left.id)]).toMatchObject([at, { state: "ready", summary: { missing: 1, units: 2 } }]);
		await putAway(w.deps, shop.shopId, left.id);
	}
}, 120_000);

test("R27 two workers at once see the same, once; asked for twice by one press it is one", async () => {
	const { w, join, miss, ask, setOf, inbox } = kit;
	const joined = await join();
	await miss(joined, 2);
	const before = await inbox(joined);
	const id = await ask(joined);
	await w.refill();
	await Promise.all([1, 2, 3].map(() => runBulk(w.deps, joined.shop.shopId)));
	expect(await setOf(joined, id)).toMatchObject({ state: "ready", linesRead: 1, summary: { orders: 1, missing: 1, units: 2 } });
	expect(await inbox(joined)).toBe(before);
	const wish = { connectionId: joined.connectionId, since: new Date(), actor: "7", press: "twice" };
	const twice = await Promise.all([1, 2].map(() => askForOrders(w.deps, joined.shop.shopId, wish)));
	expect(new Set(twice.map((asked) => JSON.stringify(asked))).size).toBe(1);
});

test("R06 R27 an order that arrives by its webhook between the look and the word counts once", async () => {
	const { w, join, look, confirm, work, setOf, available } = kit;
	const joined = await join();
	await w.buy(joined.store, "TEA", 3);
	const id = await look(joined);
	expect((await setOf(joined, id))?.summary).toMatchObject({ missing: 1, units: 3, recent: 1 });
	expect(await available(joined)).toBe(100);
	await w.run(joined.store);
	expect(await available(joined)).toBe(97);
	expect(await confirm(joined, id)).toEqual({ outcome: "confirmed" });
	await work(joined);
	expect(await setOf(joined, id)).toMatchObject({ state: "done", done: 1 });
	expect(await available(joined)).toBe(97);
	await expectCoherentState(w.deps.pool, joined.shop.shopId);
});

test("R27 where all is here there is nothing to confirm; what only is from before may be noted, and is not offered first", async () => {
	const { w, join, look, confirm, work, setOf, available } = kit;
	let early = 0;
	const joined = await join({
		before: async (store) => {
			early = await buyEarly(store);
		},
	});
	const all = await look(joined);
	expect((await setOf(joined, all))?.summary).toEqual({ ...NOTHING, kind: "orders", orders: 1, known: 1 });
	expect(await pageOf(joined, all)).toMatchObject({ offer: "none", ordersShown: [] });
	expect(await confirm(joined, all)).toEqual({ outcome: "nothing" });
	for (const table of ["order_line", "sales_order"])
		await w.deps.pool.query(`DELETE FROM ${table} WHERE shop_id = $1 AND order_id = $2`, [joined.shop.shopId, String(early)]);
	const older = await look(joined);
	expect(await pageOf(joined, older)).toMatchObject({ offer: "second", summary: { older: 1, missing: 0 } });
	const was = await available(joined);
	expect(await confirm(joined, older)).toEqual({ outcome: "confirmed" });
	await work(joined);
	expect(await available(joined)).toBe(was);
	expect((await setOf(joined, await look(joined)))?.summary).toMatchObject({ known: 1, older: 0 });
});

test("R27 no more are looked at than a look may, and it says that there are more; what is among them is counted all the same", async () => {
	const { w, join, miss, untold, ask, work, confirm, setOf, available } = kit;
	const joined = await join();
	await miss(joined, 1);
	// The adapter asks for the trash last, so there is a second page.
	const thrown = await miss(joined, 2);
	await untold(joined, async () => joined.store.trashOrder(thrown));
	for (const bounds of [{ ordersMax: 1 }, { lookMsMax: 0 }]) {
		const id = await ask(joined);
		await work(joined, bounds);
		expect(await setOf(joined, id)).toMatchObject({ state: "ready", summary: { orders: 1, missing: 1, units: 1, isCut: true } });
		expect(await pageOf(joined, id)).toMatchObject({ offer: "first" });
	}
	const exact = await ask(joined);
	await work(joined, { ordersMax: 2 });
	expect(await setOf(joined, exact)).toMatchObject({ summary: { orders: 2, missing: 2, units: 3, isCut: false } });
	await confirm(joined, exact);
	await work(joined);
	expect(await available(joined)).toBe(97);
	const none = await ask(joined);
	await work(joined, { ordersMax: 1 });
	expect(await pageOf(joined, none)).toMatchObject({ offer: "first", summary: { missing: 0, isCut: true } });
	expect(await confirm(joined, none)).toEqual({ outcome: "confirmed" });
	await work(joined);
	await expectCoherentState(w.deps.pool, joined.shop.shopId);
});

test("R27 R31 a channel that cannot be read says why, turns red where its keys are refused, and is looked at again on one press", async () => {
	const { w, join, miss, look, work, confirm, setOf, inbox } = kit;
	const joined = await join();
	const { shop, store, connectionId } = joined;
	await miss(joined, 2);
	const before = await inbox(joined);
	w.world.faults.onRequests(store.channel, "down", 1, { kind: "status", status: 503 });
	const id = await look(joined);
	const refused = await setOf(joined, id);
	expect(refused).toMatchObject({ state: "refused", summary: null });
	expect(refused?.refusal).not.toMatch(/\(GET|undefined/);
	expect(await confirm(joined, id)).toEqual({ outcome: "over" });
	w.world.faults.clear(store.channel);
	const key = store.state.keys.get(store.keys.consumerKey);
	store.revokeKey(store.keys.consumerKey);
	expect([await lookAgain(w.deps, shop.shopId, id), await lookAgain(w.deps, shop.shopId, id)]).toEqual([true, false]);
	await work(joined);
	expect(await setOf(joined, id)).toMatchObject({ state: "refused" });
	expect(await w.one("SELECT health FROM connection WHERE id = $1", [connectionId])).toEqual({ health: "red" });
	if (key) store.state.keys.set(store.keys.consumerKey, key);
	expect(await lookAgain(w.deps, shop.shopId, id)).toBe(true);
	await work(joined);
	expect(await setOf(joined, id)).toMatchObject({ state: "ready", refusal: null, summary: { missing: 1, units: 2 } });
	// Looked at once more it is as of then; confirmed, or another shop's, it is not.
	expect(await lookAgain(w.deps, shop.shopId, id)).toBe(true);
	expect(await confirm(joined, id)).toEqual({ outcome: "over" });
	await work(joined);
	expect(await inbox(joined)).toBe(before);
	const other = await join();
	expect(await lookAgain(w.deps, other.shop.shopId, id)).toBe(false);
	expect(await confirm(joined, id)).toEqual({ outcome: "confirmed" });
	expect(await lookAgain(w.deps, shop.shopId, id)).toBe(false);
	await work(joined);
	expect(await setOf(joined, id)).toMatchObject({ state: "done", done: 1 });
});

test("R27 so many drafts wait at once and no more", async () => {
	const { w, join, ask } = kit;
	const joined = await join();
	for (let n = 0; n < 10; n++) await ask(joined);
	const wish = { connectionId: joined.connectionId, since: new Date(), actor: "7", press: "one more" };
	expect(await askForOrders(w.deps, joined.shop.shopId, wish)).toEqual({ outcome: "too-many" });
});
