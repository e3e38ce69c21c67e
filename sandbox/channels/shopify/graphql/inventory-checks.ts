import { type AdjustmentGroup, idOf, type Level, type Location, levelAt } from "../model.ts";
import type { Context } from "./context.ts";

/** What an inventory mutation is refused for, in the recorded words (the few that are not recorded say so). */
export type InventoryError = { field: string[] | null; message: string; code: string };
export type GroupPayload = { inventoryAdjustmentGroup: AdjustmentGroup | null; userErrors: InventoryError[] };
export type Change = { inventoryItemId: string; locationId: string; changeFromQuantity?: number | null; ledgerDocumentUri?: string | null };
export type Head = { reason: string; referenceDocumentUri?: string | null };

/** Recorded: the reasons that a live store accepts. */
export const REASONS = [
	"correction",
	"cycle_count_available",
	"damaged",
	"movement_canceled",
	"movement_created",
	"movement_received",
	"movement_updated",
	"other",
	"promotion",
	"quality_control",
	"received",
	"reservation_created",
	"reservation_deleted",
	"reservation_updated",
	"restock",
	"safety_stock",
	"shrinkage",
];
export const ADJUSTABLE: readonly string[] = ["available", "damaged", "incoming", "quality_control", "reserved", "safety_stock"];
export const QUANTITY_MAX = 1_000_000_000;

export const refused = (userErrors: InventoryError[]): GroupPayload => ({ inventoryAdjustmentGroup: null, userErrors });

export function locationOf(context: Context, id: string): Location | undefined {
	const location = context.state.locations.get(idOf(id, "Location") ?? -1);
	return location?.active ? location : undefined;
}

export function findLevel(context: Context, change: Change, at: string[], errors: InventoryError[]): Level | null {
	const item = context.state.items.get(idOf(change.inventoryItemId, "InventoryItem") ?? -1);
	const location = locationOf(context, change.locationId);
	if (!item)
		errors.push({
			field: [...at, "inventoryItemId"],
			message: "The specified inventory item could not be found.",
			code: "INVALID_INVENTORY_ITEM",
		});
	if (!location)
		errors.push({ field: [...at, "locationId"], message: "The specified location could not be found.", code: "INVALID_LOCATION" });
	if (!item || !location) return null;
	const variant = context.state.variants.get(item.variantId);
	if (variant && variant.components.length > 0) {
		// Message not recorded.
		errors.push({
			field: [...at, "inventoryItemId"],
			message: "The specified inventory item is not allowed to be adjusted via API.",
			code: "NON_MUTABLE_INVENTORY_ITEM",
		});
		return null;
	}
	const level = levelAt(context.state, item.id, location.id);
	if (level?.active) return level;
	errors.push(notStocked(at));
	return null;
}

// Neither message is recorded.
export const notStocked = (at: string[]): InventoryError => ({
	field: [...at, "locationId"],
	message: "The specified inventory item is not stocked at the location.",
	code: "ITEM_NOT_STOCKED_AT_LOCATION",
});
export const stale = (at: string[]): InventoryError => ({
	field: [...at, "changeFromQuantity"],
	message: "The changeFromQuantity argument no longer matches the persisted quantity.",
	code: "CHANGE_FROM_QUANTITY_STALE",
});
export const isStale = (change: { changeFromQuantity?: number | null }, current: number) =>
	typeof change.changeFromQuantity === "number" && change.changeFromQuantity !== current;

export function reasonErrors({ reason }: Head): InventoryError[] {
	return REASONS.includes(reason)
		? []
		: [
				{
					field: ["input", "reason"],
					message: `The specified reason is invalid. Valid values are: ${REASONS.join(", ")}.`,
					code: "INVALID_REASON",
				},
			];
}

export function referenceErrors({ referenceDocumentUri }: Head): InventoryError[] {
	if (typeof referenceDocumentUri !== "string" || /^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(referenceDocumentUri)) return [];
	// Message not recorded.
	return [
		{
			field: ["input", "referenceDocumentUri"],
			message: "The specified reference document is not a valid URI.",
			code: "INVALID_REFERENCE_DOCUMENT",
		},
	];
}

export function ledgerErrors(name: string, changes: readonly Change[]): InventoryError[] {
	const errors = changes.flatMap(({ ledgerDocumentUri }, index): InventoryError[] => {
		const field = ["input", "changes", String(index), "ledgerDocumentUri"];
		const given = typeof ledgerDocumentUri === "string";
		if (name === "available")
			return given
				? [{ field, message: "A ledger document URI is not allowed when adjusting available.", code: "INVALID_AVAILABLE_DOCUMENT" }]
				: [];
		if (!given)
			return [{ field, message: "A ledger document URI is required except when adjusting available.", code: "INVALID_QUANTITY_DOCUMENT" }];
		if (ledgerDocumentUri.startsWith("gid://shopify/")) {
			return [
				{
					field,
					message: "Internal (gid://shopify/) ledger documents are not allowed to be adjusted via API.",
					code: "INTERNAL_LEDGER_DOCUMENT",
				},
			];
		}
		return [];
	});
	if (errors.length === 0 && new Set(changes.map((change) => change.ledgerDocumentUri ?? null)).size > 1) {
		const message = "All changes must have the same ledger document URI or, in the case of adjusting available, no ledger document URI.";
		return [{ field: ["input", "changes"], message, code: "MAX_ONE_LEDGER_DOCUMENT" }];
	}
	return errors;
}

export function boundErrors(quantity: number, field: string[]): InventoryError[] {
	if (quantity > QUANTITY_MAX)
		return [{ field, message: "The quantity can't be higher than 1,000,000,000.", code: "INVALID_QUANTITY_TOO_HIGH" }];
	// Message not recorded.
	if (quantity < -QUANTITY_MAX)
		return [{ field, message: "The quantity can't be lower than -1,000,000,000.", code: "INVALID_QUANTITY_TOO_LOW" }];
	return [];
}

/** The positions of entries whose (item, location) appears more than once; noted as the caller's mistake. */
export function notePairs(context: Context, operation: string, entries: readonly Change[]): number[] {
	const count = new Map<string, number>();
	const key = (entry: Change) => `${entry.inventoryItemId} ${entry.locationId}`;
	for (const entry of entries) count.set(key(entry), (count.get(key(entry)) ?? 0) + 1);
	const twice = entries.flatMap((entry, index) => ((count.get(key(entry)) ?? 0) > 1 ? [index] : []));
	if (twice.length > 0)
		context.violated("same item and location twice in one call", `${operation}: ${key(entries[twice[0] ?? 0] as Change)}`);
	return twice;
}
