import type { Shop } from "../../sandbox/channels/shopify/index.ts";
import type { World } from "../../sandbox/world.ts";

/** What buyers and the merchant do in a shop: each deed is one happening, done at once. */
export const KINDS = [
	"sell",
	"sell a set",
	"sell what is not there",
	"till",
	"cancel",
	"cancel, keep the units",
	"refund",
	"edit the order",
	"ship",
	"note",
	"reserve",
	"complete",
	"count",
	"move at once",
	"send",
	"receive",
	"put aside",
	"stock elsewhere",
	"take off the shelf",
	"new product",
	"drop a product",
] as const;
export type DeedKind = (typeof KINDS)[number];
export type Deed = { kind: DeedKind; pick: number; units: number; skipMs: number };

export type Staff = {
	act(deed: Deed): void;
	/** What came of the deeds: some found nothing to do. */
	done(): readonly DeedKind[];
	skus(): string[];
	/** Active levels of everything but sets, by Shopify's word. */
	figures(): { sku: string; location: string; figure: number }[];
};

const PLAIN = ["TEA", "MUG", "TIN", "POT", "CUP"];
const MAIN = "Main";
const SHOP = "Shop floor";

export function seedShop(shop: Shop, name: string): void {
	const sku = (of: string) => `${name}-${of}`;
	shop.seed({
		locations: [{ name: MAIN }, { name: SHOP }, { name: "Attic" }],
		products: [
			...PLAIN.map((of, n) => ({
				title: of,
				variants: [{ sku: sku(of), stock: n % 2 === 0 ? { [MAIN]: 12 + n, [SHOP]: 5 } : { [MAIN]: 9, Attic: 2 } }],
			})),
			{ title: "LATE", variants: [{ sku: sku("LATE"), stock: { [MAIN]: 1 }, policy: "CONTINUE" as const }] },
		],
		bundles: [
			{
				title: "SET",
				sku: sku("SET"),
				components: [
					{ sku: sku("TEA"), quantity: 2 },
					{ sku: sku("MUG"), quantity: 1 },
				],
			},
		],
	});
}

