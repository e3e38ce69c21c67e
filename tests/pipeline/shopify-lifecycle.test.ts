import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { applyDepsOf } from "#app/wiring.ts";
import { drainShop } from "#apply";
import { handleLifecycle, onShopAuthenticated, runImport } from "#connections";
import type { CanonicalEvent } from "#domain";
import { appendEvents } from "#inbox";
import type { Shop } from "../../sandbox/channels/shopify/index.ts";
import { shopifyDelivery } from "../kit/senders.ts";
import { CLIENT_SECRET } from "../kit/shopify-identity.ts";
import { openShopifyWorld, type ShopifyWorld } from "../kit/shopify-world.ts";

let world: ShopifyWorld;
let shop: Shop;
let shopId: number;
let home: number;
let count = 0;

beforeAll(async () => {
	world = await openShopifyWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
	shop = world.shopify.createShop({ domain: `life-${++count}.myshopify.com`, booksAs: null });
	shop.seed({ locations: [{ name: "Main" }], products: [{ title: "Mug", variants: [{ sku: "MUG", stock: 5 }] }] });
	({ shopId, homeConnectionId: home } = await world.openApp(shop));
});

const row = async () =>
	(
		await world.database.pool.query(
			`SELECT *, (SELECT count(*)::int FROM session WHERE shop_domain = domain) AS sessions FROM shop WHERE id = $1`,
			[shopId],
		)
	).rows[0];
const connection = async () =>
	(await world.database.pool.query(`SELECT * FROM connection WHERE shop_id = $1 AND id = $2`, [shopId, home])).rows[0];
const messages = async () =>
	(
		await world.database.pool.query(
			`SELECT topic, status, outcome FROM inbox_event WHERE shop_id = $1 AND lane = 'lifecycle' ORDER BY id`,
			[shopId],
		)
	).rows;

/** What was captured once and is sent again, with a header that says now. */
async function replay(topic: string, body: unknown, triggeredAt = new Date().toISOString()) {
	const delivery = shopifyDelivery({ shop: shop.domain, topic, body, secret: CLIENT_SECRET, triggeredAt });
	const answer = await world.world.callOut(`https://app.lockstep.example${delivery.path}`, {
		headers: delivery.headers,
		body: delivery.body,
		timeoutMs: 5_000,
	});
	expect(answer.status).toBe(200);
	await world.quiet(shopId);
}

test("R34 the first sight of a shop makes it, with its lane and its home, and starts the import once", async () => {
	expect(await row()).toMatchObject({ state: "installed", installation: 1, sessions: 1, import_state: "pending" });
	expect(await connection()).toMatchObject({ channel: "shopify", account: shop.domain, is_home: true, state: "live", health: "green" });
	const [again, both] = await Promise.all([world.openApp(shop), world.openApp(shop)]);
	expect([again.outcome, both.outcome]).toEqual(["known", "known"]);
	expect([again.shopId, both.homeConnectionId]).toEqual([shopId, home]);
	await world.import(shopId);
	const imported = await row();
	expect(imported.import_state).toBe("done");
	await world.openApp(shop);
	expect(await runImport(world.deps, shopId)).toEqual({ outcome: "stopped", why: "the import is done" });
	expect((await row()).import_finished_at).toEqual(imported.import_finished_at);
	expect(
		(await world.database.pool.query(`SELECT count(*)::int AS n FROM audit WHERE shop_id = $1 AND action = 'shop.installed'`, [shopId]))
			.rows[0].n,
	).toBe(1);
});

test("R34 two loaders of the first page at once install once", async () => {
	const other = world.shopify.createShop({ domain: `twice-${count}.myshopify.com`, booksAs: null });
	other.seed({ locations: [{ name: "Main" }] });
	const opened = await Promise.all([1, 2, 3, 4].map(() => world.openApp(other)));
	expect(opened.map((o) => o.outcome).sort()).toEqual(["installed", "known", "known", "known"]);
	expect(new Set(opened.map((o) => o.shopId)).size).toBe(1);
});

test("R44 a shop whose webhooks come before anybody opened the app keeps them, and its import waits for the visit", async () => {
	const early = world.shopify.createShop({ domain: `early-${count}.myshopify.com`, booksAs: null });
	early.seed({ locations: [{ name: "Main" }], products: [{ title: "Cap", variants: [{ sku: "CAP", stock: 9 }] }] });
	early.checkout({ lines: [{ sku: "CAP", quantity: 2 }] });
	while (early.pendingWebhooks() > 0) await new Promise((resolve) => setTimeout(resolve, 20));
	const [{ id }] = (await world.database.pool.query(`SELECT id FROM shop WHERE domain = $1`, [early.domain])).rows;
	expect(await runImport(world.deps, id)).toEqual({ outcome: "stopped", why: "nobody has opened the app in this shop yet" });
	// Home's stamps are whole seconds: past this one the order is surely from before the import.
	await new Promise((resolve) => setTimeout(resolve, 1_100));
	const held = (
		await world.database.pool.query(`SELECT count(*)::int AS n FROM inbox_event WHERE shop_id = $1 AND status = 'pending'`, [id])
	).rows[0].n;
	expect(held).toBeGreaterThan(0);
	expect(await world.openApp(early)).toMatchObject({ outcome: "installed", shopId: id });
	await world.import(id);
	await world.quiet(id);
	const { rows } = await world.database.pool.query(`SELECT available FROM stock WHERE shop_id = $1`, [id]);
	expect(rows).toEqual([{ available: 7 }]);
});

