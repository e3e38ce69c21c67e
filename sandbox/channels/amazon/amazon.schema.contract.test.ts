import { afterEach, describe, expect, it } from "vitest";
import { CONTRACTS_PRESENT, notificationStrayings, operationOf, operations, strayings } from "./contract/published.ts";
import { createStage, type Json, type Stage, US } from "./contract/stage.ts";
import { PLANS } from "./usage-plans.ts";

/**
 * Every answer of the stand-in and every notification is held against Amazon's published models, in all tests of this folder:
 * `stage.api` and `stage.drain` refuse what is not as published. Here the tour that meets every operation, and the checks of
 * the checks.
 */
let stage: Stage | null = null;
afterEach(() => stage?.close());

describe.skipIf(!CONTRACTS_PRESENT)("Amazon's published models", () => {
	it("have the usage plans that the stand-in enforces", () => {
		const published = Object.fromEntries(Object.keys(PLANS).map((id) => [id, operations().find((o) => o.id === id)?.plan]));
		expect(PLANS).toEqual(published);
	});

	it("have every path that the stand-in serves, under the same name", async () => {
		stage = await createStage();
		for (const id of Object.keys(PLANS)) {
			const { method = "", path = "" } = operations().find((o) => o.id === id) ?? {};
			await stage.api(method, path.replace(/\{\w+\}/g, "x"), { token: "wrong" });
			expect(stage.world.books.calls("amazon").at(-1)?.operation).toBe(id);
		}
	});

	it("are kept by every operation, in success and in refusal", async () => {
		stage = await createStage({ gzipReports: false });
		const met = await tour(stage);
		expect([...met].sort()).toEqual(
			[
				...Object.keys(PLANS).flatMap((id) => [
					`${id} ${id === "createReport" ? 202 : 200}`,
					`${id} 403`,
					`${id} 429`,
					`${id} 500`,
					`${id} 503`,
				]),
				"createDestination 400",
				"createDestination 409",
				"createReport 400",
				"createSubscription 400",
				"createSubscription 404",
				"createSubscription 409",
				"deleteDestination 404",
				"deleteSubscriptionById 404",
				"getDestination 404",
				"getInventorySummaries 400",
				"getListingsItem 400",
				"getListingsItem 404",
				"getOrder 400",
				"getOrder 404",
				"getReport 404",
				"getReportDocument 404",
				"getSubscription 400",
				"getSubscription 404",
				"getSubscriptionById 404",
				"getSubscriptions 400",
				"patchListingsItem 400",
				"searchListingsItems 400",
				"searchOrders 400",
			].sort(),
		);
	}, 60_000);

	it("are kept by every notification", async () => {
		stage = await createStage({ patchMs: [0, 0] });
		stage.seller.seed([
			{ sku: "TEA", quantity: 10 },
			{ sku: "TEA-FBA", fba: 5 },
		]);
		const types = [
			"ORDER_CHANGE",
			"LISTINGS_ITEM_MFN_QUANTITY_CHANGE",
			"LISTINGS_ITEM_ISSUES_CHANGE",
			"FBA_INVENTORY_AVAILABILITY_CHANGES",
			"REPORT_PROCESSING_FINISHED",
		];
		await stage.subscribe(...types);
		await everyOrderState(stage);
		stage.amazon.nextSubmission({ kind: "refused-later" });
		await stage.api("PATCH", `/listings/2021-08-01/items/${stage.seller.id}/TEA?marketplaceIds=${US}`, { body: patchTo(1) });
		await stage.api("POST", "/reports/2021-06-30/reports", {
			body: { reportType: "GET_MERCHANT_LISTINGS_ALL_DATA", marketplaceIds: [US] },
		});
		await stage.pass(1);
		const told = await stage.drain();
		expect(new Set(told.map((n) => n.NotificationType ?? n.notificationType))).toEqual(new Set(types));
		const states = told
			.filter((n) => n.NotificationType === "ORDER_CHANGE")
			.map((n) => n.Payload.OrderChangeNotification.Summary.OrderStatus);
		expect(new Set(states)).toEqual(new Set(["Pending", "Unshipped", "PartiallyShipped", "Shipped", "Canceled"]));
	});

	it("are noticed to be broken: a field that is not published, one that is missing, a status that is not named", async () => {
		const headers = { "x-amzn-requestid": "1", "x-amzn-ratelimit-limit": "0.5" };
		const path = "/orders/2026-01-01/orders/1";
		const order = {
			orderId: "1",
			createdTime: "2026-11-21T10:00:00Z",
			lastUpdatedTime: "2026-11-21T10:00:00Z",
			salesChannel: { channelName: "AMAZON" },
			orderItems: [],
		};
		const heard = (body: Json, status = 200) => strayings({ method: "GET", path, status, body, headers }).length;
		expect(heard({ order })).toBe(0);
		expect(heard({ order: { ...order, invented: 1 } })).toBe(1);
		expect(heard({ order: { ...order, salesChannel: { channelName: "AMAZON", invented: 1 } } })).toBe(1);
		expect(heard({ order: { ...order, orderId: undefined } })).toBeGreaterThan(0);
		expect(heard({ order: { ...order, createdTime: "yesterday" } })).toBe(1);
		expect(heard({ order }, 402)).toBe(1);
		expect(strayings({ method: "GET", path, status: 200, body: { order }, headers: {} })).toHaveLength(2);
		expect(notificationStrayings({ NotificationType: "ORDER_CHANGE" }).length).toBeGreaterThan(0);
		expect(notificationStrayings({ NotificationType: "MADE_UP" })).toHaveLength(1);
	});
});

