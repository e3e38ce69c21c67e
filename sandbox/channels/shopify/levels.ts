import { type Happening, type Level, type Location, levelAt, type QuantityName, type ShopState, type Variant } from "./model.ts";

/**
 * The arithmetic of levels. Every change goes through `move`, which notes it in the happening: from there come the
 * `inventory_levels/update` webhooks and the entries in the books, so no change can be forgotten by either.
 */
export function move(happening: Happening, level: Level, changes: Partial<Record<QuantityName, number>>): void {
	for (const [name, delta] of Object.entries(changes) as [QuantityName, number][]) {
		if (delta === 0) continue;
		level.quantities[name] += delta;
		level.updatedAt = happening.at;
		if (name === "available") {
			level.availableAt = happening.at;
			happening.moved.set(level, (happening.moved.get(level) ?? 0) + delta);
		}
	}
}

export function putLevel(state: ShopState, at: { itemId: number; locationId: number; available?: number; now: number }): Level {
	const level: Level = {
		kind: "InventoryLevel",
		itemId: at.itemId,
		locationId: at.locationId,
		active: true,
		quantities: { available: at.available ?? 0, committed: 0, incoming: 0, reserved: 0, damaged: 0, quality_control: 0, safety_stock: 0 },
		availableAt: at.now,
		createdAt: at.now,
		updatedAt: at.now,
	};
	state.levels.set(`${at.itemId}@${at.locationId}`, level);
	state.levelsOfItem.set(at.itemId, [...(state.levelsOfItem.get(at.itemId) ?? []), level]);
	return level;
}

/** Stocks the item there again, or for the first time. */
export function activateLevel(state: ShopState, happening: Happening, at: { itemId: number; locationId: number }): Level {
	const known = levelAt(state, at.itemId, at.locationId);
	if (known?.active) return known;
	const level = known ?? putLevel(state, { ...at, now: happening.at });
	level.active = true;
	level.updatedAt = happening.at;
	happening.connected.push(level);
	return level;
}

/** Whether the online store sells from there. */
export const sellsOnline = (location: Location | undefined) => location?.active === true && location.fulfillsOnlineOrders;

/** Active levels in the order in which the shop ships: the order in which the locations were made. */
export function onlineLevels(state: ShopState, itemId: number): Level[] {
	return (state.levelsOfItem.get(itemId) ?? [])
		.filter((level) => level.active && sellsOnline(state.locations.get(level.locationId)))
		.sort((a, b) => a.locationId - b.locationId);
}

/** What the online store may sell of one item: the sum over the locations that fulfil online orders. Can be negative. */
export const pool = (state: ShopState, itemId: number) =>
	onlineLevels(state, itemId).reduce((sum, level) => sum + level.quantities.available, 0);

/** The same for a variant; a bundle has what its scarcest component allows. */
export function sellableOnline(state: ShopState, variant: Variant): number {
	if (variant.components.length === 0) return pool(state, variant.itemId);
	return Math.min(
		...variant.components.map((component) => {
			const part = state.variants.get(component.variantId);
			return part ? Math.floor(sellableOnline(state, part) / component.quantity) : 0;
		}),
	);
}

/** A bundle's derived quantity at one location; null where a component is not stocked. */
export function derivedAt(state: ShopState, variant: Variant, locationId: number): number | null {
	let least = Number.POSITIVE_INFINITY;
	for (const component of variant.components) {
		const part = state.variants.get(component.variantId);
		const level = part && levelAt(state, part.itemId, locationId);
		if (!level?.active) return null;
		least = Math.min(least, Math.floor(level.quantities.available / component.quantity));
	}
	return Number.isFinite(least) ? least : null;
}
