import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CredentialsRejectedError } from "#app/channels/errors.ts";
import { accessTokenFor, createSessionStorage, onShopAuthenticated, openClient, refreshAgingTokens } from "#connections";
import type { Shop } from "../../sandbox/channels/shopify/index.ts";
import { startChild } from "../kit/child.ts";
import { openShopifyWorld, type ShopifyWorld } from "../kit/shopify-world.ts";

let shopify: ShopifyWorld;
let shop: Shop;
let count = 0;

beforeAll(async () => {
	shopify = await openShopifyWorld({ withWeb: false });
});
afterAll(() => shopify.close());
beforeEach(async () => {
	shop = shopify.shopify.createShop({ domain: `tokens-${++count}.myshopify.com` });
	shop.seed({ locations: [{ name: "Main" }] });
	await shopify.openApp(shop);
});

const storage = () => createSessionStorage(shopify.deps);
const load = async () => (await storage().loadSession(`offline_${shop.domain}`)) ?? expect.fail("no session");
/** Lets the stored pair look as it will when `minutes` of its hour are left. */
async function age(minutes: number) {
	const session = await load();
	session.expires = new Date(Date.now() + minutes * 60_000);
	await storage().deleteSession(session.id);
	await storage().storeSession(session);
	return session;
}
/** Requests to the token endpoint: a test counts from after the app was opened, so what is new are refreshes. */
const refreshes = () => shopify.world.books.calls("shopify").filter((call) => call.operation === "access_token").length;
const health = async () =>
	(await shopify.database.pool.query(`SELECT health, health_reason AS reason FROM connection WHERE account = $1`, [shop.domain])).rows[0];

test("R34 a token with more than ten minutes left is used as it is, one with less is renewed once", async () => {
	const session = await load();
	const before = refreshes();
	expect(await accessTokenFor(shopify.deps, shop.domain)).toBe(session.accessToken);
	await age(11);
	expect(await accessTokenFor(shopify.deps, shop.domain)).toBe(session.accessToken);
	expect(refreshes()).toBe(before);
	await age(9);
	const renewed = await accessTokenFor(shopify.deps, shop.domain);
	expect(renewed).not.toBe(session.accessToken);
	expect(refreshes()).toBe(before + 1);
	const now = await load();
	expect(now.accessToken).toBe(renewed);
	expect(now.refreshToken).not.toBe(session.refreshToken);
	expect(now.expires?.getTime()).toBeGreaterThan(Date.now() + 55 * 60_000);
	expect(now.refreshTokenExpires?.getTime()).toBeGreaterThan(Date.now() + 89 * 24 * 3_600_000);
});

test("R34 twenty callers in one process and twenty more in two others are one refresh", async () => {
	// Spent: nobody can be served by the old one meanwhile.
	await age(0);
	const before = refreshes();
	const env = { DATABASE_URL: shopify.database.url, SANDBOX_UPSTREAMS: shopify.world.upstreams() };
	const key = Buffer.from(shopify.deps.keyRing[0]?.key ?? "").toString("base64");
	const children = await Promise.all([1, 2].map(() => startChild("tests/pipeline/token-process.ts", [shop.domain, key, "20"], env)));
	const [own] = await Promise.all([
		Promise.all(Array.from({ length: 20 }, () => accessTokenFor(shopify.deps, shop.domain))),
		...children.map((child) => child.stop()),
	]);
	const token = (await load()).accessToken;
	expect(new Set(own)).toEqual(new Set([token]));
	expect(refreshes()).toBe(before + 1);
	const { rows } = await shopify.database.pool.query(`SELECT token, callers FROM token_seen`);
	expect(rows).toEqual([
		{ token, callers: 20 },
		{ token, callers: 20 },
	]);
	await shopify.database.pool.query(`DROP TABLE token_seen`);
});

test("R34 a pair that was answered and never saved (a crash in between) is asked for again with the old refresh token", async () => {
	const session = await age(5);
	const lost = await fetch(`https://${shop.domain}/admin/oauth/access_token`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({
			client_id: shopify.deps.env.shopifyApiKey,
			client_secret: shopify.deps.env.shopifyApiSecrets[0],
			grant_type: "refresh_token",
			refresh_token: session.refreshToken,
		}),
	});
	expect(lost.status).toBe(200);
	// The crashed process also held the lease.
	await shopify.database.pool.query(
		`UPDATE session SET lease_token = 'dead', lease_until = clock_timestamp() + interval '300 milliseconds'`,
	);
	const token = await accessTokenFor(shopify.deps, shop.domain);
	expect(token).toBe((await load()).accessToken);
	expect(await worksWith(token)).toBe(200);
});