if (!CONTRACTS_PRESENT) {
	describe("Amazon's published models", () => {
		it("were not compared: ../shared/contracts is not there", () =>
			console.log("Amazon's published models were not compared: ../shared/contracts is not there"));
	});
}

const patchTo = (quantity: number) => ({
	productType: "PRODUCT",
	patches: [{ op: "merge", path: "/attributes/fulfillment_availability", value: [{ fulfillment_channel_code: "DEFAULT", quantity }] }],
});

async function everyOrderState({ seller, pass }: Stage) {
	const buy = (sku: string, quantity: number) => {
		const bought = seller.checkout({ lines: [{ sku, quantity }] });
		return bought.outcome === "placed" ? bought.orderId : "";
	};
	const [parts, cancelled, fba] = [buy("TEA", 2), buy("TEA", 1), buy("TEA-FBA", 1)];
	await pass(1_000);
	seller.shipOrder(parts, [{ sku: "TEA", quantity: 1 }]);
	seller.requestCancellation(cancelled);
	seller.cancelOrder(cancelled);
	await pass(1_000);
	seller.shipOrder(parts);
	seller.shipOrder(fba);
}

/** Every operation in success, in refusal, over its limit and out of order; what was met, as `operation status`. */
async function tour(of: Stage): Promise<Set<string>> {
	const { api, seller, amazon, queue, pass } = of;
	const item = `/listings/2021-08-01/items/${seller.id}`;
	const token = await of.grantless();
	seller.seed([
		{ sku: "TEA", quantity: 10, leadTimeDays: 2 },
		{ sku: "TEA-FBA", fba: 5 },
	]);
	await everyOrderState(of);
	await pass(3 * 60_000);
	const since = encodeURIComponent("2026-11-21T00:00:00Z");
	const all = "PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT,FULFILLMENT_ORDERS";
	await api("GET", "/sellers/v1/marketplaceParticipations");
	for (const data of ["", `&includedData=${all}`]) {
		for (const after of ["lastUpdatedAfter", "createdAfter"]) {
			await api("GET", `/orders/2026-01-01/orders?${after}=${since}&maxResultsPerPage=1${data}`);
		}
	}
	for (const { id } of seller.orders()) await api("GET", `/orders/2026-01-01/orders/${id}?includedData=${all}`);
	await api("GET", "/orders/2026-01-01/orders");
	await api("GET", "/orders/2026-01-01/orders/1?includedData=EVERYTHING");
	await api("GET", "/orders/2026-01-01/orders/1");
	const listed = "includedData=summaries,attributes,issues,offers,fulfillmentAvailability,procurement,relationships,productTypes";
	for (const sku of ["TEA", "TEA-FBA"]) await api("GET", `${item}/${sku}?marketplaceIds=${US}&${listed}`);
	amazon.nextSubmission({ kind: "refused-later" });
	await api("PATCH", `${item}/TEA?marketplaceIds=${US}&includedData=identifiers,issues`, { body: patchTo(1) });
	await api("GET", `${item}/TEA?marketplaceIds=${US}&includedData=issues`);
	await api("PATCH", `${item}/TEA?marketplaceIds=${US}`, { body: patchTo(-1) });
	await api("PATCH", `${item}/TEA?marketplaceIds=${US}`, { body: {} });
	await api("GET", `${item}/NONE?marketplaceIds=${US}`);
	await api("GET", `${item}/TEA`);
	await api("GET", `${item}?marketplaceIds=${US}&pageSize=1&${listed}`);
	await api("GET", `${item}?marketplaceIds=${US}&pageSize=21`);
	await notificationTour(of, token, queue.arn);
	const reportType = "GET_MERCHANT_LISTINGS_ALL_DATA";
	const { json } = await api("POST", "/reports/2021-06-30/reports", { body: { reportType, marketplaceIds: [US] } });
	await api("GET", `/reports/2021-06-30/reports/${json.reportId}`);
	await pass(1_000);
	const report = await api("GET", `/reports/2021-06-30/reports/${json.reportId}`);
	await api("GET", `/reports/2021-06-30/documents/${report.json.reportDocumentId}`);
	await api("POST", "/reports/2021-06-30/reports", { body: { reportType: "NONE", marketplaceIds: [US] } });
	await api("GET", "/reports/2021-06-30/reports/1");
	await api("GET", "/reports/2021-06-30/documents/1");
	for (const more of ["", "&details=true", "&sellerSkus=TEA-FBA"]) {
		await pass(10_000);
		await api("GET", `/fba/inventory/v1/summaries?granularityType=Marketplace&granularityId=${US}&marketplaceIds=${US}${more}`);
	}
	await api("GET", "/fba/inventory/v1/summaries");
	for (const id of Object.keys(PLANS)) {
		const { method = "", path = "" } = operations().find((o) => o.id === id) ?? {};
		const filled = path.replace(/\{\w+\}/g, "x");
		await api(method, filled, { token: null });
		for (const status of [429, 500, 503] as const) {
			of.world.faults.next("amazon", 1, { kind: "status", status });
			await api(method, filled);
		}
	}
	return new Set(of.heard.map(({ method, path, status }) => `${operationOf(method, path)?.id} ${status}`));
}