export function staffOf(shop: Shop, name: string, world: World): Staff {
	const done: DeedKind[] = [];
	const made: { sku: string; productId: number }[] = [];
	const skus = [...PLAIN, "LATE"].map((of) => `${name}-${of}`);
	const receipts: (() => void)[] = [];
	const drafts: { complete(): void }[] = [];
	const place = (of: string) => shop.location(of)?.id ?? 0;
	const of = <T>(list: readonly T[], pick: number): T | undefined => list[pick % Math.max(1, list.length)];
	const open = () => shop.orders().filter((order) => order.cancelledAt === null);
	const held = () => open().flatMap((order) => order.lines.filter((line) => line.quantity > line.removed).map((line) => ({ order, line })));
	const at = (sku: string) => shop.locations().filter((location) => shop.level(sku, location.id)?.active);

	const deeds: Record<DeedKind, (pick: number, units: number) => boolean> = {
		sell: (pick, units) => placed(shop.checkout({ lines: [{ sku: any(pick), quantity: units }, ...second(pick)] })),
		"sell a set": (_, units) => placed(shop.checkout({ lines: [{ sku: `${name}-SET`, quantity: units }] })),
		"sell what is not there": (_, units) => placed(shop.checkout({ lines: [{ sku: `${name}-LATE`, quantity: units + 1 }] })),
		till: (pick, units) => {
			const sku = any(pick);
			const location = of(at(sku), pick);
			return location !== undefined && placed(shop.checkout({ lines: [{ sku, quantity: units }], via: "pos", locationId: location.id }));
		},
		cancel: (pick) => cancel(pick, true),
		"cancel, keep the units": (pick) => cancel(pick, false),
		refund(pick) {
			const one = of(held(), pick);
			if (!one) return false;
			shop.refund({ orderId: one.order.id, lines: [{ lineId: one.line.id, quantity: 1 }], restock: pick % 3 > 0 });
			return true;
		},
		"edit the order"(pick, units) {
			const one = of(held(), pick);
			if (!one || one.order.fulfillments.length > 0) return false;
			shop.editOrder({ orderId: one.order.id, set: [{ lineId: one.line.id, quantity: units }] });
			return true;
		},
		ship(pick) {
			const order = of(
				open().filter(({ fulfillments }) => fulfillments.length === 0),
				pick,
			);
			if (order) shop.fulfil({ orderId: order.id });
			return order !== undefined;
		},
		note(pick) {
			const order = of(shop.orders(), pick);
			if (order) shop.touchOrder(order.id, `note ${pick}`);
			return order !== undefined;
		},
		reserve(pick, units) {
			drafts.push(shop.draft({ lines: [{ sku: any(pick), quantity: units }], reserve: true }));
			return true;
		},
		complete() {
			const draft = drafts.pop();
			draft?.complete();
			return draft !== undefined;
		},
		count(pick, units) {
			const sku = any(pick);
			const location = of(at(sku), pick);
			if (location) shop.editStock({ sku, locationId: location.id, delta: pick % 2 ? units : -units });
			return location !== undefined;
		},
		"move at once": (pick, units) => move(pick, units, true),
		send: (pick, units) => move(pick, units, false),
		receive() {
			const receive = receipts.shift();
			receive?.();
			return receive !== undefined;
		},
		"put aside"(pick, units) {
			shop.setAside({ sku: `${name}-TEA`, locationId: place(MAIN), name: pick % 2 ? "damaged" : "safety_stock", quantity: units });
			return true;
		},
		"stock elsewhere"(pick, units) {
			shop.editStock({ sku: any(pick), locationId: place("Attic"), set: units });
			return true;
		},
		"take off the shelf"(pick) {
			const there = skus.filter((sku) => shop.level(sku, place("Attic"))?.active);
			const sku = of(there, pick);
			if (sku) shop.deactivateItemAt({ sku, locationId: place("Attic") });
			return sku !== undefined;
		},
		"new product"(_, units) {
			const sku = `${name}-NEW-${made.length}`;
			const { id } = shop.createProduct({ title: sku, variants: [{ sku, stock: { [MAIN]: units * 2 } }] });
			made.push({ sku, productId: id });
			skus.push(sku);
			return true;
		},
		"drop a product"(pick) {
			const free = made.filter(
				({ sku }) => skus.includes(sku) && !shop.orders().some((order) => order.lines.some((line) => line.sku === sku)),
			);
			const one = of(free, pick);
			if (!one) return false;
			shop.deleteProduct(one.productId);
			skus.splice(skus.indexOf(one.sku), 1);
			return true;
		},
	};

	return {
		act({ kind, pick, units, skipMs }) {
			world.clock.skip(skipMs);
			if (deeds[kind](pick, units)) done.push(kind);
			else if (deeds.sell(pick, units)) done.push("sell");
		},
		done: () => done,
		skus: () => [...skus],
		figures: () =>
			skus.flatMap((sku) =>
				at(sku).map((location) => ({ sku, location: location.name, figure: shop.level(sku, location.id)?.available ?? 0 })),
			),
	};

	function any(pick: number): string {
		return skus.filter((sku) => !sku.endsWith("-LATE"))[pick % (skus.length - 1)] ?? "";
	}
	function second(pick: number) {
		return pick % 4 === 0 && any(pick) !== `${name}-CUP` ? [{ sku: `${name}-CUP`, quantity: 1 }] : [];
	}
	function placed(outcome: { outcome: string }): boolean {
		return outcome.outcome === "placed";
	}
	function cancel(pick: number, restock: boolean): boolean {
		const order = of(
			open().filter(({ fulfillments }) => fulfillments.length === 0),
			pick,
		);
		if (order) shop.cancelOrder({ orderId: order.id, restock });
		return order !== undefined;
	}
	function move(pick: number, units: number, instant: boolean): boolean {
		const sku = any(pick);
		if (!shop.level(sku, place(MAIN))?.active) return false;
		const { receive } = shop.transfer({ sku, from: place(MAIN), to: place(SHOP), quantity: units, instant });
		if (!instant) receipts.push(receive);
		return true;
	}
}
