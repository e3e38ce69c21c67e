import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CannedAnswer, SentRequest } from "../../../tests/kit/replay.ts";
import { collect, gmt, openWooReplay, T0, WOO_KEYS, type WooReplay } from "../../../tests/kit/woo-replay.ts";
import type { StockWrite } from "../channel.ts";
import { ChannelUnavailableError } from "../errors.ts";
import { channel, channels, UnknownChannelError } from "../registry.ts";
import { woocommerce } from "./index.ts";

let replay: WooReplay["replay"];
let client: WooReplay["client"];
let reports: WooReplay["reports"];
let costs: WooReplay["costs"];
let begin: WooReplay["begin"];
beforeAll(async () => {
	({ replay, client, reports, costs, begin } = await openWooReplay());
});
afterAll(() => replay.close());
beforeEach(() => begin());

describe("the registry", () => {
	test("names the channels there are, and refuses others by name", () => {
		expect(channels().map((c) => c.id)).toContain("woocommerce");
		expect(channel("woocommerce")).toBe(woocommerce);
		expect(() => channel("etsy")).toThrow(UnknownChannelError);
		expect(() => channel("etsy")).toThrow(/"etsy"/);
	});
	test("capabilities and limits are within what the store allows", () => {
		const { capabilities, limits } = woocommerce;
		expect(capabilities.writeBatchSize).toBeLessThanOrEqual(100);
		expect(capabilities.readBatchSize).toBeLessThanOrEqual(100);
		expect(capabilities).toMatchObject({ quantityMeaning: "selfDecrementing", resendsWebhooks: false, readBeforeWrite: true });
		expect(limits.burst).toBeGreaterThanOrEqual(limits.concurrency);
		expect(woocommerce.credentialFields.filter((field) => field.secret).map((field) => field.key)).toEqual([
			"consumerKey",
			"consumerSecret",
		]);
	});
});

describe("each request", () => {
	test("is authenticated by header, not cached, and told to the account", async () => {
		replay.answer(() => ({ headers: { "x-request-id": "r1" }, body: [] }));
		await client.readStock([{ externalId: "1", parentExternalId: null }]);
		const [sent] = replay.requests;
		expect(sent?.headers).toMatchObject({
			authorization: `Basic ${Buffer.from(`${WOO_KEYS.consumerKey}:${WOO_KEYS.consumerSecret}`).toString("base64")}`,
			"cache-control": "no-cache",
			accept: "application/json",
		});
		expect(sent?.url.searchParams.get("_")).toMatch(/^[a-z0-9]+$/);
		expect(sent?.url.search).not.toContain(WOO_KEYS.consumerSecret);
		expect(costs).toEqual([1]);
		expect(reports).toEqual([expect.objectContaining({ operation: "stock.read", httpStatus: 200, requestId: "r1" })]);
	});

	test("without keys nothing is sent", async () => {
		const bare = woocommerce.connect({ account: "store.example", credentials: {} });
		await expect(bare.readOrder("1")).rejects.toMatchObject({ errorClass: "credentials" });
		expect(replay.requests).toEqual([]);
	});

	test("a firewall's page is the connection's trouble, not a listing's", async () => {
		for (const status of [403, 404, 406]) {
			replay.answer(() => ({ status, headers: { "content-type": "text/html" }, body: "<html><body>Wordfence: blocked</body></html>" }));
			await expect(client.readOrder("1")).rejects.toMatchObject({ errorClass: "unavailable", connectionWide: true });
		}
	});

	test("an answer that does not tell the time cannot be placed", async () => {
		replay.answer(() => ({ headers: { date: "" }, body: [] }));
		await expect(client.readStock([{ externalId: "1", parentExternalId: null }])).rejects.toMatchObject({ errorClass: "unexpected-shape" });
	});
});

