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
import { type Product, variationsOf } from "../state.ts";
import { stockStatusOf } from "../stock.ts";
import { variationView } from "../views/product.ts";
import { noteQuantities, runBatch } from "./batch.ts";
import { duplicate, STOCK_ARGS } from "./products.ts";

const LIST = /^\/wc\/v3\/products\/(\d+)\/variations$/;
const ITEM = /^\/wc\/v3\/products\/(\d+)\/variations\/(\d+)$/;

const LIST_ARGS: Args = {
	...listArgs(["date", "id", "include", "title", "slug", "modified", "menu_order"]),
	status: { type: "string", enum: ["any", "draft", "pending", "private", "publish"], default: "any" },
	sku: { type: "string" },
	stock_status: { type: "string", enum: ["instock", "outofstock", "onbackorder"] },
};

/** A variation's `manage_stock` takes the word "parent", which means: not of its own. */
const BODY_ARGS: Args = { ...STOCK_ARGS, status: { type: "string", enum: ["draft", "pending", "private", "publish"] } };

export const variationRoutes: Route[] = [
	{
		methods: READS,
		path: LIST,
		name: "products/{id}/variations",
		allow: ALLOW_LIST,
		permission: "list",
		args: LIST_ARGS,
		run: (shop, call) => paged(shop, call, list(shop, call), (variation) => variationView(shop, variation)),
	},
	{
		methods: ["POST"],
		path: LIST,
		name: "products/{id}/variations",
		allow: ALLOW_LIST,
		permission: "create",
		bodyArgs: BODY_ARGS,
		run: (shop, call) => {
			const answer = create(shop, call.ids[0] ?? 0, call.body as ProductInput);
			if (answer.status !== 201) return answer;
			// The route's own pattern stands where the parent's id should be: WooCommerce's quirk (recorded: product-variable).
			const place = `${shop.url}/wp-json/wc/v3/products/(?P<product_id>[\\d]+)/variations/${(answer.body as { id: number }).id}`;
			return { ...answer, headers: { Location: place } };
		},
	},
	{
		methods: ["POST", "PUT", "PATCH"],
		path: /^\/wc\/v3\/products\/(\d+)\/variations\/batch$/,
		name: "products/{id}/variations/batch",
		allow: "POST, PUT, PATCH",
		permission: "batch",
		run: (shop, call) => {
			const parentId = call.ids[0] ?? 0;
			return runBatch(shop, call, {
				create: (entry) => create(shop, parentId, entry as ProductInput),
				update: (id, entry) => update(shop, parentId, id, entry as ProductInput),
				remove: (id, force) => remove(shop, parentId, id, force),
			});
		},
	},
	{
		methods: READS,
		path: ITEM,
		name: "products/{id}/variations/{id}",
		allow: ALLOW_ITEM,
		permission: "view",
		run: (shop, call) => {
			const variation = find(shop, call.ids[0] ?? 0, call.ids[1] ?? 0);
			return variation ? { status: 200, body: variationView(shop, variation) } : invalidId(404);
		},
	},
	{
		methods: WRITES,
		path: ITEM,
		name: "products/{id}/variations/{id}",
		allow: ALLOW_ITEM,
		permission: "edit",
		bodyArgs: BODY_ARGS,
		run: (shop, call) => {
			noteQuantities(shop, call.rawBody);
			return update(shop, call.ids[0] ?? 0, call.ids[1] ?? 0, call.body as ProductInput);
		},
	},
	{
		methods: ["DELETE"],
		path: ITEM,
		name: "products/{id}/variations/{id}",
		allow: ALLOW_ITEM,
		permission: "delete",
		args: { force: { type: "boolean", default: false } },
		run: (shop, call) => remove(shop, call.ids[0] ?? 0, call.ids[1] ?? 0, call.args.force === true),
	},
];

function find(shop: Shop, parentId: number, id: number): Product | null {
	const product = shop.state.products.get(id);
	return product?.type === "variation" && product.parentId === parentId ? product : null;
}

/** Answered without an `Allow` header: the check sits in front of the permissions (recorded: product-variable). */
const invalidId = (status: number): Answer => ({
	...failure(status, "woocommerce_rest_product_variation_invalid_id", "Invalid ID."),
	headers: { Allow: "" },
});

function list(shop: Shop, call: RestCall): Product[] {
	const { args } = call;
	const include = (args.include as number[] | undefined) ?? [];
	const skus = typeof args.sku === "string" && args.sku !== "" ? args.sku.toLowerCase().split(",") : null;
	const found = variationsOf(shop.state, call.ids[0] ?? 0).filter(
		(variation) =>
			variation.status !== "trash" &&
			(args.status === "any" || variation.status === args.status) &&
			(include.length === 0 || include.includes(variation.id)) &&
			(!skus || skus.includes(variation.sku.toLowerCase())) &&
			(typeof args.stock_status !== "string" || stockStatusOf(shop, variation) === args.stock_status),
	);
	const by =
		args.orderby === "modified" ? (v: Product) => v.modifiedAt : args.orderby === "id" ? (v: Product) => v.id : (v: Product) => v.createdAt;
	return sorted(withinDates(shop, call, found), by, args.order);
}

function create(shop: Shop, parentId: number, input: ProductInput): Answer {
	const parent = shop.state.products.get(parentId);
	if (parent?.type !== "variable") return failure(404, "woocommerce_rest_product_variation_invalid_parent", "Invalid parent product.");
	const twin = duplicateSku(shop, input.sku);
	if (twin) return duplicate(twin);
	return { status: 201, body: variationView(shop, createProduct(shop, input, { parent, cause: "write" })) };
}

async function update(shop: Shop, parentId: number, id: number, input: ProductInput): Promise<Answer> {
	const variation = find(shop, parentId, id);
	if (!variation) return invalidId(400);
	const twin = duplicateSku(shop, input.sku, id);
	if (twin) return duplicate(twin);
	await updateProduct(shop, variation, input, "write");
	return { status: 200, body: variationView(shop, variation) };
}

function remove(shop: Shop, parentId: number, id: number, force: boolean): Answer {
	const variation = find(shop, parentId, id);
	if (!variation) return invalidId(404);
	const body = variationView(shop, variation);
	if (force) deleteProduct(shop, variation);
	else trashProduct(shop, variation);
	return { status: 200, body };
}
