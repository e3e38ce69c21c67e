import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { amazonAnswer } from "../../../tests/kit/amazon-models.ts";
import { createAmazonReplay } from "../../../tests/kit/amazon-replay.ts";
import type { StockWrite } from "../channel.ts";
import { ChannelUnavailableError, RateLimitedError, RequestRejectedError } from "../errors.ts";
import { amazon } from "./index.ts";
import { WRITES_AT_ONCE } from "./inventory.ts";

const [US, CA] = ["ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"];
const access = {
	account: "A3TH9S8BH6GOGM",
	credentials: { region: "NA", marketplaceIds: `${US},${CA}` },
	accessToken: async () => "Atza|token-of-the-hour",
};
const ref = (externalId: string) => ({ externalId, parentExternalId: null });
const write = (sku: string, quantity = 5): StockWrite => ({ ...ref(`${US}/${sku}`), quantity });
type Availability = { fulfillmentChannelCode: string; quantity?: number };
const item = (sku: string, fulfillmentAvailability: Availability[], productType = "TEA", marketplaceId = US) => ({
	sku,
	summaries: [
		{ marketplaceId, productType, status: ["BUYABLE"], createdDate: "2026-01-01T00:00:00Z", lastUpdatedDate: "2026-01-01T00:00:00Z" },
	],
	fulfillmentAvailability,
});
const found = (items: unknown[]) => amazonAnswer("searchListingsItems", { numberOfResults: items.length, items });
const taken = (sku: string) => amazonAnswer("patchListingsItem", { sku, status: "ACCEPTED", submissionId: `sub-${sku}`, issues: [] });
const skuOf = (url: URL) => decodeURIComponent(url.pathname.split("/").at(-1) ?? "");

let replay: Awaited<ReturnType<typeof createAmazonReplay>>;
beforeAll(async () => {
	replay = await createAmazonReplay();
});
afterAll(() => replay.close());
beforeEach(() => {
	replay.requests.length = 0;
});

describe("reading", () => {
	test("up to 20 SKUs by one request, per marketplace, in the order asked; unknown ones are null", async () => {
		replay.answer(({ url }) =>
			url.searchParams.get("marketplaceIds") === US
				? found([
						item("B", [{ fulfillmentChannelCode: "DEFAULT", quantity: 3 }]),
						item("A/1", [{ fulfillmentChannelCode: "DEFAULT", quantity: 0 }]),
					])
				: found([item("B", [{ fulfillmentChannelCode: "DEFAULT", quantity: 9 }], "TEA", CA)]),
		);
		const { readings, channelTime } = await amazon
			.connect(access)
			.readStock([ref(`${US}/A/1`), ref(`${US}/GONE`), ref(`${CA}/B`), ref(`${US}/B`)]);
		expect(readings).toEqual([
			{ externalId: `${US}/A/1`, quantity: 0, managed: true },
			null,
			{ externalId: `${CA}/B`, quantity: 9, managed: true },
			{ externalId: `${US}/B`, quantity: 3, managed: true },
		]);
		expect(Date.parse(channelTime)).toBeLessThanOrEqual(Date.parse("2026-11-21T10:00:00Z"));
		expect(replay.requests.map(({ url }) => url.searchParams.get("identifiers"))).toEqual(["A/1,GONE,B", "B"]);
	});

	test("more than 20 of a marketplace are asked in turn", async () => {
		replay.answer(() => found([]));
		await amazon.connect(access).readStock(Array.from({ length: 41 }, (_, index) => ref(`${US}/S${index}`)));
		expect(replay.requests.map(({ url }) => url.searchParams.get("identifiers")?.split(",").length)).toEqual([20, 20, 1]);
	});

	test("a SKU with a comma is asked for by its address", async () => {
		replay.answer(({ url }) =>
			skuOf(url) === "TEA, green"
				? amazonAnswer("getListingsItem", item("TEA, green", [{ fulfillmentChannelCode: "DEFAULT", quantity: 4 }]))
				: { status: 404, body: { errors: [{ code: "NOT_FOUND", message: "SKU not found" }] } },
		);
		const { readings } = await amazon.connect(access).readStock([ref(`${US}/TEA, green`), ref(`${US}/TEA, gone`)]);
		expect(readings).toEqual([{ externalId: `${US}/TEA, green`, quantity: 4, managed: true }, null]);
	});

	test.each([
		["Amazon's own shelves (FBA)", [{ fulfillmentChannelCode: "AMAZON_NA", quantity: 50 }]],
		[
			"FBA with an old figure of the merchant's beside it",
			[{ fulfillmentChannelCode: "DEFAULT", quantity: 21 }, { fulfillmentChannelCode: "AMAZON_NA" }],
		],
		["never given a figure", [{ fulfillmentChannelCode: "DEFAULT" }]],
		["one of several warehouses", [{ fulfillmentChannelCode: "0a1b-supply-source", quantity: 7 }]],
		["nothing at all", []],
	])("not the merchant's figure to keep: %s", async (_, availability) => {
		replay.answer(() => found([item("A", availability)]));
		const { readings } = await amazon.connect(access).readStock([ref(`${US}/A`)]);
		expect(readings).toEqual([{ externalId: `${US}/A`, quantity: null, managed: false }]);
	});
});

