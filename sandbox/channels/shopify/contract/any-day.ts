import fc from "fast-check";
import { expect } from "vitest";
import { createWorld, type World } from "../../../world.ts";
import type { Context } from "../graphql/context.ts";
import { adjustQuantities } from "../graphql/inventory-writes.ts";
import { createShopify, type Shop } from "../index.ts";
import { levelAt, onHand } from "../model.ts";

const SKUS = ["CUP", "POT", "PEN"] as const;
const OPENING: Record<string, Record<string, number>> = { CUP: { A: 6, B: 3, Till: 4 }, POT: { A: 2, B: 0 }, PEN: { B: 5 } };

type Day = { world: World; shop: Shop; locations: Record<string, number> };

/** Any day of a shop: what may happen in it, and a model that counts goods: what came in, what was shipped, what is promised. */
export function openDay(): Day {
	const world = createWorld({ seed: 5 });
	const shopify = createShopify(world, {
		clientId: "c",
		clientSecret: "s",
		appUrl: "https://app.lockstep.example",
		http: { latencyMs: [0, 0] },
	});
	const shop = shopify.createShop({ domain: "arithmetic.myshopify.com" });
	shop.seed({
		locations: [{ name: "A" }, { name: "B" }, { name: "Till", fulfillsOnlineOrders: false }],
		products: SKUS.map((sku) => ({ title: sku, variants: [{ sku, stock: OPENING[sku] ?? 0 }] })),
		bundles: [
			{
				title: "Set",
				sku: "SET",
				components: [
					{ sku: "CUP", quantity: 2 },
					{ sku: "POT", quantity: 1 },
				],
			},
		],
	});
	return { world, shop, locations: Object.fromEntries(shop.locations().map(({ name, id }) => [name, id])) };
}

const units = fc.integer({ min: 1, max: 4 });
const sku = fc.constantFrom(...SKUS);
const bought = fc.constantFrom(...SKUS, "SET");
const place = fc.constantFrom("A", "B", "Till");
const which = fc.nat({ max: 30 });
export const step = fc.oneof(
	{
		weight: 6,
		arbitrary: fc.record({
			kind: fc.constant("buy" as const),
			lines: fc.array(fc.record({ sku: bought, quantity: units }), { minLength: 1, maxLength: 3 }),
		}),
	},
	{ weight: 3, arbitrary: fc.record({ kind: fc.constant("till" as const), sku, quantity: units, place, force: fc.boolean() }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("cancel" as const), which, restock: fc.boolean() }) },
	{ weight: 3, arbitrary: fc.record({ kind: fc.constant("refund" as const), which, quantity: units, restock: fc.boolean() }) },
	{ weight: 3, arbitrary: fc.record({ kind: fc.constant("fulfil" as const), which, part: fc.boolean() }) },
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("edit order" as const),
			which,
			quantity: fc.nat({ max: 6 }),
			add: fc.option(bought),
			restock: fc.boolean(),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("reroute" as const),
			which,
			from: fc.constantFrom("A", "B"),
			to: fc.constantFrom("A", "B", "Till"),
		}),
	},
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("edit" as const), sku, place, delta: fc.integer({ min: -3, max: 5 }) }) },
	{
		weight: 2,
		arbitrary: fc.record({ kind: fc.constant("transfer" as const), sku, from: place, to: place, quantity: units, receive: fc.boolean() }),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("draft" as const),
			sku: bought,
			quantity: units,
			end: fc.constantFrom("complete", "release", "leave"),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("write" as const),
			sku,
			place: fc.constantFrom("A", "B"),
			delta: fc.integer({ min: -4, max: 4 }),
		}),
	},
	{
		weight: 1,
		arbitrary: fc.record({ kind: fc.constant("policy" as const), sku, policy: fc.constantFrom("DENY" as const, "CONTINUE" as const) }),
	},
	{
		weight: 1,
		arbitrary: fc.record({ kind: fc.constant("location" as const), place: fc.constantFrom("B", "Till"), online: fc.boolean() }),
	},
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant("unstock" as const), sku, place: fc.constantFrom("B", "Till") }) },
	{
		weight: 1,
		arbitrary: fc.record({
			kind: fc.constant("set aside" as const),
			sku,
			name: fc.constantFrom("damaged" as const, "quality_control" as const),
			quantity: units,
		}),
	},
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
/** How often what was met, over all days: a day on which nothing happens proves nothing. */
export const met = new Map<string, number>();
const note = (what: string) => met.set(what, (met.get(what) ?? 0) + 1);

