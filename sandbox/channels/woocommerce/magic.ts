import type { RequestFault } from "../../faults.ts";
import type { Shop } from "./shop.ts";

/**
 * SKUs that misbehave without any set-up, for demos and tests: `FAIL-429` answers 429 whenever a request names the product, alone
 * or in a batch; `FAIL-500` crashes, and a batch crashes when it comes to it: what was before it in the list is done.
 */
const FAIL_429 = "FAIL-429";
const FAIL_500 = "FAIL-500";

/** A plugin's fatal error in the middle of a request: what was done before it stays done. */
export class Crash extends Error {}

export function magicFault(shop: Shop, { alone, batched }: { alone: number | undefined; batched: readonly number[] }): RequestFault | null {
	const sku = (id: number) => shop.state.products.get(id)?.sku;
	if (alone !== undefined && sku(alone) === FAIL_500) return { kind: "status", status: 500 };
	if ([...(alone === undefined ? [] : [alone]), ...batched].some((id) => sku(id) === FAIL_429)) {
		return { kind: "status", status: 429, retryAfterSeconds: 1 };
	}
	return null;
}

export function crashIfMagic(shop: Shop, productId: number) {
	if (shop.state.products.get(productId)?.sku === FAIL_500) throw new Crash(FAIL_500);
}
