/** Comma-separated files as spreadsheets write and read them (RFC 4180; semicolons and tabs where a spreadsheet prefers those). */

/** What a spreadsheet would take for a formula, behind any number of our own marks. */
const FORMULA = /^'*[=+\-@\t\r]/;
const MARKED = /^'+[=+\-@\t\r]/;

/** A cell that begins like a formula is marked with an apostrophe, so that opening the file runs nothing of it. */
const cell = (value: string | number): string => {
	const text = typeof value === "string" && FORMULA.test(value) ? `'${value}` : String(value);
	return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** Begins with the mark by which Excel knows UTF-8. */
export const toCsv = (rows: Iterable<readonly (string | number)[]>): string => {
	let text = "\uFEFF";
	for (const row of rows) text += `${row.map(cell).join(",")}\r\n`;
	return text;
};

export type CsvLine = { line: number; cells: string[] };

/** `line`: where the row begins in the file, from 1. Empty lines are left out. Our own mark against formulas is taken off again. */
export function parseCsv(text: string): CsvLine[] {
	const source = text.replace(/^\uFEFF/, "");
	const delimiter = delimiterOf(source);
	const lines: CsvLine[] = [];
	let cells: string[] = [];
	let value = "";
	let quoted = false;
	let line = 1;
	let startedAt = 1;
	const endCell = () => {
		cells.push(MARKED.test(value) ? value.slice(1) : value);
		value = "";
	};
	const endLine = () => {
		endCell();
		if (cells.some((one) => one.trim() !== "")) lines.push({ line: startedAt, cells });
		cells = [];
		startedAt = line;
	};
	for (let at = 0; at < source.length; at++) {
		const char = source[at];
		if (char === "\n") line++;
		if (quoted) {
			if (char !== '"') value += char;
			else if (source[at + 1] === '"') value += source[++at];
			else quoted = false;
		} else if (char === '"' && value === "") quoted = true;
		else if (char === delimiter) endCell();
		else if (char === "\n") endLine();
		else if (char !== "\r" || source[at + 1] !== "\n") value += char;
	}
	if (value !== "" || cells.length > 0) endLine();
	return lines;
}

/** The one that stands most often in the first line. */
function delimiterOf(text: string): string {
	const [first = ""] = text.split("\n", 1);
	const count = (char: string) => first.split(char).length;
	return [",", ";", "\t"].reduce((best, char) => (count(char) > count(best) ? char : best));
}
