import type { RequestFault } from "../../faults.ts";

/** SKUs that misbehave without any set-up: `FAIL-429` is always too much, `FAIL-500` always breaks. */
export function magicFault(operation: string, path: readonly string[]): RequestFault | null {
	if (operation !== "getListingsItem" && operation !== "patchListingsItem") return null;
	const sku = path[1];
	if (sku === "FAIL-429") return { kind: "status", status: 429 };
	return sku === "FAIL-500" ? { kind: "status", status: 500 } : null;
}
