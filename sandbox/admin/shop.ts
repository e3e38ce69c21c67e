/** What the admin's own pages need of the Shopify stand-in: its goods, its orders, and the merchant's hand. Refusals are thrown as sentences. */
export type AdminShop = {
	name: string;
	domain: string;
	locations(): readonly { id: string; name: string }[];
	/** One per thing with stock of its own, in the order of the catalogue. */
	variants(): readonly AdminVariant[];
	product(variantId: string): AdminProduct | null;
	/** The merchant sets a new figure or adds to it; the answer is what is available then. */
	changeStock(edit: { variantId: string; locationId: string; change: { set: number } | { by: number }; reason: string }): number;

	/** Newest first. */
	orders(): readonly AdminOrder[];
	order(orderId: string): AdminOrderDetail | null;
	placeOrder(order: PlaceOrder): { name: string };
	cancelOrder(request: { orderId: string; restock: boolean }): void;
	refund(request: { orderId: string; lineId: string; quantity: number; restock: boolean }): void;
	setLine(request: { orderId: string; lineId: string; quantity: number }): void;
	addLine(request: { orderId: string; sku: string; quantity: number }): void;
	fulfil(orderId: string): void;

	/** Those that wait: newest first. */
	drafts(): readonly { id: string; reserved: boolean; lines: readonly { title: string; quantity: number }[] }[];
	createDraft(line: { variantId: string; quantity: number; reserve: boolean }): void;
	completeDraft(draftId: string): { name: string };
	releaseDraft(draftId: string): void;
};

export type PlaceOrder = { variantId: string; quantity: number } & (
	| { via: "online" }
	/** A draft that becomes an order at once. */
	| { via: "draft" }
	/** `force`: staff at the till sell what the system says is not there. */
	| { via: "pos"; locationId: string; force: boolean }
);

export type AdminVariant = {
	id: string;
	sku: string;
	title: string;
	/** Made of others: its figure is theirs, and is not typed in. */
	bundle: boolean;
	available: Readonly<Record<string, number>>;
};

export type AdminProduct = AdminVariant & {
	price: string;
	barcode: string | null;
	/** Whether it is sold when there is none left. */
	oversells: boolean;
	components: readonly { id: string; title: string; quantity: number }[];
	levels: readonly ({ locationId: string } & StockFigures)[];
	/** Newest first, since the admin was opened. */
	history: readonly AdminHistoryEntry[];
};

/** The columns of Shopify's own inventory page. */
export type StockFigures = { unavailable: number; committed: number; available: number; onHand: number; incoming: number };

export type AdminHistoryEntry = {
	at: number;
	activity: string;
	by: "staff" | "app" | "shop";
	/** What an app has given as the document behind it. */
	reference: string | null;
	locationId: string;
	delta: StockFigures;
	after: StockFigures;
};

export type AdminOrder = {
	id: string;
	name: string;
	at: number;
	source: string;
	cancelled: boolean;
	financial: string;
	fulfilment: "Unfulfilled" | "Partially fulfilled" | "Fulfilled";
	lines: readonly { sku: string; title: string; quantity: number }[];
};

export type AdminOrderDetail = Omit<AdminOrder, "lines"> & {
	lines: readonly AdminOrderLine[];
	/** Where it is shipped from, or was sold. */
	locations: readonly string[];
	refunds: readonly { at: number; lines: readonly { title: string; quantity: number; restocked: boolean }[] }[];
};

export type AdminOrderLine = {
	id: string;
	sku: string;
	title: string;
	bundle: string | null;
	/** What is left of it after refunds and edits. */
	quantity: number;
	unfulfilled: number;
	removed: number;
};
