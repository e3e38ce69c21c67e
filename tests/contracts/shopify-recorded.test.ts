import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adjust } from "#app/channels/shopify/adjust.ts";
import { createCatalogueExport } from "#app/channels/shopify/catalogue-export.ts";
import { createGraphqlClient } from "#app/channels/shopify/client.ts";
import { fromGid } from "#app/channels/shopify/ids.ts";
import { leadOutside, serve } from "../kit/outside.ts";

/** Answers of a real store (2026-04), given to our client word for word. */
const FOLDER = new URL("../../../shared/contracts/shopify/recorded-2026-04/", import.meta.url);
const present = existsSync(FOLDER);
if (!present) process.stderr.write(`Not run: the recorded Shopify answers are not at ${FOLDER.pathname}\n`);
// biome-ignore lint/suspicious/noExplicitAny: recordings have as many shapes as files
const recorded = (name: string): any => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));

const SHOP = "harry-test-heelo.myshopify.com";
let queue: unknown[] = [];
let asked: { variables: { input: unknown } }[] = [];

describe.runIf(present)("R32 what Shopify really answered", () => {
	let server: Awaited<ReturnType<typeof serve>>;
	let led: ReturnType<typeof leadOutside>;
	beforeAll(async () => {
		server = await serve((request, response) => {
			const chunks: Buffer[] = [];
			request.on("data", (chunk) => chunks.push(chunk));
			request.on("end", () => {
				asked.push(JSON.parse(Buffer.concat(chunks).toString()));
				response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(queue.shift()));
			});
		});
		led = leadOutside({ [SHOP]: server.origin });
	});
	afterAll(async () => {
		await led?.restore();
		await server?.close();
	});
	const client = () => createGraphqlClient({ account: SHOP, credentials: {}, accessToken: async () => "token" });
	const changesOf = (input: { changes: { inventoryItemId: string; locationId: string; delta: number }[] }) =>
		input.changes.map((change) => ({
			itemExternalId: fromGid("InventoryItem", change.inventoryItemId),
			locationExternalId: fromGid("Location", change.locationId),
			delta: change.delta,
		}));

	test("a difference that landed, with home's own time of it, and the request in the recorded shape", async () => {
		const { variables, response } = recorded("inventory-quantity-contracts-2026-04").inventoryAdjustQuantities;
		queue = [response];
		asked = [];
		const request = {
			idempotencyKey: variables.idempotencyKey,
			reason: "correction",
			reference: variables.input.referenceDocumentUri,
			changes: changesOf(variables.input),
		};
		expect(await adjust(client(), request)).toEqual({ outcome: "landed", landedAt: "2026-06-25T01:33:56.000Z" });
		// Ours never compares; the rest is the recorded request.
		const changes = variables.input.changes.map((change: object) => ({ ...change, changeFromQuantity: null }));
		expect(asked[0]?.variables.input).toEqual({ ...variables.input, changes });
	});

	test("an item and a location that do not exist, by index", async () => {
		const { variables, response } = recorded("inventory-existence-validation").adjustUnknownInventoryItem;
		queue = [response];
		const request = { idempotencyKey: "k", reason: "correction", reference: "x", changes: changesOf(variables.input) };
		expect(await adjust(client(), request)).toMatchObject({
			outcome: "refused",
			refused: [
				{ index: 0, error: { errorClass: "listing-not-found", code: "INVALID_INVENTORY_ITEM" } },
				{ index: 0, error: { errorClass: "listing-not-found", code: "INVALID_LOCATION" } },
			],
		});
	});

	test.each(["missingAdjustIdempotency", "missingAdjustChangeFromQuantity", "legacySetShape"])(
		"%s: what we sent is wrong, and that is final",
		async (name) => {
			queue = [recorded("inventory-quantity-contracts-2026-04")[name].response];
			const request = {
				idempotencyKey: "k",
				reason: "correction",
				reference: "x",
				changes: [{ itemExternalId: "1", locationExternalId: "2", delta: 1 }],
			};
			await expect(adjust(client(), request)).rejects.toMatchObject({ errorClass: "rejected", retryable: false });
		},
	);

	test("a bulk query that starts, and the sixth at a time", async () => {
		const { successfulRuns, sixthRun } = recorded("bulk-operation-run-query-concurrency-limit");
		const count = { data: { productVariantsCount: { count: 505 } } };
		queue = [count, successfulRuns[0].response, count, sixthRun.response];
		const catalogue = createCatalogueExport(client());
		expect(await catalogue.start()).toMatchObject({
			outcome: "started",
			exportId: "gid://shopify/BulkOperation/7933223797042",
			startedAt: "2026-06-16T08:06:19.000Z",
			items: 505,
		});
		expect(await catalogue.start()).toMatchObject({ outcome: "busy" });
	});

	test("bulk operations that were cancelled are read as such", async () => {
		const { upstreamCalls } = recorded("bulk-operation-run-query-concurrency-limit");
		for (const { response } of upstreamCalls) {
			queue = [response.body];
			const { bulkOperation } = response.body.data;
			const state = await createCatalogueExport(client()).state(bulkOperation.id);
			expect({ status: bulkOperation.status, state: state.state }).toEqual({
				status: bulkOperation.status,
				state: /CANCELED|FAILED|EXPIRED/.test(bulkOperation.status) ? "failed" : bulkOperation.status === "COMPLETED" ? "ready" : "running",
			});
		}
	});
});
