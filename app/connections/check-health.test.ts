import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { dyingPool, placesToDie } from "../../tests/kit/dying-pool.ts";
import { type GuestWorld, type OpenStore, openGuestWorld } from "../../tests/kit/guest-world.ts";
import type { TestShop } from "../../tests/kit/shop.ts";
import { ConnectionClosedError, checkHealth, noteRefusal, sealCredentials, setHealth } from "./index.ts";

let w: GuestWorld;
let shop: TestShop;
let store: OpenStore;
let connectionId: number;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
	({ shop, store, connectionId } = await w.together([["TEA", 10]], { watch: true }));
});

const check = async (deps = w.deps) => {
	await w.refill();
	return checkHealth(deps, shop.shopId, connectionId);
};
const query = (sql: string, values: unknown[] = []) => w.deps.pool.query(sql, values);
/** The store is well again. What it said of its pause while it was not may be written down only now, and hold one look back. */
const recover = async () => {
	store.ail(null);
	await expect.poll(async () => (await check()).outcome, { timeout: 60_000 }).toBe("green");
};
const light = () =>
	w.one<{ health: string; reason: string | null; checked: boolean; since: Date }>(
		"SELECT health, health_reason AS reason, health_checked_at IS NOT NULL AS checked, health_since AS since FROM connection WHERE id = $1",
		[connectionId],
	);

test("R31 a store that answers and lets us work is green, and when it was asked is known", async () => {
	expect(await check()).toEqual({ outcome: "green" });
	expect(await light()).toMatchObject({ health: "green", reason: null, checked: true });
});

test("R31 access that was taken away is red with what to do, since when, and green again with the next good answer", async () => {
	store.revokeKey(String(store.keys.consumerKey));
	expect(await check()).toMatchObject({ outcome: "red", reason: expect.stringContaining("does not know this API key") });
	const { since } = await light();
	await check();
	expect(await light()).toMatchObject({ health: "red", since });
	const { consumerKey, consumerSecret } = store.addKey();
	const { account } = await w.one<{ account: string }>("SELECT account FROM connection WHERE id = $1", [connectionId]);
	const sealed = sealCredentials(w.deps.keyRing, { shopId: shop.shopId, channel: "woocommerce", account }, { consumerKey, consumerSecret });
	await query("UPDATE connection SET credentials = $2 WHERE id = $1", [connectionId, sealed]);
	expect(await check()).toEqual({ outcome: "green" });
	expect(await light()).toMatchObject({ health: "green", reason: null });
});

test("R31 a store that is down is in trouble, not refused; it is over with the next good answer", async () => {
	store.ail("maintenance");
	expect(await check()).toMatchObject({ outcome: "degraded" });
	expect(await light()).toMatchObject({ health: "degraded", reason: expect.any(String) });
	await recover();
	expect(await light()).toMatchObject({ health: "green", reason: null });
});

test("R18 R31 what delivery's breaker has found is the breaker's to take away, and a refused renewal's stays as well", async () => {
	await setHealth(w.deps.pool, shop.shopId, connectionId, { health: "degraded", reason: "Five calls failed" });
	await query("UPDATE connection SET breaker_failures = 5 WHERE id = $1", [connectionId]);
	expect(await check()).toEqual({ outcome: "green" });
	expect(await light()).toMatchObject({ health: "degraded", reason: "Five calls failed" });
	await query("UPDATE connection SET breaker_failures = 0 WHERE id = $1", [connectionId]);
	await check();
	expect(await light()).toMatchObject({ health: "degraded", reason: "Five calls failed" });
});

test("R31 what something else finds after a look found trouble is no longer the look's to take away", async () => {
	store.ail("maintenance");
	await check();
	await setHealth(w.deps.pool, shop.shopId, connectionId, { health: "degraded", reason: "The renewal was refused" });
	await recover();
	expect(await light()).toMatchObject({ health: "degraded", reason: "The renewal was refused" });
});

test("R31 looks at the same moment say the same; R08 killed before or after any statement the next one says it", async () => {
	await Promise.all([check(), check(), check()]);
	expect(await light()).toMatchObject({ health: "green" });
	store.ail("maintenance");
	const clean = dyingPool(w.deps.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
	await check({ ...w.deps, pool: clean.pool });
	for (const place of placesToDie(clean.statements())) {
		await query("UPDATE connection SET health = 'green', health_reason = NULL, health_by_check = false WHERE id = $1", [connectionId]);
		await check({ ...w.deps, pool: dyingPool(w.deps.pool, place).pool }).catch(() => {});
		await check();
		expect(await light()).toMatchObject({ health: "degraded" });
	}
	await recover();
	expect(await light()).toMatchObject({ health: "green" });
}, 120_000);

test("R31 a call that was refused is looked into at once; the plain words stay when the next call is refused as well", async () => {
	await check();
	const refused = () =>
		noteRefusal(
			w.deps.pool,
			shop.shopId,
			connectionId,
			`stock.read (GET ${store.host}/wp-json/wc/v3/products): Sorry, you cannot list resources. [woocommerce_rest_cannot_view]`,
		);
	await refused();
	expect(await light()).toMatchObject({ health: "red", reason: "Sorry, you cannot list resources.", checked: false });
	const { since } = await light();
	store.revokeKey(String(store.keys.consumerKey));
	await check();
	await refused();
	expect(await light()).toMatchObject({
		health: "red",
		reason: expect.stringContaining("does not know this API key"),
		checked: true,
		since,
	});
});

test("R29 R31 what is refused although the account answers stays red past the look that it caused: it lasts long enough to be told of", async () => {
	await check();
	const refusal = "orders.list (GET x.example/wp-json/wc/v3/orders): Sorry, you cannot list orders. [woocommerce_rest_cannot_view]";
	await noteRefusal(w.deps.pool, shop.shopId, connectionId, refusal);
	expect(await check()).toEqual({ outcome: "green" });
	expect(await light()).toMatchObject({ health: "red", reason: "Sorry, you cannot list orders.", checked: true });
	// Five minutes later, by the regular look.
	await check();
	expect(await light()).toMatchObject({ health: "green", reason: null });
});

test("R37 a disconnected one is asked nothing", async () => {
	await query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [connectionId]);
	await expect(check()).rejects.toThrow(ConnectionClosedError);
});
