import { describe, expect, test } from "vitest";
import { canonicalEventSchema } from "#domain";
import { UnexpectedShapeError } from "../errors.ts";
import { toSnapshot } from "./mapping.ts";
import { APPLICATIONS_HEADER, notifications, REGION_HEADER } from "./notifications.ts";
import { listingId, MARKETPLACES, marketplacesOf, splitListingId } from "./regions.ts";

const US = "ATVPDKIKX0DER";
type Item = { quantityOrdered?: number; fulfilled?: number; unfulfilled?: number; cancelledBy?: string; requested?: boolean; sku?: string };
const order = (
	status: string,
	items: readonly Item[],
	{ fulfilledBy = "MERCHANT", lastUpdatedTime = "2026-11-20T10:02:00Z", channelName = "AMAZON", marketplaceId = US as string | null } = {},
) => ({
	orderId: "903-8868176-2219830",
	createdTime: "2026-11-20T10:00:00Z",
	lastUpdatedTime,
	salesChannel: { channelName, ...(marketplaceId ? { marketplaceId } : {}) },
	fulfillment: { fulfillmentStatus: status, fulfilledBy },
	orderItems: items.map(({ quantityOrdered = 2, fulfilled, unfulfilled, cancelledBy, requested, sku = "SKU-1" }, index) => ({
		orderItemId: `8135856487000${index}`,
		quantityOrdered,
		product: { asin: "B0XXXXXXX", ...(sku ? { sellerSku: sku } : {}) },
		...(fulfilled === undefined ? {} : { fulfillment: { quantityFulfilled: fulfilled, quantityUnfulfilled: unfulfilled } }),
		...(cancelledBy || requested
			? {
					cancellation: {
						...(requested ? { cancellationRequest: { requester: "BUYER" } } : {}),
						...(cancelledBy ? { cancellationExecution: { cancelledBy } } : {}),
					},
				}
			: {}),
	})),
});
const held = (status: string, item: Item) => toSnapshot(order(status, [item])).lines[0]?.held;

