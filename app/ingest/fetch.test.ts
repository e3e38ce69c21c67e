import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ChannelUnavailableError, CredentialsRejectedError, RateLimitedError, RequestRejectedError } from "#app/channels/errors.ts";
import type { Queryable } from "#app/db.server.ts";
import { type Channel, type ChannelClient, channel } from "#channels";
import type { HomeItem, HomeReading, OrderSnapshot } from "#domain";
import { type NewFetch, requestFetch } from "#inbox";
import { createLogger } from "#telemetry";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { runFetchesWith } from "./fetch.ts";

let db: TestDatabase;
let shopId: number;
let connectionId: number;
let wakes: unknown[];
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db?.drop());
beforeEach(async () => {
	wakes = [];
	await db.pool.query("SELECT erase_shop(id) FROM shop");
	shopId = (await db.pool.query("INSERT INTO shop (domain) VALUES ('a.myshopify.com') RETURNING id")).rows[0].id;
	const { rows } = await db.pool.query(
		"INSERT INTO connection (shop_id, channel, account, name, webhook_token) VALUES ($1, 'shopify', 'a.myshopify.com', 'a', 't') RETURNING id",
		[shopId],
	);
	connectionId = rows[0].id;
});

/** A neighbour whose answers the test gives. What is not given must not be asked. */
const neighbour = (answers: Partial<Omit<ChannelClient, "home">> & { home?: Partial<NonNullable<ChannelClient["home"]>> }) => {
	const state = { closed: 0 };
	const client = { ...answers, close: async () => void state.closed++ } as unknown as ChannelClient;
	return { state, client };
};
const deps = () => ({
	pool: db.pool,
	log: createLogger({ level: "silent", name: "test" }),
	wake: async (name: string, payload: unknown) => void wakes.push([name, payload]),
});
const run = (client: ChannelClient, kind: Channel = channel("shopify")) =>
	runFetchesWith(deps(), async () => ({ channel: kind, client }), shopId, connectionId);

const wish = (kind: NewFetch["kind"], externalId: string, over: Partial<NewFetch> = {}) =>
	requestFetch(db.pool, [{ shopId, connectionId, kind, externalId, reason: "hint", correlationId: `c-${externalId}`, ...over }]);
const order = (orderId: string, over: Partial<OrderSnapshot> = {}): OrderSnapshot => ({
	v: 1,
	type: "order.snapshot",
	orderId,
	name: `#${orderId}`,
	createdAt: "2026-11-20T10:00:00Z",
	stamp: "2026-11-20T10:00:01Z",
	contentHash: "h",
	complete: true,
	cancelled: false,
	locationExternalId: null,
	lines: [],
	fetched: null,
	...over,
});
const item = (id: string): HomeItem => ({
	v: 1,
	type: "home.item",
	itemExternalId: id,
	variantExternalId: null,
	productExternalId: "p",
	sku: "S",
	barcode: null,
	title: "T",
	tracked: true,
	sellsWhenOut: false,
	isHomeBundle: false,
	stamp: "2026-11-20T10:00:00Z",
});
const reading = (id: string, quantity: number): HomeReading => ({
	v: 1,
	type: "home.reading",
	itemExternalId: id,
	locationExternalId: "l",
	quantity,
	readAt: "2026-11-20T10:00:00Z",
	via: "query",
	askedAt: null,
	stocked: true,
});
const events = async () => (await db.pool.query("SELECT * FROM inbox_event ORDER BY id")).rows;
const requests = async () =>
	(
		await db.pool.query(
			`SELECT external_id, seq, done_seq, attempts, lease_token, last_error, extract(epoch FROM due_at - clock_timestamp())::float8 AS due_in
			 FROM fetch_request ORDER BY external_id`,
		)
	).rows;
const letters = async () =>
	(await db.pool.query("SELECT operation, error_class, state, attempts, payload FROM dead_letter ORDER BY id")).rows;

