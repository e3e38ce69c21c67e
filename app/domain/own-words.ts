/** Which call it was said to, as channels' errors begin: `stock.write (POST store.example/wp-json/…): `. */
const CALL = /^[\w.-]+ \((?:GET|HEAD|POST|PUT|PATCH|DELETE) [^)]*\): /;
/** The channel's own code, as they end: ` [product_locked]`. */
const CODE = / \[[\w .:/-]{1,100}\]$/;

/**
 * What somebody said, for a merchant to read: without which call it was said to and the code at its end, as a sentence. The whole
 * text stands where somebody looks for the cause.
 */
export function ownWords(text: string): string {
	const said = text.replace(CALL, "").replace(CODE, "").trim();
	if (said === "" || said === text) return text;
	const sentence = said.charAt(0).toUpperCase() + said.slice(1);
	return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`;
}
