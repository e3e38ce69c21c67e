import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { disconnect } from "#app/connections/guests/go-live.ts";
import { createLogger, metrics } from "#telemetry";
import { type Child, startChild } from "../../../tests/kit/child.ts";
import { everyText } from "../../../tests/kit/every-text.ts";
import { type MarketWorld, openMarketWorld } from "../../../tests/kit/market-world.ts";
import { expectCoherentState, order, type TestShop } from "../../../tests/kit/shop.ts";
import { startTcpProxy } from "../../../tests/kit/tcp-proxy.ts";
import { createPool } from "../../db.server.ts";
import { createPulling } from "./create-pulling.ts";

let w: MarketWorld;
let shop: TestShop;
let account: string;
let connectionId: number;
let pullings: { close(): Promise<void> }[];
let children: Child[];
let lines: Record<string, unknown>[];
beforeAll(async () => {
	w = await openMarketWorld({ visibilityMs: 500 });
});
afterAll(() => w.close());
beforeEach(async () => {
	Object.assign(w.market, { faults: {}, beforeAnswer: undefined, batch: 10 });
	[pullings, children, lines] = [[], [], []];
	w.wakes.length = 0;
	shop = await w.shop();
	account = w.account();
	connectionId = await w.join(shop, account);
	await w.deps.pool.query("UPDATE connection SET state = 'watching', cut_at = '2026-01-01' WHERE id = $1", [connectionId]);
});
afterEach(async () => {
	await Promise.all([...pullings.map((pulling) => pulling.close()), ...children.map((child) => child.kill())]);
	for (const queue of ["east", "west"]) expect([queue, w.market.left(queue)]).toEqual([queue, 0]);
});

const log = () =>
	createLogger({ level: "info", name: "test", destination: { write: (text: string) => void lines.push(JSON.parse(text)) } });
const pull = (pool = w.deps.pool) => {
	const pulling = createPulling({ ...w.deps, pool, log: log() }, { backoffFirstMs: 20 });
	pullings.push(pulling);
	return pulling;
};
const startProcess = async (url = w.database.url) => {
	const child = await startChild("tests/pipeline/pull-process.ts", [url, w.market.origin]);
	children.push(child);
	return child;
};
const message = (id: string, over: Record<string, unknown> = {}) => ({
	seller: account,
	application: "ours",
	kind: "order.changed",
	id: `note-${id}`,
	order: order(id, [{ item: 0, held: 1 }]),
	buyer: { name: "Ada Lovelace", email: "ada@example.com", address: "1 Analytical Row" },
	...over,
});
const events = (of = shop.shopId) =>
	w.all<{ order_id: string | null; source: string; status: string; connection_id: number; outcome: string | null }>(
		`SELECT event->>'orderId' AS order_id, source, status, connection_id, outcome FROM inbox_event
		 WHERE shop_id = $1 AND source = 'queue' ORDER BY id`,
		[of],
	);
const emptied = (queue = "east") => expect.poll(() => w.market.left(queue), { timeout: 15_000, interval: 20 }).toBe(0);
/** Of this test's lines: how many messages had which end. */
const ends = () => {
	const sum: Record<string, number> = {};
	for (const line of lines.filter(({ event }) => event === "messages.pulled"))
		for (const name of ["accepted", "duplicate", "parked", "ignored", "unknown", "unreadable", "left"])
			if (name in line) sum[name] = (sum[name] ?? 0) + Number(line[name]);
	return sum;
};

test("R02 R04 messages of both queues are in the inbox, without the buyer, before they are removed; apply is woken; one line per batch", async () => {
	const removals: number[] = [];
	w.market.beforeAnswer = async (path) => {
		if (path === "/remove") removals.push((await events()).length);
	};
	for (const id of ["1", "2", "3"]) w.market.put("east", message(id));
	w.market.put("west", message("4"));
	expect(pull().queues).toEqual(["neighbour queueEast", "neighbour queueWest"]);
	await emptied();
	await emptied("west");
	expect((await events()).map(({ order_id }) => order_id).sort()).toEqual(["1", "2", "3", "4"]);
	expect(new Set((await events()).map((event) => `${event.source} ${event.status} ${event.connection_id}`))).toEqual(
		new Set([`queue pending ${connectionId}`]),
	);
	// Each removal came when its messages were there.
	expect(removals.every((count) => count > 0)).toBe(true);
	await expect.poll(() => w.wakes).toContainEqual({ name: "apply.drain", payload: { shopId: shop.shopId } });
	expect((await everyText(w.database.pool)).filter(({ text }) => /Ada|Analytical|ada@/.test(text))).toEqual([]);
	expect(JSON.stringify(lines)).not.toMatch(/Ada|Analytical|ada@/);
	expect(ends()).toEqual({ accepted: 4 });
});

