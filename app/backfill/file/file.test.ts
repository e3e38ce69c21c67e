import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findColumns } from "./columns.ts";
import { readLine } from "./read-line.ts";
import { type CsvRecord, encodingOf, readRecords, UnreadableFileError } from "./read-records.ts";
import { type Facts, type ListingFact, makeRule, settleLine } from "./settle-line.ts";

const read = async (text: string | Uint8Array, partBytes = 7): Promise<CsvRecord[]> => {
	const bytes = typeof text === "string" ? Buffer.from(text) : text;
	const parts = Array.from({ length: Math.ceil(bytes.length / partBytes) }, (_, n) => bytes.subarray(n * partBytes, (n + 1) * partBytes));
	const records: CsvRecord[] = [];
	for await (const record of readRecords(parts, encodingOf(bytes))) records.push(record);
	return records;
};
const columnsOf = (head: string) => {
	const found = findColumns(head.split(","));
	if (found.outcome === "refused") throw new Error(found.reason);
	return found.columns;
};
const lineOf = (head: string, cells: string) => readLine(columnsOf(head), cells.split(","));

describe("R35 a file as spreadsheets write it", () => {
	test.each([",", ";", "\t"])(
		"R35 whatever stands in its cells, it is read as it was written, in parts cut anywhere (%j)",
		async (delimiter) => {
			const cell = fc.string({ unit: fc.constantFrom("a", "é", "日", "🦊", '"', ",", ";", "\t", "\n", " ", "=", "'"), maxLength: 12 });
			const rows = fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 8 });
			const end = fc.constantFrom("\n", "\r\n");
			await fc.assert(
				fc.asyncProperty(rows, end, fc.integer({ min: 1, max: 40 }), fc.boolean(), async (all, eol, partBytes, mark) => {
					const head = ["SKU", "Quantity", "Channel"].join(delimiter);
					const quoted = all.map((row) => row.map((one) => `"${one.replaceAll('"', '""')}"`).join(delimiter));
					const records = await read(`${mark ? "\uFEFF" : ""}${[head, ...quoted].join(eol)}${eol}`, partBytes);
					expect(records.map(({ cells }) => cells)).toEqual([["SKU", "Quantity", "Channel"], ...all]);
					let line = 2;
					for (const [n, row] of all.entries()) {
						expect(records[n + 1]?.line).toBe(line);
						line += 1 + row.reduce((sum, one) => sum + one.split("\n").length - 1, 0);
					}
				}),
				{ numRuns: 100 },
			);
		},
	);

	test("R35 Windows-1252, UTF-8 and UTF-16 are told apart, and read as what they are", async () => {
		const latin = Buffer.from("SKU,Channel\nCAF\xc9-1,x\n", "latin1");
		expect(encodingOf(latin)).toBe("windows-1252");
		expect((await read(latin))[1]?.cells[0]).toBe("CAFÉ-1");
		expect(encodingOf(Buffer.from("SKU\nCAFÉ"))).toBe("utf-8");
		expect((await read("SKU,Channel\nCAFÉ-1,x", 1))[1]?.cells[0]).toBe("CAFÉ-1");
		const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("SKU\tQuantity\nCAFÉ-1\t3\n", "utf16le")]);
		expect(encodingOf(wide)).toBe("utf-16le");
		expect((await read(wide, 3)).map(({ cells }) => cells)).toEqual([
			["SKU", "Quantity"],
			["CAFÉ-1", "3"],
		]);
	});

	test("R35 a quotation mark that is never closed, or stands in the middle, is told with its line", async () => {
		await expect(read('SKU,Quantity\nA,1\n"B,2\nC,3\n')).rejects.toThrow(/^Line 3: .*never closed/);
		await expect(read('SKU,Quantity\nA,1\nB 5" long,2\n')).rejects.toThrow(/^Line 3: a quotation mark stands in the middle/);
		await expect(read('SKU,Quantity\n"A"x,1\n')).rejects.toThrow(/^Line 2: /);
		await expect(read(`SKU,Quantity\nA,1\n"${"x".repeat(70_000)}",1\n`, 10_000)).rejects.toThrow(/^Line 3 is longer/);
		await expect(read('SKU\n"', 1)).rejects.toBeInstanceOf(UnreadableFileError);
	});

	test("R35 any bytes at all are read or refused with a sentence, and never anything else", async () => {
		await fc.assert(
			fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
				const text = Buffer.concat([Buffer.from("SKU,Quantity\n"), bytes]);
				await read(text).catch((error: unknown) => {
					if (!(error instanceof UnreadableFileError) || !/^Line \d+/.test(error.message)) throw error;
				});
			}),
			{ numRuns: 300 },
		);
	});
});