test("a hint becomes a snapshot with the database's time before asking and after the answer, and its correlation id", async () => {
	await wish("order", "7");
	const at = async () => (await db.pool.query("SELECT clock_timestamp() AS at")).rows[0].at as Date;
	const times: Date[] = [];
	const { client, state } = neighbour({
		readOrder: async (id) => {
			times.push(await at());
			await sleep(30);
			times.push(await at());
			return order(id);
		},
	});
	expect(await run(client)).toEqual({ fetched: 1, failed: 0, againInMs: null });
	const [event, ...others] = await events();
	expect(others).toEqual([]);
	expect(event).toMatchObject({ source: "fetch", topic: "fetch.order", correlation_id: "c-7", status: "pending", delivery_key: null });
	const { askedAt, answeredAt } = event.event.fetched;
	expect(new Date(askedAt).getTime()).toBeLessThanOrEqual(times[0]?.getTime() ?? 0);
	expect(new Date(answeredAt).getTime()).toBeGreaterThanOrEqual(times[1]?.getTime() ?? Number.POSITIVE_INFINITY);
	expect(answeredAt).toMatch(/\.\d{6}Z$/);
	expect(await requests()).toMatchObject([{ seq: 1, done_seq: 1, lease_token: null, attempts: 0 }]);
	expect(wakes).toEqual([["apply.drain", { shopId }]]);
	expect(state.closed).toBe(1);
});

test("R06 fetches of one order are serial over processes: of two runs at once, one asks and the other leaves it", async () => {
	await wish("order", "7");
	let asking = 0;
	let atOnce = 0;
	let asked = 0;
	const client = () =>
		neighbour({
			readOrder: async (id) => {
				asked++;
				atOnce = Math.max(atOnce, ++asking);
				await sleep(100);
				asking--;
				return order(id);
			},
		}).client;
	const runs = await Promise.all([run(client()), run(client()), run(client())]);
	expect([asked, atOnce]).toEqual([1, 1]);
	expect(runs.reduce((sum, r) => sum + r.fetched, 0)).toBe(1);
	expect(await events()).toHaveLength(1);
});

test("R06 a hint that comes while its order is being read causes one more read", async () => {
	await wish("order", "7");
	let asked = 0;
	const { client } = neighbour({
		readOrder: async (id) => {
			if (++asked === 1) for (let i = 0; i < 5; i++) await wish("order", "7");
			return order(id, { contentHash: `h${asked}` });
		},
	});
	expect(await run(client)).toMatchObject({ fetched: 2, againInMs: null });
	expect((await events()).map((e) => e.event.contentHash)).toEqual(["h1", "h2"]);
});

test("an early read does not serve a wish for later: what is wanted in ten seconds is read in ten seconds", async () => {
	await wish("order", "7", { delayMs: 10_000 });
	await wish("order", "7");
	const { client } = neighbour({ readOrder: async (id) => order(id) });
	const { fetched, againInMs } = await run(client);
	expect(fetched).toBe(1);
	expect(againInMs).toBeGreaterThan(8_000);
	await db.pool.query("UPDATE fetch_request SET due_at = clock_timestamp(), again_at = clock_timestamp()");
	expect(await run(client)).toEqual({ fetched: 1, failed: 0, againInMs: null });
});

test("R06 an answer whose lease was lost is dropped: whoever holds it now asked later", async () => {
	await wish("order", "7");
	const { client } = neighbour({
		readOrder: async (id) => {
			await db.pool.query("UPDATE fetch_request SET lease_token = 'another', lease_until = clock_timestamp() + interval '1 minute'");
			return order(id);
		},
	});
	const result = await run(client);
	expect(result.fetched).toBe(0);
	expect(result.againInMs).toBeGreaterThan(50_000);
	expect(await events()).toEqual([]);
	expect(await requests()).toMatchObject([{ done_seq: 0, lease_token: "another" }]);
});

test("a dead process's lease ends by itself and its order is read by another", async () => {
	await wish("order", "7");
	await db.pool.query("UPDATE fetch_request SET lease_token = 'dead', lease_until = clock_timestamp() + interval '300 milliseconds'");
	const { client } = neighbour({ readOrder: async (id) => order(id) });
	const first = await run(client);
	expect(first.fetched).toBe(0);
	await sleep(first.againInMs ?? 0);
	expect(await run(client)).toMatchObject({ fetched: 1, againInMs: null });
});

