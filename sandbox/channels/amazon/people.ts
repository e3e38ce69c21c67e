import { marketplaceOf } from "./marketplaces.ts";
import { cancelOrder, payOrder, placeOrder, requestCancellation, shipOrder } from "./orders.ts";
import type { Realm } from "./realm.ts";
import {
	type Canceller,
	type Listing,
	listingKey,
	listingOf,
	type MerchantOffer,
	newest,
	type Order,
	type OrderVersion,
	type Seller,
} from "./state.ts";
import { figureOf, setQuantity, showFigure } from "./stock.ts";

export type SeedListing = {
	sku: string;
	title?: string;
	price?: string;
	/** The seller's own shelf. Left out with `fba`. */
	quantity?: number;
	/** Amazon ships it, and holds so many. */
	fba?: number;
	leadTimeDays?: number;
	productType?: string;
	/** Store ids; default: the account's first store. */
	marketplaces?: readonly string[];
};

export type Bought =
	| { outcome: "placed"; orderId: string; status: string; lines: { sku: string; quantity: number }[] }
	/** The store showed fewer; the buyer went away. */
	| { outcome: "refused"; sku: string; shown: number };

/** What buyers and the seller himself do, and what the store shows. */
export type People = {
	seed(listings: readonly SeedListing[]): void;
	/** A buyer who only buys what is shown. Offers of the seller and of Amazon's warehouses are different orders. */
	checkout(basket: { lines: readonly { sku: string; quantity: number }[]; marketplaceId?: string }): Bought;
	/** The payment went through: the order is UNSHIPPED. */
	payOrder(orderId: string): void;
	/** The payment did not go through. */
	declinePayment(orderId: string): void;
	shipOrder(orderId: string, parts?: readonly { sku: string; quantity: number }[]): void;
	cancelOrder(orderId: string, how?: { by?: Canceller; reason?: string; skus?: readonly string[] }): void;
	/** The buyer asks for a cancellation; nothing moves by it. */
	requestCancellation(orderId: string, reason?: string): void;
	/** What the seller receives is another sum from now on (null: nothing is said of it), and the order says no newer time for it. */
	sayProceeds(orderId: string, amount: string | null): void;
	/** In Seller Central, behind the app's back. Not truth: home is elsewhere. */
	editQuantity(sku: string, quantity: number, marketplaceId?: string): void;
	/** Closes an offer, or opens it again. */
	setBuyable(sku: string, buyable: boolean, marketplaceId?: string): void;
	deleteListing(sku: string, marketplaceId?: string): void;
	/** Amazon counted its own warehouse. */
	setFbaStock(sku: string, fulfillable: number): void;

	/** What the stores show and hold, for consoles and checks. */
	products(): { sku: string; title: string; price: string; marketplaceId: string; fulfilledBy: "MERCHANT" | "AMAZON"; shown: number }[];
	shown(sku: string, marketplaceId?: string): number;
	orders(): readonly { id: string; fulfilledBy: string; marketplaceId: string; current: OrderVersion }[];
	order(orderId: string): OrderVersion;
};

