import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MarketWorld, openMarketWorld, PUBLIC_URL } from "../kit/market-world.ts";
import { MARKET_APP } from "../kit/neighbour-market.ts";
import { order, type TestShop } from "../kit/shop.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
let w: MarketWorld;
let shop: TestShop;
let domain: string;
beforeAll(async () => {
	w = await openMarketWorld();
	shop = await w.shop();
	domain = (await w.one<{ domain: string }>("SELECT domain FROM shop WHERE id = $1", [shop.shopId])).domain;
});
afterAll(() => w.close());

/** One of the app's own programs, with the market next door known to it by its settings in the environment. */
function start(file: string, args: readonly string[] = [], over: Record<string, string> = {}) {
	const child = spawn(
		process.execPath,
		["--import", path.join(ROOT, "tests/pipeline/neighbour-process.ts"), path.join(ROOT, file), ...args],
		{
			cwd: ROOT,
			stdio: ["ignore", "pipe", "pipe"],
			env: {
				PATH: process.env.PATH,
				NODE_ENV: "test",
				LOG_LEVEL: "info",
				DATABASE_URL: w.database.url,
				SHOPIFY_API_KEY: "client-id",
				SHOPIFY_API_SECRET: "secret",
				SHOPIFY_APP_URL: PUBLIC_URL,
				LOCKSTEP_KEYS: `k1:${w.deps.keyRing[0]?.key.toString("base64")}`,
				MARKET_ORIGIN: w.market.origin,
				NEIGHBOUR_CLIENT_ID: MARKET_APP.clientId,
				NEIGHBOUR_CLIENT_SECRET: MARKET_APP.clientSecret,
				NEIGHBOUR_QUEUE_EAST: "east",
				...over,
			},
		},
	);
	let text = "";
	for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
	return { child, output: () => text, exited: once(child, "exit").then(([code]) => code as number | null) };
}
const connect = async (account: string, refreshToken: string) => {
	const args = ["--shop", domain, "--channel", "neighbour", "--account", account, "--set", `refreshToken=${refreshToken}`];
	const script = start("scripts/connect.ts", args);
	return { code: await script.exited, output: script.output() };
};

test("R40 the operator connects a consented account by what the consent has brought, and renews it the same way", async () => {
	const account = w.account();
	const wrong = await connect(account, "refresh-nobodys");
	expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining('"outcome":"refused"')]);
	const first = await connect(account, w.market.grant(account));
	expect([first.code, first.output]).toEqual([0, expect.stringContaining('{"step":"watch","detail":{"outcome":"watching"')]);
	const renewed = await connect(account, w.market.grant(account));
	expect([renewed.code, renewed.output]).toEqual([0, expect.stringContaining('"outcome":"renewed"')]);
	expect(await w.all("SELECT state, consented_at IS NOT NULL AS consented FROM connection WHERE account = $1", [account])).toEqual([
		{ state: "watching", consented: true },
	]);
});

test("R02 R08 the real worker pulls the queue that its environment names, counts the sale, and ends in order when it is asked to", async () => {
	const account = w.account();
	const { code, output } = await connect(account, w.market.grant(account));
	expect([code, output]).toEqual([0, expect.any(String)]);
	const { id: connectionId } = await w.one<{ id: number }>("SELECT id FROM connection WHERE account = $1", [account]);
	const sold = order("9", [{ item: 0, held: 1, external: "sold-there" }], { created: new Date().toISOString() });
	for (let n = 0; n < 100; n++)
		w.market.put("east", { seller: account, application: "ours", kind: "order.changed", id: "note-9", order: sold });
	const worker = start("server/worker.ts");
	await expect.poll(() => w.market.left("east"), { timeout: 25_000 }).toBe(0);
	expect(worker.output()).toContain('"queues":["neighbour queueEast"]');
	await expect
		.poll(() => w.all("SELECT order_id, first_source FROM sales_order WHERE connection_id = $1", [connectionId]), { timeout: 10_000 })
		.toEqual([{ order_id: "9", first_source: "queue" }]);
	expect(await w.one("SELECT count(*)::int AS n FROM inbox_event WHERE connection_id = $1 AND source = 'queue'", [connectionId])).toEqual({
		n: 1,
	});
	worker.child.kill("SIGTERM");
	expect([await worker.exited, worker.output().includes("process.stopped")]).toEqual([0, true]);
});

test("R38 half of a channel's settings keep a process from starting, and it says every one that is missing", async () => {
	const worker = start("server/worker.ts", [], { NEIGHBOUR_CLIENT_ID: "", NEIGHBOUR_CLIENT_SECRET: "" });
	expect(await worker.exited).toBe(1);
	expect(worker.output()).toContain("NEIGHBOUR_CLIENT_ID is missing: Neighbour is set up halfway (NEIGHBOUR_QUEUE_EAST).");
	expect(worker.output()).toContain("NEIGHBOUR_CLIENT_SECRET is missing: Neighbour is set up halfway (NEIGHBOUR_QUEUE_EAST).");
});
