import type { StockEvent } from "#domain";
import { refreshListings } from "../../app/apply/decide/index.ts";
import { type ApplyState, orderKey } from "../../app/apply/decide/state.ts";
import { applyModel, createModel, GUEST, HOME } from "./apply-model.ts";
import { changeLevel, createHome, type HomeModel, type HomeOrder, iso, readingOf, send, snapshotOf, type Way } from "./home-model.ts";

/**
 * A shop whose merchant made kits in Lockstep, sold at home and by a guest. Home lowers the kit's own figure and knows nothing
 * of its parts. What each line must have taken of each part is counted here by itself, from what the line was seen to hold and
 * what the kit was made of at that moment.
 */
export const BASE = Date.parse(iso(0));
export const PLAIN = 3;
/** Home counts the first kit by itself as well; the second it does not count at all. */
export const KITS = [PLAIN, PLAIN + 1] as const;
export const UNCOUNTED = PLAIN + 1;
export const PRODUCTS = PLAIN + KITS.length;
export const LOCATIONS = 2;
export const OPENING = 20;
const CUT = 50_000;

export type Part = { item: number; quantity: number };
export type Run = {
	home: HomeModel;
	state: ApplyState;
	guest: HomeOrder[];
	/** What each kit is made of now; none: it is an item like any other. */
	made: Map<number, Part[]>;
	/** By line: units of each item that were taken here, and of how many kits. */
	taken: Map<string, Map<number, number>>;
	kits: Map<string, number>;
	edits: number[];
	later: { at: number; run: () => void }[];
	batches: number;
	seen: Set<string>;
};

export function start(old: readonly (readonly { item: number; held: number }[])[]): Run {
	const state = createModel({
		...{ items: PLAIN, locations: LOCATIONS, guest: true, base: BASE },
		bundles: KITS.map(() => ({ kit: true, components: [{ item: 0, quantity: 1 }] })),
	});
	const home = state.connections.get(HOME);
	if (!home) throw new Error("no home");
	(state.connections as Map<number, typeof home>).set(HOME, { ...home, cutAt: BASE + CUT });
	const items = state.items as Map<number, { id: number; externalId: string; tracked: boolean; sellsWhenOut: boolean }>;
	items.set(100 + UNCOUNTED, { id: 100 + UNCOUNTED, externalId: `item-${UNCOUNTED}`, tracked: false, sellsWhenOut: false });
	const run: Run = {
		...{ home: createHome(PRODUCTS, LOCATIONS, OPENING), state, guest: [], made: new Map(), taken: new Map(), kits: new Map() },
		...{ edits: Array.from({ length: PRODUCTS }, () => 0), later: [], batches: 0, seen: new Set<string>() },
	};
	define(run, KITS[0], [
		{ item: 0, quantity: 2 },
		{ item: 1, quantity: 1 },
	]);
	define(run, KITS[1], [{ item: 0, quantity: 6 }]);
	for (let n = 0; n < PRODUCTS; n++)
		for (let l = 0; l < LOCATIONS; l++)
			if (n !== UNCOUNTED) applyModel(state, BASE, [{ connectionId: HOME, event: readingOf(run.home, n, l, null), source: "import" }]);
	// Sold before we came: home's opening figures hold these, and nobody has lowered parts for them.
	for (const [n, lines] of old.entries()) {
		const order = { id: `old${n}`, createdAt: 20_000, updatedAt: 20_000, version: 1, lines: lines.map((l) => ({ ...l, location: 0 })) };
		run.home.orders.set(order.id, order);
		tell(run, snapshotOf(order), HOME, "import");
	}
	run.home.now = 60_000;
	return run;
}

/** The merchant says what a kit is made of; an empty list: it is no kit any more. Loaded with the next batch, as from the tables. */
export function define({ state, made }: Run, kit: number, parts: readonly Part[]): void {
	if (parts.length === 0) made.delete(kit);
	else made.set(kit, [...parts]);
	const components = state.components as Map<number, { itemId: number; quantity: number }[]>;
	components.clear();
	const bundlesOf = state.bundlesOf as Map<number, number[]>;
	bundlesOf.clear();
	for (const [id, list] of made) {
		const itemIds = list.map((p) => ({ itemId: 100 + p.item, quantity: p.quantity }));
		components.set(100 + id, itemIds);
		for (const { itemId } of itemIds) bundlesOf.set(itemId, [...(bundlesOf.get(itemId) ?? []), 100 + id]);
	}
	(state as { kits: ReadonlySet<number> }).kits = new Set([...made.keys()].map((id) => 100 + id));
	refreshListings(state, state.items.keys());
	state.listings.keep();
}

