import fc from "fast-check";
import { BUNDLES, CUT, ITEMS, itemId, PRODUCTS, pass, policies, type Run, refresh, relink, settle, start } from "./bundle-shop.ts";
import { change, open, type ShopLine, type ShopOrder, snapshotOf, tell, type Way } from "./shop-model.ts";

/**
 * A guest channel sells single items and bundles of them; orders are edited, cancelled in part and refunded, also those from
 * before we came; meanwhile the merchant changes bundles and links. Messages are lost, late, doubled, out of order, cut to a
 * part, and share stamps; answers overlap. The expectation is counted here by itself, from what each line was seen to hold and
 * what its product was made of at that moment.
 */
const way: fc.Arbitrary<Way> = fc.record({
	lost: fc.integer({ min: 0, max: 6 }).map((n) => n === 0),
	delay: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1000, max: 20_000 })),
	again: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: null, freq: 4 }),
	partial: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
});
const basket = fc.array(fc.record({ product: fc.integer({ min: 0, max: PRODUCTS - 1 }), units: fc.integer({ min: 1, max: 4 }) }), {
	minLength: 1,
	maxLength: 3,
});
const which = fc.nat({ max: 50 });
const action = fc.oneof(
	{ weight: 6, arbitrary: fc.record({ kind: fc.constant("sale" as const), basket, way }) },
	{
		weight: 4,
		arbitrary: fc.record({
			kind: fc.constant("edit" as const),
			which,
			line: fc.nat({ max: 2 }),
			units: fc.integer({ min: 0, max: 5 }),
			way,
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("add-line" as const),
			which,
			product: fc.integer({ min: 0, max: PRODUCTS - 1 }),
			units: fc.integer({ min: 1, max: 3 }),
			way,
		}),
	},
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("remove-line" as const), which, line: fc.nat({ max: 2 }), way }) },
	{
		weight: 3,
		arbitrary: fc.record({
			kind: fc.constant("refund" as const),
			which,
			line: fc.nat({ max: 2 }),
			units: fc.integer({ min: 1, max: 3 }),
			restock: fc.boolean(),
			way,
		}),
	},
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("cancel" as const), which, way }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("complete" as const), which, way }) },
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant("old-order" as const), basket, way }) },
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("bundle" as const),
			bundle: fc.nat({ max: BUNDLES.length - 1 }),
			item: fc.nat({ max: ITEMS - 1 }),
			quantity: fc.integer({ min: 1, max: 4 }),
			also: fc.boolean(),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("link" as const),
			product: fc.integer({ min: 0, max: PRODUCTS - 1 }),
			to: fc.integer({ min: 0, max: PRODUCTS - 1 }),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			kind: fc.constant("ask" as const),
			which,
			takes: fc.integer({ min: 0, max: 6_000 }),
			looksAfter: fc.integer({ min: 0, max: 6_000 }),
		}),
	},
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant("poll" as const), which }) },
	{
		weight: 4,
		arbitrary: fc.record({
			kind: fc.constant("wait" as const),
			ms: fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 1000, max: 15_000 })),
		}),
	},
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const pickOrder = (run: Run, n: number): ShopOrder | undefined => run.shop.orders[n % Math.max(1, run.shop.orders.length)];
const pickLine = (order: ShopOrder, n: number): ShopLine | undefined => order.lines[n % Math.max(1, order.lines.length)];

