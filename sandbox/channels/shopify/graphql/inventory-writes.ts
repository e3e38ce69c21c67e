import { activateLevel, move, sellsOnline } from "../levels.ts";
import { type AdjustmentGroup, idOf, type Level, levelAt, levelOfGid, onHand, type QuantityName } from "../model.ts";
import type { Context } from "./context.ts";
import {
	ADJUSTABLE,
	boundErrors,
	type Change,
	findLevel,
	type GroupPayload,
	type Head,
	type InventoryError,
	isStale,
	ledgerErrors,
	locationOf,
	notePairs,
	notStocked,
	QUANTITY_MAX,
	reasonErrors,
	referenceErrors,
	refused,
	stale,
} from "./inventory-checks.ts";

/**
 * The inventory mutations. Messages and codes are the recorded ones (2026-04) wherever a recording has them; the others are
 * marked. A call is all or nothing: with any user error no quantity moves.
 */

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
