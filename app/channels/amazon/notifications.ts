import { z } from "zod";
import type { CanonicalEvent } from "#domain";
import type { DeliveryIdentity, RawDelivery, WebhookReceiver } from "../channel.ts";
import { UnexpectedShapeError } from "../errors.ts";
import { parse, snapshotOf, soldAs } from "./mapping.ts";
import { isRegion, listingId, marketplacesOf } from "./regions.ts";

/**
 * What Amazon puts into the app's queue (../shared/contracts/amazon/notifications). It is unsigned: only Amazon's own account may
 * fill the queue. At least once, in no order.
 */
export const notifications: WebhookReceiver = { signature: null, identify, allowList, toEvents };

export const TOPICS = ["ORDER_CHANGE", "LISTINGS_ITEM_MFN_QUANTITY_CHANGE"] as const;

/** What the queue adds to each message, since the message does not say it: which region's it is, and which app it must be for. */
export const REGION_HEADER = "lockstep-amazon-region";
export const APPLICATIONS_HEADER = "lockstep-amazon-applications";

function identify({ body }: RawDelivery): DeliveryIdentity | null {
	let message: Json;
	try {
		message = objectOf(JSON.parse(body.toString("utf8")));
	} catch {
		// Kept without an account, for whoever reads the queue to set aside.
		return { topic: "", deliveryId: "", resourceId: "", account: null, triggeredAt: null };
	}
	const payload = objectOf(message.Payload);
	const change = objectOf(payload.OrderChangeNotification);
	return {
		topic: textOf(message.NotificationType) ?? "",
		deliveryId: textOf(objectOf(message.NotificationMetadata).NotificationId) ?? "",
		resourceId: textOf(change.AmazonOrderId) ?? textOf(payload.Sku) ?? "",
		account: textOf(change.SellerId) ?? textOf(payload.SellerId) ?? null,
		triggeredAt: textOf(message.EventTime) ?? null,
	};
}

/** By name and kind: a postal code and whatever Amazon adds one day stay behind (R04). */
function allowList(topic: string, body: unknown): unknown {
	const message = objectOf(body);
	if (Object.keys(message).length === 0) throw new UnexpectedShapeError(`${topic || "A notification"} is not a JSON object`);
	const metadata = objectOf(message.NotificationMetadata);
	const kept = {
		...pick(message, { NotificationType: "string", PayloadVersion: "string", EventTime: "string" }),
		NotificationMetadata: pick(metadata, {
			ApplicationId: "string",
			SubscriptionId: "string",
			NotificationId: "string",
			PublishTime: "string",
		}),
	};
	const payload = objectOf(message.Payload);
	if (topic !== "ORDER_CHANGE") {
		return { ...kept, Payload: pick(payload, { SellerId: "string", FulfillmentChannelCode: "string", Sku: "string", Quantity: "number" }) };
	}
	const change = objectOf(payload.OrderChangeNotification);
	const summary = objectOf(change.Summary);
	const items = Array.isArray(summary.OrderItems) ? summary.OrderItems : [];
	return {
		...kept,
		Payload: {
			OrderChangeNotification: {
				...pick(change, { NotificationLevel: "string", SellerId: "string", AmazonOrderId: "string", OrderChangeType: "string" }),
				OrderChangeTrigger: pick(objectOf(change.OrderChangeTrigger), { TimeOfOrderChange: "string" }),
				Summary: {
					...pick(summary, {
						MarketplaceId: "string",
						OrderStatus: "string",
						PurchaseDate: "string",
						FulfillmentType: "string",
						OrderType: "string",
					}),
					OrderItems: items.map((item) =>
						pick(objectOf(item), {
							OrderItemId: "string",
							SellerSKU: "string",
							Quantity: "number",
							QuantityShipped: "number",
							OrderItemStatus: "string",
							IsBuyerRequestedCancel: "boolean",
						}),
					),
				},
			},
		},
	};
}

function toEvents({
	topic,
	payload,
	headers,
}: {
	topic: string;
	payload: unknown;
	headers: Readonly<Record<string, string>>;
}): CanonicalEvent[] {
	switch (topic) {
		case "ORDER_CHANGE":
			return orderEvents(parse(orderChangeSchema, payload, "order notification"), headers);
		case "LISTINGS_ITEM_MFN_QUANTITY_CHANGE":
			return quantityEvents(parse(quantitySchema, payload, "quantity notification"), headers);
		default:
			throw new UnexpectedShapeError(`Amazon sent the unknown notification ${JSON.stringify(topic.slice(0, 60))}`);
	}
}

const instant = z.iso.datetime({ offset: true });
const metadataSchema = z.object({ ApplicationId: z.string().min(1), NotificationId: z.string().min(1) });
const orderChangeSchema = z.object({
	NotificationMetadata: metadataSchema,
	Payload: z.object({
		OrderChangeNotification: z.object({
			NotificationLevel: z.enum(["OrderLevel", "OrderItemLevel"]),
			AmazonOrderId: z.string().min(1).max(100),
			OrderChangeType: z.enum(["BuyerRequestedChange", "DeliveryTipChange", "OrderStatusChange"]),
			Summary: z.object({
				MarketplaceId: z.string().min(1).max(100),
				OrderStatus: z.enum([
					"Pending",
					"Unshipped",
					"PartiallyShipped",
					"Shipped",
					"Canceled",
					"Unfulfillable",
					"InvoiceUnconfirmed",
					"PendingAvailability",
				]),
				PurchaseDate: instant.optional(),
				FulfillmentType: z.enum(["AFN", "MFN"]),
				OrderItems: z.array(
					z.object({
						OrderItemId: z.string().min(1).max(100),
						SellerSKU: z.string().max(150).optional(),
						Quantity: z.int().nonnegative().max(1_000_000),
					}),
				),
			}),
		}),
	}),
});

