import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { World } from "../../world.ts";
import { expectCoherent, met, openDay, openingGoods, play, step } from "./contract/any-day.ts";

const worlds: World[] = [];
afterEach(async () => {
	for (const world of worlds.splice(0)) await world.close();
});
const open = () => {
	const day = openDay();
	worlds.push(day.world);
	return day;
};

describe("the stand-in's stock arithmetic", () => {
	it("after any day: goods on hand, promised and sellable agree with the goods counted, and with the books", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
				const day = open();
				const goods = openingGoods();
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
