import { afterEach, describe, expect, it } from "vitest";
import { CANADA, createStage, type Json, type Stage, US } from "./contract/stage.ts";

let stage: Stage;
afterEach(() => stage.close());

const TEA = { sku: "TEA", title: "Green tea", price: "5.00", quantity: 10 };
const SINCE = encodeURIComponent("2026-11-21T00:00:00Z");
const PATH = "/orders/2026-01-01/orders";
const DATA = "includedData=FULFILLMENT,CANCELLATION";
const minutes = (n: number) => n * 60_000;

const buy = (quantity = 1, sku = "TEA"): string => {
	const bought = stage.seller.checkout({ lines: [{ sku, quantity }] });
	if (bought.outcome !== "placed") throw new Error(`refused: only ${bought.shown}`);
	return bought.orderId;
};
const search = async (more = "") => stage.api("GET", `${PATH}?lastUpdatedAfter=${SINCE}&${DATA}${more}`);
const statuses = (json: Json) => json.orders.map((o: Json) => o.fulfillment.fulfillmentStatus);
const rules = () => stage.world.books.violations("amazon").map(({ rule }) => rule);
const sold = () => stage.world.books.sales().map(({ channel, sku, units }) => `${channel} ${sku} ${units}`);

describe("an order", () => {
	it("is pending first, then to be shipped, then shipped, each after its own time; the figure falls at the beginning", async () => {
		stage = await createStage({ pendingMs: [minutes(10), minutes(10)], shipMs: [minutes(100), minutes(100)] });
		stage.world.books.open("TEA", 10);
		stage.seller.seed([TEA]);
		const id = buy(3);
		expect([stage.seller.order(id).status, stage.seller.shown("TEA"), sold()]).toEqual(["PENDING", 7, ["amazon TEA 3"]]);
		await stage.pass(minutes(10));
		expect(stage.seller.order(id).status).toBe("UNSHIPPED");
		await stage.pass(minutes(100));
		expect([stage.seller.order(id).status, stage.seller.shown("TEA")]).toEqual(["SHIPPED", 7]);
		stage.seller.cancelOrder(id);
		expect([stage.seller.order(id).status, stage.world.books.truth("TEA")]).toEqual(["SHIPPED", 7]);
	});

	it("that is never paid, or is cancelled, gives its pieces back", async () => {
		stage = await createStage({ pendingMs: [minutes(10), minutes(10)], unpaidShare: 1 });
		stage.world.books.open("TEA", 10);
		stage.seller.seed([TEA]);
		const unpaid = buy(2);
		await stage.pass(minutes(10));
		expect(stage.seller.order(unpaid)).toMatchObject({
			status: "CANCELLED",
			lines: [{ cancelled: { by: "AMAZON", reason: "PAYMENT_DECLINED" } }],
		});
		const other = buy(4);
		stage.seller.payOrder(other);
		stage.seller.cancelOrder(other);
		expect([stage.seller.shown("TEA"), stage.world.books.truth("TEA")]).toEqual([10, 10]);
		expect(sold()).toEqual(["amazon TEA 2", "amazon TEA -2", "amazon TEA 4", "amazon TEA -4"]);
	});

	it("is refused when the store shows fewer, and a closed offer shows none", async () => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		expect(stage.seller.checkout({ lines: [{ sku: "TEA", quantity: 11 }] })).toEqual({ outcome: "refused", sku: "TEA", shown: 10 });
		stage.seller.setBuyable("TEA", false);
		expect(stage.seller.checkout({ lines: [{ sku: "TEA", quantity: 1 }] })).toEqual({ outcome: "refused", sku: "TEA", shown: 0 });
		expect([sold(), stage.world.books.shown("amazon", "TEA")]).toEqual([[], 0]);
	});

	it("a buyer's wish to cancel moves nothing until somebody cancels; parts ship and parts are cancelled", async () => {
		stage = await createStage();
		stage.seller.seed([TEA, { sku: "CUP", quantity: 5 }]);
		const bought = stage.seller.checkout({
			lines: [
				{ sku: "TEA", quantity: 2 },
				{ sku: "CUP", quantity: 1 },
			],
		});
		const id = bought.outcome === "placed" ? bought.orderId : "";
		stage.seller.requestCancellation(id);
		expect([stage.seller.order(id).status, stage.seller.shown("TEA")]).toEqual(["UNSHIPPED", 8]);
		stage.seller.shipOrder(id, [{ sku: "TEA", quantity: 1 }]);
		expect(stage.seller.order(id).status).toBe("PARTIALLY_SHIPPED");
		stage.seller.cancelOrder(id, { by: "BUYER", skus: ["CUP"] });
		expect([stage.seller.shown("CUP"), stage.seller.shown("TEA")]).toEqual([5, 8]);
		const { json } = await stage.api("GET", `${PATH}/${id}?${DATA}`);
		expect(json.order.orderItems.map((i: Json) => [i.product.sellerSku, i.fulfillment, i.cancellation.cancellationExecution])).toEqual([
			["TEA", { quantityFulfilled: 1, quantityUnfulfilled: 1 }, undefined],
			["CUP", { quantityFulfilled: 0, quantityUnfulfilled: 0 }, { cancelledBy: "BUYER", cancelReason: "NO_INVENTORY" }],
		]);
		expect(json.order.orderItems[0].cancellation.cancellationRequest.requester).toBe("BUYER");
		stage.seller.cancelOrder(id);
		expect([stage.seller.order(id).status, stage.seller.shown("TEA")]).toEqual(["PARTIALLY_SHIPPED", 8]);
		stage.seller.shipOrder(id);
		expect(stage.seller.order(id).status).toBe("SHIPPED");
	});

	it("may say of a cancelled line that it has no pieces", async () => {
		for (const [cancelledQuantity, pieces] of [
			["ordered", 2],
			["zero", 0],
		] as const) {
			stage = await createStage({ cancelledQuantity });
			stage.seller.seed([TEA]);
			const id = buy(2);
			stage.seller.cancelOrder(id);
			expect((await stage.api("GET", `${PATH}/${id}`)).json.order.orderItems[0].quantityOrdered).toBe(pieces);
			if (pieces > 0) await stage.close();
		}
	});

	it("tells what the seller receives once it is paid for, to those who ask; another sum is told without a newer time", async () => {
		stage = await createStage({ pendingMs: [minutes(10), minutes(10)] });
		stage.seller.seed([TEA]);
		const id = buy(3);
		const read = async (data: string) => (await stage.api("GET", `${PATH}/${id}?includedData=${data}`)).json.order;
		expect((await read("PROCEEDS")).proceeds).toBeUndefined();
		await stage.pass(minutes(10));
		const { proceeds, lastUpdatedTime } = await read("PROCEEDS");
		expect([proceeds, (await read("FULFILLMENT")).proceeds]).toEqual([{ grandTotal: { amount: "15.00", currencyCode: "USD" } }, undefined]);
		stage.seller.sayProceeds(id, "12.50");
		expect(await read("PROCEEDS")).toMatchObject({ proceeds: { grandTotal: { amount: "12.50", currencyCode: "USD" } }, lastUpdatedTime });
		stage.seller.sayProceeds(id, null);
		expect((await read("PROCEEDS")).proceeds).toBeUndefined();
	});

	it("that Amazon ships takes from Amazon's stock; the books of the seller's shelf hear nothing", async () => {
		stage = await createStage();
		stage.world.books.open("TEA-FBA", 0);
		stage.seller.seed([{ sku: "TEA-FBA", fba: 6 }]);
		const id = buy(2, "TEA-FBA");
		expect([stage.seller.shown("TEA-FBA"), sold(), stage.world.books.shown("amazon", "TEA-FBA")]).toEqual([4, [], undefined]);
		expect((await stage.api("GET", `${PATH}/${id}?includedData=FULFILLMENT`)).json.order.fulfillment.fulfilledBy).toBe("AMAZON");
		stage.seller.cancelOrder(id, { by: "BUYER" });
		expect(stage.seller.shown("TEA-FBA")).toBe(6);
	});

	it("in a second store has its own figure, or the one that all stores of the account share", async () => {
		stage = await createStage({}, { marketplaces: [US, CANADA] });
		stage.seller.seed([{ ...TEA, marketplaces: [US, CANADA] }]);
		stage.seller.checkout({ lines: [{ sku: "TEA", quantity: 4 }], marketplaceId: CANADA });
		expect([stage.seller.shown("TEA"), stage.seller.shown("TEA", CANADA)]).toEqual([10, 6]);
		expect([stage.world.books.shown("amazon", "TEA"), stage.world.books.shown("amazon-CA", "TEA")]).toEqual([10, 6]);
		expect(sold()).toEqual(["amazon-CA TEA 4"]);
		const unified = stage.amazon.createSeller({ marketplaces: [US, CANADA], channel: "other", sharedQuantity: true });
		unified.seed([{ ...TEA, marketplaces: [US, CANADA] }]);
		unified.checkout({ lines: [{ sku: "TEA", quantity: 4 }], marketplaceId: CANADA });
		expect([stage.world.books.shown("other", "TEA"), stage.world.books.shown("other-CA", "TEA")]).toEqual([6, 6]);
	});
});

