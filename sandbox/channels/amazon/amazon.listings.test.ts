import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CANADA, createStage, type Json, type Stage, US } from "./contract/stage.ts";

let stage: Stage;
afterEach(() => stage.close());

const TEA = { sku: "TEA", title: "Green tea", price: "5.00", quantity: 10, leadTimeDays: 3 };
const item = (sku: string, query = "") =>
	`/listings/2021-08-01/items/${stage.seller.id}/${encodeURIComponent(sku)}?marketplaceIds=${US}${query}`;
const read = (sku: string, data = "summaries,fulfillmentAvailability,issues,attributes") =>
	stage.api("GET", item(sku, `&includedData=${data}`));
const availability = (quantity: unknown, more: Record<string, unknown> = {}) => [
	{ fulfillment_channel_code: "DEFAULT", quantity, ...more },
];
const patch = (
	sku: string,
	value: unknown,
	{ op = "merge", query = "", productType = "PRODUCT", path = "/attributes/fulfillment_availability" } = {},
) => stage.api("PATCH", item(sku, query), { body: { productType, patches: [{ op, path, value }] } });
const figure = async (sku: string) => (await read(sku)).json.fulfillmentAvailability[0].quantity;
const rules = () => stage.world.books.violations("amazon").map(({ rule }) => rule);

