import type { Stage } from "./happening.ts";
import { move } from "./levels.ts";
import { type Draft, levelAt } from "./model.ts";
import { type Checkout, expand, placeOrder, route, variantOfSku } from "./orders.ts";

/**
 * Draft orders. Reserving takes units out of `available` into `reserved` where they would be shipped from; completing turns
 * them into an ordinary order; releasing gives them back. In the books a reservation is an edit until it becomes a sale.
 */
export function createDraft(stage: Stage, { lines, reserve = false }: { lines: Checkout["lines"]; reserve?: boolean }): Draft {
	const { state } = stage;
	const bought = lines.map(({ sku, quantity }) => {
		const variant = variantOfSku(state, sku);
		if (!variant) throw new Error(`The shop has no SKU ${sku} for a draft.`);
		return { variant, quantity };
	});
	const draft: Draft = {
		kind: "DraftOrder",
		id: state.nextId(),
		status: "open",
		lines: expand(state, bought).map(({ variant, quantity }) => ({ variantId: variant.id, quantity, at: [] })),
	};
	state.drafts.set(draft.id, draft);
	if (reserve) reserveDraft(stage, draft.id);
	return draft;
}

export function reserveDraft(stage: Stage, draftId: number): void {
	const draft = draftOf(stage, draftId);
	if (draft.status !== "open") return;
	stage.happen("edit", (happening) => {
		for (const line of draft.lines) {
			const variant = stage.state.variants.get(line.variantId);
			if (!variant || !stage.state.items.get(variant.itemId)?.tracked) continue;
			for (const { level, units } of route(stage.state, variant.itemId, line.quantity)) {
				move(happening, level, { available: -units, reserved: units });
				line.at.push({ locationId: level.locationId, itemId: level.itemId, quantity: units });
			}
		}
		draft.status = "reserved";
	});
}

/** The order that comes of it; its units are taken from the reservation, so `available` does not move a second time. */
export function completeDraft(stage: Stage, draftId: number): { orderId: number; name: string } {
	const draft = draftOf(stage, draftId);
	if (draft.status === "completed" || draft.status === "released") throw new Error(`Draft ${draftId} is ${draft.status} already.`);
	return stage.happen("sale", (happening) => {
		const pairs = draft.lines.flatMap((line) => {
			const variant = stage.state.variants.get(line.variantId);
			return variant ? [{ line, want: { variant, quantity: line.quantity, bundle: null } }] : [];
		});
		const levelsOf = (line: Draft["lines"][number]) =>
			line.at.flatMap((part) => {
				const level = levelAt(stage.state, part.itemId, part.locationId);
				return level ? [{ level, units: part.quantity }] : [];
			});
		const taken = draft.status === "reserved" ? new Map(pairs.map(({ line, want }) => [want, levelsOf(line)])) : undefined;
		draft.status = "completed";
		const request = { sourceName: "shopify_draft_order" };
		const order = placeOrder(stage, happening, { wanted: pairs.map(({ want }) => want), at: null, request, ...(taken && { taken }) });
		return { orderId: order.id, name: order.name };
	});
}

export function releaseDraft(stage: Stage, draftId: number): void {
	const draft = draftOf(stage, draftId);
	if (draft.status !== "reserved") return;
	stage.happen("edit", (happening) => {
		for (const part of draft.lines.flatMap((line) => line.at)) {
			const level = levelAt(stage.state, part.itemId, part.locationId);
			if (level) move(happening, level, { available: part.quantity, reserved: -part.quantity });
		}
		draft.status = "released";
	});
}

function draftOf({ state }: Stage, draftId: number): Draft {
	const draft = state.drafts.get(draftId);
	if (!draft) throw new Error(`The shop has no draft ${draftId}.`);
	return draft;
}
