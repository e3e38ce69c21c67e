import type { StockEvent } from "#domain";
import type { Listing } from "#listings";
import { createDraft } from "../../app/apply/decide/draft.ts";
import { decide } from "../../app/apply/decide/index.ts";
import { predictionKey } from "../../app/apply/decide/prediction.ts";
import { type ApplyState, type BatchEvent, linkKey, stockKey, type Verdict } from "../../app/apply/decide/state.ts";

/** The working state of one shop kept in memory, so that properties of `decide` can be tried by the thousand. */
export const HOME = 1;
export const GUEST = 2;

export type ModelOptions = {
	items: number;
	locations: number;
	/** Bundle number -> components; bundles are items of their own, numbered after the plain ones. */
	bundles?: { components: { item: number; quantity: number }[]; kit?: boolean }[];
	/** Guest listing `listing-<n>` for every item and bundle. */
	guest?: boolean;
	cutAt?: number;
	base: number;
	/** How much home may change unasked; without, any number. */
	limits?: ApplyState["limits"];
};

export function createModel(options: ModelOptions): ApplyState {
	const count = options.items + (options.bundles?.length ?? 0);
	const itemId = (n: number) => 100 + n;
	const items = Array.from({ length: count }, (_, n) => ({ id: itemId(n), externalId: `item-${n}`, tracked: true, sellsWhenOut: false }));
	const locations = Array.from({ length: options.locations }, (_, n) => ({ externalId: `loc-${n}`, id: 10 + n, online: true }));
	const listings: Listing[] = options.guest
		? items.map((item, n) => ({
				id: 1000 + n,
				connectionId: GUEST,
				externalId: `listing-${n}`,
				itemId: item.id,
				policy: null,
				desired: null,
				restoreTo: null,
				shown: null,
				unseen: 0,
				readAt: null,
				unseenAt: null,
				inDoubt: 0,
				writtenAt: null,
				recheck: false,
				seen: null,
				ownChanges: 0,
				dirtySince: null,
				nextAttemptAt: null,
				parked: false,
			}))
		: [];
	const bundles = options.bundles ?? [];
	const bundlesOf = new Map<number, number[]>();
	for (const [n, bundle] of bundles.entries()) {
		for (const c of bundle.components) bundlesOf.set(itemId(c.item), [...(bundlesOf.get(itemId(c.item)) ?? []), itemId(options.items + n)]);
	}
	const rules = {
		policy: { kind: "exact" as const },
		locationIds: locations.map((l) => l.id),
		clockResolutionMs: 1000,
		mirror: "none" as const,
		mirrorSources: [],
	};
	return {
		shopId: 1,
		now: 0,
		homeConnectionId: HOME,
		connections: new Map([
			[HOME, { id: HOME, isHome: true, isWritten: false, cutAt: null, quantityMeaning: "delta" as const, ...rules }],
			[
				GUEST,
				{
					id: GUEST,
					isHome: false,
					isWritten: true,
					cutAt: options.cutAt === undefined ? null : options.base + options.cutAt,
					quantityMeaning: "selfDecrementing" as const,
					...rules,
				},
			],
		]),
		locations: new Map(locations.map((l) => [l.externalId, { id: l.id, online: l.online }])),
		items: new Map(items.map((i) => [i.id, i])),
		itemByExternal: new Map(items.map((i) => [i.externalId, i.id])),
		itemByVariant: new Map(items.map((i, n) => [`${n}`, i.id])),
		itemsOfProduct: new Map(),
		components: new Map(
			bundles.map((b, n) => [itemId(options.items + n), b.components.map((c) => ({ itemId: itemId(c.item), quantity: c.quantity }))]),
		),
		kits: new Set(bundles.flatMap((b, n) => (b.kit ? [itemId(options.items + n)] : []))),
		bundlesOf,
		links: new Map(
			listings.map((l) => [linkKey(GUEST, l.externalId), { listingId: l.id, itemId: l.itemId, linkState: "linked" as const }]),
		),
		listingsOf: new Map(listings.map((l) => [l.itemId, [l.id]])),
		stock: createDraft<string, never>([]) as unknown as ApplyState["stock"],
		predictions: createDraft<string, never>([]) as unknown as ApplyState["predictions"],
		deltas: createDraft<number, never>([]) as unknown as ApplyState["deltas"],
		orders: createDraft<string, never>([]) as unknown as ApplyState["orders"],
		listings: createDraft(listings.map((l) => [l.id, l] as const)),
		oversells: createDraft<string, never>([]) as unknown as ApplyState["oversells"],
		held: createDraft<string, never>([]) as unknown as ApplyState["held"],
		sets: createDraft<number, never>([]) as unknown as ApplyState["sets"],
		edits: createDraft<string, never>([]) as unknown as ApplyState["edits"],
		limits: options.limits ?? { zero: null, raise: null },
		passedElsewhere: { zero: 0, raise: 0 },
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

let lastId = 0;

/** Applies events as one batch; predictions get ids as the database would give them. */
export function applyModel(
	state: ApplyState,
	at: number,
	events: readonly { connectionId: number; event: StockEvent; source?: BatchEvent["source"] }[],
): Verdict[] {
	state.now = at;
	const verdicts = decide(
		state,
		events.map((e) => ({
			id: ++lastId,
			connectionId: e.connectionId,
			source: e.source ?? "webhook",
			correlationId: "test",
			receivedAt: at,
			event: e.event,
		})),
	);
	for (const prediction of [...state.predictions.values()]) {
		if (prediction?.id !== null || prediction === null) continue;
		const known = { ...prediction, id: ++lastId };
		state.predictions.set(predictionKey(prediction), null);
		state.predictions.set(predictionKey(known), known);
	}
	state.predictions.keep();
	return verdicts;
}

export const netOf = (state: ApplyState, item: number, location: number) => state.stock.get(stockKey(100 + item, 10 + location))?.net ?? 0;

/** net = reading + owed + open deltas − predictions, for every row; the ledger's sum is the net; nothing is negative twice. */
export function expectBooksBalance(state: ApplyState): void {
	for (const stock of state.stock.values()) {
		let open = 0;
		for (const d of state.deltas.values()) {
			if (d.itemId !== stock.itemId || d.locationId !== stock.locationId) continue;
			if (d.state === "open" || d.state === "landed") open += d.delta;
			if (d.state === "unresolved") open += Math.min(0, d.delta);
		}
		for (const p of state.predictions.values()) if (p && p.itemId === stock.itemId && p.locationId === stock.locationId) open -= p.quantity;
		const net = (stock.homeQuantity ?? 0) + stock.withheld + stock.deltaOwed + open;
		if (net !== stock.net) throw new Error(`item ${stock.itemId} at ${stock.locationId}: net ${stock.net}, its parts make ${net}`);
		let sum = 0;
		let last = 0;
		let held = 0;
		for (const m of state.movements) {
			if (m.itemId !== stock.itemId || m.locationId !== stock.locationId) continue;
			sum += m.delta;
			if (m.cause === "held") held += m.delta;
			last = m.after;
		}
		if (held !== stock.withheld) throw new Error(`item ${stock.itemId}: ${stock.withheld} wait, by the ledger ${held}`);
		if (sum !== stock.net || (state.movements.length > 0 && last !== stock.net && sum !== 0))
			throw new Error(`item ${stock.itemId}: the ledger's sum ${sum} is not its stock ${stock.net}`);
	}
}
