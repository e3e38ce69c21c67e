import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { cancelOrder, runCancellations } from "#app/oversells/index.ts";
import { readOversell } from "#app/pages/oversells/read-card.ts";
import { startWeb, type Web } from "../../server/web.ts";
import { dyingPool, placesToDie } from "../kit/dying-pool.ts";
import { runRiver } from "../kit/river.ts";
import { APP_ORIGIN, openRiverWorld, type RiverWorld } from "../kit/river-world.ts";
import { expectCoherentState } from "../kit/shop.ts";

/** A shop and a store that sell the same, and the app's own web server: two units there are of each. */
const SKUS = ["CUP", "MUG", "PAN", "POT", ...Array.from({ length: 60 }, (_, n) => `DIE-${n}`)] as const;
let w: RiverWorld;
let web: Web;
let dataDir: string;
beforeAll(async () => {
	w = await openRiverWorld({ name: "owing-shop", skus: SKUS, opening: 2, storeQueueMs: 1, seed: 12 });
	dataDir = await mkdtemp(join(tmpdir(), "lockstep-owing-"));
	web = await startWeb(w.kit.deps, { port: 0, host: "127.0.0.1", dataDir, endpoints: {} });
	w.kit.world.route(APP_ORIGIN, `http://127.0.0.1:${web.port}`);
}, 120_000);
afterAll(async () => {
	await web?.close();
	await w?.close();
	await rm(dataDir, { recursive: true, force: true });
});
beforeEach(() => query("DELETE FROM rate_budget"));

const query = (sql: string, values: unknown[] = []) => w.kit.database.pool.query(sql, values);
const deps = () => ({ ...w.kit.deps, publicUrl: APP_ORIGIN, rescue: async () => {} });
const river = () => runRiver(deps(), { polls: false });
const one = async <Row extends object>(sql: string, values: unknown[] = []) => (await query(sql, [w.shopId, ...values])).rows[0] as Row;

/** Staff of the store takes an order of three, of two that there are. Returns the id of the oversell, and its order and connection. */
async function owe(sku: string): Promise<{ id: number; orderId: number; connectionId: number }> {
	const productId = w.store.products().find((product) => product.sku === sku)?.productId ?? 0;
	await w.store.placeOrder({ status: "processing", lines: [{ product_id: productId, quantity: 3 }] });
	await w.delivered();
	await w.kit.quiet(w.shopId);
	const owed = await one<{ id: number; order_id: string; connection_id: number }>(
		"SELECT o.id, o.order_id, o.connection_id FROM oversell o JOIN item i ON i.shop_id = o.shop_id AND i.id = o.item_id WHERE o.shop_id = $1 AND i.sku = $2",
		[sku],
	);
	return { id: owed.id, orderId: Number(owed.order_id), connectionId: owed.connection_id };
}
const ask = ({ id }: { id: number }) => cancelOrder(w.kit.deps, w.shopId, { oversellId: id, actor: "ann" });
const run = ({ connectionId }: { connectionId: number }, pool = w.kit.database.pool) =>
	runCancellations({ ...w.kit.deps, pool }, w.shopId, connectionId);
const wish = ({ orderId }: { orderId: number }) =>
	one<{ state: string; reason: string | null }>("SELECT state, reason FROM order_cancellation WHERE shop_id = $1 AND order_id = $2", [
		`${orderId}`,
	]);
const owed = ({ id }: { id: number }) => one<object>("SELECT state, cancelled, covered FROM oversell WHERE shop_id = $1 AND id = $2", [id]);
const statusOf = ({ orderId }: { orderId: number }) => w.store.orders().find(({ id }) => id === orderId)?.status;
/** As if the pause were over, and whoever held it were gone. */
const later = () => query("UPDATE order_cancellation SET due_at = now(), claimed_until = NULL");
const puts = () => w.kit.world.books.calls(w.store.channel).filter(({ operation }) => operation === "PUT orders/{id}").length;

