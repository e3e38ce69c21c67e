/**
 * A line of RFC 4180. A text that a spreadsheet would take for a formula (OWASP, "CSV Injection": it begins with = + - @, a tab or a
 * carriage return) gets an apostrophe in front: a product's name is a stranger's text.
 */
export const csvRow = (cells: readonly (string | number)[]): string => `${cells.map(toCell).join(",")}\r\n`;

function toCell(value: string | number): string {
	if (typeof value === "number") return String(value);
	const text = /^\s*[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
	return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}
