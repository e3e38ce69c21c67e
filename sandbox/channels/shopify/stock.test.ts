import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createWorld, type World } from "../../world.ts";
import type { Context } from "./graphql/context.ts";
import { adjustQuantities } from "./graphql/inventory-writes.ts";
import { createShopify, type Shop } from "./index.ts";
import { levelAt, onHand } from "./model.ts";

/** The stock arithmetic, against a model that counts goods: what came in, what was shipped, what is promised. */
const SKUS = ["CUP", "POT", "PEN"] as const;
const OPENING: Record<string, Record<string, number>> = { CUP: { A: 6, B: 3, Till: 4 }, POT: { A: 2, B: 0 }, PEN: { B: 5 } };

const worlds: World[] = [];
afterEach(async () => {
	for (const world of worlds.splice(0)) await world.close();
});

function open(): { world: World; shop: Shop; locations: Record<string, number> } {
	const world = createWorld({ seed: 5 });
	worlds.push(world);
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
const step = fc.oneof(
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
const met = new Map<string, number>();
const note = (what: string) => met.set(what, (met.get(what) ?? 0) + 1);

describe("the stand-in's stock arithmetic", () => {
	it("after any day: goods on hand, promised and sellable agree with the goods counted, and with the books", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
				const day = open();
				const goods: Goods = {
					written: {},
					onHand: Object.fromEntries(SKUS.map((code) => [code, Object.values(OPENING[code] ?? {}).reduce((sum, n) => sum + n, 0)])),
				};
				for (const one of steps) {
					play(day, one, goods);
					expectCoherent(day, goods);
				}
				await day.world.close();
			}),
			{ numRuns: 150, seed: 20_261_121 },
		);
	}, 60_000);

	afterAll(() => {
		for (const kind of [
			"buy placed",
			"buy refused",
			"till placed",
			"cancel restocked",
			"cancel kept",
			"refund restocked",
			"refund kept",
			"refund of shipped units",
			"fulfil part",
			"edit order",
			"reroute",
			"transfer open",
			"draft complete",
			"draft release",
			"write",
			"negative",
			"split over locations",
			"unstock",
			"location",
			"bundle placed",
		]) {
			expect(met.get(kind) ?? 0, kind).toBeGreaterThan(5);
		}
	});

	it("buyers who come at once get exactly what there is", () => {
		const { shop, world } = open();
		const outcomes = Array.from({ length: 40 }, () => shop.checkout({ lines: [{ sku: "CUP", quantity: 1 }] }).outcome);
		expect(outcomes.filter((outcome) => outcome === "placed")).toHaveLength(9);
		expect([shop.available("CUP"), world.books.truth("CUP"), world.books.oversoldUnits()]).toEqual([0, 0, 0]);
	});

	it("the books count units per order line: sold, given back by cancellation, refund and edit, and never as an edit of stock", () => {
		const { shop, world } = open();
		const buy = (quantity: number) => {
			const placed = shop.checkout({ lines: [{ sku: "CUP", quantity }] });
			if (placed.outcome !== "placed") throw new Error("refused");
			return placed.orderId;
		};
		const [cancelled, refunded, edited, kept] = [buy(1), buy(2), buy(3), buy(1)];
		shop.cancelOrder({ orderId: cancelled ?? 0, restock: true });
		shop.fulfil({ orderId: refunded ?? 0 });
		shop.refund({ orderId: refunded ?? 0, lines: [{ sku: "CUP", quantity: 1 }], restock: true });
		shop.refund({ orderId: refunded ?? 0, lines: [{ sku: "CUP", quantity: 1 }], restock: false });
		shop.editOrder({ orderId: edited ?? 0, set: [{ sku: "CUP", quantity: 1 }] });
		shop.cancelOrder({ orderId: kept ?? 0, restock: false });
		const net = new Map<string, number>();
		for (const sale of world.books.sales()) net.set(sale.orderId, (net.get(sale.orderId) ?? 0) + sale.units);
		expect([cancelled, refunded, edited, kept].map((orderId) => net.get(String(orderId)))).toEqual([0, 1, 1, 1]);
		expect(world.books.edits()).toEqual([]);
		expect([shop.available("CUP"), world.books.truth("CUP")]).toEqual([6, 6]);
	});

	it("a draft that reserves the last units and is completed is a sale, not an oversell", () => {
		const { shop, world, locations } = open();
		const draft = shop.draft({ lines: [{ sku: "PEN", quantity: 5 }], reserve: true });
		expect(shop.level("PEN", locations.B ?? 0)).toMatchObject({ available: 0, reserved: 5, on_hand: 5 });
		draft.complete();
		expect(shop.level("PEN", locations.B ?? 0)).toMatchObject({ available: 0, reserved: 0, committed: 5, on_hand: 5 });
		expect([world.books.truth("PEN"), world.books.oversoldUnits(), world.books.sales().length]).toEqual([0, 0, 1]);
	});

	it("a bundle is bought as its components, at the scarcest one's limit", () => {
		const { shop, world } = open();
		expect(shop.available("SET")).toBe(2);
		expect(
			shop.checkout({
				lines: [
					{ sku: "SET", quantity: 1 },
					{ sku: "POT", quantity: 2 },
				],
			}),
		).toMatchObject({ outcome: "refused", sku: "POT", wanted: 3, available: 2 });
		const placed = shop.checkout({ lines: [{ sku: "SET", quantity: 2 }] });
		if (placed.outcome !== "placed") throw new Error("refused");
		expect(shop.order(placed.orderId)?.lines.map(({ sku: line, quantity, group }) => [line, quantity, group?.sku])).toEqual([
			["CUP", 4, "SET"],
			["POT", 2, "SET"],
		]);
		expect([shop.available("SET"), world.books.shown("shopify", "SET"), world.books.sellable("SET")]).toEqual([0, 0, 0]);
	});

	it("an instant transfer between two locations that sell online changes neither what is shown nor the books", () => {
		const { shop, world, locations } = open();
		shop.transfer({ sku: "CUP", from: locations.A ?? 0, to: locations.B ?? 0, quantity: 4, instant: true });
		expect([shop.level("CUP", locations.A ?? 0)?.available, shop.level("CUP", locations.B ?? 0)?.available]).toEqual([2, 7]);
		expect([world.books.edits(), world.books.truth("CUP"), world.books.shown("shopify", "CUP")]).toEqual([[], 9, 9]);
	});

	it("stock at a till that fulfils no online orders is neither shown online nor in the books", () => {
		const { shop, world, locations } = open();
		shop.checkout({ lines: [{ sku: "CUP", quantity: 3 }], via: "pos", locationId: locations.Till ?? 0 });
		expect([shop.available("CUP"), world.books.truth("CUP"), world.books.sales()]).toEqual([9, 9, []]);
		shop.changeLocation(locations.Till ?? 0, { fulfillsOnlineOrders: true });
		expect([shop.available("CUP"), world.books.truth("CUP"), world.books.shown("shopify", "CUP")]).toEqual([10, 10, 10]);
	});
});

type Day = ReturnType<typeof open>;
/** Goods that came or went without an order, and what the app wrote. */
type Goods = { written: Record<string, number>; onHand: Record<string, number> };
const put = (goods: Goods, code: string, delta: number) => {
	goods.onHand[code] = (goods.onHand[code] ?? 0) + delta;
};

function play(day: Day, one: Step, goods: Goods): unknown {
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

function expectCoherent({ shop, world }: Day, goods: Goods): void {
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
