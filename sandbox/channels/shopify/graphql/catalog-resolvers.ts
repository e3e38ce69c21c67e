import { derivedAt, pool, sellableOnline } from "../levels.ts";
import {
	gid,
	graphTime,
	type Item,
	idOf,
	type Level,
	type Location,
	levelAt,
	levelGid,
	levelOfGid,
	onHand,
	type Product,
	QUANTITY_NAMES,
	type QuantityName,
	type ShopState,
	type Variant,
} from "../model.ts";
import { parseSearch, type SearchFields } from "../search.ts";
import { connect, counted, type PageArgs } from "./connections.ts";
import type { Context } from "./context.ts";
import type { Resolvers } from "./resolvers.ts";

/** Shop, locations, products, variants, items and levels. */
type ListArgs = PageArgs & { query?: string | null; sortKey?: string };

const second = (ms: number) => Math.floor(ms / 1000) * 1000;
const productOf = (state: ShopState, variant: Variant) => state.products.get(variant.productId) as Product;
const variantOf = (state: ShopState, item: Item) => state.variants.get(item.variantId) as Variant;
const itemOf = (state: ShopState, variant: Variant) => state.items.get(variant.itemId) as Item;
const quantityOnline = (state: ShopState, variant: Variant) =>
	variant.components.length > 0 ? sellableOnline(state, variant) : pool(state, variant.itemId);
const variantsOf = (state: ShopState, product: Product) => state.variantsOfProduct.get(product.id) ?? [];
const totalOf = (state: ShopState, product: Product) =>
	variantsOf(state, product).reduce((sum, variant) => sum + (itemOf(state, variant).tracked ? quantityOnline(state, variant) : 0), 0);

function list<T extends { id: number; createdAt: number; updatedAt: number }>(
	context: Context,
	entries: Iterable<T>,
	args: ListArgs,
	{
		fields,
		any,
		sorts = {},
	}: { fields: SearchFields<T>; any?: (entry: T) => readonly (string | null)[]; sorts?: Record<string, (entry: T) => string | number> },
) {
	const found = filtered(context, entries, args.query, { fields, ...(any && { any }) });
	const known: Record<string, (entry: T) => string | number> = {
		CREATED_AT: (e) => second(e.createdAt),
		UPDATED_AT: (e) => second(e.updatedAt),
		...sorts,
	};
	const sort = args.sortKey === undefined ? undefined : known[args.sortKey];
	return connect(found, args, { id: (entry) => entry.id, context, ...(sort && { sort }) });
}

/** The search index is behind: what was created just now is not found by `query:` yet. */
function filtered<T extends { id: number; createdAt: number }>(
	context: Context,
	entries: Iterable<T>,
	query: string | null | undefined,
	{ fields, any }: { fields: SearchFields<T>; any?: (entry: T) => readonly (string | null)[] },
): T[] {
	if (!query) return [...entries];
	const search = parseSearch(query, { id: (entry) => entry.id, created_at: (entry) => second(entry.createdAt), ...fields }, any);
	for (const field of search.unknownFields) context.violated("search by a field that does not exist", field);
	const indexed = context.stage.world.clock.now() - context.searchLagMs;
	return [...entries].filter((entry) => entry.createdAt <= indexed && search.matches(entry));
}

const locationFields: SearchFields<Location> = { name: (l) => l.name, active: (l) => l.active, location_id: (l) => l.id };
const productFields: SearchFields<Product> = {
	title: (p) => p.title,
	status: (p) => p.status,
	vendor: (p) => p.vendor,
	tag: (p) => p.tags,
	handle: (p) => p.handle,
	updated_at: (p) => second(p.updatedAt),
	product_type: (p) => p.productType,
};
const itemFields: SearchFields<Item> = { updated_at: (i) => second(i.updatedAt) };

function variantFields(state: ShopState): SearchFields<Variant> {
	return {
		sku: (v) => v.sku,
		barcode: (v) => v.barcode,
		product_id: (v) => v.productId,
		title: (v) => v.title,
		updated_at: (v) => second(v.updatedAt),
		product_status: (v) => productOf(state, v).status,
		inventory_quantity: (v) => quantityOnline(state, v),
		vendor: (v) => productOf(state, v).vendor,
		tag: (v) => productOf(state, v).tags,
	};
}

