import { guardsSchema } from "#domain";
import { number } from "./words.ts";

/** What waits for approval, in a sentence. */
export function sayGuards(value: unknown): string {
	const read = guardsSchema.safeParse(value);
	if (!read.success) return "settings of an older release";
	const { zero, raise } = read.data;
	const parts = [
		zero && `more than ${number(zero.products)} products, or ${zero.percent}%, to zero`,
		raise && `more than ${raise.percent}% of the products raised`,
	].filter((part) => part !== null);
	return parts.length > 0 ? parts.join("; ") : "nothing waits";
}