test("R05 the same message a hundred times, also at once in one batch and over two queues, is one event", async () => {
	for (let n = 0; n < 100; n++) w.market.put(n % 2 ? "east" : "west", message("7"));
	pull();
	await emptied();
	await emptied("west");
	expect(await events()).toMatchObject([{ order_id: "7", status: "pending" }]);
	expect(ends()).toEqual({ accepted: 1, duplicate: 99 });
});

test("R37 a message goes to the shop whose account it names, and to no other", async () => {
	const other = await w.shop();
	const theirs = w.account();
	await w.join(other, theirs);
	for (let n = 0; n < 10; n++) w.market.put("east", message(`o${n}`, n % 2 ? { seller: theirs } : {}));
	pull();
	await emptied();
	expect((await events()).map(({ order_id }) => order_id).sort()).toEqual(["o0", "o2", "o4", "o6", "o8"]);
	expect((await events(other.shopId)).map(({ order_id }) => order_id).sort()).toEqual(["o1", "o3", "o5", "o7", "o9"]);
});

describe("what concerns nobody here", () => {
	test("R04 accounts that left or never were ours, and other applications' messages, are counted and removed; nothing of them is kept", async () => {
		const gone = w.account();
		await disconnect(w.deps, shop.shopId, await w.join(shop, gone), "user-1");
		const before = await w.one("SELECT count(*)::int AS n FROM inbox_event");
		w.market.put("east", message("1", { seller: "never-seen" }));
		w.market.put("east", message("2", { seller: gone }));
		w.market.put("east", message("3", { application: "somebody else's" }));
		w.market.put("east", { seller: account, application: "ours", kind: "ping", id: "p" });
		pull();
		await emptied();
		expect(await w.one("SELECT count(*)::int AS n FROM inbox_event")).toEqual(before);
		expect(ends()).toEqual({ unknown: 3, ignored: 1 });
		expect(await w.all("SELECT FROM delivery_key WHERE key LIKE 'note-%' AND shop_id = $1", [shop.shopId])).toEqual([]);
	});

	test("an account that connects is heard from within seconds, although it was unknown just before", async () => {
		const later = w.account();
		w.market.put("east", message("early", { seller: later }));
		pull();
		await emptied();
		await w.join(shop, later);
		await sleep(2_100);
		w.market.put("east", message("late", { seller: later }));
		await emptied();
		expect((await events()).map(({ order_id }) => order_id)).toEqual(["late"]);
	});
});

describe("R32 what cannot be read", () => {
	test("of a known account is a dead letter without its content, and the others of its batch are taken", async () => {
		w.market.put("east", message("1"));
		w.market.put("east", message("2", { order: { nonsense: true } }));
		w.market.put("east", message("3"));
		pull();
		await emptied();
		expect((await events()).map(({ order_id, status }) => [order_id, status]).sort()).toEqual([
			[null, "parked"],
			["1", "pending"],
			["3", "pending"],
		]);
		const letters = await w.all(
			"SELECT connection_id, direction, operation, error_class, error, payload FROM dead_letter WHERE shop_id = $1",
			[shop.shopId],
		);
		expect(letters).toEqual([
			{
				connection_id: connectionId,
				direction: "in",
				operation: "order.changed",
				error_class: "unexpected-shape",
				error: "This is no order",
				payload: { order: { nonsense: true } },
			},
		]);
		expect(ends()).toEqual({ accepted: 2, parked: 1 });
	});

	test("and does not say whose it is: counted, an error in the log that shows its outline and none of its content, removed", async () => {
		w.market.put("east", "<xml>Ada Lovelace</xml>");
		w.market.put("east", { hello: "Ada Lovelace" });
		w.market.put("east", message("1"));
		pull();
		await emptied();
		expect(await events()).toMatchObject([{ order_id: "1" }]);
		expect(ends()).toEqual({ accepted: 1, unreadable: 2 });
		const outlines = lines.filter(({ level }) => level === "error").flatMap((line) => line.outlines as unknown[]);
		expect(outlines).toEqual(
			expect.arrayContaining([
				expect.objectContaining({ payload: { unreadable: { bytes: 24, fields: ["hello"] } }, errorClass: "unexpected-shape" }),
				expect.objectContaining({ error: "The body is not JSON" }),
			]),
		);
		expect(JSON.stringify(lines)).not.toContain("Lovelace");
	});

	test("also what the database cannot store as it is harms only itself", async () => {
		const hostile = message("2", { id: "note-\u0000\ud800" });
		for (const one of [message("1"), hostile, message("3")]) w.market.put("east", one);
		pull();
		await emptied();
		expect((await events()).map(({ order_id }) => order_id).sort()).toEqual(["1", "2", "3"]);
	});
});

