import type { PoolClient } from "pg";
import { policySchema } from "#domain";
import { type DeltaLine, findMirrors, loadOrders, lockStock, type Order, type Prediction } from "#ledger";
import { findListings, itemsWithUnseenBefore, lockListings } from "#listings";
import { createDraft } from "./decide/draft.ts";
import { watermarkBound } from "./decide/listing.ts";
import { predictionKey } from "./decide/prediction.ts";
import { type ApplyState, type BatchEvent, type ConnectionFacts, editKey, linkKey, orderKey, stockKey } from "./decide/state.ts";
import { loadBundles, loadItems, loadShop } from "./sql/catalogue.ts";
import { loadEdits } from "./sql/edits.ts";
import { loadGuard } from "./sql/guard.ts";

/** What generic code must know of a channel to apply its orders; given by the caller, so that apply knows no channel. */
export type ChannelTraits = (channel: string) => Pick<ConnectionFacts, "clockResolutionMs" | "quantityMeaning">;

/**
 * Loads everything that deciding these events can look at, in a fixed number of statements whatever the batch's size: orders,
 * links, items and bundles first, then stock rows (locked, by key), then listings (locked, by id).
 */
export async function loadState(
	tx: PoolClient,
	shopId: number,
	input: { now: number; events: readonly BatchEvent[]; traits: ChannelTraits; itemIds?: readonly number[] },
): Promise<ApplyState> {
	const { connections, locations } = await loadShop(tx, shopId);
	const home = connections.find((c) => c.isHome);
	const homeIds = new Set(connections.filter((c) => c.isHome).map((c) => c.id));
	const named = namedBy(input.events, homeIds);
	const mirrored = new Set(connections.filter((c) => c.mirror !== "none").map((c) => c.id));
	const halves = await findMirrors(tx, shopId, {
		homeId: home?.id ?? 0,
		copies: mirrored.size === 0 ? [] : named.copies,
		originals: named.orders.flatMap((order) => (mirrored.has(order.connectionId) ? [order.orderId] : [])),
	});
	const wanted = new Map([...named.orders, ...halves].map((order) => [orderKey(order.connectionId, order.orderId), order]));
	const orders = await loadOrders(tx, shopId, [...wanted.values()]);
	const found = await findListings(tx, shopId, named.listings);

	const itemIds = new Set<number>([...(input.itemIds ?? []), ...named.itemIds]);
	for (const link of found) if (link.itemId !== null) itemIds.add(link.itemId);
	for (const order of orders) for (const id of itemsOf(order)) itemIds.add(id);
	for (const id of await itemsOfBatches(tx, shopId, named.batches)) itemIds.add(id);
	for (const { connectionId, bound } of named.watermarks) {
		for (const id of await itemsWithUnseenBefore(tx, shopId, connectionId, new Date(bound))) itemIds.add(id);
	}
	const direct = await loadItems(tx, shopId, {
		ids: [...itemIds],
		externals: named.items,
		variants: named.variants,
		products: named.products,
	});
	for (const item of direct) itemIds.add(item.id);
	const bundles = await loadBundles(tx, shopId, [...itemIds]);
	for (const row of bundles) itemIds.add(row.bundle).add(row.component);
	const missing = [...itemIds].filter((id) => !direct.some((item) => item.id === id));
	const items =
		missing.length > 0
			? [...direct, ...(await loadItems(tx, shopId, { ids: missing, externals: [], variants: [], products: [] }))]
			: direct;

	const { stock, predictions, deltas, oversells } = await lockStock(tx, shopId, [...itemIds]);
	const listings = await lockListings(tx, shopId, [...itemIds]);
	const speaksOfHome = input.events.some((e) => homeIds.has(e.connectionId));
	const guard = await loadGuard(tx, shopId, {
		itemIds: speaksOfHome ? [...itemIds] : [],
		readings: input.events.filter((e) => e.event.type === "home.reading" && e.source !== "import").length,
	});
	const edits = await loadEdits(tx, shopId, named.edits);
	const group = <K, V>(entries: Iterable<readonly [K, V]>) => {
		const map = new Map<K, V[]>();
		for (const [key, value] of entries) {
			const list = map.get(key);
			if (list) list.push(value);
			else map.set(key, [value]);
		}
		return map;
	};
	return {
		shopId,
		now: input.now,
		homeConnectionId: home?.id ?? 0,
		connections: new Map(
			connections.map((c) => [
				c.id,
				{
					id: c.id,
					isHome: c.isHome,
					isWritten: !c.isHome && (c.state === "live" || c.state === "paused"),
					cutAt: c.cutAt?.getTime() ?? null,
					mirror: c.mirror,
					mirrorSources: c.mirrorSources,
					policy: policySchema.parse(c.policy),
					locationIds: c.locationIds,
					...input.traits(c.channel),
				},
			]),
		),
		locations: new Map(locations.map((l) => [l.externalId, { id: l.id, online: l.online }])),
		items: new Map(items.map((i) => [i.id, { id: i.id, externalId: i.externalId, tracked: i.tracked, sellsWhenOut: i.sellsWhenOut }])),
		itemByExternal: new Map(items.map((i) => [i.externalId, i.id])),
		itemByVariant: new Map(items.flatMap((i) => (i.variantId === null ? [] : [[i.variantId, i.id] as const]))),
		itemsOfProduct: group(items.flatMap((i) => (i.productId === null ? [] : [[i.productId, i.id] as const]))),
		components: group(bundles.map((b) => [b.bundle, { itemId: b.component, quantity: b.quantity }] as const)),
		kits: new Set(bundles.flatMap((b) => (b.kit ? [b.bundle] : []))),
		bundlesOf: group(bundles.map((b) => [b.component, b.bundle] as const)),
		links: new Map(
			found.map((l) => [linkKey(l.connectionId, l.externalId), { listingId: l.id, itemId: l.itemId, linkState: l.linkState }]),
		),
		listingsOf: group(listings.map((l) => [l.itemId, l.id] as const)),
		stock: createDraft(stock.map((s) => [stockKey(s.itemId, s.locationId), s])),
		predictions: createDraft<string, Prediction | null>(predictions.map((p) => [predictionKey(p), p])),
		deltas: createDraft<number, DeltaLine>(deltas.map((d) => [d.id, d])),
		orders: createDraft(orders.map((o) => [orderKey(o.connectionId, o.orderId), o])),
		listings: createDraft(listings.map((l) => [l.id, l])),
		oversells: createDraft(oversells.map((o) => [o.sourceKey, o])),
		held: createDraft(guard.held.map((h) => [stockKey(h.itemId, h.locationId), h])),
		sets: createDraft(guard.sets.map((s) => [s.id, s])),
		edits: createDraft(edits.map((line) => [editKey(line), line])),
		limits: guard.limits,
		passedElsewhere: guard.passedElsewhere,
		eventId: 0,
		movements: [],
		endings: [],
		ordinal: 0,
		fetches: [],
		complaints: [],
		mirrorSources: [],
		differences: [],
		touched: new Set(),
	};
}

