import { activateLevel, move, sellsOnline } from "../levels.ts";
import { type AdjustmentGroup, idOf, type Level, type Location, levelAt, levelOfGid, onHand, type QuantityName } from "../model.ts";
import type { Context } from "./context.ts";

/**
 * The inventory mutations. Messages and codes are the recorded ones (2026-04) wherever a recording has them; the others are
 * marked. A call is all or nothing: with any user error no quantity moves.
 */
export type InventoryError = { field: string[] | null; message: string; code: string };
export type GroupPayload = { inventoryAdjustmentGroup: AdjustmentGroup | null; userErrors: InventoryError[] };

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
const ADJUSTABLE: readonly string[] = ["available", "damaged", "incoming", "quality_control", "reserved", "safety_stock"];
const QUANTITY_MAX = 1_000_000_000;

type Change = { inventoryItemId: string; locationId: string; changeFromQuantity?: number | null; ledgerDocumentUri?: string | null };
type Head = { reason: string; referenceDocumentUri?: string | null };
type Planned = { level: Level; name: QuantityName; delta: number; ledgerDocumentUri: string | null };

export function adjustQuantities(context: Context, input: Head & { name: string; changes: (Change & { delta: number })[] }): GroupPayload {
	const early = [...reasonErrors(input), ...referenceErrors(input)];
	if (early.length > 0) return refused(early);
	if (!ADJUSTABLE.includes(input.name)) {
		// Message not recorded.
		return refused([
			{
				field: ["input", "name"],
				message: `The specified quantity name is invalid. Valid values are: ${ADJUSTABLE.join(", ")}.`,
				code: "INVALID_QUANTITY_NAME",
			},
		]);
	}
	const documents = ledgerErrors(input.name, input.changes);
	if (documents.length > 0) return refused(documents);
	const name = input.name as QuantityName;
	notePairs(context, "inventoryAdjustQuantities", input.changes);
	const errors: InventoryError[] = [];
	const planned: Planned[] = [];
	const running = new Map<Level, number>();
	for (const [index, change] of input.changes.entries()) {
		const at = ["input", "changes", String(index)];
		const level = findLevel(context, change, at, errors);
		if (!level) continue;
		const before = running.get(level) ?? level.quantities[name];
		if (isStale(change, level.quantities[name])) errors.push(stale(at));
		errors.push(...boundErrors(before + change.delta, [...at, "delta"]));
		running.set(level, before + change.delta);
		planned.push({ level, name, delta: change.delta, ledgerDocumentUri: change.ledgerDocumentUri ?? null });
	}
	return errors.length > 0 ? refused(errors) : carryOut(context, input, planned);
}

type SetEntry = Change & { quantity: number };

export function setQuantities(context: Context, input: Head & { name: string; quantities: SetEntry[] }): GroupPayload {
	return setAbsolute(context, input, { name: input.name, entries: input.quantities, list: "quantities", unique: true });
}

export function setOnHandQuantities(context: Context, input: Head & { setQuantities: SetEntry[] }): GroupPayload {
	return setAbsolute(context, input, { name: "on_hand", entries: input.setQuantities, list: "setQuantities", unique: false });
}

function setAbsolute(
	context: Context,
	input: Head,
	{ name, entries, list, unique }: { name: string; entries: SetEntry[]; list: string; unique: boolean },
): GroupPayload {
	const early = [...reasonErrors(input), ...referenceErrors(input)];
	if (early.length > 0) return refused(early);
	if (name !== "available" && name !== "on_hand") {
		return refused([
			{ field: ["input", "name"], message: "The quantity name must be either 'available' or 'on_hand'.", code: "INVALID_NAME" },
		]);
	}
	const twice = notePairs(context, "inventorySetQuantities", entries);
	if (unique && twice.length > 0) {
		const message = "The combination of inventoryItemId and locationId must be unique.";
		return refused(
			twice.map((index) => ({
				field: ["input", list, String(index), "locationId"],
				message,
				code: "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
			})),
		);
	}
	const errors: InventoryError[] = [];
	const planned: Planned[] = [];
	for (const [index, entry] of entries.entries()) {
		const at = ["input", list, String(index)];
		const level = findLevel(context, entry, at, errors);
		if (!level) continue;
		const current = name === "available" ? level.quantities.available : onHand(level);
		const bounds =
			name === "on_hand" && entry.quantity < 0
				? [{ field: [...at, "quantity"], message: "The quantity can't be negative.", code: "INVALID_QUANTITY_NEGATIVE" }]
				: boundErrors(entry.quantity, [...at, "quantity"]);
		errors.push(...bounds);
		if (bounds.length === 0 && isStale(entry, current)) errors.push(stale(at));
		planned.push({ level, name: "available", delta: entry.quantity - current, ledgerDocumentUri: null });
	}
	return errors.length > 0 ? refused(errors) : carryOut(context, input, planned);
}

