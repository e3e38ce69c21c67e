import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Queryable } from "#app/db.server.ts";
import { channel } from "#channels";
import { requestFetch } from "#inbox";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { type FetchDesk, item, neighbour, openFetchDesk, order, reading } from "../../tests/kit/fetch-desk.ts";
import { runFetchesWith } from "./fetch.ts";

let db: TestDatabase;
let desk: FetchDesk;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db?.drop());
beforeEach(async () => {
	desk = await openFetchDesk(db);
});

test("a hint becomes a snapshot with the database's time before asking and after the answer, and its correlation id", async () => {
	await desk.wish("order", "7");
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
	expect(await desk.run(client)).toEqual({ fetched: 1, failed: 0, againInMs: null });
	const [event, ...others] = await desk.events();
	expect(others).toEqual([]);
	expect(event).toMatchObject({ source: "fetch", topic: "fetch.order", correlation_id: "c-7", status: "pending", delivery_key: null });
	const { askedAt, answeredAt } = event.event.fetched;
	expect(new Date(askedAt).getTime()).toBeLessThanOrEqual(times[0]?.getTime() ?? 0);
	expect(new Date(answeredAt).getTime()).toBeGreaterThanOrEqual(times[1]?.getTime() ?? Number.POSITIVE_INFINITY);
	expect(answeredAt).toMatch(/\.\d{6}Z$/);
	expect(await desk.requests()).toMatchObject([{ seq: 1, done_seq: 1, lease_token: null, attempts: 0 }]);
	expect(desk.wakes).toEqual([["apply.drain", { shopId: desk.shopId }]]);
	expect(state.closed).toBe(1);
});

test("R06 fetches of one order are serial over processes: of two runs at once, one asks and the other leaves it", async () => {
	await desk.wish("order", "7");
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
	const runs = await Promise.all([desk.run(client()), desk.run(client()), desk.run(client())]);
	expect([asked, atOnce]).toEqual([1, 1]);
	expect(runs.reduce((sum, r) => sum + r.fetched, 0)).toBe(1);
	expect(await desk.events()).toHaveLength(1);
});

test("R06 a hint that comes while its order is being read causes one more read", async () => {
	await desk.wish("order", "7");
	let asked = 0;
	const { client } = neighbour({
		readOrder: async (id) => {
			if (++asked === 1) for (let i = 0; i < 5; i++) await desk.wish("order", "7");
			return order(id, { contentHash: `h${asked}` });
		},
	});
	expect(await desk.run(client)).toMatchObject({ fetched: 2, againInMs: null });
	expect((await desk.events()).map((e) => e.event.contentHash)).toEqual(["h1", "h2"]);
});

test("an early read does not serve a wish for later: what is wanted in ten seconds is read in ten seconds", async () => {
	await desk.wish("order", "7", { delayMs: 10_000 });
	await desk.wish("order", "7");
	const { client } = neighbour({ readOrder: async (id) => order(id) });
	const { fetched, againInMs } = await desk.run(client);
	expect(fetched).toBe(1);
	expect(againInMs).toBeGreaterThan(8_000);
	await db.pool.query("UPDATE fetch_request SET due_at = clock_timestamp(), again_at = clock_timestamp()");
	expect(await desk.run(client)).toEqual({ fetched: 1, failed: 0, againInMs: null });
});

test("R06 an answer whose lease was lost is dropped: whoever holds it now asked later", async () => {
	await desk.wish("order", "7");
	const { client } = neighbour({
		readOrder: async (id) => {
			await db.pool.query("UPDATE fetch_request SET lease_token = 'another', lease_until = clock_timestamp() + interval '1 minute'");
			return order(id);
		},
	});
	const result = await desk.run(client);
	expect(result.fetched).toBe(0);
	expect(result.againInMs).toBeGreaterThan(50_000);
	expect(await desk.events()).toEqual([]);
	expect(await desk.requests()).toMatchObject([{ done_seq: 0, lease_token: "another" }]);
});

test("a dead process's lease ends by itself and its order is read by another", async () => {
	await desk.wish("order", "7");
	await db.pool.query("UPDATE fetch_request SET lease_token = 'dead', lease_until = clock_timestamp() + interval '300 milliseconds'");
	const { client } = neighbour({ readOrder: async (id) => order(id) });
	const first = await desk.run(client);
	expect(first.fetched).toBe(0);
	await sleep(first.againInMs ?? 0);
	expect(await desk.run(client)).toMatchObject({ fetched: 1, againInMs: null });
});