describe("writing", () => {
	test("R16 merge of the one figure, by the listing's own product type where it was read; taken is not applied", async () => {
		replay.answer(({ method, url }) =>
			method === "GET" ? found([item("A/1", [{ fulfillmentChannelCode: "DEFAULT", quantity: 3 }])]) : taken(skuOf(url)),
		);
		const client = amazon.connect(access);
		await client.readStock([ref(`${US}/A/1`)]);
		const results = await client.writeStock([write("A/1", 4), write("B", 0)]);
		expect(results).toEqual([
			{ outcome: "accepted", acceptedAt: "2026-11-21T10:00:00.000Z", receipt: "sub-A/1" },
			{ outcome: "accepted", acceptedAt: "2026-11-21T10:00:00.000Z", receipt: "sub-B" },
		]);
		const patches = replay.requests.filter(({ method }) => method === "PATCH");
		const bodies = new Map(patches.map(({ url, body }) => [skuOf(url), body]));
		const merge = (quantity: number) => [
			{ op: "merge", path: "/attributes/fulfillment_availability", value: [{ fulfillment_channel_code: "DEFAULT", quantity }] },
		];
		expect(bodies.get("A/1")).toEqual({ productType: "TEA", patches: merge(4) });
		expect(bodies.get("B")).toEqual({ productType: "PRODUCT", patches: merge(0) });
		expect(patches[0]?.url.pathname).toBe("/listings/2021-08-01/items/A3TH9S8BH6GOGM/A%2F1");
		expect(patches[0]?.url.searchParams.get("marketplaceIds")).toBe(US);
	});

	test("INVALID is a refusal in Amazon's words; the others of the batch go on", async () => {
		const issues = [
			{ code: "18155", message: "A note.", severity: "WARNING", categories: [] },
			{ code: "90220", message: "'Product Name' is required but not supplied.", severity: "ERROR", categories: ["MISSING_ATTRIBUTE"] },
		];
		replay.answer(({ url }) =>
			skuOf(url) === "BAD"
				? amazonAnswer("patchListingsItem", { sku: "BAD", status: "INVALID", submissionId: "s", issues })
				: taken(skuOf(url)),
		);
		const [bad, good] = await amazon.connect(access).writeStock([write("BAD"), write("GOOD")]);
		expect(good?.outcome).toBe("accepted");
		expect(bad).toMatchObject({ outcome: "failed", error: expect.any(RequestRejectedError) });
		if (bad?.outcome !== "failed") throw new Error("refused");
		expect(bad.error.message).toContain("'Product Name' is required but not supplied. [90220]");
		expect(bad.error.message).not.toContain("A note.");
		expect(bad.error.code).toBe("90220");
		expect(bad.error.outcomeUnknown).toBe(false);
	});

	test("R17 side by side, no more than the limit, one result each in order", async () => {
		replay.answer(async ({ url }) => {
			await new Promise((resolve) => setTimeout(resolve, 20));
			return taken(skuOf(url));
		});
		const writes = Array.from({ length: 20 }, (_, index) => write(`S${index}`));
		const results = await amazon.connect(access).writeStock(writes);
		expect(results.map((result) => result.outcome === "accepted" && result.receipt)).toEqual(writes.map((_, index) => `sub-S${index}`));
		expect(replay.mostUnderWay()).toBe(WRITES_AT_ONCE);
	});

	test("R18 once the connection is in trouble the rest is not sent, and says so", async () => {
		replay.answer(() => ({ status: 429, body: { errors: [{ code: "QuotaExceeded", message: "slow down" }] } }));
		const results = await amazon.connect(access).writeStock(Array.from({ length: 20 }, (_, index) => write(`S${index}`)));
		expect(replay.requests).toHaveLength(WRITES_AT_ONCE);
		const errors = results.map((result) => (result.outcome === "failed" ? result.error : null));
		expect(errors.filter((error) => error instanceof RateLimitedError)).toHaveLength(WRITES_AT_ONCE);
		const unsent = errors.filter((error) => error?.code === "not-sent");
		expect(unsent).toHaveLength(20 - WRITES_AT_ONCE);
		expect(unsent.every((error) => error instanceof ChannelUnavailableError && !error.outcomeUnknown)).toBe(true);
	});

	test.each([
		["500", { status: 500, body: { errors: [{ code: "InternalFailure", message: "oops" }] } }],
		["an answer that says nothing", { body: {} }],
		["an answer that is no JSON", { body: "<html>" }],
	])("whether it was carried out is unknown after %s", async (_, answer) => {
		replay.answer(() => answer);
		const [result] = await amazon.connect(access).writeStock([write("A")]);
		expect(result).toMatchObject({ outcome: "failed", error: { outcomeUnknown: true } });
	});

	test("only whole units, none or more, are sent; only listings of a marketplace", async () => {
		for (const quantity of [-1, 1.5, Number.NaN])
			await expect(amazon.connect(access).writeStock([write("A", quantity)])).rejects.toThrow(TypeError);
		await expect(amazon.connect(access).writeStock([{ ...ref("SKU-1"), quantity: 1 }])).rejects.toThrow(TypeError);
		expect(replay.requests).toHaveLength(0);
	});
});