describe("patchListingsItem", () => {
	it("is accepted now and applied later; until then everybody reads the old figure", async () => {
		stage = await createStage({ patchMs: [30_000, 30_000] });
		stage.world.books.open("TEA", 4);
		stage.seller.seed([TEA]);
		const { status, json } = await patch("TEA", availability(4), { query: "&includedData=issues" });
		expect([status, json]).toEqual([200, { sku: "TEA", status: "ACCEPTED", submissionId: expect.any(String), issues: [] }]);
		expect([await figure("TEA"), stage.seller.shown("TEA"), stage.amazon.waiting().submissions]).toEqual([10, 10, 1]);
		await stage.pass(29_999);
		expect(await figure("TEA")).toBe(10);
		await stage.pass(1);
		expect([await figure("TEA"), stage.world.books.shown("amazon", "TEA"), stage.amazon.waiting().submissions]).toEqual([4, 4, 0]);
		expect([rules(), stage.world.books.outOfStep("amazon")]).toEqual([[], []]);
	});

	it("a number overwrites the sales that came between acceptance and work", async () => {
		stage = await createStage({ patchMs: [30_000, 30_000] });
		stage.seller.seed([TEA]);
		await patch("TEA", availability(8));
		stage.seller.checkout({ lines: [{ sku: "TEA", quantity: 3 }] });
		expect(stage.seller.shown("TEA")).toBe(7);
		await stage.pass(30_000);
		expect(stage.seller.shown("TEA")).toBe(8);
	});

	it("keeps the order of acceptance, whatever each delay is", async () => {
		stage = await createStage({ patchMs: [0, 60_000] });
		stage.seller.seed([TEA]);
		const seen: number[] = [];
		stage.world.books.watch(({ kind }) => {
			if (kind === "showed") seen.push(stage.world.books.shown("amazon", "TEA") ?? -1);
		});
		for (const quantity of [1, 2, 3, 4, 5]) await patch("TEA", availability(quantity));
		await stage.pass(60_000);
		expect(seen).toEqual([1, 2, 3, 4, 5]);
	});

	it("merge keeps the handling time, replace wipes it and is remembered", async () => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		const attributes = async () => (await read("TEA")).json.attributes.fulfillment_availability[0];
		await patch("TEA", availability(4));
		expect(await attributes()).toEqual({ fulfillment_channel_code: "DEFAULT", quantity: 4, lead_time_to_ship_max_days: 3 });
		await patch("TEA", availability(5, { lead_time_to_ship_max_days: 2 }), { op: "replace" });
		expect([await attributes(), rules()]).toEqual([
			{ fulfillment_channel_code: "DEFAULT", quantity: 5, lead_time_to_ship_max_days: 2 },
			[],
		]);
		await patch("TEA", availability(6), { op: "replace" });
		expect([await attributes(), rules()]).toEqual([{ fulfillment_channel_code: "DEFAULT", quantity: 6 }, ["handling time wiped"]]);
	});

	it("a preview answers VALID or INVALID and changes nothing", async () => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		const valid = await patch("TEA", availability(1), { query: "&mode=VALIDATION_PREVIEW&includedData=identifiers,issues" });
		expect(valid.json).toMatchObject({
			status: "VALID",
			issues: [],
			identifiers: [{ marketplaceId: US, asin: expect.stringMatching(/^B0/) }],
		});
		expect((await patch("TEA", availability(-1), { query: "&mode=VALIDATION_PREVIEW" })).json.status).toBe("INVALID");
		expect(stage.seller.shown("TEA")).toBe(10);
	});

	it.each([
		["a quantity below zero", availability(-1), {}, "90000900"],
		["half a piece", availability(1.5), {}, "90000900"],
		["no channel code", [{ quantity: 1 }], {}, "90220"],
		["an unknown channel code", [{ fulfillment_channel_code: "SHELF", quantity: 1 }], {}, "99011"],
		["another attribute", [{ value: "Tea" }], { path: "/attributes/fulfillmentAvailability" }, "90000900"],
		["another product type", availability(1), { productType: "SHOES" }, "90000902"],
	])("answers INVALID to %s", async (_, value, how, code) => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		const { status, json } = await patch("TEA", value, how);
		expect([status, json.status, json.issues.map((i: Json) => [i.code, i.severity])]).toEqual([200, "INVALID", [[code, "ERROR"]]]);
		expect([stage.seller.shown("TEA"), stage.amazon.waiting().submissions]).toEqual([10, 0]);
	});

	it.each([
		["a nested path", { productType: "PRODUCT", patches: [{ op: "merge", path: "/attributes/a/b", value: [{}] }] }],
		[
			"a value that is no list",
			{ productType: "PRODUCT", patches: [{ op: "merge", path: "/attributes/fulfillment_availability", value: {} }] },
		],
		["patches that are no list", { productType: "PRODUCT", patches: { op: "merge" } }],
		["no product type", { patches: [{ op: "merge", path: "/attributes/fulfillment_availability", value: [] }] }],
	])("answers 400 to %s", async (_, body) => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		const { status, json } = await stage.api("PATCH", item("TEA"), { body });
		expect([status, json.errors[0].code, rules()]).toEqual([400, "InvalidInput", ["invalid request"]]);
	});

	it("an unknown SKU is 404, or accepted without any effect", async () => {
		stage = await createStage();
		const unknown = await patch("NO/SUCH SKU", availability(1));
		expect([unknown.status, unknown.json.errors[0]]).toEqual([
			404,
			{ code: "NOT_FOUND", message: `SKU 'NO/SUCH SKU' not found in marketplace ${US}`, details: "" },
		]);
		await stage.close();
		stage = await createStage({ unknownSku: "accepted" });
		expect((await patch("NO/SUCH SKU", availability(1))).json.status).toBe("ACCEPTED");
		expect((await read("NO/SUCH SKU")).status).toBe(404);
	});

	it("never touches what Amazon ships, and remembers the attempt", async () => {
		stage = await createStage();
		stage.seller.seed([TEA, { sku: "TEA-FBA", fba: 6 }]);
		const code = "AMAZON_NA";
		expect((await patch("TEA-FBA", [{ fulfillment_channel_code: code, quantity: 1 }])).json.status).toBe("INVALID");
		expect((await patch("TEA-FBA", availability(1))).json.status).toBe("INVALID");
		expect((await patch("TEA", [{ fulfillment_channel_code: code, quantity: 1 }])).json.status).toBe("INVALID");
		expect([rules(), stage.seller.shown("TEA-FBA"), stage.seller.shown("TEA")]).toEqual([Array(3).fill("FBA stock written"), 6, 10]);
	});

	it("a seller with several locations has no DEFAULT", async () => {
		stage = await createStage({}, { supplySource: "d7679e14-031b-4ab3-a81b-ec4fc7a460b3" });
		stage.seller.seed([TEA]);
		expect((await read("TEA")).json.fulfillmentAvailability).toEqual([
			{ fulfillmentChannelCode: "d7679e14-031b-4ab3-a81b-ec4fc7a460b3", quantity: 10 },
		]);
		expect((await patch("TEA", availability(1))).json.status).toBe("INVALID");
	});

	it("refuses another seller's id and another account's store", async () => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		expect((await stage.api("GET", `/listings/2021-08-01/items/AOTHER/TEA?marketplaceIds=${US}`)).status).toBe(400);
		expect((await stage.api("GET", `/listings/2021-08-01/items/${stage.seller.id}/TEA?marketplaceIds=${CANADA}`)).status).toBe(400);
		expect((await stage.api("GET", `/listings/2021-08-01/items/${stage.seller.id}/TEA`)).status).toBe(400);
	});
});

