import type { StockEdit } from "#domain";
import { moveStock } from "./move.ts";
import { type ApplyState, type BatchEvent, editKey, stockKey, type Verdict } from "./state.ts";

/**
 * A line of a bulk change moves stock by so many units, under the lane, and home is owed the same difference as of a guest's sale. Units
 * are lowered as far as they are there: what was sold since is sold, nothing goes below zero, and no order is made to be owed by it.
 * What was moved is noted in the line, in the same transaction; a line that has it noted is not moved again.
 */
export function decideEdit(state: ApplyState, event: BatchEvent, edit: StockEdit): Verdict {
	const key = editKey(edit);
	const line = state.edits.get(key);
	if (!line || line.made !== null) return { outcome: "ignored", note: "its line was moved already" };
	const stock = state.stock.get(stockKey(edit.itemId, edit.locationId));
	// A bundle's stock is that of its parts, and of what is not counted nobody knows how much is there.
	const isCounted = stock !== undefined && state.items.get(edit.itemId)?.tracked === true && !state.components.has(edit.itemId);
	const made = isCounted ? Math.max(edit.units, Math.min(0, 0 - stock.net)) : 0;
	state.edits.set(key, { ...line, made });
	if (!isCounted || made === 0) return { outcome: "applied", note: "nothing to move" };
	const deltaOwed = stock.deltaOwed + made;
	const owing = { ...stock, deltaOwed, owedSince: deltaOwed === 0 ? null : (stock.owedSince ?? state.now) };
	moveStock(state, event, owing, made, { cause: "edit", connectionId: state.homeConnectionId, occurredAt: event.receivedAt });
	return { outcome: "applied", note: `${made} of ${edit.units} units` };
}
