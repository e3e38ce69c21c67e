import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sealCredentials } from "#connections";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";
import { type Delivery, send, shopifyDelivery, shopifyOrder, wooDelivery, wooOrder } from "../kit/senders.ts";
import { startTcpProxy, type TcpProxy } from "../kit/tcp-proxy.ts";
import { startWebProcess, type WebProcess } from "../kit/web-process.ts";

const SHOP = "a-shop.myshopify.com";
const STORE = { token: "woo-token-of-the-test", secret: "WooSecret0123456789abcdefABCDEFxyz", source: "https://store.example/" };

// Each test starts processes of its own, on machines that may be busy with others.
vi.setConfig({ testTimeout: 90_000 });

let db: TestDatabase;
let proxy: TcpProxy;
let dataDir: string;
let key: Buffer;
let running: WebProcess[];

beforeEach(async () => {
	db = await freshDatabase();
	proxy = await startTcpProxy(db.url);
	dataDir = await mkdtemp(join(tmpdir(), "lockstep-ingest-"));
	key = randomBytes(32);
	running = [];
	const { rows } = await db.pool.query("INSERT INTO shop (domain) VALUES ($1) RETURNING id", [SHOP]);
	const insert =
		"INSERT INTO connection (shop_id, channel, account, name, is_home, state, credentials, webhook_token) VALUES ($1, $2, $3, $3, $4, 'live', $5, $6)";
	const shopId = rows[0].id;
	await db.pool.query(insert, [shopId, "shopify", SHOP, true, null, "home"]);
	const place = { shopId, channel: "woocommerce", account: "store.example" };
	const sealed = sealCredentials([{ id: "k1", key }], place, { webhookSecret: STORE.secret });
	await db.pool.query(insert, [shopId, "woocommerce", "store.example", false, sealed, STORE.token]);
});
afterEach(async () => {
	await Promise.all(running.map((web) => web.kill()));
	await proxy.close();
	await db.drop();
	await rm(dataDir, { recursive: true, force: true });
});

async function start(databaseUrl = proxy.through(db.url)): Promise<WebProcess> {
	const web = await startWebProcess({ databaseUrl, dataDir, keys: `k1:${key.toString("base64")}` });
	running.push(web);
	return web;
}

const shopifyUpdate = (id: number) => shopifyDelivery({ shop: SHOP, topic: "orders/updated", body: shopifyOrder(id), webhookId: `w${id}` });
const wooUpdate = (id: number) => wooDelivery({ ...STORE, topic: "order.updated", body: wooOrder(id) });

/** "shopify 7", as the inbox holds it. */
const held = async () =>
	(
		await db.pool.query<{ name: string }>(
			"SELECT c.channel || ' ' || (e.event ->> 'orderId') AS name FROM inbox_event e JOIN connection c ON c.id = e.connection_id AND c.shop_id = e.shop_id",
		)
	).rows
		.map((row) => row.name)
		.toSorted();

type Sent = { name: string; delivery: Delivery; status: number | "broken" };

/** A burst from both channels: `width` senders side by side, each waiting for its answer before it sends the next. */
async function burst(
	web: WebProcess,
	{ from, count, width, sent = [] }: { from: number; count: number; width: number; sent?: Sent[] },
): Promise<Sent[]> {
	let next = from;
	await Promise.all(
		Array.from({ length: width }, async () => {
			while (next < from + count) {
				const id = next++;
				const channel = id % 2 ? "shopify" : "woocommerce";
				const delivery = id % 2 ? shopifyUpdate(id) : wooUpdate(id);
				const status = await send(web.port, delivery).then(
					(answer) => answer.status,
					() => "broken" as const,
				);
				sent.push({ name: `${channel} ${id}`, delivery, status });
			}
		}),
	);
	return sent;
}
const acknowledged = (sent: Sent[]) => sent.filter(({ status }) => status === 200).map(({ name }) => name);

test("R05 the same delivery fifty times at once at two processes is one event, and all fifty are acknowledged", async () => {
	const webs = await Promise.all([start(), start()]);
	for (let round = 1; round <= 5; round++) {
		const delivery = round % 2 ? shopifyUpdate(round) : wooUpdate(round);
		const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => send((webs[i % 2] as WebProcess).port, delivery)));
		expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(200));
	}
	expect(await held()).toHaveLength(5);
	const outcomes = webs.flatMap((web) => web.lines.map((line) => line.outcome));
	await expect.poll(() => webs.flatMap((web) => web.lines.filter((line) => line.outcome === "duplicate"))).toHaveLength(245);
	expect(outcomes).not.toContain("not-durable");
});

/** Each starts a process of its own, which is what takes the time. */
const ROUNDS = 4;

