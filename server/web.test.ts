import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { metrics } from "#telemetry";
import { freshDatabase, type TestDatabase } from "../tests/kit/database.ts";
import { openReceiver, order, type Receiver, SHOP, STORE, wooUpdate } from "../tests/kit/receiver.ts";
import { APP_SECRET, type Delivery, send, shopifyDelivery, shopifyOrder, wooDelivery, wooOrder } from "../tests/kit/senders.ts";

let db: TestDatabase;
let app: Receiver;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db?.drop());
beforeEach(async () => {
	app = await openReceiver(db);
});
afterEach(() => app.close());

const counted = async (outcome: string) =>
	(await metrics().requestsReceived.get()).values.filter((v) => v.labels.outcome === outcome).reduce((sum, v) => sum + v.value, 0);
const with_ = (delivery: Delivery, headers: Record<string, string | undefined>, body = delivery.body): Delivery => ({
	...delivery,
	body,
	headers: Object.fromEntries(Object.entries({ ...delivery.headers, ...headers }).filter(([, value]) => value !== undefined)) as Record<
		string,
		string
	>,
});

test("R02 R03 R04 a Shopify order is in the inbox as a canonical event before the 200, without anything personal, and apply is woken", async () => {
	expect((await send(app.web.port, order(7))).status).toBe(200);
	const [event, ...others] = await app.events();
	expect(others).toEqual([]);
	expect(event).toMatchObject({
		shop_id: app.shop.shopId,
		connection_id: app.shop.home,
		topic: "orders/updated",
		source: "webhook",
		status: "pending",
		occurred_at: new Date("2026-11-20T15:00:02Z"),
	});
	expect(event.event).toMatchObject({ v: 1, type: "order.snapshot", orderId: "7", stamp: expect.stringContaining("2026-11-20") });
	expect(JSON.stringify([event.payload, event.event])).not.toMatch(/buyer|Ada|Engraving/);
	await app.web.close();
	expect(app.wakes).toEqual([{ name: "apply.drain", payload: { shopId: app.shop.shopId } }]);
});

test("R30 one wide line tells of a delivery, with the correlation id of its row and nothing secret or personal", async () => {
	await send(app.web.port, order(7));
	const [event] = await app.events();
	expect(app.lines).toEqual([
		expect.objectContaining({
			event: "stock_event.received",
			outcome: "accepted",
			channel: "shopify",
			topic: "orders/updated",
			shopId: app.shop.shopId,
			connectionId: app.shop.home,
			correlationId: event.correlation_id,
			resourceId: "7",
			tookMs: expect.any(Number),
		}),
	]);
	expect(JSON.stringify(app.lines)).not.toMatch(/buyer|Ada|hmac/i);
});

test("R02 R03 a WooCommerce order comes to its connection's own address", async () => {
	expect((await send(app.web.port, wooUpdate(7))).status).toBe(200);
	expect(await app.events()).toMatchObject([
		{ shop_id: app.shop.shopId, connection_id: app.shop.woo, event: { type: "order.snapshot", orderId: "7" } },
	]);
	expect(JSON.stringify(await app.events())).not.toContain("buyer");
});

const unsigned: [string, () => Delivery][] = [
	["Shopify, no signature", () => with_(order(7), { "x-shopify-hmac-sha256": undefined })],
	["Shopify, an empty one", () => with_(order(7), { "x-shopify-hmac-sha256": "" })],
	["Shopify, another secret", () => order(7, { secret: "not-ours" })],
	["Shopify, one byte more", () => with_(order(7), {}, Buffer.concat([order(7).body, Buffer.from(" ")]))],
	["Shopify, nothing but a body", () => ({ path: "/webhooks/shopify", headers: {}, body: Buffer.from("{}") })],
	[
		"Shopify compliance, another secret",
		() => order(7, { path: "/webhooks/shopify/compliance", topic: "shop/redact", secret: "not-ours" }),
	],
	["Shopify compliance, no signature", () => ({ path: "/webhooks/shopify/compliance", headers: {}, body: Buffer.from("{}") })],
	["WooCommerce, no signature", () => with_(wooUpdate(7), { "x-wc-webhook-signature": undefined })],
	["WooCommerce, Shopify's secret", () => wooUpdate(7, { secret: APP_SECRET })],
	["WooCommerce, no secret at all", () => wooUpdate(7, { secret: "" })],
	["WooCommerce, a long unsigned form", () => ({ ...ping(), body: Buffer.from(`webhook_id=${"1".repeat(10_000)}`) })],
];
const ping = (): Delivery => ({
	path: `/webhooks/woocommerce/${STORE.token}`,
	headers: { "content-type": "application/x-www-form-urlencoded" },
	body: Buffer.from("webhook_id=6"),
});
for (const [name, delivery] of unsigned) {
	test(`R01 ${name}: 401, and no trace but a figure`, async () => {
		const before = await counted("bad-signature");
		expect((await send(app.web.port, delivery())).status).toBe(401);
		await app.nothingIsLeft();
		expect(await counted("bad-signature")).toBe(before + 1);
	});
}