describe("trouble", () => {
	test("R02 R08 the database away while messages arrive: none is removed, nothing more is received meanwhile, and each counts once afterwards", async () => {
		const proxy = await startTcpProxy(w.database.url);
		const pool = createPool({ url: proxy.through(w.database.url), max: 6, name: "behind the proxy" });
		try {
			pull(pool);
			w.market.put("east", message("0"));
			await emptied();
			proxy.cut();
			for (let n = 1; n <= 40; n++) w.market.put("east", message(String(n)));
			await expect.poll(() => ends().left ?? 0, { timeout: 10_000 }).toBeGreaterThan(0);
			await sleep(1_500);
			expect(w.market.left("east")).toBe(40);
			// A receipt counts towards the queue's own limit of tries: nobody receives for an inbox that takes nothing.
			expect(Math.max(...w.market.received("east"))).toBeLessThanOrEqual(1);
			proxy.restore();
			await emptied();
			expect((await events()).map(({ order_id }) => Number(order_id)).sort((a, b) => a - b)).toEqual(
				Array.from({ length: 41 }, (_, n) => n),
			);
		} finally {
			await Promise.all(pullings.map((pulling) => pulling.close()));
			await pool.end();
			await proxy.close();
		}
	});

	test("the queue answering errors is asked again, later and later, and failing to remove costs a repetition, no second event", async () => {
		w.market.faults["/receive"] = Array(6).fill(500);
		w.market.faults["/remove"] = [500, 500];
		for (const id of ["1", "2"]) w.market.put("east", message(id));
		const failuresBefore = (await metrics().queueFailures.get()).values.reduce((sum, { value }) => sum + value, 0);
		pull();
		await emptied();
		expect((await events()).map(({ order_id }) => order_id).sort()).toEqual(["1", "2"]);
		expect(ends().accepted).toBe(2);
		expect(ends().duplicate).toBeGreaterThanOrEqual(1);
		expect(lines.filter(({ event }) => event === "queue.failed").length).toBe(6);
		expect((await metrics().queueFailures.get()).values.reduce((sum, { value }) => sum + value, 0) - failuresBefore).toBe(6);
	});
});

describe("processes", () => {
	test("R08 killed with -9 between commit and removal, and at any other moment: everything counts once", async () => {
		const ids = Array.from({ length: 60 }, (_, n) => String(n + 1));
		for (const id of ids) w.market.put("east", message(id));
		w.market.batch = 5;
		for (let round = 1; round <= 4; round++) {
			let removing: () => void = () => {};
			const asked = new Promise<void>((resolve) => {
				removing = resolve;
			});
			// Committed, and the request to remove is on its way (rounds 1 and 2: it has no effect yet, or its answer is lost).
			if (round % 2) w.market.faults["/remove"] = [500, 500];
			w.market.beforeAnswer = async (path) => {
				if (path !== "/remove") return;
				removing();
				await sleep(1_000);
			};
			const child = await startProcess();
			await asked;
			await child.kill();
			w.market.beforeAnswer = undefined;
			w.market.faults = {};
		}
		expect((await events()).length).toBeGreaterThanOrEqual(5);
		await startProcess();
		await emptied();
		expect((await events()).map(({ order_id }) => Number(order_id)).sort((a, b) => a - b)).toEqual(ids.map(Number));
		expect(
			await w.one("SELECT count(DISTINCT delivery_key)::int AS n FROM inbox_event WHERE shop_id = $1 AND source = 'queue'", [shop.shopId]),
		).toEqual({
			n: 60,
		});
	});

	test("R05 three at once on one queue, with a visibility so short that they overlap, make one event of each message", async () => {
		for (let n = 1; n <= 120; n++) w.market.put("east", message(String(n)));
		await Promise.all([startProcess(), startProcess(), startProcess()]);
		await emptied();
		expect(await events()).toHaveLength(120);
		await expectCoherentState(w.deps.pool, shop.shopId, { drained: false });
	});

	test("a clean end breaks off the wait, commits and removes what is in hand, and takes nothing more", async () => {
		const child = await startProcess();
		w.market.beforeAnswer = async (path) => {
			if (path === "/remove") await sleep(200);
		};
		w.market.put("east", message("1"));
		await expect.poll(async () => (await events()).length).toBe(1);
		expect(await child.stop()).toBe("");
		children = [];
		expect(w.market.left("east")).toBe(0);
		const asked = w.market.count("/receive");
		w.market.put("west", message("2"));
		await sleep(400);
		expect([w.market.count("/receive"), w.market.left("west")]).toEqual([asked, 1]);
		pull();
		await emptied("west");
	});

	test("a server without the channel's settings pulls nothing", async () => {
		const pulling = createPulling({ ...w.deps, env: { ...w.deps.env, appSettings: {} } });
		expect(pulling.queues).toEqual([]);
		await pulling.close();
	});

	test("a setting that makes no queue is an error in the log, and the process goes on", async () => {
		const settings = { neighbour: { ...w.deps.env.appSettings?.neighbour, queueEast: "nonsense" } };
		const pulling = createPulling({ ...w.deps, log: log(), env: { ...w.deps.env, appSettings: settings } });
		expect(pulling.queues).toEqual([]);
		expect(lines).toMatchObject([{ event: "queue.not_opened", level: "error" }]);
		await pulling.close();
	});
});
