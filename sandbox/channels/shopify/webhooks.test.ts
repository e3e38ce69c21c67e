import { createHmac } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { CLIENT, DOMAIN, openStage, type Stage, until } from "./contract/stage.ts";
import { includeFields } from "./include-fields.ts";
import { parseToml } from "./toml.ts";
import { retryDelayMs, WEBHOOK_DEFAULTS } from "./webhooks.ts";

const CONFIG = `
client_id = "stand-in-client" # the app
[access_scopes]
scopes = "read_products,read_inventory,write_inventory,read_locations,read_orders"
[webhooks]
api_version = "2026-10"

  [[webhooks.subscriptions]]
  topics = ["orders/create", "orders/updated",
    "orders/cancelled"] # over two lines
  uri = "/webhooks/shopify"
  name = "orders"
  include_fields = ["id", "updated_at", "line_items.sku", "line_items.quantity", "refunds.refund_line_items"]

  [[webhooks.subscriptions]]
  topics = ["inventory_levels/update", "inventory_levels/connect", "products/update", "app/uninstalled", "app/scopes_update"]
  uri = "/webhooks/shopify"

  [[webhooks.subscriptions]]
  compliance_topics = ["customers/data_request", "customers/redact", "shop/redact"]
  uri = "/webhooks/shopify/compliance"
`;

let stage: Stage;
afterEach(() => stage?.close());

async function open(webhooks: Record<string, unknown> = {}): Promise<Stage> {
	stage = await openStage({ shopify: { toml: parseToml(CONFIG), webhooks: { delayMs: [1, 5], ...webhooks } } });
	stage.shop.seed({
		locations: [{ name: "A" }, { name: "B" }],
		products: [{ title: "Cup", variants: [{ sku: "CUP", stock: { A: 5, B: 5 } }] }],
	});
	return stage;
}
const settle = (ms = 60) => new Promise((resolve) => setTimeout(resolve, ms));

