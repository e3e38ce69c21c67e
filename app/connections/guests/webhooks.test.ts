import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { channel } from "#channels";
import { countFoundByPoll } from "#reconcile";
import { dyingPool, Killed, placesToDie } from "../../../tests/kit/dying-pool.ts";
import { APP_ORIGIN, type GuestWorld, type OpenStore, openGuestWorld } from "../../../tests/kit/guest-world.ts";
import { expectCoherentState, stockOf, type TestShop } from "../../../tests/kit/shop.ts";
import { disconnect, ensureWebhooks, webhookPath } from "./index.ts";

const TOPICS = [
	"order.created",
	"order.deleted",
	"order.restored",
	"order.updated",
	"product.deleted",
	"product.restored",
	"product.updated",
];
let w: GuestWorld;
let shop: TestShop;
let store: OpenStore;
let connectionId: number;
beforeAll(async () => {
	w = await openGuestWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
	shop = await w.shop([{ sku: "TEA", stock: 10 }]);
	store = w.store([{ sku: "TEA", quantity: 10 }]);
	connectionId = await w.connect(shop, store);
	await w.refill();
});

const ensure = () => ensureWebhooks(w.deps, shop.shopId, connectionId);
const row = () =>
	w.one<{ webhook_token: string; polled: boolean; checked: boolean; health: string; health_reason: string | null }>(
		`SELECT webhook_token, polled_at IS NOT NULL AS polled, webhooks_checked_at IS NOT NULL AS checked, health, health_reason
		 FROM connection WHERE id = $1`,
		[connectionId],
	);
const address = async () => `${APP_ORIGIN}${webhookPath("woocommerce", (await row()).webhook_token)}`;
const ours = async () => {
	const url = await address();
	return store.webhooks().filter(({ deliveryUrl }) => deliveryUrl === url);
};
const topics = (of: readonly { topic: string }[]) => of.map(({ topic }) => topic).sort();
async function api() {
	const client = channel("woocommerce").connect({ account: store.host, credentials: store.keys });
	if (!client.webhooks) throw new Error("WooCommerce has webhooks");
	return client.webhooks;
}

test("R24 one active webhook per topic is made, to an address nobody guesses; looked at again, nothing is changed", async () => {
	expect(await ensure()).toEqual({ outcome: "in-place", created: 7, removed: 0 });
	expect(topics(await ours())).toEqual(TOPICS);
	expect((await ours()).every(({ status, secret }) => status === "active" && /^[0-9a-f]{64}$/.test(secret))).toBe(true);
	const calls = w.calls(store, /^(POST|PUT|DELETE)/);
	expect(await ensure()).toEqual({ outcome: "in-place", created: 0, removed: 0 });
	expect(w.calls(store, /^(POST|PUT|DELETE)/)).toBe(calls);
	expect((await row()).checked).toBe(true);
});

