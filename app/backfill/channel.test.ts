import { afterAll, beforeAll, expect, test } from "vitest";
import { dyingPool, Killed, placesToDie } from "../../tests/kit/dying-pool.ts";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../../tests/kit/guest-world.ts";
import { expectCoherentState, stockOf, type TestShop } from "../../tests/kit/shop.ts";
import { askForBulkUndo, askForListings, askForOrders, confirmBulk, decideBulk, readBulk, runBulk } from "./index.ts";

/** The adapter, a store that loses its webhooks, and the database: what a channel has is read once more, and counts once. */
let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

type Joined = { shop: TestShop; store: OpenStore; connectionId: number };
let presses = 0;
async function join(): Promise<Joined> {
	const shop = await w.shop([{ sku: "TEA", stock: 100 }]);
	const store = w.store([{ sku: "TEA", quantity: 100 }]);
	const connectionId = await w.join(shop, store, { watch: true });
	await w.run(store);
	return { shop, store, connectionId };
}
/** An order of which no webhook tells, and which no poll looks for any more. */
async function miss({ store, shop }: Joined, units: number): Promise<void> {
	w.world.faults.onWebhooks(store.channel, "lost", 1, { kind: "lost" });
	await w.buy(store, "TEA", units);
	await store.runQueue();
	w.world.faults.clear(store.channel);
	await w.deps.pool.query("UPDATE connection SET order_watermark = now() + interval '1 day' WHERE shop_id = $1 AND NOT is_home", [
		shop.shopId,
	]);
}
const available = async ({ shop }: Joined) => (await stockOf(w.deps.pool, shop, 0)).available;
const since = () => new Date(Date.now() - 86_400_000);
async function askOrders({ shop, connectionId }: Joined, over: { since?: Date } = {}): Promise<number> {
	const asked = await askForOrders(w.deps, shop.shopId, { connectionId, since: since(), actor: "7", press: `o${++presses}`, ...over });
	if (asked.outcome !== "asked") throw new Error(asked.outcome);
	return asked.changeId;
}
const confirm = ({ shop }: Joined, changeId: number) =>
	confirmBulk(w.deps, shop.shopId, { changeId, leaveOut: false, actor: "7", right: "operate" });
async function finish(joined: Joined, deps = w.deps): Promise<void> {
	await w.refill();
	await runBulk(deps, joined.shop.shopId);
	await w.drain(joined.shop);
}

test("R06 R27 a channel's orders since a day are read once more: what was missed counts, once, however often; nothing before it is confirmed", async () => {
	const joined = await join();
	await w.buy(joined.store, "TEA", 1);
	await w.run(joined.store);
	await miss(joined, 3);
	const id = await askOrders(joined);
	await finish(joined);
	expect(await available(joined)).toBe(99);
	expect(await readBulk(w.deps.pool, joined.shop.shopId, id)).toMatchObject({ state: "ready", source: "orders" });
	expect(await confirm(joined, id)).toEqual({ outcome: "confirmed" });
	await finish(joined);
	expect(await available(joined)).toBe(96);
	expect(await readBulk(w.deps.pool, joined.shop.shopId, id)).toMatchObject({ state: "done", done: 2, changed: 2, canRollBack: false });
	const again = await askOrders(joined);
	await confirm(joined, again);
	await finish(joined);
	expect(await available(joined)).toBe(96);
	expect(await askForBulkUndo(w.deps, joined.shop.shopId, { changeId: id, actor: "7" })).toEqual({ outcome: "nothing" });
	await expectCoherentState(w.deps.pool, joined.shop.shopId);
});

test("R08 R27 killed before or after any statement of it, the next run reads them, and each counts once", async () => {
	const live = async (at: number, moment: "before" | "after") => {
		const joined = await join();
		await miss(joined, 2);
		const id = await askOrders(joined);
		await confirm(joined, id);
		const dying = dyingPool(w.deps.pool, { at, moment });
		await w.refill();
		await runBulk({ ...w.deps, pool: dying.pool }, joined.shop.shopId).catch((error: unknown) => {
			if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
		});
		await finish(joined);
		expect([at, moment, await available(joined)]).toEqual([at, moment, 98]);
		expect(await readBulk(w.deps.pool, joined.shop.shopId, id)).toMatchObject({ state: "done", changed: 1 });
		return dying.statements();
	};
	const statements = await live(Number.POSITIVE_INFINITY, "before");
	for (const { at, moment } of placesToDie(statements, 2)) await live(at, moment);
}, 120_000);

test("R27 where the channel does not let itself be read it stops with the reason, and goes on when somebody says so", async () => {
	const joined = await join();
	await miss(joined, 3);
	const id = await askOrders(joined);
	await confirm(joined, id);
	await w.deps.pool.query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [joined.connectionId]);
	await finish(joined);
	expect(await readBulk(w.deps.pool, joined.shop.shopId, id)).toMatchObject({
		state: "paused",
		refusal: expect.stringContaining("disconnected"),
	});
	await w.deps.pool.query("UPDATE connection SET state = 'watching' WHERE id = $1", [joined.connectionId]);
	expect(await decideBulk(w.deps, joined.shop.shopId, { changeId: id, word: "resume", actor: "7" })).toBe("decided");
	await finish(joined);
	expect(await readBulk(w.deps.pool, joined.shop.shopId, id)).toMatchObject({ state: "done", refusal: null });
	expect(await available(joined)).toBe(97);
});

test("R25 R27 every listing of a channel is marked to be read, some at a time", async () => {
	const joined = await join();
	const { shop, connectionId } = joined;
	await w.deps.pool.query("UPDATE listing SET dirty_since = NULL WHERE shop_id = $1", [shop.shopId]);
	const asked = await askForListings(w.deps, shop.shopId, { connectionId, actor: "7", press: "l" });
	if (asked.outcome !== "asked") throw new Error(asked.outcome);
	await confirm(joined, asked.changeId);
	await finish(joined);
	expect(await readBulk(w.deps.pool, shop.shopId, asked.changeId)).toMatchObject({ state: "done", total: 1, done: 1 });
	expect(await w.one("SELECT dirty_since IS NOT NULL AS waits FROM listing WHERE shop_id = $1", [shop.shopId])).toEqual({ waits: true });
});

test("R27 R37 not further back than orders are read, not of a channel that counts nothing yet, not of another shop's", async () => {
	const [one, other] = [await join(), await join()];
	const ask = (over: object) =>
		askForOrders(w.deps, one.shop.shopId, { connectionId: one.connectionId, since: since(), actor: "7", press: `o${++presses}`, ...over });
	expect(await ask({ since: new Date(Date.now() - 91 * 86_400_000) })).toEqual({ outcome: "too-far" });
	expect(await ask({ since: new Date(Date.now() + 3_600_000) })).toEqual({ outcome: "too-far" });
	expect(await ask({ connectionId: other.connectionId })).toEqual({ outcome: "unknown" });
	await w.deps.pool.query("UPDATE connection SET cut_at = NULL WHERE id = $1", [one.connectionId]);
	expect(await ask({})).toEqual({ outcome: "unknown" });
});
