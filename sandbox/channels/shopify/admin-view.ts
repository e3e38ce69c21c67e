import { derivedAt } from "./levels.ts";
import { levelAt } from "./model.ts";
import type { Shop } from "./shop.ts";

/** The shop as an admin's pages show it: ids as text, figures per location, refusals as sentences. */
export function adminView(shop: Shop) {
	const { state } = shop;
	const skuOf = (variantId: string): string => {
		const sku = state.variants.get(Number(variantId))?.sku;
		if (!sku) throw new Error("This variant has no SKU, so it cannot be edited here.");
		return sku;
	};
	return {
		name: shop.name,
		domain: shop.domain,
		locations: () =>
			shop
				.locations()
				.filter((location) => location.active)
				.map(({ id, name }) => ({ id: String(id), name })),
		variants: () =>
			[...state.variants.values()].map((variant) => {
				const product = state.products.get(variant.productId);
				const bundle = variant.components.length > 0;
				const available: Record<string, number> = {};
				for (const location of state.locations.values()) {
					const level = levelAt(state, variant.itemId, location.id);
					const quantity = bundle ? derivedAt(state, variant, location.id) : level?.active ? level.quantities.available : null;
					if (quantity !== null) available[String(location.id)] = quantity;
				}
				const title = variant.title === "Default Title" ? (product?.title ?? "") : `${product?.title} - ${variant.title}`;
				return { id: String(variant.id), sku: variant.sku ?? "", title, bundle, available };
			}),
		setAvailable({ variantId, locationId, available }: { variantId: string; locationId: string; available: number }): void {
			shop.editStock({ sku: skuOf(variantId), locationId: Number(locationId), set: available });
		},
		orders: (limit: number) =>
			shop
				.orders()
				.slice(-limit)
				.reverse()
				.map((order) => ({
					name: order.name,
					at: order.createdAt,
					source: order.sourceName,
					cancelled: order.cancelledAt !== null,
					lines: order.lines.map(({ sku, title, quantity }) => ({ sku: sku ?? "", title, quantity })),
				})),
		placeOrder({ variantId, quantity }: { variantId: string; quantity: number }): { name: string } {
			const placed = shop.checkout({ lines: [{ sku: skuOf(variantId), quantity }] });
			if (placed.outcome === "placed") return { name: placed.name };
			if (placed.outcome === "refused") throw new Error(`Only ${Math.max(0, placed.available)} of ${placed.sku} are left.`);
			throw new Error(`The shop has no ${placed.sku}.`);
		},
	};
}
