import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type AmazonRequest, createAmazonReplay } from "../../../tests/kit/amazon-replay.ts";
import type { AccountAccess, CallReport, OrderPage } from "../channel.ts";
import {
	ChannelError,
	ChannelUnavailableError,
	ConflictError,
	CredentialsRejectedError,
	ListingNotFoundError,
	RateLimitedError,
	RequestRejectedError,
	UnexpectedShapeError,
} from "../errors.ts";
import { amazon } from "./index.ts";

const US = "ATVPDKIKX0DER";
const TOKEN = "Atza|first-token-of-the-hour";
const orderBody = (id: string, lastUpdatedTime = "2026-11-21T09:00:00Z") => ({
	orderId: id,
	createdTime: "2026-11-21T08:00:00Z",
	lastUpdatedTime,
	salesChannel: { channelName: "AMAZON", marketplaceId: US },
	fulfillment: { fulfillmentStatus: "UNSHIPPED", fulfilledBy: "MERCHANT" },
	orderItems: [{ orderItemId: "1", quantityOrdered: 1, product: { sellerSku: "SKU-1" } }],
});
const [WITH_SUMS, WITHOUT_SUMS] = ["FULFILLMENT,CANCELLATION,PROCEEDS", "FULFILLMENT,CANCELLATION"];
const refusal = (code: string, message = "no", details = "") => ({ errors: [{ code, message, details }] });
const expired = refusal("Unauthorized", "Access to requested resource is denied.", "The access token you provided has expired.");

let replay: Awaited<ReturnType<typeof createAmazonReplay>>;
let tokens: (string | undefined)[];
let calls: CallReport[];
let paid: { cost: number; operation: string | undefined }[];
let access: AccountAccess;

beforeAll(async () => {
	replay = await createAmazonReplay();
});
afterAll(() => replay.close());
beforeEach(() => {
	[tokens, calls, paid] = [[], [], []];
	replay.setDate("2026-11-21T10:00:00Z");
	replay.requests.length = 0;
	access = {
		account: "A3TH9S8BH6GOGM",
		credentials: { refreshToken: "Atzr|refresh", region: "NA", marketplaceIds: US },
		accessToken: async (refused) => {
			tokens.push(refused);
			return refused === undefined ? TOKEN : "Atza|second-token-of-the-hour";
		},
		beforeCall: async (cost, operation) => void paid.push({ cost, operation }),
		onCall: (call) => void calls.push(call),
	};
});
const connect = () => amazon.connect(access);
const caught = async (work: Promise<unknown>): Promise<ChannelError> => {
	const error = await work.then(
		() => null,
		(thrown: unknown) => thrown,
	);
	if (!(error instanceof ChannelError)) throw new Error(`It was to end with a ChannelError, and ended with ${String(error)}`);
	return error;
};

describe("signing in", () => {
	test("R17 each request carries token, date and agent, goes to its region and is paid from its operation's bucket", async () => {
		replay.answer(() => ({ body: { order: orderBody("902-1") } }));
		await connect().readOrder("902-1");
		const [sent] = replay.requests;
		expect(sent?.url.host).toBe("sellingpartnerapi-na.amazon.com");
		expect(sent?.headers["x-amz-access-token"]).toBe(TOKEN);
		expect(sent?.headers["x-amz-date"]).toMatch(/^\d{8}T\d{6}Z$/);
		expect(sent?.headers["user-agent"]).toBe("Lockstep/1 (Language=TypeScript)");
		expect(paid).toEqual([{ cost: 1, operation: "getOrder" }]);
		expect(calls).toEqual([expect.objectContaining({ operation: "getOrder", bucket: "getOrder", httpStatus: 200, requestId: "req-1" })]);
		access.credentials = { ...access.credentials, region: "FE" };
		await connect().readOrder("902-1");
		expect(replay.requests.at(-1)?.url.host).toBe("sellingpartnerapi-fe.amazon.com");
	});

	test.each([
		["401", 401, refusal("Unauthorized")],
		["403 that speaks of the token", 403, expired],
	])("a token that is refused (%s) is asked for anew once, and the request is sent again", async (_, status, body) => {
		replay.answer(({ headers }) => (headers["x-amz-access-token"] === TOKEN ? { status, body } : { body: { order: orderBody("902-1") } }));
		expect((await connect().readOrder("902-1"))?.orderId).toBe("902-1");
		expect(tokens).toEqual([undefined, TOKEN]);
		expect(replay.requests).toHaveLength(2);
		expect(paid).toHaveLength(2);
	});

	test("refused twice, it is the consent: no third try, and the connection turns red", async () => {
		replay.answer(() => ({ status: 403, body: expired }));
		const error = await caught(connect().readOrder("902-1"));
		expect(error).toBeInstanceOf(CredentialsRejectedError);
		expect(replay.requests).toHaveLength(2);
		expect(error.message).not.toContain("token-of-the-hour");
	});

	test("a missing role is not the token's age: asked once more without what no order needs, with the same token", async () => {
		replay.answer(() => ({ status: 403, body: refusal("Unauthorized", "Access to requested resource is denied.") }));
		expect(await caught(connect().readOrder("902-1"))).toBeInstanceOf(CredentialsRejectedError);
		expect(replay.requests.map(({ url }) => url.searchParams.get("includedData"))).toEqual([WITH_SUMS, WITHOUT_SUMS]);
		expect(tokens).toEqual([undefined, undefined]);
	});

	test("without a consent nothing is sent", async () => {
		delete access.accessToken;
		expect(await caught(connect().readOrder("902-1"))).toBeInstanceOf(CredentialsRejectedError);
		expect(replay.requests).toHaveLength(0);
	});
});

