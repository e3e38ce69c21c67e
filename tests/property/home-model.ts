import type { HomeReading, OrderSnapshot, StockEvent } from "#domain";

/**
 * A small Shopify: levels per item and location, orders, whole-second stamps, messages that come late, twice, out of order or
 * not at all. It is the truth that the property tests compare with. Times are milliseconds.
 */
export type HomeModel = {
	now: number;
	levels: Map<string, { quantity: number; updatedAt: number }>;
	orders: Map<string, HomeOrder>;
	messages: { at: number; event: StockEvent; order: number }[];
	changes: number;
};
export type HomeOrder = {
	id: string;
	createdAt: number;
	updatedAt: number;
	lines: { item: number; held: number; location: number }[];
	version: number;
};

export const createHome = (items: number, locations: number, opening: number): HomeModel => {
	const levels = new Map<string, { quantity: number; updatedAt: number }>();
	for (let i = 0; i < items; i++) for (let l = 0; l < locations; l++) levels.set(`${i}:${l}`, { quantity: opening, updatedAt: 0 });
	return { now: 0, levels, orders: new Map(), messages: [], changes: 0 };
};

const second = (ms: number) => Math.floor(ms / 1000) * 1000;
export const iso = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();

/** How a message travels: lost, or delivered after `delay`, perhaps twice. */
export type Way = { lost: boolean; delay: number; again: number | null };

export function send(home: HomeModel, event: StockEvent, way: Way): void {
	if (way.lost) return;
	home.messages.push({ at: home.now + way.delay, event, order: home.changes++ });
	if (way.again !== null) home.messages.push({ at: home.now + way.delay + way.again, event, order: home.changes++ });
}

/** Changes a level and tells of it: the figure as it is now, with the second it was made in. */
export function changeLevel(home: HomeModel, item: number, location: number, delta: number, way: Way): void {
	const level = home.levels.get(`${item}:${location}`);
	if (!level) throw new Error(`no level ${item}:${location}`);
	level.quantity += delta;
	level.updatedAt = second(home.now);
	send(home, readingOf(home, item, location, null), way);
}

export function readingOf(home: HomeModel, item: number, location: number, askedAt: number | null): HomeReading {
	const level = home.levels.get(`${item}:${location}`);
	if (!level) throw new Error(`no level ${item}:${location}`);
	return {
		v: 1,
		type: "home.reading",
		itemExternalId: `item-${item}`,
		locationExternalId: `loc-${location}`,
		quantity: level.quantity,
		readAt: iso(level.updatedAt),
		via: askedAt === null ? "webhook" : "query",
		askedAt: askedAt === null ? null : iso(askedAt),
		stocked: true,
	};
}

export function snapshotOf(order: HomeOrder, fetched: { askedAt: number; answeredAt: number } | null = null): OrderSnapshot {
	return {
		v: 1,
		type: "order.snapshot",
		orderId: order.id,
		name: `#${order.id}`,
		createdAt: iso(order.createdAt),
		stamp: iso(order.updatedAt),
		contentHash: order.lines.map((l) => l.held).join(","),
		complete: true,
		cancelled: false,
		locationExternalId: null,
		lines: order.lines.map((line, i) => ({
			lineId: `${order.id}-${i}`,
			listingExternalId: `variant:${line.item}`,
			sku: null,
			ordered: line.held,
			held: line.held,
			fulfilledByChannel: false,
		})),
		fetched: fetched && { askedAt: iso(fetched.askedAt), answeredAt: iso(fetched.answeredAt) },
	};
}

export function placeOrder(
	home: HomeModel,
	lines: { item: number; held: number; location: number }[],
	ways: { order: Way; level: Way },
): HomeOrder {
	const at = second(home.now);
	const order: HomeOrder = { id: `h${home.orders.size + 1}`, createdAt: at, updatedAt: at, lines, version: 1 };
	home.orders.set(order.id, order);
	for (const line of lines) changeLevel(home, line.item, line.location, -line.held, ways.level);
	send(home, snapshotOf(order), ways.order);
	return order;
}

/** Sets a line to `held` units; what it no longer holds goes back to its location (or not: a refund without restock). */
export function changeOrder(
	home: HomeModel,
	order: HomeOrder,
	index: number,
	held: number,
	restock: boolean,
	ways: { order: Way; level: Way },
): void {
	const line = order.lines[index];
	if (!line) return;
	const freed = line.held - held;
	if (!restock && freed > 0) return;
	line.held = held;
	order.updatedAt = second(home.now);
	order.version++;
	if (freed !== 0) changeLevel(home, line.item, line.location, freed, ways.level);
	send(home, snapshotOf({ ...order, lines: order.lines.map((l) => ({ ...l })) }), ways.order);
}
