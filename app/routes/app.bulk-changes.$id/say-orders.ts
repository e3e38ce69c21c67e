import type { OrdersSummary } from "#app/backfill/index.ts";
import type { BulkPage } from "#app/pages/bulk/bulk.ts";
import { number, plural } from "../../components/words.ts";

/** What the look at a channel's orders found, and what confirming it would do. */
export function sayOrders({ summary, channel, since }: BulkPage): string[] {
	const begin = `${channel} since ${since?.slice(0, 10)}`;
	// Of an older release, which did not look first.
	if (summary?.kind !== "orders") return [`Every order of ${begin} is read once more, and what is missing is counted.`];
	const { missing, changed, older, heard, unreadable, recent } = summary;
	return [
		sayAll(summary, begin),
		...(missing > 0 ? [sayMissing(summary)] : []),
		...(recent > 0 ? [`${number(recent)} of them changed within the minute before: their own messages may still be on their way.`] : []),
		...(changed > 0 ? [`${one(changed, "is", "are")} known here and changed on the channel since. What changed is counted.`] : []),
		...(older > 0 ? [`${one(older, "is", "are")} from before the channel was connected: noted, and no stock moves.`] : []),
		...(heard > 0
			? [
					`${one(heard, "was", "were")} heard of and not counted: they wait, or are among the failed updates. Reading them again does not help.`,
				]
			: []),
		...(unreadable > 0 ? [`${one(unreadable, "was", "were")} not understood, and would be among the failed updates.`] : []),
		...(summary.isCut
			? [
					"There are more than are looked at beforehand. Nothing is known of the others yet; if you go on they are read too, and what is missing among them is counted.",
				]
			: []),
	];
}

const one = (count: number, is: string, are: string) => `${number(count)} ${count === 1 ? is : are}`;

function sayAll({ orders, known }: OrdersSummary, of: string): string {
	if (orders === 0) return `There is no order of ${of}.`;
	if (orders === 1) return `One order of ${of} was looked at${known === 1 ? ", and is counted here as it is" : ""}.`;
	const counted =
		known === 0
			? "None of them is counted here as it is."
			: `${known === orders ? "All" : number(known)} of them are counted here as they are.`;
	return `${plural(orders, "order")} of ${of} were looked at. ${counted}`;
}

function sayMissing({ missing, units, unlinked }: OrdersSummary): string {
	const rest = unlinked > 0 ? ` ${plural(unlinked, "unit")} more are of listings that are linked to nothing here, and take nothing.` : "";
	return `${one(missing, "is", "are")} missing here. Counted, they take ${plural(units, "unit")}.${rest}`;
}
