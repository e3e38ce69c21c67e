import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createLogger } from "#telemetry";
import { freshDatabase, type TestDatabase } from "../tests/kit/database.ts";
import { makeShop, type TestShop } from "../tests/kit/shop.ts";
import { createSweep, type SweepDeps } from "./sweep.ts";

const log = createLogger({ level: "silent", name: "test" });
const HOUR_MS = 3_600_000;

let db: TestDatabase;
let shop: TestShop;
let wakes: [job: string, payload: object][];
let rescues: [job: string, payload: object][];

beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
	await db.pool.query("SELECT erase_shop(id) FROM shop");
	shop = await makeShop(db.pool);
	await db.pool.query("UPDATE inbox_event SET status = 'processed'"); // Its opening stock.
	// Polled and looked at just now: what is not, is a test's own doing.
	await db.pool.query(
		"UPDATE connection SET polled_at = now(), order_watermark = now() - interval '30 seconds', compared_at = now(), webhooks_checked_at = now(), health_checked_at = now(), totals_at = now()",
	);
	wakes = [];
	rescues = [];
});

const sweeper = () => {
	const deps: SweepDeps = {
		pool: db.pool,
		wake: async (job, payload) => void wakes.push([job, payload]),
		rescue: async (job, payload) => void rescues.push([job, payload]),
		orderPollMs: HOUR_MS,
		stockCheckMs: HOUR_MS,
	};
	const sweep = createSweep(deps);
	return () => sweep({ log });
};
const pendingEvent = () =>
	db.pool.query(
		`INSERT INTO inbox_event (shop_id, connection_id, topic, source, event, correlation_id) VALUES ($1, $2, 'orders/create', 'webhook', '{}', $3)`,
		[shop.shopId, shop.guest, randomUUID()],
	);
const guest = () => ({ shopId: shop.shopId, connectionId: shop.guest });

test("R08 where nothing waits, nothing is woken", async () => {
	await sweeper()();
	expect(wakes).toEqual([]);
	expect(rescues).toEqual([]);
});

test("R08 events that were committed and whose wake was lost are found; those of a shop that has left are not", async () => {
	const sweep = sweeper();
	await pendingEvent();
	await sweep();
	expect(wakes).toEqual([["apply.drain", { shopId: shop.shopId }]]);
	await db.pool.query("UPDATE shop SET state = 'uninstalled', uninstalled_at = now()");
	wakes = [];
	await sweep();
	expect(wakes).toEqual([]);
});

test("R08 work that still waits after several sweeps gets a run beside the one that may be dead", async () => {
	const sweep = sweeper();
	await pendingEvent();
	for (let i = 0; i < 5; i++) await sweep();
	expect(wakes).toHaveLength(4);
	expect(rescues).toEqual([["apply.drain", { shopId: shop.shopId }]]);
	// Done: the count begins anew.
	await db.pool.query("UPDATE inbox_event SET status = 'processed'");
	await sweep();
	await pendingEvent();
	for (let i = 0; i < 4; i++) await sweep();
	expect(rescues).toHaveLength(1);
});

test("R08 a fetch that is due is found, one that another process holds or that is for later is not", async () => {
	const sweep = sweeper();
	await db.pool.query("INSERT INTO fetch_request (shop_id, connection_id, kind, external_id) VALUES ($1, $2, 'order', '1')", [
		shop.shopId,
		shop.guest,
	]);
	await sweep();
	expect(wakes).toEqual([["ingest.fetch", guest()]]);
	wakes = [];
	await db.pool.query("UPDATE fetch_request SET lease_until = now() + interval '1 minute'");
	await sweep();
	await db.pool.query("UPDATE fetch_request SET lease_until = NULL, due_at = now() + interval '1 minute'");
	await sweep();
	expect(wakes).toEqual([]);
});

test("R24 orders are polled when their time has come, and a poll that fails is not tried every second", async () => {
	const sweep = sweeper();
	await db.pool.query("UPDATE connection SET polled_at = now() - interval '61 minutes' WHERE id = $1", [shop.guest]);
	await sweep();
	await sweep();
	await sweep();
	expect(wakes).toEqual([["connections.poll-orders", guest()]]);
});

