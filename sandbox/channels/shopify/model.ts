/**
 * What a Shopify shop holds, as far as stock is concerned. Plain data; the functions beside it (levels, orders, catalog)
 * are the only ones that change it. Times are milliseconds of sandbox time; the API shows them in whole seconds.
 */
export type QuantityName = "available" | "committed" | "incoming" | "reserved" | "damaged" | "quality_control" | "safety_stock";

/** Everything that lies on the shelf: on_hand is their sum, it is never stored. `incoming` is not there yet. */
export const ON_HAND_PARTS = ["available", "committed", "reserved", "damaged", "quality_control", "safety_stock"] as const;
export const QUANTITY_NAMES = [
	"available",
	"on_hand",
	"committed",
	"incoming",
	"reserved",
	"damaged",
	"quality_control",
	"safety_stock",
] as const;

export type Location = {
	kind: "Location";
	id: number;
	name: string;
	active: boolean;
	fulfillsOnlineOrders: boolean;
	/** Belongs to a fulfilment service (another app keeps its stock). */
	fulfillmentService: string | null;
	createdAt: number;
	updatedAt: number;
	deactivatedAt: number | null;
};

export type Product = {
	kind: "Product";
	id: number;
	title: string;
	handle: string;
	vendor: string;
	productType: string;
	status: "ACTIVE" | "ARCHIVED" | "DRAFT" | "UNLISTED";
	tags: string[];
	giftCard: boolean;
	createdAt: number;
	updatedAt: number;
};

export type Variant = {
	kind: "ProductVariant";
	id: number;
	productId: number;
	itemId: number;
	title: string;
	sku: string | null;
	barcode: string | null;
	price: string;
	policy: "DENY" | "CONTINUE";
	position: number;
	/** Not empty: the variant can only be bought with these (`requiresComponents`); its own stock is derived from theirs. */
	components: { id: number; variantId: number; quantity: number }[];
	createdAt: number;
	updatedAt: number;
};

export type Item = {
	kind: "InventoryItem";
	id: number;
	variantId: number;
	tracked: boolean;
	requiresShipping: boolean;
	createdAt: number;
	updatedAt: number;
};

export type Level = {
	kind: "InventoryLevel";
	itemId: number;
	locationId: number;
	active: boolean;
	quantities: Record<QuantityName, number>;
	/** When `available` last changed: the only quantity that carries a time in the API's answers (recorded). */
	availableAt: number;
	createdAt: number;
	updatedAt: number;
};

export type Line = {
	kind: "LineItem";
	id: number;
	variantId: number | null;
	productId: number | null;
	itemId: number | null;
	title: string;
	variantTitle: string | null;
	sku: string | null;
	price: string;
	quantity: number;
	/** Units taken off again by a refund, an edit or the cancellation, restocked or not. */
	removed: number;
	requiresShipping: boolean;
	giftCard: boolean;
	/** False: nothing was taken from any level (untracked, gift card, not stocked anywhere). */
	tracked: boolean;
	/** The bundle that this line was expanded from. */
	group: { id: number; title: string; quantity: number; variantId: number; productId: number; sku: string | null } | null;
};

export type RestockType = "RETURN" | "CANCEL" | "NO_RESTOCK";
export type RefundLine = {
	kind: "RefundLineItem";
	id: number;
	orderId: number;
	lineId: number;
	quantity: number;
	restockType: RestockType;
	locationId: number | null;
};
export type Refund = { kind: "Refund"; id: number; orderId: number; createdAt: number; note: string | null; lines: RefundLine[] };
export type FulfillmentOrderLine = {
	kind: "FulfillmentOrderLineItem";
	id: number;
	orderId: number;
	lineId: number;
	total: number;
	remaining: number;
};
export type FulfillmentOrder = {
	kind: "FulfillmentOrder";
	id: number;
	orderId: number;
	locationId: number;
	status: "OPEN" | "IN_PROGRESS" | "CANCELLED" | "CLOSED";
	lines: FulfillmentOrderLine[];
	createdAt: number;
	updatedAt: number;
};
export type FulfillmentLine = { kind: "FulfillmentLineItem"; id: number; orderId: number; lineId: number; quantity: number };
export type Fulfillment = {
	kind: "Fulfillment";
	id: number;
	orderId: number;
	locationId: number;
	lines: FulfillmentLine[];
	createdAt: number;
};

