import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { amazonAnswer } from "../../../tests/kit/amazon-models.ts";
import { createAmazonReplay } from "../../../tests/kit/amazon-replay.ts";
import type { RemoteListing } from "../channel.ts";
import { ChannelUnavailableError, RateLimitedError, UnexpectedShapeError } from "../errors.ts";
import { amazon } from "./index.ts";
import { readLines } from "./report-lines.ts";

const [US, JP] = ["ATVPDKIKX0DER", "A1VC38T7YXB528"];
/** The columns of GET_MERCHANT_LISTINGS_ALL_DATA in Amazon's order (report-type-values-inventory). */
const HEADER =
	"item-name\titem-description\tlisting-id\tseller-sku\tprice\tquantity\topen-date\timage-url\titem-is-marketplace\tproduct-id-type\tzshop-shipping-fee\titem-note\titem-condition\tzshop-category1\tzshop-browse-path\tzshop-storefront-feature\tasin1\tasin2\tasin3\twill-ship-internationally\texpedited-shipping\tzshop-boldface\tproduct-id\tbid-for-featured-placement\tadd-delete\tpending-quantity\tfulfillment-channel\tmerchant-shipping-group\tstatus";
const line = (cells: Record<string, string>) =>
	HEADER.split("\t")
		.map((name) => cells[name] ?? "")
		.join("\t");

let replay: Awaited<ReturnType<typeof createAmazonReplay>>;
beforeAll(async () => {
	replay = await createAmazonReplay();
});
afterAll(() => replay.close());
beforeEach(() => {
	replay.requests.length = 0;
});

type File = { body: Buffer | string; contentType?: string; gzip?: boolean; url?: string; status?: number };
function prepared(file: File, states: readonly string[] = ["DONE"]) {
	const left = [...states];
	replay.answer(({ url }) => {
		if (url.host === "reports.example") {
			return { status: file.status ?? 200, headers: { "content-type": file.contentType ?? "text/plain;charset=UTF-8" }, body: file.body };
		}
		if (url.pathname.endsWith("/reports")) return amazonAnswer("createReport", { reportId: "R1" }, 202);
		if (url.pathname.includes("/documents/")) {
			const address = file.url ?? "https://reports.example/file?X-Amz-Signature=abc";
			return amazonAnswer("getReportDocument", {
				reportDocumentId: "D1",
				url: address,
				...(file.gzip ? { compressionAlgorithm: "GZIP" } : {}),
			});
		}
		const processingStatus = left.length > 1 ? left.shift() : left[0];
		return amazonAnswer("getReport", {
			reportId: "R1",
			reportType: "GET_MERCHANT_LISTINGS_ALL_DATA",
			createdTime: "2026-11-21T09:59:00Z",
			processingStatus,
			...(processingStatus === "DONE" ? { reportDocumentId: "D1" } : {}),
		});
	});
}
async function listed(marketplaceIds = US): Promise<RemoteListing[][]> {
	const client = amazon.connect({
		account: "A3TH9S8BH6GOGM",
		credentials: { region: marketplaceIds.includes(JP) ? "FE" : "NA", marketplaceIds },
		accessToken: async () => "Atza|token-of-the-hour",
	});
	const pages: RemoteListing[][] = [];
	for await (const page of client.listListings()) pages.push(page);
	return pages;
}