describe("what becomes of an accepted write", () => {
	it("it may be refused later: the figure stays and the listing carries an issue, until a write succeeds", async () => {
		stage = await createStage({ patchMs: [10_000, 10_000] });
		stage.seller.seed([TEA]);
		stage.amazon.nextSubmission({ kind: "refused-later" });
		expect((await patch("TEA", availability(4))).json.status).toBe("ACCEPTED");
		await stage.pass(10_000);
		const { json } = await read("TEA");
		expect([json.fulfillmentAvailability[0].quantity, json.issues.map((i: Json) => i.severity)]).toEqual([10, ["ERROR"]]);
		await patch("TEA", availability(4));
		await stage.pass(10_000);
		expect([await figure("TEA"), (await read("TEA")).json.issues]).toEqual([4, []]);
	});

	it("it is without effect when the offer is gone by then", async () => {
		stage = await createStage({ patchMs: [10_000, 10_000] });
		stage.seller.seed([TEA]);
		await stage.subscribe("LISTINGS_ITEM_MFN_QUANTITY_CHANGE");
		await patch("TEA", availability(4));
		stage.seller.deleteListing("TEA");
		await stage.pass(10_000);
		expect([await stage.drain(), stage.world.books.shown("amazon", "TEA"), (await read("TEA")).status]).toEqual([[], 0, 404]);
	});

	it("it may be overtaken by a newer one and land on top of it", async () => {
		stage = await createStage({ patchMs: [1_000, 1_000] });
		stage.seller.seed([TEA]);
		stage.amazon.nextSubmission({ kind: "overtaken", delayMs: 60_000 });
		await patch("TEA", availability(3));
		await patch("TEA", availability(7));
		await stage.pass(1_000);
		expect(await figure("TEA")).toBe(7);
		await stage.pass(59_000);
		expect(await figure("TEA")).toBe(3);
	});
});

