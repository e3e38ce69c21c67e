/** Reading an answer's bytes and headers without trusting either. */

export class TooLargeError extends Error {}

export async function readText(
	body: AsyncIterable<Buffer> & { destroy(error?: Error): unknown },
	headers: Record<string, string>,
	bytesMax: number,
) {
	const tooLarge = () => new TooLargeError(`answer larger than ${bytesMax} bytes`);
	const chunks: Buffer[] = [];
	let bytes = 0;
	if (Number(headers["content-length"]) > bytesMax) {
		body.destroy();
		throw tooLarge();
	}
	for await (const chunk of body) {
		bytes += chunk.length;
		// Leaving the loop destroys the stream and with it the connection.
		if (bytes > bytesMax) throw tooLarge();
		chunks.push(chunk);
	}
	// The decoder drops the byte order mark that some plugins' files put before everything.
	return new TextDecoder().decode(Buffer.concat(chunks));
}

export function joinHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
	const joined: Record<string, string> = {};
	for (const [name, value] of Object.entries(headers)) {
		if (value !== undefined) joined[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
	}
	return joined;
}

/** The parsed body; `problem` says in words why there is none. */
export type ReadJson = { ok: true; value: unknown } | { ok: false; problem: string };

export function parseJson(text: string, headers: Record<string, string>): ReadJson {
	if (headers["content-encoding"] && headers["content-encoding"] !== "identity") {
		return { ok: false, problem: "the answer is compressed although that was not asked for" };
	}
	try {
		return { ok: true, value: JSON.parse(text) };
	} catch {
		return { ok: false, problem: whyNotJson(text.trim()) };
	}
}

/** No piece of the body is quoted: it may hold a buyer's name or a key. */
function whyNotJson(text: string): string {
	if (text === "") return "the answer is empty";
	if (/^<(!doctype|html|head|\?xml)/i.test(text)) return "the answer is a web page, not data";
	if (/^<(br|b|p|div)\b/i.test(text)) return "the server prints notices before the data (switch off the display of PHP errors)";
	if (text.startsWith("{") || text.startsWith("[")) return `the answer breaks off after ${text.length} characters`;
	return "the answer is not JSON";
}

/** Seconds or an HTTP date. Nonsense and the past give undefined and 0; everything is at most RETRY_AFTER_MAX_MS. */
export function readRetryAfter(value: string | undefined, answeredAt?: string): number | undefined {
	if (value === undefined) return undefined;
	const text = value.trim();
	if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Number(text) * 1000, RETRY_AFTER_MAX_MS);
	// A date without letters is a negative number or another nonsense that Date.parse would make something of.
	const at = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
	if (Number.isNaN(at)) return undefined;
	// Counted on the channel's own clock when it tells the time: ours may differ by more than the wait.
	const now = Date.parse(answeredAt ?? "");
	return Math.min(Math.max(0, at - (Number.isNaN(now) ? Date.now() : now)), RETRY_AFTER_MAX_MS);
}

/** Channels have answered with days and with negative numbers; after an hour we look for ourselves. */
export const RETRY_AFTER_MAX_MS = 3_600_000;
