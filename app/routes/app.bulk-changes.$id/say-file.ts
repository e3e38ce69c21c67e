import type { BulkPage } from "#app/pages/bulk/bulk.ts";
import { listed, number, plural } from "../../components/words.ts";

/** What the dry run of a file saw. */
export function sayFile({ summary, total, problems }: BulkPage): string[] {
	if (summary?.kind !== "file") return [];
	const { lines, same, unitsUp, unitsDown, rules, paused, resumed, linked, unlinked, figures, toZero, raised, lowered, unknown } = summary;
	const listings = (count: number, did: string) => (count > 0 ? [`${plural(count, "listing")} ${did}`] : []);
	const acts = [
		...listings(rules, rules === 1 ? "gets another rule" : "get another rule"),
		...listings(paused, "paused"),
		...listings(resumed, "resumed"),
		...listings(linked, "linked"),
		...listings(unlinked, "unlinked"),
	];
	return [
		`${plural(lines, "line")} in the file: ${plural(total, "change")}, ${number(same)} so already, ${problems === 0 ? "none" : number(problems)} with something wrong.`,
		...(unitsUp > 0 || unitsDown > 0
			? [`Stock: ${plural(unitsUp, "unit")} more, ${plural(unitsDown, "unit")} fewer. Shopify is told.`]
			: []),
		...(acts.length > 0 ? [`${listed(acts)}.`] : []),
		...(figures > 0
			? [
					`On the channels ${plural(figures, "figure")} would change, ${number(toZero)} of them to zero; ${number(raised)} raised, ${number(lowered)} lowered.`,
				]
			: []),
		...(unknown.length > 0 ? [`Columns that mean nothing here, and are passed over: ${unknown.join(", ")}.`] : []),
	];
}