/**
 * At first sight the notification is the order's state: it names SKU and quantity, so the sale counts at once and needs none of
 * the tiny order quota. After that it is a hint. Its times are another clock than the order's own `lastUpdatedTime`, so it
 * must never win over what was read: it carries the moment of purchase as its stamp, which no later state of the order is older
 * than. (A state with that very stamp and another content is looked at again, as is whatever the hint behind it finds.)
 *
 * Orders that Amazon ships are seen and not followed: nothing of the merchant's stock depends on them.
 */
function orderEvents(
	{ NotificationMetadata, Payload }: z.infer<typeof orderChangeSchema>,
	headers: Readonly<Record<string, string>>,
): CanonicalEvent[] {
	const { AmazonOrderId: orderId, NotificationLevel, OrderChangeType, Summary } = Payload.OrderChangeNotification;
	const { MarketplaceId, OrderStatus, PurchaseDate, FulfillmentType, OrderItems } = Summary;
	const byAmazon = FulfillmentType === "AFN";
	if (!byAmazon && OrderStatus === "Unfulfillable") {
		throw new UnexpectedShapeError(`Order ${orderId} is shipped by the seller and yet Unfulfillable`);
	}
	const cancelled = OrderStatus === "Canceled";
	// Its content would differ from what was seen first, and so ask for a look that nobody needs.
	if (byAmazon && cancelled) return [];
	const hint: CanonicalEvent = { v: 1, type: "order.hint", orderId, reason: `Amazon says: ${OrderChangeType}, ${OrderStatus}` };
	// Only Amazon can fill the queue, but other apps' owners can have it filled: what is not for us is looked up with our own eyes.
	if (PurchaseDate === undefined || !isForUs(NotificationMetadata.ApplicationId, headers)) return byAmazon ? [] : [hint];
	// Notifications tell milliseconds and the order whole seconds: with them the purchase would be later than the order itself.
	const purchasedAt = new Date(Math.floor(Date.parse(PurchaseDate) / 1000) * 1000).toISOString();
	const snapshot = snapshotOf({
		orderId,
		createdAt: purchasedAt,
		stamp: purchasedAt,
		cancelled,
		// "For OrderItemLevel notification, one payload include one item, while for OrderLevel … all items" (schema).
		complete: NotificationLevel === "OrderLevel",
		lines: OrderItems.map((item) => ({
			lineId: item.OrderItemId,
			...soldAs(MarketplaceId, item.SellerSKU),
			ordered: item.Quantity,
			held: cancelled ? 0 : item.Quantity,
			fulfilledByChannel: byAmazon,
		})),
	});
	return byAmazon ? [snapshot] : [snapshot, hint];
}

const isForUs = (applicationId: string, headers: Readonly<Record<string, string>>): boolean => {
	const ours = (headers[APPLICATIONS_HEADER] ?? "").split(",");
	return ours.includes(applicationId);
};

const quantitySchema = z.object({
	EventTime: instant,
	NotificationMetadata: metadataSchema,
	Payload: z.object({ FulfillmentChannelCode: z.string().min(1), Sku: z.string().min(1).max(150), Quantity: z.int() }),
});

/**
 * The notification names no marketplace: the SKU's figure may be any of the region's listings under it. Each is told, and those
 * that the merchant does not have are passed over. A figure seen is only a reason to look, so one too many does no harm.
 */
function quantityEvents(
	{ EventTime, Payload }: z.infer<typeof quantitySchema>,
	headers: Readonly<Record<string, string>>,
): CanonicalEvent[] {
	const region = headers[REGION_HEADER] ?? "";
	if (!isRegion(region)) throw new UnexpectedShapeError("It is not known which region's queue this quantity notification came from");
	// Another code is one of a seller's several warehouses, whose figure is not the one that we write.
	if (Payload.FulfillmentChannelCode !== "DEFAULT") return [];
	return marketplacesOf(region).map(({ id }) => ({
		v: 1,
		type: "listing.seen",
		listingExternalId: listingId(id, Payload.Sku),
		quantity: Payload.Quantity,
		stamp: EventTime,
	}));
}

type Json = Record<string, unknown>;
const objectOf = (value: unknown): Json => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {});
const textOf = (value: unknown): string | undefined =>
	typeof value === "string" && value !== "" ? value.slice(0, TEXT_CHARS_MAX) : undefined;
/** Longer ones are not what the field is for. */
const TEXT_CHARS_MAX = 200;

function pick(from: Json, kinds: Readonly<Record<string, "string" | "number" | "boolean">>): Json {
	const kept: Json = {};
	for (const [name, kind] of Object.entries(kinds)) {
		const value = from[name];
		if (typeof value === kind && !(typeof value === "string" && value.length > TEXT_CHARS_MAX)) kept[name] = value;
	}
	return kept;
}
