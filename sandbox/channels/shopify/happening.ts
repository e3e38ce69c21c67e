import { randomUUID } from "node:crypto";
import type { World } from "../../world.ts";
import { pool, sellableOnline, sellsOnline } from "./levels.ts";
import type { Happening, Item, Level, ShopState, Variant } from "./model.ts";

export type Emit = (message: { eventId: string; at: number; topic: string; resourceId: string; payload: () => unknown }) => void;

export type Stage = {
	state: ShopState;
	world: World;
	/** The name in the books; null for a shop that is not in them. */
	booksAs: string | null;
	emit: Emit;
	/** `inventory_levels/update` and its siblings for a level. */
	levelPayload: (level: Level) => unknown;
	happen<T>(cause: Happening["cause"], play: (happening: Happening) => T): T;
};

export function createStage(parts: Pick<Stage, "state" | "world" | "booksAs" | "emit" | "levelPayload">): Stage {
	const { state, world, emit } = parts;

	const happen = <T>(cause: Happening["cause"], play: (happening: Happening) => T): T => {
		const happening: Happening = {
			eventId: randomUUID(),
			at: Math.floor(world.clock.now()),
			cause,
			moved: new Map(),
			pooled: new Map(),
			connected: [],
			disconnected: [],
			sold: [],
			topics: [],
		};
		const outcome = play(happening);
		book(parts, happening);
		const say = (topic: string, resourceId: string, payload: () => unknown) =>
			emit({ eventId: happening.eventId, at: happening.at, topic, resourceId, payload });
		for (const { topic, resourceId, payload } of happening.topics) say(topic, resourceId, payload);
		for (const level of happening.connected) say("inventory_levels/connect", resource(level), () => parts.levelPayload(level));
		for (const [level, delta] of happening.moved) {
			if (delta !== 0 && state.items.get(level.itemId)?.tracked)
				say("inventory_levels/update", resource(level), () => parts.levelPayload(level));
		}
		for (const level of happening.disconnected) {
			say("inventory_levels/disconnect", resource(level), () => ({ inventory_item_id: level.itemId, location_id: level.locationId }));
		}
		return outcome;
	};
	return { ...parts, happen };
}

const resource = (level: Level) => `${level.itemId}@${level.locationId}`;

/**
 * The books know the stock of the locations that fulfil online orders: that is what buyers anywhere can be sold. What the
 * pool did beyond its order lines is the merchant's edit; a write through the API moves no goods and is only shown.
 */
function book({ state, world, booksAs }: Pick<Stage, "state" | "world" | "booksAs">, happening: Happening): void {
	if (booksAs === null) return;
	const online = (locationId: number) => sellsOnline(state.locations.get(locationId));
	const residual = new Map<number, number>(happening.pooled);
	for (const [level, delta] of happening.moved) {
		if (online(level.locationId)) residual.set(level.itemId, (residual.get(level.itemId) ?? 0) + delta);
	}
	const sold = happening.sold.flatMap(({ orderId, itemId, locationId, units }) => {
		const sku = skuOf(state, itemId);
		if (sku === null || !online(locationId) || units === 0) return [];
		residual.set(itemId, (residual.get(itemId) ?? 0) + units);
		return [{ channel: booksAs, orderId: String(orderId), sku, units }];
	});
	const edits = [...residual].flatMap(([itemId, delta]) => {
		const sku = happening.cause === "write" ? null : skuOf(state, itemId);
		return sku === null || delta === 0 ? [] : [{ channel: booksAs, sku, delta }];
	});
	// What an edit freed is there before the sale that takes it (a reservation that becomes an order is no oversell).
	for (const edit of edits.filter((e) => e.delta > 0)) world.books.edited(edit);
	for (const sale of sold) world.books.sold(sale);
	for (const edit of edits.filter((e) => e.delta < 0)) world.books.edited(edit);
	show({ state, world, booksAs }, [...residual.keys()], happening.cause);
}

/** Tells the books what the online store now shows for these items and for the bundles made of them. Never below zero: sold out. */
export function show(
	{ state, world, booksAs }: Pick<Stage, "state" | "world" | "booksAs">,
	itemIds: readonly number[],
	cause: Happening["cause"] | "opening",
): void {
	if (booksAs === null) return;
	const tell = (sku: string | null, quantity: number) => {
		const figure = Math.max(0, quantity);
		if (sku !== null && world.books.shown(booksAs, sku) !== figure) world.books.showed({ channel: booksAs, sku, quantity: figure, cause });
	};
	const bundles = new Set<Variant>();
	for (const itemId of itemIds) {
		tell(skuOf(state, itemId), pool(state, itemId));
		const variant = variantOf(state, itemId);
		for (const bundle of (variant && state.bundlesOfVariant.get(variant.id)) ?? []) bundles.add(bundle);
	}
	for (const bundle of bundles) tell(bundle.sku, sellableOnline(state, bundle));
}

const variantOf = (state: ShopState, itemId: number): Variant | undefined =>
	state.variants.get((state.items.get(itemId) as Item | undefined)?.variantId ?? -1);

/** A SKU that the books can know: the item is tracked and has one. */
export function skuOf(state: ShopState, itemId: number): string | null {
	const item = state.items.get(itemId);
	return item?.tracked ? (variantOf(state, itemId)?.sku ?? null) : null;
}
