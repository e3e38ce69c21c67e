import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { leadOutside, serve } from "../../../tests/kit/outside.ts";
import type { CallReport } from "../channel.ts";
import {
	ChannelTimeoutError,
	ChannelUnavailableError,
	ConflictError,
	CredentialsRejectedError,
	ListingNotFoundError,
	RateLimitedError,
	RequestRejectedError,
	UnexpectedShapeError,
} from "../errors.ts";
import { adjust } from "./adjust.ts";
import { createGraphqlClient } from "./client.ts";
import { errorOfAdjust } from "./errors.ts";
import { shopify } from "./index.ts";

const SHOP = "one.myshopify.com";
type Asked = { url: string; headers: Record<string, unknown>; body: { query: string; variables: Record<string, unknown> } };
let asked: Asked[] = [];
let answers: { status: number; body: unknown; headers?: Record<string, string> }[] = [];
let server: Awaited<ReturnType<typeof serve>>;
let led: ReturnType<typeof leadOutside>;

beforeAll(async () => {
	server = await serve((request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk) => chunks.push(chunk));
		request.on("end", () => {
			asked.push({ url: request.url ?? "", headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
			const answer = answers.shift() ?? { status: 500, body: "nothing prepared" };
			const body = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
			response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers }).end(body);
		});
	});
	led = leadOutside({ [SHOP]: server.origin });
});
afterAll(async () => {
	await led.restore();
	await server.close();
});
beforeEach(() => {
	asked = [];
	answers = [];
});

const cost = (currentlyAvailable: number, requestedQueryCost = 100) => ({
	cost: { requestedQueryCost, actualQueryCost: null, throttleStatus: { maximumAvailable: 2000, currentlyAvailable, restoreRate: 100 } },
});
const call = {
	operation: "test",
	document: "{ shop { id } }",
	variables: {},
	schema: z.object({ shop: z.object({ id: z.string() }) }),
	cost: 3,
};
const fine = { status: 200, body: { data: { shop: { id: "x" } }, extensions: cost(1986) } };

function client({ tokens = ["token-1"], calls = [] as CallReport[], paid = [] as number[] } = {}) {
	return createGraphqlClient({
		account: SHOP,
		credentials: {},
		accessToken: async (refused) =>
			refused === undefined
				? (tokens[0] ?? "")
				: (tokens[tokens.indexOf(refused) + 1] ?? Promise.reject(new CredentialsRejectedError("none left"))),
		beforeCall: async (cost) => void paid.push(cost),
		onCall: (report) => void calls.push(report),
	});
}
const failing = async (answer: (typeof answers)[number], more = {}) => {
	answers = [answer];
	return client()
		.run({ ...call, ...more })
		.then(
			() => expect.fail("it did not fail"),
			(error: unknown) => error,
		);
};

test("a request names the version, carries the token, pays its cost and reports what the bucket holds", async () => {
	answers = [{ ...fine, headers: { date: "Fri, 20 Nov 2026 15:00:00 GMT", "x-request-id": "r-1" } }];
	const calls: CallReport[] = [];
	const paid: number[] = [];
	const answer = await client({ calls, paid }).run(call);
	expect(answer).toMatchObject({ data: { shop: { id: "x" } }, channelTime: "2026-11-20T15:00:00.000Z" });
	expect(asked[0]).toMatchObject({ url: "/admin/api/2026-10/graphql.json", headers: { "x-shopify-access-token": "token-1", host: SHOP } });
	expect(paid).toEqual([3]);
	expect(calls).toEqual([
		{
			operation: "test",
			httpStatus: 200,
			tookMs: expect.any(Number),
			requestId: "r-1",
			retryAfterMs: undefined,
			budget: { remaining: 1986, capacity: 2000, refillPerSecond: 100 },
		},
	]);
});

test("R18 being throttled inside a 200 waits until the bucket holds what was asked for, a second at least", async () => {
	const body = (available: number) => ({
		errors: [{ message: "Throttled", extensions: { code: "THROTTLED" } }],
		extensions: cost(available, 700),
	});
	expect(await failing({ status: 200, body: body(100) })).toMatchObject({ errorClass: "rate-limited", retryAfterMs: 6_000 });
	const soon = await failing({ status: 200, body: body(690) });
	expect(soon).toBeInstanceOf(RateLimitedError);
	expect(soon).toMatchObject({ retryAfterMs: 1_000 });
	expect(await failing({ status: 429, body: "", headers: { "retry-after": "2" } })).toMatchObject({
		errorClass: "rate-limited",
		retryAfterMs: 2_000,
	});
});

