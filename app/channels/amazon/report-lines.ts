import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { ChannelUnavailableError, UnexpectedShapeError } from "../errors.ts";

export type LineOptions = {
	gzip: boolean;
	/** As the download says it, asked once its first bytes are there ("UTF-8", "Cp1252"). undefined: it does not say. */
	charset: () => string | undefined;
	/** What the marketplace's files are in otherwise. */
	fallback: "windows-1252" | "shift_jis";
};

/** A line of the report has some 30 cells, the longest a description of 2,000 characters. */
const LINE_BYTES_MAX = 256 * 1024;
/** Unpacked: two million listings with long titles. A file that only grows must end too. */
const FILE_BYTES_MAX = 4 * 1024 * 1024 * 1024;

/**
 * A text file line by line as it comes, however large. It is split before it is decoded: in all encodings that Amazon uses the
 * line feed is a byte of its own. Cells are not quoted; a quotation mark is one.
 */
export async function* readLines(bytes: AsyncIterable<Uint8Array>, options: LineOptions): AsyncGenerator<string> {
	let decode: ((line: Uint8Array) => string) | undefined;
	let rest: Uint8Array = new Uint8Array();
	let first = true;
	const text = (line: Uint8Array) => {
		decode ??= decoderOf(options);
		const decoded = decode(line).replace(/\r$/, "");
		const bare = first ? decoded.replace(/^\uFEFF/, "") : decoded;
		first = false;
		return bare;
	};
	for await (const chunk of options.gzip ? unpacked(bytes) : bytes) {
		let from = 0;
		for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
			const line = chunk.subarray(from, at);
			yield text(rest.length > 0 ? Buffer.concat([rest, line]) : line);
			rest = new Uint8Array();
			from = at + 1;
		}
		if (from < chunk.length) rest = Buffer.concat([rest, chunk.subarray(from)]);
		if (rest.length > LINE_BYTES_MAX) throw new UnexpectedShapeError(`A line of Amazon's report is longer than ${LINE_BYTES_MAX} bytes`);
	}
	if (rest.length > 0) yield text(rest);
}
const LINE_FEED = 0x0a;

async function* unpacked(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	const packed = Readable.from(bytes, { objectMode: false });
	const gunzip = createGunzip();
	// What ends the download ends the unpacking, with its own error.
	packed.on("error", (error) => gunzip.destroy(error));
	let size = 0;
	try {
		for await (const chunk of packed.pipe(gunzip)) {
			size += chunk.length;
			if (size > FILE_BYTES_MAX) throw new UnexpectedShapeError(`Amazon's report is larger than ${FILE_BYTES_MAX} bytes`);
			yield chunk;
		}
	} catch (error) {
		const code = error instanceof Error && "code" in error ? String(error.code) : "";
		if (!code.startsWith("Z_")) throw error;
		throw new ChannelUnavailableError(`Amazon's report cannot be unpacked (${code})`, { cause: error, code });
	} finally {
		packed.destroy();
	}
}

/**
 * By the charset of the download, as Amazon's own samples do. Where it is missing, a line that is valid UTF-8 is that, and any
 * other is in the marketplace's old encoding: such text is practically never valid UTF-8 by chance.
 */
function decoderOf({ charset, fallback }: LineOptions): (line: Uint8Array) => string {
	const said = charset();
	if (said !== undefined) {
		try {
			const decoder = new TextDecoder(said.toLowerCase(), { ignoreBOM: true });
			return (line) => decoder.decode(line);
		} catch {
			throw new UnexpectedShapeError(`Amazon's report is in the unknown encoding ${JSON.stringify(said.slice(0, 40))}`);
		}
	}
	const [strict, old] = [new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }), new TextDecoder(fallback)];
	return (line) => {
		try {
			return strict.decode(line);
		} catch {
			return old.decode(line);
		}
	};
}