export function createPeople(realm: Realm, seller: Seller): People {
	const [home] = seller.marketplaces;
	const listing = (sku: string, marketplaceId = home?.id ?? ""): Listing =>
		listingOf(seller, marketplaceId, sku) ?? missing(`offer ${sku} in ${marketplaceId}`);
	const order = (id: string): Order => seller.orders.get(id) ?? missing(`order ${id}`);
	return {
		seed(listings) {
			for (const seed of listings) open(realm, seller, seed);
		},
		checkout({ lines, marketplaceId }) {
			const wanted = lines.map(({ sku, quantity }) => ({ listing: listing(sku, marketplaceId), quantity }));
			for (const { listing: of, quantity } of wanted) {
				const shown = figureOf(seller, of);
				if (quantity > shown) return { outcome: "refused", sku: of.sku, shown };
			}
			if (new Set(wanted.map((w) => w.listing.merchant === null)).size > 1) {
				throw new Error("One order is shipped by the seller or by Amazon, not by both");
			}
			const placed = placeOrder(realm, seller, wanted);
			return { outcome: "placed", orderId: placed.id, status: newest(placed).status, lines: [...lines] };
		},
		payOrder: (id) => payOrder(realm, seller, order(id)),
		declinePayment: (id) => cancelOrder(realm, seller, order(id), { by: "AMAZON", reason: "PAYMENT_DECLINED" }),
		shipOrder: (id, parts) => shipOrder(realm, seller, order(id), parts),
		cancelOrder: (id, { by = "MERCHANT", reason = "NO_INVENTORY", skus } = {}) =>
			cancelOrder(realm, seller, order(id), { by, reason, ...(skus ? { skus } : {}) }),
		requestCancellation: (id, reason = "ORDERED_BY_MISTAKE") => requestCancellation(realm, seller, order(id), reason),
		sayProceeds: (id, amount) => {
			order(id).proceeds = amount;
		},
		editQuantity: (sku, quantity, marketplaceId) => setQuantity(realm, seller, listing(sku, marketplaceId), quantity, "edit"),
		setBuyable(sku, buyable, marketplaceId) {
			const of = listing(sku, marketplaceId);
			of.buyable = buyable;
			of.updatedAt = realm.world.clock.now();
			showFigure(realm, seller, of, "edit");
		},
		deleteListing(sku, marketplaceId) {
			const of = listing(sku, marketplaceId);
			of.buyable = false;
			showFigure(realm, seller, of, "edit");
			seller.listings.delete(listingKey(of.marketplace.id, sku));
		},
		setFbaStock(sku, fulfillable) {
			const stock = seller.fba.get(sku) ?? missing(`stock of ${sku} at Amazon`);
			Object.assign(stock, { fulfillable, updatedAt: realm.world.clock.now() });
			realm.notices.fbaChanged(seller, stock);
		},
		products: () =>
			[...seller.listings.values()].map((of) => ({
				sku: of.sku,
				title: of.title,
				price: of.price,
				marketplaceId: of.marketplace.id,
				fulfilledBy: of.merchant ? ("MERCHANT" as const) : ("AMAZON" as const),
				shown: figureOf(seller, of),
			})),
		shown: (sku, marketplaceId) => figureOf(seller, listing(sku, marketplaceId)),
		orders: () =>
			[...seller.orders.values()].map((one) => ({
				id: one.id,
				fulfilledBy: one.fulfilledBy,
				marketplaceId: one.marketplace.id,
				current: newest(one),
			})),
		order: (id) => newest(order(id)),
	};
}

const missing = (what: string): never => {
	throw new Error(`The seller has no ${what}`);
};

function open(realm: Realm, seller: Seller, seed: SeedListing) {
	const now = realm.world.clock.now();
	const asin = `B0${realm.letters(8).toUpperCase()}`;
	const title = seed.title ?? seed.sku;
	const newOffer = (): MerchantOffer => ({ quantity: seed.quantity ?? 0, leadTimeDays: seed.leadTimeDays ?? null, restockDate: null });
	const shared = newOffer();
	if (seed.fba !== undefined) {
		const fnSku = `X00${realm.letters(7).toUpperCase()}`;
		seller.fba.set(seed.sku, { sku: seed.sku, asin, fnSku, title, fulfillable: seed.fba, reserved: 0, updatedAt: now });
	}
	for (const id of seed.marketplaces ?? [seller.marketplaces[0]?.id ?? ""]) {
		if (!seller.marketplaces.some((m) => m.id === id)) missing(`store ${id}`);
		const listing: Listing = {
			sku: seed.sku,
			asin,
			marketplace: marketplaceOf(id),
			productType: seed.productType ?? "HOME",
			title,
			price: seed.price ?? "10.00",
			createdAt: now,
			updatedAt: now,
			buyable: true,
			merchant: seed.fba !== undefined ? null : seller.sharedQuantity ? shared : newOffer(),
			issues: [],
			listingId: `${realm.digits(4)}W${realm.letters(6).toUpperCase()}`,
		};
		seller.listings.set(listingKey(id, seed.sku), listing);
		showFigure(realm, seller, listing, "opening");
	}
}
