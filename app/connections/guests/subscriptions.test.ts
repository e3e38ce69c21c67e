import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type MarketWorld, openMarketWorld } from "../../../tests/kit/market-world.ts";
import type { TestShop } from "../../../tests/kit/shop.ts";
import { disconnect } from "./go-live.ts";
import { startWatching } from "./opening.ts";
import { ensureWebhooks } from "./webhooks.ts";

let w: MarketWorld;
let shop: TestShop;
let account: string;
let connectionId: number;
beforeAll(async () => {
	w = await openMarketWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
	shop = await w.shop();
	account = w.account();
	connectionId = await w.join(shop, account);
});

const ensure = () => ensureWebhooks(w.deps, shop.shopId, connectionId);
const own = (of = account) => [...w.market.subscriptions].filter(([, subscription]) => subscription.account === of);

test("R24 subscriptions to a queue are kept as webhooks are: one per topic, a switched-off or doubled one is put right, others' are not touched", async () => {
	const theirs = w.account();
	const other = await w.shop();
	const otherId = await w.join(other, theirs);
	expect(await ensureWebhooks(w.deps, other.shopId, otherId)).toEqual({ outcome: "in-place", created: 1, removed: 0 });
	expect(await ensure()).toEqual({ outcome: "in-place", created: 1, removed: 0 });
	expect(await ensure()).toEqual({ outcome: "in-place", created: 0, removed: 0 });
	const [[id, subscription] = ["", undefined]] = own();
	if (!subscription) throw new Error("There is one");
	subscription.active = false;
	expect(await ensure()).toEqual({ outcome: "in-place", created: 1, removed: 1 });
	expect(own().map(([now]) => now)).not.toContain(id);
	w.market.subscriptions.set("double", { ...subscription, active: true });
	w.market.subscriptions.set("former", { ...subscription, topic: "what nobody reads any more", active: true });
	expect(await ensure()).toEqual({ outcome: "in-place", created: 0, removed: 2 });
	expect([own().length, own(theirs).length]).toEqual([1, 1]);

	await disconnect(w.deps, shop.shopId, connectionId, "user-1");
	expect([own().length, own(theirs).length]).toEqual([0, 1]);
});

test("R24 one that was missing makes the next order poll due at once", async () => {
	await ensure();
	w.market.subscriptions.delete(own()[0]?.[0] ?? "");
	await w.deps.pool.query("UPDATE connection SET polled_at = now() WHERE id = $1", [connectionId]);
	expect(await ensure()).toMatchObject({ created: 1 });
	expect(await w.one("SELECT polled_at, webhooks_checked_at IS NOT NULL AS checked FROM connection WHERE id = $1", [connectionId])).toEqual(
		{
			polled_at: null,
			checked: true,
		},
	);
});

test("R44 a consented connection begins to watch with its subscriptions in place", async () => {
	expect(await startWatching(w.deps, shop.shopId, connectionId, "user-1")).toMatchObject({ outcome: "watching" });
	expect(own()).toHaveLength(1);
});

test("a channel without any of its own is looked at, and not again the next second", async () => {
	const home = await ensureWebhooks(w.deps, shop.shopId, shop.home);
	expect(home).toEqual({ outcome: "none" });
	expect(await w.one("SELECT webhooks_checked_at IS NOT NULL AS checked FROM connection WHERE id = $1", [shop.home])).toEqual({
		checked: true,
	});
});
