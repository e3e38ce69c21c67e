import type { Random } from "../../random.ts";
import type { PlannedAct, PlannedStep } from "../plan.ts";

/** Buyers at an even pace on every seller alike; the first quarter of the products is wanted most. */
export function planSteadySales(
	random: Random,
	day: { sales: number; lengthMs: number; sellers: readonly { id: string; skus: readonly string[] }[] },
): PlannedAct {
	const steps = Array.from({ length: day.sales }, (_, n): PlannedStep => {
		const seller = random.pick(day.sellers);
		const wanted = random.chance(0.5) ? seller.skus.slice(0, Math.ceil(seller.skus.length / 4)) : seller.skus;
		const at = Math.floor(((n + random.next()) * day.lengthMs) / day.sales);
		return { at, kind: "buy", channel: seller.id, lines: [{ sku: random.pick(wanted), quantity: 1 }] };
	});
	return { name: "ample", lengthMs: day.lengthMs, steps: steps.toSorted((a, b) => a.at - b.at), hot: [] };
}