describe("stock, written", () => {
	const product = (id: number, quantity: number | null, manage: boolean | "parent" = true) => ({
		id,
		manage_stock: manage,
		stock_quantity: quantity,
	});
	const write = (externalId: string, quantity: number, parentExternalId: string | null = null): StockWrite => ({
		externalId,
		parentExternalId,
		quantity,
	});
	type Entry = { id: number; stock_quantity: number; manage_stock?: true };
	const entries = (request: SentRequest | undefined): Entry[] => (request?.body as { update: Entry[] } | undefined)?.update ?? [];
	const echo = (request: SentRequest): CannedAnswer => ({
		body: { update: entries(request).map((entry) => product(entry.id, entry.stock_quantity)) },
	});

	test("R16 products in one request, variations in one per parent, answers in the order asked", async () => {
		replay.answer(echo);
		const results = await client.writeStock([
			write("5", 1),
			write("71", 2, "70"),
			write("6", 3),
			write("81", 4, "80"),
			write("72", 5, "70"),
		]);
		expect(results.map((result) => result.outcome === "landed" && result.quantity)).toEqual([1, 2, 3, 4, 5]);
		expect(replay.requests.map(({ method, url }) => `${method} ${url.pathname}`)).toEqual([
			"POST /wp-json/wc/v3/products/batch",
			"POST /wp-json/wc/v3/products/70/variations/batch",
			"POST /wp-json/wc/v3/products/80/variations/batch",
		]);
		expect(entries(replay.requests[0])).toEqual([
			{ id: 5, manage_stock: true, stock_quantity: 1 },
			{ id: 6, manage_stock: true, stock_quantity: 3 },
		]);
		expect(results[0]).toMatchObject({ writtenAt: new Date(T0 + 3_600_000).toISOString() });
	});

	test("a variation is switched on only where it is not counted, never where its parent counts for it", async () => {
		replay.answer((request) => ({
			body: {
				update: entries(request).map((entry) => {
					if (entry.id === 72) return product(72, 30, "parent");
					if (entry.id === 73 && !entry.manage_stock) return product(73, 12, false);
					return product(entry.id, entry.stock_quantity);
				}),
			},
		}));
		const results = await client.writeStock([write("71", 1, "70"), write("72", 2, "70"), write("73", 3, "70")]);
		expect(results).toMatchObject([
			{ outcome: "landed", quantity: 1 },
			{ outcome: "failed", error: { errorClass: "rejected", code: "stock-at-parent" } },
			{ outcome: "landed", quantity: 3 },
		]);
		expect(replay.requests.map(entries)).toEqual([
			[71, 72, 73].map((id, index) => ({ id, stock_quantity: index + 1 })),
			[{ id: 73, manage_stock: true, stock_quantity: 3 }],
		]);
	});

	test("half may fail: what landed stays landed, what was not sent says so", async () => {
		replay.answer((request) => (request.url.pathname.includes("/70/") ? { status: 502, body: "<html>" } : echo(request)));
		const results = await client.writeStock([write("5", 1), write("71", 2, "70"), write("81", 3, "80")]);
		expect(results).toMatchObject([
			{ outcome: "landed" },
			{ outcome: "failed", error: { errorClass: "unavailable", httpStatus: 502, outcomeUnknown: true } },
			{ outcome: "failed", error: { code: "not-sent", outcomeUnknown: false } },
		]);
		expect(replay.requests).toHaveLength(2);
	});

	test("when nothing can be said of any it throws", async () => {
		replay.answer(() => ({
			status: 503,
			headers: { "retry-after": "600" },
			body: { code: "wp_die", message: "Briefly unavailable", data: { status: 503 } },
		}));
		const error = await client.writeStock([write("5", 1), write("6", 1)]).catch((thrown: unknown) => thrown);
		expect(error).toBeInstanceOf(ChannelUnavailableError);
		expect(error).toMatchObject({ retryAfterMs: 600_000, outcomeUnknown: false });
	});

	test("an answer that says less than was asked leaves the outcome unknown", async () => {
		for (const body of [
			{ update: [product(5, 1)] },
			{},
			[],
			{ update: [product(6, 1), product(5, 1)] },
			{ update: [product(5, 1), { id: 6 }] },
		]) {
			replay.answer(() => ({ body }));
			const results = await client.writeStock([write("5", 1), write("6", 1)]).catch((error: unknown) => [{ error }, { error }]);
			expect((results[1] as { error?: unknown }).error).toMatchObject({ errorClass: "unavailable", outcomeUnknown: true });
		}
	});

	test("a 200 that is a notice and then JSON leaves the outcome unknown", async () => {
		replay.answer(() => ({ body: '<br />\n<b>Notice</b>: x<br />\n{"update":[]}' }));
		await expect(client.writeStock([write("5", 1)])).rejects.toMatchObject({ errorClass: "unavailable", outcomeUnknown: true });
	});

	test("only whole units, none or more, and only ids: the store's batch would make something of anything", async () => {
		for (const quantity of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3", null, undefined]) {
			await expect(client.writeStock([write("5", quantity as number)])).rejects.toBeInstanceOf(TypeError);
		}
		for (const id of ["SKU-1", "", "0", "-4", "1e3", "../orders/1"]) {
			await expect(client.writeStock([write(id, 1)])).rejects.toBeInstanceOf(TypeError);
			await expect(client.writeStock([write("5", 1, id)])).rejects.toBeInstanceOf(TypeError);
			await expect(client.readStock([{ externalId: id, parentExternalId: null }])).rejects.toBeInstanceOf(TypeError);
			await expect(client.readOrder(id)).rejects.toBeInstanceOf(TypeError);
		}
		expect(replay.requests).toEqual([]);
	});

	test("never null, never a delta, never more than 100 at once", async () => {
		replay.answer(echo);
		const results = await client.writeStock(Array.from({ length: 230 }, (_, index) => write(String(index + 1), index)));
		expect(results.every((result) => result.outcome === "landed")).toBe(true);
		expect(replay.requests.map((request) => entries(request).length)).toEqual([100, 100, 30]);
		expect(JSON.stringify(replay.requests.map((request) => request.body))).not.toMatch(/null|inventory_delta/);
	});
});

