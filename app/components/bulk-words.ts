import type { OrdersSummary } from "#app/backfill/index.ts";
import type { BulkView } from "#app/pages/bulk/bulk.ts";
import { listed, number, plural } from "./words.ts";

const BULK_STATES = {
	reading: { label: "Being read", tone: "info" },
	refused: { label: "Could not be read", tone: "critical" },
	ready: { label: "Waits for you", tone: "attention" },
	running: { label: "Under way", tone: "info" },
	paused: { label: "Paused", tone: "attention" },
	cancelling: { label: "Ending", tone: "attention" },
	cancelled: { label: "Cancelled", tone: undefined },
	done: { label: "Done", tone: "success" },
} as const;

/** How a set stands, in a word. */
export function bulkBadge({ state, isRollingBack, undoneBy, undoneAt }: BulkView): {
	label: string;
	tone?: "info" | "critical" | "attention" | "success";
} {
	if (isRollingBack || (undoneBy !== null && undoneAt === null)) return { label: "Being rolled back", tone: "info" };
	const { label, tone } = BULK_STATES[state];
	return { label: undoneBy === null ? label : "Rolled back", ...(tone ? { tone } : {}) };
}

const DID = { file: "made", rule: "changed", orders: "read", listings: "read" } as const;

/** What a set is called. */
export function bulkTitle({ source, name, paused, channel, undoes, confirmedAt }: BulkView): string {
	const back = undoes === null ? "" : "Rolled back: ";
	switch (source) {
		case "file":
			return `${back}${name || "a file"}`;
		case "rule":
			return `${back}${paused === null ? "One rule for many listings" : paused ? "Many listings paused" : "Many listings resumed"}`;
		case "orders":
			return `Orders of ${channel} ${confirmedAt === null ? "looked at" : "read again"}`;
		case "listings":
			return `${channel} read again`;
	}
}

/** How far it is, or what came of it. */
export function sayBulk(set: BulkView): string {
	const { state, done, total, changed, source } = set;
	const thing = source === "orders" ? "order" : source === "file" ? "change" : "listing";
	switch (state) {
		case "reading":
			return `${plural(set.linesRead, source === "orders" ? "order" : "line")} read so far`;
		case "refused":
			return set.refusal ?? "";
		case "ready":
			if (set.summary?.kind === "orders") return sayLook(set.summary);
			return source === "file" ? `${plural(total, "change")} in ${plural(set.linesRead, "line")}` : "Nothing is done yet";
		case "running":
		case "paused":
		case "cancelling":
			// As many as there were when they were looked at; more may have come since.
			if (source === "orders")
				return done > total ? `${plural(done, thing)} read so far` : `${number(done)} of ${plural(total, thing)} read`;
			return `${number(done)} of ${plural(total, thing)} done`;
		case "cancelled":
		case "done":
			return [`${plural(changed, thing)} ${DID[source]}`, ...sayUnits(set)].join(", ");
	}
}

/** In a line of the list. */
function sayLook({ orders, missing, changed, isCut }: OrdersSummary): string {
	const open = [...(missing > 0 ? [`${number(missing)} missing`] : []), ...(changed > 0 ? [`${number(changed)} changed`] : [])];
	const of = isCut ? `the first ${plural(orders, "order")}` : plural(orders, "order");
	return open.length > 0 ? `${listed(open)} of ${of}` : `Nothing is missing of ${of}`;
}

/** How much of it is done; more than all of it is all of it. */
export const partDone = ({ done, total }: Pick<BulkView, "done" | "total">): number =>
	total > 0 ? Math.min(100, Math.round((100 * done) / total)) : 0;

export const sayUnits = ({ unitsUp, unitsDown, unitsMissing }: BulkView): string[] => [
	...(unitsUp > 0 ? [`${plural(unitsUp, "unit")} added`] : []),
	...(unitsDown > 0 ? [`${plural(unitsDown, "unit")} taken off`] : []),
	...(unitsMissing > 0 ? [`${plural(unitsMissing, "unit")} not there any more`] : []),
];