function levels(context: Context, all: readonly Level[], args: PageArgs & { includeInactive?: boolean | null }) {
	return connect(
		all.filter((level) => level.active || args.includeInactive),
		args,
		{ id: (level) => level.locationId, context },
	);
}

/** A bundle has derived quantities wherever all of its components are stocked. */
function levelsOf(state: ShopState, item: Item): Level[] {
	const variant = variantOf(state, item);
	if (variant.components.length === 0) return state.levelsOfItem.get(item.id) ?? [];
	return [...state.locations.values()].flatMap((location) => derivedLevel(state, item, location.id) ?? []);
}

function derivedLevel(state: ShopState, item: Item, locationId: number): Level | null {
	const variant = variantOf(state, item);
	if (variant.components.length === 0) return levelAt(state, item.id, locationId) ?? null;
	const available = derivedAt(state, variant, locationId);
	if (available === null) return null;
	const quantities = { available, committed: 0, incoming: 0, reserved: 0, damaged: 0, quality_control: 0, safety_stock: 0 };
	return {
		kind: "InventoryLevel",
		itemId: item.id,
		locationId,
		active: true,
		quantities,
		availableAt: item.updatedAt,
		createdAt: item.createdAt,
		updatedAt: item.updatedAt,
	};
}

const levelOrNull = (level: Level | null | undefined, includeInactive: boolean | null | undefined) =>
	level && (level.active || includeInactive) ? level : null;

