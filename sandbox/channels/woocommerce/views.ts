import { money, type Shop } from "./shop.ts";
import {
	type Line,
	type Meta,
	type Note,
	type Order,
	type Product,
	productOfLine,
	type Refund,
	stockOwner,
	variationsOf,
	type Webhook,
} from "./state.ts";
import { stockStatusOf } from "./stock.ts";

/** The REST objects of WooCommerce 11.0.1, field for field as recorded. `edit` is the context that answers to writes come in. */
type Context = "view" | "edit";

const ITEM_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
export const api = (shop: Shop) => `${shop.url}/wp-json/wc/v3`;
const self = (href: string, allow = ITEM_METHODS) => [{ href, targetHints: { allow } }];

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

function lineView(shop: Shop, line: Line, amounts: { quantity: number; subtotal: number; total: number; metaData: Line["meta"] }) {
	const product = productOfLine(shop.state, line);
	const parent = product?.type === "variation" ? shop.state.products.get(product.parentId) : undefined;
	return {
		id: line.id,
		name: line.name,
		product_id: product ? line.productId : 0,
		variation_id: product ? line.variationId : 0,
		quantity: amounts.quantity,
		tax_class: "",
		subtotal: money(amounts.subtotal),
		subtotal_tax: "0.00",
		total: money(amounts.total),
		total_tax: "0.00",
		taxes: [],
		meta_data: amounts.metaData.map((meta) => ({
			...meta,
			display_key: meta.key.startsWith("_") ? meta.key : meta.key.charAt(0).toUpperCase() + meta.key.slice(1),
			display_value: meta.value,
		})),
		sku: product ? product.sku : null,
		global_unique_id: product ? "" : null,
		price: amounts.quantity === 0 ? 0 : positiveZero(amounts.total / amounts.quantity),
		image: { id: product && product.type !== "variation" ? "" : 0, src: "" },
		parent_name: parent?.name ?? null,
	};
}

/** Objects are answered as they were at that moment. */
const copied = (metas: readonly Meta[]) => metas.map((meta) => ({ ...meta }));
const positiveZero = (value: number) => (value === 0 ? 0 : value);

export const orderLine = (shop: Shop, line: Line) =>
	lineView(shop, line, { quantity: line.quantity, subtotal: line.subtotal, total: line.total, metaData: line.meta });

export function orderView(shop: Shop, order: Order) {
	const href = `${api(shop)}/orders`;
	const local = (at: number | null) => (at === null ? null : shop.time.local(at));
	const gmt = (at: number | null) => (at === null ? null : shop.time.gmt(at));
	return {
		id: order.id,
		parent_id: 0,
		status: order.status,
		currency: "USD",
		version: WOOCOMMERCE_VERSION,
		prices_include_tax: false,
		date_created: local(order.createdAt),
		date_modified: local(order.modifiedAt),
		discount_total: "0.00",
		discount_tax: "0.00",
		shipping_total: "0.00",
		shipping_tax: "0.00",
		cart_tax: "0.00",
		total: money(order.total),
		total_tax: "0.00",
		customer_id: order.customerId,
		order_key: order.orderKey,
		billing: { ...EMPTY_ADDRESS, ...EMPTY_CONTACT, ...order.billing },
		shipping: { ...EMPTY_ADDRESS, phone: "", ...order.shipping },
		payment_method: order.paymentMethod,
		payment_method_title: order.paymentTitle,
		transaction_id: order.transactionId,
		customer_ip_address: order.customerIp,
		customer_user_agent: order.customerAgent,
		created_via: order.createdVia,
		customer_note: order.customerNote,
		date_completed: local(order.completedAt),
		date_paid: local(order.paidAt),
		cart_hash: order.cartHash,
		number: String(order.id),
		// By key, whatever their numbers (recorded: storefront-checkout).
		meta_data: copied(order.meta).sort((a, b) => (a.key < b.key ? -1 : 1)),
		line_items: order.lines.map((line) => orderLine(shop, line)),
		tax_lines: [],
		shipping_lines: [],
		fee_lines: [],
		coupon_lines: [],
		refunds: newestFirst(order.refunds).map((r) => ({ id: r.id, reason: r.reason, total: money(-r.amount), total_tax: "0.00" })),
		payment_url: `${shop.url}/checkout/order-pay/${order.id}/?pay_for_order=true&key=${order.orderKey}`,
		is_editable: EDITABLE.has(order.status),
		needs_payment: order.total > 0 && NEEDS_PAYMENT.has(order.status),
		needs_processing: needsProcessing(shop, order),
		date_created_gmt: gmt(order.createdAt),
		date_modified_gmt: gmt(order.modifiedAt),
		date_completed_gmt: gmt(order.completedAt),
		date_paid_gmt: gmt(order.paidAt),
		currency_symbol: "$",
		_links: {
			self: self(`${href}/${order.id}`),
			collection: [{ href }],
			email_templates: [{ embeddable: true, href: `${href}/${order.id}/actions/email_templates` }],
			...(order.customerId ? { customer: [{ href: `${api(shop)}/customers/${order.customerId}` }] } : {}),
		},
	};
}

