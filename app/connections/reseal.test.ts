import { randomBytes } from "node:crypto";
import { Session } from "@shopify/shopify-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GuestWorld, openGuestWorld } from "../../tests/kit/guest-world.ts";
import { completeOneClick, readCatalogue, receiveGrant, startOneClick } from "./guests/index.ts";
import { createSessionStorage } from "./index.ts";
import { resealCredentials } from "./reseal.ts";

let w: GuestWorld;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());

test("R36 after a rotation everything sealed is sealed anew while in use: connections, sessions, grants that wait; then the old key can go", async () => {
	const [old] = w.deps.keyRing;
	if (!old) throw new Error("There is a key");
	const next = { id: "k2", key: randomBytes(32) };
	const shop = await w.shop([]);
	const [store, asked, gone] = [w.store([{ sku: "A", quantity: 1 }]), w.store([]), w.store([])];
	const connectionId = await w.connect(shop, store);
	await w.connect(shop, gone);
	await w.deps.pool.query("UPDATE connection SET state = 'disconnected', credentials = NULL WHERE account = $1", [gone.host]);
	const domain = (await w.one<{ domain: string }>("SELECT domain FROM shop WHERE id = $1", [shop.shopId])).domain;
	const session = new Session({ id: `offline_${domain}`, shop: domain, state: "", isOnline: false, accessToken: "shpat_secret" });
	await createSessionStorage(w.deps).storeSession(session);
	const started = await startOneClick(w.deps, shop.shopId, { account: asked.url, userId: "u", shopDomain: domain, returnPath: "/app" });
	if (started.outcome !== "started") throw new Error(started.reason);
	const { consumerKey, consumerSecret } = asked.keys;
	await receiveGrant(w.deps, {
		user_id: started.nonce,
		consumer_key: consumerKey,
		consumer_secret: consumerSecret,
		key_permissions: "read_write",
	});

	const both = { ...w.deps, keyRing: [next, old] };
	const runs = await Promise.all([resealCredentials(both), resealCredentials(both)]);
	expect(runs.reduce((sum, { resealed }) => sum + resealed, 0)).toBe(3);
	expect(await resealCredentials(both)).toEqual({ resealed: 0, left: 0 });

	const onlyNew = { ...w.deps, keyRing: [next] };
	expect(await readCatalogue(onlyNew, shop.shopId, connectionId)).toMatchObject({ outcome: "read", listings: 1 });
	expect((await createSessionStorage(onlyNew).loadSession(session.id))?.accessToken).toBe("shpat_secret");
	expect(await completeOneClick(onlyNew, shop.shopId, { nonce: started.nonce, userId: "u" })).toMatchObject({ outcome: "connected" });
	await expect(readCatalogue(w.deps, shop.shopId, connectionId)).rejects.toThrow(/not on the ring/);
});

test("R36 a row that is replaced meanwhile wins, and one that no key opens is counted and left", async () => {
	const [old] = w.deps.keyRing;
	if (!old) throw new Error("There is a key");
	const shop = await w.shop([]);
	const [mine, lost] = [await w.connect(shop, w.store([])), await w.connect(shop, w.store([]))];
	await w.deps.pool.query("UPDATE connection SET credentials = 'v1.k0.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA.AAAA' WHERE id = $1", [lost]);
	const next = { id: "k3", key: randomBytes(32) };
	// Between our look and our write somebody saves other credentials.
	const pool = Object.create(w.deps.pool, {
		query: {
			value: async (text: string, values: unknown[]) => {
				if (text.startsWith("UPDATE connection")) {
					await w.deps.pool.query("UPDATE connection SET credentials = 'v1.k3.newer' WHERE id = $1 AND credentials = $2", [
						mine,
						values[1],
					]);
				}
				return w.deps.pool.query(text, values);
			},
		},
	});
	const run = await resealCredentials({ ...w.deps, pool, keyRing: [next, old] });
	expect(run.left).toBeGreaterThanOrEqual(1);
	expect((await w.one<{ credentials: string }>("SELECT credentials FROM connection WHERE id = $1", [mine])).credentials).toBe(
		"v1.k3.newer",
	);
	expect((await w.one<{ credentials: string }>("SELECT credentials FROM connection WHERE id = $1", [lost])).credentials).toMatch(
		/^v1\.k0\./,
	);
});