describe("R07 units held (Orders API 2026-01-01, ItemFulfillment, ItemCancellation, FulfillmentStatus)", () => {
	test.each([
		["PENDING holds what was ordered, with no figures yet", "PENDING", {}, 2],
		["PENDING holds what was ordered, with figures of nothing to ship yet", "PENDING", { fulfilled: 0, unfulfilled: 0 }, 2],
		["a pre-order holds too (PENDING_AVAILABILITY)", "PENDING_AVAILABILITY", {}, 2],
		["UNSHIPPED holds what remains to be shipped", "UNSHIPPED", { fulfilled: 0, unfulfilled: 2 }, 2],
		["shipped units are gone, and held", "SHIPPED", { fulfilled: 2, unfulfilled: 0 }, 2],
		["partly shipped: both", "PARTIALLY_SHIPPED", { fulfilled: 1, unfulfilled: 1 }, 2],
		[
			"one of two cancelled: what is neither shipped nor to be shipped is free",
			"UNSHIPPED",
			{ fulfilled: 0, unfulfilled: 1, cancelledBy: "MERCHANT" },
			1,
		],
		["one shipped, one cancelled", "SHIPPED", { fulfilled: 1, unfulfilled: 0, cancelledBy: "BUYER" }, 1],
		["a line that was cancelled in an order that goes on", "UNSHIPPED", { fulfilled: 0, unfulfilled: 0, cancelledBy: "AMAZON" }, 0],
		["cancelled in part while PENDING", "PENDING", { fulfilled: 0, unfulfilled: 1, cancelledBy: "BUYER" }, 1],
		[
			"ordered figure lowered by the cancellation itself",
			"UNSHIPPED",
			{ quantityOrdered: 1, fulfilled: 0, unfulfilled: 1, cancelledBy: "BUYER" },
			1,
		],
		["cancelled without figures: the whole line counts until they come", "UNSHIPPED", { cancelledBy: "MERCHANT" }, 2],
		["a cancellation that was only asked for frees nothing", "UNSHIPPED", { fulfilled: 0, unfulfilled: 2, requested: true }, 2],
		["CANCELLED frees everything, whatever its figures say", "CANCELLED", { fulfilled: 0, unfulfilled: 2 }, 0],
	] as const)("%s", (_, status, item, expected) => {
		expect(held(status, item)).toBe(expected);
	});

	test("an order that Amazon ships is seen, marked as theirs, and may lack its marketplace", () => {
		const snapshot = toSnapshot(order("UNFULFILLABLE", [{}], { fulfilledBy: "AMAZON", channelName: "NON_AMAZON", marketplaceId: null }));
		expect(snapshot.lines).toEqual([
			{ lineId: "81358564870000", listingExternalId: null, sku: "SKU-1", ordered: 2, held: 2, fulfilledByChannel: true },
		]);
	});

	test("lines name marketplace and SKU, so they map by themselves; the stamp is lastUpdatedTime", () => {
		const snapshot = toSnapshot(order("UNSHIPPED", [{ sku: "A/B, c" }, { sku: "" }]));
		expect(snapshot).toMatchObject({
			orderId: "903-8868176-2219830",
			name: "903-8868176-2219830",
			createdAt: "2026-11-20T10:00:00Z",
			stamp: "2026-11-20T10:02:00Z",
			complete: true,
			cancelled: false,
		});
		expect(snapshot.lines.map(({ listingExternalId, sku }) => [listingExternalId, sku])).toEqual([
			[`${US}/A/B, c`, "A/B, c"],
			[null, null],
		]);
		expect(canonicalEventSchema.safeParse(snapshot).success).toBe(true);
	});

	test("R06 the content hash moves with what is held and with nothing else", () => {
		const hash = (body: unknown) => toSnapshot(body).contentHash;
		const base = hash(order("UNSHIPPED", [{ fulfilled: 0, unfulfilled: 2 }]));
		expect(hash(order("SHIPPED", [{ fulfilled: 2, unfulfilled: 0 }], { lastUpdatedTime: "2026-11-21T10:02:00Z" }))).toBe(base);
		expect(hash(order("UNSHIPPED", [{ fulfilled: 0, unfulfilled: 1 }]))).not.toBe(base);
		expect(hash(order("CANCELLED", [{ fulfilled: 0, unfulfilled: 2 }]))).not.toBe(base);
		expect(hash(order("UNSHIPPED", [{ fulfilled: 0, unfulfilled: 2, sku: "SKU-2" }]))).not.toBe(base);
		const two = order("UNSHIPPED", [{ sku: "A" }, { sku: "B" }]);
		expect(hash({ ...two, orderItems: [...two.orderItems].reverse() })).toBe(hash(two));
	});

	test("R26 what it comes to is kept as Amazon writes it, and is no part of what its content is", () => {
		const base = order("UNSHIPPED", [{ fulfilled: 0, unfulfilled: 2 }]);
		const withTotal = (proceeds: unknown) => toSnapshot({ ...base, proceeds });
		const told = withTotal({ grandTotal: { amount: "154.99", currencyCode: "USD" }, breakdowns: [] });
		expect(told.total).toEqual({ amount: "154.99", currency: "USD" });
		expect(withTotal({ grandTotal: { amount: "19940", currencyCode: "JPY" } }).total).toEqual({ amount: "19940", currency: "JPY" });
		// As it was before sums were asked for: the same state again, under the same key.
		expect([told.contentHash, told.stamp]).toEqual([toSnapshot(base).contentHash, toSnapshot(base).stamp]);
		expect(canonicalEventSchema.parse(told)).toEqual(told);
	});

	test.each([
		["none", undefined],
		["none yet", {}],
		["no amount", { grandTotal: { currencyCode: "USD" } }],
		["nothing", { grandTotal: null }],
		["in exponents, which nobody adds up by hand", { grandTotal: { amount: "1.5E2", currencyCode: "USD" } }],
		["in points", { grandTotal: { amount: "12", currencyCode: "points" } }],
		["another shape", "154.99 USD"],
	])("R26 an order counts whatever its sum is: %s", (_, proceeds) => {
		expect(toSnapshot({ ...order("PENDING", [{}]), proceeds })).toMatchObject({ total: null, lines: [{ held: 2 }] });
	});

	test.each([
		["an unknown status", order("ON_HOLD", [{}]), /fulfillment\.fulfillmentStatus "ON_HOLD"/],
		["an unknown shipper", order("UNSHIPPED", [{}], { fulfilledBy: "PARTNER" }), /fulfillment\.fulfilledBy "PARTNER"/],
		["an unknown sales channel", order("UNSHIPPED", [{}], { channelName: "KIOSK" }), /salesChannel\.channelName "KIOSK"/],
		["no marketplace on a merchant's order", order("UNSHIPPED", [{}], { marketplaceId: null }), /names no marketplace/],
		["a merchant's order that is unfulfillable", order("UNFULFILLABLE", [{}]), /UNFULFILLABLE/],
		["nothing about who ships", { ...order("UNSHIPPED", [{}]), fulfillment: undefined }, /does not fit: fulfillment/],
		["a quantity that is no number of units", order("UNSHIPPED", [{ quantityOrdered: 1.5 }]), /quantityOrdered/],
	])("R32 %s fails by its name", (_, body, message) => {
		expect(() => toSnapshot(body)).toThrow(UnexpectedShapeError);
		expect(() => toSnapshot(body)).toThrow(message);
	});
});

