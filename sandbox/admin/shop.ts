/** What the admin's own pages need of the Shopify stand-in: its goods, its orders, and the merchant's hand. */
export type AdminShop = {
	name: string;
	domain: string;
	locations(): readonly { id: string; name: string }[];
	/** One per thing with stock of its own, in the order of the catalogue. */
	variants(): readonly AdminVariant[];
	/** The merchant types a new figure. Throws a sentence if that is refused. */
	setAvailable(edit: { variantId: string; locationId: string; available: number }): void;
	/** Newest first, at most `limit`. */
	orders(limit: number): readonly AdminOrder[];
	/** An order at the shop's own checkout. Throws a sentence if it is refused (sold out). */
	placeOrder(line: { variantId: string; quantity: number }): { name: string };
};

export type AdminVariant = {
	id: string;
	sku: string;
	title: string;
	/** Made of others: its figure is theirs, and is not typed in. */
	bundle: boolean;
	available: Readonly<Record<string, number>>;
};

export type AdminOrder = {
	name: string;
	at: number;
	source: string;
	cancelled: boolean;
	lines: readonly { sku: string; title: string; quantity: number }[];
};