describe("the stand-in's webhooks", () => {
	it("carry the documented headers and are signed over their raw bytes", async () => {
		await open();
		stage.shop.checkout({ lines: [{ sku: "CUP", quantity: 1 }] });
		const [order] = await stage.deliveries("orders/create", 1);
		if (!order) throw new Error("no delivery came");
		expect(order.path).toBe("/webhooks/shopify");
		expect(order.headers).toMatchObject({
			"content-type": "application/json",
			"x-shopify-topic": "orders/create",
			"x-shopify-shop-domain": DOMAIN,
			"x-shopify-api-version": "2026-10",
			"x-shopify-webhook-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
			"x-shopify-event-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
			"x-shopify-triggered-at": expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/),
			"x-shopify-name": "orders",
			host: "app.lockstep.example",
		});
		expect(order.headers["x-shopify-hmac-sha256"]).toBe(createHmac("sha256", CLIENT.clientSecret).update(order.raw).digest("base64"));
		stage.shopify.rotateSecret("new-secret");
		stage.shop.checkout({ lines: [{ sku: "CUP", quantity: 1 }] });
		const [, second] = await stage.deliveries("orders/create", 2);
		expect(second?.headers["x-shopify-hmac-sha256"]).toBe(
			createHmac("sha256", "new-secret")
				.update(second?.raw ?? "")
				.digest("base64"),
		);
	});

	it("hold exactly the fields that the subscription names, nested ones too", async () => {
		await open();
		stage.shop.checkout({ lines: [{ sku: "CUP", quantity: 2 }] });
		const [order] = await stage.deliveries("orders/create", 1);
		expect(order?.body).toEqual({
			id: expect.any(Number),
			updated_at: expect.stringMatching(/T\d\d:\d\d:\d\d-05:00$/),
			line_items: [{ sku: "CUP", quantity: 2 }],
			refunds: [],
		});
		expect(includeFields({ a: 1, b: { c: 2, d: 3 }, e: [{ f: 1, g: 2 }], h: null }, ["a", "b.d", "e.g", "h.i", "missing"])).toEqual({
			a: 1,
			b: { d: 3 },
			e: [{ g: 2 }],
			h: null,
		});
		expect(includeFields({ a: { b: 1, c: 2 } }, ["a", "a.b"])).toEqual({ a: { b: 1, c: 2 } });
	});

	it("give all topics of one action the same event id and each its own webhook id", async () => {
		await open();
		const placed = stage.shop.checkout({ lines: [{ sku: "CUP", quantity: 7 }] });
		expect(placed.outcome).toBe("placed");
		await stage.deliveries("inventory_levels/update", 2);
		await stage.deliveries("orders/updated", 1);
		expect(stage.received.map((delivery) => delivery.topic).sort()).toEqual([
			"inventory_levels/update",
			"inventory_levels/update",
			"orders/create",
			"orders/updated",
		]);
		expect(new Set(stage.received.map((delivery) => delivery.headers["x-shopify-event-id"])).size).toBe(1);
		expect(new Set(stage.received.map((delivery) => delivery.headers["x-shopify-webhook-id"])).size).toBe(4);
		const levels = stage.received
			.filter((delivery) => delivery.topic === "inventory_levels/update")
			.map((delivery) => delivery.body.available);
		expect(levels.sort()).toEqual([0, 3]);
	});

	it("tell an absolute level without SKU, and a level id that hides its location", async () => {
		await open();
		const locationId = stage.shop.location("A")?.id ?? 0;
		stage.shop.editStock({ sku: "CUP", locationId, set: 9 });
		const [level] = await stage.deliveries("inventory_levels/update", 1);
		const { item } = stage.shop.idsOf("CUP");
		expect(level?.body).toEqual({
			inventory_item_id: item,
			location_id: locationId,
			available: 9,
			updated_at: expect.stringMatching(/-05:00$/),
			admin_graphql_api_id: expect.stringMatching(new RegExp(`InventoryLevel/\\d+\\?inventory_item_id=${item}$`)),
		});
		expect(String(level?.body.admin_graphql_api_id)).not.toContain(String(locationId));
	});

	it("are retried eight times over four hours, each with the payload of its own moment", async () => {
		await open();
		expect(Array.from({ length: 8 }, (_, index) => retryDelayMs(index + 1, WEBHOOK_DEFAULTS)).reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(
			4 * 3_600_000,
		);
		stage.answer(() => 503);
		stage.shop.editStock({ sku: "CUP", delta: 1 });
		await stage.deliveries("inventory_levels/update", 1);
		stage.shop.editStock({ sku: "CUP", delta: 1 });
		await until("both deliveries are given up", () => {
			stage.world.clock.skip(3 * 3_600_000);
			return stage.shop.pendingWebhooks() === 0;
		});
		const first = stage.received.filter((delivery) => delivery.body.available === 6);
		expect(first).toHaveLength(9);
		expect(new Set(first.map((delivery) => delivery.raw.toString())).size).toBe(1);
		expect(new Set(first.map((delivery) => delivery.headers["x-shopify-webhook-id"])).size).toBe(1);
		expect(new Set(first.map((delivery) => delivery.headers["x-shopify-triggered-at"])).size).toBe(1);
		expect(stage.world.books.deliveries("shopify").filter((entry) => entry.fate === "failed")).toHaveLength(2);
	});

	it("an endpoint that stays silent is given up after the time limit and tried again", async () => {
		await open({ timeoutMs: 80, retrySpanMs: 255 * 100 });
		let silent = true;
		stage.answer(() => (silent ? "silence" : 200));
		stage.shop.editStock({ sku: "CUP", delta: 1 });
		await stage.deliveries("inventory_levels/update", 1);
		silent = false;
		expect(await stage.deliveries("inventory_levels/update", 2)).toHaveLength(2);
		await until("the delivery is over", () => stage.shop.pendingWebhooks() === 0);
		expect(stage.world.books.deliveries("shopify")).toMatchObject([{ fate: "delivered", status: 200 }]);
	});

	it("lost, duplicate, late and reordered deliveries are done on demand and written into the books", async () => {
		await open();
		const { faults, books } = stage.world;
		const edit = () => stage.shop.editStock({ sku: "CUP", delta: 1 });
		faults.onWebhooks("shopify", "x", 1, { kind: "lost" });
		edit();
		faults.onWebhooks("shopify", "x", 1, { kind: "duplicate", copies: 2 });
		edit();
		faults.onWebhooks("shopify", "x", 1, { kind: "late", delayMs: 300 });
		edit();
		faults.onWebhooks("shopify", "x", 1, { kind: "reordered" });
		edit();
		faults.clear("shopify");
		edit();
		await stage.deliveries("inventory_levels/update", 6);
		await until("all deliveries are over", () => stage.shop.pendingWebhooks() === 0);
		const order = stage.received.map((delivery) => Number(delivery.body.available));
		expect(order.filter((available) => available === 6)).toHaveLength(0);
		expect(order.filter((available) => available === 7)).toHaveLength(3);
		expect(order.indexOf(9)).toBeGreaterThan(order.indexOf(10));
		const fates = books.deliveries("shopify").map((entry) => entry.fate);
		expect(fates.toSorted()).toEqual(["delivered", "delivered", "duplicate", "duplicate", "late", "lost", "reordered"]);
		const copies = stage.received.filter((delivery) => delivery.body.available === 7);
		expect(new Set(copies.map((delivery) => delivery.headers["x-shopify-webhook-id"])).size).toBe(1);
		expect(books.deliveries("shopify").find((entry) => entry.fate === "late")?.delayMs).toBeGreaterThanOrEqual(300);
	});

	it("an API-created subscription filters, trims, and is deleted after eight failures in a row", async () => {
		await open({ retries: 1, retrySpanMs: 1 });
		await stage.signIn();
		const create = (input: Record<string, unknown>) =>
			stage.graphql(
				"mutation($i: WebhookSubscriptionInput!) { webhookSubscriptionCreate(topic: PRODUCTS_UPDATE, webhookSubscription: $i) { webhookSubscription { id } userErrors { message } } }",
				{ i: input },
			);
		await create({ uri: "https://app.lockstep.example/own", filter: "variants.sku:CUP", includeFields: ["id"] });
		await create({ uri: "https://app.lockstep.example/other", filter: "variants.sku:SAUCER" });
		stage.shop.setPolicy("CUP", "CONTINUE");
		await stage.deliveries("products/update", 2);
		await settle();
		expect(stage.received.map((delivery) => delivery.path).sort()).toEqual(["/own", "/webhooks/shopify"]);
		expect(stage.received.find((delivery) => delivery.path === "/own")?.body).toEqual({ id: stage.shop.idsOf("CUP").product });
		expect(stage.shop.state.subscriptions.size).toBe(2);
		stage.answer((delivery) => (delivery.path === "/own" ? 500 : 200));
		for (let round = 0; round < 4; round++) stage.shop.setPolicy("CUP", "DENY");
		await until("the failing subscription is deleted", () => stage.shop.state.subscriptions.size === 1);
		expect([...stage.shop.state.subscriptions.values()].map((subscription) => subscription.uri)).toEqual([
			"https://app.lockstep.example/other",
		]);
	});

	it("app/uninstalled comes when the token is dead already, and nothing but compliance topics comes after it", async () => {
		await open();
		const { access_token } = await stage.signIn();
		stage.shop.uninstall();
		const [gone] = await stage.deliveries("app/uninstalled", 1);
		expect(gone?.body).toMatchObject({ myshopify_domain: DOMAIN });
		expect(
			(
				await stage.post(
					"/admin/api/2026-10/graphql.json",
					{ query: "{ shop { id } }" },
					{ "x-shopify-access-token": String(access_token) },
				)
			).status,
		).toBe(401);
		stage.shop.editStock({ sku: "CUP", delta: 1 });
		stage.shop.redact();
		const [redact] = await stage.deliveries("shop/redact", 1);
		expect(redact).toMatchObject({ path: "/webhooks/shopify/compliance", body: { shop_id: stage.shop.state.id, shop_domain: DOMAIN } });
		await settle();
		expect(stage.received.map((delivery) => delivery.topic)).toEqual(["app/uninstalled", "shop/redact"]);
	});

	it("topics stop when their scope is taken away", async () => {
		await open();
		stage.shop.revokeScopes("read_orders");
		stage.shop.checkout({ lines: [{ sku: "CUP", quantity: 1 }] });
		await stage.deliveries("inventory_levels/update", 1);
		await settle();
		expect(stage.received.map((delivery) => delivery.topic).sort()).toEqual(["app/scopes_update", "inventory_levels/update"]);
	});
});
