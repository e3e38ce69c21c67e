import type { RunView } from "#app/pages/failed/read-run.ts";
import { listed, number, plural } from "./words.ts";

export const RUN_STATES = {
	running: { label: "Under way", tone: "info" },
	paused: { label: "Paused", tone: "attention" },
	cancelling: { label: "Ending", tone: "attention" },
	cancelled: { label: "Cancelled", tone: undefined },
	done: { label: "Done", tone: "success" },
} as const;

/** How many of a run's failures have come to an end. */
export const endedOf = ({ succeeded, failed, nothing, leftAlone }: RunView): number => succeeded + failed + nothing + leftAlone;

/** "48 succeeded, 2 failed again and 1 needed nothing": what came of a run, or of it so far. */
export function sayRun(run: RunView): string {
	const parts = [
		...(run.succeeded > 0 ? [`${number(run.succeeded)} succeeded`] : []),
		...(run.failed > 0 ? [`${number(run.failed)} failed again`] : []),
		...(run.nothing > 0 ? [`${number(run.nothing)} needed nothing any more`] : []),
		...(run.leftAlone > 0
			? [`${number(run.leftAlone)} ${run.leftAlone === 1 ? "was" : "were"} left as ${run.leftAlone === 1 ? "it is" : "they are"}`]
			: []),
		...(run.begun > 0 ? [`${number(run.begun)} on ${run.begun === 1 ? "its" : "their"} way`] : []),
		...(run.waiting > 0 ? [`${number(run.waiting)} waiting`] : []),
	];
	return `${plural(run.total, "failure")}: ${listed(parts)}`;
}
