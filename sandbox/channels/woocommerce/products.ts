import { type Shop, slugOf } from "./shop.ts";
import { type Attribute, type Backorders, type Product, type StockStatus, stockOwner, variationsOf } from "./state.ts";
import { type Cause, setStock, showFigure, stamp, statusFromStock } from "./stock.ts";

/** The writable fields that mean something here; every other field of the body is kept as it came. */
export type ProductInput = {
	name?: string;
	type?: string;
	status?: string;
	sku?: string;
	slug?: string;
	regular_price?: string;
	manage_stock?: unknown;
	stock_quantity?: unknown;
	inventory_delta?: unknown;
	stock_status?: StockStatus;
	backorders?: Backorders;
	low_stock_amount?: number | null;
	attributes?: { name?: string; options?: string[]; option?: string; visible?: boolean; variation?: boolean; position?: number }[];
	meta_data?: { key: string; value: unknown }[];
};

/** `wc_string_to_bool`: in a batch nothing is checked, so "parent" means no (recorded: products-batch). */
const truth = (value: unknown) => value === true || value === 1 || ["yes", "true", "1"].includes(String(value).toLowerCase());

/** `wc_stock_amount`: intval. Text becomes 0, 2.7 becomes 2 (recorded: products-batch). */
const amount = (value: unknown) => Math.trunc(Number.parseFloat(String(value))) || 0;

type Duplicate = { product: Product; suggestion: string };

export function duplicateSku(shop: Shop, sku: string | undefined, exceptId = 0): Duplicate | null {
	if (!sku) return null;
	const other = bySku(shop, sku);
	if (!other || other.id === exceptId) return null;
	let n = 1;
	while (bySku(shop, `${sku}-${n}`)) n++;
	return { product: other, suggestion: `${sku}-${n}` };
}

export const bySku = (shop: Shop, sku: string) =>
	[...shop.state.products.values()].find((p) => p.sku.toLowerCase() === sku.toLowerCase() && p.status !== "trash");

export function createProduct(
	shop: Shop,
	input: ProductInput,
	{ parent, cause = "edit" }: { parent?: Product; cause?: Cause } = {},
): Product {
	const now = shop.time.seconds();
	const attributes = readAttributes(input, parent !== undefined);
	const name = parent ? attributes.map((a) => a.options[0] ?? "").join(", ") : (input.name ?? "Product");
	const product: Product = {
		id: ++shop.state.ids.post,
		type: parent ? "variation" : input.type === "variable" ? "variable" : "simple",
		parentId: parent?.id ?? 0,
		name,
		slug: input.slug ?? freeSlug(shop, parent ? `${parent.name} ${name}` : name),
		sku: "",
		status: "publish",
		regularPrice: "",
		manageStock: false,
		stock: null,
		stockStatus: "instock",
		backorders: "no",
		lowStockAmount: null,
		attributes,
		createdAt: now,
		modifiedAt: now,
		totalSales: 0,
		meta: [],
		fields: {},
	};
	shop.state.products.set(product.id, product);
	write(shop, product, { ...product }, input, cause);
	stamp(shop, product);
	shop.tell("product.created", product.id);
	return product;
}

function freeSlug(shop: Shop, name: string) {
	const slug = slugOf(name);
	let n = 2;
	let free = slug;
	while (shop.state.slugs.has(free)) free = `${slug}-${n++}`;
	shop.state.slugs.add(free);
	return free;
}

/**
 * A PUT: WooCommerce loads the product, changes its copy, and saves what differs from what it had loaded. So the number that
 * the store held when it read is no write, and any other number overwrites a sale made in between (order-stock-stamp-windows).
 */
export async function updateProduct(shop: Shop, product: Product, input: ProductInput, cause: Cause) {
	const loaded = { ...product };
	await shop.gap("product.read");
	write(shop, product, loaded, input, cause);
	stamp(shop, product);
	shop.tell("product.updated", product.id);
}