/** Applies one order's state and counts by itself what it must have done. */
export function tell(run: Run, event: StockEvent, connectionId: number, source: "webhook" | "poll" | "fetch" | "import"): void {
	const { state, made, seen } = run;
	if (event.type !== "order.snapshot") throw new Error("not an order");
	const key = orderKey(connectionId, event.orderId);
	const known = state.orders.get(key);
	const before = new Map([...(known?.lines ?? [])].map(([id, line]) => [id, line.held]));
	const [verdict] = applyModel(state, BASE + run.home.now, [{ connectionId, event, source }]);
	if (verdict?.outcome === "parked") throw new Error(`parked: ${verdict.error}`);
	if (verdict) seen.add(verdict.note);
	const order = state.orders.get(key);
	for (const [id, line] of order?.lines ?? []) {
		const was = before.get(id) ?? 0;
		const units = line.held - was;
		if (units === 0 || (known === undefined && order?.baseline)) continue;
		const product = (line.itemId ?? 0) - 100;
		const name = `${key} ${id}`;
		const parts = made.get(product) ?? (connectionId === GUEST ? [{ item: product, quantity: 1 }] : []);
		const taken = run.taken.get(name) ?? new Map<number, number>();
		run.taken.set(name, taken);
		const counted = connectionId === GUEST ? was : (run.kits.get(name) ?? 0);
		if (units > 0) {
			for (const { item, quantity } of parts) taken.set(item, (taken.get(item) ?? 0) + units * quantity);
			if (parts.length > 0) run.kits.set(name, counted + units);
			if (made.has(product)) seen.add(connectionId === HOME ? "kit sold at home" : "kit sold by the guest");
			continue;
		}
		const back = Math.min(counted, -units);
		if (counted > 0) for (const [item, total] of taken) taken.set(item, Math.floor((total * (counted - back)) / counted));
		run.kits.set(name, counted - back);
		if (connectionId === HOME && back > 0) seen.add("kit back at home");
		if (connectionId === HOME && back < -units && KITS.includes(product as never)) seen.add("units that took no parts went");
	}
}

/** Home's own figure moves with its own sale; of what it does not count it has none. */
export function moveLevel({ home }: Run, item: number, location: number, delta: number, way: Way): void {
	if (item !== UNCOUNTED && delta !== 0) changeLevel(home, item, location, delta, way);
}

/** What delivery does: takes what is owed, lets home change, and hears of it later; the echo is a message like any other. */
export function push(run: Run, latency: number, answer: number, echo: Way): void {
	const { state, home } = run;
	const open = [...state.deltas.values()].filter((d) => d.state === "open").map((d) => `${d.itemId}:${d.locationId}`);
	const owed = [...state.stock.values()].filter((s) => s.deltaOwed !== 0 && !open.includes(`${s.itemId}:${s.locationId}`));
	if (owed.length === 0) return;
	const batchId = ++run.batches;
	for (const [n, stock] of owed.entries()) {
		const id = batchId * 100 + n;
		state.deltas.set(id, {
			...{ id, batchId, itemId: stock.itemId, locationId: stock.locationId, delta: stock.deltaOwed, state: "open" as const },
			...{ landedAt: null, answeredAt: null, underWay: true, expired: null },
		});
		state.stock.set(`${stock.itemId}:${stock.locationId}`, { ...stock, deltaOwed: 0, owedSince: null });
	}
	state.deltas.keep();
	state.stock.keep();
	const land = () => {
		const landedAt = iso(Math.floor(home.now / 1000) * 1000);
		for (const stock of owed) moveLevel(run, stock.itemId - 100, stock.locationId - 10, stock.deltaOwed, echo);
		const hear = () =>
			applyModel(state, BASE + home.now, [
				{ connectionId: HOME, event: { v: 1, type: "delta.landed", batchId, landedAt, answeredAt: iso(home.now) }, source: "app" },
			]);
		run.later.push({ at: home.now + answer, run: hear });
	};
	run.later.push({ at: home.now + latency, run: land });
}