function act(run: Run, a: Action): void {
	const { shop, state, seen } = run;
	const order = "which" in a ? pickOrder(run, a.which) : undefined;
	const isOld = order !== undefined && order.createdAt < CUT;
	const note = (what: string) => seen.add(isOld ? `old order: ${what}` : what);
	/** The order changes and tells of it; two changes in one second have one stamp. */
	const happens = (what: string, about: string[], how: (order: ShopOrder) => void, by: Way) => {
		if (!order) return;
		if (order.stamp === Math.floor(shop.now / 1000) * 1000) seen.add("equal stamp");
		change(shop, order, how);
		tell(shop, order, by, about);
		note(what);
	};
	switch (a.kind) {
		case "sale":
		case "old-order": {
			const made = open(shop, a.basket, a.kind === "sale" ? shop.now : CUT - 100_000);
			tell(
				shop,
				made,
				a.way,
				made.lines.slice(0, 1).map((l) => l.id),
			);
			seen.add(a.kind);
			const parts = new Set(a.basket.map((l) => l.product));
			if ((parts.has(3) && parts.has(0)) || (parts.has(4) && parts.has(5))) seen.add("shared component in one order");
			break;
		}
		case "edit": {
			const line = order && pickLine(order, a.line);
			if (!line || order.cancelled || a.units === line.held) break;
			happens(
				a.units > line.held ? "edit up" : "partial cancel",
				[line.id],
				() => {
					line.held = a.units;
					line.ordered = Math.max(line.ordered, a.units);
				},
				a.way,
			);
			break;
		}
		case "add-line": {
			if (!order || order.cancelled) break;
			const id = `${order.note}-${order.lines.length + 1}`;
			happens("line added", [id], (o) => o.lines.push({ id, product: a.product, ordered: a.units, held: a.units }), a.way);
			break;
		}
		case "remove-line": {
			const line = order && pickLine(order, a.line);
			if (line) happens("line removed", [], (o) => o.lines.splice(o.lines.indexOf(line), 1), a.way);
			break;
		}
		case "refund": {
			const line = order && pickLine(order, a.line);
			if (!line) break;
			// Without restock the refunded units stay held: nobody has put them back.
			happens(
				a.restock ? "refund with restock" : "refund without restock",
				[line.id],
				() => {
					if (a.restock) line.held = Math.max(0, line.held - a.units);
				},
				a.way,
			);
			break;
		}
		case "cancel":
			if (order && !order.cancelled) {
				happens(
					"cancel",
					[],
					(o) => {
						o.cancelled = true;
						for (const line of o.lines) line.held = 0;
					},
					a.way,
				);
			}
			break;
		case "complete":
			happens("complete", [], () => {}, a.way);
			break;
		case "bundle": {
			const components = [
				{ itemId: itemId(a.item), quantity: a.quantity },
				...(a.also ? [{ itemId: itemId((a.item + 1) % ITEMS), quantity: 1 }] : []),
			];
			const bundle = itemId(ITEMS + a.bundle);
			(state.components as Map<number, typeof components>).set(bundle, components);
			const bundlesOf = state.bundlesOf as Map<number, number[]>;
			bundlesOf.clear();
			for (const [made, parts] of state.components)
				for (const part of parts) bundlesOf.set(part.itemId, [...(bundlesOf.get(part.itemId) ?? []), made]);
			refresh(state);
			seen.add("bundle changed");
			break;
		}
		case "link": {
			relink(state, a.product, a.to);
			refresh(state);
			seen.add("link changed");
			break;
		}
		case "ask": {
			if (!order) break;
			const looksAt = shop.now + Math.min(a.looksAfter, a.takes);
			if (run.asks.some((ask) => ask.id === order.id)) seen.add("overlapping fetches");
			run.asks.push({ id: order.id, at: shop.now, looksAt, answersAt: shop.now + a.takes });
			break;
		}
		case "poll":
			if (order) shop.messages.push({ at: shop.now, snapshot: snapshotOf(order), source: "poll" });
			break;
		case "wait":
			pass(run, a.ms);
			return;
	}
	pass(run, 0);
}

/** A day of a shop: what was sold before we came, the channel's policy, and what then happens. */
export const day = fc.record({
	old: fc.array(basket, { maxLength: 3 }),
	policy: fc.constantFrom(...policies),
	actions: fc.array(action, { minLength: 8, maxLength: 60 }),
});
export type Day = typeof day extends fc.Arbitrary<infer T> ? T : never;

/** Plays it until all is quiet. */
export function play({ old, policy, actions }: Day): Run {
	const run = start(old, policy);
	for (const a of actions) act(run, a);
	settle(run);
	return run;
}