export type Order = {
	kind: "Order";
	id: number;
	number: number;
	name: string;
	createdAt: number;
	updatedAt: number;
	/** For the search index, which lags: what it was before the last change, and when that change really happened. */
	updatedBefore: number | null;
	touchedAt: number;
	cancelledAt: number | null;
	cancelReason: "CUSTOMER" | "DECLINED" | "FRAUD" | "INVENTORY" | "STAFF" | "OTHER" | null;
	closedAt: number | null;
	test: boolean;
	edited: boolean;
	tags: string[];
	note: string | null;
	email: string | null;
	sourceName: string;
	sourceIdentifier: string | null;
	/** The app that wrote it; null: one of Shopify's own. */
	app: { id: number; name: string } | null;
	/** Where a POS sale was made; null online. */
	retailLocationId: number | null;
	financialStatus: "PENDING" | "PAID" | "PARTIALLY_REFUNDED" | "REFUNDED" | "VOIDED";
	lines: Line[];
	refunds: Refund[];
	fulfillmentOrders: FulfillmentOrder[];
	fulfillments: Fulfillment[];
};

/** For the books: what tells one state of an order from the next, to the second as its `updatedAt`. */
export const orderState = (order: Order): string =>
	JSON.stringify([
		Math.floor(order.updatedAt / 1000),
		order.cancelledAt !== null,
		order.retailLocationId,
		order.lines.map(({ id, quantity, removed }) => [id, quantity, removed]),
		order.refunds.flatMap(({ lines }) => lines.map(({ id, quantity, restockType }) => [id, quantity, restockType])),
	]);

export type Draft = {
	kind: "DraftOrder";
	id: number;
	status: "open" | "reserved" | "completed" | "released";
	lines: { variantId: number; quantity: number; at: { locationId: number; quantity: number; itemId: number }[] }[];
};

export type AdjustmentGroup = {
	kind: "InventoryAdjustmentGroup";
	id: number;
	createdAt: number;
	reason: string;
	referenceDocumentUri: string | null;
	changes: { name: string; delta: number; itemId: number; locationId: number; ledgerDocumentUri: string | null }[];
};

export type Subscription = {
	kind: "WebhookSubscription";
	/** null: declared by the app's configuration, therefore not listed by the API. */
	id: number | null;
	topic: string;
	uri: string;
	includeFields: string[];
	metafieldNamespaces: string[];
	filter: string | null;
	name: string | null;
	apiVersion: string;
	createdAt: number;
	updatedAt: number;
	consecutiveFailures: number;
};

export type BulkOperation = {
	kind: "BulkOperation";
	id: number;
	status: "CREATED" | "RUNNING" | "COMPLETED" | "CANCELING" | "CANCELED" | "FAILED" | "EXPIRED";
	errorCode: "ACCESS_DENIED" | "INTERNAL_SERVER_ERROR" | "TIMEOUT" | null;
	query: string;
	createdAt: number;
	completedAt: number | null;
	objectCount: number;
	rootObjectCount: number;
	lines: string[];
	url: string | null;
	partialDataUrl: string | null;
};

/**
 * One thing that happens in a shop (a checkout, an edit, an API write): all of its changes, and what the world learns of
 * them. Everything in it is synchronous, so it is atomic; its webhooks share one event id and carry the state of this moment.
 */
export type Happening = {
	eventId: string;
	at: number;
	cause: "sale" | "restock" | "write" | "edit";
	/** Change of `available` per level. */
	moved: Map<Level, number>;
	/** Change of an item's online pool for another reason than its levels: a location began or ceased to sell online. */
	pooled: Map<number, number>;
	connected: Level[];
	disconnected: Level[];
	/** Units of order lines taken (or given back: negative), for the books. */
	sold: { orderId: number; itemId: number; locationId: number; units: number }[];
	topics: { topic: string; resourceId: string; payload: () => unknown }[];
};