describe("the report of all listings", () => {
	test("asked for, waited for, fetched, unpacked; FBA and unfinished rows told apart", async () => {
		const rows = [
			line({
				"item-name": 'Tea 5" tin',
				"seller-sku": "TEA/1",
				quantity: "7",
				"product-id": "4006381333931",
				"product-id-type": "4",
				"fulfillment-channel": "DEFAULT",
				status: "Active",
				"pending-quantity": "2",
			}),
			line({
				"item-name": "Pot",
				"seller-sku": "POT",
				quantity: "",
				"product-id": "B0XXXXXXX",
				"product-id-type": "1",
				"fulfillment-channel": "AMAZON_NA",
				status: "Active",
			}),
			line({ "item-name": "Old FBA", "seller-sku": "OLD", quantity: "3", "fulfillment-channel": "AMAZON_NA", status: "Active" }),
			line({ "item-name": "Never filled", "seller-sku": "NEW", quantity: "", "fulfillment-channel": "DEFAULT", status: "Inactive" }),
			line({ "item-name": "Sold out", "seller-sku": "OUT", quantity: "0", "fulfillment-channel": "DEFAULT", status: "Inactive" }),
			line({ "item-name": "Draft", "seller-sku": "DRAFT", quantity: "1", "fulfillment-channel": "DEFAULT", status: "Incomplete" }),
		];
		prepared({ body: gzipSync([HEADER, ...rows].join("\r\n")), gzip: true }, ["IN_QUEUE", "IN_PROGRESS", "DONE"]);
		const [page, ...more] = await listed();
		expect(more).toEqual([]);
		const common = { parentExternalId: null, barcode: null };
		expect(page).toEqual([
			{ ...common, externalId: `${US}/TEA/1`, sku: "TEA/1", barcode: "4006381333931", title: 'Tea 5" tin', quantity: 7, managed: true },
			{ ...common, externalId: `${US}/POT`, sku: "POT", title: "Pot", quantity: null, managed: false },
			{ ...common, externalId: `${US}/OLD`, sku: "OLD", title: "Old FBA", quantity: null, managed: false },
			{ ...common, externalId: `${US}/NEW`, sku: "NEW", title: "Never filled", quantity: null, managed: false },
			{ ...common, externalId: `${US}/OUT`, sku: "OUT", title: "Sold out", quantity: 0, managed: true },
		]);
		expect(replay.requests.map(({ method, url }) => `${method} ${url.pathname}`)).toEqual([
			"POST /reports/2021-06-30/reports",
			"GET /reports/2021-06-30/reports/R1",
			"GET /reports/2021-06-30/reports/R1",
			"GET /reports/2021-06-30/reports/R1",
			"GET /reports/2021-06-30/documents/D1",
			"GET /file",
		]);
		expect(replay.requests[0]?.body).toEqual({ reportType: "GET_MERCHANT_LISTINGS_ALL_DATA", marketplaceIds: [US] });
		// The file's address is signed by itself: our token stays with Amazon.
		expect(replay.requests.at(-1)?.headers["x-amz-access-token"]).toBeUndefined();
	}, 20_000);

	test("one report per marketplace; a large one comes in pages", async () => {
		const rows = Array.from({ length: 1_201 }, (_, index) =>
			line({ "seller-sku": `S${index}`, quantity: "1", "fulfillment-channel": "DEFAULT" }),
		);
		prepared({ body: `${[HEADER, ...rows].join("\n")}\n` });
		const pages = await listed(`${US},A2EUQ1WTGCTBG2`);
		expect(pages.map(({ length }) => length)).toEqual([500, 500, 201, 500, 500, 201]);
		expect(pages[3]?.[0]?.externalId).toBe("A2EUQ1WTGCTBG2/S0");
		expect(replay.requests.filter(({ method }) => method === "POST")).toHaveLength(2);
	}, 20_000);

	test("refused at the first step it says so at once; once begun it waits for its turn", async () => {
		prepared({ body: `${HEADER}\n${line({ "seller-sku": "A", quantity: "1", "fulfillment-channel": "DEFAULT" })}` });
		const answering = replay.current();
		const refused = {
			status: 429,
			body: { errors: [{ code: "QuotaExceeded", message: "slow down" }] },
			headers: { "x-amzn-ratelimit-limit": "20" },
		};
		replay.answer(() => refused);
		await expect(listed()).rejects.toThrow(RateLimitedError);
		expect(replay.requests).toHaveLength(1);
		const slow = new Set(["/documents/", "/reports/R1"]);
		replay.answer((request) => {
			for (const part of slow) if (request.url.pathname.includes(part) && slow.delete(part)) return refused;
			return answering(request);
		});
		expect((await listed())[0]).toHaveLength(1);
		expect(slow.size).toBe(0);
	});

	test("nothing to put into a report is no listings", async () => {
		prepared({ body: "" }, ["CANCELLED"]);
		expect(await listed()).toEqual([]);
	});

	test.each([
		["Amazon gave up", { body: "" }, ["FATAL"], ChannelUnavailableError, /could not make the report/],
		["the file is gone", { body: "x", status: 403 }, ["DONE"], ChannelUnavailableError, /not there \(403\)/],
		[
			"the file is not packed although it says so",
			{ body: "item-name", gzip: true },
			["DONE"],
			ChannelUnavailableError,
			/cannot be unpacked/,
		],
		[
			"a file that breaks off",
			{ body: gzipSync(HEADER.repeat(50)).subarray(0, 60), gzip: true },
			["DONE"],
			ChannelUnavailableError,
			/cannot be unpacked/,
		],
		["an empty file", { body: "" }, ["DONE"], UnexpectedShapeError, /no line of column names/],
		[
			"columns of another report",
			{ body: "sku\tasin\tprice\tquantity\n" },
			["DONE"],
			UnexpectedShapeError,
			/no column seller-sku, item-name, fulfillment-channel/,
		],
		[
			"a quantity that is none",
			{ body: `${HEADER}\n${line({ "seller-sku": "A", quantity: "many", "fulfillment-channel": "DEFAULT" })}` },
			["DONE"],
			UnexpectedShapeError,
			/quantity of A/,
		],
		[
			"an unknown encoding",
			{ body: HEADER, contentType: "text/plain; charset=x-nonsense" },
			["DONE"],
			UnexpectedShapeError,
			/encoding "x-nonsense"/,
		],
	] as const)("R32 %s: told, never half a catalogue", async (_, file, states, kind, message) => {
		prepared(file, states);
		const error = await listed().catch((thrown: unknown) => thrown);
		expect(error).toBeInstanceOf(kind);
		expect((error as Error).message).toMatch(message);
		expect((error as Error).message).not.toContain("X-Amz-Signature");
	});

	test("an address that leads into our own network is not asked", async () => {
		prepared({ body: "", url: "https://127.0.0.1/file" });
		const error = await listed().catch((thrown: unknown) => thrown);
		expect(error).toMatchObject({ code: "unsafe-host", errorClass: "unavailable" });
	});
});

