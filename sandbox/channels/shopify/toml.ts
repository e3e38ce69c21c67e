/**
 * The part of TOML that an app configuration uses: comments, tables, arrays of tables, strings, numbers, booleans and
 * (multi-line) arrays of those. Anything else throws with its line, so that a configuration is never half read.
 */
export type Toml = { [key: string]: TomlValue };
type TomlValue = string | number | boolean | TomlValue[] | Toml;

export function parseToml(text: string): Toml {
	const root: Toml = {};
	let table = root;
	let pending = "";
	for (const [index, raw] of text.split(/\r?\n/).entries()) {
		const line = (pending === "" ? "" : `${pending} `) + stripComment(raw).trim();
		pending = "";
		if (line === "") continue;
		const where = `line ${index + 1}`;
		const list = /^\[\[\s*([\w.-]+)\s*\]\]$/.exec(line);
		const plain = /^\[\s*([\w.-]+)\s*\]$/.exec(line);
		if (list?.[1]) table = openList(root, list[1]);
		else if (plain?.[1]) table = openTable(root, plain[1].split("."));
		else {
			const pair = /^([\w-]+|"[^"]+")\s*=\s*(.*)$/s.exec(line);
			if (!pair?.[1]) throw new Error(`TOML, ${where}: cannot read "${line}"`);
			const value = pair[2] ?? "";
			if (value.startsWith("[") && !closed(value)) {
				pending = line;
				continue;
			}
			table[pair[1].replaceAll('"', "")] = readValue(value.trim(), where);
		}
	}
	if (pending !== "") throw new Error(`TOML: the list in "${pending}" is never closed`);
	return root;
}

function stripComment(line: string): string {
	let quote = "";
	for (const [index, char] of [...line].entries()) {
		if (quote) quote = char === quote ? "" : quote;
		else if (char === '"' || char === "'") quote = char;
		else if (char === "#") return line.slice(0, index);
	}
	return line;
}

function closed(value: string): boolean {
	let depth = 0;
	let quote = "";
	for (const char of value) {
		if (quote) quote = char === quote ? "" : quote;
		else if (char === '"' || char === "'") quote = char;
		else if (char === "[") depth++;
		else if (char === "]") depth--;
	}
	return depth === 0;
}

function openTable(root: Toml, path: readonly string[]): Toml {
	let at: Toml = root;
	for (const key of path) {
		const known = at[key];
		if (known === undefined) at[key] = {};
		const next = at[key] as TomlValue;
		at = (Array.isArray(next) ? next.at(-1) : next) as Toml;
	}
	return at;
}

function openList(root: Toml, name: string): Toml {
	const path = name.split(".");
	const key = path.pop() as string;
	const parent = openTable(root, path);
	const list = (parent[key] ?? []) as TomlValue[];
	parent[key] = list;
	const entry: Toml = {};
	list.push(entry);
	return entry;
}

function readValue(text: string, where: string): TomlValue {
	if (/^"(?:[^"\\]|\\.)*"$/.test(text)) return JSON.parse(text) as string;
	if (/^'[^']*'$/.test(text)) return text.slice(1, -1);
	if (text === "true" || text === "false") return text === "true";
	if (/^[+-]?\d[\d_]*(\.\d+)?$/.test(text)) return Number(text.replaceAll("_", ""));
	if (text.startsWith("[") && text.endsWith("]")) return splitList(text.slice(1, -1)).map((entry) => readValue(entry, where));
	throw new Error(`TOML, ${where}: cannot read the value ${text}`);
}

function splitList(text: string): string[] {
	const parts: string[] = [];
	let [depth, quote, current] = [0, "", ""];
	for (const char of text) {
		if (quote) quote = char === quote ? "" : quote;
		else if (char === '"' || char === "'") quote = char;
		else if (char === "[") depth++;
		else if (char === "]") depth--;
		if (char === "," && depth === 0 && !quote) {
			parts.push(current.trim());
			current = "";
		} else current += char;
	}
	if (current.trim() !== "") parts.push(current.trim());
	return parts;
}
