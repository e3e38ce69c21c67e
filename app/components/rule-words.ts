import type { Policy } from "#domain";
import { number, plural } from "./words.ts";

/** A rule in a merchant's words: "2 held back, at most 10". */
export function sayRule(policy: Policy): string {
	const parts = [sayKind(policy)];
	if (policy.minimum !== undefined) parts.push(`0 below ${number(policy.minimum)}`);
	if (policy.maximum !== undefined) parts.push(`at most ${number(policy.maximum)}`);
	return parts.join(", ");
}

function sayKind(policy: Policy): string {
	switch (policy.kind) {
		case "exact":
			return "everything";
		case "buffer":
			return policy.buffer ? `${plural(policy.buffer, "unit")} held back` : "everything";
		case "percentage":
			return `${policy.percentage ?? 100}% of what is available`;
		case "fixed":
			return `always ${number(policy.fixed ?? 0)}, as long as there are so many`;
	}
}
