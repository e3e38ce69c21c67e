import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPool } from "#app/db.server.ts";
import { type MarketWorld, openMarketWorld } from "../tests/kit/market-world.ts";
import { send } from "../tests/kit/senders.ts";
import { startTcpProxy, type TcpProxy } from "../tests/kit/tcp-proxy.ts";
import { startWeb, type Web, webOptionsOf } from "./web.ts";

let w: MarketWorld;
let proxy: TcpProxy;
let pool: ReturnType<typeof createPool>;
let web: Web;
let dataDir: string;
beforeAll(async () => {
	w = await openMarketWorld();
	proxy = await startTcpProxy(w.database.url);
	pool = createPool({ url: proxy.through(w.database.url), max: 4, name: "behind the proxy" });
	dataDir = await mkdtemp(join(tmpdir(), "lockstep-consent-"));
	const deps = { ...w.deps, pool };
	// The endpoints that `npm run web` has.
	const { endpoints } = webOptionsOf({ appUrl: w.deps.publicUrl } as never, deps);
	web = await startWeb(deps, { port: 0, host: "127.0.0.1", dataDir, ...(endpoints ? { endpoints } : {}) });
});
afterAll(async () => {
	await web?.close();
	await pool?.end();
	await proxy?.close();
	await w?.close();
	await rm(dataDir, { recursive: true, force: true });
});
const visit = (address: string, method = "GET") => {
	const { pathname, search } = new URL(address);
	return send(web.port, { path: `${pathname}${search}`, headers: {}, body: Buffer.alloc(0) }, { method });
};

test("R02 with the database away the merchant is asked to reload, and the very same address then leads on", async () => {
	const back = await w.market.agree(await w.begin(await w.shop()), w.account());
	proxy.cut();
	const away = await visit(back);
	expect([away.status, away.body.includes("reload this page")]).toEqual([503, true]);
	proxy.restore();
	const led = await visit(back);
	expect([led.status, String(led.headers.location).startsWith("https://admin.shopify.com/store/")]).toEqual([303, true]);
});

test("R36 what stands in the address is kept by nobody: no cache, no referrer, no frame; and only GET is answered", async () => {
	const back = await w.market.agree(await w.begin(await w.shop()), w.account());
	for (const address of [back, `${back}-other`]) {
		const { headers } = await visit(address);
		expect([headers["cache-control"], headers["referrer-policy"]]).toEqual(["no-store", "no-referrer"]);
	}
	const refused = await visit(`${back}-other`);
	expect(refused.headers["content-security-policy"]).toContain("frame-ancestors 'none'");
	expect(refused.body).not.toContain("code-");
	for (const method of ["POST", "HEAD", "PUT"]) expect((await visit(back, method)).status).toBe(405);
});
