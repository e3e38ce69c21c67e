import type { Stage } from "./happening.ts";
import { move, onlineLevels, sellableOnline } from "./levels.ts";
import { type Happening, type Level, type Line, type Location, levelAt, type Order, type ShopState, type Variant } from "./model.ts";
import { orderPayload } from "./payloads.ts";

/**
 * Buying. A checkout is one synchronous step: it looks and takes without anybody in between, so the shop alone never
 * oversells a variant whose policy is DENY.
 */
export type CheckoutLine = { sku: string; quantity: number };
export type Checkout = {
	lines: readonly CheckoutLine[];
	via?: "online" | "pos";
	/** Where a POS sale is made. */
	locationId?: number;
	/** POS staff may sell what the system says is not there. */
	force?: boolean;
	email?: string;
	test?: boolean;
	tags?: readonly string[];
	sourceName?: string;
	sourceIdentifier?: string;
	/** An app writes the order, and not a buyer at the checkout. */
	app?: { id: number; name: string };
};
export type CheckoutOutcome =
	| { outcome: "placed"; orderId: number; name: string; units: number }
	| { outcome: "refused"; sku: string; wanted: number; available: number }
	| { outcome: "unknown sku"; sku: string };

/** A variant and how many of it, after bundles are expanded. `group` numbers the bundle it came from. */
type Wanted = { variant: Variant; quantity: number; bundle: { id: number; variant: Variant; quantity: number } | null };

export function checkout(stage: Stage, request: Checkout): CheckoutOutcome {
	const { state } = stage;
	const bought: { variant: Variant; quantity: number }[] = [];
	for (const line of request.lines) {
		const variant = variantOfSku(state, line.sku);
		if (!variant || !Number.isInteger(line.quantity) || line.quantity < 1) return { outcome: "unknown sku", sku: line.sku };
		bought.push({ variant, quantity: line.quantity });
	}
	const at = request.via === "pos" ? state.locations.get(request.locationId ?? firstLocation(state).id) : undefined;
	if (request.via === "pos" && !at?.active) throw new Error(`A POS sale needs an active location, and ${request.locationId} is none.`);
	const wanted = expand(state, bought);
	const refusal = request.force ? null : refuse(state, wanted, at);
	if (refusal) return refusal;
	return stage.happen("sale", (happening) => {
		const order = placeOrder(stage, happening, { wanted, at: at ?? null, request });
		return { outcome: "placed", orderId: order.id, name: order.name, units: order.lines.reduce((sum, line) => sum + line.quantity, 0) };
	});
}

export const variantOfSku = (state: ShopState, sku: string): Variant | undefined => state.variantsOfSku.get(sku)?.[0];

export function firstLocation(state: ShopState): Location {
	const location = [...state.locations.values()].find((l) => l.active);
	if (!location) throw new Error("A shop has at least one active location.");
	return location;
}

/** Shopify's checkout replaces a bundle by its components: the order's lines are the components, grouped. */
export function expand(state: ShopState, bought: readonly { variant: Variant; quantity: number }[]): Wanted[] {
	return bought.flatMap(({ variant, quantity }): Wanted[] => {
		if (variant.components.length === 0) return [{ variant, quantity, bundle: null }];
		const bundle = { id: state.nextId(), variant, quantity };
		return variant.components.flatMap((component) => {
			const part = state.variants.get(component.variantId);
			return part ? [{ variant: part, quantity: quantity * component.quantity, bundle }] : [];
		});
	});
}

/** What the buyer is told instead of an order: the first variant that has too few, over all lines together. */
function refuse(state: ShopState, wanted: readonly Wanted[], at: Location | undefined): CheckoutOutcome | null {
	const sums = new Map<Variant, number>();
	for (const { variant, quantity } of wanted) sums.set(variant, (sums.get(variant) ?? 0) + quantity);
	for (const [variant, quantity] of sums) {
		if (variant.policy === "CONTINUE" || !state.items.get(variant.itemId)?.tracked) continue;
		const available = at ? (levelAt(state, variant.itemId, at.id)?.quantities.available ?? 0) : sellableOnline(state, variant);
		if (available < quantity) return { outcome: "refused", sku: variant.sku ?? String(variant.id), wanted: quantity, available };
	}
	return null;
}

export function placeOrder(
	stage: Stage,
	happening: Happening,
	{
		wanted,
		at,
		request,
		taken,
	}: {
		wanted: readonly Wanted[];
		at: Location | null;
		request: Omit<Checkout, "lines">;
		taken?: Map<Wanted, { level: Level; units: number }[]>;
	},
): Order {
	const { state } = stage;
	const number = state.nextOrderNumber++;
	const order: Order = {
		kind: "Order",
		id: state.nextId(),
		number,
		name: `#${number}`,
		createdAt: happening.at,
		updatedAt: happening.at,
		updatedBefore: null,
		touchedAt: happening.at,
		cancelledAt: null,
		cancelReason: null,
		closedAt: null,
		test: request.test ?? false,
		edited: false,
		tags: [...(request.tags ?? [])],
		note: null,
		email: request.email ?? `buyer-${number}@example.com`,
		sourceName: request.sourceName ?? (request.app ? String(request.app.id) : at ? "pos" : "web"),
		sourceIdentifier: request.sourceIdentifier ?? null,
		app: request.app ?? null,
		retailLocationId: at?.id ?? null,
		financialStatus: "PAID",
		lines: [],
		refunds: [],
		fulfillmentOrders: [],
		fulfillments: [],
	};
	for (const want of wanted) {
		const line = newLine(state, want);
		order.lines.push(line);
		if (at) takeAtTheTill(state, happening, { order, line, at });
		else takeOnline(state, happening, { order, line, from: taken?.get(want) });
	}
	state.orders.set(order.id, order);
	happening.topics.push({ topic: "orders/create", resourceId: String(order.id), payload: () => orderPayload(state, order) });
	happening.topics.push({ topic: "orders/paid", resourceId: String(order.id), payload: () => orderPayload(state, order) });
	happening.topics.push({ topic: "orders/updated", resourceId: String(order.id), payload: () => orderPayload(state, order) });
	return order;
}

