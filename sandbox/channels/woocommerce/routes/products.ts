import type { Args } from "../params.ts";
import { createProduct, deleteProduct, duplicateSku, type ProductInput, trashProduct, updateProduct } from "../products.ts";
import {
	ALLOW_ITEM,
	ALLOW_LIST,
	type Answer,
	failure,
	listArgs,
	paged,
	READS,
	type RestCall,
	type Route,
	sorted,
	WRITES,
	withinDates,
} from "../rest.ts";
import type { Shop } from "../shop.ts";
import type { Product } from "../state.ts";
import { stockStatusOf } from "../stock.ts";
import { api } from "../views/links.ts";
import { fullName, productView } from "../views/product.ts";
import { noteQuantities, runBatch } from "./batch.ts";

const ORDERBY =
	"date id include title slug modified popularity rating post__in price sales menu_order random popularity rating menu_order price popularity rating".split(
		" ",
	);
const STATUSES = ["any", "future", "trash", "draft", "pending", "private", "publish"];
const STOCK_STATUSES = ["instock", "outofstock", "onbackorder"];

const LIST_ARGS: Args = {
	...listArgs(ORDERBY),
	status: { type: "string", enum: STATUSES, default: "any" },
	type: { type: "string", enum: ["simple", "grouped", "external", "variable"] },
	sku: { type: "string" },
	search_sku: { type: "string" },
	slug: { type: "string" },
	parent: { type: "array", items: { type: "integer" } },
	stock_status: { type: "string", enum: STOCK_STATUSES },
};

export const STOCK_ARGS: Args = {
	stock_quantity: { type: "integer" },
	stock_status: { type: "string", enum: STOCK_STATUSES },
	backorders: { type: "string", enum: ["no", "notify", "yes"] },
	low_stock_amount: { type: "integer" },
	sku: { type: "string" },
	regular_price: { type: "string" },
	sale_price: { type: "string" },
	description: { type: "string" },
	virtual: { type: "boolean" },
	weight: { type: "string" },
	menu_order: { type: "integer" },
	attributes: { type: "array" },
	meta_data: { type: "array" },
};

const BODY_ARGS: Args = {
	...STOCK_ARGS,
	name: { type: "string" },
	slug: { type: "string" },
	type: { type: "string", enum: ["simple", "grouped", "external", "variable"] },
	status: { type: "string", enum: ["draft", "pending", "private", "publish", "future", "auto-draft", "trash"] },
	featured: { type: "boolean" },
	short_description: { type: "string" },
	manage_stock: { type: "boolean" },
	sold_individually: { type: "boolean" },
	reviews_allowed: { type: "boolean" },
};

const ITEM = /^\/wc\/v3\/products\/(\d+)$/;

export const productRoutes: Route[] = [
	{
		methods: READS,
		path: /^\/wc\/v3\/products$/,
		name: "products",
		allow: ALLOW_LIST,
		permission: "list",
		args: LIST_ARGS,
		run: (shop, call) => paged(shop, call, listProducts(shop, call), (product) => productView(shop, product)),
	},
	{
		methods: ["POST"],
		path: /^\/wc\/v3\/products$/,
		name: "products",
		allow: ALLOW_LIST,
		permission: "create",
		bodyArgs: BODY_ARGS,
		run: (shop, call) => {
			const answer = create(shop, call.body as ProductInput);
			const id = (answer.body as { id?: number }).id;
			return answer.status === 201 ? { ...answer, headers: { Location: `${api(shop)}/products/${id}` } } : answer;
		},
	},
	{
		methods: ["POST", "PUT", "PATCH"],
		path: /^\/wc\/v3\/products\/batch$/,
		name: "products/batch",
		allow: "POST, PUT, PATCH",
		permission: "batch",
		run: (shop, call) =>
			runBatch(shop, call, {
				create: (entry) => create(shop, entry as ProductInput),
				update: (id, entry) => update(shop, id, entry as ProductInput),
				remove: (id, force) => remove(shop, id, force),
			}),
	},
	{
		methods: READS,
		path: ITEM,
		name: "products/{id}",
		allow: ALLOW_ITEM,
		permission: "view",
		run: (shop, call) => read(shop, call.ids[0] ?? 0),
	},
	{
		methods: WRITES,
		path: ITEM,
		name: "products/{id}",
		allow: ALLOW_ITEM,
		permission: "edit",
		bodyArgs: BODY_ARGS,
		run: (shop, call) => {
			noteQuantities(shop, call.rawBody);
			return update(shop, call.ids[0] ?? 0, call.body as ProductInput);
		},
	},
	{
		methods: ["DELETE"],
		path: ITEM,
		name: "products/{id}",
		allow: ALLOW_ITEM,
		permission: "delete",
		args: { force: { type: "boolean", default: false } },
		run: (shop, call) => remove(shop, call.ids[0] ?? 0, call.args.force === true || call.body.force === true),
	},
];

