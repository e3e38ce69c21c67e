import type { ShopState } from "./model.ts";

/**
 * SKUs that misbehave without any set-up. A write that touches a variant whose SKU begins so:
 *
 * - `FAIL-429`       is throttled (THROTTLED in a 200) the first two times;
 * - `FAIL-500`       gets a 500 the first two times, nothing carried out;
 * - `FAIL-TIMEOUT`   is carried out, but the first answer never comes;
 * - `FAIL-INTERNAL`  breaks inside after its idempotency key was taken: INTERNAL_SERVER_ERROR, then IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED
 *                    for that key; a new key works;
 * - `LAST-ONE`       opens with one unit when its seed names no stock.
 *
 * "The first times" are counted per SKU.
 */
export type MagicFate = "throttled" | "server error" | "silent" | "fails inside" | "normal";

const FATES: readonly [string, MagicFate, number][] = [
	["FAIL-429", "throttled", 2],
	["FAIL-500", "server error", 2],
	["FAIL-TIMEOUT", "silent", 1],
	["FAIL-INTERNAL", "fails inside", 1],
];

export function createMagic(state: ShopState) {
	const met = new Map<string, number>();
	return {
		fateOf(variables: unknown): MagicFate {
			for (const [, number] of JSON.stringify(variables ?? {}).matchAll(/gid:\/\/shopify\/InventoryItem\/(\d+)/g)) {
				const variant = state.variants.get(state.items.get(Number(number))?.variantId ?? -1);
				const rule = FATES.find(([prefix]) => variant?.sku?.startsWith(prefix));
				if (!rule || !variant?.sku) continue;
				const times = (met.get(variant.sku) ?? 0) + 1;
				met.set(variant.sku, times);
				if (times <= rule[2]) return rule[1];
			}
			return "normal";
		},
	};
}

export const LAST_ONE = "LAST-ONE";
