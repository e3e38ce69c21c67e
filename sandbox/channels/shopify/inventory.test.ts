import { afterEach, describe, expect, it } from "vitest";
import { at, openStage, type Stage, until } from "./contract/stage.ts";

const ADJUST = `mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
	inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
		inventoryAdjustmentGroup { id createdAt changes { name delta item { id } } }
		userErrors { field message code } } }`;
const SET = `mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
	inventorySetQuantities(input: $input) @idempotent(key: $key) { inventoryAdjustmentGroup { id } userErrors { field message code } } }`;
const DAY_MS = 24 * 3_600_000;

let stage: Stage;
afterEach(() => stage.close());

async function open(options: Parameters<typeof openStage>[0] = {}) {
	stage = await openStage(options);
	stage.shop.seed({
		locations: [{ name: "A" }, { name: "B" }],
		products: [
			{ title: "Cup", variants: [{ sku: "CUP", stock: { A: 5 } }] },
			{ title: "Pot", variants: [{ sku: "POT", stock: { A: 3 } }] },
		],
		bundles: [
			{
				title: "Set",
				sku: "SET",
				components: [
					{ sku: "CUP", quantity: 2 },
					{ sku: "POT", quantity: 1 },
				],
			},
		],
	});
	await stage.signIn();
}

const entry = (sku: string, rest: Record<string, unknown>, location = "A") => ({
	inventoryItemId: stage.shop.idsOf(sku).inventoryItemId,
	locationId: `gid://shopify/Location/${stage.shop.location(location)?.id}`,
	...rest,
});
const adjust = async (key: string, changes: Record<string, unknown>[], rest: Record<string, unknown> = {}) =>
	(await stage.graphql(ADJUST, { key, input: { name: "available", reason: "correction", changes, ...rest } })) as Record<string, unknown>;
const set = (key: string, quantities: Record<string, unknown>[]) =>
	stage.graphql(SET, { key, input: { name: "available", reason: "correction", quantities } });
const codes = (answer: unknown, root = "inventoryAdjustQuantities") =>
	(at(answer, "data", root, "userErrors") as { code: string }[]).map((error) => error.code);
const rules = () => stage.world.books.violations("shopify").map((violation) => violation.rule);