export const WOOCOMMERCE_VERSION = "11.0.1";
const EDITABLE = new Set(["pending", "on-hold", "auto-draft"]);
const NEEDS_PAYMENT = new Set(["pending", "failed", "checkout-draft"]);
const EMPTY_ADDRESS = {
	first_name: "",
	last_name: "",
	company: "",
	address_1: "",
	address_2: "",
	city: "",
	state: "",
	postcode: "",
	country: "",
};
const EMPTY_CONTACT = { email: "", phone: "" };

/** A payment ends in `processing` if there is something to send, else in `completed`. */
export const needsProcessing = (shop: Shop, order: Order) => order.lines.some((line) => productOfLine(shop.state, line) !== undefined);

/** By second, newest first; within one second WooCommerce's order of `refunds[]` is by id (recorded: order-refunds). */
const newestFirst = (refunds: readonly Refund[]) => [...refunds].sort((a, b) => b.createdAt - a.createdAt || a.id - b.id);

export function refundView(shop: Shop, order: Order, refund: Refund) {
	const href = `${api(shop)}/orders/${order.id}`;
	return {
		id: refund.id,
		date_created: shop.time.local(refund.createdAt),
		date_created_gmt: shop.time.gmt(refund.createdAt),
		amount: money(refund.amount),
		reason: refund.reason,
		refunded_by: 1,
		refunded_payment: false,
		meta_data: [{ id: refund.metaId, key: "_refund_type", value: refund.full ? "full" : "partial" }],
		line_items: refund.lines.map((part) => ({
			...lineView(shop, part.line, {
				quantity: -part.quantity,
				subtotal: -part.total,
				total: -part.total,
				metaData: [{ id: part.metaId, key: "_refunded_item_id", value: String(part.line.id) }],
			}),
			id: part.id,
		})),
		shipping_lines: [],
		tax_lines: [],
		fee_lines: [],
		_links: {
			self: self(`${href}/refunds/${refund.id}`, ["GET", "DELETE"]),
			collection: [{ href: `${href}/refunds` }],
			up: [{ href }],
		},
	};
}

export function noteView(shop: Shop, order: Order, note: Note) {
	const href = `${api(shop)}/orders/${order.id}`;
	return {
		id: note.id,
		author: note.author,
		date_created: shop.time.local(note.at),
		date_created_gmt: shop.time.gmt(note.at),
		note: note.text,
		customer_note: note.forCustomer,
		_links: { self: self(`${href}/notes/${note.id}`, ["GET", "DELETE"]), collection: [{ href: `${href}/notes` }], up: [{ href }] },
	};
}

/** The WordPress hooks behind each topic, as the webhook object lists them. */
export const TOPIC_HOOKS: Record<string, string[]> = {
	"order.created": ["woocommerce_new_order"],
	"order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
	"order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
	"order.restored": ["untrashed_post", "woocommerce_untrash_order"],
	"product.created": ["woocommerce_process_product_meta", "woocommerce_new_product", "woocommerce_new_product_variation"],
	"product.updated": ["woocommerce_process_product_meta", "woocommerce_update_product", "woocommerce_update_product_variation"],
	"product.deleted": ["wp_trash_post"],
	"product.restored": ["untrashed_post"],
	"customer.created": ["user_register", "woocommerce_created_customer", "woocommerce_new_customer"],
	"customer.updated": ["profile_update", "woocommerce_update_customer"],
	"customer.deleted": ["delete_user"],
	"coupon.created": ["woocommerce_process_shop_coupon_meta", "woocommerce_new_coupon"],
	"coupon.updated": ["woocommerce_process_shop_coupon_meta", "woocommerce_update_coupon"],
	"coupon.deleted": ["wp_trash_post"],
	"coupon.restored": ["untrashed_post"],
};

export function webhookView(shop: Shop, webhook: Webhook) {
	const href = `${api(shop)}/webhooks`;
	const [resource, event] = webhook.topic.split(".");
	return {
		id: webhook.id,
		name: webhook.name,
		status: webhook.status,
		topic: webhook.topic,
		resource,
		event,
		hooks: TOPIC_HOOKS[webhook.topic] ?? (resource === "action" ? [event] : []),
		delivery_url: webhook.deliveryUrl,
		date_created: shop.time.local(webhook.createdAt),
		date_created_gmt: shop.time.gmt(webhook.createdAt),
		date_modified: webhook.modifiedAt === null ? null : shop.time.local(webhook.modifiedAt),
		date_modified_gmt: webhook.modifiedAt === null ? null : shop.time.gmt(webhook.modifiedAt),
		_links: { self: self(`${href}/${webhook.id}`), collection: [{ href }] },
	};
}
