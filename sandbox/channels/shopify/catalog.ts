import { type Stage, show, skuOf } from "./happening.ts";
import { pool, putLevel } from "./levels.ts";
import { LAST_ONE } from "./magic.ts";
import type { Item, Location, Product, ShopState, Variant } from "./model.ts";
import { firstLocation, variantOfSku } from "./orders.ts";
import { itemPayload, productPayload } from "./payloads.ts";

/** The merchant's side: what the shop sells, where it lies, and the edits made by hand in the admin. */
export type LocationSeed = { id?: number; name: string; fulfillsOnlineOrders?: boolean; active?: boolean; fulfillmentService?: string };
export type VariantSeed = {
	id?: number;
	itemId?: number;
	sku: string | null;
	title?: string;
	barcode?: string;
	price?: string;
	policy?: "DENY" | "CONTINUE";
	tracked?: boolean;
	/** `available`: a number lies at the first location; or per location name. A location that is not named does not stock it. */
	stock?: number | Record<string, number>;
	/** Makes it a bundle (`requiresComponents`); it has no stock of its own then. */
	components?: readonly { sku: string; quantity: number }[];
};
export type ProductSeed = {
	id?: number;
	title: string;
	vendor?: string;
	productType?: string;
	status?: Product["status"];
	tags?: readonly string[];
	giftCard?: boolean;
	requiresShipping?: boolean;
	variants: readonly VariantSeed[];
};
export type Seed = {
	locations?: readonly LocationSeed[];
	products?: readonly ProductSeed[];
	bundles?: readonly { title: string; sku: string; price?: string; components: readonly { sku: string; quantity: number }[] }[];
};

/** The shop before the day begins: nobody is told, and the books open with it. */
export function seed(stage: Stage, { locations = [], products = [], bundles = [] }: Seed): void {
	const { state, world } = stage;
	const now = Math.floor(world.clock.now());
	for (const location of locations) addLocation(state, location, now);
	if (state.locations.size === 0) addLocation(state, { name: "Shop location" }, now);
	const made = [...products, ...bundles.map(({ title, ...variant }): ProductSeed => ({ title, variants: [variant] }))].map((product) =>
		addProduct(state, product, now),
	);
	open(stage, made);
}

export function addLocation(state: ShopState, given: LocationSeed, now: number): Location {
	const location: Location = {
		kind: "Location",
		id: given.id ?? state.nextId(),
		name: given.name,
		active: given.active ?? true,
		fulfillsOnlineOrders: given.fulfillsOnlineOrders ?? true,
		fulfillmentService: given.fulfillmentService ?? null,
		createdAt: now,
		updatedAt: now,
		deactivatedAt: null,
	};
	state.locations.set(location.id, location);
	return location;
}

export function addProduct(state: ShopState, given: ProductSeed, now: number): Product {
	const product: Product = {
		kind: "Product",
		id: given.id ?? state.nextId(),
		title: given.title,
		handle: given.title
			.toLowerCase()
			.replaceAll(/[^a-z0-9]+/g, "-")
			.replaceAll(/^-|-$/g, ""),
		vendor: given.vendor ?? state.name,
		productType: given.productType ?? "",
		status: given.status ?? "ACTIVE",
		tags: [...(given.tags ?? [])],
		giftCard: given.giftCard ?? false,
		createdAt: now,
		updatedAt: now,
	};
	state.products.set(product.id, product);
	state.variantsOfProduct.set(product.id, []);
	for (const variant of given.variants) addVariant(state, product, variant, { now, requiresShipping: given.requiresShipping ?? true });
	return product;
}

function addVariant(
	state: ShopState,
	product: Product,
	given: VariantSeed,
	{ now, requiresShipping }: { now: number; requiresShipping: boolean },
): void {
	const siblings = state.variantsOfProduct.get(product.id) ?? [];
	const variant: Variant = {
		kind: "ProductVariant",
		id: given.id ?? state.nextId(),
		productId: product.id,
		itemId: given.itemId ?? state.nextId(),
		title: given.title ?? "Default Title",
		sku: given.sku,
		barcode: given.barcode ?? null,
		price: given.price ?? "19.00",
		policy: given.policy ?? "DENY",
		position: siblings.length + 1,
		components: (given.components ?? []).map((component) => {
			const part = variantOfSku(state, component.sku);
			if (!part) throw new Error(`Bundle ${given.sku} needs ${component.sku}, which the shop does not have yet.`);
			return { id: state.nextId(), variantId: part.id, quantity: component.quantity };
		}),
		createdAt: now,
		updatedAt: now,
	};
	const item: Item = {
		kind: "InventoryItem",
		id: variant.itemId,
		variantId: variant.id,
		tracked: given.tracked ?? true,
		requiresShipping,
		createdAt: now,
		updatedAt: now,
	};
	state.variants.set(variant.id, variant);
	state.items.set(item.id, item);
	siblings.push(variant);
	if (variant.sku !== null) state.variantsOfSku.set(variant.sku, [...(state.variantsOfSku.get(variant.sku) ?? []), variant]);
	for (const { variantId } of variant.components)
		state.bundlesOfVariant.set(variantId, [...(state.bundlesOfVariant.get(variantId) ?? []), variant]);
	if (variant.components.length > 0) return;
	const stock =
		typeof given.stock === "object"
			? given.stock
			: { [firstLocation(state).name]: given.stock ?? (given.sku?.startsWith(LAST_ONE) ? 1 : 0) };
	for (const [name, available] of Object.entries(stock)) {
		const location = [...state.locations.values()].find((l) => l.name === name);
		if (!location) throw new Error(`${given.sku} is to lie at "${name}", which the shop does not have.`);
		putLevel(state, { itemId: item.id, locationId: location.id, available, now });
	}
}

