import type { Frame } from "../notices.ts";
import { iso } from "../realm.ts";
import { type FbaStock, type Listing, newest, type Order, type OrderLine, type OrderStatus, type Seller } from "../state.ts";

/** Bodies of notifications by their published schemas (../shared/contracts/amazon/notifications); their casing differs by type. */
export type Notification = Record<string, unknown>;

const DAY_MS = 24 * 3_600_000;

const STATUS_WORDS: Record<OrderStatus, string> = {
	PENDING: "Pending",
	UNSHIPPED: "Unshipped",
	PARTIALLY_SHIPPED: "PartiallyShipped",
	SHIPPED: "Shipped",
	CANCELLED: "Canceled",
};

export function orderChange(
	frame: Frame,
	seller: Seller,
	order: Order,
	event: { type: string; reason: string },
	cancelledQuantity: "ordered" | "zero",
): Notification {
	const { status, lines } = newest(order);
	const shipped = lines.reduce((sum, line) => sum + line.shipped, 0);
	const open = lines.reduce((sum, line) => sum + (line.cancelled ? 0 : line.quantity - line.shipped), 0);
	return pascal(frame, "ORDER_CHANGE", "1.0", {
		OrderChangeNotification: {
			NotificationLevel: "OrderLevel",
			SellerId: seller.id,
			AmazonOrderId: order.id,
			OrderChangeType: event.type,
			OrderChangeTrigger: { TimeOfOrderChange: iso(newest(order).at), ChangeReason: event.reason },
			Summary: {
				MarketplaceId: order.marketplace.id,
				OrderStatus: STATUS_WORDS[status],
				PurchaseDate: iso(order.createdAt),
				DestinationPostalCode: status === "PENDING" ? null : order.postalCode,
				FulfillmentType: order.fulfilledBy === "MERCHANT" ? "MFN" : "AFN",
				OrderType: "StandardOrder",
				NumberOfItemsShipped: shipped,
				NumberOfItemsUnshipped: open,
				EarliestShipDate: iso(order.createdAt),
				LatestShipDate: iso(order.createdAt + 2 * DAY_MS),
				OrderPrograms: [],
				ShippingPrograms: [],
				OrderItems: lines.map((line) => orderItem(line, cancelledQuantity)),
			},
		},
	});
}

const orderItem = (line: OrderLine, cancelledQuantity: "ordered" | "zero") => ({
	OrderItemId: line.id,
	SellerSKU: line.sku,
	SupplySourceId: null,
	OrderItemStatus: line.shipped === line.quantity ? "Shipped" : "Unshipped",
	Quantity: line.cancelled && cancelledQuantity === "zero" ? 0 : line.quantity,
	QuantityShipped: line.shipped,
	IsBuyerRequestedCancel: line.requested !== null,
});

export function quantityChange(frame: Frame, seller: Seller, listing: Listing): Notification {
	return pascal(frame, "LISTINGS_ITEM_MFN_QUANTITY_CHANGE", "1.0", {
		SellerId: seller.id,
		FulfillmentChannelCode: seller.supplySource ?? "DEFAULT",
		Sku: listing.sku,
		Quantity: listing.merchant?.quantity ?? 0,
	});
}

export function issuesChange(frame: Frame, seller: Seller, listing: Listing): Notification {
	return pascal(frame, "LISTINGS_ITEM_ISSUES_CHANGE", "2023-12-13", {
		SellerId: seller.id,
		MarketplaceId: listing.marketplace.id,
		Asin: listing.asin,
		Sku: listing.sku,
		Severities: [...new Set(listing.issues.map((issue) => issue.severity))],
		EnforcementActions: [],
	});
}

export function fbaChange(frame: Frame, seller: Seller, stock: FbaStock): Notification {
	const stores = [...seller.listings.values()].filter((listing) => listing.sku === stock.sku);
	return pascal(frame, "FBA_INVENTORY_AVAILABILITY_CHANGES", "1.0", {
		SellerId: seller.id,
		FNSKU: stock.fnSku,
		ASIN: stock.asin,
		SKU: stock.sku,
		FulfillmentInventoryByMarketplace: stores.map((listing) => ({
			MarketplaceId: listing.marketplace.id,
			ItemName: stock.title,
			FulfillmentInventory: {
				InboundQuantityBreakdown: { Working: 0, Shipped: 0, Receiving: 0 },
				Fulfillable: stock.fulfillable,
				Unfulfillable: 0,
				Researching: 0,
				ReservedQuantityBreakdown: { WarehouseProcessing: 0, WarehouseTransfer: 0, PendingCustomerOrder: stock.reserved },
				FutureSupplyBuyable: 0,
				PendingCustomerOrderInTransit: 0,
			},
			Stores: [],
		})),
	});
}

export function reportFinished(
	frame: Frame,
	seller: Seller,
	{ reportId, reportType, status, documentId }: { reportId: string; reportType: string; status: string; documentId: string | null },
): Notification {
	return {
		notificationVersion: "2020-09-04",
		notificationType: "REPORT_PROCESSING_FINISHED",
		payloadVersion: "2020-09-04",
		eventTime: iso(frame.eventAt),
		payload: {
			reportProcessingFinishedNotification: {
				sellerId: seller.id,
				accountId: `amzn1.merchant.o.${seller.id}`,
				reportId,
				reportType,
				processingStatus: status,
				...(documentId ? { reportDocumentId: documentId } : {}),
			},
		},
		notificationMetadata: {
			applicationId: frame.applicationId,
			subscriptionId: frame.subscriptionId,
			publishTime: iso(frame.publishAt),
			notificationId: frame.notificationId,
		},
	};
}

const pascal = (frame: Frame, type: string, payloadVersion: string, payload: object): Notification => ({
	NotificationVersion: "1.0",
	NotificationType: type,
	PayloadVersion: payloadVersion,
	EventTime: iso(frame.eventAt),
	Payload: payload,
	NotificationMetadata: {
		ApplicationId: frame.applicationId,
		SubscriptionId: frame.subscriptionId,
		PublishTime: iso(frame.publishAt),
		NotificationId: frame.notificationId,
	},
});