type Terminal = { locationId: string; name: string; ledgerDocumentUri?: string | null; changeFromQuantity?: number | null };
type MoveChange = { inventoryItemId: string; quantity: number; from: Terminal; to: Terminal };

export function moveQuantities(context: Context, input: Head & { changes: MoveChange[] }): GroupPayload {
	const early = [...reasonErrors(input), ...referenceErrors(input)];
	if (early.length > 0) return refused(early);
	const errors: InventoryError[] = [];
	const planned: Planned[] = [];
	for (const [index, change] of input.changes.entries()) {
		const at = ["input", "changes", String(index)];
		const item = context.state.items.get(idOf(change.inventoryItemId, "InventoryItem") ?? -1);
		if (!item)
			errors.push({
				field: [...at, "inventoryItemId"],
				message: "The specified inventory item could not be found.",
				code: "INVALID_INVENTORY_ITEM",
			});
		for (const [side, terminal, sign] of [
			["from", change.from, -1],
			["to", change.to, 1],
		] as const) {
			const location = locationOf(context, terminal.locationId);
			if (!location) {
				errors.push({
					field: [...at, side, "locationId"],
					message: "The specified location could not be found.",
					code: "INVALID_LOCATION",
				});
				continue;
			}
			const level = item && levelAt(context.state, item.id, location.id);
			const known = ADJUSTABLE.includes(terminal.name);
			// The next two messages are not recorded.
			if (!known)
				errors.push({ field: [...at, side, "name"], message: "The specified quantity name is invalid.", code: "INVALID_QUANTITY_NAME" });
			else if (item && !level?.active) errors.push(notStocked([...at, side]));
			else if (level) {
				const name = terminal.name as QuantityName;
				if (isStale(terminal, level.quantities[name])) errors.push(stale([...at, side]));
				planned.push({ level, name, delta: sign * change.quantity, ledgerDocumentUri: terminal.ledgerDocumentUri ?? null });
			}
		}
		if (change.from.locationId !== change.to.locationId) {
			errors.push({ field: at, message: "The quantities can't be moved between different locations.", code: "DIFFERENT_LOCATIONS" });
		}
	}
	return errors.length > 0 ? refused(errors) : carryOut(context, input, planned);
}

export type ActivateArgs = { inventoryItemId: string; locationId: string; available?: number | null; onHand?: number | null };

export function activateInventory(
	context: Context,
	args: ActivateArgs,
): { inventoryLevel: Level | null; userErrors: { field: string[] | null; message: string }[] } {
	const { state, stage } = context;
	const item = state.items.get(idOf(args.inventoryItemId, "InventoryItem") ?? -1);
	const location = locationOf(context, args.locationId);
	// Not recorded.
	if (!item)
		return {
			inventoryLevel: null,
			userErrors: [
				{ field: ["inventoryItemId"], message: "The product couldn't be stocked because the inventory item couldn't be found." },
			],
		};
	if (!location)
		return {
			inventoryLevel: null,
			userErrors: [{ field: ["locationId"], message: "The product couldn't be stocked because the location couldn't be found." }],
		};
	const refuse = (fields: string[], why: string) => ({
		inventoryLevel: null,
		userErrors: fields.map((field) => ({ field: [field], message: `The product couldn't be stocked at ${location.name} because ${why}.` })),
	});
	const given = (["available", "onHand"] as const).filter((name) => typeof args[name] === "number");
	const known = levelAt(state, item.id, location.id);
	if (known?.active) {
		const words = { available: "an available", onHand: "an on_hand" } as const;
		const userErrors = given.map((name) => ({
			field: [name],
			message: `Not allowed to set ${words[name]} quantity when the item is already active at the location.`,
		}));
		return { inventoryLevel: known, userErrors };
	}
	if (given.length === 2) return refuse([...given], "not allowed to set available and on_hand quantities at the same time");
	const amount = args.available ?? args.onHand ?? 0;
	if (Math.abs(amount) > QUANTITY_MAX) return refuse([...given], "the quantity needs to be between -1 billion and 1 billion");
	const level = stage.happen("write", (happening) => {
		const stocked = activateLevel(state, happening, { itemId: item.id, locationId: location.id });
		move(happening, stocked, { available: amount - stocked.quantities.available });
		return stocked;
	});
	return { inventoryLevel: level, userErrors: [] };
}

