import type { AccountAccess } from "#channels";

/**
 * What the conformance suite needs of each channel beside the contract: one message per topic as the channel sends it, with all
 * that is personal in a real one, and an account to ask. A channel of the registry that is missing here fails the suite.
 */
export type ChannelSamples = {
	/** Topic to body. */
	messages: Readonly<Record<string, object>>;
	headersOf(topic: string): Readonly<Record<string, string>>;
	/** The texts that are kept of the messages, as paths: each one was looked at, none is about a person. */
	keptTexts: readonly string[];
	access: AccountAccess;
	/** A listing and an order as its ids look. */
	asks: { listing: string; order: string };
	/** Every one of these must stay out of errors. */
	secrets: readonly string[];
};

const person = {
	first_name: "Ann",
	last_name: "Who",
	name: "Ann Who",
	email: "ann@who.example",
	phone: "+15550100",
	address1: "1 Elm St",
	city: "Springfield",
	zip: "12345",
};

const shopifyOrder = {
	id: 820982911946154,
	name: "#1001",
	email: person.email,
	note: "please ring Ann Who",
	created_at: "2026-11-20T10:00:00-05:00",
	updated_at: "2026-11-20T10:00:01-05:00",
	cancelled_at: null,
	source_name: "web",
	source_identifier: "111-98567-54",
	location_id: null,
	customer: person,
	billing_address: person,
	shipping_address: person,
	client_details: { browser_ip: "203.0.113.7" },
	note_attributes: [{ name: "gift for", value: "Ann Who" }],
	line_items: [
		{
			id: 866550311766439,
			variant_id: 808950810,
			sku: "SKU-1",
			name: "Mug for Ann Who",
			quantity: 3,
			current_quantity: 1,
			properties: [{ name: "Engraving", value: "for Ann Who" }],
		},
	],
	refunds: [
		{
			id: 1,
			note: "Ann Who called",
			refund_line_items: [{ line_item_id: 866550311766439, quantity: 1, restock_type: "no_restock" }],
		},
	],
};
const levelIds = { inventory_item_id: 271878346596, location_id: 24826418 };

const wooOrder = {
	id: 727,
	number: "727",
	status: "processing",
	date_created_gmt: "2026-11-20T15:00:00",
	date_modified_gmt: "2026-11-20T15:00:01",
	customer_note: "please ring Ann Who",
	customer_ip_address: "203.0.113.7",
	billing: person,
	shipping: person,
	meta_data: [
		{ id: 1, key: "_billing_birthday", value: "1980-01-01" },
		{ id: 2, key: "_order_stock_reduced", value: "yes" },
	],
	line_items: [
		{
			id: 315,
			name: "Mug for Ann Who",
			product_id: 93,
			variation_id: 0,
			quantity: 2,
			sku: "SKU-1",
			meta_data: [
				{ id: 3, key: "Engraving", value: "for Ann Who" },
				{ id: 4, key: "_reduced_stock", value: "2" },
			],
		},
	],
};
const wooProduct = {
	id: 93,
	parent_id: 0,
	type: "simple",
	status: "publish",
	sku: "SKU-1",
	name: "Mug",
	date_modified_gmt: "2026-11-20T15:00:01",
	manage_stock: true,
	stock_quantity: 4,
	purchase_note: "Ann Who packs it",
};

const amazonNotification = (type: string, payload: object) => ({
	NotificationVersion: "1.0",
	NotificationType: type,
	PayloadVersion: "1.0",
	EventTime: "2026-11-20T15:00:02.000Z",
	NotificationMetadata: {
		ApplicationId: "amzn1.sp.solution.ours",
		SubscriptionId: "sub-1",
		PublishTime: "2026-11-20T15:00:03.000Z",
		NotificationId: "n-1",
	},
	Payload: payload,
});