test("an order that the channel does not have any more frees nothing: it is noted and nobody asks again", async () => {
	await wish("order", "7");
	expect(await run(neighbour({ readOrder: async () => null }).client)).toMatchObject({ fetched: 1, againInMs: null });
	expect(await events()).toMatchObject([
		{ status: "ignored", event: null, payload: { externalId: "7" }, outcome: expect.stringMatching(/^gone/) },
	]);
	expect(await letters()).toEqual([]);
});

test("levels are read fifty items a call; items come before their readings, readings carry our time of asking", async () => {
	for (let i = 0; i < 120; i++) await wish("levels", `i${String(i).padStart(3, "0")}`);
	const calls: number[] = [];
	const { client } = neighbour({
		home: {
			readLevels: async (ids) => {
				calls.push(ids.length);
				const known = ids.filter((id) => id !== "i007");
				return { items: known.map(item), readings: known.flatMap((id) => [reading(id, 3), reading(id, -1)]) };
			},
		},
	});
	expect(await run(client)).toMatchObject({ fetched: 120, againInMs: null });
	// Several workers ask side by side, but claim in turn: none finds a row locked that another is just claiming.
	expect([calls.length, Math.max(...calls), calls.reduce((sum, size) => sum + size, 0)]).toEqual([3, 50, 120]);
	const got = await events();
	expect(got.filter((e) => e.event?.type === "home.item")).toHaveLength(119);
	const readings = got.filter((e) => e.event?.type === "home.reading");
	expect(readings).toHaveLength(238);
	expect(readings.every((e) => e.event.via === "query" && /\.\d{6}Z$/.test(e.event.askedAt))).toBe(true);
	for (const r of readings)
		expect(got.find((e) => e.event?.type === "home.item" && e.event.itemExternalId === r.event.itemExternalId).id).toBeLessThan(r.id);
	// The one that home left out is no zero.
	expect(got.filter((e) => e.event === null)).toMatchObject([{ status: "ignored", payload: { externalId: "i007" } }]);
});

test("R25 an item whose deletion nobody told of is gone when neither home nor its product names it; one that its product still has is not", async () => {
	await db.pool.query(
		"INSERT INTO item (shop_id, external_id, product_id) VALUES ($1, 'left', 'p1'), ($1, 'deleted', 'p1'), ($1, 'with its product', 'p2')",
		[shopId],
	);
	for (const id of ["left", "deleted", "with its product"]) await wish("levels", id);
	const asked: string[] = [];
	const { client } = neighbour({
		home: {
			readLevels: async () => ({ items: [], readings: [] }),
			readProduct: async (id) => {
				asked.push(id);
				return id === "p1" ? [item("left")] : null;
			},
		},
	});
	await run(client);
	expect(asked.toSorted()).toEqual(["p1", "p2"]);
	const got = await events();
	expect(
		got
			.filter((e) => e.event?.type === "home.item-gone")
			.map((e) => e.event.itemExternalId)
			.toSorted(),
	).toEqual(["deleted", "with its product"]);
	expect(got.filter((e) => e.event === null)).toMatchObject([{ status: "ignored", payload: { externalId: "left" } }]);
});

