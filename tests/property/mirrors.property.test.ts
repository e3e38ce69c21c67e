import fc from "fast-check";
import { expect, it } from "vitest";
import type { StockEvent } from "#domain";
import type { DeltaLine } from "#ledger";
import type { ApplyState } from "../../app/apply/decide/state.ts";
import { applyModel, createModel, expectBooksBalance, GUEST, HOME, netOf } from "./apply-model.ts";
import { createHome, type HomeModel, iso, readingOf } from "./home-model.ts";

/**
 * Another app copies a marketplace's orders into Shopify. Either side may be told of first, late or never, changed, cancelled
 * with or without its other half; some orders the marketplace ships itself. Once all is quiet, home is down by what was sold,
 * once: of each order and item by the larger of what the marketplace and the copy hold. One of the products is a kit that the
 * merchant made of the first: home lowers only its own figure, and its parts are to go down once as well.
 */
const BASE = Date.parse(iso(0));
const ITEMS = 3;
const KIT = 2;
const PARTS_OF_KIT = 2;
const OPENING = 40;

const step = fc.oneof(
	{
		weight: 4,
		arbitrary: fc.record({
			kind: fc.constant("sell" as const),
			units: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: ITEMS, maxLength: ITEMS }),
			fba: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
		}),
	},
	{ weight: 4, arbitrary: fc.record({ kind: fc.constant("copy" as const), which: fc.nat({ max: 9 }) }) },
	{
		weight: 4,
		arbitrary: fc.record({
			kind: fc.constant("tell" as const),
			which: fc.nat({ max: 9 }),
			half: fc.constantFrom("order" as const, "copy" as const),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("cancel" as const),
			which: fc.nat({ max: 9 }),
			half: fc.constantFrom("order" as const, "copy" as const),
			item: fc.nat({ max: ITEMS - 1 }),
		}),
	},
	{ weight: 3, arbitrary: fc.record({ kind: fc.constant("level" as const), item: fc.nat({ max: ITEMS - 1 }) }) },
	{ weight: 3, arbitrary: fc.record({ kind: fc.constant("push" as const) }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 40_000 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Half = { held: number[]; stamp: number; createdAt: number };
type Sale = { id: string; fba: boolean; order: Half; copy: Half | null };
type Run = { state: ApplyState; home: HomeModel; sales: Sale[]; lines: number; takes: boolean; seen: Set<string> };

const play = (takes: boolean) => (steps: readonly Step[]) => {
	const run = start(takes);
	for (const one of steps) {
		run.home.now += 1_500;
		act(run, one);
		expectBooksBalance(run.state);
	}
	settle(run);
	expectBooksBalance(run.state);
	const should = Array.from({ length: ITEMS }, (_, item) =>
		run.sales.reduce((left, { fba, order, copy }) => {
			const own = (of: number) => (fba ? 0 : (order.held[of] ?? 0));
			const copied = (of: number) => (takes ? (copy?.held[of] ?? 0) : 0);
			if (item === KIT) return left - copied(KIT);
			const parts = item === 0 ? PARTS_OF_KIT * Math.max(own(KIT), copied(KIT)) : 0;
			return left - Math.max(own(item), copied(item)) - parts;
		}, OPENING),
	);
	const homes = should.map((_, item) => run.home.levels.get(`${item}:0`)?.quantity);
	expect({ homes, nets: should.map((_, item) => netOf(run.state, item, 0)) }).toEqual({ homes: should, nets: should });
	return run.seen;
};

const steps = fc.array(step, { minLength: 4, maxLength: 40 });
it("R43 orders that another app copies into Shopify, taking its stock, count once, whichever half comes first, is missing or changes", () => {
	const seen = new Set<string>();
	fc.assert(
		fc.property(steps, (some) => {
			for (const what of play(true)(some)) seen.add(what);
		}),
		{ numRuns: 1_500 },
	);
	for (const what of [
		"order first",
		"copy first",
		"copy alone at the end",
		"order alone at the end",
		"fba copied",
		"kit copied",
		"order cancelled first",
		"copy cancelled first",
		"sent before the copy",
	])
		expect([...seen]).toContain(what);
});

it("R43 copies that leave Shopify's stock alone take nothing, no parts of kits either", () => {
	const seen = new Set<string>();
	fc.assert(
		fc.property(steps, (some) => {
			for (const what of play(false)(some)) seen.add(what);
		}),
		{ numRuns: 500 },
	);
	for (const what of ["copy first", "order first", "kit copied", "kit copied of fba"]) expect([...seen]).toContain(what);
});

function start(takes: boolean): Run {
	const home = createHome(ITEMS, 1, OPENING);
	const state = createModel({
		...{ items: KIT, locations: 1, guest: true, base: BASE },
		bundles: [{ kit: true, components: [{ item: 0, quantity: PARTS_OF_KIT }] }],
	});
	const guest = state.connections.get(GUEST);
	if (!guest) throw new Error("The model has no guest");
	(state.connections as Map<number, typeof guest>).set(GUEST, { ...guest, mirror: takes ? "takes-stock" : "leaves-stock" });
	for (let item = 0; item < ITEMS; item++)
		applyModel(state, BASE, [{ connectionId: HOME, event: readingOf(home, item, 0, null), source: "import" }]);
	home.now = 60_000;
	return { state, home, sales: [], lines: 0, takes, seen: new Set() };
}

function act(run: Run, one: Step): void {
	const { home, sales, seen } = run;
	const now = Math.floor(home.now / 1000) * 1000;
	switch (one.kind) {
		case "sell":
			if (one.units.every((n) => n === 0)) return;
			sales.push({ id: `7-${sales.length}`, fba: one.fba, order: { held: [...one.units], stamp: now, createdAt: now }, copy: null });
			return;
		case "copy": {
			const sale = sales[one.which % Math.max(1, sales.length)];
			if (!sale || sale.copy) return;
			sale.copy = { held: [...sale.order.held], stamp: now, createdAt: now };
			if (sale.fba) seen.add("fba copied");
			if ((sale.copy.held[KIT] ?? 0) > 0) seen.add(sale.fba ? "kit copied of fba" : "kit copied");
			if (run.takes) for (const [item, units] of sale.copy.held.entries()) change(run, item, -units);
			return;
		}
		case "tell": {
			const sale = sales[one.which % Math.max(1, sales.length)];
			if (!sale || (one.half === "copy" && !sale.copy)) return;
			const other = run.state.orders.get(one.half === "order" ? `${HOME}:m${sale.id}` : `${GUEST}:${sale.id}`);
			if (!other) seen.add(`${one.half} first`);
			if (one.half === "copy" && other && run.lines > 0) seen.add("sent before the copy");
			tell(run, sale, one.half, null);
			return;
		}
		case "cancel": {
			const sale = sales[one.which % Math.max(1, sales.length)];
			const half = sale?.[one.half];
			const units = half?.held[one.item] ?? 0;
			if (!sale || !half || units === 0) return;
			const other = one.half === "order" ? sale.copy : sale.order;
			if ((other?.held[one.item] ?? 0) > 0) seen.add(`${one.half} cancelled first`);
			half.held[one.item] = 0;
			half.stamp = Math.max(now, half.stamp + 1000);
			if (one.half === "copy" && run.takes) change(run, one.item, units);
			return;
		}
		case "level":
			applyModel(run.state, BASE + home.now, [{ connectionId: HOME, event: readingOf(home, one.item, 0, null) }]);
			return;
		case "push":
			push(run);
			return;
		case "wait":
			home.now += one.ms;
	}
}

function change({ home }: Run, item: number, delta: number): void {
	const level = home.levels.get(`${item}:0`);
	if (!level) throw new Error("no such level");
	level.quantity += delta;
	level.updatedAt = Math.floor(home.now / 1000) * 1000;
}

function tell(run: Run, sale: Sale, half: "order" | "copy", fetchedAt: number | null): void {
	const { home, state } = run;
	const one = sale[half];
	if (!one) return;
	const isCopy = half === "copy";
	const fetched = fetchedAt === null ? null : { askedAt: iso(fetchedAt), answeredAt: iso(fetchedAt + 1) };
	const event: StockEvent = {
		v: 1,
		type: "order.snapshot",
		orderId: isCopy ? `m${sale.id}` : sale.id,
		name: sale.id,
		createdAt: iso(one.createdAt),
		stamp: iso(one.stamp),
		contentHash: one.held.join(),
		complete: true,
		cancelled: false,
		locationExternalId: null,
		source: isCopy ? { name: "importer", identifier: sale.id } : null,
		lines: one.held.map((held, item) => ({
			lineId: `${item}`,
			listingExternalId: isCopy ? `item-${item}` : `listing-${item}`,
			sku: null,
			ordered: 3,
			held,
			fulfilledByChannel: !isCopy && sale.fba,
		})),
		fetched,
	};
	const [verdict] = applyModel(state, BASE + home.now, [
		{ connectionId: isCopy ? HOME : GUEST, event, source: fetched ? "poll" : "webhook" },
	]);
	if (verdict?.outcome === "parked") throw new Error(verdict.error);
}

/** What is owed reaches home at once, and the answer comes back. */
function push(run: Run): void {
	const { home, state } = run;
	for (const stock of [...state.stock.values()]) {
		if (stock.deltaOwed === 0) continue;
		const id = ++run.lines;
		const line: DeltaLine = {
			...{ id, batchId: id, itemId: stock.itemId, locationId: stock.locationId, delta: stock.deltaOwed, state: "open" as const },
			...{ landedAt: null, answeredAt: null, underWay: false, expired: null },
		};
		state.deltas.set(id, line);
		state.stock.set(`${stock.itemId}:${stock.locationId}`, { ...stock, deltaOwed: 0, owedSince: null });
		state.deltas.keep();
		state.stock.keep();
		change(run, stock.itemId - 100, line.delta);
		const landedAt = iso(Math.floor(home.now / 1000) * 1000);
		const event = { v: 1, type: "delta.landed", batchId: id, landedAt, answeredAt: iso(home.now) } as const;
		applyModel(state, BASE + home.now, [{ connectionId: HOME, event, source: "app" }]);
	}
}

/** Everything is polled and read, as the app does by itself. */
function settle(run: Run): void {
	for (const { order, copy, fba } of run.sales) {
		if (fba) continue;
		if (copy?.held.some((n) => n > 0) && order.held.every((n) => n === 0)) run.seen.add("copy alone at the end");
		if (!copy && order.held.some((n) => n > 0)) run.seen.add("order alone at the end");
	}
	for (let round = 0; round < 4; round++) {
		run.home.now += 60_000;
		for (const sale of run.sales) for (const half of ["order", "copy"] as const) tell(run, sale, half, run.home.now);
		run.home.now += 15_000;
		for (let item = 0; item < ITEMS; item++)
			applyModel(run.state, BASE + run.home.now, [
				{ connectionId: HOME, event: readingOf(run.home, item, 0, run.home.now), source: "fetch" },
			]);
		run.home.now += 2_000;
		push(run);
	}
	run.home.now += 60_000;
	for (let item = 0; item < ITEMS; item++)
		applyModel(run.state, BASE + run.home.now, [
			{ connectionId: HOME, event: readingOf(run.home, item, 0, run.home.now), source: "fetch" },
		]);
}