describe("R24 what the store lost or switched off is made anew, and the gap is polled", () => {
	test("deleted ones and switched-off ones: new ones with a fresh failure count, and an order of the gap is found", async () => {
		await w.deps.pool.query("DELETE FROM connection WHERE id = $1", [connectionId]);
		connectionId = await w.join(shop, store, { watch: true });
		const [gone, off, paused] = await ours();
		if (!gone || !off || !paused) throw new Error("There are seven");
		store.state.webhooks.delete(gone.id);
		Object.assign(off, { status: "disabled", failures: 6 });
		Object.assign(paused, { status: "paused" });
		for (const webhook of await ours()) if (webhook.topic.startsWith("order.")) Object.assign(webhook, { status: "disabled" });
		const since = new Date();
		await w.buy(store, "TEA", 3);
		w.world.clock.skip(45_000);
		await w.run(store);
		await w.deps.pool.query("UPDATE connection SET webhooks_checked_at = now() - interval '10 minutes' WHERE id = $1", [connectionId]);
		expect(await stockOf(w.deps.pool, shop, 0)).toMatchObject({ available: 10 });

		// The watch is due, makes them anew, and the poll that it asks for is found by the sweep: nobody remembers a wake here.
		await w.run();
		expect(topics(await ours())).toEqual(TOPICS);
		expect((await ours()).every(({ status, failures }) => status === "active" && failures === 0)).toBe(true);
		expect((await ours()).some(({ id }) => id === off.id)).toBe(false);
		expect(await stockOf(w.deps.pool, shop, 0)).toMatchObject({ available: 7, owed: -3 });
		expect(await countFoundByPoll(w.deps.pool, shop.shopId, connectionId, since)).toBe(1);
		await expectCoherentState(w.deps.pool, shop.shopId);
	});

	test("killed anywhere in between, the poll of the gap is due and the next run makes the rest", async () => {
		await ensure();
		await w.deps.pool.query("UPDATE connection SET state = 'watching', cut_at = now() WHERE id = $1", [connectionId]);
		const lose = async () => {
			const [first, second] = await ours();
			for (const webhook of [first, second]) if (webhook) store.state.webhooks.delete(webhook.id);
			await w.deps.pool.query("UPDATE connection SET polled_at = now() WHERE id = $1", [connectionId]);
			await w.refill();
		};
		await lose();
		const clean = dyingPool(w.deps.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		expect(await ensureWebhooks({ ...w.deps, pool: clean.pool }, shop.shopId, connectionId)).toMatchObject({ created: 2 });
		let died = 0;
		for (const place of placesToDie(clean.statements(), 3)) {
			await lose();
			const { pool } = dyingPool(w.deps.pool, place);
			await ensureWebhooks({ ...w.deps, pool }, shop.shopId, connectionId).catch((error: unknown) => {
				if (!(error instanceof Killed)) throw error;
				died++;
			});
			const made = (await ours()).length - 5;
			if (made > 0) expect({ place, polled: (await row()).polled }).toEqual({ place, polled: false });
			await w.refill();
			expect(await ensure()).toEqual({ outcome: "in-place", created: 2 - made, removed: 0 });
			expect((await row()).polled).toBe(false);
		}
		expect(died).toBeGreaterThan(5);
	});
});

test("duplicates are removed, the same by two runs at once; other people's webhooks are never touched", async () => {
	const webhooks = await api();
	const secret = "s".repeat(40);
	const others = [
		await webhooks.create({ topic: "order.created", url: "https://elsewhere.example/hook", secret }),
		await webhooks.create({ topic: "order.created", url: `${APP_ORIGIN}/webhooks/woocommerce/somebody-elses-token`, secret }),
		await webhooks.create({ topic: "customer.created", url: "https://elsewhere.example/hook", secret }),
	];
	Object.assign(store.state.webhooks.get(Number(others[2]?.id)) ?? {}, { status: "disabled" });
	const before = others.map(({ id }) => ({ ...store.state.webhooks.get(Number(id)) }));
	const outcomes = await Promise.all([ensure(), ensure(), ensure()]);
	expect(outcomes.every(({ outcome }) => outcome === "in-place")).toBe(true);
	await w.refill();
	await webhooks.create({ topic: "customer.updated", url: await address(), secret });
	await Promise.all([ensure(), ensure()]);
	await w.refill();
	expect(await ensure()).toEqual({ outcome: "in-place", created: 0, removed: 0 });
	expect(topics(await ours())).toEqual(TOPICS);
	expect(others.map(({ id }) => store.state.webhooks.get(Number(id)))).toEqual(before);
});

test("one that still calls the app's former address is replaced, and those of the account's former connection are cleared away", async () => {
	const webhooks = await api();
	const { webhook_token } = await row();
	await webhooks.create({
		topic: "order.created",
		url: `https://old.lockstep.example${webhookPath("woocommerce", webhook_token)}`,
		secret: "s".repeat(40),
	});
	expect(await ensure()).toEqual({ outcome: "in-place", created: 7, removed: 1 });
	// The store is away when the connection ends.
	store.ail("maintenance");
	expect(await disconnect(w.deps, shop.shopId, connectionId, "user-1")).toEqual({ outcome: "changed", webhooksRemoved: false });
	store.ail(null);
	expect(store.webhooks()).toHaveLength(7);
	connectionId = await w.connect(shop, store);
	await w.refill();
	expect(await ensure()).toEqual({ outcome: "in-place", created: 7, removed: 7 });
	expect(store.webhooks()).toHaveLength(7);
	expect(topics(await ours())).toEqual(TOPICS);
});

test("a watch that is under way while the merchant disconnects leaves no webhook behind", async () => {
	let ended: Promise<unknown> | undefined;
	const stop = w.world.books.watch(({ kind, channel: at }) => {
		if (kind !== "called" || at !== store.channel || ended || w.calls(store, /^POST webhooks$/) < 3) return;
		ended = w.deps.pool.query("UPDATE connection SET state = 'disconnected', credentials = NULL WHERE id = $1", [connectionId]);
	});
	expect(await ensure()).toEqual({ outcome: "closed" });
	stop();
	expect(store.webhooks()).toEqual([]);
});

test("R31 refused keys turn the connection red with the reason, and it is green again when they are accepted again", async () => {
	const keys = store.state.keys.get(store.keys.consumerKey);
	store.revokeKey(store.keys.consumerKey);
	expect(await ensure()).toMatchObject({ outcome: "failed", error: { errorClass: "credentials" } });
	expect(await row()).toMatchObject({ health: "red", health_reason: expect.any(String) });
	if (keys) store.state.keys.set(store.keys.consumerKey, keys);
	expect(await ensure()).toMatchObject({ outcome: "in-place" });
	expect(await row()).toMatchObject({ health: "green", health_reason: null });
});

test("R01 the store's deliveries are signed with the connection's own secret, and another store's is refused", async () => {
	await ensure();
	const other = w.store([{ sku: "TEA", quantity: 3 }]);
	await w.connect(shop, other);
	const thief = channel("woocommerce").connect({ account: other.host, credentials: other.keys });
	await thief.webhooks?.create({ topic: "order.created", url: await address(), secret: "a".repeat(64) });
	await w.buy(other, "TEA");
	await other.runQueue();
	await w.buy(store, "TEA");
	await store.runQueue();
	const statuses = (of: OpenStore) => w.world.books.deliveries(of.channel).map(({ status }) => status);
	expect(statuses(other)).toEqual([401]);
	expect(statuses(store).every((status) => status === 200)).toBe(true);
	const kept = await w.all<{ connection_id: number }>(
		"SELECT DISTINCT connection_id FROM inbox_event WHERE shop_id = $1 AND source = 'webhook'",
		[shop.shopId],
	);
	expect(kept).toEqual([{ connection_id: connectionId }]);
});