test("R25 stock is checked when its time has come, a check that somebody wants is found at once, and one that is being made is left alone", async () => {
	const sweep = sweeper();
	await db.pool.query("UPDATE connection SET compared_at = now() - interval '61 minutes' WHERE id = $1", [shop.guest]);
	await sweep();
	expect(wakes).toEqual([["reconcile.compare", guest()]]);
	wakes = [];
	await db.pool.query("UPDATE reconcile_run SET lease_until = now() + interval '1 minute'");
	await sweep();
	await db.pool.query("UPDATE reconcile_run SET lease_until = NULL, next_at = now() + interval '1 minute'");
	await sweep();
	expect(wakes).toEqual([]);
	await db.pool.query("UPDATE reconcile_run SET lease_until = now() - interval '1 second', next_at = now()");
	await sweep();
	expect(wakes).toEqual([["reconcile.compare", guest()]]);
});

test("R24 a channel whose lists are few is polled no more often than it allows, and otherwise as the operator has set", async () => {
	const every = (orderPollMs: number) =>
		createSweep({
			pool: db.pool,
			wake: async (job, payload) => void wakes.push([job, payload]),
			rescue: async () => {},
			orderPollMs,
			stockCheckMs: HOUR_MS,
		});
	const ago = (interval: string) => db.pool.query("UPDATE connection SET polled_at = now() - $1::interval WHERE NOT is_home", [interval]);
	await db.pool.query("UPDATE connection SET polled_at = now() + interval '1 hour' WHERE is_home");
	await ago("1 minute");
	await every(20_000)({ log });
	expect(wakes).toEqual([["connections.poll-orders", guest()]]);
	await db.pool.query("UPDATE connection SET channel = 'amazon' WHERE id = $1", [shop.guest]);
	wakes = [];
	await every(20_000)({ log });
	await ago("3 minutes");
	await every(20_000)({ log });
	expect(wakes).toEqual([]);
	await ago("4 minutes");
	await every(HOUR_MS)({ log });
	expect(wakes).toEqual([]);
	await every(20_000)({ log });
	expect(wakes).toEqual([["connections.poll-orders", guest()]]);
});

test("R24 how often is the merchant's to choose, from 5 to 60 minutes, and every connection has its own moment", async () => {
	await db.pool.query("UPDATE connection SET polled_at = now() + interval '1 hour' WHERE is_home");
	const isDue = async (minutes: number | null, ago: string) => {
		await db.pool.query("UPDATE connection SET poll_minutes = $2, polled_at = now() - $3::interval WHERE id = $1", [
			shop.guest,
			minutes,
			ago,
		]);
		wakes = [];
		await sweeper()();
		return wakes.length > 0;
	};
	// The operator's hour stands where the merchant has chosen nothing.
	expect([await isDue(null, "53 minutes"), await isDue(null, "60 minutes")]).toEqual([false, true]);
	expect([await isDue(5, "4 minutes"), await isDue(5, "5 minutes")]).toEqual([false, true]);
	expect([await isDue(30, "26 minutes"), await isDue(30, "30 minutes")]).toEqual([false, true]);
	await expect(db.pool.query("UPDATE connection SET poll_minutes = 4 WHERE id = $1", [shop.guest])).rejects.toThrow(/poll_minutes/);

	await db.pool.query("UPDATE connection SET polled_at = now() WHERE id = $1", [shop.guest]);
	// A hundred connections that were polled in the same moment: between nine and ten tenths of the interval they come one by one.
	const { rows } = await db.pool.query<{ id: number }>(
		`INSERT INTO connection (shop_id, channel, account, name, state, cut_at, webhook_token, poll_minutes)
		 SELECT $1, 'woocommerce', 'jitter-' || n, 'x', 'live', now(), 'jitter-' || n, 10 FROM generate_series(1, 100) n RETURNING id`,
		[shop.shopId],
	);
	const ids = rows.map(({ id }) => id);
	const due = async (ago: string) => {
		await db.pool.query("UPDATE connection SET polled_at = now() - $2::interval, compared_at = now() WHERE id = ANY($1::bigint[])", [
			ids,
			ago,
		]);
		wakes = [];
		await sweeper()();
		return wakes.filter(([job]) => job === "connections.poll-orders").length;
	};
	expect(await due("8 minutes 59 seconds")).toBe(0);
	const half = await due("9 minutes 30 seconds");
	expect(half).toBeGreaterThan(20);
	expect(half).toBeLessThan(80);
	expect(await due("10 minutes 1 second")).toBe(100);
	await db.pool.query("DELETE FROM connection WHERE id = ANY($1::bigint[])", [ids]);
});

