import { known } from "./catalog.ts";
import { pool, sellableOnline } from "./levels.ts";
import { gid, type Level, levelAt, type Order, onHand, QUANTITY_NAMES, type QuantityName, type ShopState } from "./model.ts";

/** What is so, for verdicts and pages. */
export function figures(state: ShopState) {
	const levelOf = (sku: string, locationId: number): Level | undefined => levelAt(state, known(state, sku).itemId, locationId);
	return {
		/** What the online store may sell: the sum over locations that fulfil online orders. Can be negative. */
		available(sku: string): number {
			const variant = known(state, sku);
			return variant.components.length > 0 ? sellableOnline(state, variant) : pool(state, variant.itemId);
		},
		level(
			sku: string,
			locationId: number,
		): (Record<QuantityName | "on_hand", number> & { active: boolean; updatedAt: number }) | undefined {
			const level = levelOf(sku, locationId);
			return level && { ...level.quantities, on_hand: onHand(level), active: level.active, updatedAt: level.updatedAt };
		},
		locations: () => [...state.locations.values()],
		location: (name: string) => [...state.locations.values()].find((location) => location.name === name),
		skus: () => [...state.variantsOfSku.keys()],
		order: (orderId: number): Order | undefined => state.orders.get(orderId),
		orders: () => [...state.orders.values()],
		/** The ids that the API gives a SKU. */
		idsOf(sku: string) {
			const variant = known(state, sku);
			return {
				productId: gid("Product", variant.productId),
				variantId: gid("ProductVariant", variant.id),
				inventoryItemId: gid("InventoryItem", variant.itemId),
				product: variant.productId,
				variant: variant.id,
				item: variant.itemId,
			};
		},
		quantityNames: QUANTITY_NAMES,
	};
}
