import { isoSeconds, type Settings } from "../realm.ts";
import type { Order, OrderLine, OrderVersion } from "../state.ts";

const DAY_MS = 24 * 3_600_000;

/** Datasets of `includedData`. Buyers' personal data need a role (BUYER, RECIPIENT); the others are given to everybody here. */
export const DATASETS = [
	"BUYER",
	"RECIPIENT",
	"PROCEEDS",
	"EXPENSE",
	"PROMOTION",
	"CANCELLATION",
	"FULFILLMENT",
	"PACKAGES",
	"TAX",
	"PAYMENT",
	"FULFILLMENT_ORDERS",
];
export const PERSONAL_DATASETS = ["BUYER", "RECIPIENT"];

/** An order of Orders 2026-01-01 as it stood in one of its versions. */
export function orderView(order: Order, version: OrderVersion, datasets: readonly string[], settings: Settings): Record<string, unknown> {
	const { marketplace } = order;
	/** While the payment is checked, Amazon tells of the goods and of little else. */
	const pending = version.status === "PENDING";
	const grandTotal = grandTotalOf(order, version);
	return {
		orderId: order.id,
		createdTime: isoSeconds(order.createdAt),
		lastUpdatedTime: isoSeconds(version.at),
		programs: [],
		salesChannel: { channelName: "AMAZON", marketplaceId: marketplace.id, marketplaceName: marketplace.name },
		...(datasets.includes("BUYER") && !pending ? { buyer: { buyerName: "A Buyer", buyerEmail: "buyer@marketplace.example" } } : {}),
		...(datasets.includes("RECIPIENT") && !pending
			? { recipient: { deliveryAddress: { name: "A Buyer", postalCode: order.postalCode, countryCode: marketplace.country } } }
			: {}),
		...(datasets.includes("PROCEEDS") && grandTotal !== null
			? { proceeds: { grandTotal: { amount: grandTotal, currencyCode: marketplace.currency } } }
			: {}),
		...(datasets.includes("FULFILLMENT")
			? {
					fulfillment: {
						fulfillmentStatus: version.status,
						fulfilledBy: order.fulfilledBy,
						fulfillmentServiceLevel: "STANDARD",
						...(pending
							? {}
							: {
									shipByWindow: {
										earliestDateTime: isoSeconds(order.createdAt),
										latestDateTime: isoSeconds(order.createdAt + 2 * DAY_MS),
									},
								}),
					},
				}
			: {}),
		orderItems: version.lines.map((line) => itemView(line, { datasets, settings, pending, currencyCode: marketplace.currency })),
		...(datasets.includes("PACKAGES") ? { packages: [] } : {}),
	};
}

/** "The total amount that the seller receives from the sale of the order" (OrderProceeds); null while nothing is said of it. */
function grandTotalOf({ proceeds }: Order, { status, lines }: OrderVersion): string | null {
	if (proceeds !== undefined) return proceeds;
	if (status === "PENDING") return null;
	return lines.reduce((sum, line) => sum + Number(line.price) * line.quantity, 0).toFixed(2);
}

function itemView(
	line: OrderLine,
	{
		datasets,
		settings,
		pending,
		currencyCode,
	}: { datasets: readonly string[]; settings: Settings; pending: boolean; currencyCode: string },
) {
	const cancellation = {
		...(line.requested === null ? {} : { cancellationRequest: { requester: "BUYER", cancelReason: line.requested } }),
		...(line.cancelled ? { cancellationExecution: { cancelledBy: line.cancelled.by, cancelReason: line.cancelled.reason } } : {}),
	};
	return {
		orderItemId: line.id,
		quantityOrdered: line.cancelled && settings.cancelledQuantity === "zero" ? 0 : line.quantity,
		product: {
			asin: line.asin,
			title: line.title,
			sellerSku: line.sku,
			condition: { conditionType: "NEW", conditionSubtype: "NEW" },
			...(pending ? {} : { price: { unitPrice: { amount: line.price, currencyCode } } }),
		},
		...(datasets.includes("CANCELLATION") && Object.keys(cancellation).length > 0 ? { cancellation } : {}),
		...(datasets.includes("FULFILLMENT")
			? {
					fulfillment: {
						quantityFulfilled: line.shipped,
						quantityUnfulfilled: line.cancelled ? 0 : line.quantity - line.shipped,
					},
				}
			: {}),
	};
}
