import type { readEvidence, Why } from "#app/oversells/index.ts";
import { plural } from "../../components/words.ts";
import type { Words } from "../activity/read-words.ts";
import type { WhySaid, WhyStep } from "./oversells.ts";

type Found = Awaited<ReturnType<typeof readEvidence>>;
type Ref = { connectionId: number; orderId: string; isHome: boolean };

/** The unit that was sold twice, moment by moment in one column; the durations are the hops that `whyOf` measured. */
export function sayWhy(why: Why, found: Found, ref: Ref, words: Words): WhySaid {
	const { evidence, takerChannelId, takerUnits } = found;
	const own = words.channel(ref.connectionId);
	const other = takerChannelId === null ? "Shopify" : words.channel(takerChannelId);
	const { taker, told, placedAt, heardAt, takenAt } = evidence;
	const hop = (name: string) => why.hops.find((one) => one.name === name);
	const taken = (name: "telling" | "working" | "taking", of: "taker" | "order") => {
		const found = why.first === of ? hop(name) : undefined;
		return found
			? { tookMs: found.to === null ? null : Math.max(0, found.to - found.from), slow: found.slow }
			: { tookMs: null, slow: false };
	};
	type Timed = Omit<WhyStep, "at"> & { at: number };
	const steps: Timed[] = [];
	const step = (at: number | null | undefined, what: string, rest: Partial<Omit<WhyStep, "at">> = {}) => {
		if (at != null) steps.push({ at, what, where: null, tookMs: null, slow: false, link: null, ...rest });
	};
	if (taker) {
		const isOurs = taker.kind === "moved" || taker.kind === "bulk";
		step(taker.at, sayTaker(taker.kind, plural(takerUnits, "unit"), other), {
			where: isOurs ? null : "by its own clock",
			link: linkOf(found),
		});
		// A bulk change is heard of where it is begun.
		if (taker.kind !== "bulk")
			step(
				taker.heardAt,
				taker.kind === "moved" ? "Lockstep was asked to" : `Lockstep heard of it from ${other}`,
				taken("telling", "taker"),
			);
		step(taker.appliedAt, "That was counted, and every other channel was to show less");
		if (told) {
			step(told.sentAt, `Lockstep told ${own} to show ${told.quantity ?? "less"}`, taken("working", "taker"));
			step(told.takenAt, `${own} had taken it`, taken("taking", "taker"));
		}
	}
	const late = why.hops.find(({ name, slow, open }) => slow && open && name !== "telling" && why.first === "taker");
	if (late && (late.name === "working" ? !told : told?.takenAt == null)) {
		const what = late.name === "working" ? `${own} had not been told by then` : `${own} had accepted it, and did not show it yet`;
		step(placedAt, what, { tookMs: late.ms, slow: true });
	}
	step(placedAt, ref.orderId === "" ? "" : `The buyer ordered on ${own}`, { where: "by its own clock" });
	step(placedAt === null ? null : heardAt, `Lockstep heard of the order from ${own}`, taken("telling", "order"));
	step(
		takenAt,
		placedAt === null ? "Shopify's own figure was below zero" : "The order was counted: more was sold than was there",
		taken("working", "order"),
	);
	const said = steps.sort((a, b) => a.at - b.at).map(({ at, ...rest }): WhyStep => ({ at: new Date(at).toISOString(), ...rest }));
	return {
		reason: why.reason,
		who: why.reason === "told-late" && why.first === "taker" ? other : own,
		slowMs: why.slowMs,
		steps: why.reason === "unknown" && said.length < 2 ? [] : said,
		standing: evidence.standing,
		failures: evidence.failures,
	};
}

const urlOf = (channelId: number, orderId: string) => `/app/orders/${channelId}/${encodeURIComponent(orderId)}`;

function linkOf({ takerChannelId, takerOrder, takerBulk }: Found): WhyStep["link"] {
	if (takerBulk !== null) {
		const { id, name, isUndo } = takerBulk;
		return { url: `/app/bulk-changes/${id}`, text: `${isUndo ? "Rolled back: " : ""}${name || "The bulk change"}` };
	}
	return takerOrder && takerChannelId !== null ? { url: urlOf(takerChannelId, takerOrder.id), text: `Order ${takerOrder.name}` } : null;
}

function sayTaker(kind: "sale" | "home-change" | "bulk" | "gone" | "moved", units: string, channel: string): string {
	switch (kind) {
		case "sale":
			return `${units} sold on ${channel}: the last ones`;
		case "home-change":
			return `${units} taken off in Shopify, by hand, at the till or by another app`;
		case "bulk":
			return `${units} taken off in a bulk change`;
		case "gone":
			return "The product was deleted in Shopify";
		case "moved":
			return `${units} taken for another order that was owed`;
	}
}
