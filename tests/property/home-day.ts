import fc from "fast-check";
import type { StockEvent } from "#domain";
import type { ApplyState } from "../../app/apply/decide/state.ts";
import { applyModel, createModel, GUEST, HOME, type ModelOptions } from "./apply-model.ts";
import { changeLevel, changeOrder, createHome, type HomeModel, iso, placeOrder, readingOf, snapshotOf, type Way } from "./home-model.ts";

/** A day at home and at one guest, played by a model of each; what the property tests of readings are made of. */
export const BASE = Date.parse(iso(0));
export const ITEMS = 3;
export const LOCATIONS = 2;

export const way: fc.Arbitrary<Way> = fc.record({
	lost: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
	delay: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1000, max: 8000 })),
	again: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: null, freq: 5 }),
});
export const item = fc.integer({ min: 0, max: ITEMS - 1 });
export const place = fc.integer({ min: 0, max: LOCATIONS - 1 });
export const units = fc.integer({ min: 1, max: 3 });
const ways = fc.record({ order: way, level: way });

export const action = fc.oneof(
	{ weight: 5, arbitrary: fc.record({ kind: fc.constant("homeSale" as const), item, place, units, ways }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("pos" as const), item, place, units, way }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("edit" as const), item, place, delta: fc.integer({ min: -4, max: 6 }), way }) },
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant("transfer" as const), item, units, way, back: way }) },
	{
		weight: 3,
		arbitrary: fc.record({
			kind: fc.constant("change" as const),
			which: fc.nat(),
			line: fc.nat({ max: 0 }),
			held: fc.integer({ min: 0, max: 3 }),
			restock: fc.boolean(),
			ways,
		}),
	},
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant("reroute" as const), which: fc.nat(), way, back: way }) },
	{ weight: 4, arbitrary: fc.record({ kind: fc.constant("guestSale" as const), item, units, way }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("guestCancel" as const), which: fc.nat(), way }) },
	{
		weight: 4,
		arbitrary: fc.record({
			kind: fc.constant("push" as const),
			latency: fc.integer({ min: 0, max: 3000 }),
			answer: fc.integer({ min: 0, max: 4000 }),
			echo: way,
		}),
	},
	{
		weight: 6,
		arbitrary: fc.record({
			kind: fc.constant("wait" as const),
			ms: fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 1000, max: 15_000 })),
		}),
	},
);
export type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

export type Run = {
	locations: number;
	home: HomeModel;
	state: ApplyState;
	guestOrders: { id: string; item: number; held: number; createdAt: number; updatedAt: number }[];
	later: { at: number; run: () => void; order: number }[];
	seen: Set<string>;
};

export const start = (options: Partial<Pick<ModelOptions, "limits" | "locations">> = {}): Run => {
	const locations = options.locations ?? LOCATIONS;
	const run: Run = {
		locations,
		home: createHome(ITEMS, locations, 8),
		state: createModel({ items: ITEMS, guest: true, base: BASE, ...options, locations }),
		guestOrders: [],
		later: [],
		seen: new Set(),
	};
	for (let i = 0; i < ITEMS; i++)
		for (let l = 0; l < locations; l++)
			applyModel(run.state, BASE, [{ connectionId: HOME, event: readingOf(run.home, i, l, null), source: "import" }]);
	run.home.now = 60_000;
	return run;
};

/** Lets time pass: messages arrive, our own asking and writing goes on. */
export function pass(run: Run, ms: number): void {
	const until = run.home.now + ms;
	for (;;) {
		const next = [
			...run.home.messages.map((m) => m.at),
			...run.later.map((l) => l.at),
			...run.state.fetches.map((f) => f.dueAt - BASE),
		].filter((at) => at <= until);
		if (next.length === 0) break;
		run.home.now = Math.max(run.home.now, Math.min(...next));
		const due = run.home.messages.filter((m) => m.at <= run.home.now).sort((a, b) => a.at - b.at || a.order - b.order);
		run.home.messages = run.home.messages.filter((m) => m.at > run.home.now);
		if (due.length > 0)
			applyModel(
				run.state,
				BASE + run.home.now,
				due.map((m) => ({
					connectionId: m.event.type === "order.snapshot" && m.event.orderId.startsWith("g") ? GUEST : HOME,
					event: m.event,
				})),
			);
		const tasks = run.later.filter((l) => l.at <= run.home.now).sort((a, b) => a.at - b.at || a.order - b.order);
		run.later = run.later.filter((l) => l.at > run.home.now);
		for (const task of tasks) task.run();
		answerFetches(run);
	}
	run.home.now = until;
}