describe("searchOrders", () => {
	it("lags two minutes: an order is not found, then found as it was, and getOrder knows at once", async () => {
		stage = await createStage({ pendingMs: [minutes(5), minutes(5)] });
		stage.seller.seed([TEA]);
		const id = buy();
		expect((await stage.api("GET", `${PATH}/${id}?${DATA}`)).json.order.fulfillment.fulfillmentStatus).toBe("PENDING");
		expect((await search()).json).toEqual({ orders: [], lastUpdatedBefore: "2026-11-21T09:58:00.000Z" });
		await stage.pass(minutes(2));
		expect(statuses((await search()).json)).toEqual(["PENDING"]);
		await stage.pass(minutes(4));
		expect([stage.seller.order(id).status, statuses((await search()).json)]).toEqual(["UNSHIPPED", ["PENDING"]]);
		await stage.pass(minutes(1));
		expect(statuses((await search()).json)).toEqual(["UNSHIPPED"]);
		expect(rules()).toEqual([]);
	});

	it("pages by tokens that belong to their search and die after a day", async () => {
		stage = await createStage();
		stage.seller.seed([{ ...TEA, quantity: 100 }]);
		const ids: string[] = [];
		for (let n = 0; n < 7; n++) {
			ids.push(buy());
			await stage.pass(1_000);
		}
		await stage.pass(minutes(3));
		const got: string[] = [];
		let token = "";
		for (let page = 0; page < 3; page++) {
			const { json } = await search(`&maxResultsPerPage=3${token}`);
			got.push(...json.orders.map((o: Json) => o.orderId));
			if (page < 2) token = `&paginationToken=${json.pagination.nextToken}`;
			else expect(json.pagination).toBeUndefined();
			buy();
		}
		expect(got).toEqual(ids);
		expect((await search(`&marketplaceIds=${US}${token}`)).status).toBe(400);
		await stage.pass(minutes(24 * 60 + 1));
		expect((await search(token)).status).toBe(400);
	});

	it("filters by store, status and who ships", async () => {
		stage = await createStage({}, { marketplaces: [US, CANADA] });
		stage.seller.seed([
			{ ...TEA, marketplaces: [US, CANADA] },
			{ sku: "TEA-FBA", fba: 5 },
		]);
		const [us, fba] = [buy(), buy(1, "TEA-FBA")];
		const bought = stage.seller.checkout({ lines: [{ sku: "TEA", quantity: 1 }], marketplaceId: CANADA });
		const canada = bought.outcome === "placed" ? bought.orderId : "";
		stage.seller.cancelOrder(us);
		await stage.pass(minutes(2));
		const ids = async (more: string) => (await search(more)).json.orders.map((o: Json) => o.orderId).sort();
		expect(await ids("&fulfilledBy=MERCHANT")).toEqual([us, canada].sort());
		expect(await ids("&fulfilledBy=AMAZON,MERCHANT&fulfillmentStatuses=CANCELLED,SHIPPED")).toEqual([us]);
		expect(await ids(`&marketplaceIds=${CANADA}`)).toEqual([canada]);
		expect(await ids(`&marketplaceIds=${US}&fulfillmentStatuses=UNSHIPPED`)).toEqual([fba]);
	});

	const moment = (iso: string) => encodeURIComponent(iso);
	it.each([
		["neither After", ""],
		["both After", `createdAfter=${SINCE}&lastUpdatedAfter=${SINCE}`],
		["the other's Before", `createdAfter=${SINCE}&lastUpdatedBefore=${moment("2026-11-21T01:00:00Z")}`],
		["a Before of a minute ago", `lastUpdatedAfter=${SINCE}&lastUpdatedBefore=${moment("2026-11-21T09:59:00Z")}`],
		["a Before that is earlier than After", `lastUpdatedAfter=${SINCE}&lastUpdatedBefore=${moment("2026-11-20T00:00:00Z")}`],
		["no date", "lastUpdatedAfter=yesterday"],
		["an unknown status", `lastUpdatedAfter=${SINCE}&fulfillmentStatuses=Unshipped`],
		["a list by repetition", `lastUpdatedAfter=${SINCE}&includedData=FULFILLMENT&includedData=TAX`],
		["too large a page", `lastUpdatedAfter=${SINCE}&maxResultsPerPage=101`],
		["an unknown token", `lastUpdatedAfter=${SINCE}&paginationToken=x`],
	])("answers 400 to %s, and remembers it", async (_, query) => {
		stage = await createStage();
		const { status, json } = await stage.api("GET", `${PATH}?${query}`);
		expect([status, json.errors[0].code, rules()]).toEqual([400, "InvalidInput", ["invalid request"]]);
	});

	it("takes a Before of exactly two minutes ago", async () => {
		stage = await createStage();
		expect((await stage.api("GET", `${PATH}?lastUpdatedAfter=${SINCE}&lastUpdatedBefore=${moment("2026-11-21T09:58:00Z")}`)).status).toBe(
			200,
		);
	});

	it("gives buyers' data only to an application with a role, and asking is remembered", async () => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		const id = buy();
		const refused = await stage.api("GET", `${PATH}/${id}?includedData=BUYER,FULFILLMENT`);
		expect([refused.status, refused.json.errors[0].code]).toEqual([403, "AccessDenied"]);
		expect((await stage.api("GET", `${PATH}?lastUpdatedAfter=${SINCE}&includedData=RECIPIENT`)).status).toBe(403);
		expect(rules()).toEqual(["personal data asked for", "personal data asked for"]);
		expect((await stage.api("GET", `${PATH}/111-1111111-1111111`)).status).toBe(404);
	});
});