test("R24 R41 where a channel's lists lag, missing units are asked for when a list can know of them, and not once for all before", async () => {
	await db.pool.query("UPDATE connection SET channel = 'amazon' WHERE id = $1", [shop.guest]);
	const stand = (unseen: string, polled: string, behind: string) =>
		db.pool.query(
			`WITH missed AS (UPDATE listing SET unseen = 1, unseen_at = now() - $2::interval WHERE id = $1)
			 UPDATE connection SET polled_at = now() - $3::interval, order_watermark = now() - $3::interval - $4::interval WHERE id = $5`,
			[shop.listings[0], unseen, polled, behind, shop.guest],
		);
	// The last list ended 150 s before it was asked for: one of now would not reach the moment either.
	await stand("160 seconds", "140 seconds", "150 seconds");
	await sweeper()();
	expect(wakes).toEqual([]);
	// It was read after they were missed, and did not reach that moment.
	await stand("180 seconds", "130 seconds", "150 seconds");
	await sweeper()();
	expect(wakes).toEqual([["connections.poll-orders", guest()]]);
	wakes = [];
	// Too soon after the last one for the quota.
	await stand("180 seconds", "110 seconds", "150 seconds");
	await sweeper()();
	// The last one reached it.
	await stand("400 seconds", "130 seconds", "150 seconds");
	await sweeper()();
	expect(wakes).toEqual([]);
});

test("R24 R41 units that a listing is short of and that no order has claimed for a minute ask for a poll, once", async () => {
	const sweep = sweeper();
	const missing = (ago: string) =>
		db.pool.query("UPDATE listing SET unseen = 1, unseen_at = now() - $2::interval WHERE id = $1", [shop.listings[0], ago]);
	await db.pool.query(
		"UPDATE connection SET polled_at = now() - interval '5 minutes', order_watermark = now() - interval '330 seconds' WHERE id = $1",
		[shop.guest],
	);
	await missing("40 seconds");
	await sweep();
	expect(wakes).toEqual([]);
	await missing("2 minutes");
	await sweep();
	await sweep();
	expect(wakes).toEqual([["connections.poll-orders", guest()]]);
	// That poll looked late enough to have found the order: what it did not find is no order's.
	await db.pool.query("UPDATE connection SET polled_at = now(), order_watermark = now() - interval '30 seconds' WHERE id = $1", [
		shop.guest,
	]);
	wakes = [];
	await sweeper()();
	expect(wakes).toEqual([]);
});

test("a connection's webhooks are looked at when their time has come; home's and a disconnected one's are not", async () => {
	const sweep = sweeper();
	await db.pool.query("UPDATE connection SET webhooks_checked_at = NULL");
	await sweep();
	expect(wakes).toEqual([["connections.watch-webhooks", guest()]]);
	wakes = [];
	await db.pool.query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [shop.guest]);
	await sweeper()();
	expect(wakes).toEqual([]);
});

test("R19 one kind of work that cannot be looked for does not hide the others, and is reported", async () => {
	const sweep = sweeper();
	await db.pool.query("INSERT INTO fetch_request (shop_id, connection_id, kind, external_id) VALUES ($1, $2, 'order', '1')", [
		shop.shopId,
		shop.guest,
	]);
	await db.pool.query("ALTER TABLE inbox_event RENAME TO inbox_event_away");
	try {
		await expect(sweep()).rejects.toThrow("inbox_event");
		expect(wakes).toEqual([["ingest.fetch", guest()]]);
	} finally {
		await db.pool.query("ALTER TABLE inbox_event_away RENAME TO inbox_event");
	}
});

test("R31 every channel is asked every five minutes whether it answers, also a paused one, and no disconnected one", async () => {
	await db.pool.query("UPDATE connection SET health_checked_at = now() - interval '4 minutes'");
	await sweeper()();
	expect(wakes).toEqual([]);
	await db.pool.query("UPDATE connection SET health_checked_at = now() - interval '6 minutes', state = 'paused' WHERE id = $1", [
		shop.guest,
	]);
	await sweeper()();
	expect(wakes).toEqual([["connections.check-health", guest()]]);
	await db.pool.query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [shop.guest]);
	wakes = [];
	await sweeper()();
	expect(wakes).toEqual([]);
});