describe("listing ids", () => {
	test("marketplace and SKU, parted at the first slash", () => {
		expect(splitListingId(listingId(US, "A/B/C"))).toEqual({ marketplaceId: US, sku: "A/B/C" });
		for (const bad of ["", "SKU-1", `${US}/`, "/SKU", "us/SKU-1"]) expect(() => splitListingId(bad)).toThrow(TypeError);
	});
	test("every marketplace is known once", () => {
		expect(new Set(MARKETPLACES.map(({ id }) => id)).size).toBe(23);
		expect(["NA", "EU", "FE"].map((region) => marketplacesOf(region as "NA").length)).toEqual([4, 16, 3]);
	});
});

const APP = "amzn1.sellerapps.app.1";
const headers = { [REGION_HEADER]: "NA", [APPLICATIONS_HEADER]: `amzn1.sp.solution.1,${APP}` };
const change = (summary: Record<string, unknown> = {}, rest: Record<string, unknown> = {}, application = APP) => ({
	NotificationVersion: "1.0",
	NotificationType: "ORDER_CHANGE",
	PayloadVersion: "1.0",
	EventTime: "2026-11-20T10:00:53.109Z",
	Payload: {
		OrderChangeNotification: {
			NotificationLevel: "OrderLevel",
			SellerId: "A3TH9S8BH6GOGM",
			AmazonOrderId: "903-8868176-2219830",
			OrderChangeType: "OrderStatusChange",
			OrderChangeTrigger: { TimeOfOrderChange: "2026-11-20T10:00:40Z", ChangeReason: "OrderPlaced" },
			Summary: {
				MarketplaceId: US,
				OrderStatus: "Pending",
				PurchaseDate: "2026-11-20T10:00:00Z",
				DestinationPostalCode: "48110",
				FulfillmentType: "MFN",
				OrderType: "StandardOrder",
				OrderItems: [{ OrderItemId: "OIID34853450", SellerSKU: "SKU-1", SupplySourceId: null, Quantity: 2, QuantityShipped: 0 }],
				...summary,
			},
			...rest,
		},
	},
	NotificationMetadata: {
		ApplicationId: application,
		SubscriptionId: "sub-1",
		PublishTime: "2026-11-20T10:00:55.000Z",
		NotificationId: "d0e9e693-c3ad-4373-979f-ed4ec98dd746",
	},
});
const eventsOf = (body: { NotificationType: string }, given: Record<string, string> = headers) => {
	const payload = notifications.allowList(body.NotificationType, body);
	return notifications.toEvents({ topic: body.NotificationType, payload, headers: given });
};