describe("errors: the one table", () => {
	test.each([
		["400 InvalidInput", 400, refusal("InvalidInput", "Invalid order id"), RequestRejectedError, false],
		["403 AccessDenied", 403, refusal("AccessDenied"), CredentialsRejectedError, true],
		["413", 413, refusal("RequestTooLarge"), RequestRejectedError, false],
		["415", 415, refusal("UnsupportedMediaType"), RequestRejectedError, false],
		["409", 409, refusal("Conflict"), ConflictError, false],
		["429 QuotaExceeded", 429, refusal("QuotaExceeded"), RateLimitedError, true],
		["500 InternalFailure", 500, refusal("InternalFailure"), ChannelUnavailableError, true],
		["503", 503, refusal("ServiceUnavailable"), ChannelUnavailableError, true],
		["400 that Amazon's API did not say", 400, "<html>", ChannelUnavailableError, true],
		["a redirect", 302, "", ChannelUnavailableError, true],
		["200 that is no JSON", 200, "<html>", ChannelUnavailableError, true],
		["200 of another shape", 200, { order: { orderId: "902-1" } }, UnexpectedShapeError, false],
	])("%s", async (_, status, body, kind, wide) => {
		replay.answer(() => ({ status, body }));
		const error = await caught(connect().readOrder("902-1"));
		expect(error).toBeInstanceOf(kind);
		expect(error.connectionWide).toBe(wide);
		expect(error.message).not.toContain(TOKEN);
		if (!(error instanceof UnexpectedShapeError)) expect(error.requestId).toBe("req-1");
	});

	test("a listing that is not there is its own trouble; an order that is not there is none", async () => {
		replay.answer(() => ({ status: 404, body: refusal("NOT_FOUND", "SKU not found") }));
		const [result] = await connect().writeStock([{ externalId: `${US}/GONE`, parentExternalId: null, quantity: 1 }]);
		expect(result).toMatchObject({ outcome: "failed", error: expect.any(ListingNotFoundError) });
		expect(await connect().readOrder("902-1")).toBeNull();
	});
});

describe("budgets", () => {
	test("R17 a refusal says when the operation's next unit is there, by its own rate", async () => {
		replay.answer(() => ({ status: 429, body: refusal("QuotaExceeded"), headers: { "x-amzn-ratelimit-limit": "0.25" } }));
		const error = await caught(connect().readOrder("902-1"));
		expect((error as RateLimitedError).retryAfterMs).toBe(4_000);
		expect(calls[0]).toMatchObject({
			bucket: "getOrder",
			httpStatus: 429,
			retryAfterMs: 4_000,
			budget: { remaining: 0, capacity: 30, refillPerSecond: 0.25 },
		});
		replay.answer(() => ({ status: 429, body: refusal("QuotaExceeded") }));
		expect(((await caught(connect().readOrder("902-1"))) as RateLimitedError).retryAfterMs).toBe(2_000);
	});

	test("the documented rate, a higher one and nonsense correct nothing", async () => {
		for (const rate of ["0.5", "5.0", "nonsense", "0", "-1"]) {
			replay.answer(() => ({ body: { order: orderBody("902-1") }, headers: { "x-amzn-ratelimit-limit": rate } }));
			await connect().readOrder("902-1");
		}
		expect(calls.map(({ budget }) => budget)).toEqual([undefined, undefined, undefined, undefined, undefined]);
	});
});

