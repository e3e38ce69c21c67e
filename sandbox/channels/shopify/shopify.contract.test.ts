import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type Answer, type Recorded, readRecording, recordingsPresent, selectionOf } from "./contract/recordings.ts";
import { createReplayer, type Replayer } from "./contract/replayer.ts";
import { ordersOfTheCatalog } from "./contract/seeded-orders.ts";
import { at, openStage, type Stage, until } from "./contract/stage.ts";

/**
 * What a live store answered to recorded requests, the stand-in answers too: field by field, with ids that the store gives out
 * paired and times compared by their form. Every recorded answer is either compared or excused by name.
 */
const PRIMARY = { id: 106_318_430_514, name: "Shop location" };
const SECONDARY = { id: 106_318_463_282, name: "My Custom Location" };
const TRANSFER = { id: 112_829_759_794, name: "HAR-571 transfer destination 20260505000619" };
const SCOPES = ["write_products", "write_inventory", "read_locations", "write_orders", "read_customers"];

const number = (id: string) => Number(id.split("/").at(-1));
const totals = { compared: 0, costs: 0 };
let stage: Stage | undefined;

afterEach(async () => {
	await stage?.close();
	stage = undefined;
});

async function open(file: Recorded, options: Parameters<typeof openStage>[0] = {}): Promise<{ stage: Stage; replayer: Replayer }> {
	stage = await openStage({ ...options, shopify: { scopes: SCOPES, ...options.shopify } });
	await stage.signIn();
	return { stage, replayer: createReplayer(stage, file) };
}

/** A recorded product, made by the shop itself with the recorded ids. */
function stock(
	{ shop }: Stage,
	ids: { productId?: string; variantId: string; inventoryItemId: string },
	where: Record<string, number> = { [PRIMARY.name]: 0 },
	title = "Recorded product",
) {
	const variant = { id: number(ids.variantId), itemId: number(ids.inventoryItemId), sku: null, stock: where };
	shop.seed({ products: [{ title, status: "DRAFT", ...(ids.productId && { id: number(ids.productId) }), variants: [variant] }] });
}

function close(replayer: Replayer, compared: number) {
	const account = replayer.account();
	expect(account.compared).toBe(compared);
	totals.compared += account.compared;
	totals.costs += account.costs;
	for (const [what, count] of Object.entries(account.excused)) console.log(`not modelled, ${count}x ${what}`);
}

