import { type Happening, type Stage, show, skuOf } from "./happening.ts";
import { activateLevel, move, pool, putLevel, sellsOnline } from "./levels.ts";
import { LAST_ONE } from "./magic.ts";
import { type Item, type Location, levelAt, type Product, type ShopState, type Variant } from "./model.ts";
import { firstLocation, variantOfSku } from "./orders.ts";
import { itemPayload, locationPayload, productPayload } from "./payloads.ts";

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

/** The merchant types another number into the admin. */
export function editStock(
	stage: Stage,
	{ sku, locationId, ...edit }: { sku: string; locationId?: number } & ({ delta: number } | { set: number }),
): void {
	const { state } = stage;
	const variant = known(state, sku);
	stage.happen("edit", (happening) => {
		const level = activateLevel(state, happening, { itemId: variant.itemId, locationId: locationId ?? firstLocation(state).id });
		move(happening, level, { available: "delta" in edit ? edit.delta : edit.set - level.quantities.available });
	});
}

/** Goods go from one location to another: on their way they are incoming there and nowhere available. */
export function transfer(
	stage: Stage,
	{ sku, from, to, quantity }: { sku: string; from: number; to: number; quantity: number },
): { receive(): void } {
	const { state } = stage;
	const variant = known(state, sku);
	const destination = (happening: Happening) => activateLevel(state, happening, { itemId: variant.itemId, locationId: to });
	stage.happen("edit", (happening) => {
		const source = levelAt(state, variant.itemId, from);
		if (!source?.active) throw new Error(`${sku} is not stocked at location ${from}.`);
		move(happening, source, { available: -quantity });
		move(happening, destination(happening), { incoming: quantity });
	});
	let received = false;
	return {
		receive() {
			if (received) return;
			received = true;
			stage.happen("edit", (happening) => move(happening, destination(happening), { incoming: -quantity, available: quantity }));
		},
	};
}

/** Moves units between the states of one level: put aside as damaged, taken back, and so on. */
export function setAside(
	stage: Stage,
	{
		sku,
		locationId,
		name,
		quantity,
	}: { sku: string; locationId?: number; name: "damaged" | "quality_control" | "safety_stock" | "reserved"; quantity: number },
): void {
	const { state } = stage;
	const level = levelAt(state, known(state, sku).itemId, locationId ?? firstLocation(state).id);
	if (!level) throw new Error(`${sku} is not stocked there.`);
	stage.happen("edit", (happening) => move(happening, level, { available: -quantity, [name]: quantity }));
}

export function deactivateItemAt(stage: Stage, { sku, locationId }: { sku: string; locationId: number }): void {
	const { state } = stage;
	const level = levelAt(state, known(state, sku).itemId, locationId);
	if (!level?.active) return;
	stage.happen("edit", (happening) => {
		if (sellsOnline(state.locations.get(locationId))) happening.pooled.set(level.itemId, -level.quantities.available);
		level.quantities.available = 0;
		level.active = false;
		level.updatedAt = happening.at;
		level.availableAt = happening.at;
		happening.disconnected.push(level);
	});
}

/** Opens, closes or repurposes a location; the pools of everything stocked there follow. */
export function changeLocation(
	stage: Stage,
	locationId: number,
	change: { active?: boolean; fulfillsOnlineOrders?: boolean; name?: string },
): void {
	const { state } = stage;
	const location = state.locations.get(locationId);
	if (!location) throw new Error(`The shop has no location ${locationId}.`);
	stage.happen("edit", (happening) => {
		const before = sellsOnline(location);
		const wasActive = location.active;
		location.active = change.active ?? location.active;
		location.fulfillsOnlineOrders = change.fulfillsOnlineOrders ?? location.fulfillsOnlineOrders;
		location.name = change.name ?? location.name;
		location.updatedAt = happening.at;
		location.deactivatedAt = location.active ? null : happening.at;
		const after = sellsOnline(location);
		for (const level of state.levels.values()) {
			if (level.locationId === locationId && level.active && before !== after)
				happening.pooled.set(level.itemId, (after ? 1 : -1) * level.quantities.available);
		}
		const topic = wasActive === location.active ? "locations/update" : location.active ? "locations/activate" : "locations/deactivate";
		happening.topics.push({ topic, resourceId: String(locationId), payload: () => locationPayload(state, location) });
	});
}

export function known(state: ShopState, sku: string): Variant {
	const variant = variantOfSku(state, sku);
	if (!variant) throw new Error(`The shop has no SKU ${sku}.`);
	return variant;
}