function* itemsOf(order: Order) {
	for (const line of order.lines.values()) {
		if (line.itemId !== null) yield line.itemId;
		for (const allocation of line.allocations) yield allocation.itemId;
	}
}

async function itemsOfBatches(tx: PoolClient, shopId: number, batchIds: readonly number[]): Promise<number[]> {
	if (batchIds.length === 0) return [];
	const result = await tx.query("SELECT DISTINCT item_id FROM delta_line WHERE shop_id = $1 AND batch_id = ANY($2::bigint[])", [
		shopId,
		batchIds,
	]);
	return result.rows.map((r) => r.item_id);
}

/** The rows that the events name, by the channels' ids. */
function namedBy(events: readonly BatchEvent[], homeIds: ReadonlySet<number>) {
	const named = {
		orders: [] as { connectionId: number; orderId: string }[],
		/** Numbers by which home orders name what they copy. */
		copies: [] as string[],
		listings: [] as { connectionId: number; externalId: string }[],
		items: [] as string[],
		/** By our own ids. */
		itemIds: [] as number[],
		variants: [] as string[],
		products: [] as string[],
		batches: [] as number[],
		edits: [] as { changeId: number; itemId: number; locationId: number }[],
		watermarks: [] as { connectionId: number; bound: number }[],
	};
	const orders = new Set<string>();
	const listings = new Set<string>();
	const nameListing = (connectionId: number, externalId: string) => {
		if (homeIds.has(connectionId)) {
			if (externalId.startsWith("variant:")) named.variants.push(externalId.slice("variant:".length));
			else named.items.push(externalId);
		} else if (!listings.has(linkKey(connectionId, externalId))) {
			listings.add(linkKey(connectionId, externalId));
			named.listings.push({ connectionId, externalId });
		}
	};
	for (const { connectionId, event } of events) {
		switch (event.type) {
			case "order.snapshot":
				if (!orders.has(orderKey(connectionId, event.orderId))) {
					orders.add(orderKey(connectionId, event.orderId));
					named.orders.push({ connectionId, orderId: event.orderId });
				}
				if (homeIds.has(connectionId) && event.source?.identifier) named.copies.push(event.source.identifier);
				for (const line of event.lines) if (line.listingExternalId !== null) nameListing(connectionId, line.listingExternalId);
				break;
			case "owed.move":
			case "owed.substitute":
				named.orders.push({ connectionId, orderId: event.ofOrderId });
				named.itemIds.push(event.itemId, ...(event.type === "owed.substitute" ? [event.substituteItemId] : []));
				break;
			case "stock.edit":
				named.edits.push(event);
				named.itemIds.push(event.itemId);
				break;
			case "home.reading":
			case "home.item":
			case "home.approval":
				named.items.push(event.itemExternalId);
				break;
			case "home.item-gone":
				if (event.itemExternalId !== null) named.items.push(event.itemExternalId);
				if (event.productExternalId !== null) named.products.push(event.productExternalId);
				break;
			case "listing.seen":
				nameListing(connectionId, event.listingExternalId);
				break;
			case "delta.landed":
			case "delta.void":
				named.batches.push(event.batchId);
				break;
			case "orders.watermark":
				named.watermarks.push({ connectionId, bound: watermarkBound(event.watermark) });
				break;
			default:
				break;
		}
	}
	return named;
}