describe("stock, read", () => {
	test("one request for products, one per parent, null where the store knows nothing; the time is the earliest asked", async () => {
		let second = 0;
		replay.answer(({ url }) => {
			replay.setDate(new Date(T0 + second++ * 60_000).toISOString());
			return url.pathname.endsWith("/70/variations")
				? { body: [{ id: 71, parent_id: 70, manage_stock: true, stock_quantity: 4 }] }
				: { body: [{ id: 5, manage_stock: true, stock_quantity: "2.5" }] };
		});
		const { readings, channelTime } = await client.readStock([
			{ externalId: "71", parentExternalId: "70" },
			{ externalId: "5", parentExternalId: null },
			{ externalId: "6", parentExternalId: null },
		]);
		expect(readings).toEqual([{ externalId: "71", quantity: 4, managed: true }, { externalId: "5", quantity: 2, managed: true }, null]);
		expect(replay.requests).toHaveLength(2);
		expect(Date.parse(channelTime)).toBeLessThanOrEqual(T0 + 60_000);
	});
});

describe("the catalogue", () => {
	const product = (id: number, over: object = {}) => ({
		id,
		type: "simple",
		name: `P${id}`,
		sku: `S${id}`,
		manage_stock: true,
		stock_quantity: id,
		...over,
	});

	test("products that vanish while it is walked pull no neighbour out of sight", async () => {
		let rows = Array.from({ length: 320 }, (_, index) => index + 1);
		let asked = 0;
		replay.answer(({ url }) => {
			asked++;
			const page = Number(url.searchParams.get("page"));
			if (asked === 2) rows = rows.filter((id) => id > 7);
			return { headers: { "x-wp-total": String(rows.length) }, body: rows.slice((page - 1) * 100, page * 100).map((id) => product(id)) };
		});
		const ids = (await collect(client.listListings())).flat().map((listing) => Number(listing.externalId));
		expect(ids.length).toBe(new Set(ids).size);
		expect(rows.filter((id) => !ids.includes(id))).toEqual([]);
	});

	test("R32 a product that does not fit stops the list: a missing row must never look like a zero", async () => {
		replay.answer(() => ({ body: [product(1), product(2, { manage_stock: "maybe" })] }));
		await expect(collect(client.listListings())).rejects.toMatchObject({ errorClass: "unexpected-shape" });
	});

	test("barcode, title and what has nothing to sell", async () => {
		replay.answer(({ url }) =>
			url.pathname.endsWith("/variations")
				? {
						body: [
							product(31, {
								type: "variation",
								parent_id: 30,
								sku: "",
								global_unique_id: "4006381333931",
								attributes: [{ option: "Red" }, { option: "XL" }],
							}),
						],
					}
				: {
						body: [product(1, { type: "grouped" }), product(2, { type: "external" }), product(30, { type: "variable", variations: [31] })],
					},
		);
		expect((await collect(client.listListings({ modifiedAfter: `${gmt(5)}Z` }))).flat()).toEqual([
			{
				externalId: "31",
				parentExternalId: "30",
				sku: null,
				barcode: "4006381333931",
				title: "P30 - Red, XL",
				quantity: 31,
				managed: true,
			},
		]);
		expect(replay.requests[0]?.url.searchParams.get("modified_after")).toBe(gmt(4));
	});
});