test("products, locations and listings are read in their own ways", async () => {
	await wish("product", "p1");
	await wish("product", "p2");
	await wish("location", "l1");
	await wish("location", "l2");
	await wish("listing", "x1");
	await wish("listing", "x2");
	await wish("listing", "x3");
	await db.pool.query("INSERT INTO listing (shop_id, connection_id, external_id, parent_external_id) VALUES ($1, $2, 'x1', 'parent')", [
		shopId,
		connectionId,
	]);
	let locations = 0;
	const refs: unknown[] = [];
	const { client } = neighbour({
		readStock: async (asked) => {
			refs.push(...asked);
			const answer = (id: string) =>
				({ x1: { externalId: "x1", quantity: 4, managed: true }, x2: { externalId: "x2", quantity: 4, managed: false } })[id] ?? null;
			return { channelTime: "2026-11-20T10:00:05Z", readings: asked.map((ref) => answer(ref.externalId)) };
		},
		home: {
			readProduct: async (id) => (id === "p1" ? [item("i1"), item("i2")] : null),
			listLocations: async () => {
				locations++;
				return [
					{
						v: 1,
						type: "home.location",
						locationExternalId: "l1",
						name: "L",
						active: true,
						fulfillsOnline: true,
						fulfillmentService: false,
					},
				];
			},
		},
	});
	expect(await run(client)).toMatchObject({ fetched: 7, failed: 0, againInMs: null });
	expect(locations).toBe(1);
	expect(refs).toContainEqual({ externalId: "x1", parentExternalId: "parent" });
	const expected = [
		item("i1"),
		item("i2"),
		{ v: 1, type: "home.item-gone", itemExternalId: null, productExternalId: "p2" },
		{ v: 1, type: "home.location", locationExternalId: "l1", name: "L", active: true, fulfillsOnline: true, fulfillmentService: false },
		{ v: 1, type: "listing.seen", listingExternalId: "x1", quantity: 4, stamp: "2026-11-20T10:00:05Z" },
		{ v: 1, type: "listing.seen", listingExternalId: "x2", quantity: null, stamp: "2026-11-20T10:00:05Z" },
		{ v: 1, type: "listing.gone", listingExternalId: "x3" },
	];
	const got = (await events()).map((e) => e.event);
	expect(got).toHaveLength(expected.length);
	expect(got).toEqual(expect.arrayContaining(expected));
});

test("R18 what passes is tried again later, with jitter; a wish in between does not hurry it", async () => {
	await wish("order", "7");
	const { client } = neighbour({ readOrder: async () => Promise.reject(new ChannelUnavailableError("maintenance", { httpStatus: 503 })) });
	const { fetched, failed, againInMs } = await run(client);
	expect([fetched, failed]).toEqual([0, 1]);
	expect(againInMs).not.toBeNull();
	await db.pool.query("UPDATE fetch_request SET due_at = clock_timestamp() + interval '30 seconds'");
	await wish("order", "7");
	expect(await requests()).toMatchObject([{ done_seq: 0, attempts: 1, lease_token: null, last_error: "maintenance" }]);
	expect((await requests())[0].due_in).toBeGreaterThan(25);
	expect(await letters()).toEqual([]);
});

test("R18 Retry-After is kept, and bounded; a channel that is down is asked once, not once for each thing", async () => {
	for (let i = 0; i < 20; i++) await wish("order", String(i));
	let asked = 0;
	const refusing = (retryAfterMs: number) =>
		neighbour({
			readOrder: async () => {
				asked++;
				throw new RateLimitedError("slow down", { retryAfterMs });
			},
		}).client;
	const oneAtATime = { ...channel("shopify"), limits: { ...channel("shopify").limits, concurrency: 1 } };
	expect((await run(refusing(40_000), oneAtATime)).againInMs).toBeGreaterThanOrEqual(39_000);
	expect(asked).toBe(1);
	// Nothing of it is due any more, so the sweep does not ask once a second either.
	expect((await requests()).filter((request) => request.due_in < 30)).toEqual([]);
	await db.pool.query("UPDATE fetch_request SET due_at = clock_timestamp(), attempts = 0");
	expect((await run(refusing(86_400_000), oneAtATime)).againInMs).toBeLessThanOrEqual(15 * 60_000);
});

test("R21 what the channel refuses for good is a dead letter at once, alone among fifty; the others are read", async () => {
	for (let i = 0; i < 10; i++) await wish("levels", `i${i}`);
	const { client } = neighbour({
		home: {
			readLevels: async (ids) => {
				if (ids.includes("i3")) throw new RequestRejectedError("invalid id i3", { code: "INVALID" });
				return { items: [], readings: ids.map((id) => reading(id, 1)) };
			},
		},
	});
	expect(await run(client)).toMatchObject({ fetched: 9, failed: 1, againInMs: null });
	expect(await letters()).toEqual([
		{ operation: "fetch.levels", error_class: "rejected", state: "open", attempts: 1, payload: { externalId: "i3", reason: "hint" } },
	]);
	expect((await events()).filter((e) => e.event?.type === "home.reading")).toHaveLength(9);
});

