import { listed, number, plural } from "../../components/words.ts";
import type { Entry } from "./entry.ts";
import type { Words } from "./read-words.ts";

type Said = Pick<Entry, "what" | "before" | "after">;
type Fields = Record<string, unknown>;

/** What became of a bulk change from a file, or from a channel that was read again. */
export function sayBulk(action: string, after: Fields, words: Words): Said {
	const name = typeof after.name === "string" && after.name !== "" ? `“${after.name}”` : "a bulk change";
	const plain = (what: string, then: string | null = null): Said => ({ what, before: null, after: then });
	switch (action) {
		case "bulk.applied":
			return plain(`${after.cancelled ? "Began, and cancelled," : "Made"} the changes of ${name}`, sayDone(after));
		case "bulk.rolled_back":
			return plain(`Rolled back ${name}`, sayDone(after));
		case "bulk.orders_read":
			return plain(`Had the orders of ${words.channel(Number(after.connectionId))} read again`, plural(Number(after.count), "order"));
		case "bulk.listings_read":
			return plain(`Had ${words.channel(Number(after.connectionId))} read again`, plural(Number(after.count), "listing"));
		case "bulk.paused":
			return plain(`Paused ${name}`);
		case "bulk.resumed":
			return plain(`Resumed ${name}`);
		case "bulk.cancelled":
			return plain(after.rollBack === true ? `Had ${name} rolled back while it was under way` : `Cancelled the rest of ${name}`);
		default:
			return plain(action);
	}
}

function sayDone({ changes, up, down, missing }: Fields): string {
	const units = [
		...(Number(up) > 0 ? [`${number(Number(up))} units added`] : []),
		...(Number(down) > 0 ? [`${number(Number(down))} units taken off`] : []),
		...(Number(missing) > 0 ? [`${number(Number(missing))} were not there any more`] : []),
	];
	return listed([plural(Number(changes), "change"), ...units]);
}
