import { request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { at, openStage, type Stage } from "./contract/stage.ts";
import { parseToml } from "./toml.ts";

const CONFIG = `[access_scopes]
scopes = "read_products,read_inventory,read_locations"
[webhooks]
api_version = "2026-10"
[[webhooks.subscriptions]]
topics = ["bulk_operations/finish"]
uri = "/webhooks/shopify"`;
const QUERY = `{ inventoryItems { edges { node { id sku inventoryLevels { edges { node { id location { id } quantities(names: ["available", "on_hand"]) { name quantity } } } } } } } }`;
const RUN =
	"mutation($query: String!, $group: Boolean!) { bulkOperationRunQuery(query: $query, groupObjects: $group) { bulkOperation { id status } userErrors { message code } } }";

let stage: Stage;
afterEach(() => stage.close());

async function open(items: number) {
	stage = await openStage({
		shopify: { toml: parseToml(CONFIG), webhooks: { delayMs: [1, 2] } },
		shop: { bulk: { startMs: 20, sliceMs: 30 } },
	});
	const products = Array.from({ length: items }, (_, index) => ({
		title: `P${index}`,
		variants: [{ sku: `S-${index}`, stock: { A: index, B: 1 } }],
	}));
	stage.shop.seed({ locations: [{ name: "A" }, { name: "B" }], products });
	await stage.signIn();
}

const fetchFile = (url: string) =>
	new Promise<{ status: number; lines: Record<string, unknown>[] }>((resolve, reject) => {
		const { host, pathname, search } = new URL(url);
		const asked = request(new URL(pathname + search, stage.world.origin()), { headers: { host } }, (reply) => {
			let text = "";
			reply.on("data", (chunk) => {
				text += chunk;
			});
			reply.on("end", () =>
				resolve({
					status: reply.statusCode ?? 0,
					lines:
						reply.statusCode === 200
							? text
									.trim()
									.split("\n")
									.map((line) => JSON.parse(line))
							: [],
				}),
			);
		});
		asked.on("error", reject);
		asked.end();
	});
const finished = async (id: unknown) => {
	await stage.deliveries("bulk_operations/finish", 1);
	return at(
		await stage.graphql(
			"query($id: ID!) { bulkOperation(id: $id) { status url partialDataUrl objectCount rootObjectCount fileSize completedAt errorCode } }",
			{ id },
		),
		"data",
		"bulkOperation",
	) as Record<string, unknown>;
};

describe("the stand-in's bulk operations", () => {
	it("write every object on a line of its own, children with __parentId, and tell by webhook", async () => {
		await open(3);
		const run = await stage.graphql(RUN, { query: QUERY, group: false });
		const id = at(run, "data", "bulkOperationRunQuery", "bulkOperation", "id");
		const operation = await finished(id);
		expect(operation).toMatchObject({ status: "COMPLETED", objectCount: "9", rootObjectCount: "3", errorCode: null, partialDataUrl: null });
		expect(stage.received[0]?.body).toMatchObject({ admin_graphql_api_id: id, status: "completed", type: "query", error_code: null });
		const { lines } = await fetchFile(String(operation.url));
		const parents = lines.filter((line) => !("__parentId" in line));
		expect(parents.map((line) => line.sku)).toEqual(["S-0", "S-1", "S-2"]);
		expect(Object.keys(parents[0] ?? {})).toEqual(["id", "sku"]);
		for (const [index, parent] of parents.entries()) {
			const children = lines.filter((line) => line.__parentId === parent.id);
			expect(children.map((child) => at(child, "quantities", 0, "quantity"))).toEqual([index, 1]);
		}
		expect(lines.findIndex((line) => "__parentId" in line)).toBe(3);
	});

	it("groupObjects puts children right behind their parent", async () => {
		await open(2);
		const id = at(await stage.graphql(RUN, { query: QUERY, group: true }), "data", "bulkOperationRunQuery", "bulkOperation", "id");
		const { lines } = await fetchFile(String((await finished(id)).url));
		expect(lines.map((line) => "__parentId" in line)).toEqual([false, true, true, false, true, true]);
	});

	it("read slice by slice while the shop sells: a later row shows a later stock", async () => {
		await open(250);
		const id = at(await stage.graphql(RUN, { query: QUERY, group: false }), "data", "bulkOperationRunQuery", "bulkOperation", "id");
		while (stage.shop.state.bulkOperations.values().next().value?.rootObjectCount === 0)
			await new Promise((resolve) => setTimeout(resolve, 2));
		stage.shop.editStock({ sku: "S-1", set: 7777 });
		stage.shop.editStock({ sku: "S-249", set: 7777 });
		const { lines } = await fetchFile(String((await finished(id)).url));
		const availableOf = (sku: string) =>
			at(
				lines.find((line) => line.__parentId === stage.shop.idsOf(sku).inventoryItemId),
				"quantities",
				0,
				"quantity",
			);
		expect(lines).toHaveLength(750);
		expect([availableOf("S-1"), availableOf("S-249")]).toEqual([1, 7777]);
	});

	it("a result can be fetched for seven days; a cancelled run leaves what it had", async () => {
		await open(450);
		const id = at(await stage.graphql(RUN, { query: QUERY, group: false }), "data", "bulkOperationRunQuery", "bulkOperation", "id");
		while (stage.shop.state.bulkOperations.values().next().value?.rootObjectCount === 0)
			await new Promise((resolve) => setTimeout(resolve, 2));
		await stage.graphql("mutation($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { message } } }", { id });
		const operation = await finished(id);
		expect(operation).toMatchObject({ status: "CANCELED", url: null });
		expect(Number(operation.objectCount)).toBeLessThan(450 * 3);
		expect((await fetchFile(String(operation.partialDataUrl))).status).toBe(200);
		stage.world.clock.skip(7 * 86_400_000 + 1000);
		expect((await fetchFile(String(operation.partialDataUrl))).status).toBe(403);
	});

	it("refuses too deep a nesting and fails without the scope", async () => {
		await open(1);
		const deep =
			"{ products { edges { node { id variants { edges { node { id inventoryItem { inventoryLevels { edges { node { id } } } } } } } } } } }";
		expect(
			at(await stage.graphql(RUN, { query: deep, group: false }), "data", "bulkOperationRunQuery", "userErrors", 0, "message"),
		).toContain("nesting depth");
		const id = at(
			await stage.graphql(RUN, { query: "{ orders { edges { node { id } } } }", group: false }),
			"data",
			"bulkOperationRunQuery",
			"bulkOperation",
			"id",
		);
		expect(await finished(id)).toMatchObject({ status: "FAILED", errorCode: "ACCESS_DENIED", url: null });
	});
});
