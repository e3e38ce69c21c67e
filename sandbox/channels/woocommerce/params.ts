/** WordPress' checks of request parameters: the same messages, and the same generosity towards "9" and "true". */
type Arg = {
	type?: "integer" | "number" | "string" | "boolean" | "array" | "object";
	enum?: readonly string[];
	minimum?: number;
	maximum?: number;
	format?: "date-time" | "uri";
	items?: Arg;
	properties?: Record<string, Arg>;
	default?: unknown;
};
export type Args = Record<string, Arg>;

type Problem = { code: string; message: string; data: { param: string } | null };
type Checked = { ok: true; values: Record<string, unknown> } | { ok: false; problems: Record<string, Problem> };

/** Checks and converts what is given; null is not checked but converted (so `stock_quantity: null` becomes 0, as recorded). */
export function checkParams(args: Args, given: Record<string, unknown>): Checked {
	const problems: Record<string, Problem> = {};
	const values: Record<string, unknown> = {};
	for (const [name, arg] of Object.entries(args)) if (arg.default !== undefined) values[name] = arg.default;
	for (const [name, value] of Object.entries(given)) {
		const arg = args[name];
		if (!arg) {
			values[name] = value;
			continue;
		}
		const problem = value === null ? null : check(arg, value, name);
		if (problem) problems[name] = problem;
		else values[name] = convert(arg, value);
	}
	return Object.keys(problems).length > 0 ? { ok: false, problems } : { ok: true, values };
}

export function invalidParams(problems: Record<string, Problem>) {
	const names = Object.keys(problems).join(", ");
	return {
		code: "rest_invalid_param",
		message: `Invalid parameter(s): ${names}`,
		data: { status: 400, params: Object.fromEntries(Object.entries(problems).map(([name, p]) => [name, p.message])), details: problems },
	};
}

function check(arg: Arg, value: unknown, name: string): Problem | null {
	if (arg.type && !isOfType(arg, value)) {
		return { code: "rest_invalid_type", message: `${name} is not of type ${arg.type}.`, data: { param: name } };
	}
	if (arg.type === "array") {
		const items = listOf(value);
		for (const [index, item] of items.entries()) {
			const problem = arg.items ? check(arg.items, item, `${name}[${index}]`) : null;
			if (problem) return problem;
		}
		return null;
	}
	if (arg.type === "object") {
		for (const [key, inner] of Object.entries(arg.properties ?? {})) {
			const part = (value as Record<string, unknown>)[key];
			const problem = part === undefined || part === null ? null : check(inner, part, `${name}[${key}]`);
			if (problem) return problem;
		}
		return null;
	}
	if (arg.enum && !arg.enum.includes(String(value))) {
		return { code: "rest_not_in_enum", message: `${name} is not one of ${sentence(arg.enum)}.`, data: null };
	}
	if (arg.format === "date-time" && !/^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+\- ]\d{2}(:?\d{2})?)?$/.test(String(value))) {
		return { code: "rest_invalid_date", message: "Invalid date.", data: null };
	}
	const out = (message: string): Problem => ({ code: "rest_out_of_bounds", message: `${name} ${message}`, data: null });
	const number = Number(value);
	if (arg.minimum !== undefined && arg.maximum !== undefined && (number < arg.minimum || number > arg.maximum)) {
		return out(`must be between ${arg.minimum} (inclusive) and ${arg.maximum} (inclusive)`);
	}
	if (arg.minimum !== undefined && arg.maximum === undefined && number < arg.minimum)
		return out(`must be greater than or equal to ${arg.minimum}`);
	return null;
}

function isOfType(arg: Arg, value: unknown): boolean {
	switch (arg.type) {
		case "integer":
			return isNumeric(value) && Number.isInteger(Number(value));
		case "number":
			return isNumeric(value);
		case "string":
			return typeof value === "string" || (typeof value === "number" && arg.enum !== undefined);
		case "boolean":
			return (
				typeof value === "boolean" || value === 0 || value === 1 || ["true", "false", "1", "0", ""].includes(String(value).toLowerCase())
			);
		case "array":
			return Array.isArray(value) || typeof value === "string" || typeof value === "number";
		case "object":
			return typeof value === "object" && value !== null && (!Array.isArray(value) || value.length === 0);
		default:
			return true;
	}
}

const isNumeric = (value: unknown) =>
	(typeof value === "number" && Number.isFinite(value)) ||
	(typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value)));

/** A list may come as a list, as `name[]=`, or with commas. */
const listOf = (value: unknown): unknown[] =>
	Array.isArray(value)
		? value
		: String(value)
				.split(/[\s,]+/)
				.filter((part) => part !== "");

function convert(arg: Arg, value: unknown): unknown {
	switch (arg.type) {
		case "integer":
			return value === null ? 0 : Math.trunc(Number(value));
		case "number":
			return Number(value);
		case "boolean":
			return value === true || value === 1 || ["true", "1"].includes(String(value).toLowerCase());
		case "string":
			return value === null ? "" : String(value);
		case "array":
			return value === null ? [] : listOf(value).map((item) => (arg.items ? convert(arg.items, item) : item));
		case "object":
			if (value === null || typeof value !== "object") return {};
			return Object.fromEntries(
				Object.entries(value).map(([key, part]) => {
					const inner = arg.properties?.[key];
					return [key, inner && part !== null && part !== undefined ? convert(inner, part) : part];
				}),
			);
		default:
			return value;
	}
}

/** "a, b, and c", as WordPress joins. */
export const sentence = (list: readonly string[]) =>
	list.length < 2 ? list.join("") : list.length === 2 ? list.join(" and ") : `${list.slice(0, -1).join(", ")}, and ${list.at(-1)}`;
