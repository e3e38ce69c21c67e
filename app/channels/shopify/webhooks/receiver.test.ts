import { expect, test } from "vitest";
import { canonicalEventSchema, laneOf } from "#domain";
import { UnexpectedShapeError } from "../../errors.ts";
import { webhooks } from "./receiver.ts";
import { TOPICS } from "./topics.ts";

const headers = (topic: string) => ({
	"x-shopify-topic": topic,
	"x-shopify-shop-domain": "Shop-One.myshopify.com",
	"x-shopify-webhook-id": "w-1",
	"x-shopify-triggered-at": "2026-11-20T15:00:02.123456Z",
});
const at = "2026-11-20T15:00:02.123Z";
const eventsOf = (topic: string, body: unknown) =>
	webhooks.toEvents({ topic, payload: webhooks.allowList(topic, body), headers: headers(topic) });

/** As shopify.dev's webhook reference shows them, shortened, with everything personal that the real ones carry. */
const person = { first_name: "Ann", last_name: "Who", email: "ann@who.example", phone: "+15550100", address1: "1 Elm St", zip: "12345" };
const order = {
	id: 820982911946154,
	admin_graphql_api_id: "gid://shopify/Order/820982911946154",
	name: "#1001",
	email: person.email,
	phone: person.phone,
	note: "please ring Ann",
	created_at: "2026-11-20T10:00:00-05:00",
	updated_at: "2026-11-20T10:00:01-05:00",
	cancelled_at: null,
	source_name: "580111",
	source_identifier: "111-98567-54",
	currency: "EUR",
	current_total_price: "199.65",
	location_id: null,
	customer: person,
	billing_address: person,
	shipping_address: person,
	client_details: { browser_ip: "203.0.113.7" },
	line_items: [
		{
			id: 866550311766439,
			variant_id: 808950810,
			sku: "SKU-1",
			quantity: 3,
			current_quantity: 1,
			properties: [{ name: "Engraving", value: "for Ann" }],
		},
		{ id: 866550311766440, variant_id: null, sku: "", quantity: 1, current_quantity: 1, properties: [] },
	],
	refunds: [
		{
			id: 1,
			note: "Ann called",
			refund_line_items: [
				{ line_item_id: 866550311766439, quantity: 1, restock_type: "no_restock", line_item: { properties: [{ value: "for Ann" }] } },
				{ line_item_id: 866550311766439, quantity: 1, restock_type: "cancel" },
			],
		},
	],
};
const shop = { id: 954889, domain: "shop-one.myshopify.com", shop_owner: "Ann Who", ...person };
const samples: Record<string, unknown> = {
	"orders/create": order,
	"orders/updated": order,
	"orders/cancelled": { ...order, cancelled_at: "2026-11-20T10:00:01-05:00", cancel_reason: "customer" },
	"orders/edited": {
		order_edit: { id: 7, order_id: 820982911946154, staff_note: "Ann asked", line_items: { additions: [], removals: [] } },
	},
	"orders/delete": { id: 820982911946154 },
	"refunds/create": {
		id: 890088186047892,
		order_id: 820982911946154,
		note: "Ann called",
		refund_line_items: order.refunds[0]?.refund_line_items,
	},
	"inventory_levels/update": {
		inventory_item_id: 271878346596,
		location_id: 24826418,
		available: -2,
		updated_at: "2026-11-20T10:00:01-05:00",
	},
	"inventory_levels/connect": {
		inventory_item_id: 271878346596,
		location_id: 24826418,
		available: null,
		updated_at: "2026-11-20T10:00:01-05:00",
	},
	"inventory_levels/disconnect": { inventory_item_id: 271878346596, location_id: 24826418 },
	"inventory_items/update": { id: 271878346596, sku: "SKU-1", tracked: true, cost: "4.00", updated_at: "2026-11-20T10:00:01-05:00" },
	"inventory_items/delete": { id: 271878346596 },
	"products/update": { id: 632910392, title: "T-Shirt", variants: [{ id: 808950810 }] },
	"products/delete": { id: 632910392 },
	"locations/create": { id: 24826418, name: "Main", address1: "1 Elm St", phone: person.phone },
	"locations/update": { id: 24826418, name: "Main", address1: "1 Elm St", phone: person.phone },
	"locations/activate": { id: 24826418, active: true },
	"locations/deactivate": { id: 24826418, active: false },
	"locations/delete": { id: 24826418 },
	"app/uninstalled": shop,
	"app/scopes_update": {
		id: 3,
		previous: ["read_products"],
		current: ["read_products", "write_inventory"],
		updated_at: "2026-11-20T10:00:01-05:00",
	},
	"shop/update": shop,
	"bulk_operations/finish": {
		admin_graphql_api_id: "gid://shopify/BulkOperation/147",
		status: "completed",
		type: "query",
		error_code: null,
		completed_at: "2026-11-20T10:00:01-05:00",
	},
	"customers/data_request": {
		shop_id: 954889,
		shop_domain: shop.domain,
		orders_requested: [1],
		customer: { id: 191167, ...person },
		data_request: { id: 9999 },
	},
	"customers/redact": { shop_id: 954889, shop_domain: shop.domain, customer: { id: 191167, ...person }, orders_to_redact: [1] },
	"shop/redact": { shop_id: 954889, shop_domain: shop.domain },
};