describe("R35 its columns, by their names", () => {
	test("R35 in any order and spelling; what means nothing is told, what our own file says for readers is not", () => {
		const found = findColumns([" quantity ", "Colour", "sku", "SKU  on channel", "Product", "Held back", ""]);
		expect(found).toMatchObject({ outcome: "found", unknown: ["Colour"] });
		expect(found.outcome === "found" && [...found.columns]).toEqual([
			["quantity", 0],
			["sku", 2],
			["channelSku", 3],
		]);
	});

	test.each([
		[["Quantity"], /no column “SKU”/],
		[["SKU", "Colour"], /changes nothing/],
		[["SKU", "Quantity", "quantity"], /Two columns are called “Quantity”/],
		[["1234", "5"], /no column “SKU”/],
	])("R35 refused: %j", (head, reason) => {
		expect(findColumns(head)).toEqual({ outcome: "refused", reason: expect.stringMatching(reason) });
	});
});

describe("R35 its lines, one by one", () => {
	test.each([
		["SKU,Quantity", "A,abc", "Quantity “abc” is not a whole number."],
		["SKU,Quantity", "A,1.5", "Quantity “1.5” is not a whole number."],
		["SKU,Quantity", "A,=1+2", "Quantity “=1+2” is not a whole number."],
		["SKU,Quantity", "A,-3", "Quantity is below zero."],
		["SKU,Quantity", "A,2000000000", "Quantity is more than 1,000,000,000."],
		["SKU,Change", "A,x", "Change “x” is not a whole number, as +3 or -2."],
		["SKU,Quantity,Change", "A,3,+1", "Quantity and Change are both filled in; only one of them can count."],
		["SKU,Quantity", ",3", "The line names no product: its SKU is empty."],
		["SKU,Paused", "A,maybe", "Paused “maybe” is neither yes nor no."],
		["SKU,Rule", "A,half", "Rule “half” is none of exact, buffer, percentage, fixed and channel's."],
		["SKU,Percentage", "A,101", "Percentage is more than 100."],
	])("R35 %s / %s", (head, cells, problem) => {
		expect(lineOf(head, cells)).toMatchObject({ problems: [problem] });
	});

	test("R35 several things wrong in one line are told together; an empty one is passed over", () => {
		expect(lineOf("SKU,Quantity,Paused", "A,x,y")).toMatchObject({ problems: [expect.any(String), expect.any(String)], sku: "A" });
		expect(lineOf("SKU,Quantity", " , ")).toBe("empty");
	});

	test("R35 a mark against formulas is no part of what is meant; Shopify's long ids are", () => {
		expect(lineOf("SKU,Change", "'=SKU,'+3")).toMatchObject({ wish: { key: { by: "sku", value: "=SKU" }, quantity: { by: 3 } } });
		expect(lineOf("SKU,Variant ID,Quantity", "A,gid://shopify/ProductVariant/77,3.0")).toMatchObject({
			wish: { key: { by: "variant", value: "77" }, quantity: { to: 3 } },
		});
	});
});

describe("R12 what a line makes of a rule", () => {
	test.each([
		[null, { buffer: 3 }, { kind: "buffer", buffer: 3 }],
		[null, { minimum: 2 }, { kind: "exact", minimum: 2 }],
		[null, { kind: "channel" }, null],
		[null, { minimum: null, maximum: null }, null],
		[{ kind: "buffer", buffer: 3, minimum: 1 }, { maximum: 9 }, { kind: "buffer", buffer: 3, minimum: 1, maximum: 9 }],
		[{ kind: "buffer", buffer: 3, minimum: 1 }, { minimum: null }, { kind: "buffer", buffer: 3 }],
		[{ kind: "buffer", buffer: 3 }, { kind: "exact" }, { kind: "exact" }],
		[{ kind: "fixed", fixed: 3 }, { kind: "channel" }, null],
		[{ kind: "exact" }, { kind: "exact", buffer: 2 }, { kind: "buffer", buffer: 2 }],
	] as const)("R12 %j and %j make %j", (now, wish, to) => {
		expect(makeRule(now, wish)).toEqual({ to });
	});

	test.each([
		[{ kind: "percentage" }, /needs a figure/],
		[{ kind: "percentage", buffer: 1 }, /is filled in/],
		[{ buffer: 1, fixed: 2 }, /only one/],
	] as const)("R12 %j says two things, or half of one", (wish, reason) => {
		expect(makeRule(null, wish)).toMatch(reason);
	});
});