export function newLine(state: ShopState, { variant, quantity, bundle }: Wanted): Line {
	const item = state.items.get(variant.itemId);
	const product = state.products.get(variant.productId);
	const group = bundle && state.products.get(bundle.variant.productId);
	return {
		kind: "LineItem",
		id: state.nextId(),
		variantId: variant.id,
		productId: variant.productId,
		itemId: variant.itemId,
		title: product?.title ?? "",
		variantTitle: variant.title === "Default Title" ? null : variant.title,
		sku: variant.sku,
		price: variant.price,
		quantity,
		removed: 0,
		requiresShipping: item?.requiresShipping ?? true,
		giftCard: product?.giftCard ?? false,
		tracked: item?.tracked ?? false,
		group:
			bundle && group
				? {
						id: bundle.id,
						title: group.title,
						quantity: bundle.quantity,
						variantId: bundle.variant.id,
						productId: group.id,
						sku: bundle.variant.sku,
					}
				: null,
	};
}

/** POS: the goods leave at once, from that location. */
function takeAtTheTill(state: ShopState, happening: Happening, { order, line, at }: { order: Order; line: Line; at: Location }): void {
	const level = line.itemId !== null && line.tracked ? levelAt(state, line.itemId, at.id) : undefined;
	if (level?.active && line.itemId !== null) {
		move(happening, level, { available: -line.quantity });
		happening.sold.push({ orderId: order.id, itemId: line.itemId, locationId: at.id, units: line.quantity });
	} else {
		line.tracked = false;
	}
	assign(state, happening, { order, line, locationId: at.id, units: line.quantity, status: "CLOSED" });
	const fulfillment = order.fulfillments[0] ?? {
		kind: "Fulfillment" as const,
		id: state.nextId(),
		orderId: order.id,
		locationId: at.id,
		lines: [],
		createdAt: happening.at,
	};
	fulfillment.lines.push({ kind: "FulfillmentLineItem", id: state.nextId(), orderId: order.id, lineId: line.id, quantity: line.quantity });
	order.fulfillments = [fulfillment];
}

/** Online: the goods are committed where they will be shipped from. `from` tells where a draft has reserved them already. */
export function takeOnline(
	state: ShopState,
	happening: Happening,
	{
		order,
		line,
		from,
		units = line.quantity,
	}: { order: Order; line: Line; from?: { level: Level; units: number }[] | undefined; units?: number },
): void {
	const parts = from ?? (line.itemId !== null && line.tracked ? route(state, line.itemId, units) : []);
	if (parts.length === 0) {
		line.tracked = false;
		assign(state, happening, { order, line, locationId: firstLocation(state).id, units, status: "OPEN" });
	}
	for (const part of parts) {
		move(
			happening,
			part.level,
			from ? { reserved: -part.units, committed: part.units } : { available: -part.units, committed: part.units },
		);
		happening.sold.push({ orderId: order.id, itemId: part.level.itemId, locationId: part.level.locationId, units: part.units });
		assign(state, happening, { order, line, locationId: part.level.locationId, units: part.units, status: "OPEN" });
	}
}

/** Order routing: one location that has all of it, else several, and what nobody has (CONTINUE) from the first. */
export function route(state: ShopState, itemId: number, units: number): { level: Level; units: number }[] {
	const levels = onlineLevels(state, itemId);
	const whole = levels.find((level) => level.quantities.available >= units);
	if (whole) return [{ level: whole, units }];
	const parts: { level: Level; units: number }[] = [];
	let left = units;
	for (const level of levels) {
		const share = Math.min(left, Math.max(0, level.quantities.available));
		if (share > 0) parts.push({ level, units: share });
		left -= share;
	}
	const first = levels[0];
	if (left > 0 && first) {
		const known = parts.find((part) => part.level === first);
		if (known) known.units += left;
		else parts.push({ level: first, units: left });
	}
	return parts;
}

export function assign(
	state: ShopState,
	happening: Happening,
	{ order, line, locationId, units, status }: { order: Order; line: Line; locationId: number; units: number; status: "OPEN" | "CLOSED" },
): void {
	let fulfillmentOrder = order.fulfillmentOrders.find((f) => f.locationId === locationId && f.status === status);
	if (!fulfillmentOrder) {
		fulfillmentOrder = {
			kind: "FulfillmentOrder",
			id: state.nextId(),
			orderId: order.id,
			locationId,
			status,
			lines: [],
			createdAt: happening.at,
			updatedAt: happening.at,
		};
		order.fulfillmentOrders.push(fulfillmentOrder);
	}
	const remaining = status === "OPEN" ? units : 0;
	const known = fulfillmentOrder.lines.find((l) => l.lineId === line.id);
	if (known) {
		known.total += units;
		known.remaining += remaining;
	} else {
		fulfillmentOrder.lines.push({
			kind: "FulfillmentOrderLineItem",
			id: state.nextId(),
			orderId: order.id,
			lineId: line.id,
			total: units,
			remaining,
		});
	}
}

/** Stamps the order as changed now. */
export function touch(order: Order, happening: Happening): void {
	if (order.updatedAt !== happening.at) order.updatedBefore = order.updatedAt;
	order.updatedAt = happening.at;
	order.touchedAt = happening.at;
}
