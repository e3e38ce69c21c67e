/**
 * What PostgreSQL cannot hold: U+0000 in any text, and unpaired surrogates in jsonb. Both are legal in a sender's JSON and
 * mean nothing in the fields we keep, so they become U+FFFD (the sign for "was not text") and the event lives. The delivery
 * key is not touched by this: it hashes the raw bytes.
 */
export const storableText = (text: string): string => (text.includes("\0") ? text.replaceAll("\0", "\uFFFD") : text);

/** JSON text that jsonb accepts; null stays SQL NULL. */
export function storableJson(value: unknown): string | null {
	if (value === null || value === undefined) return null;
	const json = JSON.stringify(value);
	if (!json.includes("\\u")) return json;
	// JSON.stringify escapes a surrogate only when it is unpaired. "\\" is matched first, so an escaped backslash before "u0000" stays.
	return json.replace(/\\(?:\\|u0000|ud[89a-f][0-9a-f]{2})/g, (found) => (found === "\\\\" ? found : "\\ufffd"));
}
