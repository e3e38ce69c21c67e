import type { HomeReading, Policy } from "#domain";
import { refreshListings } from "../../app/apply/decide/index.ts";
import { type ApplyState, linkKey, orderKey } from "../../app/apply/decide/state.ts";
import { applyModel, createModel, GUEST, HOME } from "./apply-model.ts";
import { iso, type Message, open, type ShopModel, type ShopOrder, snapshotOf } from "./shop-model.ts";

/**
 * A shop with bundles and one guest channel, run against `decide`. What each order must have taken is counted here by itself,
 * from what a line was seen to hold and what its product was made of at that moment.
 */
export const BASE = Date.parse(iso(0));
export const ITEMS = 3;
export const LOCATIONS = 2;
export const OPENING = 12;
/** Bundles are products 3, 4 and 5; all of them share item 0, and 4 and 5 are two pack sizes of it. */
export const BUNDLES = [
	{
		components: [
			{ item: 0, quantity: 2 },
			{ item: 1, quantity: 1 },
		],
	},
	{ components: [{ item: 0, quantity: 3 }] },
	{ components: [{ item: 0, quantity: 6 }] },
];
export const PRODUCTS = ITEMS + BUNDLES.length;
export const CUT = 600_000;
export const itemId = (n: number) => 100 + n;

export const policies: { policy: Policy; shows: (sellable: number) => number }[] = [
	{ policy: { kind: "exact" }, shows: (n) => n },
	{ policy: { kind: "buffer", buffer: 2 }, shows: (n) => Math.max(0, n - 2) },
	{ policy: { kind: "percentage", percentage: 50, maximum: 4 }, shows: (n) => Math.min(4, Math.floor(n / 2)) },
	{ policy: { kind: "fixed", fixed: 5, minimum: 2 }, shows: (n) => (Math.min(5, n) < 2 ? 0 : Math.min(5, n)) },
];

export type Run = {
	shop: ShopModel;
	state: ApplyState;
	policy: (typeof policies)[number];
	/** What each line has taken of each item, and what came back of units that were sold before we came. */
	taken: Map<string, Map<number, number>>;
	baselineBack: number[];
	asks: { id: string; at: number; looksAt: number; answersAt: number }[];
	seen: Set<string>;
};

export function start(old: readonly { product: number; units: number }[][], policy: (typeof policies)[number]): Run {
	const state = createModel({ items: ITEMS, locations: LOCATIONS, bundles: BUNDLES, guest: true, base: BASE, cutAt: CUT });
	const guest = state.connections.get(GUEST);
	if (!guest) throw new Error("no guest");
	(state.connections as Map<number, typeof guest>).set(GUEST, { ...guest, policy: policy.policy });
	const run: Run = {
		shop: { now: CUT - 400_000, orders: [], messages: [] },
		state,
		policy,
		taken: new Map(),
		baselineBack: Array.from({ length: ITEMS }, () => 0),
		asks: [],
		seen: new Set(),
	};
	for (let item = 0; item < ITEMS; item++)
		for (let l = 0; l < LOCATIONS; l++) applyModel(state, BASE, [{ connectionId: HOME, event: figure(item, l), source: "import" }]);
	// Orders from before the cut, as the opening reads them.
	for (const lines of old) apply(run, { at: 0, snapshot: snapshotOf(open(run.shop, lines)), source: "poll" }, "import");
	run.shop.now = CUT + 5_000;
	return run;
}

const figure = (item: number, l: number): HomeReading => ({
	v: 1,
	type: "home.reading",
	itemExternalId: `item-${item}`,
	locationExternalId: `loc-${l}`,
	quantity: OPENING,
	readAt: iso(0),
	via: "query",
	askedAt: iso(0),
	stocked: true,
});