/** Goods that came or went without an order, and what the app wrote. */
type Goods = { written: Record<string, number>; onHand: Record<string, number> };
export const openingGoods = (): Goods => ({
	written: {},
	onHand: Object.fromEntries(SKUS.map((code) => [code, Object.values(OPENING[code] ?? {}).reduce((sum, n) => sum + n, 0)])),
});
const put = (goods: Goods, code: string, delta: number) => {
	goods.onHand[code] = (goods.onHand[code] ?? 0) + delta;
};

/** One thing happens, as far as it can. */
export function play(day: Day, one: Step, goods: Goods): unknown {
	const { shop, locations } = day;
	const orders = shop.orders();
	const order = "which" in one && orders.length > 0 ? orders[one.which % orders.length] : undefined;
	const id = (name: string) => locations[name] ?? 0;
	const stocked = (code: string, name: string) => levelAt(shop.state, shop.idsOf(code).item, id(name))?.active === true;
	switch (one.kind) {
		case "buy": {
			const placed = shop.checkout({ lines: one.lines });
			note(`buy ${placed.outcome}`);
			if (placed.outcome !== "placed") return undefined;
			if (one.lines.some((line) => line.sku === "SET")) note("bundle placed");
			if ((shop.order(placed.orderId)?.fulfillmentOrders.length ?? 0) > 1) note("split over locations");
			return undefined;
		}
		case "till":
			return note(
				`till ${shop.checkout({ lines: [{ sku: one.sku, quantity: one.quantity }], via: "pos", locationId: id(one.place), force: one.force }).outcome}`,
			);
		case "cancel":
			if (!order) return undefined;
			note(one.restock ? "cancel restocked" : "cancel kept");
			return shop.cancelOrder({ orderId: order.id, restock: one.restock });
		case "refund": {
			const line = order?.lines[one.quantity % order.lines.length];
			if (!order || !line || line.removed === line.quantity) return undefined;
			if (order.fulfillments.length > 0) note("refund of shipped units");
			note(one.restock ? "refund restocked" : "refund kept");
			return shop.refund({ orderId: order.id, lines: [{ lineId: line.id, quantity: one.quantity }], restock: one.restock });
		}
		case "fulfil": {
			if (!order || order.cancelledAt !== null) return undefined;
			const line = order.lines[0];
			if (one.part) note("fulfil part");
			return shop.fulfil({ orderId: order.id, ...(one.part && line && { lines: [{ lineId: line.id, quantity: 1 }] }) });
		}
		case "edit order": {
			const line = order?.lines[0];
			if (!order || !line || order.cancelledAt !== null || order.retailLocationId !== null) return undefined;
			note("edit order");
			const add = one.add && one.add !== "SET" ? [{ sku: one.add, quantity: 1 }] : [];
			return shop.editOrder({ orderId: order.id, set: [{ lineId: line.id, quantity: one.quantity }], add, restock: one.restock });
		}
		case "reroute": {
			if (!order || one.from === one.to || order.lines.some((line) => line.tracked && line.sku && !stocked(line.sku, one.to)))
				return undefined;
			note("reroute");
			return shop.reroute({ orderId: order.id, from: id(one.from), to: id(one.to) });
		}
		case "edit":
			put(goods, one.sku, one.delta);
			return shop.editStock({ sku: one.sku, locationId: id(one.place), delta: one.delta });
		case "transfer": {
			if (one.from === one.to || !stocked(one.sku, one.from)) return undefined;
			const moving = shop.transfer({ sku: one.sku, from: id(one.from), to: id(one.to), quantity: one.quantity });
			if (one.receive) moving.receive();
			else {
				put(goods, one.sku, -one.quantity);
				note("transfer open");
			}
			return undefined;
		}
		case "draft": {
			const draft = shop.draft({ lines: [{ sku: one.sku, quantity: one.quantity }], reserve: true });
			if (one.end === "complete") draft.complete();
			if (one.end === "release") draft.release();
			return note(`draft ${one.end}`);
		}
		case "write": {
			if (!stocked(one.sku, one.place)) return undefined;
			write(day, one);
			const location = shop.location(one.place);
			if (location?.fulfillsOnlineOrders) goods.written[one.sku] = (goods.written[one.sku] ?? 0) + one.delta;
			put(goods, one.sku, one.delta);
			return note("write");
		}
		case "policy":
			return shop.setPolicy(one.sku, one.policy);
		case "location":
			note("location");
			return shop.changeLocation(id(one.place), { fulfillsOnlineOrders: one.online });
		case "unstock": {
			const level = levelAt(shop.state, shop.idsOf(one.sku).item, id(one.place));
			if (!level?.active || level.quantities.committed !== 0 || level.quantities.reserved !== 0 || level.quantities.incoming !== 0)
				return undefined;
			note("unstock");
			put(goods, one.sku, -level.quantities.available);
			return shop.deactivateItemAt({ sku: one.sku, locationId: id(one.place) });
		}
		case "set aside":
			if (!stocked(one.sku, "B")) return undefined;
			return shop.setAside({ sku: one.sku, locationId: id("B"), name: one.name, quantity: one.quantity });
	}
}