describe("faults", () => {
	it("FAIL-429 and FAIL-500 misbehave without any set-up", async () => {
		stage = await createStage();
		stage.seller.seed([TEA, { sku: "FAIL-429", quantity: 1 }, { sku: "FAIL-500", quantity: 1 }]);
		expect([(await patch("FAIL-429", availability(1))).status, (await read("FAIL-500")).status, (await read("TEA")).status]).toEqual([
			429, 500, 200,
		]);
		expect(rules()).toEqual([]);
	});

	it.each([
		[429, "QuotaExceeded"],
		[500, "InternalFailure"],
		[503, "ServiceUnavailable"],
	] as const)("answers %i as told, once, for one operation", async (status, code) => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		stage.world.faults.next("amazon", 1, { kind: "status", status }, (operation) => operation === "patchListingsItem");
		expect((await read("TEA")).status).toBe(200);
		const refused = await patch("TEA", availability(1));
		expect([refused.status, refused.json.errors[0].code, stage.seller.shown("TEA")]).toEqual([status, code, 10]);
		expect((await patch("TEA", availability(1))).status).toBe(200);
		expect([
			rules(),
			stage.world.books
				.calls("amazon")
				.filter((c) => c.operation === "patchListingsItem")
				.map((c) => c.status),
		]).toEqual([[], [status, 200]]);
	});

	it("answers with a gateway's page, or slowly", async () => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		await read("TEA");
		stage.world.faults.next("amazon", 1, { kind: "html" });
		const page = await read("TEA");
		expect([page.status, page.headers["content-type"], page.json]).toEqual([200, "text/html", null]);
		stage.world.faults.next("amazon", 1, { kind: "slow", delayMs: 5_000 });
		let answered = false;
		const slow = patch("TEA", availability(1)).then((reply) => {
			answered = true;
			return reply;
		});
		while (!answered) await stage.pass(1_000);
		const took = stage.world.books.calls("amazon").at(-1)?.tookMs ?? 0;
		expect([(await slow).status, took >= 5_000 && took <= 6_000, stage.seller.shown("TEA")]).toEqual([200, true, 1]);
	});

	it("a silent write had its effect or had none, and an old one lands late", async () => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		const silent = () => stage.world.books.calls("amazon").filter((c) => c.status === 0).length;
		await read("TEA");
		stage.world.faults.next("amazon", 1, { kind: "timeout", effect: "none" });
		patch("TEA", availability(1)).catch(() => {});
		await vi.waitFor(() => expect(silent()).toBe(1));
		expect(stage.seller.shown("TEA")).toBe(10);
		stage.world.faults.next("amazon", 1, { kind: "timeout", effect: "before" });
		patch("TEA", availability(2)).catch(() => {});
		await vi.waitFor(() => expect(silent()).toBe(2));
		expect(stage.seller.shown("TEA")).toBe(2);
		stage.world.faults.next("amazon", 1, { kind: "lands-late", delayMs: 20_000 });
		await expect(patch("TEA", availability(3))).rejects.toThrow();
		await patch("TEA", availability(4));
		expect(stage.seller.shown("TEA")).toBe(4);
		await stage.pass(20_000);
		await vi.waitFor(() => expect(stage.seller.shown("TEA")).toBe(3));
	});
});