/** Applies one message and counts by itself what it must have done. */
function apply(run: Run, { snapshot, source }: Message, as: "webhook" | "fetch" | "poll" | "import" = source): void {
	const { state } = run;
	const key = orderKey(GUEST, snapshot.orderId);
	const isFirst = state.orders.get(key) === undefined;
	const before = new Map([...(state.orders.get(key)?.lines ?? [])].map(([id, line]) => [id, { held: line.held, baseline: line.baseline }]));
	const [verdict] = applyModel(state, BASE + run.shop.now, [{ connectionId: GUEST, event: snapshot, source: as }]);
	if (verdict?.outcome === "parked") throw new Error(`parked: ${verdict.error}`);
	if (verdict) run.seen.add(verdict.note);
	const order = state.orders.get(key);
	for (const [id, line] of order?.lines ?? []) {
		const was = before.get(id) ?? { held: 0, baseline: 0 };
		const units = line.held - was.held;
		// As it was first seen, an order from before the cut took nothing of what we began with.
		if (units === 0 || (isFirst && order?.baseline === true)) continue;
		if (line.itemId === null) throw new Error(`line ${id} of ${snapshot.orderId} has no item`);
		const parts = state.components.get(line.itemId) ?? [{ itemId: line.itemId, quantity: 1 }];
		const name = `${key} ${id}`;
		const taken = run.taken.get(name) ?? new Map<number, number>();
		run.taken.set(name, taken);
		if (units > 0) {
			for (const part of parts) taken.set(part.itemId, (taken.get(part.itemId) ?? 0) + units * part.quantity);
			if (parts.length > 1 || parts[0]?.itemId !== line.itemId) run.seen.add("bundle sold");
			continue;
		}
		// What was counted comes back first, as much of each item as was taken of it; then what was sold before we came.
		const counted = was.held - was.baseline;
		const back = Math.min(counted, -units);
		if (counted > 0) for (const [item, total] of taken) taken.set(item, Math.floor((total * (counted - back)) / counted));
		const fromBaseline = -units - back;
		for (const part of parts)
			run.baselineBack[part.itemId - 100] = (run.baselineBack[part.itemId - 100] ?? 0) + fromBaseline * part.quantity;
		if (fromBaseline > 0) run.seen.add("baseline given back");
	}
}

/** What the catalogue's rows say, as the next batch would load them. */
export function relink(state: ApplyState, product: number, to: number): void {
	const listingId = 1000 + product;
	const listing = state.listings.get(listingId);
	if (!listing) throw new Error("no such listing");
	const links = state.links as Map<string, { listingId: number; itemId: number | null; linkState: "linked" | "unlinked" | "ignored" }>;
	links.set(linkKey(GUEST, `listing-${product}`), { listingId, itemId: itemId(to), linkState: "linked" });
	const listingsOf = state.listingsOf as Map<number, number[]>;
	listingsOf.set(
		listing.itemId,
		(listingsOf.get(listing.itemId) ?? []).filter((id) => id !== listingId),
	);
	listingsOf.set(itemId(to), [...(listingsOf.get(itemId(to)) ?? []), listingId]);
	state.listings.set(listingId, { ...listing, itemId: itemId(to) });
	state.listings.keep();
}

export function refresh(state: ApplyState): void {
	refreshListings(state, state.items.keys());
	state.listings.keep();
}

/** Lets time pass: messages arrive, questions are answered with what the channel holds at some moment in between. */
export function pass(run: Run, ms: number): void {
	const { shop } = run;
	const until = shop.now + ms;
	for (;;) {
		const next = Math.min(...shop.messages.map((m) => m.at), ...run.asks.map((ask) => ask.looksAt));
		if (next > until) break;
		shop.now = Math.max(shop.now, next);
		for (const ask of run.asks.filter((a) => a.looksAt <= shop.now)) {
			run.asks.splice(run.asks.indexOf(ask), 1);
			const order = shop.orders.find((o) => o.id === ask.id) as ShopOrder;
			const fetched = { askedAt: iso(ask.at), answeredAt: iso(ask.answersAt) };
			shop.messages.push({ at: ask.answersAt, snapshot: snapshotOf(order, { fetched }), source: "fetch" });
		}
		const due = shop.messages.filter((m) => m.at <= shop.now);
		shop.messages = shop.messages.filter((m) => m.at > shop.now);
		for (const message of due) apply(run, message);
	}
	shop.now = until;
}

/** Everything on the way arrives, a poll reads all orders, and what we still want to know is answered. */
export function settle(run: Run): void {
	pass(run, 60_000);
	for (const order of run.shop.orders) apply(run, { at: run.shop.now, snapshot: snapshotOf(order), source: "poll" });
	for (let turn = 0; run.state.fetches.length > 0; turn++) {
		if (turn > 5) throw new Error("it asks for ever");
		run.seen.add("asked");
		const ids = new Set(
			run.state.fetches
				.splice(0)
				.filter((f) => f.kind === "order")
				.map((f) => f.externalId),
		);
		for (const id of ids) {
			const order = run.shop.orders.find((o) => o.id === id) as ShopOrder;
			const askedAt = run.shop.now + 100;
			run.shop.now += 300;
			apply(run, {
				at: run.shop.now,
				snapshot: snapshotOf(order, { fetched: { askedAt: iso(askedAt), answeredAt: iso(askedAt + 100) } }),
				source: "fetch",
			});
		}
	}
}
