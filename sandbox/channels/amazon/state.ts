import type { Marketplace, Region } from "./marketplaces.ts";

/** One seller account of one region. */
export type Seller = {
	id: string;
	name: string;
	region: Region;
	/** The account's name in books and faults; its further stores are `channel-CA` and so on. */
	channel: string;
	marketplaces: readonly Marketplace[];
	/** Offers by store and SKU, see `listingKey`. */
	listings: Map<string, Listing>;
	orders: Map<string, Order>;
	/** Amazon's own stock of the seller's goods, by SKU. */
	fba: Map<string, FbaStock>;
	/** Sellers with several locations name a supply source in `fulfillment_channel_code`; `DEFAULT` is refused them. */
	supplySource: string | null;
	/** One figure for all stores of the account ("unified account"), or one per store. */
	sharedQuantity: boolean;
};

/** What the seller offers from his own shelf. Stores of a unified account share one. */
export type MerchantOffer = {
	quantity: number;
	/** Handling time; a `replace` that does not repeat it wipes it. */
	leadTimeDays: number | null;
	restockDate: string | null;
};

export type Listing = {
	sku: string;
	asin: string;
	marketplace: Marketplace;
	productType: string;
	title: string;
	price: string;
	createdAt: number;
	updatedAt: number;
	/** False: closed or suppressed, nobody can buy. */
	buyable: boolean;
	/** null: Amazon ships it (FBA). */
	merchant: MerchantOffer | null;
	issues: Issue[];
	listingId: string;
};

export type Issue = {
	code: string;
	message: string;
	severity: "ERROR" | "WARNING";
	attributeNames: string[];
	categories: string[];
	marketplaceIds: string[];
};

export type FbaStock = {
	sku: string;
	asin: string;
	fnSku: string;
	title: string;
	fulfillable: number;
	reserved: number;
	updatedAt: number;
};

export type OrderStatus = "PENDING" | "UNSHIPPED" | "PARTIALLY_SHIPPED" | "SHIPPED" | "CANCELLED";
export type Canceller = "BUYER" | "MERCHANT" | "AMAZON";

export type Order = {
	id: string;
	marketplace: Marketplace;
	fulfilledBy: "MERCHANT" | "AMAZON";
	createdAt: number;
	postalCode: string;
	/** What Amazon says of the proceeds instead of what the lines come to; null: nothing. Not set: by the lines. */
	proceeds?: string | null;
	/** Every state that the order has had, oldest first: what is read may lag behind what happened. */
	history: OrderVersion[];
};

export type OrderVersion = { at: number; status: OrderStatus; lines: readonly OrderLine[] };

export type OrderLine = {
	id: string;
	sku: string;
	asin: string;
	title: string;
	price: string;
	quantity: number;
	shipped: number;
	/** The buyer asked for a cancellation; only a request. */
	requested: string | null;
	cancelled: { by: Canceller; reason: string } | null;
};

export const listingKey = (marketplaceId: string, sku: string) => `${marketplaceId}\n${sku}`;
export const listingOf = (seller: Seller, marketplaceId: string, sku: string) => seller.listings.get(listingKey(marketplaceId, sku));

export const newest = (order: Order): OrderVersion => {
	const last = order.history.at(-1);
	if (!last) throw new Error(`Order ${order.id} has no state`);
	return last;
};

/** The order as it stood at `at`; undefined before it existed. */
export const versionAt = (order: Order, at: number) => order.history.findLast((version) => version.at <= at);

/** The first store of an account is its channel; the others have names of their own, for their figures are their own. */
export const bookChannel = (seller: Seller, marketplace: Marketplace) =>
	marketplace === seller.marketplaces[0] ? seller.channel : `${seller.channel}-${marketplace.country}`;
