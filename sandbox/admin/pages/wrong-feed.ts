import type { World } from "../../world.ts";
import type { AdminShop } from "../shop.ts";
import type { Breakage } from "./break-it.ts";

/** As an app would do it that brings a supplier's file in: a few products at a time. */
const AT_ONCE = 25;
const EVERY_MS = 500;

/** A supplier's file with nothing but zeros, and the same file mended: what was sold meanwhile stays sold. */
export function wrongFeed({ clock }: Pick<World, "clock">, shop: Pick<AdminShop, "variants" | "locations" | "changeStock">): Breakage {
	type Place = { variantId: string; locationId: string };
	const key = ({ variantId, locationId }: Place) => `${variantId} ${locationId}`;
	/** Taken from each, to be given back. */
	const taken = new Map<string, Place & { units: number }>();
	let stop: (() => void) | null = null;
	const reason = "Correction";
	const places = (): (Place & { available: number })[] =>
		shop
			.variants()
			.filter(({ bundle }) => !bundle)
			.flatMap(({ id, available }) =>
				shop.locations().map((location) => ({ variantId: id, locationId: location.id, available: available[location.id] ?? 0 })),
			)
			.filter(({ available }) => available > 0);
	const run = (left: (() => void)[]) => {
		for (const one of left.slice(0, AT_ONCE)) one();
		const rest = left.slice(AT_ONCE);
		stop = rest.length > 0 ? clock.after(EVERY_MS, () => run(rest)) : null;
	};
	return {
		id: "wrong-feed",
		group: "Shopify",
		label: "A wrong feed",
		explanation: `Every product goes to zero in Shopify, ${AT_ONCE} figures at a time, as a supplier's broken file would do it. Pressed again the file is mended.`,
		isOn: () => taken.size > 0,
		press() {
			stop?.();
			if (taken.size > 0) {
				const back = [...taken.values()].map(({ units, ...place }) => () => {
					taken.delete(key(place));
					shop.changeStock({ ...place, change: { by: units }, reason });
				});
				run(back);
				return `The feed is mended: ${back.length} figures go back to what they were`;
			}
			const zeros = places().map(({ available: _, ...place }) => () => {
				const now = places().find((one) => key(one) === key(place))?.available ?? 0;
				if (now === 0) return;
				taken.set(key(place), { ...place, units: now });
				shop.changeStock({ ...place, change: { set: 0 }, reason });
			});
			run(zeros);
			return `A wrong feed sets ${zeros.length} figures to zero`;
		},
	};
}
