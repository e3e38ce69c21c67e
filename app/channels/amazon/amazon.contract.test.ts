import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canonicalEventSchema } from "#domain";
import {
	amazonOperation,
	answerProblems,
	hasAmazonModels,
	notificationProblems,
	readModel,
	samplesOf,
} from "../../../tests/kit/amazon-models.ts";
import { createAmazonReplay } from "../../../tests/kit/amazon-replay.ts";
import type { ChannelClient, OrderPage } from "../channel.ts";
import { amazon } from "./index.ts";
import { APPLICATIONS_HEADER, notifications, REGION_HEADER } from "./notifications.ts";
import { OPERATIONS } from "./operations.ts";

const access = {
	account: "A3TH9S8BH6GOGM",
	credentials: { refreshToken: "Atzr|refresh", region: "NA", marketplaceIds: "ATVPDKIKX0DER,A2EUQ1WTGCTBG2" },
	accessToken: async () => "Atza|token",
	app: {
		applicationId: "amzn1.sp.solution.1",
		lwaClientId: "amzn1.application-oa2-client.1",
		lwaClientSecret: "amzn1.oa2-cs.v1.secret",
		queueUrlNa: "https://sqs.us-east-1.amazonaws.com/123456789012/lockstep",
	},
};

type DocumentedOrder = {
	orderId: string;
	lastUpdatedTime: string;
	orderItems: { quantityOrdered: number }[];
	proceeds?: { grandTotal?: { amount: string; currencyCode: string } };
};

