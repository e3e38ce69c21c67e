import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Deps } from "#connections";
import { recordDeadLetters } from "#dead-letters";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { drain, openShop } from "../../../tests/kit/delivery.ts";
import { dyingPool, Killed, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { parkMessage } from "../../../tests/kit/failures.ts";
import { expectCoherentState, order, stockOf, type TestShop } from "../../../tests/kit/shop.ts";
import { correctMessage, readCorrectable } from "./correct-message.ts";

let database: TestDatabase;
let shop: TestShop;
const wake = vi.fn(async () => {});
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(() => open());

/** The store's message lacks how many were ordered: its adapter cannot read it. */
const SENT = {
	id: 77,
	number: "77",
	status: "processing",
	date_created_gmt: "2026-03-01T12:00:00",
	date_modified_gmt: "2026-03-01T12:00:00",
	line_items: [{ id: 1, product_id: 55, variation_id: 0, sku: "SKU-0", meta_data: [{ key: "_reduced_stock", value: "(unreadable)" }] }],
	meta_data: [],
};
const MENDED = { ...SENT, line_items: [{ ...SENT.line_items[0], quantity: 2, meta_data: [{ key: "_reduced_stock", value: "2" }] }] };
let failureId = 0;
const open = async () => {
	shop = await openShop(database.pool, { items: 1, opening: 10 });
	await database.pool.query("UPDATE listing SET external_id = '55' WHERE shop_id = $1", [shop.shopId]);
	await fail(await parkMessage(database.pool, shop, "a", null), "order.updated", SENT);
};
const fail = async (eventId: number, topic: string, payload: unknown) => {
	await database.pool.query("UPDATE inbox_event SET topic = $3, payload = $4 WHERE shop_id = $1 AND id = $2", [
		shop.shopId,
		eventId,
		topic,
		payload === null ? null : JSON.stringify(payload),
	]);
	const { rows } = await database.pool.query<{ id: number }>("SELECT id FROM dead_letter WHERE shop_id = $1 AND event_id = $2", [
		shop.shopId,
		eventId,
	]);
	failureId = rows[0]?.id ?? 0;
};
const depsOf = (pool = database.pool) => ({ pool, wake, log: pino({ level: "silent" }) }) as unknown as Deps;
const correct = (content: unknown, { pool = database.pool, shopId = shop.shopId, press = "press" } = {}) =>
	correctMessage(depsOf(pool), shopId, {
		failureId,
		text: typeof content === "string" ? content : JSON.stringify(content),
		actor: "user-1",
		press,
	});
const entries = async () =>
	(
		await database.pool.query("SELECT actor, subject, before, after FROM audit WHERE shop_id = $1 AND action = 'message.corrected'", [
			shop.shopId,
		])
	).rows;
const available = async () => (await stockOf(database.pool, shop, 0)).available;

test("R22 R40 a message is corrected in the fields that are kept, counts once, and what stood there before is written", async () => {
	expect(JSON.parse((await readCorrectable(database.pool, shop.shopId, failureId)) ?? "")).toEqual(SENT);
	const pressed = await Promise.all([correct(MENDED), correct(MENDED)]);
	expect(pressed.map(({ outcome }) => outcome).sort()).toEqual(["over", "sent"]);
	await drain(database.pool, shop);
	expect(await available()).toBe(8);
	expect(await entries()).toEqual([
		{
			actor: "user-1",
			subject: String(shop.guest),
			before: { fields: { "line_items.0.quantity": null, "line_items.0.meta_data.0.value": "(unreadable)" } },
			after: { failureId, fields: { "line_items.0.quantity": 2, "line_items.0.meta_data.0.value": "2" } },
		},
	]);
	expect(await readCorrectable(database.pool, shop.shopId, failureId)).toBeNull();
	expect(await correct(MENDED, { press: "another" })).toEqual({ outcome: "over" });
	await expectCoherentState(database.pool, shop.shopId);
});

test("R22 R04 what is not among the kept fields, is not understood, or speaks of another order is refused, and nothing changes", async () => {
	const refused = async (content: unknown) => {
		const done = await correct(content);
		return done.outcome === "refused" ? done.reason : done.outcome;
	};
	expect(await refused("{")).toMatch(/not valid JSON/);
	expect(await refused([MENDED])).toMatch(/one object/);
	expect(await refused(SENT)).toBe("Nothing was changed.");
	expect(await refused({ ...MENDED, billing: { email: "buyer@example.com" } })).toMatch(/not among those that are kept/);
	expect(await refused({ ...MENDED, number: 77 })).toMatch(/not among those that are kept/);
	expect(await refused({ ...MENDED, id: 78 })).toMatch(/the same thing/);
	expect(await refused({ ...SENT, status: "completed" })).toMatch(/still not understood/);
	expect(await refused({ ...MENDED, date_modified_gmt: "2099-01-01T00:00:00" })).toMatch(/in the future/);
	expect(await refused(`{"id": 77, "status": "${"x".repeat(30_000)}"}`)).toMatch(/too long/);
	expect(await entries()).toEqual([]);
	expect(await available()).toBe(10);
	const { rows } = await database.pool.query("SELECT state FROM dead_letter WHERE shop_id = $1", [shop.shopId]);
	expect(rows).toEqual([{ state: "open" }]);
});

test("R22 of what we read ourselves only what the lines hold can be corrected, never which order it is or when", async () => {
	const snapshot = order("80", [{ item: 0, held: 5 }]);
	await fail(await parkMessage(database.pool, shop, "b", snapshot), "fetch.order", null);
	await database.pool.query("UPDATE inbox_event SET source = 'fetch' WHERE shop_id = $1 AND topic = 'fetch.order'", [shop.shopId]);
	const [line] = snapshot.type === "order.snapshot" ? snapshot.lines : [];
	const withLine = (some: object) => ({ ...snapshot, lines: [{ ...line, listingExternalId: "55", ...some }] });
	expect(await correct({ ...withLine({}), stamp: "2026-03-02T00:00:00Z" })).toMatchObject({
		outcome: "refused",
		reason: expect.stringContaining("stamp"),
	});
	expect(await correct({ ...withLine({}), orderId: "81" })).toMatchObject({ outcome: "refused" });
	expect(await correct(withLine({ held: 1.5 }))).toMatchObject({ outcome: "refused" });
	expect(await correct(withLine({ held: 3 }))).toEqual({ outcome: "sent" });
	await drain(database.pool, shop);
	expect(await available()).toBe(7);
});

test("R37 another shop's message is nobody's here; what was never kept cannot be corrected", async () => {
	const other = await openShop(database.pool, { items: 1 });
	expect(await readCorrectable(database.pool, other.shopId, failureId)).toBeNull();
	expect(await correct(MENDED, { shopId: other.shopId })).toEqual({ outcome: "over" });
	await database.pool.query(`UPDATE inbox_event SET payload = '{"unreadable": {"bytes": 9}}' WHERE shop_id = $1`, [shop.shopId]);
	expect(await readCorrectable(database.pool, shop.shopId, failureId)).toBeNull();
	await recordDeadLetters(database.pool, [
		{
			shopId: shop.shopId,
			direction: "out",
			connectionId: shop.guest,
			operation: "listing.write",
			errorClass: "x",
			error: "x",
			sourceKey: "x",
			correlationId: "c",
		},
	]);
	const { rows } = await database.pool.query<{ id: number }>("SELECT max(id) AS id FROM dead_letter WHERE shop_id = $1", [shop.shopId]);
	expect(await readCorrectable(database.pool, shop.shopId, rows[0]?.id ?? 0)).toBeNull();
});

test("R22 R08 killed before or after any statement, the same press sends it in once", async () => {
	const run = async (at: number, moment: "before" | "after") => {
		await open();
		const press = `kill-${at}-${moment}`;
		const dying = dyingPool(database.pool, { at, moment });
		await correct(MENDED, { press, pool: dying.pool }).catch((error: unknown) => {
			if (!(error instanceof Killed) && !(error instanceof Error && error.cause instanceof Killed)) throw error;
		});
		await correct(MENDED, { press });
		await drain(database.pool, shop);
		expect([at, moment, await available(), (await entries()).length]).toEqual([at, moment, 8, 1]);
		return dying.statements();
	};
	const statements = await run(Number.POSITIVE_INFINITY, "before");
	expect(statements).toBeGreaterThan(4);
	for (const { at, moment } of placesToDie(statements)) await run(at, moment);
}, 60_000);
