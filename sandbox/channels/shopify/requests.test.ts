import { afterEach, describe, expect, it } from "vitest";
import { at, openStage, type Stage, until } from "./contract/stage.ts";

let stage: Stage;
afterEach(() => stage.close());

const rules = () => stage.world.books.violations("shopify").map((violation) => violation.rule);

describe("the stand-in's endpoint", () => {
	it("spends points, refuses with THROTTLED in a 200 when they are gone, and regains them with time", async () => {
		stage = await openStage({ shop: { bucket: { maximum: 20, restoreRate: 0.01 } } });
		await stage.signIn();
		const query = "{ shop { id } }";
		expect(at(await stage.graphql(query), "extensions", "cost")).toMatchObject({
			requestedQueryCost: 1,
			actualQueryCost: 1,
			throttleStatus: { maximumAvailable: 20, restoreRate: 0.01, currentlyAvailable: 19 },
		});
		stage.shop.drainBucket();
		expect(await stage.graphql(query)).toMatchObject({
			errors: [{ message: "Throttled", extensions: { code: "THROTTLED" } }],
			extensions: { cost: { requestedQueryCost: 1, actualQueryCost: null } },
		});
		expect(rules()).toEqual(["throttled"]);
		stage.world.clock.skip(1_000_000);
		expect(at(await stage.graphql(query), "data", "shop")).toBeTruthy();
	});

	it("an old version falls forward to the oldest supported one, an unknown one is not found", async () => {
		stage = await openStage();
		const { access_token } = await stage.signIn();
		const headers = { "x-shopify-access-token": String(access_token) };
		const ask = (version: string) => stage.post(`/admin/api/${version}/graphql.json`, { query: "{ shop { id } }" }, headers);
		expect((await ask("2026-10")).headers["x-shopify-api-version"]).toBe("2026-10");
		expect((await ask("2024-01")).headers["x-shopify-api-version"]).toBe("2026-01");
		expect((await ask("2026-05")).status).toBe(404);
		expect(rules()).toEqual(["unsupported API version"]);
	});

	it("scopes are enforced field by field; write implies read", async () => {
		stage = await openStage({ shopify: { scopes: ["write_inventory"] } });
		await stage.signIn();
		expect(at(await stage.graphql("{ inventoryItems(first: 1) { nodes { id } } }"), "errors")).toBeUndefined();
		const answer = await stage.graphql("{ orders(first: 1) { nodes { id } } }");
		expect(answer).toMatchObject({
			data: null,
			errors: [
				{
					message: "Access denied for orders field. Required access: `read_orders` access scope.",
					path: ["orders"],
					extensions: { code: "ACCESS_DENIED" },
				},
			],
		});
	});

	it("personal data needs approval, and orders need level 1 at all", async () => {
		stage = await openStage();
		stage.shop.seed({ products: [{ title: "Cup", variants: [{ sku: "CUP", stock: 5 }] }] });
		const placed = stage.shop.checkout({ lines: [{ sku: "CUP", quantity: 1 }], email: "ada@example.com" });
		if (placed.outcome !== "placed") throw new Error("refused");
		await stage.signIn();
		const query = "query($id: ID!) { order(id: $id) { name email customer { id } } }";
		const answer = await stage.graphql(query, { id: `gid://shopify/Order/${placed.orderId}` });
		expect(answer).toMatchObject({ data: { order: { name: "#1001", email: null, customer: null } } });
		expect(at(answer, "errors", 0, "message")).toBe(
			"This app is not approved to use the email field. See https://shopify.dev/docs/apps/launch/protected-customer-data for more details.",
		);
		expect(at(answer, "errors", 1, "message")).toContain("not approved to access the Customer object");
		expect(rules()).toEqual(["protected customer data requested", "protected customer data requested"]);
	});

	it("refuses unknown fields and bad variables as the real server does, and notes deprecated ones", async () => {
		stage = await openStage();
		await stage.signIn();
		expect(await stage.graphql("query Q { shop { nope } }")).toEqual({
			errors: [
				{
					message: "Field 'nope' doesn't exist on type 'Shop'",
					locations: [{ line: 1, column: 18 }],
					path: ["query Q", "shop", "nope"],
					extensions: { code: "undefinedField", typeName: "Shop", fieldName: "nope" },
				},
			],
		});
		expect(at(await stage.graphql("query($id: ID!) { order(id: $id) { id } }", { id: "7" }), "errors", 0, "extensions")).toMatchObject({
			code: "INVALID_VARIABLE",
			problems: [{ explanation: "Invalid global id '7'" }],
		});
		expect(
			at(await stage.graphql("query($id: ID!) { order(id: $id) { id } }", {}), "errors", 0, "extensions", "problems", 0, "explanation"),
		).toBe("Expected value to not be null");
		expect(at(await stage.graphql("{ currentBulkOperation { id } }"), "data")).toEqual({ currentBulkOperation: null });
		expect(rules()).toEqual(["invalid query", "invalid variables", "invalid variables", "deprecated field"]);
	});

	it("a page needs its size, is at most 250 long, and goes on at its cursor while entries come and go", async () => {
		stage = await openStage();
		stage.shop.seed({
			products: Array.from({ length: 5 }, (_, index) => ({ title: `P${index}`, variants: [{ sku: `S-${index}`, stock: 1 }] })),
		});
		await stage.signIn();
		expect(at(await stage.graphql("{ products { nodes { id } } }"), "errors", 0, "message")).toBe("you must provide one of first or last");
		expect(at(await stage.graphql("{ products(first: 251) { nodes { id } } }"), "errors", 0, "message")).toContain("250");
		const page = (after: unknown) =>
			stage.graphql("query($after: String) { products(first: 2, after: $after) { nodes { title } pageInfo { hasNextPage endCursor } } }", {
				after,
			});
		const first = await page(null);
		stage.shop.deleteProduct(stage.shop.idsOf("S-1").product);
		const second = await page(at(first, "data", "products", "pageInfo", "endCursor"));
		const third = await page(at(second, "data", "products", "pageInfo", "endCursor"));
		const titles = [first, second, third].flatMap((answer) =>
			(at(answer, "data", "products", "nodes") as { title: string }[]).map((node) => node.title),
		);
		expect(titles).toEqual(["P0", "P1", "P2", "P3", "P4"]);
		expect(at(third, "data", "products", "pageInfo", "hasNextPage")).toBe(false);
	});

	it("the search index is behind: a new order is found by its id at once, by a search only later", async () => {
		stage = await openStage({ shop: { searchLagMs: 5_000 } });
		stage.shop.seed({ products: [{ title: "Cup", variants: [{ sku: "CUP", stock: 5 }] }] });
		await stage.signIn();
		const placed = stage.shop.checkout({ lines: [{ sku: "CUP", quantity: 2 }] });
		if (placed.outcome !== "placed") throw new Error("refused");
		const search = async (since: number) =>
			at(
				await stage.graphql("query($q: String!) { orders(first: 5, sortKey: UPDATED_AT, query: $q) { nodes { name } } }", {
					q: `updated_at:>='${new Date(since).toISOString()}'`,
				}),
				"data",
				"orders",
				"nodes",
			);
		const before = stage.world.clock.now() - 60_000;
		expect(await search(before)).toEqual([]);
		expect(
			at(
				await stage.graphql("query($id: ID!) { order(id: $id) { name } }", { id: `gid://shopify/Order/${placed.orderId}` }),
				"data",
				"order",
			),
		).toEqual({ name: "#1001" });
		stage.world.clock.skip(10_000);
		expect(await search(before)).toEqual([{ name: "#1001" }]);
		const later = stage.world.clock.now() - 2_000;
		stage.shop.cancelOrder({ orderId: placed.orderId, restock: true });
		expect(await search(later)).toEqual([]);
		stage.world.clock.skip(6_000);
		expect(await search(later)).toEqual([{ name: "#1001" }]);
	});

	it("fulfilment orders are empty without their scope and show the assigned location with it", async () => {
		stage = await openStage();
		stage.shop.seed({
			locations: [{ name: "A" }, { name: "B" }],
			products: [{ title: "Cup", variants: [{ sku: "CUP", stock: { A: 1, B: 5 } }] }],
		});
		const placed = stage.shop.checkout({ lines: [{ sku: "CUP", quantity: 3 }] });
		if (placed.outcome !== "placed") throw new Error("refused");
		const query =
			"query($id: ID!) { order(id: $id) { fulfillmentOrders(first: 5) { nodes { status assignedLocation { name } lineItems(first: 5) { nodes { remainingQuantity } } } } } }";
		const ask = async () =>
			at(await stage.graphql(query, { id: `gid://shopify/Order/${placed.orderId}` }), "data", "order", "fulfillmentOrders", "nodes");
		await stage.signIn();
		expect(await ask()).toEqual([]);
		stage.shop.grantScopes("read_merchant_managed_fulfillment_orders");
		await stage.signIn();
		expect(await ask()).toEqual([{ status: "OPEN", assignedLocation: { name: "B" }, lineItems: { nodes: [{ remainingQuantity: 3 }] } }]);
	});

	it("faults: status, html, THROTTLED, slow, a time-out with and without effect", async () => {
		stage = await openStage();
		stage.shop.seed({ products: [{ title: "Cup", variants: [{ sku: "CUP", stock: 9 }] }] });
		const { access_token } = await stage.signIn();
		const { faults } = stage.world;
		const { inventoryItemId } = stage.shop.idsOf("CUP");
		const locationId = `gid://shopify/Location/${stage.shop.locations()[0]?.id}`;
		const body = (key: string) => ({
			query:
				"mutation($i: InventoryAdjustQuantitiesInput!, $k: String!) { inventoryAdjustQuantities(input: $i) @idempotent(key: $k) { userErrors { code } } }",
			variables: {
				k: key,
				i: { name: "available", reason: "correction", changes: [{ inventoryItemId, locationId, delta: -1, changeFromQuantity: null }] },
			},
		});
		const write = (key: string) =>
			stage.post("/admin/api/2026-10/graphql.json", body(key), { "x-shopify-access-token": String(access_token) });
		faults.next("shopify", 1, { kind: "status", status: 503 });
		expect((await write("a")).status).toBe(503);
		faults.next("shopify", 1, { kind: "status", status: 429, retryAfterSeconds: 2 });
		expect((await write("a")).headers["retry-after"]).toBe("2");
		faults.next("shopify", 1, { kind: "status", status: 429 });
		expect((await write("a")).text).toContain("THROTTLED");
		faults.next("shopify", 1, { kind: "html" });
		expect((await write("a")).headers["content-type"]).toBe("text/html");
		expect(stage.shop.available("CUP")).toBe(9);
		faults.next("shopify", 1, { kind: "slow", delayMs: 80 });
		const before = Date.now();
		await write("a");
		expect(Date.now() - before).toBeGreaterThanOrEqual(75);
		expect(stage.shop.available("CUP")).toBe(8);
		for (const [effect, left] of [
			["none", 8],
			["before", 7],
		] as const) {
			faults.next("shopify", 1, { kind: "timeout", effect });
			const silent = await Promise.race([write(`silent ${effect}`), new Promise((resolve) => setTimeout(() => resolve("no answer"), 120))]);
			expect(silent).toBe("no answer");
			await until("the write has its effect", () => stage.shop.available("CUP") === left);
			expect(stage.shop.available("CUP")).toBe(left);
		}
		faults.next("shopify", 1, { kind: "status", status: 500 }, (operation) => operation === "access_token");
		expect((await write("z")).status).toBe(200);
		await expect(stage.signIn()).rejects.toThrow("500");
	});

	it("a frozen or locked shop answers 402 and 423, an unknown shop 404", async () => {
		stage = await openStage();
		const { access_token } = await stage.signIn();
		const ask = (host?: string) =>
			stage.post("/admin/api/2026-10/graphql.json", { query: "{ shop { id } }" }, { "x-shopify-access-token": String(access_token) }, host);
		for (const status of [402, 423] as const) {
			stage.shop.setClosed(status);
			expect((await ask()).status).toBe(status);
		}
		stage.shop.setClosed(null);
		expect((await ask()).status).toBe(200);
		expect((await ask("nobody.myshopify.com")).status).toBe(404);
	});
});
