import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { CANADA, US } from "./contract/stage.ts";
import { open, stage, TEA } from "./contract/visit.ts";

describe("reports", () => {
	const create = async () => (await stage.api("POST", "/reports/2021-06-30/reports", { body: SPEC })).json.reportId as string;
	const SPEC = { reportType: "GET_MERCHANT_LISTINGS_ALL_DATA", marketplaceIds: [US] };
	const get = async (id: string) => (await stage.api("GET", `/reports/2021-06-30/reports/${id}`)).json;
	const openDocument = async (documentId: string) =>
		(await stage.api("GET", `/reports/2021-06-30/documents/${encodeURIComponent(documentId)}`)).json;
	const fetchUrl = (url: string) => stage.send({ host: new URL(url).host, path: new URL(url).pathname + new URL(url).search });
	const rows = (text: string) => {
		const [head = "", ...lines] = text.trimEnd().split("\n");
		return lines.map((line) => Object.fromEntries(head.split("\t").map((name, n) => [name, line.split("\t")[n]])));
	};

	it("come when they are done, compressed, from a host of their own, by an address of five minutes", async () => {
		await open({ reportMs: [60_000, 60_000], pendingMs: [10 ** 9, 10 ** 9] });
		stage.seller.seed([TEA, { sku: "TEA-FBA", fba: 6 }, { sku: "GONE", quantity: 0 }]);
		stage.seller.checkout({ lines: [{ sku: "TEA", quantity: 2 }] });
		const id = await create();
		expect(await get(id)).toMatchObject({ reportId: id, processingStatus: "IN_QUEUE" });
		await stage.pass(30_000);
		expect((await get(id)).processingStatus).toBe("IN_PROGRESS");
		await stage.pass(30_000);
		const done = await get(id);
		expect(done.processingStatus).toBe("DONE");
		const { url, compressionAlgorithm } = await openDocument(done.reportDocumentId);
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
		await open({ gzipReports: false, reportCacheMs: 3_600_000 });
		stage.seller.seed([TEA]);
		const quantity = async () => {
			const id = await create();
			await stage.pass(1);
			const { reportDocumentId } = await get(id);
			return rows((await fetchUrl((await openDocument(reportDocumentId)).url)).text)[0]?.quantity;
		};
		expect(await quantity()).toBe("10");
		stage.seller.editQuantity("TEA", 3);
		await stage.pass(3_500_000);
		expect(await quantity()).toBe("10");
		await stage.pass(100_000);
		expect(await quantity()).toBe("3");
	});

	it("belong to their seller, and are of one known kind and one store", async () => {
		await open();
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
		await open();
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
		await open();
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
