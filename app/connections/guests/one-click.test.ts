import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { everyText } from "../../../tests/kit/every-text.ts";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import type { TestShop } from "../../../tests/kit/shop.ts";
import { completeOneClick, disconnect, forgetOldRequests, receiveGrant, startOneClick } from "./index.ts";

let w: GuestWorld;
let shop: TestShop;
let store: OpenStore;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
	shop = await w.shop([]);
	store = w.store([]);
});

const BACK = { shopDomain: "atelier.myshopify.com", returnPath: "/app/channels/connect/woocommerce" };
const start = async (userId = "user-1", account = store.url) => {
	const started = await startOneClick(w.deps, shop.shopId, { account, userId, ...BACK });
	if (started.outcome !== "started") throw new Error(started.reason);
	return started;
};
const browse = (url: string) => fetch(url, { redirect: "manual" });
/** The merchant reads the store's page and presses the button: the address the store leads the browser back to. */
async function press(url: string, button: "approve" | "deny"): Promise<URL> {
	const page = await browse(url);
	expect(page.status).toBe(200);
	const link = new RegExp(`id="${button}" href="([^"]+)"`).exec(await page.text())?.[1]?.replaceAll("&amp;", "&");
	if (!link) throw new Error("The store's page has no such button");
	if (button === "deny") return new URL(link);
	const granted = await browse(new URL(link, url).href);
	expect(granted.status).toBe(302);
	return new URL(granted.headers.get("location") ?? "");
}
const complete = (nonce: string, { userId = "user-1", shopId = shop.shopId } = {}) => completeOneClick(w.deps, shopId, { nonce, userId });
const request = (nonce: string) =>
	w.one<{ state: string; sealed: string | null }>("SELECT state, sealed FROM connect_request WHERE nonce = $1", [nonce]);
const connections = () => w.all<{ id: number }>("SELECT id FROM connection WHERE account = $1 AND state <> 'disconnected'", [store.host]);
const grant = (nonce: string, keys: { consumerKey: string; consumerSecret: string }) =>
	receiveGrant(w.deps, {
		key_id: 3,
		user_id: nonce,
		consumer_key: keys.consumerKey,
		consumer_secret: keys.consumerSecret,
		key_permissions: "read_write",
	});
const NOT_CONFIRMED = { outcome: "refused", reason: expect.stringContaining("not confirmed") };

test("R36 R37 the whole way through the store's own page: approved, kept sealed, completed by the same user, connected", async () => {
	const { url, nonce } = await start();
	const back = await press(url, "approve");
	expect(`${back.origin}${back.pathname}`).toBe("https://admin.shopify.com/store/atelier/apps/key/app/channels/connect/woocommerce");
	expect(back.searchParams.get("success")).toBe("1");
	expect(back.searchParams.get("user_id")).toBe(nonce);
	const granted = await request(nonce);
	expect(granted.state).toBe("granted");
	const made = [...store.state.keys.values()].at(-1);
	for (const secret of [made?.consumerKey, made?.consumerSecret]) {
		expect((await everyText(w.database.pool)).filter(({ text }) => text.includes(secret as string))).toEqual([]);
	}
	const connected = await complete(nonce);
	expect(connected).toMatchObject({ outcome: "connected" });
	expect(await request(nonce)).toEqual({ state: "used", sealed: null });
	expect(await w.all("SELECT actor, action FROM audit WHERE shop_id = $1", [shop.shopId])).toEqual([
		{ actor: "user-1", action: "connection.created" },
	]);
	// The page was loaded twice: the same connection, and no second one.
	expect(await complete(nonce)).toEqual(connected);
	expect(await connections()).toHaveLength(1);
});

test("denied, nothing is kept and nothing is connected", async () => {
	const { url, nonce } = await start();
	expect((await press(url, "deny")).searchParams.get("success")).toBe("0");
	expect(await complete(nonce)).toMatchObject(NOT_CONFIRMED);
	expect(await request(nonce)).toEqual({ state: "asked", sealed: null });
	expect(await connections()).toEqual([]);
});

describe("R37 who may complete it", () => {
	test("not another user of the shop, not another shop; and their attempts do not use it up", async () => {
		const { url, nonce } = await start("user-1");
		await press(url, "approve");
		const other = await w.shop([]);
		expect(await complete(nonce, { userId: "user-2" })).toMatchObject(NOT_CONFIRMED);
		expect(await complete(nonce, { shopId: other.shopId })).toMatchObject(NOT_CONFIRMED);
		expect((await request(nonce)).state).toBe("granted");
		expect(await connections()).toEqual([]);
		expect(await complete(nonce)).toMatchObject({ outcome: "connected" });
		// The answer to whoever was not the one does not change afterwards either.
		expect(await complete(nonce, { userId: "user-2" })).toMatchObject(NOT_CONFIRMED);
	});

	test("of two at once one connects, and there is one connection", async () => {
		const { url, nonce } = await start();
		await press(url, "approve");
		const outcomes = (await Promise.all([complete(nonce), complete(nonce)])).map(({ outcome }) => outcome);
		expect(outcomes).toContain("connected");
		expect(await connections()).toHaveLength(1);
	});

	test("once disconnected, the old link does not connect again", async () => {
		const { url, nonce } = await start();
		await press(url, "approve");
		const connected = await complete(nonce);
		if (connected.outcome !== "connected") throw new Error(connected.outcome);
		await disconnect(w.deps, shop.shopId, connected.connectionId, "user-1");
		expect(await complete(nonce)).toMatchObject(NOT_CONFIRMED);
	});
});