describe("the list of orders", () => {
	const listed = async (since: string): Promise<OrderPage[]> => {
		const pages: OrderPage[] = [];
		for await (const page of connect().listOrders({ since })) pages.push(page);
		return pages;
	};

	test("R24 page after page with the same question; its time is how far Amazon's list goes, two minutes back", async () => {
		const bodies = [
			{ orders: [orderBody("902-1"), orderBody("902-2")], pagination: { nextToken: "two" }, lastUpdatedBefore: "2026-11-21T09:57:30Z" },
			{ orders: [orderBody("902-3")], lastUpdatedBefore: "2026-11-21T09:57:30Z" },
		];
		replay.answer(({ url }) => ({ body: bodies[url.searchParams.get("paginationToken") === "two" ? 1 : 0] }));
		const pages = await listed(new Date().toISOString().replace(/\.\d+/, ".789"));
		expect(pages.map(({ orders }) => orders.map(({ orderId }) => orderId))).toEqual([["902-1", "902-2"], ["902-3"]]);
		expect(pages.map(({ channelTime }) => channelTime)).toEqual(["2026-11-21T09:57:30.000Z", "2026-11-21T09:57:30.000Z"]);
		const [first, second] = replay.requests.map(({ url }) => Object.fromEntries(url.searchParams));
		expect(first).toEqual({
			lastUpdatedAfter: expect.stringMatching(/T\d\d:\d\d:\d\dZ$/),
			marketplaceIds: US,
			fulfilledBy: "MERCHANT,AMAZON",
			maxResultsPerPage: "100",
			includedData: WITH_SUMS,
		});
		expect(second).toEqual({ ...first, paginationToken: "two" });
		expect(paid.map(({ operation }) => operation)).toEqual(["searchOrders", "searchOrders"]);
	});

	test("where Amazon does not say how far it goes, its clock less two minutes counts", async () => {
		replay.answer(() => ({ body: { orders: [] } }));
		const [page] = await listed("2026-11-01T00:00:00Z");
		const behind = Date.parse("2026-11-21T10:00:00Z") - Date.parse(page?.channelTime ?? "");
		expect(behind).toBeGreaterThanOrEqual(120_000);
		expect(behind).toBeLessThan(125_000);
	});

	test("the history of orders that Amazon ships is not asked for", async () => {
		replay.answer(() => ({ body: { orders: [] } }));
		await listed("2025-01-01T00:00:00Z");
		expect(replay.requests[0]?.url.searchParams.get("fulfilledBy")).toBe("MERCHANT");
	});

	test("R32 an order that does not fit is named beside the others, without what may be personal", async () => {
		const odd = {
			...orderBody("902-9"),
			fulfillment: { fulfillmentStatus: "ON_HOLD", fulfilledBy: "MERCHANT" },
			buyer: { buyerName: "Ada Lovelace" },
		};
		replay.answer(() => ({ body: { orders: [orderBody("902-1"), odd, "nonsense"] } }));
		const [page] = await listed("2026-11-21T00:00:00Z");
		expect(page?.orders.map(({ orderId }) => orderId)).toEqual(["902-1"]);
		expect(page?.unreadable?.map(({ orderId, error }) => [orderId, error.message])).toEqual([
			["902-9", expect.stringContaining('"ON_HOLD"')],
			["", expect.any(String)],
		]);
		expect(JSON.stringify(page)).not.toContain("Ada");
	});

	test("a list that was begun waits for its next page; one that cannot begin says so at once", async () => {
		let refusals = 1;
		replay.answer(({ url }) => {
			if (!url.searchParams.has("paginationToken")) return { body: { orders: [orderBody("902-1")], pagination: { nextToken: "two" } } };
			if (refusals-- > 0) return { status: 429, body: refusal("QuotaExceeded"), headers: { "x-amzn-ratelimit-limit": "20" } };
			return { body: { orders: [orderBody("902-2")] } };
		});
		expect((await listed("2026-11-21T00:00:00Z")).map(({ orders }) => orders[0]?.orderId)).toEqual(["902-1", "902-2"]);
		expect(replay.requests).toHaveLength(3);
		replay.answer(() => ({ status: 429, body: refusal("QuotaExceeded") }));
		await expect(listed("2026-11-21T00:00:00Z")).rejects.toThrow(RateLimitedError);
		expect(replay.requests).toHaveLength(4);
	});

	test("a wait that no worker has time for ends the list", async () => {
		replay.answer(({ url }) =>
			url.searchParams.has("paginationToken")
				? { status: 429, body: refusal("QuotaExceeded"), headers: { "x-amzn-ratelimit-limit": "0.001" } }
				: { body: { orders: [], pagination: { nextToken: "two" } } },
		);
		await expect(listed("2026-11-21T00:00:00Z")).rejects.toThrow(RateLimitedError);
	});
});

