import type { ProblemRow } from "#app/pages/failed/failed.ts";
import { failureWords } from "./failure-words.ts";
import { plural } from "./words.ts";

type Said = Pick<ProblemRow, "channel" | "operation" | "errorClass" | "count" | "side">;

/** "WooCommerce refused 12 updates": one problem in a merchant's words. */
export function sayProblem({ channel, operation, errorClass, count, side }: Said): string {
	if (side === "messages") return sayMessages(channel, plural(count, "message"), errorClass, count);
	if (operation === "listing.read")
		return `${plural(count, "figure")} of ${channel} could not be read: ${failureWords(errorClass).label.toLowerCase()}`;
	const updates = operation === "home.adjust" ? plural(count, "stock change") : plural(count, "update");
	switch (errorClass) {
		case "rejected":
			return `${channel} refused ${updates}`;
		case "listing-not-found":
			return `${plural(count, "listing")} ${count === 1 ? "is" : "are"} not on ${channel} any more`;
		case "credentials":
			return `${channel} did not accept its keys for ${updates}`;
		case "unavailable":
		case "timeout":
			return `${channel} did not answer ${updates}`;
		case "not-applied":
			return `${channel} accepted ${updates} and never showed ${count === 1 ? "it" : "them"}`;
		case "key-expired":
			return `${channel} never said whether it took ${updates}`;
		default:
			return `${updates} failed on ${channel}: ${failureWords(errorClass).label.toLowerCase()}`;
	}
}

function sayMessages(channel: string, messages: string, errorClass: string, count: number): string {
	switch (errorClass) {
		case "unexpected-shape":
			return `${messages} of ${channel} ${count === 1 ? "was" : "were"} not understood`;
		case "unmapped-listing":
			return `${messages} of ${channel} ${count === 1 ? "sells" : "sell"} something that is linked to no product`;
		default:
			return `${messages} of ${channel} could not be counted: ${failureWords(errorClass).label.toLowerCase()}`;
	}
}

const OPERATIONS: Readonly<Record<string, string>> = {
	"listing.write": "Sending a figure",
	"listing.read": "Reading a figure",
	"home.adjust": "Telling Shopify of sales",
};

/** What was tried, or which message came. */
export const sayOperation = (operation: string): string => OPERATIONS[operation] ?? `Message “${operation}”`;