test("an order that the channel does not have any more frees nothing: it is noted and nobody asks again", async () => {
	await desk.wish("order", "7");
	expect(await desk.run(neighbour({ readOrder: async () => null }).client)).toMatchObject({ fetched: 1, againInMs: null });
	expect(await desk.events()).toMatchObject([
		{ status: "ignored", event: null, payload: { externalId: "7" }, outcome: expect.stringMatching(/^gone/) },
	]);
	expect(await desk.letters()).toEqual([]);
});

test("levels are read fifty items a call; items come before their readings, readings carry our time of asking", async () => {
	for (let i = 0; i < 120; i++) await desk.wish("levels", `i${String(i).padStart(3, "0")}`);
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
	expect(await desk.run(client)).toMatchObject({ fetched: 120, againInMs: null });
	// Several workers ask side by side, but claim in turn: none finds a row locked that another is just claiming.
	expect([calls.length, Math.max(...calls), calls.reduce((sum, size) => sum + size, 0)]).toEqual([3, 50, 120]);
	const got = await desk.events();
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
		[desk.shopId],
	);
	for (const id of ["left", "deleted", "with its product"]) await desk.wish("levels", id);
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
	await desk.run(client);
	expect(asked.toSorted()).toEqual(["p1", "p2"]);
	const got = await desk.events();
	expect(
		got
			.filter((e) => e.event?.type === "home.item-gone")
			.map((e) => e.event.itemExternalId)
			.toSorted(),
	).toEqual(["deleted", "with its product"]);
	expect(got.filter((e) => e.event === null)).toMatchObject([{ status: "ignored", payload: { externalId: "left" } }]);
});

test("products, locations and listings are read in their own ways", async () => {
	await desk.wish("product", "p1");
	await desk.wish("product", "p2");
	await desk.wish("location", "l1");
	await desk.wish("location", "l2");
	await desk.wish("listing", "x1");
	await desk.wish("listing", "x2");
	await desk.wish("listing", "x3");
	await db.pool.query("INSERT INTO listing (shop_id, connection_id, external_id, parent_external_id) VALUES ($1, $2, 'x1', 'parent')", [
		desk.shopId,
		desk.connectionId,
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
	expect(await desk.run(client)).toMatchObject({ fetched: 7, failed: 0, againInMs: null });
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
	const got = (await desk.events()).map((e) => e.event);
	expect(got).toHaveLength(expected.length);
	expect(got).toEqual(expect.arrayContaining(expected));
});

test("who asks for the same things while their answer is being put down waits for it, and neither is a deadlock's victim", async () => {
	const ids = Array.from({ length: 40 }, (_, i) => `i${String(i).padStart(2, "0")}`);
	const ask = (tx: Queryable, wanted: string[]) =>
		requestFetch(
			tx,
			wanted.map((externalId) => ({
				shopId: desk.shopId,
				connectionId: desk.connectionId,
				kind: "levels" as const,
				externalId,
				reason: "again",
				correlationId: "c",
			})),
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
	const running = runFetchesWith(desk.deps(), async () => ({ channel: oneRead, client }), desk.shopId, desk.connectionId, stop.signal);
	await asker.promise;
	expect(await running).toMatchObject({ fetched: 40, failed: 0, againInMs: 0 });
});

test("R37 a run reads only its own connection's things", async () => {
	await desk.wish("order", "7");
	const { rows } = await db.pool.query("INSERT INTO shop (domain) VALUES ('b.myshopify.com') RETURNING id");
	const other = await db.pool.query(
		"INSERT INTO connection (shop_id, channel, account, name, webhook_token) VALUES ($1, 'shopify', 'b.myshopify.com', 'b', 't2') RETURNING id",
		[rows[0].id],
	);
	const { client } = neighbour({ readOrder: async (id) => order(id) });
	const result = await runFetchesWith(desk.deps(), async () => ({ channel: channel("shopify"), client }), rows[0].id, other.rows[0].id);
	expect(result).toEqual({ fetched: 0, failed: 0, againInMs: null });
	expect(await desk.requests()).toMatchObject([{ external_id: "7", done_seq: 0 }]);
});
