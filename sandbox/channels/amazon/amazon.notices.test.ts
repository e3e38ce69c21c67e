import { afterEach, describe, expect, it } from "vitest";
import { judgeChannel } from "../../demo/judge.ts";
import { CANADA, createStage, type Json, type Stage, US } from "./contract/stage.ts";

let stage: Stage;
afterEach(() => stage.close());

const TEA = { sku: "TEA", title: "Green tea", price: "5.00", quantity: 10 };
const DESTINATIONS = "/notifications/v1/destinations";
const SUBSCRIPTIONS = "/notifications/v1/subscriptions";
const buy = (quantity = 1, sku = "TEA") => {
	const bought = stage.seller.checkout({ lines: [{ sku, quantity }] });
	return bought.outcome === "placed" ? bought.orderId : "";
};
const told = (all: Json[]) =>
	all
		.map((n) => n.Payload.OrderChangeNotification)
		.filter(Boolean)
		.sort((a, b) => (a.OrderChangeTrigger.TimeOfOrderChange < b.OrderChangeTrigger.TimeOfOrderChange ? -1 : 1))
		.map((n) => [n.OrderChangeType, n.Summary.OrderStatus, n.Summary.OrderItems[0].SellerSKU, n.Summary.OrderItems[0].Quantity]);
const fates = () => stage.world.books.deliveries("amazon").map(({ fate }) => fate);

describe("destinations and subscriptions", () => {
	it("a queue is a destination once, can be read and listed, and goes when nothing is subscribed", async () => {
		stage = await createStage();
		const token = await stage.grantless();
		const body = { name: "stock", resourceSpecification: { sqs: { arn: stage.queue.arn } } };
		const made = await stage.api("POST", DESTINATIONS, { token, body });
		const id = made.json.payload.destinationId;
		expect(made.json.payload).toEqual({ name: "stock", destinationId: id, resource: { sqs: { arn: stage.queue.arn } } });
		const again = await stage.api("POST", DESTINATIONS, { token, body });
		expect([again.status, again.json.errors[0].code]).toEqual([409, "Conflict"]);
		expect((await stage.api("GET", DESTINATIONS, { token })).json.payload).toEqual([made.json.payload]);
		await stage.pass(10_000);
		await stage.api("POST", `${SUBSCRIPTIONS}/ORDER_CHANGE`, { body: { payloadVersion: "1.0", destinationId: id } });
		expect((await stage.api("DELETE", `${DESTINATIONS}/${id}`, { token })).status).toBe(403);
		const subscription = (await stage.api("GET", `${SUBSCRIPTIONS}/ORDER_CHANGE`)).json.payload.subscriptionId;
		expect((await stage.api("DELETE", `${SUBSCRIPTIONS}/ORDER_CHANGE/${subscription}`, { token })).json).toEqual({});
		expect((await stage.api("GET", `${SUBSCRIPTIONS}/ORDER_CHANGE`)).status).toBe(404);
		expect((await stage.api("DELETE", `${DESTINATIONS}/${id}`, { token })).status).toBe(200);
		expect((await stage.api("GET", `${DESTINATIONS}/${id}`, { token })).status).toBe(404);
	});

	it("each region has its own, and a queue must be there and let Amazon in", async () => {
		stage = await createStage();
		const token = await stage.grantless();
		const closed = stage.amazon.createQueue({ name: "closed", allowsAmazon: false });
		const create = (arn: string) =>
			stage.api("POST", DESTINATIONS, { token, body: { name: "x", resourceSpecification: { sqs: { arn } } } });
		expect([(await create(closed.arn)).status, (await create(`${stage.queue.arn}-not`)).status]).toEqual([400, 400]);
		await create(stage.queue.arn);
		const europe = await stage.api("GET", DESTINATIONS, { token, host: "sellingpartnerapi-eu.amazon.com" });
		expect(europe.json.payload).toEqual([]);
	});

	it("a type is subscribed once per seller; wrong versions, filters and destinations are refused", async () => {
		stage = await createStage();
		await stage.subscribe("ORDER_CHANGE");
		const destinationId = (await stage.api("GET", `${SUBSCRIPTIONS}/ORDER_CHANGE`)).json.payload.destinationId;
		const create = (type: string, body: object) =>
			stage.api("POST", `${SUBSCRIPTIONS}/${type}`, { body: { payloadVersion: "1.0", destinationId, ...body } });
		const twice = await create("ORDER_CHANGE", {});
		expect([twice.status, twice.json.errors[0].code, twice.json.errors[0].details]).toEqual([
			409,
			"StateConflict",
			"Subscription already exist for notification type ORDER_CHANGE",
		]);
		expect((await create("ORDER_CHANGE", { destinationId: "none" })).status).toBe(404);
		expect((await create("ORDER_CHANGE", { payloadVersion: "2.0" })).status).toBe(400);
		await stage.pass(10_000);
		expect((await create("MADE_UP", {})).status).toBe(400);
		const filter = { eventFilterType: "ORDER_CHANGE", orderChangeTypes: ["Anything"] };
		expect((await create("ORDER_CHANGE", { processingDirective: { eventFilter: filter } })).status).toBe(400);
	});
});

