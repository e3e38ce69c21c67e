import { z } from "zod";
import type { HomeItem, HomeReading } from "#domain";
import { gidOf, moment } from "./ids.ts";

/** Their words for items, variants and levels, and ours out of them. */
const text = z
	.string()
	.nullable()
	.transform((value) => (value === "" ? null : value));

export const inventoryItem = z.object({ id: gidOf("InventoryItem"), sku: text, tracked: z.boolean(), updatedAt: moment });
export type InventoryItem = z.infer<typeof inventoryItem>;

export const productVariant = z.object({
	id: gidOf("ProductVariant"),
	title: z.string(),
	barcode: text,
	inventoryPolicy: z.enum(["DENY", "CONTINUE"]),
	requiresComponents: z.boolean(),
	updatedAt: moment,
	product: z.object({ id: gidOf("Product"), title: z.string(), updatedAt: moment }),
});
export type ProductVariant = z.infer<typeof productVariant>;

export const inventoryLevel = z.object({
	id: z.string(),
	isActive: z.boolean(),
	updatedAt: moment,
	item: z.object({ id: gidOf("InventoryItem") }),
	location: z.object({ id: gidOf("Location") }),
	quantities: z.array(z.object({ name: z.string(), quantity: z.int(), updatedAt: moment.nullable() })),
});
export type InventoryLevel = z.infer<typeof inventoryLevel>;

export function toHomeItem(item: InventoryItem, variant: ProductVariant | null): HomeItem {
	return {
		v: 1,
		type: "home.item",
		itemExternalId: item.id,
		variantExternalId: variant?.id ?? null,
		productExternalId: variant?.product.id ?? null,
		sku: item.sku,
		barcode: variant?.barcode ?? null,
		title: variant === null ? (item.sku ?? "") : titleOf(variant),
		tracked: item.tracked,
		sellsWhenOut: variant?.inventoryPolicy === "CONTINUE",
		isHomeBundle: variant?.requiresComponents ?? false,
		// Made of three things that change by themselves: as new as the newest.
		stamp: latest([item.updatedAt, variant?.updatedAt, variant?.product.updatedAt]),
	};
}

/** Shopify calls the only variant of a product "Default Title". */
const titleOf = ({ title, product }: ProductVariant) => (title === "Default Title" ? product.title : `${product.title} – ${title}`);

/**
 * A level as home's own figure. Its time is the later of the level's `updatedAt`, which is what inventory_levels/update carries,
 * so that readings by webhook and by query are ordered by one clock and one field, and the figure's own `updatedAt`, which is
 * recorded to move with a change (2026-04: adjusted at …:56, `available` updated at …:56). The figure was read after both.
 */
export function toReading(level: InventoryLevel, askedAt: string): HomeReading | null {
	const available = level.quantities.find(({ name }) => name === "available");
	if (available === undefined) return null;
	return {
		v: 1,
		type: "home.reading",
		itemExternalId: level.item.id,
		locationExternalId: level.location.id,
		quantity: level.isActive ? available.quantity : 0,
		readAt: latest([level.updatedAt, available.updatedAt]),
		via: "query",
		askedAt,
		stocked: level.isActive,
	};
}

/** ISO texts in UTC sort as their moments do. */
const latest = (moments: readonly (string | null | undefined)[]): string =>
	moments
		.filter((m) => m != null)
		.sort()
		.at(-1) ?? "";