/** Opens the books for new products. A SKU that they already know gained these units by an edit. */
function open(stage: Stage, products: readonly Product[]): void {
	const { state, world, booksAs } = stage;
	if (booksAs === null) return;
	const opened: number[] = [];
	for (const variant of products.flatMap((product) => state.variantsOfProduct.get(product.id) ?? [])) {
		if (variant.components.length > 0 && variant.sku !== null) {
			const components = variant.components.flatMap(({ variantId, quantity }) => {
				const sku = state.variants.get(variantId)?.sku;
				return sku ? [{ sku, quantity }] : [];
			});
			world.books.defineBundle(variant.sku, components);
			continue;
		}
		const sku = skuOf(state, variant.itemId);
		if (sku === null) continue;
		if (world.books.skus().includes(sku)) world.books.edited({ channel: booksAs, sku, delta: pool(state, variant.itemId) });
		else world.books.open(sku, pool(state, variant.itemId));
		opened.push(variant.itemId);
	}
	show(stage, opened, "opening");
}

export function createProduct(stage: Stage, given: ProductSeed): Product {
	const { state } = stage;
	return stage.happen("edit", (happening) => {
		const product = addProduct(state, given, happening.at);
		for (const variant of state.variantsOfProduct.get(product.id) ?? []) {
			const item = state.items.get(variant.itemId);
			if (item)
				happening.topics.push({ topic: "inventory_items/create", resourceId: String(item.id), payload: () => itemPayload(state, item) });
			happening.connected.push(...(state.levelsOfItem.get(variant.itemId) ?? []));
		}
		happening.topics.push({ topic: "products/create", resourceId: String(product.id), payload: () => productPayload(state, product) });
		open(stage, [product]);
		return product;
	});
}

export function deleteProduct(stage: Stage, productId: number): void {
	const { state } = stage;
	const variants = state.variantsOfProduct.get(productId) ?? [];
	// The books are told while the variants can still be named; after that nothing of the product is left to name.
	stage.happen("edit", (happening) => {
		for (const { itemId } of variants) {
			happening.pooled.set(itemId, -pool(state, itemId));
			for (const level of state.levelsOfItem.get(itemId) ?? []) {
				level.quantities.available = 0;
				if (level.active) happening.disconnected.push(level);
			}
			happening.topics.push({ topic: "inventory_items/delete", resourceId: String(itemId), payload: () => ({ id: itemId }) });
		}
		happening.topics.push({ topic: "products/delete", resourceId: String(productId), payload: () => ({ id: productId }) });
	});
	for (const variant of variants) {
		for (const level of state.levelsOfItem.get(variant.itemId) ?? []) state.levels.delete(`${level.itemId}@${level.locationId}`);
		state.levelsOfItem.delete(variant.itemId);
		state.items.delete(variant.itemId);
		state.variants.delete(variant.id);
		if (variant.sku !== null)
			state.variantsOfSku.set(
				variant.sku,
				(state.variantsOfSku.get(variant.sku) ?? []).filter((v) => v !== variant),
			);
	}
	state.variantsOfProduct.delete(productId);
	state.products.delete(productId);
}

/** A change of a product or of one of its variants, with the webhooks that follow. */
export function changeVariant(stage: Stage, sku: string, change: (variant: Variant, product: Product, item: Item) => unknown): void {
	const { state } = stage;
	const variant = known(state, sku);
	const product = state.products.get(variant.productId) as Product;
	const item = state.items.get(variant.itemId) as Item;
	stage.happen("edit", (happening) => {
		const before = { sku: variant.sku, tracked: item.tracked };
		change(variant, product, item);
		variant.updatedAt = happening.at;
		product.updatedAt = happening.at;
		if (before.sku !== variant.sku) reindex(state, variant, before.sku);
		if (before.sku !== variant.sku || before.tracked !== item.tracked) {
			item.updatedAt = happening.at;
			happening.topics.push({ topic: "inventory_items/update", resourceId: String(item.id), payload: () => itemPayload(state, item) });
		}
		happening.topics.push({ topic: "products/update", resourceId: String(product.id), payload: () => productPayload(state, product) });
	});
}

function reindex(state: ShopState, variant: Variant, before: string | null): void {
	if (before !== null)
		state.variantsOfSku.set(
			before,
			(state.variantsOfSku.get(before) ?? []).filter((v) => v !== variant),
		);
	if (variant.sku !== null) state.variantsOfSku.set(variant.sku, [...(state.variantsOfSku.get(variant.sku) ?? []), variant]);
}

export function known(state: ShopState, sku: string): Variant {
	const variant = variantOfSku(state, sku);
	if (!variant) throw new Error(`The shop has no SKU ${sku}.`);
	return variant;
}
