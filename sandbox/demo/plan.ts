import type { Random } from "../random.ts";
import type { DemoBundle, DemoProduct } from "./catalogue.ts";

/**
 * The day as it would be without anybody in between: who wants to buy what, when, and what the merchant does by hand. The
 * same plan is played against Lockstep, against a plain sync and against a naive handler; a buyer whose shop shows nothing
 * goes away, so what is really sold differs.
 */
export type PlannedAct = {
	name: "ample" | "scarce";
	lengthMs: number;
	steps: PlannedStep[];
	hot: readonly { sku: string; units: number }[];
};
export type PlannedStep = { at: number } & (
	| { kind: "buy"; channel: string; lines: readonly { sku: string; quantity: number }[] }
	/** Cancels (with the goods back on the shelf) one of the orders placed before, if there is one. */
	| { kind: "cancel"; channel: string; which: number }
	/** The merchant counts the shelf and corrects Shopify's figure. */
	| { kind: "edit"; sku: string; location: number; delta: number }
);

/** Ten sales a second on two channels together: a busy day's peak for a shop of this size. */
const SALES_PER_SECOND = 10;
/** The run on the last units: everybody wants the same few products, one of each every two or three seconds. */
const HOT_SALES_PER_SECOND = 5;

export function planDay(
	random: Random,
	day: { products: readonly DemoProduct[]; bundles: readonly DemoBundle[]; sales: number; sellers: readonly string[] },
): PlannedAct[] {
	const ample = Math.ceil((day.sales * 2) / 3);
	return [planAmple(random.fork("ample"), day, ample), planScarce(random.fork("scarce"), day, day.sales - ample)];
}

type Day = Parameters<typeof planDay>[1];

function planAmple(random: Random, day: Day, sales: number): PlannedAct {
	const lengthMs = Math.max(2_000, (sales / SALES_PER_SECOND) * 1000);
	const steps: PlannedStep[] = [];
	// A few products make most of the sales (Zipf), yet nobody sells a shelf empty here: wants are capped by the stock.
	const left = new Map(day.products.map((p) => [p.sku, Math.floor(p.stock.reduce((a, b) => a + b, 0) * 0.6)]));
	const ranked = random.shuffle(day.products);
	const want = (sku: string, quantity: number) => {
		const rest = left.get(sku) ?? 0;
		if (rest < quantity) return false;
		left.set(sku, rest - quantity);
		return true;
	};
	for (let n = 0; n < sales; n++) {
		const at = Math.floor(random.next() * lengthMs);
		const channel = random.pick(day.sellers);
		const bundle = random.chance(0.06) ? random.pick(day.bundles) : null;
		if (bundle) {
			if (bundle.components.every((c) => want(c.sku, c.quantity)))
				steps.push({ at, kind: "buy", channel, lines: [{ sku: bundle.sku, quantity: 1 }] });
			else n--;
			continue;
		}
		const lines = new Map<string, number>();
		const count = random.chance(0.25) ? 2 : 1;
		for (let l = 0; l < count; l++) {
			const product = ranked[Math.floor(ranked.length * random.next() ** 3)] as DemoProduct;
			const quantity = random.chance(0.15) ? 2 : 1;
			if (!lines.has(product.sku) && want(product.sku, quantity)) lines.set(product.sku, quantity);
		}
		if (lines.size === 0) n--;
		else steps.push({ at, kind: "buy", channel, lines: [...lines].map(([sku, quantity]) => ({ sku, quantity })) });
	}
	for (let n = 0; n < sales * 0.04; n++)
		steps.push({
			at: Math.floor(random.next() * lengthMs),
			kind: "cancel",
			channel: random.pick(day.sellers),
			which: random.between(0, 1_000_000),
		});
	// With one selling channel the merchant only adds: taking away by hand what a buyer is paying for oversells in any shop.
	const onlyAdds = day.sellers.length === 1;
	for (let n = 0; n < Math.max(4, sales / 40); n++) {
		const product = random.pick(day.products);
		const delta = onlyAdds || random.chance(0.6) ? random.between(1, 30) : -random.between(1, 5);
		steps.push({ at: Math.floor(random.next() * lengthMs), kind: "edit", sku: product.sku, location: 0, delta });
	}
	return { name: "ample", lengthMs, steps: steps.sort((a, b) => a.at - b.at), hot: [] };
}

/** The last units of a few products that everybody wants: more buyers than pieces, on every channel at once. */
function planScarce(random: Random, day: Day, sales: number): PlannedAct {
	const plain = random.shuffle(day.products.filter((p) => !day.bundles.some((b) => b.components.some((c) => c.sku === p.sku))));
	const count = Math.max(1, Math.min(12, Math.ceil(sales / 20)));
	const hot = plain.slice(0, count).map((p) => ({ sku: p.sku, units: Math.max(1, Math.floor((sales * 0.7) / count)) }));
	const lengthMs = Math.max(2_000, (sales / HOT_SALES_PER_SECOND) * 1000);
	const steps: PlannedStep[] = [];
	for (let n = 0; n < sales; n++) {
		steps.push({
			at: Math.floor(random.next() * lengthMs),
			kind: "buy",
			channel: random.pick(day.sellers),
			lines: [{ sku: random.pick(hot).sku, quantity: 1 }],
		});
	}
	return { name: "scarce", lengthMs, steps: steps.sort((a, b) => a.at - b.at), hot };
}
