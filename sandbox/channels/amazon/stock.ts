import type { Realm } from "./realm.ts";
import { bookChannel, type Listing, type MerchantOffer, type Seller } from "./state.ts";

/** What moved a figure, in the words of the sandbox's books. */
export type Cause = "opening" | "sale" | "restock" | "write" | "edit";

/** The pieces that a buyer of this offer may have; Amazon's own stock for an FBA offer. */
export function figureOf(seller: Seller, listing: Listing): number {
	if (!listing.buyable) return 0;
	return Math.max(0, listing.merchant ? listing.merchant.quantity : (seller.fba.get(listing.sku)?.fulfillable ?? 0));
}

/** The offer's quantity becomes `quantity`, in all stores that share it; whoever subscribed is told. */
export function setQuantity(realm: Realm, seller: Seller, listing: Listing, quantity: number, cause: Cause) {
	const offer = listing.merchant;
	if (!offer) throw new Error(`${listing.sku} is shipped by Amazon: the seller has no quantity of it`);
	const changed = offer.quantity !== quantity;
	offer.quantity = quantity;
	for (const one of offersOf(seller, offer)) {
		one.updatedAt = realm.world.clock.now();
		showFigure(realm, seller, one, cause);
	}
	if (changed && cause !== "opening") realm.notices.quantityChanged(seller, listing);
}

/** Tells the books when the figure of an offer changed. What Amazon ships is Amazon's stock: the books do not know it. */
export function showFigure(realm: Realm, seller: Seller, listing: Listing, cause: Cause) {
	if (!listing.merchant) return;
	const [channel, quantity] = [bookChannel(seller, listing.marketplace), figureOf(seller, listing)];
	if (realm.world.books.shown(channel, listing.sku) === quantity) return;
	realm.world.books.showed({ channel, sku: listing.sku, quantity, cause });
}

export const offersOf = (seller: Seller, offer: MerchantOffer) =>
	[...seller.listings.values()].filter((listing) => listing.merchant === offer);
