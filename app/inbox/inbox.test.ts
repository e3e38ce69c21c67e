import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { CanonicalEvent } from "#domain";
import { appendEvents, type NewInboxEvent, requestFetch } from "#inbox";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";

let db: TestDatabase;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db?.drop());
beforeEach(() => db.pool.query("TRUNCATE inbox_event, delivery_key, dead_letter, fetch_request"));

const hint = (orderId: string): CanonicalEvent => ({ v: 1, type: "order.hint", orderId, reason: "test" });
const row = (over: Partial<NewInboxEvent> = {}): NewInboxEvent => ({
	shopId: 1,
	connectionId: 1,
	topic: "orders/updated",
	source: "webhook",
	payload: { id: 7 },
	event: hint("7"),
	deliveryKey: "w/7/h",
	correlationId: "c",
	occurredAt: "2026-11-20T10:00:00-05:00",
	...over,
});
const events = async () => (await db.pool.query("SELECT * FROM inbox_event ORDER BY id")).rows;

test("R04 an event is kept with topic, payload, correlation id and both times", async () => {
	expect(await appendEvents(db.pool, [row()])).toEqual({ inserted: 1, duplicates: 0, outcomes: ["inserted"] });
	const [kept, ...others] = await events();
	expect(others).toEqual([]);
	expect(kept).toMatchObject({
		shop_id: 1,
		connection_id: 1,
		lane: "stock",
		topic: "orders/updated",
		source: "webhook",
		payload: { id: 7 },
		event: hint("7"),
		status: "pending",
		delivery_key: "w/7/h",
		correlation_id: "c",
		occurred_at: new Date("2026-11-20T15:00:00Z"),
		processed_at: null,
	});
	expect(Math.abs(Date.now() - kept.received_at.getTime())).toBeLessThan(60_000);
});

test("R05 a delivery key seen before stops there, also twice in one call, and says so per row", async () => {
	await appendEvents(db.pool, [row({ deliveryKey: "a" })]);
	const result = await appendEvents(db.pool, [row({ deliveryKey: "b" }), row({ deliveryKey: "a" }), row({ deliveryKey: "b" })]);
	expect(result).toEqual({ inserted: 1, duplicates: 2, outcomes: ["inserted", "duplicate", "duplicate"] });
	expect((await events()).map((event) => event.delivery_key)).toEqual(["a", "b"]);
});

test("R05 R37 equal keys of two connections, and of two shops, are different events", async () => {
	const rows = [row(), row({ connectionId: 2 }), row({ shopId: 2 }), row({ shopId: 2, connectionId: 2 })];
	expect((await appendEvents(db.pool, rows)).inserted).toBe(4);
	expect((await appendEvents(db.pool, rows)).inserted).toBe(0);
});

test("rows without a key are always taken, in the order given", async () => {
	const rows = ["3", "1", "2"].map((id) => row({ deliveryKey: null, event: hint(id) }));
	expect((await appendEvents(db.pool, [...rows, ...rows])).inserted).toBe(6);
	expect((await events()).map((event) => event.event.orderId)).toEqual(["3", "1", "2", "3", "1", "2"]);
});

test("R05 a duplicate is called one only when the first is committed: if the first rolls back, the second is taken", async () => {
	const client = await db.pool.connect();
	try {
		await client.query("BEGIN");
		await appendEvents(client, [row()]);
		let answered = false;
		const second = appendEvents(db.pool, [row()]).finally(() => {
			answered = true;
		});
		await new Promise((resolve) => setTimeout(resolve, 100));
		expect(answered).toBe(false);
		await client.query("ROLLBACK");
		expect(await second).toMatchObject({ inserted: 1 });
	} finally {
		client.release();
	}
	expect(await events()).toHaveLength(1);
});

test("calls that share keys in opposite order never deadlock", async () => {
	const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
	const calls = Array.from({ length: 16 }, (_, i) => {
		const order = i % 2 ? keys : keys.toReversed();
		return appendEvents(
			db.pool,
			order.map((deliveryKey) => row({ deliveryKey })),
		);
	});
	const results = await Promise.all(calls);
	expect(results.reduce((sum, result) => sum + result.inserted, 0)).toBe(40);
});