test("R21 what fails again and again is shown among the dead letters, still tried, and closes itself when it succeeds", async () => {
	await wish("order", "7");
	let broken = true;
	const { client } = neighbour({
		readOrder: async (id) => {
			if (broken) throw new ChannelUnavailableError("500 for this order");
			return order(id);
		},
	});
	for (let i = 0; i < 8; i++) {
		await run(client);
		await db.pool.query("UPDATE fetch_request SET due_at = clock_timestamp()");
	}
	expect(await letters()).toMatchObject([{ error_class: "unavailable", state: "open" }]);
	broken = false;
	expect(await run(client)).toMatchObject({ fetched: 1 });
	expect(await letters()).toMatchObject([{ state: "resolved" }]);
});

test("refused keys are the connection's trouble: nothing is lost to the dead letters, the work waits", async () => {
	await wish("order", "7");
	await wish("order", "8");
	const { client } = neighbour({ readOrder: async () => Promise.reject(new CredentialsRejectedError("revoked")) });
	const result = await run(client);
	expect(result.againInMs).not.toBeNull();
	expect(await letters()).toEqual([]);
	expect((await requests()).every((request) => request.done_seq === 0)).toBe(true);
});

test("R32 an answer that does not fit our own contract is a dead letter, not an event", async () => {
	await wish("order", "7");
	const { client } = neighbour({ readOrder: async (id) => order(id, { stamp: "yesterday" }) });
	expect(await run(client)).toMatchObject({ failed: 1, againInMs: null });
	expect(await letters()).toMatchObject([{ error_class: "unexpected-shape" }]);
	expect(await events()).toEqual([]);
});

test("who asks for the same things while their answer is being put down waits for it, and neither is a deadlock's victim", async () => {
	const ids = Array.from({ length: 40 }, (_, i) => `i${String(i).padStart(2, "0")}`);
	const ask = (tx: Queryable, wanted: string[]) =>
		requestFetch(
			tx,
			wanted.map((externalId) => ({ shopId, connectionId, kind: "levels" as const, externalId, reason: "again", correlationId: "c" })),
		);
	await ask(db.pool, ids);
	// Claimed in the other order than the one in which rows are locked.
	await db.pool.query("UPDATE fetch_request SET due_at = due_at - substr(external_id, 2)::int * interval '1 second'");
	const asker = Promise.withResolvers<void>();
	const stop = new AbortController();
	const { client } = neighbour({
		home: {
			readLevels: async (asked) => {
				const tx = await db.pool.connect();
				await tx.query("BEGIN");
				await ask(tx, ["i00"]);
				stop.abort();
				sleep(200)
					.then(() => ask(tx, ids))
					.then(() => tx.query("COMMIT"))
					.finally(() => tx.release())
					.then(() => asker.resolve(), asker.reject);
				return { items: [], readings: asked.map((id) => reading(id, 1)) };
			},
		},
	});
	const oneRead = { ...channel("shopify"), limits: { ...channel("shopify").limits, concurrency: 1 } };
	const running = runFetchesWith(deps(), async () => ({ channel: oneRead, client }), shopId, connectionId, stop.signal);
	await asker.promise;
	expect(await running).toMatchObject({ fetched: 40, failed: 0, againInMs: 0 });
});

test("R37 a run reads only its own connection's things", async () => {
	await wish("order", "7");
	const { rows } = await db.pool.query("INSERT INTO shop (domain) VALUES ('b.myshopify.com') RETURNING id");
	const other = await db.pool.query(
		"INSERT INTO connection (shop_id, channel, account, name, webhook_token) VALUES ($1, 'shopify', 'b.myshopify.com', 'b', 't2') RETURNING id",
		[rows[0].id],
	);
	const { client } = neighbour({ readOrder: async (id) => order(id) });
	const result = await runFetchesWith(deps(), async () => ({ channel: channel("shopify"), client }), rows[0].id, other.rows[0].id);
	expect(result).toEqual({ fetched: 0, failed: 0, againInMs: null });
	expect(await requests()).toMatchObject([{ external_id: "7", done_seq: 0 }]);
});