describe("R26 what an order comes to", () => {
	const withSum = (id: string) => ({ ...orderBody(id), proceeds: { grandTotal: { amount: "20.10", currencyCode: "USD" } } });
	const asked = () => replay.requests.map(({ url }) => url.searchParams.get("includedData"));
	const isWithSums = ({ url }: AmazonRequest) => url.searchParams.get("includedData") === WITH_SUMS;
	const denied = { status: 403, body: refusal("AccessDenied") };

	test("comes with the order and with the list", async () => {
		replay.answer(({ url }) => ({ body: url.pathname.endsWith("/orders") ? { orders: [withSum("902-2")] } : { order: withSum("902-1") } }));
		const client = connect();
		expect((await client.readOrder("902-1"))?.total).toEqual({ amount: "20.10", currency: "USD" });
		for await (const { orders } of client.listOrders({ since: "2026-11-21T00:00:00Z" })) {
			expect(orders.map(({ total }) => total)).toEqual([{ amount: "20.10", currency: "USD" }]);
		}
	});

	test("an account that is refused it is read without, keeps its consent, and is not asked for it again", async () => {
		replay.answer((request) => {
			if (isWithSums(request)) return denied;
			if (!request.url.pathname.endsWith("/orders")) return { body: { order: orderBody("902-1") } };
			const more = request.url.searchParams.has("paginationToken") ? {} : { pagination: { nextToken: "two" } };
			return { body: { orders: [orderBody("902-2")], ...more } };
		});
		const client = connect();
		let pages = 0;
		for await (const { orders } of client.listOrders({ since: "2026-11-21T00:00:00Z" })) {
			expect(orders).toMatchObject([{ orderId: "902-2", total: null }]);
			pages++;
		}
		expect(pages).toBe(2);
		expect(await client.readOrder("902-1")).toMatchObject({ orderId: "902-1", total: null });
		// A list's later pages are asked for with the very words of its first.
		expect(asked()).toEqual([WITH_SUMS, WITHOUT_SUMS, WITHOUT_SUMS, WITHOUT_SUMS]);
	});

	test.each([
		["refused without it as well: the consent", denied, CredentialsRejectedError],
		["out of calls then: it waits, and nobody is accused", { status: 429, body: refusal("QuotaExceeded") }, RateLimitedError],
	])("%s", async (_, then, kind) => {
		replay.answer((request) => (isWithSums(request) ? denied : then));
		expect(await caught(connect().readOrder("902-1"))).toBeInstanceOf(kind);
		expect(replay.requests).toHaveLength(2);
	});
});

describe("R31 the health check", () => {
	const participation = (id: string, isParticipating = true, hasSuspendedListings = false) => ({
		marketplace: {
			id,
			name: "Amazon",
			countryCode: "US",
			defaultCurrencyCode: "USD",
			defaultLanguageCode: "en_US",
			domainName: "www.amazon.com",
		},
		participation: { isParticipating, hasSuspendedListings },
		storeName: "Teahouse",
	});
	const healthy = ({ url }: AmazonRequest, payload: unknown[] = [participation(US), participation("A1MQXOICRS2Z7M")]) => {
		if (url.pathname.startsWith("/sellers")) return { body: { payload } };
		if (url.pathname.startsWith("/listings")) return { body: { numberOfResults: 214, items: [] } };
		return { status: 404, body: refusal("NotFound", "no such order") };
	};
	test("green: marketplaces, listings and orders answer", async () => {
		replay.answer((request) => healthy(request));
		expect(await connect().check()).toEqual({
			health: "green",
			account: "A3TH9S8BH6GOGM",
			detail: { name: "Teahouse", region: "NA", marketplaces: "United States", listings: "214", clock: "2026-11-21T10:00:00.000Z" },
		});
		// The poll's tiny quota is left alone.
		expect(paid.map(({ operation }) => operation)).toEqual(["getMarketplaceParticipations", "searchListingsItems", "getOrder"]);
	});
	test("a seller on holiday is told, and not refused", async () => {
		replay.answer((request) => healthy(request, [participation(US, true, true)]));
		expect(await connect().check()).toMatchObject({ health: "green", detail: { notSelling: "United States" } });
	});
	test.each([
		["no longer sells there", (request: AmazonRequest) => healthy(request, [participation(US, false)]), /no longer sells in United States/],
		["consent gone", () => ({ status: 403, body: refusal("Unauthorized") }), /Connect the account again/],
		["out of calls", () => ({ status: 429, body: refusal("QuotaExceeded") }), /no more calls at the moment/],
		["down", () => ({ status: 500, body: refusal("InternalFailure") }), /cannot be reached/],
		["other words", () => ({ body: { payload: "?" } }), /does not know/],
		[
			"the right to read orders is missing",
			(request: AmazonRequest) =>
				request.url.pathname.startsWith("/orders") ? { status: 403, body: refusal("Unauthorized") } : healthy(request),
			/rights for orders and listings/,
		],
	])("red: %s", async (_, answer, reason) => {
		replay.answer(answer);
		const report = await connect().check();
		expect(report).toMatchObject({ health: "red", reason: expect.stringMatching(reason) });
		expect(JSON.stringify(report)).not.toContain(TOKEN);
	});
});