export const samplesOf: Readonly<Record<string, ChannelSamples>> = {
	shopify: {
		messages: {
			"orders/create": shopifyOrder,
			"orders/updated": shopifyOrder,
			"orders/cancelled": { ...shopifyOrder, cancelled_at: "2026-11-20T10:00:01-05:00" },
			"orders/edited": { order_edit: { id: 7, order_id: 820982911946154, staff_note: "Ann Who asked" } },
			"orders/delete": { id: 820982911946154 },
			"refunds/create": { id: 1, order_id: 820982911946154, note: "Ann Who called" },
			"inventory_levels/update": { ...levelIds, available: 4, updated_at: "2026-11-20T10:00:01-05:00" },
			"inventory_levels/connect": { ...levelIds, available: null },
			"inventory_levels/disconnect": levelIds,
			"inventory_items/update": { id: 271878346596, sku: "SKU-1", tracked: true },
			"inventory_items/delete": { id: 271878346596 },
			"products/update": { id: 632910392, title: "Mug", vendor: "Ann Who" },
			"products/delete": { id: 632910392 },
			"locations/update": { id: 24826418, ...person },
			"app/uninstalled": { id: 954889, shop_owner: "Ann Who", ...person },
		},
		headersOf: (topic) => ({
			"x-shopify-topic": topic,
			"x-shopify-shop-domain": "one.myshopify.com",
			"x-shopify-webhook-id": "w-1",
			"x-shopify-triggered-at": "2026-11-20T15:00:02.123Z",
		}),
		keptTexts: [
			"cancelled_at",
			"created_at",
			"line_items[].sku",
			"name",
			"refunds[].refund_line_items[].restock_type",
			"source_identifier",
			"source_name",
			"updated_at",
		],
		asks: { listing: "variant:1", order: "1" },
		access: { account: "one.myshopify.com", credentials: {}, accessToken: async () => "shpat_secret_1234567890" },
		secrets: ["shpat_secret_1234567890"],
	},
	woocommerce: {
		messages: {
			"order.created": wooOrder,
			"order.updated": wooOrder,
			"order.restored": wooOrder,
			"order.deleted": { id: 727 },
			"product.updated": wooProduct,
			"product.restored": wooProduct,
			"product.deleted": { id: 93 },
		},
		headersOf: (topic) => ({
			"x-wc-webhook-topic": topic,
			"x-wc-webhook-delivery-id": "d-1",
			"x-wc-webhook-source": "https://shop.example/",
		}),
		keptTexts: [
			"date_created_gmt",
			"date_modified_gmt",
			"line_items[].meta_data[].key",
			"line_items[].meta_data[].value",
			"line_items[].sku",
			"number",
			"sku",
			"status",
			"type",
		],
		asks: { listing: "1", order: "1" },
		access: { account: "shop.example", credentials: { consumerKey: "ck_secret_1234567890", consumerSecret: "cs_secret_0987654321" } },
		secrets: ["ck_secret_1234567890", "cs_secret_0987654321"],
	},
	amazon: {
		messages: {
			ORDER_CHANGE: amazonNotification("ORDER_CHANGE", {
				OrderChangeNotification: {
					NotificationLevel: "OrderLevel",
					SellerId: "A1SELLER",
					AmazonOrderId: "902-1111111-1111111",
					OrderChangeType: "OrderStatusChange",
					OrderChangeTrigger: { TimeOfOrderChange: "2026-11-20T15:00:01.000Z", ChangeReason: "Ann Who asked" },
					Summary: {
						MarketplaceId: "ATVPDKIKX0DER",
						OrderStatus: "Unshipped",
						PurchaseDate: "2026-11-20T15:00:00.000Z",
						DestinationPostalCode: "12345",
						BuyerName: "Ann Who",
						FulfillmentType: "MFN",
						OrderType: "StandardOrder",
						OrderItems: [
							{
								OrderItemId: "1",
								SellerSKU: "SKU-1",
								Quantity: 2,
								QuantityShipped: 0,
								OrderItemStatus: "Unshipped",
								GiftMessage: "for Ann Who",
							},
						],
					},
				},
			}),
			LISTINGS_ITEM_MFN_QUANTITY_CHANGE: amazonNotification("LISTINGS_ITEM_MFN_QUANTITY_CHANGE", {
				SellerId: "A1SELLER",
				FulfillmentChannelCode: "DEFAULT",
				Sku: "SKU-1",
				Quantity: 4,
			}),
		},
		headersOf: () => ({ "lockstep-amazon-region": "NA", "lockstep-amazon-applications": "amzn1.sp.solution.ours" }),
		keptTexts: [
			"EventTime",
			"NotificationMetadata.ApplicationId",
			"NotificationMetadata.NotificationId",
			"NotificationMetadata.PublishTime",
			"NotificationMetadata.SubscriptionId",
			"NotificationType",
			"Payload.FulfillmentChannelCode",
			"Payload.OrderChangeNotification.AmazonOrderId",
			"Payload.OrderChangeNotification.NotificationLevel",
			"Payload.OrderChangeNotification.OrderChangeTrigger.TimeOfOrderChange",
			"Payload.OrderChangeNotification.OrderChangeType",
			"Payload.OrderChangeNotification.SellerId",
			"Payload.OrderChangeNotification.Summary.FulfillmentType",
			"Payload.OrderChangeNotification.Summary.MarketplaceId",
			"Payload.OrderChangeNotification.Summary.OrderItems[].OrderItemId",
			"Payload.OrderChangeNotification.Summary.OrderItems[].OrderItemStatus",
			"Payload.OrderChangeNotification.Summary.OrderItems[].SellerSKU",
			"Payload.OrderChangeNotification.Summary.OrderStatus",
			"Payload.OrderChangeNotification.Summary.OrderType",
			"Payload.OrderChangeNotification.Summary.PurchaseDate",
			"Payload.SellerId",
			"Payload.Sku",
			"PayloadVersion",
		],
		asks: { listing: "ATVPDKIKX0DER/SKU-1", order: "902-1111111-1111111" },
		access: {
			account: "A1SELLER",
			credentials: { refreshToken: "Atzr|secret_1234567890", region: "NA", marketplaceIds: "ATVPDKIKX0DER" },
			app: { applicationId: "amzn1.sp.solution.ours", lwaClientId: "amzn1.client", lwaClientSecret: "lwa_secret_1234567890" },
			accessToken: async () => "Atza|secret_0987654321",
		},
		secrets: ["Atzr|secret_1234567890", "lwa_secret_1234567890", "Atza|secret_0987654321"],
	},
};
