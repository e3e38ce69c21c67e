import { plural } from "../../components/words.ts";
import type { Entry } from "./entry.ts";
import type { Words } from "./read-words.ts";

type Said = Pick<Entry, "what" | "before" | "after">;
type Fields = Record<string, unknown>;

export const AFTERWARDS: Readonly<Record<string, string>> = {
	resume: "sell again by itself",
	pause: "keep it paused until somebody resumes it",
};

/** What became of units that were owed, in the list of what was done and on the owed order's own page. */
export function sayOversell(action: string, after: Fields, words: Words): Said {
	const units = plural(Number(after.units), "unit");
	const item = typeof after.itemId === "number" ? words.item(after.itemId) : "a product";
	const order =
		typeof after.order === "string" && after.order !== ""
			? `order ${after.order} on ${words.channel(Number(after.connectionId))}`
			: "Shopify's own stock";
	const place = words.location(Number(after.locationId));
	const plain = (what: string, then: string | null = null): Said => ({ what, before: null, after: then });
	switch (action) {
		case "oversell.covered":
			return plain(`${sayStock(after)} covered ${units} of ${item} for ${order}`, sayThen(after));
		case "oversell.moved":
			return plain(`Took ${units} of ${item} for ${order} from ${place}`, sayThen(after));
		case "oversell.cancelled":
			return plain(`${units} of ${item} left ${order}: cancelled or changed there`, sayThen(after));
		case "oversell.substituted":
			return plain(`Sends ${words.item(Number(after.substituteItemId))} instead of ${units} of ${item} for ${order}`, sayThen(after));
		case "oversell.dismissed":
			return plain(`Dismissed that ${units} of ${item} are owed to ${order}`, textOf(after.reason));
		case "oversell.reopened":
			return plain(`Opened again that ${units} of ${item} are owed to ${order}`);
		case "oversell.send_instead":
			return plain(
				after.text === "" ? `Took the note for ${order} away` : `Noted what to send for ${order} instead of ${item}`,
				textOf(after.text),
			);
		case "oversell.cancel_asked":
			return plain(`Asked to cancel ${order}`);
		case "oversell.cancel_refused":
			return plain(`${order} was not cancelled`, textOf(after.reason));
		default:
			return plain(action);
	}
}

/** What brought the units. */
function sayStock({ cause, causeOrder }: Fields): string {
	if (cause === "give-back")
		return typeof causeOrder === "string" ? `Units that came back from order ${causeOrder}` : "Units that came back";
	return cause === "gone" ? "The product's deletion" : "Stock in Shopify";
}

const sayThen = ({ left, itemOwed, afterwards }: Fields): string | null =>
	Number(itemOwed) === 0
		? `nothing of it is owed any more; ${afterwards === "pause" ? "its listings stay paused until somebody resumes them" : "selling again"}`
		: Number(left) > 0
			? `${plural(Number(left), "unit")} still owed to it`
			: `${plural(Number(itemOwed), "unit")} still owed to other orders`;

const textOf = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