function listProducts(shop: Shop, call: RestCall): Product[] {
	const { args } = call;
	const skus = typeof args.sku === "string" && args.sku !== "" ? args.sku.split(",").map((sku) => sku.trim().toLowerCase()) : null;
	const include = (args.include as number[] | undefined) ?? [];
	const exclude = (args.exclude as number[] | undefined) ?? [];
	const parents = (args.parent as number[] | undefined) ?? [];
	let list = [...shop.state.products.values()].filter((product) => {
		// Only a search by SKU finds variations.
		if (product.type === "variation" && !skus) return false;
		if (args.status === "any" ? product.status === "trash" : product.status !== args.status) return false;
		if (skus && !skus.includes(product.sku.toLowerCase())) return false;
		if (typeof args.search_sku === "string" && args.search_sku && !product.sku.toLowerCase().includes(args.search_sku.toLowerCase()))
			return false;
		if (include.length > 0 && !include.includes(product.id)) return false;
		if (exclude.includes(product.id)) return false;
		if (parents.length > 0 && !parents.includes(product.parentId)) return false;
		if (typeof args.type === "string" && product.type !== args.type) return false;
		if (typeof args.slug === "string" && args.slug && product.slug !== args.slug) return false;
		if (typeof args.stock_status === "string" && stockStatusOf(shop, product) !== args.stock_status) return false;
		if (typeof args.search === "string" && args.search && !fullName(shop, product).toLowerCase().includes(args.search.toLowerCase()))
			return false;
		return true;
	});
	list = withinDates(shop, call, list);
	const by: Record<string, (product: Product) => number | string> = {
		id: (p) => p.id,
		modified: (p) => p.modifiedAt,
		title: (p) => p.name.toLowerCase(),
		slug: (p) => p.slug,
		price: (p) => Number(p.regularPrice || 0),
		sales: (p) => p.totalSales,
		include: (p) => include.indexOf(p.id),
	};
	const order = args.orderby === "include" || args.orderby === "post__in" ? "asc" : args.order;
	return sorted(list, by[String(args.orderby)] ?? ((p) => p.createdAt), order);
}

function create(shop: Shop, input: ProductInput): Answer {
	const twin = duplicateSku(shop, input.sku);
	if (twin) return duplicate(twin);
	return { status: 201, body: productView(shop, createProduct(shop, input, { cause: "write" }), "edit") };
}

export const duplicate = ({ product, suggestion }: NonNullable<ReturnType<typeof duplicateSku>>) =>
	failure(400, "product_invalid_sku", "Invalid or duplicated SKU.", { resource_id: product.id, unique_sku: suggestion });

const invalidId = (status: number) => failure(status, "woocommerce_rest_product_invalid_id", "Invalid ID.");

function read(shop: Shop, id: number): Answer {
	const product = shop.state.products.get(id);
	return product ? { status: 200, body: productView(shop, product) } : invalidId(404);
}

async function update(shop: Shop, id: number, input: ProductInput): Promise<Answer> {
	const product = shop.state.products.get(id);
	// The same code that a GET answers with 404 (recorded: stock-set-single).
	if (!product) return invalidId(400);
	if (product.type === "variation") {
		const message = "To manipulate product variations you should use the /products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint.";
		return failure(404, "woocommerce_rest_invalid_product_id", message);
	}
	// A plugin's WP_Error from the filter `woocommerce_rest_pre_insert_product_object` is the answer, whatever its code.
	if (shop.state.locked.has(product.sku)) return failure(400, "product_locked", "This product is locked by its editor.");
	const twin = duplicateSku(shop, input.sku, id);
	if (twin) return duplicate(twin);
	await updateProduct(shop, product, input, "write");
	// The answer is read again after saving, so it may carry another writer's value (recorded: concurrent-writes).
	return { status: 200, body: productView(shop, product, "edit") };
}

function remove(shop: Shop, id: number, force: boolean): Answer {
	const product = shop.state.products.get(id);
	if (!product || product.type === "variation") return invalidId(404);
	const body = productView(shop, product, "edit");
	if (force) deleteProduct(shop, product);
	else if (product.status === "trash") return failure(410, "woocommerce_rest_already_trashed", "The product has already been deleted.");
	else trashProduct(shop, product);
	return { status: 200, body };
}
