import type { Policy } from "#domain";

const FIELDS = ["buffer", "percentage", "fixed", "minimum", "maximum"] as const;
type Field = (typeof FIELDS)[number];
/** A rule as it is typed: every figure as text, empty where there is none. */
export type TypedRule = { kind: Policy["kind"] } & Record<Field, string>;

const LARGEST: Readonly<Record<Field, number>> = {
	buffer: 1_000_000,
	percentage: 100,
	fixed: 1_000_000,
	minimum: 1_000_000,
	maximum: 1_000_000,
};

export const typedOf = (policy: Policy): TypedRule => ({
	kind: policy.kind,
	...(Object.fromEntries(FIELDS.map((field) => [field, policy[field] === undefined ? "" : String(policy[field])])) as Record<
		Field,
		string
	>),
});

/** What the kind of rule needs, and what stands beside every kind. */
const used = (rule: TypedRule): Field[] => [...(rule.kind === "exact" ? [] : [rule.kind]), "minimum", "maximum"];

/** The first field that is no whole number, or that the rule cannot do without. */
export const isWrong = (rule: TypedRule): Field | null =>
	used(rule).find((field) => {
		const text = rule[field].trim();
		if (text === "") return field === rule.kind;
		return !/^\d+$/.test(text) || Number(text) > LARGEST[field];
	}) ?? null;

export function policyOf(rule: TypedRule): Policy {
	const figures = used(rule).flatMap((field) => (/^\d+$/.test(rule[field].trim()) ? [[field, Number(rule[field])]] : []));
	return { kind: rule.kind, ...Object.fromEntries(figures) };
}
