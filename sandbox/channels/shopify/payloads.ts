import { pool, sellableOnline } from "./levels.ts";
import {
	type BulkOperation,
	type Fulfillment,
	gid,
	type Item,
	type Level,
	type Line,
	type Location,
	levelGid,
	type Order,
	type Product,
	type Refund,
	restTime,
	type ShopState,
	unfulfilled,
	type Variant,
} from "./model.ts";

/**
 * Webhook bodies: the REST shapes of the resources, in full (with the customer's data), as Shopify's webhook reference shows
 * them. `include_fields` of a subscription trims them afterwards; what an app must not see, it must not have asked for.
 */
const money = (state: ShopState, amount: number) => ({
	shop_money: { amount: amount.toFixed(2), currency_code: state.currency },
	presentment_money: { amount: amount.toFixed(2), currency_code: state.currency },
});
const at = (state: ShopState, ms: number | null) => (ms === null ? null : restTime(state, ms));

export function orderPayload(state: ShopState, order: Order): Record<string, unknown> {
	const total = order.lines.reduce((sum, line) => sum + Number(line.price) * line.quantity, 0);
	const current = order.lines.reduce((sum, line) => sum + Number(line.price) * (line.quantity - line.removed), 0);
	const open = order.lines.reduce((sum, line) => sum + unfulfilled(order, line), 0);
	const shipped = order.fulfillments.length > 0;
	const person = {
		first_name: "Ada",
		last_name: "Buyer",
		address1: "1 Main Street",
		city: "Portland",
		zip: "97201",
		phone: "+15035550100",
		name: "Ada Buyer",
	};
	return {
		id: order.id,
		admin_graphql_api_id: gid("Order", order.id),
		app_id: order.retailLocationId === null ? 580_111 : 129_785,
		cancel_reason: order.cancelReason === null ? null : order.cancelReason.toLowerCase(),
		cancelled_at: at(state, order.cancelledAt),
		closed_at: at(state, order.closedAt),
		confirmed: true,
		contact_email: order.email,
		created_at: restTime(state, order.createdAt),
		currency: state.currency,
		current_total_price: current.toFixed(2),
		current_total_price_set: money(state, current),
		customer: { id: order.id + 1, email: order.email, ...person },
		billing_address: person,
		shipping_address: order.retailLocationId === null ? person : null,
		email: order.email,
		financial_status: order.financialStatus.toLowerCase(),
		fulfillment_status: open === 0 && shipped ? "fulfilled" : shipped ? "partial" : null,
		location_id: order.retailLocationId,
		name: order.name,
		note: order.note,
		number: order.number - 1000,
		order_number: order.number,
		phone: null,
		processed_at: restTime(state, order.createdAt),
		source_identifier: order.sourceIdentifier,
		source_name: order.sourceName,
		tags: order.tags.join(", "),
		test: order.test,
		total_price: total.toFixed(2),
		total_price_set: money(state, total),
		updated_at: restTime(state, order.updatedAt),
		line_items: order.lines.map((line) => linePayload(state, order, line)),
		fulfillments: order.fulfillments.map((fulfillment) => fulfillmentPayload(state, order, fulfillment)),
		refunds: order.refunds.map((refund) => refundPayload(state, order, refund)),
	};
}

function linePayload(state: ShopState, order: Order, line: Line): Record<string, unknown> {
	const fulfillable = unfulfilled(order, line);
	const shipped = order.fulfillments.some((f) => f.lines.some((l) => l.lineId === line.id));
	return {
		id: line.id,
		admin_graphql_api_id: gid("LineItem", line.id),
		current_quantity: line.quantity - line.removed,
		fulfillable_quantity: fulfillable,
		fulfillment_service: "manual",
		fulfillment_status: shipped ? (fulfillable === 0 ? "fulfilled" : "partial") : null,
		gift_card: line.giftCard,
		name: line.variantTitle === null ? line.title : `${line.title} - ${line.variantTitle}`,
		price: line.price,
		price_set: money(state, Number(line.price)),
		product_exists: line.productId !== null && state.products.has(line.productId),
		product_id: line.productId,
		properties: [],
		quantity: line.quantity,
		requires_shipping: line.requiresShipping,
		sales_line_item_group_id: line.group?.id ?? null,
		sku: line.sku,
		taxable: true,
		title: line.title,
		variant_id: line.variantId,
		variant_inventory_management: line.tracked ? "shopify" : null,
		variant_title: line.variantTitle,
		vendor: null,
	};
}

export function refundPayload(state: ShopState, order: Order, refund: Refund): Record<string, unknown> {
	return {
		id: refund.id,
		admin_graphql_api_id: gid("Refund", refund.id),
		created_at: restTime(state, refund.createdAt),
		note: refund.note,
		order_id: order.id,
		processed_at: restTime(state, refund.createdAt),
		restock: refund.lines.some((line) => line.restockType !== "NO_RESTOCK"),
		refund_line_items: refund.lines.map((entry) => {
			const line = order.lines.find((l) => l.id === entry.lineId);
			return {
				id: entry.id,
				line_item_id: entry.lineId,
				location_id: entry.locationId,
				quantity: entry.quantity,
				restock_type: entry.restockType.toLowerCase(),
				subtotal: Number(line?.price ?? 0) * entry.quantity,
				line_item: line ? linePayload(state, order, line) : null,
			};
		}),
		transactions: [],
		order_adjustments: [],
	};
}