describe("the encoding", () => {
	const name = "緑茶 カン";
	/** Shift_JIS of that name; Node can only decode it. */
	const sjis = Buffer.from([0x97, 0xce, 0x92, 0x83, 0x20, 0x83, 0x4a, 0x83, 0x93]);
	const table = (title: Buffer) =>
		Buffer.concat([Buffer.from("item-name\tseller-sku\tquantity\tfulfillment-channel\n"), title, Buffer.from("\tA\t1\tDEFAULT\n")]);
	const titleOf = async (file: File, marketplace = US) => {
		prepared(file);
		return (await listed(marketplace))[0]?.[0]?.title;
	};
	test.each([
		["UTF-8, as said", { body: table(Buffer.from("Thé vert")), contentType: "text/plain;charset=UTF-8" }, US, "Thé vert"],
		["Cp1252, as said", { body: table(Buffer.from("Th\xe9 \x80", "latin1")), contentType: "text/plain; charset=Cp1252" }, US, "Thé €"],
		["Shift_JIS, as said", { body: table(sjis), contentType: 'text/plain; charset="Shift_JIS"' }, JP, name],
		["not said: Japan's old one", { body: table(sjis), contentType: "text/plain" }, JP, name],
		["not said: the West's old one", { body: table(Buffer.from("Th\xe9", "latin1")), contentType: "application/octet-stream" }, US, "Thé"],
		["not said, but UTF-8", { body: table(Buffer.from("Thé")), contentType: "text/plain" }, US, "Thé"],
		["with a byte order mark", { body: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), table(Buffer.from("Thé"))]) }, US, "Thé"],
	])("%s", async (_, file, marketplace, title) => {
		expect(await titleOf(file, marketplace)).toBe(title);
	});

	test("Japan's column names are known", async () => {
		const header = "商品名\t出品ID\t出品者SKU\t価格\t数量\tフルフィルメント・チャンネル\tステータス";
		prepared({ body: `${header}\n${name}\t1\tJP-1\t100\t3\tDEFAULT\tActive\n` });
		expect((await listed(JP))[0]).toEqual([
			{ externalId: `${JP}/JP-1`, parentExternalId: null, sku: "JP-1", barcode: null, title: name, quantity: 3, managed: true },
		]);
	});

	test("lines are whole however the bytes are cut, and a line without end is not collected for ever", async () => {
		const bytes = Buffer.from("a\r\nüb\n\nlast");
		async function* one(size: number) {
			for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
		}
		for (const size of [1, 2, 3, 5, 100]) {
			const lines: string[] = [];
			for await (const text of readLines(one(size), { gzip: false, charset: () => undefined, fallback: "windows-1252" })) lines.push(text);
			expect(lines).toEqual(["a", "üb", "", "last"]);
		}
		let given = 0;
		async function* endless() {
			for (;;) {
				given += 64 * 1024;
				yield Buffer.alloc(64 * 1024, "x");
			}
		}
		const reading = readLines(endless(), { gzip: false, charset: () => undefined, fallback: "windows-1252" });
		await expect(reading.next()).rejects.toThrow(UnexpectedShapeError);
		expect(given).toBe(320 * 1024);
	});
});