test("R34 an uninstall stops everything, and the tokens are gone", async () => {
	await world.import(shopId);
	shop.uninstall();
	await world.quiet(shopId);
	expect(await row()).toMatchObject({ state: "uninstalled", sessions: 0 });
	expect(await drainShop(applyDepsOf(world.deps), shopId)).toEqual({ outcome: "closed" });
	expect(await runImport(world.deps, shopId)).toEqual({ outcome: "stopped", why: "the shop has uninstalled" });
	expect((await world.database.pool.query(`SELECT count(*)::int AS n FROM stock WHERE shop_id = $1`, [shopId])).rows[0].n).toBe(1);
});

test("R34 a shop that comes back has its data, and its figures are read anew", async () => {
	await world.import(shopId);
	shop.uninstall();
	await world.quiet(shopId);
	shop.editStock({ sku: "MUG", set: 3 });
	shop.createProduct({ title: "Cap", variants: [{ sku: "CAP", stock: 4 }] });
	// What was refused before it left says nothing of the access that it grants now.
	await world.database.pool.query(
		"UPDATE connection SET breaker_failures = 5, breaker_until = now() + interval '5 minutes' WHERE shop_id = $1 AND id = $2",
		[shopId, home],
	);
	shop.reinstall();
	const back = await world.openApp(shop);
	expect(back).toMatchObject({ outcome: "reinstalled", shopId, homeConnectionId: home });
	expect(await row()).toMatchObject({ state: "installed", installation: 2, uninstalled_at: null });
	const breaker = await world.database.pool.query("SELECT breaker_failures, breaker_until FROM connection WHERE id = $1", [home]);
	expect(breaker.rows).toEqual([{ breaker_failures: 0, breaker_until: null }]);
	await world.import(shopId);
	await world.quiet(shopId);
	const { rows } = await world.database.pool.query(
		`SELECT i.sku, s.available FROM stock s JOIN item i ON i.shop_id = s.shop_id AND i.id = s.item_id WHERE s.shop_id = $1 ORDER BY sku`,
		[shopId],
	);
	expect(rows).toEqual([
		{ sku: "CAP", available: 4 },
		{ sku: "MUG", available: 3 },
	]);
});

test("R34 what disappeared while a shop was away is gone when it is back: products, levels, locations", async () => {
	const wide = world.shopify.createShop({ domain: `wide-${count}.myshopify.com`, booksAs: null });
	wide.seed({
		locations: [{ name: "Main" }, { name: "Store" }],
		products: [
			{ title: "Mug", variants: [{ sku: "MUG", stock: { Main: 5, Store: 2 } }] },
			{ title: "Cap", variants: [{ sku: "CAP", stock: { Main: 4 } }] },
		],
	});
	({ shopId } = await world.openApp(wide));
	await world.import(shopId);
	wide.uninstall();
	await world.quiet(shopId);
	const store = wide.location("Store")?.id ?? 0;
	wide.deactivateItemAt({ sku: "MUG", locationId: store });
	wide.deleteProduct(wide.idsOf("CAP").product);
	wide.reinstall();
	await world.openApp(wide);
	await world.import(shopId);
	await world.quiet(shopId);
	const { rows } = await world.database.pool.query(
		`SELECT i.sku, l.name, s.available, i.deleted_at IS NOT NULL AS gone FROM stock s JOIN item i ON i.shop_id = s.shop_id AND i.id = s.item_id
		 JOIN location l ON l.shop_id = s.shop_id AND l.id = s.location_id WHERE s.shop_id = $1 ORDER BY sku, name`,
		[shopId],
	);
	expect(rows).toEqual([
		{ sku: "CAP", name: "Main", available: 0, gone: true },
		{ sku: "MUG", name: "Main", available: 5, gone: false },
		{ sku: "MUG", name: "Store", available: 0, gone: false },
	]);
});