describe("webhooks", () => {
	const { webhooks } = woocommerce;
	type Fixture = { secret: string; headers: Record<string, string>; raw_body: string };
	const fixture = (name: string): Fixture => JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8"));
	const raw = (over: Partial<{ headers: Record<string, string>; body: string }> = {}) => {
		const { headers, raw_body } = fixture("webhook-order-created");
		return { headers: over.headers ?? headers, body: Buffer.from(over.body ?? raw_body), path: "/in/t" };
	};

	test("R01 the signature of a frozen delivery", () => {
		for (const name of ["webhook-order-created", "webhook-product-updated"]) {
			const { secret, headers, raw_body } = fixture(name);
			expect(createHmac("sha256", secret).update(raw_body).digest("base64")).toBe(headers[webhooks.signature?.header ?? ""]);
		}
	});

	test("only the very ping needs no signature; whatever else lacks a topic goes to the verifier", () => {
		const form = { "content-type": "application/x-www-form-urlencoded" };
		expect(webhooks.identify(raw({ headers: form, body: "webhook_id=6" }))).toBeNull();
		for (const body of ["webhook_id=6&x=1", "webhook_id=", '{"webhook_id":6}', "", `webhook_id=${"1".repeat(100)}`]) {
			expect(webhooks.identify(raw({ headers: form, body }))).toMatchObject({ topic: "" });
		}
		expect(webhooks.identify(raw({ headers: { ...form, "x-wc-webhook-topic": "order.created" }, body: "webhook_id=6" }))).not.toBeNull();
	});

	test("what cannot be read has no resource, and throws nowhere before its signature is checked", () => {
		for (const body of ["", "null", "[]", "{", '{"id":"7"}', "\u0000\u0001"]) expect(webhooks.identify(raw({ body }))?.resourceId).toBe("");
	});

	test("an error object without an id is named by its code", () => {
		const payload = webhooks.allowList("order.updated", {
			code: "woocommerce_rest_cannot_view",
			message: "Sorry Jane",
			data: { status: 401 },
		});
		expect(payload).toEqual({ code: "woocommerce_rest_cannot_view" });
		expect(() => webhooks.toEvents({ topic: "order.updated", payload, headers: {} })).toThrow(/woocommerce_rest_cannot_view/);
	});

	test("R32 an unknown topic, no object, or no content fails", () => {
		for (const topic of ["", "order.exploded", "customer.created", "action.woocommerce_x"]) {
			expect(() => webhooks.toEvents({ topic, payload: { id: 1 }, headers: {} })).toThrow(/unknown topic/);
		}
		for (const body of [null, [], "x", 7]) expect(() => webhooks.allowList("order.updated", body)).toThrow(/JSON object/);
		expect(() => webhooks.toEvents({ topic: "order.deleted", payload: {}, headers: {} })).toThrow(/does not fit/);
		expect(() => webhooks.toEvents({ topic: "product.updated", payload: null, headers: {} })).toThrow(/no content/);
	});

	test("a secret that the store would sign with differently is not used", async () => {
		for (const secret of ["short", `${"a".repeat(40)}&`, `${"a".repeat(40)}"`]) {
			await expect(client.webhooks?.create({ topic: "order.created", url: "https://app.example/x", secret })).rejects.toThrow(
				/letters and digits/,
			);
		}
		expect(replay.requests).toEqual([]);
	});
});
