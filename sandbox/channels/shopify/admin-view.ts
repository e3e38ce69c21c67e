import { figuresOf, keepHistory } from "./admin-history.ts";
import { ordersView } from "./admin-orders.ts";
import { derivedAt } from "./levels.ts";
import { levelAt, type Variant } from "./model.ts";
import type { Shop } from "./shop.ts";

/** The shop as an admin's pages show it: ids as text, figures per location, refusals as sentences. */
export function adminView(shop: Shop) {
	const { state } = shop;
	const history = keepHistory(shop.stage);
	const skuOf = (variantId: string): string => {
		const sku = state.variants.get(Number(variantId))?.sku;
		if (!sku) throw new Error("This variant has no SKU, so it cannot be edited here.");
		return sku;
	};
	const titleOf = (variant: Variant) => {
		const product = state.products.get(variant.productId)?.title ?? "";
		return variant.title === "Default Title" ? product : `${product} - ${variant.title}`;
	};
	const show = (variant: Variant) => {
		const bundle = variant.components.length > 0;
		const available: Record<string, number> = {};
		for (const location of state.locations.values()) {
			const level = levelAt(state, variant.itemId, location.id);
			const quantity = bundle ? derivedAt(state, variant, location.id) : level?.active ? level.quantities.available : null;
			if (quantity !== null) available[String(location.id)] = quantity;
		}
		return { id: String(variant.id), sku: variant.sku ?? "", title: titleOf(variant), bundle, available };
	};
	return {
		name: shop.name,
		domain: shop.domain,
		locations: () =>
			shop
				.locations()
				.filter((location) => location.active)
				.map(({ id, name }) => ({ id: String(id), name })),
		variants: () => [...state.variants.values()].map(show),
		product(variantId: string) {
			const variant = state.variants.get(Number(variantId));
			if (!variant) return null;
			return {
				...show(variant),
				price: variant.price,
				barcode: variant.barcode,
				oversells: variant.policy === "CONTINUE",
				components: variant.components.flatMap(({ variantId: id, quantity }) => {
					const part = state.variants.get(id);
					return part ? [{ id: String(id), title: titleOf(part), quantity }] : [];
				}),
				levels: (state.levelsOfItem.get(variant.itemId) ?? [])
					.filter((level) => level.active && variant.components.length === 0)
					.map((level) => ({ locationId: String(level.locationId), ...figuresOf(level.quantities, level) })),
				history: history.of(variant.itemId),
			};
		},
		changeStock(edit: { variantId: string; locationId: string; change: { set: number } | { by: number }; reason: string }): number {
			const at = { sku: skuOf(edit.variantId), locationId: Number(edit.locationId) };
			const how = "set" in edit.change ? { set: edit.change.set } : { delta: edit.change.by };
			history.as(edit.reason, () => shop.editStock({ ...at, ...how }));
			return shop.level(at.sku, at.locationId)?.available ?? 0;
		},
		...ordersView(shop, { history, skuOf, titleOf }),
	};
}