test.each([
	[401, CredentialsRejectedError],
	[402, CredentialsRejectedError],
	[403, CredentialsRejectedError],
	[404, CredentialsRejectedError],
	[423, CredentialsRejectedError],
	[400, RequestRejectedError],
	[500, ChannelUnavailableError],
	[503, ChannelUnavailableError],
])("HTTP %i is sorted", async (status, type) => {
	expect(await failing({ status, body: { errors: "x" } })).toBeInstanceOf(type);
});

test.each([
	["THROTTLED", RateLimitedError],
	["INTERNAL_SERVER_ERROR", ChannelUnavailableError],
	["TIMEOUT", ChannelUnavailableError],
	["ACCESS_DENIED", CredentialsRejectedError],
	["SHOP_INACTIVE", CredentialsRejectedError],
	["BAD_REQUEST", RequestRejectedError],
	["INVALID_VARIABLE", RequestRejectedError],
	["undefinedField", RequestRejectedError],
	["MAX_COST_EXCEEDED", RequestRejectedError],
])("the top-level error %s is sorted, its code kept", async (code, type) => {
	const error = await failing({ status: 200, body: { data: null, errors: [{ message: "No", extensions: { code } }] } });
	expect(error).toBeInstanceOf(type);
	expect(error).toMatchObject({ code });
});

test("after an error of Shopify's own nobody knows whether a mutation was carried out", async () => {
	const internal = { status: 200, body: { errors: [{ message: "Internal", extensions: { code: "INTERNAL_SERVER_ERROR" } }] } };
	expect(await failing(internal, { changesThings: true })).toMatchObject({ outcomeUnknown: true });
	expect(await failing({ status: 502, body: "" }, { changesThings: true })).toMatchObject({ outcomeUnknown: true });
	expect(await failing({ status: 502, body: "" })).toMatchObject({ outcomeUnknown: false });
	expect(await failing({ status: 503, body: "" }, { changesThings: true })).toMatchObject({ outcomeUnknown: false });
});

test("a refused token is renewed once and the request repeated; a second refusal is said", async () => {
	answers = [{ status: 401, body: { errors: "[API] Invalid API key or access token" } }, fine];
	await client({ tokens: ["old", "new"] }).run(call);
	expect(asked.map((a) => a.headers["x-shopify-access-token"])).toEqual(["old", "new"]);
	answers = [
		{ status: 401, body: {} },
		{ status: 401, body: {} },
	];
	await expect(client({ tokens: ["old", "new"] }).run(call)).rejects.toThrow(CredentialsRejectedError);
	answers = [{ status: 401, body: {} }];
	await expect(client({ tokens: ["old"] }).run(call)).rejects.toThrow("none left");
});

test("R32 an answer that does not fit the contract fails loudly; no token is ever in an error", async () => {
	expect(await failing({ status: 200, body: { data: { shop: null } } })).toBeInstanceOf(UnexpectedShapeError);
	expect(await failing({ status: 200, body: [] })).toBeInstanceOf(UnexpectedShapeError);
	const html = await failing({ status: 200, body: "<html>token-1</html>" });
	expect(html).toBeInstanceOf(ChannelUnavailableError);
	expect(String((html as Error).message)).not.toContain("token-1");
});

test("a shop that does not answer is a timeout: nobody knows", async () => {
	server.server.once("request", (request) => request.socket.destroy());
	const error = await client()
		.run({ ...call, changesThings: true })
		.catch((e: unknown) => e);
	expect(error).toBeInstanceOf(ChannelTimeoutError);
});

const delta = {
	idempotencyKey: "key-1",
	reason: "sold on WooCommerce",
	reference: "batch 7",
	changes: [
		{ itemExternalId: "11", locationExternalId: "1", delta: -2 },
		{ itemExternalId: "12", locationExternalId: "1", delta: 1 },
	],
};
const group = { id: "gid://shopify/InventoryAdjustmentGroup/1", createdAt: "2026-06-25T01:33:56Z" };
const adjusted = (userErrors: unknown[], made: unknown = null) => ({
	status: 200,
	body: { data: { inventoryAdjustQuantities: { inventoryAdjustmentGroup: made, userErrors } } },
});

