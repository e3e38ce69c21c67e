import { isUtf8 } from "node:buffer";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CsvError, parse } from "csv-parse";

/** A spreadsheet of the largest catalogue is far below; the whole of it is never in memory at once after it was received. */
export const FILE_BYTES_MAX = 20_000_000;
export const FILE_LINES_MAX = 200_000;
/** One line with all its cells: a quotation mark that is never closed would make the rest of the file one. */
const RECORD_BYTES_MAX = 64_000;

export type Encoding = "utf-8" | "utf-16le" | "windows-1252";
export type CsvRecord = { line: number; cells: string[] };

/** The file cannot be read on from here, and why, with its line. */
export class UnreadableFileError extends Error {
	override readonly name = "UnreadableFileError";
}

/** By its mark, or by its bytes: text of Windows-1252 with any letter beyond plain English is no UTF-8. */
export function encodingOf(bytes: Uint8Array): Encoding {
	if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
	return isUtf8(bytes) ? "utf-8" : "windows-1252";
}

/** The records one by one, each with the line of the file in which it begins, counted from 1. */
export async function* readRecords(
	parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
	encoding: Encoding,
): AsyncGenerator<CsvRecord, void, undefined> {
	const decoded = decode(parts, encoding);
	// By the first line the delimiter is told.
	let begins = "";
	for (let next = await decoded.next(); !next.done; next = await decoded.next()) {
		begins += next.value;
		if (/[\r\n]/.test(begins) || begins.length > RECORD_BYTES_MAX) break;
	}
	// Of a record that cannot be read: those before it may still be on their way to the reader.
	let beginsAt = 1;
	const parser = parse({
		bom: true,
		delimiter: delimiterOf(begins),
		info: true,
		on_record: (record: string[], { lines }) => {
			beginsAt = lines + 1;
			return record;
		},
		max_record_size: RECORD_BYTES_MAX,
		relax_column_count: true,
	});
	const feeding = pipeline(
		Readable.from(
			(async function* () {
				yield begins;
				yield* decoded;
			})(),
		),
		parser,
	).catch(() => {});
	let line = 1;
	let records = 0;
	try {
		for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
			// The names of the columns are no line that changes anything.
			if (++records > FILE_LINES_MAX + 1)
				throw new UnreadableFileError(`The file has more than ${FILE_LINES_MAX.toLocaleString("en")} lines. Please split it.`);
			yield { line, cells: record };
			line = info.lines + 1;
		}
	} catch (error) {
		if (!(error instanceof CsvError)) throw error;
		throw new UnreadableFileError(sayCsvError(error, beginsAt), { cause: error });
	} finally {
		parser.destroy();
		await feeding;
	}
}

async function* decode(parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, encoding: Encoding): AsyncGenerator<string> {
	const decoder = new TextDecoder(encoding);
	for await (const part of parts) yield decoder.decode(part, { stream: true });
	yield decoder.decode();
}

/** The one that stands most often in the first line. */
function delimiterOf(text: string): string {
	const [first = ""] = text.split(/[\r\n]/, 1);
	const count = (char: string) => first.split(char).length;
	return [",", ";", "\t"].reduce((best, char) => (count(char) > count(best) ? char : best));
}

/** `line`: where the record that cannot be read begins. */
function sayCsvError(error: CsvError, line: number): string {
	switch (error.code) {
		case "CSV_QUOTE_NOT_CLOSED":
			return `Line ${line}: a cell begins with a quotation mark that is never closed, so the rest of the file cannot be told apart.`;
		case "CSV_MAX_RECORD_SIZE":
			return `Line ${line} is longer than ${RECORD_BYTES_MAX.toLocaleString("en")} characters; perhaps a quotation mark is not closed.`;
		default:
			return `Line ${line}: a quotation mark stands in the middle of a cell. Put the whole cell into quotation marks and double those inside.`;
	}
}