describe("searchListingsItems", () => {
	const search = (query: string) => stage.api("GET", `/listings/2021-08-01/items/${stage.seller.id}?marketplaceIds=${US}${query}`);
	const skus = (json: Json) => json.items.map((i: Json) => i.sku);

	it("pages through everything, twenty at a time at most", async () => {
		stage = await createStage();
		const all = Array.from({ length: 45 }, (_, n) => `SKU-${String(n).padStart(2, "0")}`);
		stage.seller.seed(all.map((sku) => ({ sku, quantity: 1 })));
		const got: string[] = [];
		let token = "";
		do {
			const { json } = await search(`&sortBy=sku&sortOrder=ASC&pageSize=20${token}`);
			expect(json.numberOfResults).toBe(45);
			got.push(...skus(json));
			token = json.pagination.nextToken ? `&pageToken=${json.pagination.nextToken}` : "";
		} while (token);
		expect(got).toEqual(all);
		expect((await search("&pageSize=21")).status).toBe(400);
		expect(skus((await search("")).json)).toHaveLength(10);
	});

	it("gives a thousand results at most", async () => {
		stage = await createStage({ plans: { searchListingsItems: { rate: 1_000, burst: 1_000 } } });
		stage.seller.seed(Array.from({ length: 1_010 }, (_, n) => ({ sku: `SKU-${n}`, quantity: 1 })));
		let [pages, token] = [0, ""];
		do {
			const { json } = await search(`&sortBy=sku&pageSize=20${token}`);
			expect([json.numberOfResults, json.items.length]).toEqual([1_010, 20]);
			token = json.pagination.nextToken ? `&pageToken=${json.pagination.nextToken}` : "";
			pages++;
		} while (token);
		expect(pages).toBe(50);
	});

	it("finds twenty SKUs by name, newest changes first, and by status", async () => {
		stage = await createStage();
		stage.seller.seed(["A", "B", "C"].map((sku) => ({ sku, quantity: 1 })));
		await stage.pass(1_000);
		stage.seller.editQuantity("B", 0);
		expect(skus((await search("")).json)[0]).toBe("B");
		expect(skus((await search("&identifiersType=SKU&identifiers=A,C,X&sortBy=sku&sortOrder=ASC")).json)).toEqual(["A", "C"]);
		expect(skus((await search("&withStatus=BUYABLE&sortBy=sku&sortOrder=ASC")).json)).toEqual(["A", "C"]);
		expect(skus((await search(`&lastUpdatedAfter=${encodeURIComponent("2026-11-21T10:00:01Z")}`)).json)).toEqual(["B"]);
		const many = Array.from({ length: 21 }, (_, n) => n).join(",");
		expect((await search(`&identifiersType=SKU&identifiers=${many}`)).status).toBe(400);
		await stage.pass(1_000);
		expect((await search("&identifiers=A")).status).toBe(400);
	});
});

describe("reports", () => {
	const create = async () => (await stage.api("POST", "/reports/2021-06-30/reports", { body: SPEC })).json.reportId as string;
	const SPEC = { reportType: "GET_MERCHANT_LISTINGS_ALL_DATA", marketplaceIds: [US] };
	const get = async (id: string) => (await stage.api("GET", `/reports/2021-06-30/reports/${id}`)).json;
	const open = async (documentId: string) =>
		(await stage.api("GET", `/reports/2021-06-30/documents/${encodeURIComponent(documentId)}`)).json;
	const fetchUrl = (url: string) => stage.send({ host: new URL(url).host, path: new URL(url).pathname + new URL(url).search });
	const rows = (text: string) => {
		const [head = "", ...lines] = text.trimEnd().split("\n");
		return lines.map((line) => Object.fromEntries(head.split("\t").map((name, n) => [name, line.split("\t")[n]])));
	};

	it("come when they are done, compressed, from a host of their own, by an address of five minutes", async () => {
		stage = await createStage({ reportMs: [60_000, 60_000], pendingMs: [10 ** 9, 10 ** 9] });
		stage.seller.seed([TEA, { sku: "TEA-FBA", fba: 6 }, { sku: "GONE", quantity: 0 }]);
		stage.seller.checkout({ lines: [{ sku: "TEA", quantity: 2 }] });
		const id = await create();
		expect(await get(id)).toMatchObject({ reportId: id, processingStatus: "IN_QUEUE" });
		await stage.pass(30_000);
		expect((await get(id)).processingStatus).toBe("IN_PROGRESS");
		await stage.pass(30_000);
		const done = await get(id);
		expect(done.processingStatus).toBe("DONE");
		const { url, compressionAlgorithm } = await open(done.reportDocumentId);
		expect([new URL(url).host, compressionAlgorithm]).toEqual(["tortuga-prod-na.s3.amazonaws.com", "GZIP"]);
		const document = await fetchUrl(url);
		expect(
			rows(gunzipSync(document.bytes).toString("utf8")).map((r) => [
				r["seller-sku"],
				r.quantity,
				r["pending-quantity"],
				r["fulfillment-channel"],
				r.status,
			]),
		).toEqual([
			["TEA", "8", "2", "DEFAULT", "Active"],
			["TEA-FBA", "", "0", "AMAZON_NA", "Active"],
			["GONE", "0", "0", "DEFAULT", "Inactive"],
		]);
		await stage.pass(5 * 60_000 + 1);
		expect((await fetchUrl(url)).text).toContain("Request has expired");
	});

	it("are given again while they are young: an hour old figures in a new report", async () => {
		stage = await createStage({ gzipReports: false, reportCacheMs: 3_600_000 });
		stage.seller.seed([TEA]);
		const quantity = async () => {
			const id = await create();
			await stage.pass(1);
			const { reportDocumentId } = await get(id);
			return rows((await fetchUrl((await open(reportDocumentId)).url)).text)[0]?.quantity;
		};
		expect(await quantity()).toBe("10");
		stage.seller.editQuantity("TEA", 3);
		await stage.pass(3_500_000);
		expect(await quantity()).toBe("10");
		await stage.pass(100_000);
		expect(await quantity()).toBe("3");
	});

	it("belong to their seller, and are of one known kind and one store", async () => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		const id = await create();
		await stage.pass(1);
		const { reportDocumentId } = await get(id);
		const token = await stage.tokenOf(stage.amazon.createSeller({ channel: "other" }));
		for (const path of [`reports/${id}`, `documents/${reportDocumentId}`]) {
			expect((await stage.api("GET", `/reports/2021-06-30/${path}`)).status).toBe(200);
			expect((await stage.api("GET", `/reports/2021-06-30/${path}`, { token })).status).toBe(404);
		}
		for (const body of [
			{ ...SPEC, reportType: "GET_SOMETHING" },
			{ ...SPEC, marketplaceIds: [] },
			{ ...SPEC, marketplaceIds: [CANADA] },
		]) {
			expect((await stage.api("POST", "/reports/2021-06-30/reports", { body })).status).toBe(400);
		}
		expect((await stage.api("GET", "/reports/2021-06-30/reports/1")).status).toBe(404);
		expect((await stage.api("GET", "/reports/2021-06-30/documents/1")).status).toBe(404);
		expect((await stage.send({ host: "tortuga-prod-na.s3.amazonaws.com", path: "/x.y" })).status).toBe(403);
	});
});