describe("ORDER_CHANGE (schemas/notifications/OrderChangeNotification.json)", () => {
	test("R15 a sale counts by the notification alone, and is looked at when there is quota", () => {
		const [snapshot, hint, ...more] = eventsOf(change());
		expect(more).toEqual([]);
		expect(snapshot).toMatchObject({
			type: "order.snapshot",
			orderId: "903-8868176-2219830",
			createdAt: "2026-11-20T10:00:00.000Z",
			// Not TimeOfOrderChange, which is another clock than lastUpdatedTime: it must never win over what was read.
			stamp: "2026-11-20T10:00:00.000Z",
			complete: true,
			fetched: null,
			lines: [{ lineId: "OIID34853450", listingExternalId: `${US}/SKU-1`, sku: "SKU-1", ordered: 2, held: 2, fulfilledByChannel: false }],
		});
		expect(hint).toEqual({ v: 1, type: "order.hint", orderId: "903-8868176-2219830", reason: "Amazon says: OrderStatusChange, Pending" });
		expect(canonicalEventSchema.parse(snapshot)).toEqual(snapshot);
	});

	test("R06 its moment of purchase is never later than the order's own, which is told in whole seconds", () => {
		const [snapshot] = eventsOf(change({ PurchaseDate: "2026-11-20T10:00:00.999Z" }));
		expect(snapshot).toMatchObject({ createdAt: "2026-11-20T10:00:00.000Z", stamp: "2026-11-20T10:00:00.000Z" });
	});

	test("the same sale has the same content by notification and by API", () => {
		const read = toSnapshot({
			...order("PENDING", [{}]),
			orderItems: [{ orderItemId: "OIID34853450", quantityOrdered: 2, product: { sellerSku: "SKU-1" } }],
		});
		expect((eventsOf(change())[0] as { contentHash: string }).contentHash).toBe(read.contentHash);
	});

	test.each(["Unshipped", "PartiallyShipped", "Shipped", "InvoiceUnconfirmed", "PendingAvailability"])(
		"%s holds what was ordered",
		(OrderStatus) => {
			expect(eventsOf(change({ OrderStatus }))[0]).toMatchObject({ cancelled: false, lines: [{ held: 2 }] });
		},
	);
	test("Canceled frees everything; a request to cancel frees nothing", () => {
		expect(eventsOf(change({ OrderStatus: "Canceled" }))[0]).toMatchObject({ cancelled: true, lines: [{ ordered: 2, held: 0 }] });
		const asked = eventsOf(change({ OrderStatus: "Unshipped" }, { OrderChangeType: "BuyerRequestedChange" }));
		expect(asked[0]).toMatchObject({ cancelled: false, lines: [{ held: 2 }] });
	});
	test("one item's notification says nothing of the others", () => {
		expect(eventsOf(change({}, { NotificationLevel: "OrderItemLevel" }))[0]).toMatchObject({ complete: false });
	});
	test("FBA is seen, counted apart and asked for no further", () => {
		const events = eventsOf(change({ FulfillmentType: "AFN" }));
		expect(events).toHaveLength(1);
		expect(events[0]).toMatchObject({ type: "order.snapshot", lines: [{ held: 2, fulfilledByChannel: true }] });
		expect(eventsOf(change({ FulfillmentType: "AFN", OrderStatus: "Shipped" }))).toEqual(events);
		expect(eventsOf(change({ FulfillmentType: "AFN", OrderStatus: "Canceled" }))).toEqual([]);
	});
	test("without the moment of purchase it is only a hint", () => {
		expect(eventsOf(change({ PurchaseDate: null })).map(({ type }) => type)).toEqual(["order.hint"]);
	});
	test("R01 what another app had put into our queue is only a hint: it is looked up with our own access", () => {
		expect(eventsOf(change({}, {}, "amzn1.sellerapps.app.other")).map(({ type }) => type)).toEqual(["order.hint"]);
		expect(eventsOf(change(), { [REGION_HEADER]: "NA" }).map(({ type }) => type)).toEqual(["order.hint"]);
		expect(eventsOf(change({ FulfillmentType: "AFN" }, {}, "amzn1.sellerapps.app.other"))).toEqual([]);
	});
	test.each([
		["an unknown status", change({ OrderStatus: "OnHold" }), /OrderStatus "OnHold"/],
		["an unknown shipper", change({ FulfillmentType: "XFN" }), /FulfillmentType "XFN"/],
		["an unknown change", change({}, { OrderChangeType: "Moved" }), /OrderChangeType "Moved"/],
		["an unknown level", change({}, { NotificationLevel: "Half" }), /NotificationLevel "Half"/],
		["an unfulfillable order of the merchant's", change({ OrderStatus: "Unfulfillable" }), /Unfulfillable/],
		["an unknown notification", { ...change(), NotificationType: "PRICING_HEALTH" }, /unknown notification "PRICING_HEALTH"/],
	])("R32 %s fails by its name", (_, body, message) => {
		expect(() => eventsOf(body)).toThrow(UnexpectedShapeError);
		expect(() => eventsOf(body)).toThrow(message);
	});
});