test("R01 what the old secret signed is taken while the secret is being rotated", async () => {
	expect((await send(app.web.port, order(7, { secret: "the-old-secret" }))).status).toBe(200);
	expect(await app.events()).toHaveLength(1);
});

test("R01 the unsigned ping of a new WooCommerce webhook is answered 200 and does nothing", async () => {
	expect((await send(app.web.port, ping())).status).toBe(200);
	expect(await app.events()).toEqual([]);
});

test("R01 an address that nobody has is 404, and so is a signed delivery of a copy of the store", async () => {
	expect((await send(app.web.port, wooUpdate(7, { token: "woo-token-of-nobody" }))).status).toBe(404);
	expect((await send(app.web.port, wooUpdate(7, { source: "https://staging.store.example/" }))).status).toBe(404);
	expect((await send(app.web.port, { ...order(7), path: "/webhooks/amazon" })).status).toBe(404);
	expect((await send(app.web.port, { ...order(7), path: "/webhooks/shopify/other" })).status).toBe(404);
	expect((await send(app.web.port, { ...wooUpdate(7), path: "/webhooks/woocommerce" })).status).toBe(404);
	await app.nothingIsLeft();
});

test("a disconnected store's address is 404", async () => {
	await db.pool.query("UPDATE connection SET state = 'disconnected' WHERE id = $1", [app.shop.woo]);
	expect((await send(app.web.port, wooUpdate(7))).status).toBe(404);
});

test("only POST is taken at the receivers", async () => {
	const answer = await send(app.web.port, order(7), { method: "GET" });
	expect([answer.status, answer.headers.allow]).toEqual([405, "POST"]);
});

test("R05 the same delivery fifty times at once is one event, and every one is answered 200", async () => {
	const delivery = order(7);
	const answers = await Promise.all(Array.from({ length: 50 }, () => send(app.web.port, delivery)));
	expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(200));
	expect(await app.events()).toHaveLength(1);
	expect(app.lines.filter((line) => line.outcome === "duplicate")).toHaveLength(49);
});

test("R05 fifty levels of one bulk edit share an event id and are fifty events; two WooCommerce deliveries of one second share a delivery id and are two", async () => {
	const level = (item: number) => ({ inventory_item_id: item, location_id: 9, available: 1, updated_at: "2026-11-20T10:00:01-05:00" });
	const edits = Array.from({ length: 50 }, (_, i) =>
		shopifyDelivery({ shop: SHOP, topic: "inventory_levels/update", body: level(i + 1), webhookId: "one-id-for-all" }),
	);
	await Promise.all([...edits, wooUpdate(1), wooUpdate(2)].map((delivery) => send(app.web.port, delivery)));
	expect(await app.events()).toHaveLength(52);
});

test("R05 R37 equal order ids of two shops and of two channels stay apart", async () => {
	const other = { token: "woo-token-of-another", secret: "AnotherSecret0123456789abcdefABCDEF", source: "https://other.example/" };
	const second = await app.aShop("b-shop.myshopify.com", "other.example", other);
	const id = "the-same-webhook-id";
	const deliveries = [
		order(7, { webhookId: id }),
		shopifyDelivery({ shop: "b-shop.myshopify.com", topic: "orders/updated", body: shopifyOrder(7), webhookId: id }),
		wooUpdate(7),
		wooDelivery({ ...other, topic: "order.updated", body: wooOrder(7) }),
	];
	expect((await Promise.all(deliveries.map((d) => send(app.web.port, d)))).map((a) => a.status)).toEqual([200, 200, 200, 200]);
	const got = (await app.events()).map((event) => `${event.shop_id}:${event.connection_id}`).toSorted();
	expect(got).toEqual([app.shop, second].flatMap((s) => [`${s.shopId}:${s.home}`, `${s.shopId}:${s.woo}`]).toSorted());
});

test("R37 a delivery signed for one store is refused at another store's address", async () => {
	const other = { token: "woo-token-of-another", secret: "AnotherSecret0123456789abcdefABCDEF", source: "https://other.example/" };
	await app.aShop("b-shop.myshopify.com", "other.example", other);
	expect((await send(app.web.port, wooUpdate(7, { token: other.token }))).status).toBe(401);
	await app.nothingIsLeft();
});

test("R32 what cannot be understood is kept as a dead letter and acknowledged, without what is not on the allow-list", async () => {
	const odd = shopifyOrder(7, { refunds: [{ refund_line_items: [{ line_item_id: 70, quantity: 1, restock_type: "teleported" }] }] });
	expect((await send(app.web.port, order(7, { body: odd }))).status).toBe(200);
	const [event] = await app.events();
	expect(event).toMatchObject({ status: "parked", event: null, payload: { id: 7 } });
	const { rows } = await db.pool.query("SELECT * FROM dead_letter");
	expect(rows).toMatchObject([
		{ direction: "in", error_class: "unexpected-shape", event_id: event.id, error: expect.stringContaining("restock_type") },
	]);
	expect(JSON.stringify([event, rows])).not.toMatch(/buyer|Ada/);
	expect((await send(app.web.port, order(7, { body: odd }))).status).toBe(200);
	await app.web.close();
	expect(app.wakes).toEqual([]);
});