/** A guest's order in home's shape: its lines name listings, and nothing of home's stock moves by it. */
export function guestSnapshot(order: HomeOrder, fetched: { askedAt: number; answeredAt: number } | null = null): StockEvent {
	const snapshot = snapshotOf(order, fetched);
	return { ...snapshot, lines: snapshot.lines.map((l, n) => ({ ...l, listingExternalId: `listing-${order.lines[n]?.item}` })) };
}

export const tellHome = (run: Run, order: HomeOrder, way: Way) =>
	send(run.home, snapshotOf({ ...order, lines: order.lines.map((l) => ({ ...l })) }), way);
export const tellGuest = (run: Run, order: HomeOrder, way: Way) =>
	send(run.home, guestSnapshot({ ...order, lines: order.lines.map((l) => ({ ...l })) }), way);

/** Lets time pass: messages arrive, what we asked is answered, what we wrote lands. */
export function pass(run: Run, ms: number): void {
	const { home, state } = run;
	const until = home.now + ms;
	for (;;) {
		const times = [...home.messages.map((m) => m.at), ...run.later.map((l) => l.at), ...state.fetches.map((f) => f.dueAt - BASE)];
		const next = Math.min(...times);
		if (next > until) break;
		home.now = Math.max(home.now, next);
		const due = home.messages.filter((m) => m.at <= home.now).sort((a, b) => a.at - b.at || a.order - b.order);
		home.messages = home.messages.filter((m) => m.at > home.now);
		for (const { event } of due) {
			if (event.type === "order.snapshot") tell(run, event, event.orderId.startsWith("g") ? GUEST : HOME, "webhook");
			else applyModel(state, BASE + home.now, [{ connectionId: HOME, event }]);
		}
		const tasks = run.later.filter((l) => l.at <= home.now);
		run.later = run.later.filter((l) => l.at > home.now);
		for (const task of tasks) task.run();
		answer(run);
	}
	home.now = until;
}

function answer(run: Run): void {
	const { home, state } = run;
	const due = state.fetches.filter((f) => f.dueAt - BASE <= home.now);
	state.fetches = state.fetches.filter((f) => f.dueAt - BASE > home.now);
	// Asking takes time: an answer is never of the same moment as the question.
	const askedAt = home.now;
	if (due.length > 0) home.now += 5;
	for (const { kind, externalId } of due) {
		if (kind === "levels") readLevels(run, Number(externalId.slice("item-".length)), askedAt);
		const fetched = { askedAt, answeredAt: home.now };
		const [own, guest] = [home.orders.get(externalId), run.guest.find((o) => o.id === externalId)];
		if (kind === "order" && own) tell(run, snapshotOf(own, fetched), HOME, "fetch");
		if (kind === "order" && guest) tell(run, guestSnapshot(guest, fetched), GUEST, "fetch");
	}
}

function readLevels({ home, state }: Run, item: number, askedAt: number): void {
	if (item === UNCOUNTED) return;
	for (let l = 0; l < LOCATIONS; l++)
		applyModel(state, BASE + home.now, [{ connectionId: HOME, event: readingOf(home, item, l, askedAt), source: "fetch" }]);
}

/** All orders are polled, all levels read, all that is owed written, until nothing is left. */
export function settle(run: Run): void {
	for (let round = 0; round < 6; round++) {
		pass(run, 30_000);
		push(run, 100, 100, { lost: false, delay: 50, again: null });
		pass(run, 30_000);
		const fetched = { askedAt: run.home.now, answeredAt: run.home.now };
		for (const order of run.home.orders.values()) tell(run, snapshotOf(order, fetched), HOME, "poll");
		for (const order of run.guest) tell(run, guestSnapshot(order, fetched), GUEST, "poll");
		for (let n = 0; n < PRODUCTS; n++) readLevels(run, n, run.home.now);
		pass(run, 1_000);
	}
}