describe.skipIf(!hasAmazonModels)("Amazon's published models (amzn/selling-partner-api-models@34dc93f)", () => {
	let replay: Awaited<ReturnType<typeof createAmazonReplay>>;
	let client: ChannelClient;
	beforeAll(async () => {
		replay = await createAmazonReplay();
		client = amazon.connect(access);
	});
	afterAll(async () => {
		const sent = replay.requests.filter(({ url }) => url.host.startsWith("sellingpartnerapi"));
		await replay.close();
		expect(sent.length).toBeGreaterThan(15);
		for (const { url } of sent) expect(url.search).not.toMatch(/BUYER|RECIPIENT/);
	});

	test("R17 every operation's bucket is the documented one", () => {
		let compared = 0;
		for (const [operationId, limits] of Object.entries(OPERATIONS)) {
			const documented = /\| ([\d.]+) \| ([\d.]+) \|/.exec(amazonOperation(operationId).description);
			expect([operationId, limits.unitsPerSecond, limits.burst]).toEqual([operationId, Number(documented?.[1]), Number(documented?.[2])]);
			compared++;
		}
		expect(compared).toBe(14);
	});

	describe("orders", () => {
		test("R03 R26 every documented order becomes a canonical snapshot, with the sum that is documented for it", async () => {
			let [orders, sums] = [0, 0];
			for (const body of samplesOf("getOrder", 200)) {
				replay.answer(() => ({ body }));
				const { order } = body as { order: DocumentedOrder };
				const snapshot = await client.readOrder(order.orderId);
				expect(canonicalEventSchema.parse(snapshot)).toEqual(snapshot);
				expect(snapshot).toMatchObject({ orderId: order.orderId, stamp: order.lastUpdatedTime, complete: true });
				expect(snapshot?.lines.map(({ ordered }) => ordered)).toEqual(order.orderItems.map(({ quantityOrdered }) => quantityOrdered));
				// R26: what the seller receives for it, as it is written there, or nothing.
				const { amount, currencyCode } = order.proceeds?.grandTotal ?? {};
				expect(snapshot?.total).toEqual(amount === undefined ? null : { amount, currency: currencyCode });
				if (amount !== undefined) sums++;
				orders++;
			}
			expect([orders, sums].map((found) => found >= 3)).toEqual([true, true]);
			expect(replay.requests.at(-1)?.url.searchParams.get("includedData")).toBe("FULFILLMENT,CANCELLATION,PROCEEDS");
		});

		test("documented lists, page by page; nothing personal of them is kept", async () => {
			let orders = 0;
			for (const body of samplesOf("searchOrders", 200)) {
				const { pagination: _, ...last } = body as Record<string, unknown>;
				replay.answer(() => ({ body: last }));
				const pages: OrderPage[] = [];
				for await (const page of client.listOrders({ since: "2024-12-25T00:00:00Z" })) pages.push(page);
				expect(pages).toHaveLength(1);
				expect(pages[0]?.unreadable).toBeUndefined();
				expect(JSON.stringify(pages)).not.toMatch(/Smith|buyer-email|Main Street|Echo Dot/);
				orders += pages[0]?.orders.length ?? 0;
			}
			expect(orders).toBeGreaterThanOrEqual(3);
		});

		test.each(["400", "403", "404", "413", "415", "429", "500", "503"])(
			"documented refusal %s of an order is a fault or null",
			async (status) => {
				const [body] = samplesOf("getOrder", Number(status));
				replay.answer(() => ({ status: Number(status), body: body ?? { errors: [{ code: "X", message: "x" }] } }));
				if (status === "404") expect(await client.readOrder("902-1")).toBeNull();
				else await expect(client.readOrder("902-1")).rejects.toThrow(/getOrder \(GET/);
			},
		);
	});

	describe("listings", () => {
		test("documented search results are read", async () => {
			let read = 0;
			for (const body of samplesOf("searchListingsItems", 200)) {
				const items = (body as { items?: { sku: string; summaries?: { marketplaceId: string }[] }[] }).items ?? [];
				const refs = items.map(({ sku, summaries }) => ({
					externalId: `${summaries?.[0]?.marketplaceId ?? "ATVPDKIKX0DER"}/${sku}`,
					parentExternalId: null,
				}));
				if (refs.length === 0) continue;
				replay.answer(() => ({ body }));
				const { readings } = await client.readStock(refs);
				expect(readings.map((reading) => reading?.externalId)).toEqual(refs.map(({ externalId }) => externalId));
				read += readings.length;
			}
			expect(read).toBeGreaterThanOrEqual(1);
		});

		test("documented answers to a patch: taken, or refused in Amazon's words", async () => {
			const seen = new Set<string>();
			for (const body of samplesOf("patchListingsItem", 200)) {
				const { status } = body as { status: string };
				replay.answer(() => ({ body }));
				const [result] = await client.writeStock([{ externalId: "ATVPDKIKX0DER/GM-ZDPI-9B4E", parentExternalId: null, quantity: 5 }]);
				expect(result?.outcome).toBe(status === "ACCEPTED" ? "accepted" : "failed");
				seen.add(status);
			}
			expect(seen.has("ACCEPTED")).toBe(true);
		});
	});

	test("the report's three requests, subscriptions, destinations and marketplaces are asked as documented", async () => {
		const tsv = "item-name\tseller-sku\tquantity\tfulfillment-channel\nTea\tSKU-1\t5\tDEFAULT\n";
		replay.answer(({ method, url }) => {
			if (url.host === "api.amazon.com") return { body: { access_token: "Atza|grantless", token_type: "bearer", expires_in: 3600 } };
			if (url.host === "reports.example") return { headers: { "content-type": "text/plain;charset=UTF-8" }, body: tsv };
			if (url.pathname.endsWith("/reports")) return { status: 202, body: samplesOf("createReport", 202)[0] ?? { reportId: "ID323" } };
			if (url.pathname.includes("/documents/")) return { body: { reportDocumentId: "doc", url: "https://reports.example/file" } };
			if (url.pathname.includes("/reports/ID323")) {
				return {
					body: {
						reportId: "ID323",
						reportType: "X",
						createdTime: "2026-11-20T10:00:00Z",
						processingStatus: "DONE",
						reportDocumentId: "doc",
					},
				};
			}
			if (url.pathname.endsWith("/destinations"))
				return method === "GET" ? { body: { payload: [] } } : { body: samplesOf("createDestination", 200)[0] };
			if (method === "POST") return { body: samplesOf("createSubscription", 200)[0] };
			if (method === "DELETE") return { body: {} };
			if (url.pathname.includes("subscriptions")) return { body: samplesOf("getSubscriptions", 200)[0] };
			if (url.pathname.includes("sellers")) return { body: samplesOf("getMarketplaceParticipations", 200)[0] };
			if (url.pathname.includes("orders")) return { status: 404, body: { errors: [{ code: "NotFound", message: "x" }] } };
			return { body: { numberOfResults: 0, items: [] } };
		});
		const listed = [];
		for await (const page of client.listListings()) listed.push(...page);
		expect(listed.map(({ externalId }) => externalId)).toEqual(["ATVPDKIKX0DER/SKU-1", "A2EUQ1WTGCTBG2/SKU-1"]);
		const manager = client.webhooks;
		expect((await manager?.list())?.every(({ active }) => !active)).toBe(true);
		for (const topic of manager?.topics ?? []) expect((await manager?.create({ topic, url: "", secret: "" }))?.topic).toBe(topic);
		await manager?.remove("ORDER_CHANGE/7fcacc7e-727b-11e9-8848-1681be663d3e");
		const health = await client.check();
		expect(["green", "red"]).toContain(health.health);
	});

	test("what this file invents as an answer, Amazon could say", () => {
		expect(answerProblems("createReport", 202, { reportId: "ID323" })).toEqual([]);
		expect(answerProblems("createReport", 202, {})).not.toEqual([]);
	});
});

describe.skipIf(!hasAmazonModels)("notification schemas", () => {
	const headers = { [REGION_HEADER]: "NA", [APPLICATIONS_HEADER]: "app-id-d0e9e693-c3ad-4373-979f-ed4ec98dd746" };
	test.each([
		["OrderChangeNotification", "ORDER_CHANGE", ["order.snapshot", "order.hint"]],
		[
			"ListingsItemMfnQuantityChange",
			"LISTINGS_ITEM_MFN_QUANTITY_CHANGE",
			["listing.seen", "listing.seen", "listing.seen", "listing.seen"],
		],
	])("R03 the example of %s becomes canonical events", (file, topic, types) => {
		const [example] = readModel<{ examples: Record<string, unknown>[] }>(`notifications/${file}.json`).examples;
		expect(notificationProblems(file, example)).toEqual([]);
		const identity = notifications.identify({ headers, body: Buffer.from(JSON.stringify(example)), path: "" });
		expect(identity).toMatchObject({ topic });
		expect(identity?.deliveryId).toMatch(/^[0-9a-f-]{36}$/);
		const events = notifications.toEvents({ topic, payload: notifications.allowList(topic, example), headers });
		expect(events.map(({ type }) => type)).toEqual(types);
		for (const event of events) expect(canonicalEventSchema.safeParse(event).success).toBe(true);
	});

	test("R32 every value that the order schema allows is known here", () => {
		type Schema = { enum?: string[]; properties?: Record<string, Schema>; items?: Schema };
		const schema = readModel<Schema>("notifications/OrderChangeNotification.json");
		const summary = schema.properties?.Payload?.properties?.OrderChangeNotification?.properties?.Summary?.properties ?? {};
		const [example] = readModel<{ examples: { Payload: { OrderChangeNotification: { Summary: object } } }[] }>(
			"notifications/OrderChangeNotification.json",
		).examples;
		let tried = 0;
		for (const name of ["OrderStatus", "FulfillmentType", "OrderType"]) {
			for (const value of summary[name]?.enum ?? []) {
				const body = structuredClone(example);
				Object.assign(body?.Payload.OrderChangeNotification.Summary ?? {}, {
					[name]: value,
					...(value === "Unfulfillable" ? { FulfillmentType: "AFN" } : {}),
				});
				const payload = notifications.allowList("ORDER_CHANGE", body);
				expect(notifications.toEvents({ topic: "ORDER_CHANGE", payload, headers }).length).toBeGreaterThan(0);
				tried++;
			}
		}
		expect(tried).toBe(15);
	});
});