describe("FBA inventory", () => {
	const list = (more = "") =>
		stage.api(
			"GET",
			`/fba/inventory/v1/summaries?details=true&granularityType=Marketplace&granularityId=${US}&marketplaceIds=${US}${more}`,
		);

	it("tells what Amazon holds, and what waits for buyers there", async () => {
		stage = await createStage();
		stage.seller.seed([TEA, { sku: "TEA-FBA", fba: 6 }]);
		stage.seller.checkout({ lines: [{ sku: "TEA-FBA", quantity: 2 }] });
		const { json } = await list();
		expect(json.payload.inventorySummaries).toHaveLength(1);
		expect(json.payload.inventorySummaries[0]).toMatchObject({
			sellerSku: "TEA-FBA",
			totalQuantity: 6,
			inventoryDetails: { fulfillableQuantity: 4, reservedQuantity: { pendingCustomerOrderQuantity: 2 } },
		});
		stage.seller.shipOrder(stage.seller.orders()[0]?.id ?? "");
		await stage.pass(1_000);
		expect((await list()).json.payload.inventorySummaries[0].totalQuantity).toBe(4);
		expect((await list("&sellerSkus=OTHER")).json.payload.inventorySummaries).toEqual([]);
	});

	it("pages by tokens of half a minute", async () => {
		stage = await createStage();
		stage.seller.seed(Array.from({ length: 60 }, (_, n) => ({ sku: `F-${n}`, fba: 1 })));
		const first = await list();
		const next = `&nextToken=${first.json.pagination.nextToken}`;
		const second = await list(next);
		expect([first.json.payload.inventorySummaries.length, second.json.payload.inventorySummaries.length, second.json.pagination]).toEqual([
			50,
			10,
			undefined,
		]);
		await stage.pass(30_001);
		expect((await list(next)).status).toBe(400);
	});
});