export type ShopState = {
	domain: string;
	id: number;
	name: string;
	currency: string;
	/** Offset in the REST payloads' times, such as "-05:00". */
	utcOffset: string;
	createdAt: number;
	nextId(): number;
	nextOrderNumber: number;
	locations: Map<number, Location>;
	products: Map<number, Product>;
	variants: Map<number, Variant>;
	items: Map<number, Item>;
	levels: Map<string, Level>;
	/** Levels of one item, so that a read does not walk through the whole shop. */
	levelsOfItem: Map<number, Level[]>;
	variantsOfProduct: Map<number, Variant[]>;
	variantsOfSku: Map<string, Variant[]>;
	/** Bundles that need a variant. */
	bundlesOfVariant: Map<number, Variant[]>;
	orders: Map<number, Order>;
	drafts: Map<number, Draft>;
	subscriptions: Map<number, Subscription>;
	bulkOperations: Map<number, BulkOperation>;
	jobs: Map<string, { done: boolean }>;
};

/** Ids look like Shopify's (14 digits) and stay far below 2^53. Two shops may well hold equal ids: only the domain tells them apart. */
const FIRST_ID = 51_125_048_017_000;
const ID_STEP = 32_768;

export function createShopState(options: {
	domain: string;
	name: string;
	currency: string;
	utcOffset: string;
	at: number;
	firstId?: number | undefined;
}): ShopState {
	let last = options.firstId ?? FIRST_ID;
	return {
		domain: options.domain,
		id: 68_000_000_000 + [...options.domain].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 1_000_000_000, 7),
		name: options.name,
		currency: options.currency,
		utcOffset: options.utcOffset,
		createdAt: options.at,
		nextId() {
			last += ID_STEP;
			return last;
		},
		nextOrderNumber: 1001,
		locations: new Map(),
		products: new Map(),
		variants: new Map(),
		items: new Map(),
		levels: new Map(),
		levelsOfItem: new Map(),
		variantsOfProduct: new Map(),
		variantsOfSku: new Map(),
		bundlesOfVariant: new Map(),
		orders: new Map(),
		drafts: new Map(),
		subscriptions: new Map(),
		bulkOperations: new Map(),
		jobs: new Map(),
	};
}

export const gid = (kind: string, id: number | string) => `gid://shopify/${kind}/${id}`;

/** The number of a gid, or null when it is not one of `kind`. */
export function idOf(value: string, kind: string): number | null {
	const match = new RegExp(`^gid://shopify/${kind}/(\\d+)$`).exec(value);
	return match?.[1] ? Number(match[1]) : null;
}

/**
 * A level's id carries a number of its own per location, not the location's: recorded 106318430514 -> 143273001266 and
 * 106318463282 -> 143273034034, the same distance both times. So nobody can read the location out of a level's id.
 */
const LEVEL_NUMBER_OFFSET = 36_954_570_752;
export const levelGid = (level: Level) =>
	`gid://shopify/InventoryLevel/${level.locationId + LEVEL_NUMBER_OFFSET}?inventory_item_id=${level.itemId}`;

export function levelOfGid(state: ShopState, value: string): Level | null {
	const match = /^gid:\/\/shopify\/InventoryLevel\/(\d+)\?inventory_item_id=(\d+)$/.exec(value);
	return match ? (levelAt(state, Number(match[2]), Number(match[1]) - LEVEL_NUMBER_OFFSET) ?? null) : null;
}

export const levelAt = (state: ShopState, itemId: number, locationId: number) => state.levels.get(`${itemId}@${locationId}`);
export const onHand = (level: Level) => ON_HAND_PARTS.reduce((sum, name) => sum + level.quantities[name], 0);
export const graphTime = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** REST payloads carry the shop's local time: `2026-11-20T10:00:01-05:00`. */
export function restTime(state: ShopState, ms: number): string {
	const sign = state.utcOffset.startsWith("-") ? -1 : 1;
	const [hours, minutes] = state.utcOffset.slice(1).split(":").map(Number);
	return `${new Date(ms + sign * ((hours ?? 0) * 60 + (minutes ?? 0)) * 60_000).toISOString().slice(0, 19)}${state.utcOffset}`;
}

/** Units of a line that no fulfilment has taken yet. */
export const unfulfilled = (order: Order, line: Line) =>
	order.fulfillmentOrders.reduce((sum, f) => sum + f.lines.reduce((s, l) => s + (l.lineId === line.id ? l.remaining : 0), 0), 0);
