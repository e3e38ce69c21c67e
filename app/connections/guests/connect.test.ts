import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { everyText } from "../../../tests/kit/every-text.ts";
import { type GuestWorld, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import { leadOutside } from "../../../tests/kit/outside.ts";
import { connectGuest, disconnect, readCatalogue } from "./index.ts";

let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

const connect = (shopId: number, account: string, credentials: Record<string, string>) =>
	connectGuest(w.deps, shopId, { channel: "woocommerce", account, credentials, actor: "user-7" });
const rowsOf = (account: string) =>
	w.all<{ id: number; shop_id: number; state: string }>("SELECT id, shop_id, state FROM connection WHERE account = $1 ORDER BY id", [
		account,
	]);

test("R36 R40 good keys connect: the row holds no secret in clear, the audit says who, and the next call works with what is sealed", async () => {
	const shop = await w.shop([]);
	const store = w.store([{ sku: "TEA", quantity: 4 }]);
	const connected = await connect(shop.shopId, `  ${store.url}/shop-page/../wp-admin/ `, {
		consumerKey: ` ${store.keys.consumerKey}\n`,
		consumerSecret: store.keys.consumerSecret,
	});
	if (connected.outcome !== "connected") throw new Error(connected.reason);
	const row = await w.one<{ state: string; account: string; settings: { account: object }; webhook_token: string; credentials: string }>(
		"SELECT state, account, settings, webhook_token, credentials FROM connection WHERE id = $1",
		[connected.connectionId],
	);
	expect(row).toMatchObject({ state: "connecting", account: store.host, settings: { account: { version: "11.0.1", auth: "header" } } });
	expect(row.webhook_token.length).toBeGreaterThanOrEqual(32);
	expect(row.credentials).toMatch(/^v1\.k1\./);
	const texts = await everyText(w.database.pool);
	expect(texts.length).toBeGreaterThan(20);
	for (const secret of Object.values(store.keys)) {
		for (const form of [secret, Buffer.from(secret).toString("base64"), secret.slice(3)]) {
			expect(texts.filter(({ text }) => text.includes(form)).map(({ table, column }) => `${table}.${column}`)).toEqual([]);
		}
	}
	expect(await w.all("SELECT actor, action, after FROM audit WHERE shop_id = $1", [shop.shopId])).toEqual([
		{ actor: "user-7", action: "connection.created", after: { channel: "woocommerce", account: store.host } },
	]);
	expect(await readCatalogue(w.deps, shop.shopId, connected.connectionId)).toMatchObject({ outcome: "read", listings: 1 });
});

describe("R31 keys that do not do are told apart, and nothing is stored", () => {
	const refused = async (account: string, credentials: Record<string, string>) => {
		const shop = await w.shop([]);
		const before = await w.one<{ n: number }>("SELECT count(*)::int AS n FROM connection");
		const outcome = await connect(shop.shopId, account, credentials);
		expect(await w.one("SELECT count(*)::int AS n FROM connection")).toEqual(before);
		expect(await w.all("SELECT action FROM audit WHERE shop_id = $1", [shop.shopId])).toEqual([]);
		if (outcome.outcome !== "refused") throw new Error(`It is ${outcome.outcome}`);
		return outcome.reason;
	};

	test("a wrong secret, a revoked key, a key that may only read, a user without rights, a missing secret", async () => {
		const store = w.store([]);
		const { consumerKey, consumerSecret } = store.keys;
		expect(await refused(store.url, { consumerKey, consumerSecret: `${consumerSecret.slice(0, -1)}x` })).toContain("does not belong");
		const revoked = w.store([]);
		revoked.revokeKey(revoked.keys.consumerKey);
		expect(await refused(revoked.url, revoked.keys)).toContain("does not know this API key");
		const { keyId: _, ...readOnly } = store.addKey({ permission: "read" });
		expect(await refused(store.url, readOnly)).toContain("may only read");
		const { keyId: __, ...customer } = store.addKey({ shopRights: false });
		expect(await refused(store.url, customer)).toContain("may not manage");
		expect(await refused(store.url, { consumerKey })).toBe("Consumer secret is missing.");
		expect(await refused(store.url, { consumerKey: "  ", consumerSecret })).toBe("Consumer key is missing.");
	});

	test("addresses: plain http, nobody's, inner networks, numbers, a port that no store has", async () => {
		const keys = w.store([]).keys;
		expect(await refused("http://shop-1.stores.example", keys)).toContain("https://");
		expect(await refused("https://nobody.stores-elsewhere.example", keys)).toContain("no server under this address");
		for (const inner of [
			"https://127.0.0.1",
			"https://[::1]",
			"https://10.0.0.8",
			"localhost",
			"store.internal",
			"https://shop-1.stores.example:6379",
			"https://u:p@shop-1.stores.example",
		]) {
			expect(await refused(inner, keys)).toMatch(/number address|not a name on the public internet|Port 6379|user name/);
		}
	});

	test("R36 a name that leads into a private network is not asked at all", async () => {
		let asked = 0;
		const inner = createServer((_, response) => {
			asked++;
			response.end("{}");
		});
		await new Promise<void>((resolve) => inner.listen(0, "127.0.0.1", resolve));
		const dns = await import("node:dns");
		const { lookup } = dns.default;
		dns.default.lookup = ((name: string, options: unknown, callback: (error: null, found: unknown) => void) =>
			name === "rebound.stores.example"
				? callback(null, [{ address: "192.168.1.7", family: 4 }])
				: lookup(name, options as never, callback as never)) as never;
		try {
			expect(await refused("https://rebound.stores.example", w.store([]).keys)).toBe(
				"This address does not lead to a store on the public internet.",
			);
			expect(asked).toBe(0);
		} finally {
			dns.default.lookup = lookup;
			inner.close();
		}
	});

	test("a WordPress without permalinks, and one in maintenance", async () => {
		const plain = createServer((_, response) =>
			response.writeHead(404, { "content-type": "text/html" }).end("<!DOCTYPE html><title>Not found</title>"),
		);
		await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
		const { port } = plain.address() as { port: number };
		const outside = leadOutside({ "plain.example": `http://127.0.0.1:${port}` });
		try {
			expect(await refused("plain.example", w.store([]).keys)).toContain("permalink");
		} finally {
			await outside.restore();
			plain.close();
		}
		const store = w.store([]);
		store.ail("maintenance");
		expect(await refused(store.url, store.keys)).toContain("maintenance");
	});

	test("home is connected by installing the app, not by keys", async () => {
		const shop = await w.shop([]);
		expect(
			await connectGuest(w.deps, shop.shopId, { channel: "shopify", account: "a.myshopify.com", credentials: {}, actor: "u" }),
		).toEqual({
			outcome: "refused",
			reason: "Shopify is connected by installing Lockstep in it.",
		});
	});
});

describe("R37 one account is live in one shop", () => {
	test("it is taken in the same shop and in another, however it is written, and only who holds its keys learns that", async () => {
		const [mine, theirs] = [await w.shop([]), await w.shop([])];
		const store = w.store([]);
		expect(await connect(mine.shopId, store.url, store.keys)).toMatchObject({ outcome: "connected" });
		expect(await connect(mine.shopId, `${store.host.toUpperCase()}/`, store.keys)).toMatchObject({ outcome: "taken", here: true });
		expect(await connect(theirs.shopId, store.url, store.keys)).toMatchObject({ outcome: "taken", here: false });
		expect(await connect(theirs.shopId, store.url, { ...store.keys, consumerSecret: "cs_guessed" })).toMatchObject({ outcome: "refused" });
		expect((await rowsOf(store.host)).map(({ shop_id }) => shop_id)).toEqual([mine.shopId]);
	});

	test("of several at once, from several shops, one connects", async () => {
		const shops = [await w.shop([]), await w.shop([]), await w.shop([])];
		const store = w.store([]);
		const outcomes = await Promise.all([...shops, ...shops].map(({ shopId }) => connect(shopId, store.url, store.keys)));
		expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["connected", "taken", "taken", "taken", "taken", "taken"]);
		expect(await rowsOf(store.host)).toHaveLength(1);
	});

	test("R45 disconnected, it can be connected again, here or there: a new connection with secrets of its own", async () => {
		const [mine, theirs] = [await w.shop([]), await w.shop([])];
		const store = w.store([]);
		const first = await w.connect(mine, store);
		expect(await disconnect(w.deps, mine.shopId, first, "user-7")).toMatchObject({ outcome: "changed" });
		expect(await disconnect(w.deps, mine.shopId, first, "user-7")).toMatchObject({ outcome: "unchanged" });
		const second = await w.connect(mine, store);
		expect(await disconnect(w.deps, theirs.shopId, second, "stranger")).toMatchObject({ outcome: "unchanged" });
		await disconnect(w.deps, mine.shopId, second, "user-7");
		const third = await w.connect(theirs, store);
		expect((await rowsOf(store.host)).map(({ id, state }) => [id, state])).toEqual([
			[first, "disconnected"],
			[second, "disconnected"],
			[third, "connecting"],
		]);
		const sealed = await w.all<{ credentials: string | null; webhook_token: string }>(
			"SELECT credentials, webhook_token FROM connection WHERE account = $1 ORDER BY id",
			[store.host],
		);
		expect(sealed.map(({ credentials }) => credentials === null)).toEqual([true, true, false]);
		expect(new Set(sealed.map(({ webhook_token }) => webhook_token)).size).toBe(3);
	});
});

test("R36 what is sealed for one shop's connection does not open in another's row", async () => {
	const [mine, theirs] = [await w.shop([]), await w.shop([])];
	const [store, other] = [w.store([]), w.store([])];
	const [a, b] = [await w.connect(mine, store), await w.connect(theirs, other)];
	await w.deps.pool.query("UPDATE connection SET credentials = (SELECT credentials FROM connection WHERE id = $1) WHERE id = $2", [a, b]);
	await expect(readCatalogue(w.deps, theirs.shopId, b)).rejects.toThrow(/does not open/);
	await expect(readCatalogue({ ...w.deps, keyRing: [{ id: "k1", key: randomBytes(32) }] }, mine.shopId, a)).rejects.toThrow(
		/does not open/,
	);
});
