import { z } from "zod";

/** An amount as a channel states it: a decimal in words, so that nothing is rounded on the way, and the currency's code. */
export const moneySchema = z.object({ amount: z.string().regex(/^-?\d{1,15}(\.\d{1,6})?$/), currency: z.string().regex(/^[A-Z]{3}$/) });
export type Money = z.infer<typeof moneySchema>;

/** null: not told, or not in a form that can be added up (a plugin's own currency). An order counts all the same. */
export function moneyOf(amount: unknown, currency: unknown): Money | null {
	const read = moneySchema.safeParse({ amount: typeof amount === "number" ? String(amount) : amount, currency });
	return read.success ? read.data : null;
}