describe("who and what", () => {
	const raw = (body: unknown) => ({
		headers: {},
		body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
		path: "/queues/amazon-na",
	});
	test("R05 a notification is named by its own id and belongs to its seller", () => {
		expect(notifications.identify(raw(change()))).toEqual({
			topic: "ORDER_CHANGE",
			deliveryId: "d0e9e693-c3ad-4373-979f-ed4ec98dd746",
			resourceId: "903-8868176-2219830",
			account: "A3TH9S8BH6GOGM",
			triggeredAt: "2026-11-20T10:00:53.109Z",
		});
	});
	test("what is no notification belongs to nobody and throws nothing", () => {
		for (const body of ["", "hello", "[]", "null", "{}", '{"Payload":7}']) {
			expect(notifications.identify(raw(body))).toMatchObject({ account: null, deliveryId: "" });
		}
	});
	test("R04 only what is needed is kept: no postal code, nothing that nobody named", () => {
		const body = change({ DestinationPostalCode: "48110", BuyerName: "Ada" });
		const kept = JSON.stringify(notifications.allowList("ORDER_CHANGE", { ...body, Extra: "x" }));
		for (const word of ["48110", "Ada", "Extra", "SupplySource", "DestinationPostalCode"]) expect(kept).not.toContain(word);
		expect(() => notifications.allowList("ORDER_CHANGE", "text")).toThrow(UnexpectedShapeError);
	});
});

describe("LISTINGS_ITEM_MFN_QUANTITY_CHANGE (schemas/notifications/ListingsItemMfnQuantityChange.json)", () => {
	const quantity = (payload: Record<string, unknown> = {}) => ({
		...change(),
		NotificationType: "LISTINGS_ITEM_MFN_QUANTITY_CHANGE",
		Payload: { SellerId: "A3TH9S8BH6GOGM", FulfillmentChannelCode: "DEFAULT", Sku: "SKU-1", Quantity: 99, ...payload },
	});
	test("R20 the figure is told for every marketplace of the region: the message names none", () => {
		const events = eventsOf(quantity());
		expect(events).toHaveLength(4);
		expect(events[0]).toEqual({
			v: 1,
			type: "listing.seen",
			listingExternalId: `${US}/SKU-1`,
			quantity: 99,
			stamp: "2026-11-20T10:00:53.109Z",
		});
		expect(eventsOf(quantity(), { ...headers, [REGION_HEADER]: "EU" })).toHaveLength(16);
	});
	test("another warehouse's figure is not ours; without a region nothing is guessed", () => {
		expect(eventsOf(quantity({ FulfillmentChannelCode: "supply-source-1" }))).toEqual([]);
		expect(() => eventsOf(quantity(), {})).toThrow(/which region/);
		expect(() => eventsOf(quantity({ Quantity: "99" }))).toThrow(UnexpectedShapeError);
	});
});