function answerFetches(run: Run): void {
	const due = run.state.fetches.filter((f) => f.dueAt - BASE <= run.home.now);
	run.state.fetches = run.state.fetches.filter((f) => f.dueAt - BASE > run.home.now);
	if (due.length === 0) return;
	// Asking takes time: an answer is never of the same moment as the question.
	const askedAt = run.home.now;
	run.home.now += 5;
	for (const fetch of due) {
		if (fetch.kind === "levels") {
			const n = Number(fetch.externalId.slice("item-".length));
			run.seen.add("asked");
			applyModel(
				run.state,
				BASE + askedAt,
				Array.from({ length: run.locations }, (_, l) => ({
					connectionId: HOME,
					event: readingOf(run.home, n, l, askedAt),
					source: "fetch" as const,
				})),
			);
		} else if (fetch.kind === "order") {
			run.seen.add("order asked");
			const order = run.home.orders.get(fetch.externalId);
			const guest = run.guestOrders.find((o) => o.id === fetch.externalId);
			const event = order
				? snapshotOf(order, { askedAt, answeredAt: run.home.now })
				: guest && guestSnapshot(guest, { askedAt, answeredAt: run.home.now });
			if (event) applyModel(run.state, BASE + askedAt, [{ connectionId: order ? HOME : GUEST, event, source: "fetch" }]);
		}
	}
}

function guestSnapshot(order: Run["guestOrders"][number], fetched: { askedAt: number; answeredAt: number } | null): StockEvent {
	return {
		v: 1,
		type: "order.snapshot",
		orderId: order.id,
		name: order.id,
		createdAt: iso(order.createdAt),
		stamp: iso(order.updatedAt),
		contentHash: `${order.held}`,
		complete: true,
		cancelled: order.held === 0,
		locationExternalId: null,
		lines: [
			{
				lineId: "1",
				listingExternalId: `listing-${order.item}`,
				sku: null,
				ordered: order.held,
				held: order.held,
				fulfilledByChannel: false,
			},
		],
		fetched: fetched && { askedAt: iso(fetched.askedAt), answeredAt: iso(fetched.answeredAt) },
	};
}

/** What delivery does: takes what is owed, lets home change, and hears of it later; the echo is a message like any other. */
export function push(run: Run, latency: number, answer: number, echo: Way): void {
	const owed = [...run.state.stock.values()].filter(
		(s) =>
			s.deltaOwed !== 0 &&
			![...run.state.deltas.values()].some((d) => d.itemId === s.itemId && d.locationId === s.locationId && d.state === "open"),
	);
	if (owed.length === 0) return;
	const batchId = 1 + run.later.length + [...run.state.deltas.values()].length * 7 + run.home.changes;
	for (const stock of owed) {
		const id = batchId * 100 + owed.indexOf(stock);
		run.state.deltas.set(id, {
			id,
			batchId,
			itemId: stock.itemId,
			locationId: stock.locationId,
			delta: stock.deltaOwed,
			state: "open",
			landedAt: null,
			answeredAt: null,
			underWay: true,
			expired: null,
		});
		run.state.stock.set(`${stock.itemId}:${stock.locationId}`, { ...stock, deltaOwed: 0, owedSince: null });
	}
	run.state.deltas.keep();
	run.state.stock.keep();
	run.later.push({
		at: run.home.now + latency,
		order: run.home.changes++,
		run: () => {
			const landedAt = Math.floor(run.home.now / 1000) * 1000;
			for (const stock of owed) changeLevel(run.home, stock.itemId - 100, stock.locationId - 10, stock.deltaOwed, echo);
			run.later.push({
				at: run.home.now + answer,
				order: run.home.changes++,
				run: () =>
					applyModel(run.state, BASE + run.home.now, [
						{
							connectionId: HOME,
							event: { v: 1, type: "delta.landed", batchId, landedAt: iso(landedAt), answeredAt: iso(run.home.now) },
							source: "app",
						},
					]),
			});
		},
	});
}

