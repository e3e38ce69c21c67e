import { iso } from "../realm.ts";
import type { Listing, Seller } from "../state.ts";
import { figureOf } from "../stock.ts";

export const DATASETS = [
	"summaries",
	"attributes",
	"issues",
	"offers",
	"fulfillmentAvailability",
	"procurement",
	"relationships",
	"productTypes",
];

/** What the SKU is in the stores asked for; `listings` has one entry per store and is never empty. */
export function listingView(
	seller: Seller,
	sku: string,
	listings: readonly Listing[],
	datasets: readonly string[],
): Record<string, unknown> {
	const each = <T>(view: (listing: Listing) => T) => listings.map(view);
	const [first] = listings;
	const parts: Record<string, () => unknown> = {
		summaries: () => each((listing) => summary(seller, listing)),
		attributes: () => (first ? attributes(seller, first) : {}),
		issues: () => listings.flatMap((listing) => listing.issues),
		offers: () =>
			each((listing) => ({
				marketplaceId: listing.marketplace.id,
				offerType: "B2C",
				price: { currencyCode: listing.marketplace.currency, amount: listing.price },
			})),
		fulfillmentAvailability: () => (first ? availability(seller, first) : []),
		productTypes: () => each((listing) => ({ marketplaceId: listing.marketplace.id, productType: listing.productType })),
		relationships: () => each((listing) => ({ marketplaceId: listing.marketplace.id, relationships: [] })),
		procurement: () => [],
	};
	return { sku, ...Object.fromEntries(datasets.map((name) => [name, parts[name]?.()])) };
}

/** `BUYABLE` means that somebody can buy it now: not without pieces. */
export const statusOf = (seller: Seller, listing: Listing): string[] => [
	...(listing.buyable && figureOf(seller, listing) > 0 ? ["BUYABLE"] : []),
	"DISCOVERABLE",
];

const summary = (seller: Seller, listing: Listing) => ({
	marketplaceId: listing.marketplace.id,
	asin: listing.asin,
	productType: listing.productType,
	conditionType: "new_new",
	status: statusOf(seller, listing),
	...(listing.merchant ? {} : { fnSku: seller.fba.get(listing.sku)?.fnSku ?? "" }),
	itemName: listing.title,
	createdDate: iso(listing.createdAt),
	lastUpdatedDate: iso(listing.updatedAt),
});

/** Amazon's own warehouses are named without a figure: how much lies there is told by FBA Inventory. */
const availability = (seller: Seller, listing: Listing) =>
	listing.merchant
		? [{ fulfillmentChannelCode: channelCode(seller), quantity: Math.max(0, listing.merchant.quantity) }]
		: [{ fulfillmentChannelCode: seller.region.fbaCode }];

const attributes = (seller: Seller, listing: Listing) => ({
	item_name: [{ value: listing.title, marketplace_id: listing.marketplace.id }],
	fulfillment_availability: listing.merchant
		? [
				{
					fulfillment_channel_code: channelCode(seller),
					quantity: Math.max(0, listing.merchant.quantity),
					...(listing.merchant.leadTimeDays === null ? {} : { lead_time_to_ship_max_days: listing.merchant.leadTimeDays }),
					...(listing.merchant.restockDate === null ? {} : { restock_date: listing.merchant.restockDate }),
				},
			]
		: [{ fulfillment_channel_code: seller.region.fbaCode }],
});

/** What the seller's own shelf is called in `fulfillment_channel_code`. */
export const channelCode = (seller: Seller) => seller.supplySource ?? "DEFAULT";