const LISTING: ListingFact = {
	...{ id: 7, connectionId: 2, sku: "W-A", itemId: 1, policy: null, paused: false, notLive: false, follows: false },
};
const facts = (over: Partial<Facts> = {}): Facts => ({
	items: ({ value }) => (value === "A" ? [{ id: 1, tracked: true, bundle: false }] : []),
	alike: () => [],
	net: (_, locationId) => (locationId === 10 ? 5 : undefined),
	locations: [
		{ id: 10, name: "Main" },
		{ id: 11, name: "Attic" },
	],
	channels: [{ id: 2, name: "Woo" }],
	listingsOf: () => [LISTING],
	listingsBySku: () => [LISTING],
	...over,
});
const settle = (head: string, cells: string, over: Partial<Facts> = {}) => {
	const line = lineOf(head, cells);
	if (line === "empty" || !("wish" in line)) throw new Error("not a line");
	return settleLine(line.wish, facts(over));
};

describe("R27 what a line comes to in this shop", () => {
	test("R27 a figure is a difference to what is seen; one that stands already is none, also where units are owed", () => {
		const at = { itemId: 1, locationId: 10, seen: 5 };
		expect(settle("SKU,Quantity", "A,8")).toEqual({ quantity: { ...at, to: 8, units: 3 }, listings: [] });
		expect(settle("SKU,Change", "A,-2")).toEqual({ quantity: { ...at, to: null, units: -2 }, listings: [] });
		expect(settle("SKU,Quantity", "A,5")).toMatchObject({ quantity: { units: 0 } });
		expect(settle("SKU,Quantity", "A,0", { net: () => -3 })).toMatchObject({ quantity: { units: 0 } });
		expect(settle("SKU,Quantity", "A,4", { net: () => -3 })).toMatchObject({ quantity: { units: 7 } });
		expect(settle("SKU,Quantity,Location", "A,8, main ")).toMatchObject({ quantity: { locationId: 10 } });
	});

	test.each([
		["SKU,Quantity", "B,1", {}, /^No product in Shopify has the SKU B\.$/],
		["SKU,Quantity", "1,1", { alike: () => ["001"] }, /Did you mean 001\? Spreadsheets drop leading zeros/],
		[
			"SKU,Quantity",
			"A,1",
			{
				items: () => [
					{ id: 1, tracked: true, bundle: false },
					{ id: 2, tracked: true, bundle: false },
				],
			},
			/^2 products in Shopify have the SKU A/,
		],
		["SKU,Quantity", "A,1", { items: () => [{ id: 1, tracked: false, bundle: false }] }, /does not count/],
		["SKU,Quantity", "A,1", { items: () => [{ id: 1, tracked: true, bundle: true }] }, /bundle/],
		["SKU,Quantity,Location", "A,1,Moon", {}, /no location “Moon”/],
		["SKU,Quantity,Location", "A,1,Attic", {}, /not stocked at “Attic”/],
		["SKU,Buffer,Channel", "A,1,Moon", {}, /no channel “Moon”/],
		["SKU,Buffer,Channel", "A,1,Woo", { listingsOf: () => [] }, /not for sale on Woo/],
		["SKU,Paused", "A,no", { listingsOf: () => [{ ...LISTING, paused: true, notLive: true }] }, /not live yet/],
		["SKU,Linked,Channel,SKU on channel", "A,yes,Woo,X", { listingsBySku: () => [] }, /no listing with the SKU X/],
		["SKU,Linked,Channel,SKU on channel", "A,yes,Woo,X", { listingsBySku: () => [{ ...LISTING, itemId: 9 }] }, /another product/],
		["SKU,Linked", "A,yes", {}, /must be filled in/],
	] as const)("R27 told in words: %s / %s", (head, cells, over, problem) => {
		expect(settle(head, cells, over as Partial<Facts>)).toEqual({ problem: expect.stringMatching(problem) });
	});

	test("R27 links, unlinks, and what is so already", () => {
		const HEAD = "SKU,Linked,Channel,SKU on channel";
		const free = { listingsBySku: () => [{ ...LISTING, itemId: null }] };
		expect(settle(HEAD, "A,yes,Woo,W-A", free)).toMatchObject({ listings: [{ listingId: 7, link: { to: 1 }, changes: true }] });
		expect(settle(HEAD, "A,no,Woo,W-A")).toMatchObject({ listings: [{ listingId: 7, link: { to: null }, changes: true }] });
		expect(settle(HEAD, "A,yes,Woo,W-A")).toMatchObject({ listings: [{ listingId: 7, link: null, changes: false }] });
		expect(settle(HEAD, "A,no,Woo,W-A", free)).toEqual({ quantity: null, listings: [] });
	});
});
