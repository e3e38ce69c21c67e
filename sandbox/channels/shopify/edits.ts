import { known } from "./catalog.ts";
import type { Stage } from "./happening.ts";
import { activateLevel, move, sellsOnline } from "./levels.ts";
import { type Happening, levelAt } from "./model.ts";
import { firstLocation } from "./orders.ts";
import { locationPayload } from "./payloads.ts";

/** The merchant types another number into the admin. */
export function editStock(
	stage: Stage,
	{ sku, locationId, ...edit }: { sku: string; locationId?: number } & ({ delta: number } | { set: number }),
): void {
	const { state } = stage;
	const variant = known(state, sku);
	stage.happen("edit", (happening) => {
		const level = activateLevel(state, happening, { itemId: variant.itemId, locationId: locationId ?? firstLocation(state).id });
		move(happening, level, { available: "delta" in edit ? edit.delta : edit.set - level.quantities.available });
	});
}

/**
 * Goods go from one location to another: on their way they are incoming there and nowhere available. `instant` puts them on
 * the other shelf in the same moment; between two locations that sell online the books then learn of nothing.
 */
export function transfer(
	stage: Stage,
	{ sku, from, to, quantity, instant = false }: { sku: string; from: number; to: number; quantity: number; instant?: boolean },
): { receive(): void } {
	const { state } = stage;
	const variant = known(state, sku);
	const destination = (happening: Happening) => activateLevel(state, happening, { itemId: variant.itemId, locationId: to });
	stage.happen("edit", (happening) => {
		const source = levelAt(state, variant.itemId, from);
		if (!source?.active) throw new Error(`${sku} is not stocked at location ${from}.`);
		move(happening, source, { available: -quantity });
		move(happening, destination(happening), instant ? { available: quantity } : { incoming: quantity });
	});
	let received = instant;
	return {
		receive() {
			if (received) return;
			received = true;
			stage.happen("edit", (happening) => move(happening, destination(happening), { incoming: -quantity, available: quantity }));
		},
	};
}

/** Moves units between the states of one level: put aside as damaged, taken back, and so on. */
export function setAside(
	stage: Stage,
	{
		sku,
		locationId,
		name,
		quantity,
	}: { sku: string; locationId?: number; name: "damaged" | "quality_control" | "safety_stock" | "reserved"; quantity: number },
): void {
	const { state } = stage;
	const level = levelAt(state, known(state, sku).itemId, locationId ?? firstLocation(state).id);
	if (!level) throw new Error(`${sku} is not stocked there.`);
	stage.happen("edit", (happening) => move(happening, level, { available: -quantity, [name]: quantity }));
}

export function deactivateItemAt(stage: Stage, { sku, locationId }: { sku: string; locationId: number }): void {
	const { state } = stage;
	const level = levelAt(state, known(state, sku).itemId, locationId);
	if (!level?.active) return;
	stage.happen("edit", (happening) => {
		if (sellsOnline(state.locations.get(locationId))) happening.pooled.set(level.itemId, -level.quantities.available);
		level.quantities.available = 0;
		level.active = false;
		level.updatedAt = happening.at;
		level.availableAt = happening.at;
		happening.disconnected.push(level);
	});
}

/** Opens, closes or repurposes a location; the pools of everything stocked there follow. */
export function changeLocation(
	stage: Stage,
	locationId: number,
	change: { active?: boolean; fulfillsOnlineOrders?: boolean; name?: string },
): void {
	const { state } = stage;
	const location = state.locations.get(locationId);
	if (!location) throw new Error(`The shop has no location ${locationId}.`);
	stage.happen("edit", (happening) => {
		const before = sellsOnline(location);
		const wasActive = location.active;
		location.active = change.active ?? location.active;
		location.fulfillsOnlineOrders = change.fulfillsOnlineOrders ?? location.fulfillsOnlineOrders;
		location.name = change.name ?? location.name;
		location.updatedAt = happening.at;
		location.deactivatedAt = location.active ? null : happening.at;
		const after = sellsOnline(location);
		for (const level of state.levels.values()) {
			if (level.locationId === locationId && level.active && before !== after)
				happening.pooled.set(level.itemId, (after ? 1 : -1) * level.quantities.available);
		}
		const topic = wasActive === location.active ? "locations/update" : location.active ? "locations/activate" : "locations/deactivate";
		happening.topics.push({ topic, resourceId: String(locationId), payload: () => locationPayload(state, location) });
	});
}