test("R01 a replayed app/uninstalled does nothing to a shop that is installed", async () => {
	await world.import(shopId);
	await replay("app/uninstalled", { id: 1 });
	expect(await row()).toMatchObject({ state: "installed", sessions: 1 });
	expect((await messages()).at(-1)).toEqual({
		topic: "app/uninstalled",
		status: "ignored",
		outcome: "the shop's access works: it has not uninstalled",
	});
	await replay("app/uninstalled", { id: 2 }, "2026-01-01T00:00:00Z");
	expect((await messages()).at(-1)).toEqual({ topic: "app/uninstalled", status: "ignored", outcome: "speaks of an earlier installation" });
	expect(await row()).toMatchObject({ state: "installed", sessions: 1 });
});

test("R01 a replayed shop/redact never erases a live shop", async () => {
	await world.import(shopId);
	await replay("shop/redact", { shop_id: 1 });
	expect(await row()).toMatchObject({ state: "installed", sessions: 1 });
	expect((await messages()).at(-1)).toMatchObject({ topic: "shop/redact", status: "ignored" });
	// Nor one that came back after the uninstall that it belonged to.
	shop.uninstall();
	await world.quiet(shopId);
	shop.reinstall();
	await world.openApp(shop);
	await replay("shop/redact", { shop_id: 2 });
	expect(await row()).toMatchObject({ state: "installed", installation: 2 });
});

test("R34 shop/redact after an uninstall erases everything of the shop and nothing of another", async () => {
	await world.import(shopId);
	const neighbour = await world.openApp(world.shopify.createShop({ domain: `neighbour-${count}.myshopify.com`, booksAs: null }));
	shop.uninstall();
	await world.quiet(shopId);
	shop.redact();
	await world.quiet(shopId);
	expect(await row()).toBeUndefined();
	const { rows } = await world.database.pool.query<{ table: string }>(
		`SELECT table_name AS table FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'shop_id'`,
	);
	expect(rows.length).toBeGreaterThan(20);
	for (const { table } of rows) {
		const left = await world.database.pool.query(`SELECT count(*)::int AS n FROM "${table}" WHERE shop_id = $1`, [shopId]);
		expect({ table, left: left.rows[0].n }).toEqual({ table, left: 0 });
	}
	expect((await world.database.pool.query(`SELECT state FROM shop WHERE id = $1`, [neighbour.shopId])).rows).toEqual([
		{ state: "installed" },
	]);
});

test("R34 if the uninstall never came, shop/redact stops the shop at once and erases it after Shopify's own wait", async () => {
	await world.import(shopId);
	world.world.faults.onWebhooks("shopify", "gone", 1, { kind: "lost" });
	shop.uninstall();
	await new Promise((resolve) => setTimeout(resolve, 200));
	world.world.faults.clear("shopify");
	expect(await row()).toMatchObject({ state: "installed" });
	shop.redact();
	while (shop.pendingWebhooks() > 0) await new Promise((resolve) => setTimeout(resolve, 20));
	const first = await handleLifecycle(world.deps, shopId);
	expect(first).toMatchObject({ outcome: "again", delayMs: expect.any(Number) });
	expect(first.outcome === "again" && first.delayMs).toBeGreaterThan(47 * 3_600_000);
	expect(await row()).toMatchObject({ state: "uninstalled", sessions: 0 });
	await world.database.pool.query(
		`UPDATE inbox_event SET received_at = received_at - interval '49 hours' WHERE shop_id = $1 AND topic = 'shop/redact'`,
		[shopId],
	);
	expect(await handleLifecycle(world.deps, shopId)).toEqual({ outcome: "done", handled: 1 });
	expect(await row()).toBeUndefined();
});

test("R01 while Shopify does not say whether the access works, nothing is stopped and the message waits", async () => {
	await world.import(shopId);
	world.world.faults.onRequests("shopify", "down", 1, { kind: "status", status: 503 });
	const delivery = shopifyDelivery({
		shop: shop.domain,
		topic: "app/uninstalled",
		body: { id: 3 },
		secret: CLIENT_SECRET,
		triggeredAt: new Date().toISOString(),
	});
	await world.world.callOut(`https://app.lockstep.example${delivery.path}`, {
		headers: delivery.headers,
		body: delivery.body,
		timeoutMs: 5_000,
	});
	expect(await handleLifecycle(world.deps, shopId)).toEqual({ outcome: "again", delayMs: 30_000, handled: 0 });
	expect(await row()).toMatchObject({ state: "installed", sessions: 1 });
	world.world.faults.clear("shopify");
	expect(await handleLifecycle(world.deps, shopId)).toEqual({ outcome: "done", handled: 1 });
	expect(await row()).toMatchObject({ state: "installed", sessions: 1 });
});

test("two handlers of one shop's messages at once handle each once", async () => {
	await world.import(shopId);
	shop.uninstall();
	while (shop.pendingWebhooks() > 0) await new Promise((resolve) => setTimeout(resolve, 20));
	await Promise.all([1, 2, 3].map(() => handleLifecycle(world.deps, shopId)));
	expect(await row()).toMatchObject({ state: "uninstalled" });
	expect(
		(await world.database.pool.query(`SELECT count(*)::int AS n FROM audit WHERE shop_id = $1 AND action = 'shop.uninstalled'`, [shopId]))
			.rows[0].n,
	).toBe(1);
});

