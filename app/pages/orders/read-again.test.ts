import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { askForOrder, readReplay, runReplays } from "#app/replay/index.ts";
import type { Deps } from "#connections";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { drain, openShop } from "../../../tests/kit/delivery.ts";
import { dyingPool, Killed, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { parkMessage } from "../../../tests/kit/failures.ts";
import { expectCoherentState, order, put, stockOf, type TestShop } from "../../../tests/kit/shop.ts";
import { readAgain } from "./read-again.ts";
import { readOrder } from "./read-order.ts";

let database: TestDatabase;
let shop: TestShop;
const wake = vi.fn(async () => {});
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	wake.mockClear();
	shop = await openShop(database.pool, { items: 2, opening: 10 });
	await put(database.pool, shop, [order("77", [{ item: 0, held: 3 }])]);
	await drain(database.pool, shop);
	await put(database.pool, shop, [
		order("77", [{ item: 0, held: 1 }], { stamp: "2026-03-01T13:00:00Z" }),
		order("78", [{ item: 1, held: 1 }]),
	]);
	await drain(database.pool, shop);
});

const depsOf = (pool = database.pool) => ({ pool, wake, log: pino({ level: "silent" }) }) as unknown as Deps;
let presses = 0;
const countAgain = (
	some: Partial<Parameters<typeof askForOrder>[2]> = {},
	{ pool = database.pool, press = `press-${++presses}`, shopId = shop.shopId } = {},
) =>
	askForOrder(
		depsOf(pool),
		shopId,
		{ channelId: shop.guest, orderId: "77", eventId: null, ...some },
		{ name: "Order 77", reason: "x", actor: "user-1", press },
	);
const toItsEnd = async () => {
	await runReplays(depsOf(), shop.shopId);
	await drain(database.pool, shop);
	await runReplays(depsOf(), shop.shopId);
};
const page = () => readOrder(database.pool, shop.shopId, { channelId: shop.guest, orderId: "77" });
const replayed = async () =>
	(await database.pool.query("SELECT FROM inbox_event WHERE shop_id = $1 AND source = 'replay'", [shop.shopId])).rowCount;

test("R23 an order's page lists its messages; counted again, one or all, in any order and any number of times, nothing moves", async () => {
	expect((await page())?.messages.map(({ status, source }) => [status, source])).toEqual([
		["processed", "webhook"],
		["processed", "webhook"],
	]);
	const before = await stockOf(database.pool, shop, 0);
	expect(before.available).toBe(9);
	const oldest = (await page())?.messages.at(-1)?.id ?? 0;
	expect(await countAgain({ eventId: oldest })).toMatchObject({ outcome: "asked", failures: 1 });
	await toItsEnd();
	// The oldest says three: it is older than what is known.
	expect(await stockOf(database.pool, shop, 0)).toEqual(before);
	const asked = await countAgain();
	expect(asked).toMatchObject({ outcome: "asked", failures: 2 });
	await Promise.all([runReplays(depsOf(), shop.shopId), runReplays(depsOf(), shop.shopId)]);
	await toItsEnd();
	expect(await readReplay(database.pool, shop.shopId, asked.outcome === "asked" ? asked.runId : 0)).toMatchObject({
		state: "done",
		succeeded: 2,
		failed: 0,
	});
	expect(await replayed()).toBe(3);
	expect(await stockOf(database.pool, shop, 0)).toEqual(before);
	await expectCoherentState(database.pool, shop.shopId);
});

test("R23 a message of the order that was set aside is tried again as the failure that it is", async () => {
	const eventId = await parkMessage(database.pool, shop, "a", order("79", [{ item: 1, held: 2 }]));
	expect(await countAgain({ orderId: "79" })).toMatchObject({ failures: 1 });
	await toItsEnd();
	expect((await stockOf(database.pool, shop, 1)).available).toBe(7);
	const { rows } = await database.pool.query("SELECT state FROM dead_letter WHERE shop_id = $1 AND event_id = $2", [shop.shopId, eventId]);
	expect(rows).toEqual([{ state: "replayed" }]);
});

test("R23 R08 killed before or after any statement, what a press began is done once", async () => {
	const run = async (at: number, moment: "before" | "after") => {
		const before = (await replayed()) ?? 0;
		const press = `kill-${at}-${moment}`;
		const dying = dyingPool(database.pool, { at, moment });
		const life = async () => {
			await countAgain({}, { press, pool: dying.pool });
			await runReplays(depsOf(dying.pool), shop.shopId);
		};
		await life().catch((error: unknown) => {
			if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
		});
		await countAgain({}, { press });
		await toItsEnd();
		expect([at, moment, ((await replayed()) ?? 0) - before]).toEqual([at, moment, 2]);
		return dying.statements();
	};
	const statements = await run(Number.POSITIVE_INFINITY, "before");
	expect(statements).toBeGreaterThan(15);
	for (const { at, moment } of placesToDie(statements)) await run(at, moment);
	expect((await stockOf(database.pool, shop, 0)).available).toBe(9);
}, 120_000);

test("R23 R40 read again, the channel is asked once for the order as it is now, and who asked is written", async () => {
	const wish = { channelId: shop.guest, orderId: "77", actor: "user-1" };
	expect(await Promise.all([readAgain(depsOf(), shop.shopId, wish), readAgain(depsOf(), shop.shopId, wish)])).toEqual(["asked", "asked"]);
	expect(wake).toHaveBeenCalledWith("ingest.fetch", { shopId: shop.shopId, connectionId: shop.guest });
	const { rows } = await database.pool.query("SELECT kind, external_id, seq > done_seq AS waits FROM fetch_request WHERE shop_id = $1", [
		shop.shopId,
	]);
	expect(rows).toEqual([{ kind: "order", external_id: "77", waits: true }]);
	const audit = await database.pool.query("SELECT actor, subject, after FROM audit WHERE shop_id = $1 AND action = 'order.read_again'", [
		shop.shopId,
	]);
	expect(audit.rows[0]).toMatchObject({ actor: "user-1", subject: String(shop.guest), after: { orderId: "77" } });
	await database.pool.query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [shop.guest]);
	expect(await readAgain(depsOf(), shop.shopId, wish)).toBe("closed");
});

test("R37 another shop's orders and messages are nobody's here", async () => {
	const other = await openShop(database.pool, { items: 1 });
	const eventId = (await page())?.messages[0]?.id ?? 0;
	expect(await countAgain({}, { shopId: other.shopId })).toEqual({ outcome: "nothing" });
	expect(await countAgain({ channelId: other.guest, eventId }, { shopId: other.shopId })).toEqual({ outcome: "nothing" });
	expect(await readAgain(depsOf(), other.shopId, { channelId: shop.guest, orderId: "77", actor: "x" })).toBe("closed");
	// An id of another order is no message of this one.
	expect(await countAgain({ orderId: "78", eventId })).toEqual({ outcome: "nothing" });
});