export function deactivateInventory(
	context: Context,
	{ inventoryLevelId }: { inventoryLevelId: string },
): { userErrors: { field: string[] | null; message: string }[] } {
	const level = levelOfGid(context.state, inventoryLevelId);
	// Messages not recorded.
	if (!level?.active)
		return { userErrors: [{ field: ["inventoryLevelId"], message: "The product couldn't be unstocked because it was already deleted." }] };
	const others = (context.state.levelsOfItem.get(level.itemId) ?? []).filter((other) => other !== level && other.active);
	const busy = level.quantities.committed !== 0 || level.quantities.incoming !== 0 || level.quantities.reserved !== 0;
	const place = context.state.locations.get(level.locationId)?.name ?? "";
	if (others.length === 0)
		return {
			userErrors: [
				{
					field: null,
					message: `The product couldn't be unstocked from ${place} because products need to be stocked at a minimum of 1 location.`,
				},
			],
		};
	if (busy)
		return {
			userErrors: [
				{
					field: null,
					message: `The product couldn't be unstocked from ${place} because it has committed, incoming or reserved inventory.`,
				},
			],
		};
	context.stage.happen("write", (happening) => {
		if (sellsOnline(context.state.locations.get(level.locationId))) happening.pooled.set(level.itemId, -level.quantities.available);
		level.quantities.available = 0;
		level.active = false;
		level.updatedAt = happening.at;
		happening.disconnected.push(level);
	});
	return { userErrors: [] };
}

function carryOut(context: Context, input: Head, planned: readonly Planned[]): GroupPayload {
	const moving = planned.filter((entry) => entry.delta !== 0);
	// Recorded: a call that changes nothing has no group and no error.
	if (moving.length === 0) return { inventoryAdjustmentGroup: null, userErrors: [] };
	const { stage, state } = context;
	const group = stage.happen("write", (happening): AdjustmentGroup => {
		const made: AdjustmentGroup = {
			kind: "InventoryAdjustmentGroup",
			id: state.nextId(),
			createdAt: happening.at,
			reason: input.reason,
			referenceDocumentUri: input.referenceDocumentUri ?? null,
			changes: [],
		};
		for (const { level, name, delta, ledgerDocumentUri } of moving) {
			const before = onHand(level);
			move(happening, level, { [name]: delta });
			const common = { itemId: level.itemId, locationId: level.locationId };
			made.changes.push({ name, delta, ledgerDocumentUri, ...common });
			if (onHand(level) !== before)
				made.changes.push({ name: "on_hand", delta: onHand(level) - before, ledgerDocumentUri: null, ...common });
		}
		return made;
	});
	context.groups.set(group.id, group);
	return { inventoryAdjustmentGroup: group, userErrors: [] };
}

const refused = (userErrors: InventoryError[]): GroupPayload => ({ inventoryAdjustmentGroup: null, userErrors });

function locationOf(context: Context, id: string): Location | undefined {
	const location = context.state.locations.get(idOf(id, "Location") ?? -1);
	return location?.active ? location : undefined;
}

function findLevel(context: Context, change: Change, at: string[], errors: InventoryError[]): Level | null {
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
const notStocked = (at: string[]): InventoryError => ({
	field: [...at, "locationId"],
	message: "The specified inventory item is not stocked at the location.",
	code: "ITEM_NOT_STOCKED_AT_LOCATION",
});
const stale = (at: string[]): InventoryError => ({
	field: [...at, "changeFromQuantity"],
	message: "The changeFromQuantity argument no longer matches the persisted quantity.",
	code: "CHANGE_FROM_QUANTITY_STALE",
});
const isStale = (change: { changeFromQuantity?: number | null }, current: number) =>
	typeof change.changeFromQuantity === "number" && change.changeFromQuantity !== current;

function reasonErrors({ reason }: Head): InventoryError[] {
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

function referenceErrors({ referenceDocumentUri }: Head): InventoryError[] {
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

function ledgerErrors(name: string, changes: readonly Change[]): InventoryError[] {
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

function boundErrors(quantity: number, field: string[]): InventoryError[] {
	if (quantity > QUANTITY_MAX)
		return [{ field, message: "The quantity can't be higher than 1,000,000,000.", code: "INVALID_QUANTITY_TOO_HIGH" }];
	// Message not recorded.
	if (quantity < -QUANTITY_MAX)
		return [{ field, message: "The quantity can't be lower than -1,000,000,000.", code: "INVALID_QUANTITY_TOO_LOW" }];
	return [];
}

/** The positions of entries whose (item, location) appears more than once; noted as the caller's mistake. */
function notePairs(context: Context, operation: string, entries: readonly Change[]): number[] {
	const count = new Map<string, number>();
	const key = (entry: Change) => `${entry.inventoryItemId} ${entry.locationId}`;
	for (const entry of entries) count.set(key(entry), (count.get(key(entry)) ?? 0) + 1);
	const twice = entries.flatMap((entry, index) => ((count.get(key(entry)) ?? 0) > 1 ? [index] : []));
	if (twice.length > 0)
		context.violated("same item and location twice in one call", `${operation}: ${key(entries[twice[0] ?? 0] as Change)}`);
	return twice;
}