export function act(run: Run, a: Action): void {
	const { home } = run;
	switch (a.kind) {
		case "homeSale":
			placeOrder(home, [{ item: a.item, held: a.units, location: a.place }], a.ways);
			break;
		case "pos":
			changeLevel(home, a.item, a.place, -a.units, a.way);
			break;
		case "edit":
			if (a.delta !== 0) changeLevel(home, a.item, a.place, a.delta, a.way);
			break;
		case "transfer":
			changeLevel(home, a.item, 0, -a.units, a.way);
			changeLevel(home, a.item, 1, a.units, a.back);
			break;
		case "change": {
			const orders = [...home.orders.values()];
			const order = orders[a.which % Math.max(1, orders.length)];
			if (order) changeOrder(home, order, a.line, a.held, a.restock, a.ways);
			break;
		}
		case "reroute": {
			const orders = [...home.orders.values()];
			const line = orders[a.which % Math.max(1, orders.length)]?.lines[0];
			if (!line || line.held === 0) return;
			changeLevel(home, line.item, line.location, line.held, a.back);
			line.location = 1 - line.location;
			changeLevel(home, line.item, line.location, -line.held, a.way);
			break;
		}
		case "guestSale": {
			const at = Math.floor(home.now / 1000) * 1000;
			const order = { id: `g${run.guestOrders.length + 1}`, item: a.item, held: a.units, createdAt: at, updatedAt: at };
			run.guestOrders.push(order);
			tellGuest(run, order, a.way);
			break;
		}
		case "guestCancel": {
			const order = run.guestOrders[a.which % Math.max(1, run.guestOrders.length)];
			if (!order || order.held === 0) return;
			order.held = 0;
			order.updatedAt = Math.floor(home.now / 1000) * 1000;
			tellGuest(run, order, a.way);
			break;
		}
		case "push":
			push(run, a.latency, a.answer, a.echo);
			break;
		case "wait":
			pass(run, a.ms);
			return;
	}
	run.seen.add(a.kind);
}

/** A guest's messages may be lost; the order poll brings the state within the minute. */
function tellGuest(run: Run, order: Run["guestOrders"][number], way: Way): void {
	const event = guestSnapshot({ ...order }, null);
	if (!way.lost) run.home.messages.push({ at: run.home.now + way.delay, event, order: run.home.changes++ });
	if (way.again !== null) run.home.messages.push({ at: run.home.now + way.delay + way.again, event, order: run.home.changes++ });
}

function poll(run: Run): void {
	const askedAt = run.home.now;
	for (const order of run.guestOrders)
		applyModel(run.state, BASE + askedAt, [
			{ connectionId: GUEST, event: guestSnapshot(order, { askedAt, answeredAt: askedAt }), source: "poll" },
		]);
	for (let n = 0; n < ITEMS; n++)
		run.state.fetches.push({ connectionId: HOME, kind: "levels", externalId: `item-${n}`, dueAt: BASE + run.home.now, reason: "overdue" });
}

/** Without a blanket reading: only what the app itself finds overdue is asked for (app/apply/overdue.ts). */
function askOverdue(run: Run): void {
	const items = new Set<number>();
	for (const p of run.state.predictions.values()) if (p && p.receivedAt < BASE + run.home.now - 30_000) items.add(p.itemId);
	for (const d of run.state.deltas.values())
		if (d.state === "landed" && (d.answeredAt ?? 0) < BASE + run.home.now - 30_000) items.add(d.itemId);
	for (const id of items)
		run.state.fetches.push({
			connectionId: HOME,
			kind: "levels",
			externalId: `item-${id - 100}`,
			dueAt: BASE + run.home.now,
			reason: "overdue",
		});
}

export function settle(run: Run, { blanket }: { blanket: boolean } = { blanket: true }): void {
	if (!blanket) {
		for (let round = 0; round < 8; round++) {
			push(run, 100, 100, { lost: false, delay: 50, again: null });
			pass(run, 35_000);
			askOverdue(run);
			pass(run, 1_000);
		}
		return;
	}
	for (let round = 0; round < 6; round++) {
		pass(run, 30_000);
		push(run, 100, 100, { lost: false, delay: 50, again: null });
		pass(run, 30_000);
		poll(run);
		pass(run, 1_000);
	}
}