test("R02 R08 a web process killed with -9 at any point of a burst loses nothing that it acknowledged, and nothing counts twice", async () => {
	const all: Sent[] = [];
	for (let round = 0; round < ROUNDS; round++) {
		const web = await start();
		// Warm, so that the kill strikes deliveries and not the start.
		await send(web.port, shopifyUpdate(1));
		const sent: Sent[] = [];
		const bursting = burst(web, { from: 1_000 * (round + 1), count: 600, width: 24, sent });
		// After so many answers, and then at any moment of the next few milliseconds.
		await expect.poll(() => acknowledged(sent).length, { timeout: 20_000, interval: 1 }).toBeGreaterThanOrEqual(1 + round * 60);
		await sleep(Math.random() * 20);
		await web.kill();
		all.push(...(await bursting));
	}
	const kept = acknowledged(all);
	expect(kept.length).toBeGreaterThan(0);
	expect(all.length).toBeGreaterThan(kept.length);
	const web = await start();
	await expect.poll(async () => missing(kept, await held()), { timeout: 10_000 }).toEqual([]);

	// What was not acknowledged comes again, and so does everything else: each is one event in the end.
	await Promise.all(all.map(({ delivery }) => send(web.port, delivery)));
	const names = await held();
	expect(names).toEqual([...new Set([...all.map(({ name }) => name), "shopify 1"])].toSorted());
});

test("R02 the database taken away in the middle of a burst: Shopify is told 503, WooCommerce's are on disk, and nothing acknowledged is lost", async () => {
	const web = await start();
	await send(web.port, shopifyUpdate(1));
	await send(web.port, wooUpdate(2));
	const bursting = burst(web, { from: 1_000, count: 1_500, width: 24 });
	await sleep(60);
	proxy.cut();
	await sleep(400);
	const during = await Promise.all([send(web.port, shopifyUpdate(11)), send(web.port, wooUpdate(12))]);
	expect(during.map((answer) => answer.status)).toEqual([503, 200]);
	proxy.restore();
	const sent = await bursting;

	const outcomes = new Set(web.lines.map((line) => line.outcome));
	expect([...outcomes]).toEqual(expect.arrayContaining(["accepted", "spooled", "not-durable"]));
	expect(sent.filter(({ name, status }) => name.startsWith("woo") && status !== 200)).toEqual([]);
	expect(sent.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
	await expect.poll(async () => missing([...acknowledged(sent), "woocommerce 12"], await held()), { timeout: 20_000 }).toEqual([]);
	await expect.poll(() => readdir(join(dataDir, "spool")), { timeout: 20_000 }).toEqual([]);
	for (const { delivery } of sent.filter(({ status }) => status === 503)) expect((await send(web.port, delivery)).status).toBe(200);
	const names = await held();
	expect(names).toEqual([...new Set(names)]);
	expect(
		missing(
			sent.map(({ name }) => name),
			names,
		),
	).toEqual([]);
});

test("R02 killed with -9 while the database is away: what is on disk comes into the inbox with the next process", async () => {
	const first = await start();
	await send(first.port, wooUpdate(2));
	proxy.cut();
	const sent = await burst(first, { from: 1_000, count: 60, width: 8 });
	await first.kill();
	const kept = acknowledged(sent);
	expect(kept).toHaveLength(30);
	proxy.restore();
	await start();
	await expect.poll(async () => missing(kept, await held()), { timeout: 10_000 }).toEqual([]);
	expect(await held()).toHaveLength(31);
});

test("R02 a database that says nothing any more: the answer comes within the sender's patience", async () => {
	const web = await start();
	await send(web.port, shopifyUpdate(1));
	await send(web.port, wooUpdate(2));
	proxy.hang();
	const before = performance.now();
	const answers = await Promise.all([send(web.port, shopifyUpdate(11)), send(web.port, wooUpdate(12))]);
	expect(answers.map((answer) => answer.status)).toEqual([503, 200]);
	// Shopify gives up after 5 s.
	expect(performance.now() - before).toBeLessThan(4_500);
	proxy.restore();
	await expect.poll(async () => (await held()).includes("woocommerce 12"), { timeout: 20_000 }).toBe(true);
});

test("R02 asked to stop in the middle of a burst, it answers what is in hand and every acknowledged delivery is in the inbox", async () => {
	const web = await start();
	await send(web.port, shopifyUpdate(1));
	const bursting = burst(web, { from: 1_000, count: 400, width: 24 });
	await sleep(80);
	expect(await web.stop()).toBe(0);
	const sent = await bursting;
	expect(sent.filter(({ status }) => status !== 200 && status !== "broken")).toEqual([]);
	expect(missing(acknowledged(sent), await held())).toEqual([]);
	expect(await readdir(join(dataDir, "spool")).catch(() => [])).toEqual([]);
});

const missing = (wanted: string[], there: string[]) => {
	const found = new Set(there);
	return wanted.filter((name) => !found.has(name));
};