describe("R01 R36 what the store posts", () => {
	test("a grant sent twice is taken once: the second, also with other keys, changes nothing", async () => {
		const { nonce } = await start();
		expect(await grant(nonce, store.keys)).toEqual({ outcome: "kept" });
		const first = await request(nonce);
		expect(await grant(nonce, store.addKey())).toEqual({ outcome: "refused", reason: "unknown or used" });
		expect(await request(nonce)).toEqual(first);
		expect(await complete(nonce)).toMatchObject({ outcome: "connected" });
		expect(await grant(nonce, store.keys)).toEqual({ outcome: "refused", reason: "unknown or used" });
		expect(await request(nonce)).toEqual({ state: "used", sealed: null });
	});

	test("of two grants at once one is kept", async () => {
		const { nonce } = await start();
		const outcomes = await Promise.all([grant(nonce, store.keys), grant(nonce, store.addKey()), grant(nonce, store.addKey())]);
		expect(outcomes.filter(({ outcome }) => outcome === "kept")).toHaveLength(1);
		expect(await complete(nonce)).toMatchObject({ outcome: "connected" });
	});

	test("a nonce that nobody asked for: the store is refused and takes its key back", async () => {
		const { url, nonce } = await start();
		const foreign = new URL(url);
		foreign.searchParams.set("user_id", "0123456789abcdef");
		const keys = store.state.keys.size;
		const page = await browse(foreign.href.replace("/authorize", "/access_granted"));
		expect(page.status).toBe(401);
		expect(store.state.keys.size).toBe(keys);
		expect(await request(nonce)).toEqual({ state: "asked", sealed: null });
	});

	test("an expired request takes no keys, and granted keys that nobody came back for are forgotten", async () => {
		const [late, left] = [await start(), await start()];
		await w.deps.pool.query("UPDATE connect_request SET expires_at = now() - interval '1 second' WHERE nonce = $1", [late.nonce]);
		expect(await grant(late.nonce, store.keys)).toEqual({ outcome: "refused", reason: "unknown or used" });
		expect(await grant(left.nonce, store.keys)).toEqual({ outcome: "kept" });
		await w.deps.pool.query("UPDATE connect_request SET expires_at = now() - interval '1 second' WHERE nonce = $1", [left.nonce]);
		expect(await complete(left.nonce)).toMatchObject(NOT_CONFIRMED);
		expect((await request(left.nonce)).sealed).toMatch(/^v1\./);
		expect(await forgetOldRequests(w.deps.pool)).toBe(0);
		expect(await request(left.nonce)).toEqual({ state: "granted", sealed: null });
		await w.deps.pool.query("UPDATE connect_request SET expires_at = now() - interval '8 days' WHERE nonce = $1", [left.nonce]);
		expect(await forgetOldRequests(w.deps.pool)).toBe(1);
		expect(await connections()).toEqual([]);
	});

	test("R37 keys of another store under this request are tried against the store that was asked for, and refused there", async () => {
		const other = w.store([]);
		const { nonce } = await start();
		expect(await grant(nonce, other.keys)).toEqual({ outcome: "kept" });
		expect(await complete(nonce)).toMatchObject({ outcome: "refused", reason: expect.stringContaining("does not know this API key") });
		expect(await connections()).toEqual([]);
		expect(await w.all("SELECT FROM connection WHERE account = $1", [other.host])).toEqual([]);
		expect(await complete(nonce)).toMatchObject(NOT_CONFIRMED);
	});

	test("keys that may only read are no grant", async () => {
		const { nonce } = await start();
		const body = { user_id: nonce, consumer_key: store.keys.consumerKey, consumer_secret: store.keys.consumerSecret };
		for (const key_permissions of ["read", "write", undefined]) {
			expect(await receiveGrant(w.deps, { ...body, key_permissions })).toEqual({ outcome: "refused", reason: "not a key grant" });
		}
		expect((await request(nonce)).state).toBe("asked");
	});
});

test("an address that cannot be a store starts nothing", async () => {
	const rows = () => w.one("SELECT count(*)::int AS n FROM connect_request");
	const before = await rows();
	for (const account of ["http://shop-1.stores.example", "https://10.0.0.1", "not an address"]) {
		expect(await startOneClick(w.deps, shop.shopId, { account, userId: "u", ...BACK })).toMatchObject({ outcome: "refused" });
	}
	expect(await rows()).toEqual(before);
});
