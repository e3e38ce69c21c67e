import type { Said } from "#app/authenticate.server.ts";
import type { TriedAgain } from "#app/pages/failed/try-again.ts";
import { listed, plural } from "../../components/words.ts";

/** What a press on "try again" has begun, and what of it cannot be tried. */
export function sayTriedAgain({ updates, messages, left, more }: TriedAgain): Said {
	const begun = [...(updates > 0 ? [plural(updates, "update")] : []), ...(messages > 0 ? [plural(messages, "message")] : [])];
	const stays = left > 0 ? ` ${plural(left, "failure")} cannot be tried again: open ${left === 1 ? "it" : "them"} to see why.` : "";
	if (begun.length === 0) return { ok: false, message: stays.trim() || "They were settled already. Nothing was changed." };
	return { ok: true, message: `Trying ${listed(begun)} again.${stays}${more ? " Press again for the others." : ""}` };
}