export const catalogResolvers: Resolvers = {
	QueryRoot: {
		shop: (_, __, { state }) => state,
		location: (_, { id }: { id?: string | null }, { state }) =>
			(id ? state.locations.get(idOf(id, "Location") ?? -1) : [...state.locations.values()][0]) ?? null,
		locations: (_, args: ListArgs & { includeInactive?: boolean; includeLegacy?: boolean }, context) => {
			const shown = [...context.state.locations.values()].filter(
				(l) => (l.active || args.includeInactive) && (l.fulfillmentService === null || args.includeLegacy),
			);
			return list(context, shown, args, { fields: locationFields, any: (l) => [l.name], sorts: { NAME: (l) => l.name } });
		},
		locationsCount: (_, args: ListArgs & { limit?: number }, context) =>
			counted(
				filtered(context, context.state.locations.values(), args.query, { fields: locationFields }).filter((l) => l.active).length,
				args.limit,
			),
		product: (_, { id }: { id: string }, { state }) => state.products.get(idOf(id, "Product") ?? -1) ?? null,
		products: (_, args: ListArgs, context) =>
			list(context, context.state.products.values(), args, {
				fields: productFields,
				any: (p) => [p.title, p.vendor],
				sorts: { TITLE: (p) => p.title, VENDOR: (p) => p.vendor, PRODUCT_TYPE: (p) => p.productType },
			}),
		productsCount: (_, args: ListArgs & { limit?: number }, context) =>
			counted(filtered(context, context.state.products.values(), args.query, { fields: productFields }).length, args.limit),
		productVariant: (_, { id }: { id: string }, { state }) => state.variants.get(idOf(id, "ProductVariant") ?? -1) ?? null,
		productVariants: (_, args: ListArgs, context) =>
			list(context, context.state.variants.values(), args, {
				fields: variantFields(context.state),
				any: (v) => [v.title, v.sku, v.barcode],
				sorts: { SKU: (v) => v.sku ?? "", TITLE: (v) => v.title },
			}),
		productVariantsCount: (_, args: ListArgs & { limit?: number }, context) =>
			counted(filtered(context, context.state.variants.values(), args.query, { fields: variantFields(context.state) }).length, args.limit),
		inventoryItem: (_, { id }: { id: string }, { state }) => state.items.get(idOf(id, "InventoryItem") ?? -1) ?? null,
		inventoryItems: (_, args: ListArgs, context) =>
			list(context, context.state.items.values(), args, {
				fields: { ...itemFields, sku: (i) => variantOf(context.state, i).sku },
				any: (i) => [variantOf(context.state, i).sku],
			}),
		inventoryLevel: (_, { id }: { id: string }, { state }) => levelOfGid(state, id),
		inventoryProperties: () => ({ quantityNames: QUANTITY_NAMES.map(propertyOf) }),
	},
	Shop: {
		id: (s: ShopState) => gid("Shop", s.id),
		email: (s: ShopState) => `owner@${s.domain}`,
		myshopifyDomain: (s: ShopState) => s.domain,
		url: (s: ShopState) => `https://${s.domain}`,
		currencyCode: (s: ShopState) => s.currency,
		ianaTimezone: () => "America/New_York",
		timezoneOffset: (s: ShopState) => s.utcOffset.replace(":", ""),
		plan: () => ({ displayName: "Developer Preview", publicDisplayName: "Development", partnerDevelopment: true, shopifyPlus: false }),
		primaryDomain: (s: ShopState) => ({ id: gid("Domain", s.id), host: s.domain, url: `https://${s.domain}` }),
		createdAt: (s: ShopState) => graphTime(s.createdAt),
		updatedAt: (s: ShopState) => graphTime(s.createdAt),
		taxesIncluded: () => false,
		setupRequired: () => false,
	},
	Location: {
		isActive: (l: Location) => l.active,
		isFulfillmentService: (l: Location) => l.fulfillmentService !== null,
		fulfillsOnlineOrders: (l: Location) => l.fulfillsOnlineOrders,
		shipsInventory: (l: Location) => l.active && l.fulfillsOnlineOrders,
		hasActiveInventory: (l: Location, _, { state }) =>
			[...state.levels.values()].some((level) => level.locationId === l.id && onHand(level) !== 0),
		hasUnfulfilledOrders: (l: Location, _, { state }) =>
			[...state.orders.values()].some((order) => order.fulfillmentOrders.some((f) => f.locationId === l.id && f.status === "OPEN")),
		activatable: (l: Location) => !l.active,
		deactivatable: (l: Location) => l.active,
		deletable: (l: Location) => !l.active,
		deactivatedAt: (l: Location) => (l.deactivatedAt === null ? null : graphTime(l.deactivatedAt)),
		isPrimary: (l: Location, _, { state }) => [...state.locations.values()][0] === l,
		fulfillmentService: (l: Location) =>
			l.fulfillmentService === null
				? null
				: {
						id: gid("FulfillmentService", l.id),
						handle: l.fulfillmentService,
						serviceName: l.fulfillmentService,
						inventoryManagement: true,
						location: l,
					},
		inventoryLevel: (l: Location, args: { inventoryItemId: string; includeInactive?: boolean }, { state }) =>
			levelOrNull(levelAt(state, idOf(args.inventoryItemId, "InventoryItem") ?? -1, l.id), args.includeInactive),
		inventoryLevels: (l: Location, args: PageArgs & { includeInactive?: boolean }, context) => {
			const here = [...context.state.levels.values()].filter(
				(level) => level.locationId === l.id && (level.active || args.includeInactive),
			);
			return connect(here, args, { id: (level) => level.itemId, context });
		},
	},
	Product: {
		totalInventory: (p: Product, _, { state }) => totalOf(state, p),
		tracksInventory: (p: Product, _, { state }) => variantsOf(state, p).some((variant) => itemOf(state, variant).tracked),
		hasOutOfStockVariants: (p: Product, _, { state }) =>
			variantsOf(state, p).some((variant) => itemOf(state, variant).tracked && quantityOnline(state, variant) <= 0),
		hasOnlyDefaultVariant: (p: Product, _, { state }) =>
			variantsOf(state, p).length === 1 && variantsOf(state, p)[0]?.title === "Default Title",
		isGiftCard: (p: Product) => p.giftCard,
		publishedAt: (p: Product) => (p.status === "ACTIVE" ? graphTime(p.createdAt) : null),
		variants: (p: Product, args: ListArgs, context) => connect(variantsOf(context.state, p), args, { id: (v) => v.id, context }),
		variantsCount: (p: Product, args: { limit?: number }, { state }) => counted(variantsOf(state, p).length, args.limit),
	},
	ProductVariant: {
		displayName: (v: Variant, _, { state }) => `${productOf(state, v).title} - ${v.title}`,
		inventoryPolicy: (v: Variant) => v.policy,
		inventoryQuantity: (v: Variant, _, { state }) => quantityOnline(state, v),
		sellableOnlineQuantity: (v: Variant, _, { state }) => quantityOnline(state, v),
		availableForSale: (v: Variant, _, { state }) =>
			productOf(state, v).status === "ACTIVE" && (v.policy === "CONTINUE" || !itemOf(state, v).tracked || quantityOnline(state, v) > 0),
		requiresComponents: (v: Variant) => v.components.length > 0,
		productVariantComponents: (v: Variant, args: PageArgs, context) =>
			connect(
				v.components.map((c) => ({ kind: "ProductVariantComponent", ...c })),
				args,
				{ id: (c) => c.id, context },
			),
		inventoryItem: (v: Variant, _, { state }) => itemOf(state, v),
		product: (v: Variant, _, { state }) => productOf(state, v),
		selectedOptions: (v: Variant) => [{ name: "Title", value: v.title }],
	},
	ProductVariantComponent: { productVariant: (c: { variantId: number }, _, { state }) => state.variants.get(c.variantId) },
	InventoryItem: {
		sku: (i: Item, _, { state }) => variantOf(state, i).sku,
		trackedEditable: () => ({ locked: false, reason: null }),
		duplicateSkuCount: (i: Item, _, { state }) => Math.max(0, (state.variantsOfSku.get(variantOf(state, i).sku ?? "")?.length ?? 1) - 1),
		measurement: (i: Item) => ({ id: gid("InventoryItemMeasurement", i.id), weight: { unit: "KILOGRAMS", value: 0 } }),
		unitCost: () => null,
		inventoryHistoryUrl: (i: Item, _, { state }) => `https://${state.domain}/admin/products/inventory/${i.id}/inventory_history`,
		locationsCount: (i: Item, _, { state }) => counted(levelsOf(state, i).filter((level) => level.active).length, null),
		inventoryLevel: (i: Item, args: { locationId: string; includeInactive?: boolean }, { state }) =>
			levelOrNull(derivedLevel(state, i, idOf(args.locationId, "Location") ?? -1), args.includeInactive),
		inventoryLevels: (i: Item, args: PageArgs & { includeInactive?: boolean }, context) =>
			levels(context, levelsOf(context.state, i), args),
		variant: (i: Item, _, { state }) => variantOf(state, i),
		variants: (i: Item, args: PageArgs, context) => connect([variantOf(context.state, i)], args, { id: (v) => v.id, context }),
	},
	InventoryLevel: {
		id: (l: Level) => levelGid(l),
		isActive: (l: Level) => l.active,
		item: (l: Level, _, { state }) => state.items.get(l.itemId),
		location: (l: Level, _, { state }) => state.locations.get(l.locationId),
		canDeactivate: (l: Level, _, { state }) => (state.levelsOfItem.get(l.itemId) ?? []).filter((other) => other.active).length > 1,
		deactivationAlert: () => null,
		quantities: (l: Level, { names }: { names: string[] }) => names.flatMap((name) => quantityOf(l, name)),
	},
	InventoryAdjustmentGroup: {
		app: (_, __, { clientId }) => ({ clientId }),
		changes: (
			group: { changes: { name: string; itemId: number; locationId: number }[] },
			args: { inventoryItemIds?: string[]; locationIds?: string[]; quantityNames?: string[] },
		) =>
			group.changes.filter(
				(change) =>
					(args.inventoryItemIds?.includes(gid("InventoryItem", change.itemId)) ?? true) &&
					(args.locationIds?.includes(gid("Location", change.locationId)) ?? true) &&
					(args.quantityNames?.includes(change.name) ?? true),
			),
	},
	InventoryChange: {
		item: (c: { itemId: number }, _, { state }) => state.items.get(c.itemId) ?? null,
		location: (c: { locationId: number }, _, { state }) => state.locations.get(c.locationId) ?? null,
		// Recorded as null in every answer: read the level instead.
		quantityAfterChange: () => null,
	},
};

function quantityOf(level: Level, name: string) {
	const known = (QUANTITY_NAMES as readonly string[]).includes(name);
	if (!known) return [];
	const quantity = name === "on_hand" ? onHand(level) : level.quantities[name as QuantityName];
	// Only `available` carries a time (recorded: every other quantity has null).
	const id = `gid://shopify/InventoryQuantity/${level.locationId}-${name}?inventory_item_id=${level.itemId}`;
	return [{ id, name, quantity, updatedAt: name === "available" ? graphTime(level.availableAt) : null }];
}

function propertyOf(name: string) {
	const parts = ["available", "committed", "damaged", "quality_control", "reserved", "safety_stock"];
	const words = name.replaceAll("_", " ");
	return {
		name,
		displayName: words.charAt(0).toUpperCase() + words.slice(1),
		isInUse: true,
		belongsTo: parts.includes(name) ? ["on_hand"] : [],
		comprises: name === "on_hand" ? parts : [],
	};
}
