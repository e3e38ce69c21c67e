/** What one store holds, in memory, in WooCommerce's own terms. Stamps are whole unix seconds, as in its database. */
export type StockStatus = "instock" | "outofstock" | "onbackorder";
export type Backorders = "no" | "notify" | "yes";
export type Meta = { id: number; key: string; value: unknown };

export type Product = {
	id: number;
	type: "simple" | "variable" | "variation";
	/** The variable product of a variation, else 0. */
	parentId: number;
	name: string;
	slug: string;
	sku: string;
	status: string;
	regularPrice: string;
	/** The product's own switch; a variation with `false` below a managing parent reads "parent". */
	manageStock: boolean;
	/** Null: never set, or cleared because stock is not managed. */
	stock: number | null;
	stockStatus: StockStatus;
	backorders: Backorders;
	lowStockAmount: number | null;
	/** A variable product: its attributes with options; a variation: one option per attribute. */
	attributes: Attribute[];
	createdAt: number;
	modifiedAt: number;
	totalSales: number;
	meta: Meta[];
	/** Every other writable field of the REST object that was ever written (description, weight, …). */
	fields: Record<string, unknown>;
};

export type Attribute = { name: string; options: string[]; position: number; visible: boolean; variation: boolean };

export type Line = {
	id: number;
	/** As ordered; the REST object shows 0 once the product is gone for good. */
	productId: number;
	variationId: number;
	name: string;
	quantity: number;
	subtotal: number;
	total: number;
	/** The line's meta, `_reduced_stock` among it (value is text, as WooCommerce stores it). */
	meta: Meta[];
	/** Pieces that have left the shop for this line, for the sandbox's books: not WooCommerce's figure, the world's. */
	booked: { sku: string; units: number } | null;
};

export type Refund = {
	id: number;
	amount: number;
	reason: string;
	createdAt: number;
	full: boolean;
	metaId: number;
	lines: { id: number; line: Line; quantity: number; total: number; metaId: number }[];
};

export type Order = {
	id: number;
	status: string;
	createdVia: string;
	createdAt: number;
	modifiedAt: number;
	paidAt: number | null;
	completedAt: number | null;
	orderKey: string;
	customerId: number;
	customerNote: string;
	customerIp: string;
	customerAgent: string;
	cartHash: string;
	billing: Record<string, string>;
	shipping: Record<string, string>;
	paymentMethod: string;
	paymentTitle: string;
	transactionId: string;
	lines: Line[];
	/** The order's sum as last calculated: changing a quantity alone does not change it (recorded: order-edit-lines). */
	total: number;
	refunds: Refund[];
	meta: Meta[];
	/** WooCommerce's hidden flag `_order_stock_reduced`, not visible in REST. */
	stockReduced: boolean;
	/** Whether its pieces are in the products' `total_sales`. */
	salesCounted: boolean;
	/** False while the creating request has not answered yet: then nobody can list it (recorded: order-stock-stamp-windows). */
	listed: boolean;
	notes: Note[];
};

export type Note = { id: number; at: number; text: string; author: string; forCustomer: boolean };
type Reservation = { orderId: number; ownerId: number; units: number; until: number };

export type Webhook = {
	id: number;
	name: string;
	status: "active" | "paused" | "disabled";
	topic: string;
	deliveryUrl: string;
	secret: string;
	createdAt: number;
	modifiedAt: number | null;
	failures: number;
	/** True until one ping was answered 200. */
	pingOwed: boolean;
};

export type Key = {
	id: number;
	consumerKey: string;
	consumerSecret: string;
	permission: "read" | "write" | "read_write";
	/** False: the key's user is a mere customer, who may see nothing (403). */
	shopRights: boolean;
	/** OAuth 1.0a: the nonces of the last 15 minutes, one per second as WooCommerce keeps them. */
	nonces: Map<number, string>;
};

export type State = {
	products: Map<number, Product>;
	/** Addresses that are taken, also by products that are gone. */
	slugs: Set<string>;
	orders: Map<number, Order>;
	webhooks: Map<number, Webhook>;
	keys: Map<string, Key>;
	reservations: Reservation[];
	/** SKUs that a plugin of the store lets nobody change through the API. */
	locked: Set<string>;
	/** Counters as WordPress has them: posts, orders and refunds share one; order lines, metas, notes and webhooks have their own. */
	ids: { post: number; item: number; meta: number; itemMeta: number; note: number; webhook: number; key: number };
};

export function createState(): State {
	return {
		products: new Map(),
		slugs: new Set(),
		orders: new Map(),
		webhooks: new Map(),
		keys: new Map(),
		reservations: [],
		locked: new Set(),
		ids: { post: 23, item: 0, meta: 0, itemMeta: 0, note: 0, webhook: 0, key: 0 },
	};
}

/** The meta rows that WooCommerce writes for every order line besides the ones that REST shows (_product_id, _qty, _line_total …). */
const HIDDEN_METAS_PER_LINE = 9;

export function newLine(state: State, line: Omit<Line, "id" | "meta" | "booked">): Line {
	state.ids.itemMeta += HIDDEN_METAS_PER_LINE;
	return { id: ++state.ids.item, ...line, meta: [], booked: null };
}

export const metaOf = (metas: readonly Meta[], key: string) => metas.find((meta) => meta.key === key)?.value;

export function setLineMeta(state: State, line: Line, key: string, value: string) {
	const known = line.meta.find((meta) => meta.key === key);
	if (known) known.value = value;
	else line.meta.push({ id: ++state.ids.itemMeta, key, value });
}

export function dropLineMeta(line: Line, key: string) {
	line.meta = line.meta.filter((meta) => meta.key !== key);
}

/** The row that holds the pieces: a variation without its own stock below a managing parent uses the parent's; null: nobody counts. */
export function stockOwner(state: State, product: Product): Product | null {
	if (product.manageStock) return product;
	const parent = product.type === "variation" ? state.products.get(product.parentId) : undefined;
	return parent?.manageStock ? parent : null;
}

export const productOfLine = (state: State, line: Line) => state.products.get(line.variationId || line.productId);

export const variationsOf = (state: State, parentId: number) =>
	[...state.products.values()].filter((p) => p.type === "variation" && p.parentId === parentId).sort((a, b) => a.id - b.id);