if (recordingsPresent) {
	describe("recorded answers of a live store", () => {
		it("inventoryActivate with on_hand: fresh, conflict, already active, out of range", async () => {
			const file = readRecording("inventory-activate-on-hand");
			const { stage, replayer } = await open(file);
			stage.shop.seed({ locations: [PRIMARY, SECONDARY] });
			for (const product of Object.values<Recorded>(file.setup)) stock(stage, product);
			for (const name of ["activateOnHand", "activateOnHandRead", "availableOnHandConflict", "alreadyActiveOnHand", "onHandOutOfRange"]) {
				const { query, variables, response } = file.cases[name];
				await replayer.step({ recorded: response, query, variables, textRecorded: true });
			}
			close(replayer, 5);
		});

		it("inventoryAdjustQuantities: ledger documents", async () => {
			const file = readRecording("inventory-adjust-ledger-document-validation");
			const { stage, replayer } = await open(file);
			stage.shop.seed({ locations: [PRIMARY, TRANSFER] });
			for (const product of [file.setup.primaryProduct, file.setup.secondaryProduct]) {
				stock(stage, product);
				await replayer.step({ recorded: product.inventoryItemLevel, ...levelRead(product.inventoryItemId, product.inventoryItemLevel) });
			}
			for (const name of [
				"missingLedgerDocument",
				"availableLedgerDocument",
				"internalLedgerDocument",
				"maxOneLedgerDocument",
				"validNonAvailableLedgerDocument",
			]) {
				await replayer.step({
					recorded: file[name].response,
					query: write("inventoryAdjustQuantities", "InventoryAdjustQuantitiesInput", file[name].response),
					variables: file[name].variables,
				});
			}
			close(replayer, 7);
		});

		it("quantities as of 2026-04: compare values, idempotency, unknown ids, bounds, reasons", async () => {
			const file = readRecording("inventory-quantity-contracts-2026-04");
			const { stage, replayer } = await open(file);
			stage.shop.seed({ locations: [PRIMARY] });
			stock(stage, file.setup.product, { [PRIMARY.name]: 0 }, file.setup.create.data.productCreate.product.title);
			await replayer.step({ recorded: file.schema, query: introspection(file.schema) });
			const [hydrate, downstream] = file.upstreamCalls;
			await replayer.step({
				recorded: file.setup.inventoryItemLevel,
				...levelRead(file.setup.product.inventoryItemId, file.setup.inventoryItemLevel),
			});
			await replayer.step({ recorded: hydrate.response.body, query: hydrate.query, variables: hydrate.variables, textRecorded: true });
			const writes: [string, string, string, boolean][] = [
				["inventorySetQuantities", "inventorySetQuantities", "InventorySetQuantitiesInput", true],
				["missingSetIdempotency", "inventorySetQuantities", "InventorySetQuantitiesInput", false],
				["missingSetChangeFromQuantity", "inventorySetQuantities", "InventorySetQuantitiesInput", true],
				["legacySetShape", "inventorySetQuantities", "InventorySetQuantitiesInput", true],
				["inventoryAdjustQuantities", "inventoryAdjustQuantities", "InventoryAdjustQuantitiesInput", true],
				["inventorySetOnHandQuantities", "inventorySetOnHandQuantities", "InventorySetOnHandQuantitiesInput", true],
				["missingSetOnHandIdempotency", "inventorySetOnHandQuantities", "InventorySetOnHandQuantitiesInput", false],
				["missingSetOnHandChangeFromQuantity", "inventorySetOnHandQuantities", "InventorySetOnHandQuantitiesInput", true],
				["missingAdjustIdempotency", "inventoryAdjustQuantities", "InventoryAdjustQuantitiesInput", false],
				["missingAdjustChangeFromQuantity", "inventoryAdjustQuantities", "InventoryAdjustQuantitiesInput", false],
			];
			for (const [name, mutation, input, withKey] of writes) {
				await replayer.step({
					recorded: file[name].response,
					query: write(mutation, input, file[name].response, withKey),
					variables: file[name].variables,
				});
			}
			for (const [name, { variables, response }] of Object.entries<Recorded>(file.unknownIdValidation)) {
				if (!response) continue;
				const root = Object.keys(response.data)[0] ?? "";
				await replayer.step({
					recorded: response,
					query: write(root, `${root.charAt(0).toUpperCase()}${root.slice(1)}Input`, response),
					variables,
				});
				expect(name).toMatch(/Unknown|Negative|TooHigh|InvalidReason/);
			}
			await replayer.step({ recorded: file.downstreamRead, query: downstream.query, variables: downstream.variables, textRecorded: true });
			await replayer.step({
				recorded: downstream.response.body,
				query: downstream.query,
				variables: downstream.variables,
				textRecorded: true,
			});
			close(replayer, 26);
		});

		it("unknown item and location in one change", async () => {
			const file = readRecording("inventory-existence-validation");
			const { stage, replayer } = await open(file);
			stage.shop.seed({ locations: [PRIMARY] });
			const { query, variables, response } = file.adjustUnknownInventoryItem;
			await replayer.step({ recorded: response, query, variables, textRecorded: true });
			close(replayer, 1);
		});

		it("reasons: the accepted ones, and what is refused", async () => {
			const file = readRecording("inventory-reason-validation");
			const { stage, replayer } = await open(file);
			stage.shop.seed({ locations: [TRANSFER] });
			stock(stage, file.setup, { [TRANSFER.name]: file.setup.available });
			for (const { query, variables, response } of [
				...Object.values<Recorded>(file.acceptedReasonCases),
				...Object.values<Recorded>(file.invalidReasonCases),
			]) {
				await replayer.step({ recorded: response, query, variables, textRecorded: true });
			}
			await replayer.step({
				recorded: file.downstreamAfterRejected,
				...levelRead(file.setup.inventoryItemId, file.downstreamAfterRejected),
			});
			close(replayer, 23);
		});

		it("inventorySetQuantities: names, bounds, the same pair twice", async () => {
			const file = readRecording("inventorySetQuantities-name-validation");
			const { stage, replayer } = await open(file);
			stage.shop.seed({ locations: [PRIMARY] });
			for (const { setup, query, variables, response } of Object.values<Recorded>(file.cases)) {
				stock(stage, setup);
				await replayer.step({ recorded: setup.inventoryLevel, ...levelRead(setup.inventoryItemId, setup.inventoryLevel) });
				await replayer.step({ recorded: response, query, variables, textRecorded: true });
			}
			close(replayer, 10);
		});

		it("bulk queries: refusals, five at a time, cancelling", async () => {
			const codes = readRecording("bulk-operation-run-query-user-error-codes");
			const first = await open(codes);
			for (const { query, variables, response } of Object.values<Recorded>(codes.validations))
				await first.replayer.step({ recorded: response, query, variables, textRecorded: true });
			close(first.replayer, 2);
			await first.stage.close();

			const file = readRecording("bulk-operation-run-query-concurrency-limit");
			// The recorded runs had only been created when the others were asked for.
			const { replayer } = await open(file, { shop: { bulk: { startMs: 60_000 } } });
			for (const run of [...file.successfulRuns, file.sixthRun])
				await replayer.step({ recorded: run.response, query: run.query, variables: run.variables, textRecorded: true });
			for (const call of file.upstreamCalls)
				await replayer.step({
					recorded: call.response.body,
					query: call.query,
					variables: call.variables,
					textRecorded: true,
					costRecorded: false,
				});
			// How many objects a run had read when it was cancelled is that store's.
			for (const cancel of file.cancelAttempts) {
				await replayer.step({
					recorded: cancel.response,
					query: cancel.query,
					variables: cancel.variables,
					textRecorded: true,
					except: ["objectCount", "rootObjectCount"],
				});
			}
			close(replayer, 16);
		});

		it("orders: search by tag, name, id and state, counts, cursors and the next page", async () => {
			const file = readRecording("order-catalog-count-read");
			const { stage, replayer } = await open(file, {
				shop: { protectedData: "level2", currency: "CAD" },
				shopify: { scopes: [...SCOPES, "read_all_orders"] },
			});
			ordersOfTheCatalog(stage, file);
			const [main, next] = file.upstreamCalls;
			for (const recorded of [file.response, main.response.body])
				await replayer.step({ recorded, query: main.query, variables: main.variables, textRecorded: true });
			for (const recorded of [file.nextPage.response, next.response.body])
				await replayer.step({ recorded, query: next.query, variables: next.variables, textRecorded: true });
			close(replayer, 4);
		});

		it("orderCancel: refusals, the asynchronous job, the order afterwards", async () => {
			const file = readRecording("orderCancel-error-messages");
			const { stage, replayer } = await open(file);
			stage.shop.seed({ products: [{ title: "Order cancel error messages fresh", variants: [{ sku: "CANCEL-ME", stock: 5 }] }] });
			for (const name of ["freshOrderCreate", "cancelledOrderCreate"]) {
				const placed = stage.shop.checkout({ lines: [{ sku: "CANCEL-ME", quantity: 1 }], test: true });
				if (placed.outcome !== "placed") throw new Error("the setup's order was refused");
				replayer.pairs.set(file.setup[name].response.payload.data.orderCreate.order.id, `gid://shopify/Order/${placed.orderId}`);
			}
			const { setupCancel, cancelledOrderRead } = file.setup;
			await replayer.step({
				recorded: setupCancel.response.payload,
				query: setupCancel.query,
				variables: setupCancel.variables,
				textRecorded: true,
			});
			stage.world.clock.skip(1_000);
			await until("the order is cancelled", () => stage.shop.orders().some((order) => order.cancelledAt !== null));
			await replayer.step({
				recorded: cancelledOrderRead.response.payload,
				query: cancelledOrderRead.query,
				variables: cancelledOrderRead.variables,
				textRecorded: true,
			});
			for (const { query, variables, response } of [...Object.values<Recorded>(file.expected), file.cleanup.freshOrderCancel]) {
				await replayer.step({ recorded: response.payload, query, variables, textRecorded: true });
			}
			close(replayer, 7);
		});

		it("webhook subscriptions: life cycle, filters, addresses, refusals", async () => {
			const file = readRecording("webhook-subscription-conformance");
			const granted = file.schemaAndAccess.response.payload.data.currentAppInstallation.accessScopes.map(
				(scope: { handle: string }) => scope.handle,
			);
			const { stage, replayer } = await open(file, { shopify: { scopes: granted } });
			const answer = await stage.graphql("{ currentAppInstallation { accessScopes { handle } } }");
			expect(at(answer, "data", "currentAppInstallation")).toEqual(file.schemaAndAccess.response.payload.data.currentAppInstallation);
			const { catalog, lifecycle, filterDefault, filterValidation, updateValidation, validation, graphqlValidation } = file;
			await replayer.step({
				recorded: catalog.response.payload,
				query: `query($first: Int!, $missingQuery: String!, $unknownId: ID!) {
					webhookSubscriptions(first: $first) { nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
					webhookSubscriptionsCount { count precision } filteredCount: webhookSubscriptionsCount(query: $missingQuery) { count precision }
					unknown: webhookSubscription(id: $unknownId) { id } }`,
				variables: catalog.variables,
			});
			for (const part of [lifecycle, filterDefault, filterValidation, updateValidation]) {
				for (const [, step] of Object.entries<Recorded>(part)) {
					const recorded: Answer | undefined = step?.response?.payload;
					const root = Object.keys(recorded?.data ?? {})[0] ?? "";
					if (recorded && root.startsWith("webhook"))
						await replayer.step({ recorded, query: subscriptionQuery(root, recorded), variables: step.variables });
				}
			}
			await replayer.step({
				recorded: validation.response.payload,
				query: `mutation($unknownId: ID!, $unknownUpdateInput: WebhookSubscriptionInput!) {
					updateUnknown: webhookSubscriptionUpdate(id: $unknownId, webhookSubscription: $unknownUpdateInput) { webhookSubscription { id } userErrors { field message } }
					deleteUnknown: webhookSubscriptionDelete(id: $unknownId) { deletedWebhookSubscriptionId userErrors { field message } }
					createMissingUri: webhookSubscriptionCreate(topic: SHOP_UPDATE, webhookSubscription: { format: JSON }) { webhookSubscription { id } userErrors { field message } } }`,
				variables: validation.variables,
			});
			await replayer.step({
				recorded: graphqlValidation.missingCreateTopic.response.payload,
				query:
					'mutation MissingCreateWebhookTopic {\n  webhookSubscriptionCreate(webhookSubscription: { uri: "https://example.com" }) { userErrors { field message } }\n}',
				textRecorded: true,
			});
			await replayer.step({
				recorded: graphqlValidation.nullUpdateInput.response.payload,
				query:
					'mutation NullUpdateWebhookInput {\n  webhookSubscriptionUpdate(id: "gid://shopify/WebhookSubscription/1", webhookSubscription: null) { userErrors { field message } }\n}',
				textRecorded: true,
			});
			replayer.excuse(
				file.schemaAndAccess,
				"scopes compared above; the lists of all topics and of introspection are not, the stand-in has a part of the topics",
			);
			close(replayer, 30);
		});
	});

	afterAll(() =>
		console.log(`Shopify: ${totals.compared} recorded answers compared field by field, ${totals.costs} of them with their query cost`),
	);
} else {
	it("recorded answers were not compared: ../shared/contracts is not there", () =>
		console.log("Shopify's recorded answers were not compared: ../shared/contracts is not there"));
}

