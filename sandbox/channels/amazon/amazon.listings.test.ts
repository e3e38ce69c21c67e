import { describe, expect, it } from "vitest";
import { CANADA, type Json, US } from "./contract/stage.ts";
import { availability, figure, item, open, patch, read, rules, stage, TEA } from "./contract/visit.ts";

describe("patchListingsItem", () => {
	it("is accepted now and applied later; until then everybody reads the old figure", async () => {
		await open({ patchMs: [30_000, 30_000] });
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
		await open({ patchMs: [30_000, 30_000] });
		stage.seller.seed([TEA]);
		await patch("TEA", availability(8));
		stage.seller.checkout({ lines: [{ sku: "TEA", quantity: 3 }] });
		expect(stage.seller.shown("TEA")).toBe(7);
		await stage.pass(30_000);
		expect(stage.seller.shown("TEA")).toBe(8);
	});

	it("keeps the order of acceptance, whatever each delay is", async () => {
		await open({ patchMs: [0, 60_000] });
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
		await open();
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
		await open();
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
		await open();
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
		await open();
		stage.seller.seed([TEA]);
		const { status, json } = await stage.api("PATCH", item("TEA"), { body });
		expect([status, json.errors[0].code, rules()]).toEqual([400, "InvalidInput", ["invalid request"]]);
	});

	it("an unknown SKU is 404, or accepted without any effect", async () => {
		await open();
		const unknown = await patch("NO/SUCH SKU", availability(1));
		expect([unknown.status, unknown.json.errors[0]]).toEqual([
			404,
			{ code: "NOT_FOUND", message: `SKU 'NO/SUCH SKU' not found in marketplace ${US}`, details: "" },
		]);
		await stage.close();
		await open({ unknownSku: "accepted" });
		expect((await patch("NO/SUCH SKU", availability(1))).json.status).toBe("ACCEPTED");
		expect((await read("NO/SUCH SKU")).status).toBe(404);
	});

	it("never touches what Amazon ships, and remembers the attempt", async () => {
		await open();
		stage.seller.seed([TEA, { sku: "TEA-FBA", fba: 6 }]);
		const code = "AMAZON_NA";
		expect((await patch("TEA-FBA", [{ fulfillment_channel_code: code, quantity: 1 }])).json.status).toBe("INVALID");
		expect((await patch("TEA-FBA", availability(1))).json.status).toBe("INVALID");
		expect((await patch("TEA", [{ fulfillment_channel_code: code, quantity: 1 }])).json.status).toBe("INVALID");
		expect([rules(), stage.seller.shown("TEA-FBA"), stage.seller.shown("TEA")]).toEqual([Array(3).fill("FBA stock written"), 6, 10]);
	});

	it("a seller with several locations has no DEFAULT", async () => {
		await open({}, { supplySource: "d7679e14-031b-4ab3-a81b-ec4fc7a460b3" });
		stage.seller.seed([TEA]);
		expect((await read("TEA")).json.fulfillmentAvailability).toEqual([
			{ fulfillmentChannelCode: "d7679e14-031b-4ab3-a81b-ec4fc7a460b3", quantity: 10 },
		]);
		expect((await patch("TEA", availability(1))).json.status).toBe("INVALID");
	});

	it("refuses another seller's id and another account's store", async () => {
		await open();
		stage.seller.seed([TEA]);
		expect((await stage.api("GET", `/listings/2021-08-01/items/AOTHER/TEA?marketplaceIds=${US}`)).status).toBe(400);
		expect((await stage.api("GET", `/listings/2021-08-01/items/${stage.seller.id}/TEA?marketplaceIds=${CANADA}`)).status).toBe(400);
		expect((await stage.api("GET", `/listings/2021-08-01/items/${stage.seller.id}/TEA`)).status).toBe(400);
	});
});

describe("searchListingsItems", () => {
	const search = (query: string) => stage.api("GET", `/listings/2021-08-01/items/${stage.seller.id}?marketplaceIds=${US}${query}`);
	const skus = (json: Json) => json.items.map((i: Json) => i.sku);

	it("pages through everything, twenty at a time at most", async () => {
		await open();
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
		await open({ plans: { searchListingsItems: { rate: 1_000, burst: 1_000 } } });
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
		await open();
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