test("R17 differences go out in one call under their key, compared with nothing", async () => {
	answers = [adjusted([], group)];
	expect(await adjust(client(), delta)).toEqual({ outcome: "landed", landedAt: "2026-06-25T01:33:56.000Z" });
	expect(asked[0]?.body.query).toContain("@idempotent(key: $key)");
	expect(asked[0]?.body.variables).toEqual({
		key: "key-1",
		input: {
			name: "available",
			reason: "other",
			referenceDocumentUri: "gid://lockstep/StockChange/batch%207",
			changes: [
				{ inventoryItemId: "gid://shopify/InventoryItem/11", locationId: "gid://shopify/Location/1", delta: -2, changeFromQuantity: null },
				{ inventoryItemId: "gid://shopify/InventoryItem/12", locationId: "gid://shopify/Location/1", delta: 1, changeFromQuantity: null },
			],
		},
	});
	answers = [adjusted([], group)];
	await adjust(client(), { ...delta, reason: "correction", reference: "https://lockstep.example.com/batches/7" });
	expect(asked[1]?.body.variables.input).toMatchObject({
		reason: "correction",
		referenceDocumentUri: "https://lockstep.example.com/batches/7",
	});
});

test("a refusal names the change by its index, and says that nothing was done", async () => {
	answers = [
		adjusted([
			{
				field: ["input", "changes", "1", "inventoryItemId"],
				message: "The specified inventory item could not be found.",
				code: "INVALID_INVENTORY_ITEM",
			},
			{ field: ["input", "referenceDocumentUri"], message: "no", code: "INVALID_REFERENCE_DOCUMENT" },
		]),
	];
	expect(await adjust(client(), delta)).toEqual({
		outcome: "refused",
		refused: [
			{ index: 1, error: expect.any(ListingNotFoundError) },
			{ index: null, error: expect.any(RequestRejectedError) },
		],
	});
});

test("what passes by itself is thrown to be tried again under the same key, unless something else of the batch never will", async () => {
	const passing = {
		field: null,
		message: "This request is currently in progress, please try again.",
		code: "IDEMPOTENCY_CONCURRENT_REQUEST",
	};
	answers = [adjusted([passing])];
	await expect(adjust(client(), delta)).rejects.toThrow(ConflictError);
	answers = [adjusted([{ ...passing, code: "SERVICE_UNAVAILABLE" }])];
	await expect(adjust(client(), delta)).rejects.toThrow(ChannelUnavailableError);
	answers = [adjusted([passing, { field: ["input", "changes", "0", "locationId"], message: "no", code: "INVALID_LOCATION" }])];
	expect(await adjust(client(), delta)).toMatchObject({ outcome: "refused", refused: [{ index: 0 }] });
});

test.each([
	["SERVICE_UNAVAILABLE", "retry", ChannelUnavailableError],
	["ADJUST_QUANTITIES_FAILED", "retry", ConflictError],
	["IDEMPOTENCY_CONCURRENT_REQUEST", "retry", ConflictError],
	["IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "refused", ConflictError],
	["CHANGE_FROM_QUANTITY_STALE", "refused", ConflictError],
	["INVALID_INVENTORY_ITEM", "refused", ListingNotFoundError],
	["INVALID_LOCATION", "refused", ListingNotFoundError],
	["ITEM_NOT_STOCKED_AT_LOCATION", "refused", ListingNotFoundError],
	["IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "refused", RequestRejectedError],
	["NON_MUTABLE_INVENTORY_ITEM", "refused", RequestRejectedError],
	["INVALID_REASON", "refused", RequestRejectedError],
	["INVALID_QUANTITY_TOO_LOW", "refused", RequestRejectedError],
	["NEVER_HEARD_OF", "refused", UnexpectedShapeError],
] as const)("the user error %s is %s", (code, verdict, type) => {
	const sorted = errorOfAdjust({ field: null, message: "x", code });
	expect(sorted.verdict).toBe(verdict);
	expect(sorted.error).toBeInstanceOf(type);
});

test("R32 neither a change nor an error coming back is no success", async () => {
	answers = [adjusted([])];
	await expect(adjust(client(), delta)).rejects.toThrow(UnexpectedShapeError);
});

test("home takes differences: an absolute write is refused, each by itself, without a request", async () => {
	const opened = shopify.connect({ account: SHOP, credentials: {} });
	const results = await opened.writeStock([{ externalId: "1", parentExternalId: null, quantity: 3 }]);
	expect(results).toMatchObject([{ outcome: "failed", error: { errorClass: "rejected" } }]);
	expect(asked).toEqual([]);
});