describe("ORDER_CHANGE", () => {
	it("tells every state of an order into the queue, from pending on, and a wish to cancel", async () => {
		stage = await createStage({ pendingMs: [60_000, 60_000] });
		stage.seller.seed([TEA]);
		await stage.subscribe("ORDER_CHANGE");
		const id = buy(2);
		await stage.pass(60_000);
		stage.seller.requestCancellation(id);
		await stage.pass(1_000);
		stage.seller.cancelOrder(id, { by: "BUYER" });
		const all = await stage.drain();
		expect(told(all)).toEqual([
			["OrderStatusChange", "Pending", "TEA", 2],
			["OrderStatusChange", "Unshipped", "TEA", 2],
			["BuyerRequestedChange", "Unshipped", "TEA", 2],
			["OrderStatusChange", "Canceled", "TEA", 2],
		]);
		expect(new Set(all.map((n) => n.NotificationMetadata.NotificationId)).size).toBe(4);
		expect(all[0]?.NotificationMetadata.ApplicationId).toBe("amzn1.sp.solution.0f1e2d3c-4b5a-4697-8877-665544332211");
		expect(all.every((n) => n.Payload.OrderChangeNotification.Summary.FulfillmentType === "MFN")).toBe(true);
	});

	it("tells of what Amazon ships as AFN, and cancelled lines may say zero pieces", async () => {
		stage = await createStage({ cancelledQuantity: "zero" });
		stage.seller.seed([{ sku: "TEA-FBA", fba: 5 }]);
		await stage.subscribe("ORDER_CHANGE", "FBA_INVENTORY_AVAILABILITY_CHANGES");
		const id = buy(2, "TEA-FBA");
		await stage.pass(1_000);
		stage.seller.cancelOrder(id);
		const all = await stage.drain();
		expect(told(all).map(([, status, , quantity]) => `${status} ${quantity}`)).toEqual(
			expect.arrayContaining(["Pending 2", "Unshipped 2", "Canceled 0"]),
		);
		const orders = all.filter((n) => n.NotificationType === "ORDER_CHANGE");
		expect(new Set(orders.map((n) => n.Payload.OrderChangeNotification.Summary.FulfillmentType))).toEqual(new Set(["AFN"]));
		const stock = all.filter((n) => n.NotificationType === "FBA_INVENTORY_AVAILABILITY_CHANGES");
		expect(stock.map((n) => n.Payload.FulfillmentInventoryByMarketplace[0].FulfillmentInventory.Fulfillable).sort()).toEqual([3, 5]);
	});

	it.each([
		["kinds of change", { orderChangeTypes: ["BuyerRequestedChange"] }, [`BuyerRequestedChange ${US}`]],
		["stores", { marketplaceIds: [CANADA] }, [`OrderStatusChange ${CANADA}`, `OrderStatusChange ${CANADA}`]],
	])("keeps to a filter of %s", async (_, wanted, expected) => {
		stage = await createStage({}, { marketplaces: [US, CANADA] });
		stage.seller.seed([{ ...TEA, marketplaces: [US, CANADA] }]);
		await stage.subscribe();
		const token = await stage.grantless();
		const [{ destinationId }] = (await stage.api("GET", DESTINATIONS, { token })).json.payload;
		const processingDirective = { eventFilter: { eventFilterType: "ORDER_CHANGE", ...wanted } };
		await stage.api("POST", `${SUBSCRIPTIONS}/ORDER_CHANGE`, { body: { payloadVersion: "1.0", destinationId, processingDirective } });
		stage.seller.requestCancellation(buy());
		stage.seller.checkout({ lines: [{ sku: "TEA", quantity: 1 }], marketplaceId: CANADA });
		const heard = (await stage.drain()).map((n) => n.Payload.OrderChangeNotification);
		expect(heard.map((n) => `${n.OrderChangeType} ${n.Summary.MarketplaceId}`)).toEqual(expected);
	});
});

describe("other notifications", () => {
	it("LISTINGS_ITEM_MFN_QUANTITY_CHANGE tells of sales, cancellations, our writes and the seller's own hand", async () => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		await stage.subscribe("LISTINGS_ITEM_MFN_QUANTITY_CHANGE");
		const figures: number[] = [];
		const next = async () => figures.push(...(await stage.drain()).map((n) => n.Payload.Quantity));
		const id = buy(3);
		await next();
		stage.seller.cancelOrder(id);
		await next();
		await stage.api("PATCH", `/listings/2021-08-01/items/${stage.seller.id}/TEA?marketplaceIds=ATVPDKIKX0DER`, {
			body: {
				productType: "PRODUCT",
				patches: [
					{ op: "merge", path: "/attributes/fulfillment_availability", value: [{ fulfillment_channel_code: "DEFAULT", quantity: 4 }] },
				],
			},
		});
		await next();
		stage.seller.editQuantity("TEA", 99);
		await next();
		stage.seller.editQuantity("TEA", 99);
		await next();
		expect(figures).toEqual([7, 10, 4, 99]);
	});

	it("a finished report is told in its own casing", async () => {
		stage = await createStage();
		stage.seller.seed([TEA]);
		await stage.subscribe("REPORT_PROCESSING_FINISHED");
		const body = { reportType: "GET_MERCHANT_LISTINGS_ALL_DATA", marketplaceIds: ["ATVPDKIKX0DER"] };
		const { reportId } = (await stage.api("POST", "/reports/2021-06-30/reports", { body })).json;
		await stage.pass(1);
		const [notice] = await stage.drain();
		expect(notice.payload.reportProcessingFinishedNotification).toMatchObject({ reportId, processingStatus: "DONE" });
	});
});