/** `orders/edited` has a shape of its own: what changed, not the order. */
export function orderEditPayload(
	state: ShopState,
	order: Order,
	edit: { id: number; at: number; additions: { id: number; delta: number }[]; removals: { id: number; delta: number }[] },
): unknown {
	return {
		order_edit: {
			id: edit.id,
			app_id: null,
			created_at: restTime(state, edit.at),
			notify_customer: false,
			order_id: order.id,
			staff_note: "",
			user_id: null,
			line_items: { additions: edit.additions, removals: edit.removals },
			discounts: { line_item: { additions: [], removals: [] } },
			shipping_lines: { additions: [], removals: [] },
		},
	};
}

export function fulfillmentPayload(state: ShopState, order: Order, fulfillment: Fulfillment): Record<string, unknown> {
	return {
		id: fulfillment.id,
		admin_graphql_api_id: gid("Fulfillment", fulfillment.id),
		order_id: order.id,
		status: "success",
		created_at: restTime(state, fulfillment.createdAt),
		updated_at: restTime(state, fulfillment.createdAt),
		location_id: fulfillment.locationId,
		name: `${order.name}.1`,
		line_items: fulfillment.lines.map((part) => ({ id: part.lineId, quantity: part.quantity })),
	};
}

/** The absolute `available` of one item at one location; no SKU and no variant in it. */
export function levelPayload(state: ShopState, level: Level): Record<string, unknown> {
	return {
		inventory_item_id: level.itemId,
		location_id: level.locationId,
		available: level.quantities.available,
		updated_at: restTime(state, level.availableAt),
		admin_graphql_api_id: levelGid(level),
	};
}

export function productPayload(state: ShopState, product: Product): Record<string, unknown> {
	return {
		id: product.id,
		admin_graphql_api_id: gid("Product", product.id),
		title: product.title,
		body_html: null,
		vendor: product.vendor,
		product_type: product.productType,
		handle: product.handle,
		status: product.status.toLowerCase(),
		tags: product.tags.join(", "),
		created_at: restTime(state, product.createdAt),
		updated_at: restTime(state, product.updatedAt),
		published_at: product.status === "ACTIVE" ? restTime(state, product.createdAt) : null,
		has_variants_that_requires_components: (state.variantsOfProduct.get(product.id) ?? []).some((v) => v.components.length > 0),
		variants: (state.variantsOfProduct.get(product.id) ?? []).map((variant) => variantPayload(state, variant)),
	};
}

function variantPayload(state: ShopState, variant: Variant): Record<string, unknown> {
	return {
		id: variant.id,
		admin_graphql_api_id: gid("ProductVariant", variant.id),
		product_id: variant.productId,
		title: variant.title,
		price: variant.price,
		position: variant.position,
		inventory_policy: variant.policy.toLowerCase(),
		inventory_item_id: variant.itemId,
		inventory_quantity: variant.components.length > 0 ? sellableOnline(state, variant) : pool(state, variant.itemId),
		old_inventory_quantity: variant.components.length > 0 ? sellableOnline(state, variant) : pool(state, variant.itemId),
		sku: variant.sku,
		barcode: variant.barcode,
		taxable: true,
		created_at: restTime(state, variant.createdAt),
		updated_at: restTime(state, variant.updatedAt),
	};
}

export function itemPayload(state: ShopState, item: Item): Record<string, unknown> {
	return {
		id: item.id,
		admin_graphql_api_id: gid("InventoryItem", item.id),
		sku: state.variants.get(item.variantId)?.sku ?? null,
		tracked: item.tracked,
		requires_shipping: item.requiresShipping,
		cost: null,
		country_code_of_origin: null,
		province_code_of_origin: null,
		harmonized_system_code: null,
		country_harmonized_system_codes: [],
		created_at: restTime(state, item.createdAt),
		updated_at: restTime(state, item.updatedAt),
	};
}

export function locationPayload(state: ShopState, location: Location): Record<string, unknown> {
	return {
		id: location.id,
		admin_graphql_api_id: gid("Location", location.id),
		name: location.name,
		active: location.active,
		legacy: location.fulfillmentService !== null,
		country_code: "US",
		created_at: restTime(state, location.createdAt),
		updated_at: restTime(state, location.updatedAt),
	};
}

export function shopPayload(state: ShopState): Record<string, unknown> {
	return {
		id: state.id,
		name: state.name,
		domain: state.domain,
		myshopify_domain: state.domain,
		currency: state.currency,
		iana_timezone: "America/New_York",
		plan_name: "partner_test",
		email: `owner@${state.domain}`,
		created_at: restTime(state, state.createdAt),
	};
}

export function bulkPayload(state: ShopState, operation: BulkOperation): Record<string, unknown> {
	return {
		admin_graphql_api_id: gid("BulkOperation", operation.id),
		completed_at: at(state, operation.completedAt),
		created_at: restTime(state, operation.createdAt),
		error_code: operation.errorCode?.toLowerCase() ?? null,
		status: operation.status.toLowerCase(),
		type: "query",
	};
}