/** A mutation whose text was not recorded: the fields that its recorded answer shows. */
function write(mutation: string, input: string, recorded: Answer, withKey = true): string {
	const payload = at(recorded, "data", mutation) as Recorded;
	const group = payload?.inventoryAdjustmentGroup;
	const body = `inventoryAdjustmentGroup ${group ? selectionOf(group) : "{ id }"} userErrors { field message code }`;
	const variables = withKey ? `$input: ${input}!, $idempotencyKey: String!` : `$input: ${input}!`;
	return `mutation(${variables}) { ${mutation}(input: $input) ${withKey ? "@idempotent(key: $idempotencyKey)" : ""} { ${body} } }`;
}

function levelRead(inventoryItemId: string, recorded: Answer): { query: string; variables: Recorded } {
	const names = JSON.stringify(
		(at(recorded, "data", "inventoryItem", "inventoryLevels", "nodes", 0, "quantities") as { name: string }[]).map(
			(quantity) => quantity.name,
		),
	);
	return {
		query: `query($id: ID!) ${selectionOf(recorded.data, { inventoryItem: "(id: $id)", inventoryLevels: "(first: 5)", quantities: `(names: ${names})` })}`,
		variables: { id: inventoryItemId },
	};
}

function introspection(recorded: Answer): string {
	const parts = Object.keys(recorded.data ?? {}).map(
		(alias) =>
			`${alias}: __type(name: "${alias.charAt(0).toUpperCase()}${alias.slice(1).replace("inventoryQuantity", "InventoryQuantity")}") { inputFields { name } }`,
	);
	return `{ ${parts.join(" ")} }`;
}

function subscriptionQuery(root: string, recorded: Answer): string {
	const fields =
		"{ id topic format includeFields metafieldNamespaces filter createdAt updatedAt endpoint { __typename ... on WebhookHttpEndpoint { callbackUrl } } }";
	const payload = at(recorded, "data", root) as Recorded;
	const body =
		root === "webhookSubscriptionDelete"
			? "{ deletedWebhookSubscriptionId userErrors { field message } }"
			: `{ webhookSubscription ${fields} userErrors { field message } }`;
	if (root === "webhookSubscription") return `query($id: ID!) { webhookSubscription(id: $id) ${fields} }`;
	if (root === "webhookSubscriptionDelete") return `mutation($id: ID!) { webhookSubscriptionDelete(id: $id) ${body} }`;
	if (root === "webhookSubscriptionUpdate")
		return `mutation($id: ID!, $webhookSubscription: WebhookSubscriptionInput!) { webhookSubscriptionUpdate(id: $id, webhookSubscription: $webhookSubscription) ${body} }`;
	expect(payload).toBeDefined();
	return `mutation($topic: WebhookSubscriptionTopic!, $webhookSubscription: WebhookSubscriptionInput!) { webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhookSubscription) ${body} }`;
}
