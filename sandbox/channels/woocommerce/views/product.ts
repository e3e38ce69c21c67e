import { money, type Shop } from "../shop.ts";
import { type Product, stockOwner, variationsOf } from "../state.ts";
import { stockStatusOf } from "../stock.ts";
import { api, copied, self } from "./links.ts";

/** The REST objects of WooCommerce 11.0.1, field for field as recorded. `edit` is the context that answers to writes come in. */
type Context = "view" | "edit";

export function priceOf(shop: Shop, product: Product): string {
	if (product.type !== "variable") return product.regularPrice;
	const prices = variationsOf(shop.state, product.id)
		.map((v) => v.regularPrice)
		.filter((price) => price !== "");
	return prices.sort((a, b) => Number(a) - Number(b))[0] ?? "";
}

function priceHtml(price: string) {
	if (price === "") return "";
	const symbol = '<span class="woocommerce-Price-currencySymbol" translate="no">&#36;</span>';
	return `<span class="woocommerce-Price-amount amount"><bdi>${symbol}${money(Number(price))}</bdi></span>`;
}

/** `Tee - S`: how a variation is called outside its parent's list. */
export function fullName(shop: Shop, product: Product) {
	const parent = product.type === "variation" ? shop.state.products.get(product.parentId) : undefined;
	return parent ? `${parent.name} - ${product.name}` : product.name;
}

function stockFields(shop: Shop, product: Product) {
	const owner = stockOwner(shop.state, product);
	const counted = owner ?? product;
	return {
		manage_stock: owner === null ? false : owner === product ? true : "parent",
		// An unmanaged variation may go on showing its old number (recorded: product-variable).
		stock_quantity: owner ? owner.stock : product.type === "variation" ? product.stock : null,
		backorders: counted.backorders,
		backorders_allowed: counted.backorders !== "no",
		backordered: stockStatusOf(shop, product) === "onbackorder",
		low_stock_amount: product.lowStockAmount,
	};
}

const NO_SALE = {
	sale_price: "",
	date_on_sale_from: null,
	date_on_sale_from_gmt: null,
	date_on_sale_to: null,
	date_on_sale_to_gmt: null,
	on_sale: false,
};

function permalink(shop: Shop, product: Product): string {
	const parent = product.type === "variation" ? shop.state.products.get(product.parentId) : undefined;
	if (!parent) return `${shop.url}/product/${product.slug}/`;
	const query = product.attributes.map((a) => `attribute_${a.name.toLowerCase()}=${encodeURIComponent(a.options[0] ?? "")}`);
	return `${shop.url}/product/${parent.slug}/?${query.join("&")}`;
}

const stamps = (shop: Shop, product: Product) => ({
	date_created: shop.time.local(product.createdAt),
	date_created_gmt: shop.time.gmt(product.createdAt),
	date_modified: shop.time.local(product.modifiedAt),
	date_modified_gmt: shop.time.gmt(product.modifiedAt),
});

const variationAttributes = (product: Product) =>
	product.attributes.map((a) => ({ id: 0, name: a.name, slug: a.name.toLowerCase(), option: a.options[0] ?? "" }));

/** The object of `/products` and of `product.*` webhooks; a variation read through `/products/{id}` has this shape as well. */
export function productView(shop: Shop, product: Product, context: Context = "view") {
	const price = priceOf(shop, product);
	const variation = product.type === "variation";
	const children = product.type === "variable" ? variationsOf(shop.state, product.id) : [];
	const href = `${api(shop)}/products`;
	return {
		id: product.id,
		name: fullName(shop, product),
		slug: product.slug,
		permalink: permalink(shop, product),
		...stamps(shop, product),
		type: product.type,
		status: product.status,
		featured: false,
		catalog_visibility: "visible",
		description: "",
		short_description: "",
		sku: product.sku,
		price,
		regular_price: product.regularPrice,
		...NO_SALE,
		purchasable: price !== "",
		total_sales: variation ? String(product.totalSales) : product.totalSales,
		virtual: false,
		downloadable: false,
		downloads: [],
		download_limit: -1,
		download_expiry: -1,
		external_url: "",
		button_text: "",
		tax_status: "taxable",
		tax_class: "",
		...stockFields(shop, product),
		sold_individually: false,
		weight: "",
		dimensions: { length: "", width: "", height: "" },
		shipping_required: true,
		shipping_taxable: true,
		shipping_class: "",
		shipping_class_id: 0,
		reviews_allowed: !variation,
		average_rating: context === "edit" ? "0" : "0.00",
		rating_count: 0,
		upsell_ids: [],
		cross_sell_ids: [],
		parent_id: product.parentId,
		purchase_note: "",
		categories: variation ? [] : [{ id: 15, name: "Uncategorized", slug: "uncategorized" }],
		brands: [],
		tags: [],
		images: [],
		attributes: variation
			? variationAttributes(product)
			: product.attributes.map(({ name, position, visible, variation: varies, options }) => ({
					id: 0,
					name,
					slug: name,
					position,
					visible,
					variation: varies,
					options,
				})),
		default_attributes: [],
		variations: children.map((child) => child.id),
		grouped_products: [],
		menu_order: 0,
		price_html: priceHtml(price),
		related_ids: relatedIds(shop, product),
		meta_data: copied(product.meta),
		...product.fields,
		stock_status: stockStatusOf(shop, product),
		has_options: product.type === "variable",
		post_password: "",
		global_unique_id: "",
		...(context === "edit" ? { permalink_template: `${shop.url}/product/%pagename%/`, generated_slug: product.slug } : {}),
		_links: {
			self: self(`${href}/${product.id}`),
			collection: [{ href }],
			...(variation ? { up: [{ href: `${href}/${product.parentId}` }] } : {}),
		},
	};
}

/** The object of `/products/{parent}/variations`. */
export function variationView(shop: Shop, product: Product) {
	const { manage_stock, stock_quantity, backorders, backorders_allowed, backordered, low_stock_amount } = stockFields(shop, product);
	const href = `${api(shop)}/products/${product.parentId}`;
	return {
		id: product.id,
		type: "variation",
		...stamps(shop, product),
		description: "",
		permalink: permalink(shop, product),
		sku: product.sku,
		global_unique_id: "",
		price: product.regularPrice,
		regular_price: product.regularPrice,
		...NO_SALE,
		status: product.status,
		purchasable: product.regularPrice !== "",
		virtual: false,
		downloadable: false,
		downloads: [],
		download_limit: -1,
		download_expiry: -1,
		tax_status: "taxable",
		tax_class: "parent",
		manage_stock,
		stock_quantity,
		stock_status: stockStatusOf(shop, product),
		backorders,
		backorders_allowed,
		backordered,
		low_stock_amount,
		weight: "",
		dimensions: { length: "", width: "", height: "" },
		shipping_class: "",
		shipping_class_id: 0,
		image: null,
		gallery_image_ids: [],
		attributes: variationAttributes(product),
		menu_order: 0,
		meta_data: copied(product.meta),
		...product.fields,
		name: product.name,
		parent_id: product.parentId,
		_links: { self: self(`${href}/variations/${product.id}`), collection: [{ href: `${href}/variations` }], up: [{ href }] },
	};
}

/** WooCommerce shows up to five products of the same category, in an order of chance. */
const RELATED_AT_MOST = 5;

function relatedIds(shop: Shop, product: Product): number[] {
	if (product.type === "variation") return [];
	const related: number[] = [];
	for (const other of shop.state.products.values()) {
		if (related.length === RELATED_AT_MOST) break;
		if (other.id !== product.id && other.type !== "variation" && other.status === "publish") related.push(other.id);
	}
	return related;
}