test("while another process refreshes, a token that still has minutes serves; a spent one waits for the new", async () => {
	const session = await age(5);
	await shopify.database.pool.query(
		`UPDATE session SET lease_token = 'other', lease_until = clock_timestamp() + interval '30 seconds' WHERE shop_domain = $1`,
		[shop.domain],
	);
	expect(await accessTokenFor(shopify.deps, shop.domain)).toBe(session.accessToken);
	await age(0);
	await shopify.database.pool.query(
		`UPDATE session SET lease_token = 'other', lease_until = clock_timestamp() + interval '400 milliseconds' WHERE shop_domain = $1`,
		[shop.domain],
	);
	const startedAt = Date.now();
	expect(await accessTokenFor(shopify.deps, shop.domain)).not.toBe(session.accessToken);
	expect(Date.now() - startedAt).toBeGreaterThan(300);
});

test("R31 a refresh token that ran out turns the connection red with a sentence, and opening the app heals it", async () => {
	const session = await load();
	session.expires = new Date(Date.now() - 1000);
	session.refreshTokenExpires = new Date(Date.now() - 1000);
	await storage().deleteSession(session.id);
	await storage().storeSession(session);
	const before = refreshes();
	await expect(accessTokenFor(shopify.deps, shop.domain)).rejects.toThrow(CredentialsRejectedError);
	expect(refreshes()).toBe(before);
	expect(await health()).toMatchObject({ health: "red", reason: expect.stringContaining("Open the app once in the Shopify admin") });
	await shopify.openApp(shop);
	expect(await health()).toEqual({ health: "green", reason: null });
});

test("R31 Shopify refusing the refresh is said while the old token still serves, and then it is red", async () => {
	const session = await age(5);
	session.refreshToken = "shprt_nobodys";
	await storage().deleteSession(session.id);
	await storage().storeSession(session);
	expect(await accessTokenFor(shopify.deps, shop.domain)).toBe(session.accessToken);
	expect(await health()).toMatchObject({ health: "degraded" });
	session.expires = new Date(Date.now() - 1000);
	await storage().deleteSession(session.id);
	await storage().storeSession(session);
	await expect(accessTokenFor(shopify.deps, shop.domain)).rejects.toThrow(CredentialsRejectedError);
	expect(await health()).toMatchObject({ health: "red" });
});

test("Shopify not answering the refresh costs nothing while the old token is good", async () => {
	const session = await age(5);
	shopify.world.faults.next("shopify", 1, { kind: "status", status: 503 });
	expect(await accessTokenFor(shopify.deps, shop.domain)).toBe(session.accessToken);
	expect(await health()).toEqual({ health: "green", reason: null });
	await age(0);
	shopify.world.faults.next("shopify", 1, { kind: "status", status: 503 });
	await expect(accessTokenFor(shopify.deps, shop.domain)).rejects.toMatchObject({ errorClass: "unavailable" });
	// After a short pause it is asked again.
	expect(await accessTokenFor(shopify.deps, shop.domain)).not.toBe(session.accessToken);
});

test("a newer pair that came during the refresh (the merchant opened the app) is kept and used", async () => {
	await age(5);
	shopify.world.faults.next("shopify", 1, { kind: "slow", delayMs: 400 }, (operation) => operation === "access_token");
	const refreshing = accessTokenFor(shopify.deps, shop.domain);
	await new Promise((resolve) => setTimeout(resolve, 100));
	// It says that it ends later than what the refresh will bring.
	const newer = await load();
	newer.accessToken = "shpat_newer";
	newer.expires = new Date(Date.now() + 2 * 3_600_000);
	await storage().storeSession(newer);
	expect(await refreshing).toBe("shpat_newer");
	expect((await load()).accessToken).toBe("shpat_newer");
});

test("R34 a token that Shopify refuses before its time is renewed once and the request repeated", async () => {
	const opened = await onShopAuthenticated(shopify.deps, { shopDomain: shop.domain, session: await load() });
	shop.expireTokens();
	const { client } = await openClient(shopify.deps, opened.shopId, opened.homeConnectionId);
	const before = refreshes();
	expect(await client.check()).toMatchObject({ health: "green" });
	expect(refreshes()).toBe(before + 1);
});

test("R31 tokens of a shop that does nothing are renewed before the refresh token ends", async () => {
	const session = await load();
	session.expires = new Date(Date.now() - 3_600_000);
	session.refreshTokenExpires = new Date(Date.now() + 10 * 24 * 3_600_000);
	await storage().deleteSession(session.id);
	await storage().storeSession(session);
	expect(await refreshAgingTokens(shopify.deps)).toMatchObject({ failed: 0 });
	expect((await load()).refreshTokenExpires?.getTime()).toBeGreaterThan(Date.now() + 80 * 24 * 3_600_000);
});

async function worksWith(token: string): Promise<number> {
	const answer = await fetch(`https://${shop.domain}/admin/api/2026-10/graphql.json`, {
		method: "POST",
		headers: { "content-type": "application/json", "x-shopify-access-token": token },
		body: JSON.stringify({ query: "{ shop { id } }" }),
	});
	return answer.status;
}
