import { z } from "zod";

/** How much of what is available a listing shows (R12). Bounds apply after the rule, and never above what is available. */
export const policySchema = z.object({
	kind: z.enum(["exact", "buffer", "percentage", "fixed"]).default("exact"),
	/** Units kept back (`buffer`). */
	buffer: z.int().min(0).max(1_000_000).optional(),
	/** 0–100, of what is available (`percentage`), rounded down. */
	percentage: z.int().min(0).max(100).optional(),
	/** Units shown as long as there are so many (`fixed`). */
	fixed: z.int().min(0).max(1_000_000).optional(),
	/** Below this, show 0: the last pieces stay at home. */
	minimum: z.int().min(0).max(1_000_000).optional(),
	/** Never show more than this. */
	maximum: z.int().min(0).max(1_000_000).optional(),
});
export type Policy = z.infer<typeof policySchema>;

/** The figure a listing must show for `available` sellable units (negative = owed). Never below 0, never above `available`. */
export function quantityToShow(policy: Policy, available: number): number {
	const sellable = Math.max(0, available);
	let quantity = sellable;
	if (policy.kind === "buffer") quantity = sellable - (policy.buffer ?? 0);
	else if (policy.kind === "percentage") quantity = Math.floor((sellable * (policy.percentage ?? 100)) / 100);
	else if (policy.kind === "fixed") quantity = Math.min(policy.fixed ?? 0, sellable);
	if (policy.minimum !== undefined && quantity < policy.minimum) quantity = 0;
	if (policy.maximum !== undefined) quantity = Math.min(quantity, policy.maximum);
	return Math.max(0, Math.min(quantity, sellable));
}

/** Policies as their meaning, not as the text that an older release may have written. */
export function samePolicy(one: unknown, other: unknown): boolean {
	const normal = (value: unknown) => {
		if (value === null || value === undefined) return null;
		const policy = policySchema.parse(value);
		return JSON.stringify(Object.entries(policy).sort(([a], [b]) => (a < b ? -1 : 1)));
	};
	return normal(one) === normal(other);
}