test("R04 what Shopify sends of customers is recorded as done, and nothing of a customer is anywhere in the database", async () => {
	await world.import(shopId);
	const bought = shop.checkout({ lines: [{ sku: "MUG", quantity: 1 }], email: "ann.buyer@example.com" });
	if (bought.outcome !== "placed") throw new Error("the shop did not sell");
	await world.quiet(shopId);
	// As it would come if include_fields were ignored: the whole order.
	const person = { first_name: "Ann", email: "ann.buyer@example.com", address1: "1 Elm St" };
	const line = {
		id: 5,
		variant_id: 6,
		sku: "MUG",
		quantity: 1,
		current_quantity: 1,
		properties: [{ name: "For", value: "ann.buyer@example.com" }],
	};
	const times = { created_at: "2026-11-20T10:00:00Z", updated_at: "2026-11-20T10:00:00Z", cancelled_at: null };
	await replay("orders/updated", {
		...{ id: 77, name: "#77", ...times, location_id: null, line_items: [line], refunds: [] },
		...{ email: person.email, customer: person, billing_address: person, shipping_address: person, note: person.email },
	});
	shop.requestCustomerData([bought.orderId]);
	shop.redactCustomer([bought.orderId]);
	await world.quiet(shopId);
	expect((await messages()).slice(-2)).toEqual([
		{ topic: "customers/data_request", status: "processed", outcome: "nothing of any customer is held" },
		{ topic: "customers/redact", status: "processed", outcome: "nothing of any customer is held" },
	]);
	const { rows } = await world.database.pool.query<{ table: string }>(
		`SELECT table_name AS table FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
	);
	for (const { table } of rows) {
		const found = await world.database.pool.query(
			`SELECT count(*)::int AS n FROM "${table}" t WHERE t::text ~* 'ann\\.buyer|@example\\.com|billing|shipping_address|first_name'`,
		);
		expect({ table, found: found.rows[0].n }).toEqual({ table, found: 0 });
	}
});

test("a scope that was taken back is said, and approving it again heals it", async () => {
	await world.import(shopId);
	shop.revokeScopes("read_orders");
	await world.quiet(shopId);
	expect(await connection()).toMatchObject({
		health: "red",
		health_reason: expect.stringContaining("read_orders"),
		settings: { missingScopes: ["read_orders"] },
	});
	shop.grantScopes("read_orders");
	await world.quiet(shopId);
	expect(await connection()).toMatchObject({ health: "green", settings: { missingScopes: [] } });
});

test("a message that cannot be handled is tried again, then shown among the dead letters, and holds up nobody", async () => {
	await world.import(shopId);
	const put = (event: unknown, topic: string) =>
		appendEvents(world.database.pool, [
			{
				shopId,
				connectionId: home,
				topic,
				source: "webhook",
				payload: null,
				event: event as CanonicalEvent,
				deliveryKey: null,
				correlationId: "test",
				occurredAt: null,
			},
		]);
	await put({ v: 1, type: "shop.changed", at: "not a time", detail: {} }, "shop/update");
	await put({ v: 1, type: "shop.changed", at: null, detail: {} }, "shop/update");
	expect(await handleLifecycle(world.deps, shopId)).toEqual({ outcome: "again", delayMs: 30_000, handled: 1 });
	for (let attempt = 2; attempt < 10; attempt++)
		expect(await handleLifecycle(world.deps, shopId)).toMatchObject({ outcome: "again", handled: 0 });
	expect(await handleLifecycle(world.deps, shopId)).toEqual({ outcome: "done", handled: 0 });
	expect((await world.database.pool.query(`SELECT operation, attempts FROM dead_letter WHERE shop_id = $1`, [shopId])).rows).toEqual([
		{ operation: "shop/update", attempts: 10 },
	]);
});

test("R37 one shop's installation changes nothing of another's", async () => {
	await world.import(shopId);
	await world.quiet(shopId);
	const before = JSON.stringify([await row(), await connection()]);
	const other = world.shopify.createShop({ domain: `other-${count}.myshopify.com`, booksAs: null });
	other.seed({ locations: [{ name: "Main" }], products: [{ title: "Mug", variants: [{ sku: "MUG", stock: 50 }] }] });
	const opened = await world.openApp(other);
	await world.import(opened.shopId);
	other.uninstall();
	await world.quiet(opened.shopId);
	expect(JSON.stringify([await row(), await connection()])).toBe(before);
	await onShopAuthenticated(world.deps, { shopDomain: shop.domain, session: { scope: "read_products" } });
	expect(await connection()).toMatchObject({ health: "red" });
});
