/** What a column of a file is about; its first name is the one that our own files have. */
const NAMES = {
	sku: ["SKU", "Variant SKU"],
	barcode: ["Barcode", "Variant barcode"],
	variant: ["Variant ID", "Shopify variant ID"],
	location: ["Location"],
	quantity: ["Quantity", "Available"],
	change: ["Change", "Difference"],
	channel: ["Channel", "Sales channel"],
	channelSku: ["SKU on channel"],
	rule: ["Rule"],
	buffer: ["Buffer"],
	percentage: ["Percentage"],
	fixed: ["Fixed figure"],
	minimum: ["Minimum"],
	maximum: ["Maximum"],
	paused: ["Paused"],
	link: ["Linked"],
} as const;
export type ColumnName = keyof typeof NAMES;

/** What our own file says beside that, for the reader's eyes. */
const FOR_READERS = ["Product", "In Shopify", "Owed", "Should show", "Shows", "Held back", "State", "Confirmed at (channel's clock, UTC)"];

const KEYS: readonly ColumnName[] = ["variant", "sku", "barcode"];
const ACTS: readonly ColumnName[] = [
	...(["quantity", "change", "rule", "buffer", "percentage", "fixed"] as const),
	...(["minimum", "maximum", "paused", "link"] as const),
];
const UNKNOWN_MAX = 20;
const NAME_CHARS_MAX = 60;

export type Columns = ReadonlyMap<ColumnName, number>;
export type FoundColumns = { outcome: "found"; columns: Columns; unknown: string[] } | { outcome: "refused"; reason: string };

export const columnTitle = (name: ColumnName): string => NAMES[name][0];

/** Which column is which, by the file's first line, in any order. `unknown`: columns that are passed over, as they are called. */
export function findColumns(head: readonly string[]): FoundColumns {
	const columns = new Map<ColumnName, number>();
	const unknown: string[] = [];
	for (const [index, cell] of head.entries()) {
		const name = nameOf(cell);
		if (name === undefined) {
			if (cell.trim() !== "" && !FOR_READERS.some((one) => plain(one) === plain(cell))) unknown.push(cell.trim().slice(0, NAME_CHARS_MAX));
		} else if (columns.has(name)) {
			return { outcome: "refused", reason: `Two columns are called “${columnTitle(name)}”. Keep the one that counts.` };
		} else columns.set(name, index);
	}
	if (!KEYS.some((name) => columns.has(name))) {
		return {
			outcome: "refused",
			reason:
				"Line 1 has no column “SKU” (or “Barcode”, or “Variant ID”), so no product can be found. The first line must hold the columns' names.",
		};
	}
	if (!ACTS.some((name) => columns.has(name))) {
		const names = ACTS.map((name) => `“${columnTitle(name)}”`).join(", ");
		return { outcome: "refused", reason: `The file changes nothing: it has none of the columns ${names}.` };
	}
	return { outcome: "found", columns, unknown: unknown.slice(0, UNKNOWN_MAX) };
}

const plain = (text: string) =>
	text
		.trim()
		.toLowerCase()
		.replaceAll(/[\s_]+/g, " ");

function nameOf(cell: string): ColumnName | undefined {
	const found = Object.entries(NAMES).find(([, names]) => names.some((name) => plain(name) === plain(cell)));
	return found?.[0] as ColumnName | undefined;
}