describe("the stand-in's inventory writes", () => {
	it("a delta moves available and on_hand, is shown as a write and edits nothing in the books", async () => {
		await open();
		const answer = await adjust("k", [entry("CUP", { delta: -2, changeFromQuantity: null })]);
		expect(at(answer, "data", "inventoryAdjustQuantities", "inventoryAdjustmentGroup", "changes")).toMatchObject([
			{ name: "available", delta: -2 },
			{ name: "on_hand", delta: -2 },
		]);
		expect(stage.shop.level("CUP", stage.shop.location("A")?.id ?? 0)).toMatchObject({ available: 3, on_hand: 3, committed: 0 });
		expect([stage.world.books.shown("shopify", "CUP"), stage.world.books.shown("shopify", "SET"), stage.world.books.truth("CUP")]).toEqual([
			3, 1, 5,
		]);
		expect(stage.world.books.edits()).toEqual([]);
	});

	it("the same key and variables give the first result and move nothing again", async () => {
		await open();
		const first = await adjust("k", [entry("CUP", { delta: -1, changeFromQuantity: null })]);
		const second = await adjust("k", [entry("CUP", { delta: -1, changeFromQuantity: null })]);
		expect(second.data).toEqual(first.data);
		expect(stage.shop.available("CUP")).toBe(4);
		expect(rules()).toEqual([]);
	});

	it("the same key with other variables, or for another mutation, is refused and noted", async () => {
		await open();
		await adjust("k", [entry("CUP", { delta: -1, changeFromQuantity: null })]);
		expect(codes(await adjust("k", [entry("CUP", { delta: -2, changeFromQuantity: null })]))).toEqual([
			"IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
		]);
		expect(codes(await set("k", [entry("CUP", { quantity: 1, changeFromQuantity: null })]), "inventorySetQuantities")).toEqual([
			"IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
		]);
		expect(stage.shop.available("CUP")).toBe(4);
		expect(rules()).toEqual(["idempotency key reused with other variables", "idempotency key reused with other variables"]);
	});

	it("after 24 hours a key is unknown: the mutation runs once more, and that is noted", async () => {
		await open();
		await adjust("k", [entry("CUP", { delta: -1, changeFromQuantity: null })]);
		stage.world.clock.skip(DAY_MS + 1000);
		await stage.signIn();
		await adjust("k", [entry("CUP", { delta: -1, changeFromQuantity: null })]);
		expect(stage.shop.available("CUP")).toBe(3);
		expect(rules()).toEqual(["idempotency key resent after 24 h"]);
	});

	it("a key whose first request still runs is refused as concurrent; a late landing happens once", async () => {
		await open();
		stage.world.faults.next("shopify", 1, { kind: "lands-late", delayMs: 800 });
		const change = [entry("CUP", { delta: -1, changeFromQuantity: null })];
		await expect(adjust("k", change)).rejects.toThrow();
		expect(stage.shop.available("CUP")).toBe(5);
		expect(codes(await adjust("k", change))).toEqual(["IDEMPOTENCY_CONCURRENT_REQUEST"]);
		await until("the late write lands", () => stage.shop.available("CUP") === 4);
		expect(codes(await adjust("k", change))).toEqual([]);
		expect(stage.shop.available("CUP")).toBe(4);
	});

	it("before 2026-04 neither the directive nor the compare value is required", async () => {
		await open();
		const bare =
			"mutation($input: InventoryAdjustQuantitiesInput!) { inventoryAdjustQuantities(input: $input) { userErrors { message } } }";
		const input = { name: "available", reason: "correction", changes: [entry("CUP", { delta: -1 })] };
		expect(at(await stage.graphql(bare, { input }, { version: "2026-01" }), "errors")).toBeUndefined();
		expect(at(await stage.graphql(bare, { input }), "errors", 0, "extensions", "code")).toBe("INVALID_FIELD_ARGUMENTS");
		const compared = { ...input, changes: [entry("CUP", { delta: -1, changeFromQuantity: null })] };
		expect(at(await stage.graphql(bare, { input: compared }), "errors", 0, "extensions", "code")).toBe("BAD_REQUEST");
		expect(stage.shop.available("CUP")).toBe(4);
	});

	it("one stale compare value takes the whole call with it", async () => {
		await open();
		const answer = await set("k", [
			entry("CUP", { quantity: 9, changeFromQuantity: 5 }),
			entry("POT", { quantity: 9, changeFromQuantity: 2 }),
		]);
		expect(at(answer, "data", "inventorySetQuantities")).toMatchObject({
			inventoryAdjustmentGroup: null,
			userErrors: [{ field: ["input", "quantities", "1", "changeFromQuantity"], code: "CHANGE_FROM_QUANTITY_STALE" }],
		});
		expect([stage.shop.available("CUP"), stage.shop.available("POT")]).toEqual([5, 3]);
	});

	it("a delta may drive available below zero; buyers then see zero", async () => {
		await open();
		await adjust("k", [entry("CUP", { delta: -7, changeFromQuantity: null })]);
		expect([stage.shop.available("CUP"), stage.world.books.shown("shopify", "CUP")]).toEqual([-2, 0]);
		expect(stage.shop.checkout({ lines: [{ sku: "CUP", quantity: 1 }] })).toMatchObject({ outcome: "refused", available: -2 });
	});

	it("a bundle and a location that does not stock the item are refused", async () => {
		await open();
		expect(codes(await adjust("k1", [entry("SET", { delta: 1, changeFromQuantity: null })]))).toEqual(["NON_MUTABLE_INVENTORY_ITEM"]);
		expect(codes(await adjust("k2", [entry("CUP", { delta: 1, changeFromQuantity: null }, "B")]))).toEqual([
			"ITEM_NOT_STOCKED_AT_LOCATION",
		]);
		const activate = `mutation($item: ID!, $location: ID!, $key: String!) { inventoryActivate(inventoryItemId: $item, locationId: $location, available: 4) @idempotent(key: $key) { inventoryLevel { id } userErrors { message } } }`;
		const where = entry("CUP", {}, "B");
		await stage.graphql(activate, { item: where.inventoryItemId, location: where.locationId, key: "k3" });
		expect(codes(await adjust("k4", [entry("CUP", { delta: 1, changeFromQuantity: null }, "B")]))).toEqual([]);
		expect(stage.shop.available("CUP")).toBe(10);
	});

	it("more than 250 changes and the same pair twice are noted, the first refused", async () => {
		await open();
		const many = Array.from({ length: 251 }, () => entry("CUP", { delta: 1, changeFromQuantity: null }));
		expect(at(await adjust("k1", many), "errors", 0, "extensions", "code")).toBe("MAX_INPUT_SIZE_EXCEEDED");
		expect(stage.shop.available("CUP")).toBe(5);
		await adjust("k2", many.slice(0, 2));
		expect(stage.shop.available("CUP")).toBe(7);
		expect(rules()).toEqual(["more than 250 changes in one call", "same item and location twice in one call"]);
	});

	it("SKUs that misbehave: throttled, broken, silent, and failed inside with the key taken", async () => {
		await open();
		stage.shop.seed({
			products: [
				{
					title: "Odd",
					variants: [{ sku: "FAIL-429", stock: 5 }, { sku: "FAIL-500", stock: 5 }, { sku: "FAIL-INTERNAL", stock: 5 }, { sku: "LAST-ONE" }],
				},
			],
		});
		const lower = (sku: string, key: string) => adjust(key, [entry(sku, { delta: -1, changeFromQuantity: null })]);
		for (let attempt = 0; attempt < 2; attempt++)
			expect(at(await lower("FAIL-429", "a"), "errors", 0, "extensions", "code")).toBe("THROTTLED");
		expect(codes(await lower("FAIL-429", "a"))).toEqual([]);
		for (let attempt = 0; attempt < 2; attempt++) await expect(lower("FAIL-500", "b")).rejects.toThrow("500");
		expect(codes(await lower("FAIL-500", "b"))).toEqual([]);
		expect(at(await lower("FAIL-INTERNAL", "c"), "errors", 0, "extensions", "code")).toBe("INTERNAL_SERVER_ERROR");
		expect(codes(await lower("FAIL-INTERNAL", "c"))).toEqual(["IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"]);
		expect(codes(await lower("FAIL-INTERNAL", "d"))).toEqual([]);
		expect(["FAIL-429", "FAIL-500", "FAIL-INTERNAL", "LAST-ONE"].map((sku) => stage.shop.available(sku))).toEqual([4, 4, 4, 1]);
	});
});