test("there is a sample of every topic we know", () => {
	expect(Object.keys(samples).sort()).toEqual(Object.keys(TOPICS).sort());
});

test.each(Object.entries(samples))("R03 %s becomes canonical events", (topic, body) => {
	const events = eventsOf(topic, body);
	expect(events).toHaveLength(1);
	for (const event of events) expect(canonicalEventSchema.parse(event)).toEqual(event);
});

test.each(Object.entries(samples))("R04 of %s nothing personal is kept", (topic, body) => {
	const kept = JSON.stringify(webhooks.allowList(topic, body));
	for (const secret of [...Object.values(person), "Ann", "203.0.113.7", "191167"]) expect(kept).not.toContain(secret);
});

test("R03 an order is its state, in numbers as text and moments in UTC", () => {
	expect(eventsOf("orders/create", order)).toEqual([
		{
			v: 1,
			type: "order.snapshot",
			orderId: "820982911946154",
			name: "#1001",
			createdAt: "2026-11-20T15:00:00.000Z",
			stamp: "2026-11-20T15:00:01.000Z",
			contentHash: expect.any(String),
			complete: true,
			cancelled: false,
			locationExternalId: null,
			source: { name: "580111", identifier: "111-98567-54" },
			total: { amount: "199.65", currency: "EUR" },
			lines: [
				{ lineId: "866550311766439", listingExternalId: "variant:808950810", sku: "SKU-1", ordered: 3, held: 2, fulfilledByChannel: false },
				{ lineId: "866550311766440", listingExternalId: null, sku: null, ordered: 1, held: 1, fulfilledByChannel: false },
			],
			fetched: null,
		},
	]);
});

test("R03 what each topic means", () => {
	const type = (topic: string) => eventsOf(topic, samples[topic])[0];
	expect(type("orders/edited")).toMatchObject({ type: "order.hint", orderId: "820982911946154" });
	expect(type("refunds/create")).toMatchObject({ type: "order.hint", orderId: "820982911946154" });
	expect(type("orders/delete")).toMatchObject({ type: "order.hint", orderId: "820982911946154" });
	expect(type("inventory_levels/update")).toEqual({
		v: 1,
		type: "home.reading",
		itemExternalId: "271878346596",
		locationExternalId: "24826418",
		quantity: -2,
		readAt: "2026-11-20T15:00:01.000Z",
		via: "webhook",
		askedAt: null,
		stocked: true,
	});
	expect(type("inventory_levels/connect")).toMatchObject({ type: "home.level-hint", itemExternalId: "271878346596" });
	expect(type("inventory_levels/disconnect")).toMatchObject({
		type: "home.reading",
		quantity: 0,
		stocked: false,
		readAt: "2026-11-20T15:00:02.000Z",
	});
	expect(type("inventory_items/update")).toMatchObject({ type: "home.level-hint", itemExternalId: "271878346596" });
	expect(type("inventory_items/delete")).toMatchObject({ type: "home.item-gone", itemExternalId: "271878346596" });
	expect(type("products/update")).toMatchObject({ type: "home.product-hint", productExternalId: "632910392" });
	expect(type("products/delete")).toMatchObject({ type: "home.item-gone", productExternalId: "632910392" });
	expect(type("locations/deactivate")).toMatchObject({ type: "home.location-hint", locationExternalId: "24826418" });
	expect(type("app/uninstalled")).toMatchObject({ type: "shop.uninstalled", at });
	expect(type("app/scopes_update")).toMatchObject({ type: "shop.scopes", detail: { current: ["read_products", "write_inventory"] } });
	expect(type("shop/redact")).toMatchObject({ type: "shop.redact", at });
	expect(type("bulk_operations/finish")).toMatchObject({ type: "bulk.finished" });
});