test("R32 a parked row is a dead letter from the same statement on, with its class and payload", async () => {
	const parked = row({ event: null, status: "parked", outcome: "unexpected-shape", error: "status: what is 'teleported'?" });
	await appendEvents(db.pool, [parked, parked]);
	const [event] = await events();
	expect(event).toMatchObject({ status: "parked", event: null, error: parked.error, payload: { id: 7 } });
	const { rows: letters } = await db.pool.query("SELECT * FROM dead_letter");
	expect(letters).toHaveLength(1);
	expect(letters[0]).toMatchObject({
		direction: "in",
		event_id: event.id,
		connection_id: 1,
		operation: "orders/updated",
		error_class: "unexpected-shape",
		payload: { id: 7 },
		source_key: `event:${event.id}`,
		correlation_id: "c",
		state: "open",
	});
});

test("lifecycle events go to their own lane", async () => {
	await appendEvents(db.pool, [row({ event: { v: 1, type: "shop.uninstalled", at: null, detail: {} } })]);
	expect(await events()).toMatchObject([{ lane: "lifecycle" }]);
});

test("NUL and unpaired surrogates become U+FFFD in text, in values and in names; what only looks like an escape stays", async () => {
	const odd = row({
		topic: "a\0b",
		payload: { "k\0": "a\0b", lone: "x\ud83dy", pair: "😀", looks: "\\u0000 \\ud83d \\\\u0000", low: "\udc00" },
		error: "e\0",
		deliveryKey: "k\0",
	});
	expect((await appendEvents(db.pool, [odd])).inserted).toBe(1);
	expect((await appendEvents(db.pool, [odd])).inserted).toBe(0);
	expect(await events()).toMatchObject([
		{
			topic: "a\ufffdb",
			error: "e\ufffd",
			payload: { "k\ufffd": "a\ufffdb", lone: "x\ufffdy", pair: "😀", looks: "\\u0000 \\ud83d \\\\u0000", low: "\ufffd" },
		},
	]);
});

test("what waited on disk keeps the time at which it came, unless a wrong clock says it comes from the future", async () => {
	await appendEvents(db.pool, [
		row({ deliveryKey: "past", receivedAt: "2026-11-20T10:00:00Z" }),
		row({ deliveryKey: "future", receivedAt: "2999-01-01T00:00:00Z" }),
	]);
	const [past, future] = await events();
	expect(past.received_at).toEqual(new Date("2026-11-20T10:00:00Z"));
	expect(Math.abs(Date.now() - future.received_at.getTime())).toBeLessThan(60_000);
});

const wish = (over = {}) => ({
	shopId: 1,
	connectionId: 1,
	kind: "order" as const,
	externalId: "7",
	reason: "hint",
	correlationId: "c",
	...over,
});
const fetches = async () =>
	(
		await db.pool.query(
			"SELECT *, extract(epoch FROM due_at - clock_timestamp())::float8 AS due_in, extract(epoch FROM again_at - clock_timestamp())::float8 AS again_in FROM fetch_request ORDER BY external_id",
		)
	).rows;
const aShop = async () => {
	await db.pool.query("INSERT INTO shop (id, domain) OVERRIDING SYSTEM VALUE VALUES (1, 'a.myshopify.com') ON CONFLICT DO NOTHING");
	await db.pool.query(
		"INSERT INTO connection (shop_id, id, channel, account, name, webhook_token) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'woocommerce', 'store.example', 's', 't') ON CONFLICT DO NOTHING",
	);
};

test("a thousand hints of one order are one row, wanted at the soonest and again at the latest", async () => {
	await aShop();
	await requestFetch(db.pool, [...Array.from({ length: 500 }, () => wish()), wish({ delayMs: 60_000 })]);
	await requestFetch(db.pool, [wish({ delayMs: 30_000 }), wish({ externalId: "8" })]);
	const [seven, eight] = await fetches();
	expect(seven).toMatchObject({ seq: 2, done_seq: 0 });
	expect(seven.due_in).toBeLessThanOrEqual(0);
	expect(seven.again_in).toBeGreaterThan(55);
	expect(eight).toMatchObject({ seq: 1 });
});

test("a delayed wish for what was answered long ago is really delayed", async () => {
	await aShop();
	await requestFetch(db.pool, [wish()]);
	await db.pool.query("UPDATE fetch_request SET done_seq = seq");
	await requestFetch(db.pool, [wish({ delayMs: 10_000 })]);
	const [row] = await fetches();
	expect(row.due_in).toBeGreaterThan(8);
});

test("a hint does not shorten the backoff of a row that keeps failing", async () => {
	await aShop();
	await requestFetch(db.pool, [wish()]);
	await db.pool.query("UPDATE fetch_request SET attempts = 3, due_at = clock_timestamp() + interval '1 minute'");
	await requestFetch(db.pool, [wish()]);
	const [row] = await fetches();
	expect(row).toMatchObject({ seq: 2, attempts: 3 });
	expect(row.due_in).toBeGreaterThan(50);
});