test("R11 the order is cancelled at the store, its own message frees the units, and everything ends in step", async () => {
	const order = await owe("CUP");
	await river();
	expect(await one("SELECT desired, shown FROM listing WHERE shop_id = $1 AND sku = $2", ["CUP"])).toMatchObject({ desired: 0 });
	expect(await Promise.all([ask(order), ask(order), ask(order)])).toEqual(expect.arrayContaining(["asked", "unchanged", "unchanged"]));
	await river();
	await w.delivered();
	await river();
	expect([statusOf(order), await wish(order), await owed(order)]).toEqual([
		"cancelled",
		{ state: "taken", reason: null },
		{ state: "cancelled", cancelled: 1, covered: 1 },
	]);
	const card = await readOversell(w.kit.database.pool, w.shopId, { id: order.id, reader: "ann" });
	expect(card).toMatchObject({ state: "solved", ways: { cancel: { can: false } } });
	expect(card?.history.map(({ what }) => what.split(":")[0])).toEqual([
		`1 unit of CUP left order #${order.orderId} on ${card?.channel}`,
		`Asked to cancel order #${order.orderId} on ${card?.channel}`,
	]);
	expect(await ask(order)).toBe("over");
	await w.delivered();
	await w.kit.quiet(w.shopId);
	await expectCoherentState(w.kit.database.pool, w.shopId);
	// What sells so fast is raised some seconds later: the figure to show is the one of before already.
	expect([w.shop.available("CUP"), await one("SELECT desired FROM listing WHERE shop_id = $1 AND sku = $2", ["CUP"])]).toEqual([
		2,
		{ desired: 2 },
	]);
});

test("R11 an answer that never came is read, not sent again", async () => {
	const order = await owe("MUG");
	await ask(order);
	const before = puts();
	w.kit.world.faults.next(w.store.channel, 1, { kind: "lands-late", delayMs: 30 }, (operation) => operation === "PUT orders/{id}");
	await run(order);
	expect(await wish(order)).toEqual({ state: "sent", reason: null });
	// The store has carried it out by then.
	await sleep(200);
	await later();
	await run(order);
	expect([await wish(order), statusOf(order), puts() - before]).toEqual([{ state: "taken", reason: null }, "cancelled", 1]);
	await river();
	expect(await owed(order)).toMatchObject({ state: "cancelled" });
});

test("R11 one that was sent and never carried out is given back to the person, and only their second word sends it again", async () => {
	const order = await owe("PAN");
	await ask(order);
	await query("UPDATE order_cancellation SET state = 'sent', sent_at = now() - interval '1 minute' WHERE order_id = $1", [
		`${order.orderId}`,
	]);
	const before = puts();
	await run(order);
	expect(await wish(order)).toMatchObject({ state: "sent" });
	await query("UPDATE order_cancellation SET sent_at = now() - interval '1 hour' WHERE order_id = $1", [`${order.orderId}`]);
	await later();
	await run(order);
	expect([await wish(order), puts() - before]).toEqual([
		{ state: "refused", reason: "It did not answer, and the order is not cancelled." },
		0,
	]);
	expect(await ask(order)).toBe("asked");
	await run(order);
	expect([await wish(order), statusOf(order)]).toEqual([{ state: "taken", reason: null }, "cancelled"]);
});

test("R11 an order that has been sent to its buyer is not cancelled, and why is said", async () => {
	const order = await owe("POT");
	await w.store.setOrderStatus(order.orderId, "completed");
	await ask(order);
	const before = puts();
	await run(order);
	expect([await wish(order), puts() - before, statusOf(order)]).toEqual([
		{ state: "refused", reason: "The order is “completed” in the store." },
		0,
		"completed",
	]);
	await river();
	expect(await owed(order)).toMatchObject({ state: "open" });
	const card = await readOversell(w.kit.database.pool, w.shopId, { id: order.id, reader: "ann" });
	expect(card?.history[0]?.what).toContain("was not cancelled");
});

test("R08 R11 killed before or after any statement: at most one request leaves, and it ends cancelled or in the person's hands", async () => {
	const round = async (sku: string, place: { at: number; moment: "before" | "after" }) => {
		const order = await owe(sku);
		await ask(order);
		const before = puts();
		const dying = dyingPool(w.kit.database.pool, place);
		await run(order, dying.pool).catch(() => {});
		for (let n = 0; n < 3; n++) {
			await query("DELETE FROM rate_budget");
			await query("UPDATE order_cancellation SET sent_at = sent_at - interval '1 hour'");
			await later();
			await run(order);
		}
		await w.delivered();
		await river();
		const { state } = await wish(order);
		expect([place, puts() - before <= 1, state, statusOf(order)]).toEqual([
			place,
			true,
			state === "refused" ? "refused" : "taken",
			state === "refused" ? "processing" : "cancelled",
		]);
		expect(await owed(order)).toMatchObject({ state: state === "refused" ? "open" : "cancelled" });
		return dying.statements();
	};
	const statements = await round("DIE-0", { at: Number.POSITIVE_INFINITY, moment: "before" });
	expect(statements).toBeGreaterThan(8);
	const places = placesToDie(statements);
	expect(places.length).toBeLessThan(60);
	for (const [n, place] of places.entries()) await round(`DIE-${n + 1}`, place);
	await w.delivered();
	await w.kit.quiet(w.shopId);
	await expectCoherentState(w.kit.database.pool, w.shopId);
}, 240_000);