describe("usage plans", () => {
	it("twenty searches at once, then one in three minutes; the caller is told its rate and could have known", async () => {
		stage = await createStage();
		const codes: number[] = [];
		for (let n = 0; n < 21; n++) codes.push((await search()).status);
		expect([codes.filter((c) => c === 200).length, codes[20]]).toEqual([20, 429]);
		const limited = await search();
		expect(limited.json).toEqual({
			errors: [{ code: "QuotaExceeded", message: "You exceeded your quota for the requested resource.", details: "" }],
		});
		expect(limited.headers["x-amzn-ratelimit-limit"]).toBeUndefined();
		expect(rules()).toEqual(["429 earned", "429 earned"]);
		await stage.pass(178_000);
		expect((await search()).status).toBe(429);
		await stage.pass(1_000);
		const allowed = await search();
		expect([allowed.status, allowed.headers["x-amzn-ratelimit-limit"]]).toEqual([200, "0.0056"]);
		expect((await search()).status).toBe(429);
	});

	it("each seller and each operation has its own bucket", async () => {
		stage = await createStage();
		for (let n = 0; n < 20; n++) await search();
		const token = await stage.tokenOf(stage.amazon.createSeller({ channel: "other" }));
		expect((await stage.api("GET", `${PATH}?lastUpdatedAfter=${SINCE}`, { token })).status).toBe(200);
		expect((await stage.api("GET", `${PATH}/111-1111111-1111111`)).status).toBe(404);
		expect((await search()).status).toBe(429);
	});

	it("a plan below the published one is no fault of the caller until a header has told of it", async () => {
		stage = await createStage({ plans: { getOrder: { rate: 0.1, burst: 2 } } });
		const read = async () => (await stage.api("GET", `${PATH}/111-1111111-1111111`)).status;
		expect([await read(), await read(), await read()]).toEqual([404, 404, 429]);
		expect(rules()).toEqual([]);
		for (let n = 0; n < 60; n++) {
			await stage.pass(5_000);
			await read();
		}
		expect([...new Set(rules())]).toEqual(["429 earned"]);
	});
});