test("R32 a signed body that is no JSON, or of an unknown topic, is kept by its outline", async () => {
	expect((await send(app.web.port, order(7, { body: Buffer.from("<html>Ada</html>") }))).status).toBe(200);
	expect((await send(app.web.port, order(7, { topic: "orders/teleported", body: { email: "buyer@example.com" } }))).status).toBe(200);
	const rows = await app.events();
	expect(rows.map((row) => [row.status, row.topic])).toEqual([
		["parked", "orders/updated"],
		["parked", "orders/teleported"],
	]);
	expect(JSON.stringify(rows)).not.toMatch(/buyer|Ada/);
});

test("R02 a NUL byte in an order's name harms nobody", async () => {
	const answers = await Promise.all(
		[order(6), order(7, { body: shopifyOrder(7, { name: "#7\0" }) }), order(8)].map((d) => send(app.web.port, d)),
	);
	expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
	expect((await app.events()).map((event) => [event.status, event.event.name]).toSorted()).toEqual([
		["pending", "#6"],
		["pending", "#7\ufffd"],
		["pending", "#8"],
	]);
});

test("R44 webhooks of a shop that has not opened the app yet make the shop and are kept, many at once", async () => {
	const early = Array.from({ length: 150 }, (_, i) =>
		shopifyDelivery({ shop: "Early-Bird.myshopify.com", topic: "orders/create", body: shopifyOrder(i + 1) }),
	);
	const answers = await Promise.all(early.map((delivery) => send(app.web.port, delivery)));
	expect(answers.map((answer) => answer.status)).toEqual(Array(150).fill(200));
	const { rows } = await db.pool.query(
		`SELECT shop.id, shop.import_state, (SELECT count(*)::int FROM shop_lane WHERE shop_id = shop.id) AS lanes,
		   (SELECT count(*)::int FROM connection WHERE shop_id = shop.id AND is_home AND channel = 'shopify') AS homes
		 FROM shop WHERE domain = 'early-bird.myshopify.com'`,
	);
	expect(rows).toEqual([{ id: expect.any(Number), import_state: "pending", lanes: 1, homes: 1 }]);
	expect((await app.events()).map((event) => event.shop_id)).toEqual(Array(150).fill(rows[0].id));
});

test("R01 a signed body replayed under invented shop names makes no more than sixty shops a minute", async () => {
	const body = shopifyOrder(1);
	const answers: number[] = [];
	for (let i = 0; i < 70; i++)
		answers.push((await send(app.web.port, shopifyDelivery({ shop: `invented-${i}.myshopify.com`, topic: "orders/create", body }))).status);
	expect(answers).toEqual([...Array(60).fill(200), ...Array(10).fill(503)]);
	expect((await db.pool.query("SELECT count(*)::int AS n FROM shop")).rows).toEqual([{ n: 61 }]);
});

test("R01 an old signed shop/redact or app/uninstalled of a shop we do not have is acknowledged and makes nothing", async () => {
	for (const [topic, path] of [
		["shop/redact", "/webhooks/shopify/compliance"],
		["app/uninstalled", "/webhooks/shopify"],
	]) {
		const body = { id: 1, shop_id: 1, shop_domain: "gone.myshopify.com", domain: "gone.myshopify.com" };
		const delivery = shopifyDelivery({ shop: "gone.myshopify.com", topic: topic ?? "", body, path: path ?? "" });
		expect((await send(app.web.port, delivery)).status).toBe(200);
	}
	expect((await db.pool.query("SELECT 1 FROM shop WHERE domain LIKE 'gone%'")).rows).toEqual([]);
	expect(await app.events()).toEqual([]);
});

test("R01 a replayed old shop/redact of a shop we have goes to the lifecycle lane with its own time; it erases nothing here", async () => {
	const body = { shop_id: 1, shop_domain: SHOP };
	const old = shopifyDelivery({
		shop: SHOP,
		topic: "shop/redact",
		body,
		path: "/webhooks/shopify/compliance",
		triggeredAt: "2025-01-01T00:00:00Z",
	});
	for (let i = 0; i < 3; i++) expect((await send(app.web.port, old)).status).toBe(200);
	const [event, ...others] = await app.events();
	expect(others).toEqual([]);
	expect(event).toMatchObject({ lane: "lifecycle", event: { type: "shop.redact", at: expect.stringMatching(/^2025-01-01T00:00:00/) } });
	expect((await db.pool.query("SELECT id FROM shop WHERE domain = $1", [SHOP])).rows).toHaveLength(1);
	await app.web.close();
	expect(app.wakes).toEqual([{ name: "connections.lifecycle", payload: { shopId: app.shop.shopId } }]);
});

test("a signed delivery that names no shop of Shopify's is 404 and makes nothing", async () => {
	for (const domain of ["evil.example", "a.myshopify.com.evil.example", "-x.myshopify.com"]) {
		expect((await send(app.web.port, shopifyDelivery({ shop: domain, topic: "orders/create", body: shopifyOrder(1) }))).status).toBe(404);
	}
	expect((await db.pool.query("SELECT count(*)::int AS n FROM shop")).rows).toEqual([{ n: 1 }]);
});