async function notificationTour({ api, pass }: Stage, token: string, arn: string) {
	const [destinations, subscriptions] = ["/notifications/v1/destinations", "/notifications/v1/subscriptions"];
	const body = { name: "stock", resourceSpecification: { sqs: { arn } } };
	const { destinationId } = (await api("POST", destinations, { token, body })).json.payload;
	await api("POST", destinations, { token, body });
	await api("POST", destinations, { token, body: {} });
	await api("GET", destinations, { token });
	await api("GET", `${destinations}/${destinationId}`, { token });
	await api("GET", `${destinations}/none`, { token });
	const orderChangeTypes = ["OrderStatusChange", "BuyerRequestedChange"];
	const processingDirective = { eventFilter: { eventFilterType: "ORDER_CHANGE", orderChangeTypes } };
	const wish = { payloadVersion: "1.0", destinationId, processingDirective };
	await api("GET", `${subscriptions}/ORDER_CHANGE`);
	const { subscriptionId } = (await api("POST", `${subscriptions}/ORDER_CHANGE`, { body: wish })).json.payload;
	await api("POST", `${subscriptions}/ORDER_CHANGE`, { body: wish });
	await api("POST", `${subscriptions}/ORDER_CHANGE`, { body: { ...wish, destinationId: "none" } });
	await api("POST", `${subscriptions}/ORDER_CHANGE`, { body: {} });
	await pass(10_000);
	await api("GET", `${subscriptions}/ORDER_CHANGE`);
	await api("GET", `${subscriptions}/MADE_UP`);
	const listed = await api("GET", `${subscriptions}?notificationTypes=ORDER_CHANGE`);
	expect(listed.json.payload.subscriptions).toEqual([expect.objectContaining({ subscriptionId, destinationId })]);
	await api("GET", subscriptions);
	await api("GET", `${subscriptions}/ORDER_CHANGE/${subscriptionId}`, { token });
	await api("GET", `${subscriptions}/ORDER_CHANGE/none`, { token });
	await api("DELETE", `${destinations}/${destinationId}`, { token });
	await api("DELETE", `${subscriptions}/ORDER_CHANGE/${subscriptionId}`, { token });
	await api("DELETE", `${subscriptions}/ORDER_CHANGE/${subscriptionId}`, { token });
	await api("DELETE", `${destinations}/${destinationId}`, { token });
	await api("DELETE", `${destinations}/${destinationId}`, { token });
}
