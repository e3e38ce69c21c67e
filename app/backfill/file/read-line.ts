import { type ColumnName, type Columns, columnTitle } from "./columns.ts";

/** The most that Shopify keeps of anything (InventoryQuantity: ±1,000,000,000). */
const UNITS_MAX = 1_000_000_000;
/** As the rules themselves have it (domain/policy.ts). */
const RULE_UNITS_MAX = 1_000_000;
const SHOWN_CHARS_MAX = 40;
const NO_BOUND = ["none", "no", "-", "–"];

export type ItemKey = { by: "variant" | "sku" | "barcode"; value: string };
/** What a line says of a rule; what it does not say stays. `null` of a bound: there shall be none. */
export type RuleWish = {
	kind?: "exact" | "buffer" | "percentage" | "fixed" | "channel";
	buffer?: number;
	percentage?: number;
	fixed?: number;
	minimum?: number | null;
	maximum?: number | null;
};
export type LineWish = {
	key: ItemKey;
	location: string | null;
	/** `to`: what shall be available there. `by`: more or fewer than there are. */
	quantity: { to: number } | { by: number } | null;
	/** null: all of them. */
	channel: string | null;
	channelSku: string | null;
	rule: RuleWish | null;
	paused: boolean | null;
	link: boolean | null;
};
export type ReadLine = { wish: LineWish } | { problems: string[]; sku: string } | "empty";

/** What one line of the file asks for, or everything that is wrong with it as it stands; nothing is looked up. */
export function readLine(columns: Columns, cells: readonly string[]): ReadLine {
	const textOf = (name: ColumnName): string => {
		const index = columns.get(name);
		return index === undefined ? "" : unmarked(cells[index] ?? "").trim();
	};
	if (cells.every((cell) => cell.trim() === "")) return "empty";
	const problems: string[] = [];
	const number = (name: ColumnName, max: number): number | undefined => {
		const text = textOf(name);
		if (text === "") return undefined;
		const value = wholeNumber(text);
		if (value === null) problems.push(`${columnTitle(name)} “${short(text)}” is not a whole number.`);
		else if (value < 0) problems.push(`${columnTitle(name)} is below zero.`);
		else if (value > max) problems.push(`${columnTitle(name)} is more than ${max.toLocaleString("en")}.`);
		else return value;
		return undefined;
	};
	const bound = (name: ColumnName) => (NO_BOUND.includes(textOf(name).toLowerCase()) ? null : number(name, RULE_UNITS_MAX));
	const yes = (name: ColumnName, words: Readonly<Record<string, boolean>>): boolean | null => {
		const text = textOf(name).toLowerCase();
		if (text === "") return null;
		const meant = words[text];
		if (meant === undefined) problems.push(`${columnTitle(name)} “${short(text)}” is neither yes nor no.`);
		return meant ?? null;
	};

	const key = keyOf(textOf);
	if (!key) problems.push("The line names no product: its SKU is empty.");
	const to = number("quantity", UNITS_MAX);
	const by = difference(textOf("change"), problems);
	if (to !== undefined && by !== undefined) problems.push("Quantity and Change are both filled in; only one of them can count.");
	const rule = defined({
		kind: kindOf(textOf("rule"), problems),
		buffer: number("buffer", RULE_UNITS_MAX),
		percentage: number("percentage", 100),
		fixed: number("fixed", RULE_UNITS_MAX),
		minimum: bound("minimum"),
		maximum: bound("maximum"),
	});
	const paused = yes("paused", YES_OR_NO);
	const link = yes("link", { ...YES_OR_NO, link: true, unlink: false });
	if (problems.length > 0 || !key) return { problems, sku: short(textOf("sku") || textOf("barcode") || textOf("variant")) };
	return {
		wish: {
			key,
			location: textOf("location") || null,
			quantity: to !== undefined ? { to } : by !== undefined ? { by } : null,
			channel: textOf("channel") || null,
			channelSku: textOf("channelSku") || null,
			rule: Object.keys(rule).length === 0 ? null : rule,
			paused,
			link,
		},
	};
}

const YES_OR_NO: Readonly<Record<string, boolean>> = { yes: true, true: true, "1": true, no: false, false: false, "0": false };

function keyOf(textOf: (name: ColumnName) => string): ItemKey | null {
	const variant = textOf("variant");
	// Shopify's own exports write the whole address of a thing: gid://shopify/ProductVariant/1.
	if (variant !== "") return { by: "variant", value: variant.slice(variant.lastIndexOf("/") + 1) };
	if (textOf("sku") !== "") return { by: "sku", value: textOf("sku") };
	return textOf("barcode") === "" ? null : { by: "barcode", value: textOf("barcode") };
}

/** Spreadsheets write a whole number also as 3.0, or 3,0 where the comma is the decimal point. */
function wholeNumber(text: string): number | null {
	const match = /^([+-]?\d{1,12})(?:[.,]0{1,2})?$/.exec(text.replace("−", "-"));
	return match ? Number(match[1]) : null;
}

function difference(text: string, problems: string[]): number | undefined {
	if (text === "") return undefined;
	const value = wholeNumber(text);
	if (value === null) problems.push(`Change “${short(text)}” is not a whole number, as +3 or -2.`);
	else if (Math.abs(value) > UNITS_MAX) problems.push(`Change is more than ${UNITS_MAX.toLocaleString("en")}.`);
	else return value;
	return undefined;
}

const KINDS: Readonly<Record<string, NonNullable<RuleWish["kind"]>>> = {
	...{ exact: "exact", buffer: "buffer", percentage: "percentage", fixed: "fixed" },
	...{ "channel's": "channel", channel: "channel", "channel’s": "channel" },
};

function kindOf(text: string, problems: string[]): RuleWish["kind"] | undefined {
	if (text === "") return undefined;
	const kind = KINDS[text.toLowerCase()];
	if (!kind) problems.push(`Rule “${short(text)}” is none of exact, buffer, percentage, fixed and channel's.`);
	return kind;
}

/** An apostrophe keeps a spreadsheet from taking a cell for a formula; our own files have it too. */
const unmarked = (cell: string) => (/^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell);
const short = (text: string) => (text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text);

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
const defined = <T extends object>(all: T) =>
	Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Defined<T>;
