import type { EditedListing } from "#app/pages/stock/read-editing.ts";
import { type Policy, quantityToShow } from "#domain";

/** What is typed, as it is typed. Absent: as it was. */
export type Edit = { buffer?: string; minimum?: string; maximum?: string; paused?: boolean; touchesRule: boolean };
export type Edits = Readonly<Record<number, Edit | undefined>>;
export const FIELDS = ["buffer", "minimum", "maximum"] as const;
export type Field = (typeof FIELDS)[number];

const UNITS_MAX = 1_000_000;
const isWhole = (text: string) => /^\d*$/.test(text.trim()) && Number(text) <= UNITS_MAX;

export const isWrong = (edit: Edit | undefined): boolean =>
	FIELDS.some((field) => edit?.[field] !== undefined && !isWhole(edit[field] ?? ""));

export const ruleOf = (listing: EditedListing): Policy => listing.policy ?? listing.channelPolicy;

/** What the field shows: what was typed, else what is in force. A percentage or a fixed figure holds nothing back by number. */
export function textOf(listing: EditedListing, edit: Edit | undefined, field: Field): string {
	const typed = edit?.[field];
	if (typed !== undefined) return typed;
	const value = ruleOf(listing)[field];
	return value === undefined ? "" : String(value);
}

/** The rule after the edit: what was not touched stays. Clearing the buffer shows everything again. */
export function policyOf(listing: EditedListing, edit: Edit | undefined): Policy {
	const { buffer, minimum, maximum, ...rest } = ruleOf(listing);
	const read = (field: Field, was: number | undefined) => {
		const typed = edit?.[field];
		if (typed === undefined) return was;
		return typed.trim() === "" || !isWhole(typed) ? undefined : Number(typed);
	};
	const next = { buffer: read("buffer", buffer), minimum: read("minimum", minimum), maximum: read("maximum", maximum) };
	const counted = rest.kind === "percentage" || rest.kind === "fixed";
	return {
		...rest,
		...(counted ? {} : { kind: next.buffer ? ("buffer" as const) : ("exact" as const) }),
		...(next.buffer && !counted ? { buffer: next.buffer } : {}),
		...(next.minimum === undefined ? {} : { minimum: next.minimum }),
		...(next.maximum === undefined ? {} : { maximum: next.maximum }),
	};
}

/** What the channel would be told after saving; null: not counted. */
export const shownAfter = (listing: EditedListing, edit: Edit | undefined): number | null =>
	listing.sellable === null ? null : quantityToShow(edit?.touchesRule ? policyOf(listing, edit) : ruleOf(listing), listing.sellable);