const OWN_FIELDS = new Set([
	"id",
	"name",
	"type",
	"status",
	"sku",
	"slug",
	"regular_price",
	"manage_stock",
	"stock_quantity",
	"inventory_delta",
	"stock_status",
	"backorders",
	"low_stock_amount",
	"attributes",
	"meta_data",
	"date_created",
	"date_created_gmt",
	"parent_id",
	"sale_price",
	"_links",
]);
/** The other fields of a product object that a client may write; anything else in the body is ignored, as WooCommerce does. */
const KEPT_FIELDS = new Set([
	"description",
	"short_description",
	"featured",
	"catalog_visibility",
	"virtual",
	"downloadable",
	"tax_status",
	"tax_class",
	"sold_individually",
	"weight",
	"dimensions",
	"shipping_class",
	"reviews_allowed",
	"purchase_note",
	"menu_order",
	"external_url",
	"button_text",
	"upsell_ids",
	"cross_sell_ids",
	"default_attributes",
]);

function write(shop: Shop, product: Product, loaded: Product, input: ProductInput, cause: Cause) {
	if (typeof input.name === "string" && product.type !== "variation") product.name = input.name;
	if (typeof input.sku === "string") product.sku = input.sku;
	if (typeof input.slug === "string") product.slug = input.slug;
	if (input.regular_price !== undefined) product.regularPrice = String(input.regular_price ?? "");
	if (input.low_stock_amount !== undefined) product.lowStockAmount = input.low_stock_amount;
	if (input.attributes && product.type === "variable") product.attributes = readAttributes(input, false);
	for (const { key, value } of input.meta_data ?? []) {
		const known = product.meta.find((meta) => meta.key === key);
		if (known) known.value = value;
		else product.meta.push({ id: ++shop.state.ids.meta, key, value });
	}
	for (const [key, value] of Object.entries(input)) if (!OWN_FIELDS.has(key) && KEPT_FIELDS.has(key)) product.fields[key] = value;
	const wasStatus = product.status;
	if (typeof input.status === "string" && input.status !== "") product.status = input.status;
	writeStock(shop, product, loaded, input, cause);
	if (wasStatus !== product.status) {
		showFigure(shop, product, cause);
		for (const child of variationsOf(shop.state, product.id)) showFigure(shop, child, cause);
	}
}

function writeStock(shop: Shop, product: Product, loaded: Product, input: ProductInput, cause: Cause) {
	if (isGiven(input.manage_stock)) product.manageStock = truth(input.manage_stock);
	if (isGiven(input.backorders)) product.backorders = input.backorders as Backorders;
	// A variation below a managing parent reads "parent", which counts as managed: its own number is written and not shown.
	const managed = product.manageStock || (product.type === "variation" && stockOwner(shop.state, product) !== null);
	if (!managed) {
		product.backorders = "no";
		if (isGiven(input.stock_status)) product.stockStatus = input.stock_status as StockStatus;
		setStock(shop, product, null, cause);
		return;
	}
	const wanted = isGiven(input.stock_quantity)
		? amount(input.stock_quantity)
		: isGiven(input.inventory_delta)
			? (loaded.stock ?? 0) + amount(input.inventory_delta)
			: loaded.stock;
	if (wanted !== loaded.stock) product.stock = wanted;
	if (product.manageStock) product.stockStatus = statusFromStock(product);
	showFigure(shop, product, cause);
}

/** PHP's isset: null is not given. */
const isGiven = (value: unknown) => value !== undefined && value !== null;

const readAttributes = (input: ProductInput, ofVariation: boolean): Attribute[] =>
	(input.attributes ?? []).map((a, position) => ({
		name: a.name ?? "",
		options: ofVariation ? [a.option ?? ""] : (a.options ?? []),
		position: a.position ?? position,
		visible: a.visible ?? false,
		variation: a.variation ?? false,
	}));

export function trashProduct(shop: Shop, product: Product) {
	product.status = "trash";
	stamp(shop, product);
	showFigure(shop, product, "edit");
	for (const child of variationsOf(shop.state, product.id)) showFigure(shop, child, "edit");
	shop.tell("product.deleted", product.id);
}

export function untrashProduct(shop: Shop, product: Product) {
	product.status = "publish";
	stamp(shop, product);
	showFigure(shop, product, "edit");
	shop.tell("product.restored", product.id);
}

/** Gone for good: no webhook; orders of it go on with lines without product. */
export function deleteProduct(shop: Shop, product: Product) {
	product.status = "trash";
	for (const child of variationsOf(shop.state, product.id)) deleteProduct(shop, child);
	showFigure(shop, product, "edit");
	shop.state.products.delete(product.id);
}
