/**
 * The API's search syntax: `field:value` with `>=`, `<=`, `>`, `<`, quotes, `*` at the end, `-`/`NOT`, `AND` (or nothing)
 * and `OR`. A field that the resource does not know is ignored, as the real API does; it is reported so that it can be noted.
 */
export type SearchFields<T> = Record<string, (entry: T) => string | number | boolean | null | readonly (string | number | null)[]>;
export type Search<T> = { matches: (entry: T) => boolean; unknownFields: string[] };

type Term = { field: string | null; operator: ">=" | "<=" | ">" | "<" | "="; value: string; negative: boolean };

export function parseSearch<T>(
	query: string | null | undefined,
	fields: SearchFields<T>,
	anyField?: (entry: T) => readonly (string | null)[],
): Search<T> {
	const unknownFields: string[] = [];
	const groups = groupsOf(query ?? "").map((group) =>
		group.filter((term) => {
			if (term.field === null || fields[term.field]) return true;
			unknownFields.push(term.field);
			return false;
		}),
	);
	const holds = (term: Term, entry: T): boolean => {
		const values = term.field === null ? (anyField?.(entry) ?? []) : [fields[term.field]?.(entry) ?? null].flat();
		const found = values.some((value) => compare(value as string | number | boolean | null, term, term.field === null));
		return term.negative ? !found : found;
	};
	return { unknownFields, matches: (entry) => groups.length === 0 || groups.some((group) => group.every((term) => holds(term, entry))) };
}

/** Terms, OR-ed groups of AND-ed ones. Exported for the filters of webhook subscriptions, which must name a field. */
export function groupsOf(query: string): Term[][] {
	const groups: Term[][] = [[]];
	let negative = false;
	for (const token of query.match(/-?[\w.]+:\s*(?:>=|<=|>|<|=)?\s*(?:'[^']*'|"[^"]*"|[^\s()]+)|'[^']*'|"[^"]*"|[^\s()]+/g) ?? []) {
		if (token === "AND") continue;
		if (token === "OR") groups.push([]);
		else if (token === "NOT") negative = true;
		else {
			const match = /^(-)?([\w.]+):\s*(>=|<=|>|<|=)?\s*(.+)$/s.exec(token);
			const term: Term = match
				? {
						field: match[2] ?? null,
						operator: (match[3] as Term["operator"]) ?? "=",
						value: unquote(match[4] ?? ""),
						negative: negative || match[1] === "-",
					}
				: { field: null, operator: "=", value: unquote(token), negative };
			groups.at(-1)?.push(term);
			negative = false;
		}
	}
	return groups.filter((group) => group.length > 0);
}

const unquote = (value: string) => (/^(['"]).*\1$/s.test(value) ? value.slice(1, -1) : value);

function compare(value: string | number | boolean | null, { operator, value: wanted }: Term, loose: boolean): boolean {
	if (value === null) return false;
	if (typeof value === "boolean") return String(value) === wanted.toLowerCase();
	if (typeof value === "number") {
		const other = /^[+-]?\d+(\.\d+)?$/.test(wanted) ? Number(wanted) : Date.parse(wanted === "now" ? new Date().toISOString() : wanted);
		if (Number.isNaN(other)) return false;
		if (operator === ">=") return value >= other;
		if (operator === "<=") return value <= other;
		if (operator === ">") return value > other;
		if (operator === "<") return value < other;
		return value === other;
	}
	const [have, want] = [value.toLowerCase(), wanted.toLowerCase()];
	if (operator !== "=") return compare(Number(value), { field: null, operator, value: wanted, negative: false }, loose);
	if (want.endsWith("*")) return have.startsWith(want.slice(0, -1));
	return loose ? have.includes(want) : have === want;
}
