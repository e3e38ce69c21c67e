import type { BulkView } from "#app/pages/bulk/bulk.ts";
import { number, plural } from "./words.ts";

export const BULK_STATES = {
	reading: { label: "Being read", tone: "info" },
	refused: { label: "Could not be read", tone: "critical" },
	ready: { label: "Waits for you", tone: "attention" },
	running: { label: "Under way", tone: "info" },
	paused: { label: "Paused", tone: "attention" },
	cancelling: { label: "Ending", tone: "attention" },
	cancelled: { label: "Cancelled", tone: undefined },
	done: { label: "Done", tone: "success" },
} as const;

const DID = { file: "made", rule: "changed", orders: "read", listings: "read" } as const;

/** What a set is called. */
export function bulkTitle({ source, name, paused, channel, undoes }: BulkView): string {
	const back = undoes === null ? "" : "Rolled back: ";
	switch (source) {
		case "file":
			return `${back}${name || "a file"}`;
		case "rule":
			return `${back}${paused === null ? "One rule for many listings" : paused ? "Many listings paused" : "Many listings resumed"}`;
		case "orders":
			return `Orders of ${channel} read again`;
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
			return `${plural(set.linesRead, "line")} read so far`;
		case "refused":
			return set.refusal ?? "";
		case "ready":
			return source === "file" ? `${plural(total, "change")} in ${plural(set.linesRead, "line")}` : "Nothing is done yet";
		case "running":
		case "paused":
		case "cancelling":
			return source === "orders" ? `${plural(done, thing)} so far` : `${number(done)} of ${plural(total, thing)} done`;
		case "cancelled":
		case "done":
			return [`${plural(changed, thing)} ${DID[source]}`, ...sayUnits(set)].join(", ");
	}
}

export const sayUnits = ({ unitsUp, unitsDown, unitsMissing }: BulkView): string[] => [
	...(unitsUp > 0 ? [`${plural(unitsUp, "unit")} added`] : []),
	...(unitsDown > 0 ? [`${plural(unitsDown, "unit")} taken off`] : []),
	...(unitsMissing > 0 ? [`${plural(unitsMissing, "unit")} not there any more`] : []),
];
