import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import type { TestShop } from "../../../tests/kit/shop.ts";
import { openCredentials } from "../credentials.ts";
import { completeOneClick, disconnect, goLive, renewKeys, startOneClick } from "./index.ts";

let w: GuestWorld;
let shop: TestShop;
let store: OpenStore;
let connectionId: number;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
	const shelf = [["TEA", 9] as const, ["MUG", 5] as const];
	({ shop, store, connectionId } = await w.together(shelf, { watch: true }));
	await goLive(w.deps, shop.shopId, connectionId, "user-1");
	await w.run(store);
});

const renew = (keys: Record<string, string>, shopId = shop.shopId, id = connectionId) =>
	renewKeys(w.deps, shopId, { connectionId: id, credentials: keys, actor: "user-2" });
const newKeys = () => {
	const { consumerKey, consumerSecret } = store.addKey();
	return { consumerKey, consumerSecret };
};
const health = () =>
	w.one<{ health: string; failures: number }>("SELECT health, breaker_failures AS failures FROM connection WHERE id = $1", [connectionId]);
const shown = (sku: string) => store.products().find((product) => product.sku === sku)?.shown;
const left = async (sku: string) =>
	(
		await w.one<{ available: number }>(
			"SELECT available FROM stock s JOIN item i ON i.id = s.item_id WHERE i.shop_id = $1 AND i.sku = $2",
			[shop.shopId, sku],
		)
	).available;
const sellElsewhere = (sku: string, left: number) =>
	w.all("UPDATE listing SET desired = $3, dirty_since = now() WHERE connection_id = $1 AND sku = $2", [connectionId, sku, left]);
const actions = () =>
	w.all<{ actor: string; action: string }>("SELECT actor, action FROM audit WHERE shop_id = $1 AND action = 'connection.renewed'", [
		shop.shopId,
	]);

test("R31 R40 keys that the store deleted: red, the work is held; with new ones it goes on at once, and no order of the meantime is lost", async () => {
	store.revokeKey(store.keys.consumerKey);
	await sellElsewhere("TEA", 6);
	await w.run();
	expect(await health()).toEqual({ health: "red", failures: 5 });
	expect(shown("TEA")).toBe(9);
	// Its webhook never comes, and its poll is refused.
	await w.unheard(store, () => w.buy(store, "MUG", 2));
	await w.run(store);
	expect(await left("MUG")).toBe(5);

	expect(await renew(newKeys())).toEqual({ outcome: "renewed", connectionId });
	expect(await health()).toEqual({ health: "green", failures: 0 });
	await w.run(store);
	expect(shown("TEA")).toBe(6);
	expect(await left("MUG")).toBe(3);
	expect(await actions()).toEqual([{ actor: "user-2", action: "connection.renewed" }]);
	expect(await w.all("SELECT id FROM dead_letter WHERE shop_id = $1", [shop.shopId])).toEqual([]);
});

test("R31 what does not do changes nothing: wrong keys, keys that may only read, another store's, none", async () => {
	const before = await w.one("SELECT credentials FROM connection WHERE id = $1", [connectionId]);
	const { keyId: _, ...readOnly } = store.addKey({ permission: "read" });
	const other = w.store([]);
	for (const keys of [{ ...newKeys(), consumerSecret: "cs_no" }, readOnly, other.keys, {}, { consumerKey: "ck_1", consumerSecret: "  " }]) {
		expect(await renew(keys as Record<string, string>)).toEqual({ outcome: "refused", reason: expect.stringMatching(/\w/) });
	}
	expect(await w.one("SELECT credentials FROM connection WHERE id = $1", [connectionId])).toEqual(before);
	expect(await actions()).toEqual([]);
});

test("R36 the webhooks' secret stays: what the store sends afterwards is still believed, and the new keys are kept sealed", async () => {
	const kept = async () => {
		const { sealed } = await w.one<{ sealed: string }>("SELECT credentials AS sealed FROM connection WHERE id = $1", [connectionId]);
		return openCredentials(w.deps.keyRing, { shopId: shop.shopId, channel: "woocommerce", account: store.host }, sealed);
	};
	const before = await kept();
	expect(before.webhookSecret).toMatch(/^[0-9a-f]{64}$/);
	const keys = newKeys();
	await renew(keys);
	expect(await kept()).toEqual({ ...before, ...keys });
	await w.buy(store, "TEA");
	await w.run(store);
	expect(await left("TEA")).toBe(8);
});

test("R37 another shop's connection, a closed one and the shop's own are not renewed", async () => {
	const stranger = await w.shop([]);
	expect(await renew(newKeys(), stranger.shopId)).toMatchObject({ outcome: "refused" });
	expect(await renew(newKeys(), shop.shopId, shop.home)).toMatchObject({ outcome: "refused" });
	await disconnect(w.deps, shop.shopId, connectionId, "user-1");
	expect(await renew(newKeys())).toMatchObject({ outcome: "refused" });
	expect(await actions()).toEqual([]);
});

test("two people at once: both sets work, one of them is kept whole, and the connection is green", async () => {
	const outcomes = await Promise.all([renew(newKeys()), renew(newKeys())]);
	expect(outcomes.map(({ outcome }) => outcome)).toEqual(["renewed", "renewed"]);
	await sellElsewhere("TEA", 4);
	await w.run(store);
	expect(shown("TEA")).toBe(4);
	expect(await health()).toEqual({ health: "green", failures: 0 });
});

test("R31 the store's own page makes new keys for the same connection; no second one is made, and a link works once", async () => {
	store.revokeKey(store.keys.consumerKey);
	const back = { shopDomain: "a.myshopify.com", returnPath: `/app/channels/${connectionId}/renew` };
	const started = await startOneClick(w.deps, shop.shopId, { account: store.host, userId: "user-2", ...back });
	if (started.outcome !== "started") throw new Error(started.reason);
	const page = await (await fetch(started.url)).text();
	const approve = /id="approve" href="([^"]+)"/.exec(page)?.[1]?.replaceAll("&amp;", "&") ?? "";
	await fetch(new URL(approve, started.url), { redirect: "manual" });
	const complete = (userId: string) => completeOneClick(w.deps, shop.shopId, { nonce: started.nonce, userId, renews: connectionId });
	expect(await complete("somebody else")).toMatchObject({ outcome: "refused" });
	expect(await complete("user-2")).toEqual({ outcome: "renewed", connectionId });
	expect(await complete("user-2")).toEqual({ outcome: "connected", connectionId });
	expect(await actions()).toHaveLength(1);
	await sellElsewhere("TEA", 2);
	await w.run(store);
	expect(shown("TEA")).toBe(2);
	expect(await w.one("SELECT count(*)::int AS n FROM connection WHERE account = $1", [store.host])).toEqual({ n: 1 });
});