describe("what becomes of a notification", () => {
	it("lost, doubled, late or overtaken: the books know each one's fate, its delay, and that an order was told", async () => {
		stage = await createStage({ noticeMs: [2_000, 2_000], pendingMs: [10 ** 9, 10 ** 9] });
		stage.seller.seed([TEA]);
		await stage.subscribe("ORDER_CHANGE");
		const { faults, books } = stage.world;
		faults.onWebhooks("amazon", "x", 1, { kind: "lost" });
		const lost = buy();
		faults.onWebhooks("amazon", "x", 1, { kind: "duplicate", copies: 2 });
		const doubled = buy();
		faults.onWebhooks("amazon", "x", 1, { kind: "late", delayMs: 30_000 });
		const late = buy();
		faults.onWebhooks("amazon", "x", 1, { kind: "reordered" });
		const overtaken = buy();
		faults.clear();
		const plain = buy();
		expect(stage.queue.waiting()).toHaveLength(0);
		await stage.pass(40_000);
		const sent = stage.queue.waiting().map((body) => JSON.parse(body));
		expect(sent.map((n) => n.Payload.OrderChangeNotification.AmazonOrderId)).toEqual([doubled, doubled, doubled, plain, overtaken, late]);
		expect(new Set(sent.map((n) => n.NotificationMetadata.NotificationId)).size).toBe(4);
		expect(
			books.deliveries("amazon").map(({ fate, resourceId, delayMs, status, topic }) => [fate, resourceId, delayMs, status, topic]),
		).toEqual([
			["lost", lost, 0, null, "order_change"],
			["delivered", doubled, 2_000, 200, "order_change"],
			["duplicate", doubled, 2_000, 200, "order_change"],
			["duplicate", doubled, 2_000, 200, "order_change"],
			["delivered", plain, 2_000, 200, "order_change"],
			["reordered", overtaken, 7_000, 200, "order_change"],
			["late", late, 32_000, 200, "order_change"],
		]);
	});

	it("fails when its subscription is gone by the time it is sent", async () => {
		stage = await createStage({ noticeMs: [2_000, 2_000], pendingMs: [10 ** 9, 10 ** 9] });
		stage.seller.seed([TEA]);
		await stage.subscribe("ORDER_CHANGE");
		buy();
		const { subscriptionId } = (await stage.api("GET", `${SUBSCRIPTIONS}/ORDER_CHANGE`)).json.payload;
		await stage.api("DELETE", `${SUBSCRIPTIONS}/ORDER_CHANGE/${subscriptionId}`, { token: await stage.grantless() });
		await stage.pass(2_000);
		expect([stage.queue.waiting(), fates()]).toEqual([[], ["failed"]]);
	});
});

describe("the books", () => {
	it("judge this channel like every other: in step, lag, own share, calls, violations", async () => {
		stage = await createStage({ noticeMs: [2_000, 2_000], patchMs: [5_000, 5_000] });
		stage.world.books.open("TEA", 10);
		stage.seller.seed([TEA]);
		await stage.subscribe("ORDER_CHANGE");
		buy(2);
		await stage.pass(10_000);
		stage.world.books.sold({ channel: "shopify", orderId: "1", sku: "TEA", units: 3 });
		const judge = () => judgeChannel(stage.world.books, "amazon", { listings: 1, soldBy: ["amazon", "shopify"] });
		expect(judge()).toMatchObject({ in_step: false, out_of_step: 1, violations: 0 });
		await stage.api("PATCH", `/listings/2021-08-01/items/${stage.seller.id}/TEA?marketplaceIds=ATVPDKIKX0DER`, {
			body: {
				productType: "PRODUCT",
				patches: [
					{ op: "merge", path: "/attributes/fulfillment_availability", value: [{ fulfillment_channel_code: "DEFAULT", quantity: 5 }] },
				],
			},
		});
		await stage.pass(5_000);
		expect(judge()).toMatchObject({ in_step: true, out_of_step: 0, violations: 0, listings: 1 });
		expect(stage.world.books.lagMs("amazon")).toHaveLength(1);
		const seen = judgeChannel(stage.world.books, "shopify", { listings: 1, soldBy: ["amazon", "shopify"] });
		expect(seen.own_lag_ms).toEqual({ p50: 2_000, p99: 2_000 });
		expect(judge().calls).toBe(stage.world.books.calls("amazon").length);
	});
});