test("an untracked item's level has no figure: it is read", () => {
	expect(eventsOf("inventory_levels/update", { ...(samples["inventory_levels/update"] as object), available: null })).toMatchObject([
		{ type: "home.level-hint" },
	]);
});

test("R07 a disconnect and the connect that follows within the second are of one second: their stamps have one resolution", () => {
	const payload = samples["inventory_levels/disconnect"];
	const headers = { "x-shopify-triggered-at": "2026-11-20T15:00:01.987654321Z" };
	expect(webhooks.toEvents({ topic: "inventory_levels/disconnect", payload, headers })).toMatchObject([
		{ type: "home.reading", readAt: "2026-11-20T15:00:01.000Z" },
	]);
});

test("a disconnect that does not say when is only a hint", () => {
	const payload = samples["inventory_levels/disconnect"];
	expect(webhooks.toEvents({ topic: "inventory_levels/disconnect", payload, headers: {} })).toMatchObject([{ type: "home.level-hint" }]);
});

test("messages about the app itself go to the lifecycle lane, everything else to stock", () => {
	for (const [topic, body] of Object.entries(samples)) {
		const expected = /^(app|shop|customers|bulk_operations)\//.test(topic) ? "lifecycle" : "stock";
		expect(eventsOf(topic, body).map(laneOf)).toEqual([expected]);
	}
});

test("R32 an unknown restock type, a missing field or a topic that is not ours fails loudly", () => {
	const unknown = structuredClone(order);
	if (unknown.refunds[0]?.refund_line_items[0]) unknown.refunds[0].refund_line_items[0].restock_type = "teleport";
	expect(() => eventsOf("orders/updated", unknown)).toThrow(UnexpectedShapeError);
	const { updated_at: _, ...without } = order;
	expect(() => eventsOf("orders/updated", without)).toThrow(/updated_at/);
	expect(() => eventsOf("carts/create", { id: 1 })).toThrow(/not ours/);
	expect(() => webhooks.allowList("orders/create", [1])).toThrow(UnexpectedShapeError);
});

test("an id that lost digits in JSON is refused instead of naming another thing", () => {
	expect(() => eventsOf("products/update", JSON.parse('{"id":820982911946154508}'))).toThrow(UnexpectedShapeError);
	expect(eventsOf("products/update", { id: "820982911946154508" })).toMatchObject([{ productExternalId: "820982911946154508" }]);
});

test("R05 a delivery is known by its sender's id, its shop and what it speaks of", () => {
	const identify = (topic: string, body: unknown, more = {}) =>
		webhooks.identify({ headers: { ...headers(topic), ...more }, body: Buffer.from(JSON.stringify(body)), path: "/webhooks/shopify" });
	expect(identify("inventory_levels/update", samples["inventory_levels/update"])).toEqual({
		topic: "inventory_levels/update",
		deliveryId: "w-1",
		resourceId: "271878346596:24826418",
		account: "shop-one.myshopify.com",
		triggeredAt: at,
	});
	expect(identify("orders/edited", samples["orders/edited"])?.resourceId).toBe("820982911946154");
	expect(webhooks.identify({ headers: {}, body: Buffer.from("{}"), path: "/webhooks/shopify" })).toBeNull();
	expect(webhooks.identify({ headers: headers("orders/create"), body: Buffer.from("not json"), path: "/" })?.resourceId).toBe("");
	const next = { "shopify-topic": "products/update", "shopify-shop-domain": "a.myshopify.com", "shopify-webhook-id": "w-2" };
	expect(webhooks.identify({ headers: next, body: Buffer.from('{"id":5}'), path: "/" })).toMatchObject({
		deliveryId: "w-2",
		resourceId: "5",
	});
});