/** An app's delta, by the function that the mutation calls. */
function write({ shop, locations }: Day, one: { sku: string; place: string; delta: number }): void {
	const changes = [
		{
			inventoryItemId: shop.idsOf(one.sku).inventoryItemId,
			locationId: `gid://shopify/Location/${locations[one.place]}`,
			delta: one.delta,
			changeFromQuantity: null,
		},
	];
	const context = { stage: shop.stage, state: shop.state, groups: new Map(), violated: () => undefined } as unknown as Context;
	expect(adjustQuantities(context, { name: "available", reason: "correction", changes }).userErrors).toEqual([]);
}

/** The shop and the books agree with the goods. */
export function expectCoherent({ shop, world }: Day, goods: Goods): void {
	for (const code of SKUS) {
		const { item } = shop.idsOf(code);
		const levels = shop.state.levelsOfItem.get(item) ?? [];
		const sum = (of: (level: (typeof levels)[number]) => number) => levels.reduce((total, level) => total + of(level), 0);
		const lines = shop
			.orders()
			.flatMap((order) => order.lines.filter((line) => line.itemId === item && line.tracked).map((line) => ({ order, line })));
		const promised = lines.reduce(
			(total, { order, line }) =>
				total + order.fulfillmentOrders.flatMap((f) => f.lines).reduce((s, l) => s + (l.lineId === line.id ? l.remaining : 0), 0),
			0,
		);
		// What is promised to buyers is what is committed on the shelves.
		expect(
			sum((level) => level.quantities.committed),
			`${code} committed`,
		).toBe(promised);
		const reserved = [...shop.state.drafts.values()]
			.filter((draft) => draft.status === "reserved")
			.flatMap((draft) => draft.lines)
			.flatMap((line) => line.at)
			.filter((part) => part.itemId === item)
			.reduce((total, part) => total + part.quantity, 0);
		expect(
			sum((level) => level.quantities.reserved),
			`${code} reserved`,
		).toBe(reserved);
		for (const level of levels) {
			expect(onHand(level)).toBe(
				level.quantities.available +
					level.quantities.committed +
					level.quantities.reserved +
					level.quantities.damaged +
					level.quantities.quality_control +
					level.quantities.safety_stock,
			);
			if (level.quantities.available < 0) note("negative");
		}
		// What left the shelves: all that was bought, less what is still to ship and what was put back before shipping; returns came back.
		const gone = lines.reduce((total, { order, line }) => {
			const open = order.fulfillmentOrders.flatMap((f) => f.lines).reduce((s, l) => s + (l.lineId === line.id ? l.remaining : 0), 0);
			const shipped = order.fulfillments.flatMap((f) => f.lines).reduce((s, l) => s + (l.lineId === line.id ? l.quantity : 0), 0);
			const back = (type: string) =>
				order.refunds.flatMap((r) => r.lines).reduce((s, l) => s + (l.lineId === line.id && l.restockType === type ? l.quantity : 0), 0);
			expect(line.removed, `${order.name} ${code} removed`).toBeLessThanOrEqual(line.quantity);
			expect(open + shipped, `${order.name} ${code} to ship and shipped`).toBeLessThanOrEqual(line.quantity);
			return total + line.quantity - open - back("CANCEL") - back("RETURN");
		}, 0);
		expect(sum(onHand), `${code} on hand`).toBe((goods.onHand[code] ?? 0) - gone);
		// No other channel sells here: the books' truth is what the online store may sell, without the app's own writes.
		expect(world.books.truth(code), `${code} truth`).toBe(shop.available(code) - (goods.written[code] ?? 0));
		expect(world.books.shown("shopify", code)).toBe(Math.max(0, shop.available(code)));
	}
	expect(world.books.shown("shopify", "SET")).toBe(Math.max(0, shop.available("SET")));
}
