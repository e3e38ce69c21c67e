import AjvDraft4 from "ajv-draft-04";
import { describe, expect, it } from "vitest";
import { CONTRACTS_PRESENT, recording, type Step, schema } from "./contract/recordings.ts";
import { SCENES } from "./contract/scenes.ts";
import { createStage, type Stage } from "./contract/stage.ts";

/**
 * What the stand-in answers, against the JSON schemas that a WooCommerce 11.0.1 store serves (draft 4, `OPTIONS` of each route).
 * The real answers do not keep their own schemas everywhere (a `null` where an object is promised): such places are found by
 * checking the recorded answers too, and the stand-in may stray only where the real store does.
 */
type Case = { of: string; schema: string; real: [file: string, pick: (body: Step) => boolean]; ours: (stage: Stage) => Promise<unknown> };

const CASES: Case[] = [
	{
		of: "product",
		schema: "options-products-id.json",
		real: ["product-simple.json", ({ note }) => note === "read it"],
		ours: (stage) => get(stage, "/products/24"),
	},
	{
		of: "variable product",
		schema: "options-products.json",
		real: ["product-variable.json", ({ note }) => note === "variable parent that manages stock itself" || note === "parent stops managing"],
		ours: (stage) => get(stage, "/products/27"),
	},
	{
		of: "variation",
		schema: "options-variations.json",
		real: ["product-variable.json", ({ note }) => note === "variation with own stock"],
		ours: (stage) => get(stage, "/products/27/variations/28"),
	},
	{
		of: "order",
		schema: "options-orders-id.json",
		real: ["order-full-object.json", ({ note }) => note === "the same order read"],
		ours: async (stage) => get(stage, `/orders/${await anOrder(stage)}`),
	},
	{
		of: "order in a list",
		schema: "options-orders.json",
		real: ["order-full-object.json", ({ note }) => note === "the same order read"],
		ours: async (stage) => {
			await anOrder(stage);
			return ((await get(stage, "/orders")) as unknown[])[0];
		},
	},
	{
		of: "refund",
		schema: "options-order-refunds.json",
		real: ["order-refunds.json", ({ note }) => note?.startsWith("refund 1 piece WITH restock") ?? false],
		ours: async (stage) => {
			const id = await anOrder(stage);
			await stage.store.refund(id);
			return ((await get(stage, `/orders/${id}/refunds`)) as unknown[])[0];
		},
	},
	{
		of: "webhook",
		schema: "options-webhooks.json",
		real: ["webhooks-create-and-list.json", ({ note }) => note === "endpoint answers 204"],
		ours: (stage) => send(stage, "POST", "/webhooks", { topic: "order.updated", delivery_url: "http://127.0.0.1:45390/x" }),
	},
	{
		of: "system status",
		schema: "options-system_status.json",
		real: ["connect-read-store.json", ({ request }) => request.path.endsWith("system_status")],
		ours: (stage) => get(stage, "/system_status"),
	},
	{
		of: "setting group",
		schema: "options-settings.json",
		real: ["connect-read-store.json", ({ request }) => request.path.endsWith("settings/general")],
		ours: async (stage) => ((await get(stage, "/settings/general")) as unknown[])[0],
	},
];

describe.skipIf(!CONTRACTS_PRESENT)("WooCommerce 11.0.1, its own schemas", () => {
	it.each(CASES)("$of: keeps the store's schema wherever the real store does", async ({ schema: name, real: [file, pick], ours }) => {
		const { schema: own } = schema(name) as { schema: Record<string, unknown> };
		const stage = await createStage();
		await SCENES["products-list-paging-sku.json"]?.set(stage);
		const recorded = recording<{ steps: Step[] }>(file)
			.steps.filter(pick)
			.map(({ response }) => response.body);
		const mine = strayings(own, await ours(stage));
		const theirs = recorded.flatMap((body) => strayings(own, body));
		await stage.close();
		expect(recorded.length).toBeGreaterThan(0);
		expect(mine.filter((place) => !theirs.includes(place))).toEqual([]);
	});

	it.each(["options-products-batch.json", "options-variations-batch.json"])("%s names the verbs that the batch takes", (name) => {
		const { schema: own } = schema(name) as { schema: { properties: Record<string, unknown> } };
		expect(Object.keys(own.properties)).toEqual(["create", "update", "delete"]);
	});
});

if (!CONTRACTS_PRESENT) {
	describe("WooCommerce 11.0.1, its own schemas", () => {
		it("was not checked: ../shared/contracts is not there", () =>
			console.log("WooCommerce schemas were not checked: ../shared/contracts is not there"));
	});
}

/** Places where an object does not keep the schema, list positions left out. */
function strayings(own: Record<string, unknown>, object: unknown): string[] {
	const ajv = new AjvDraft4({ allErrors: true, strict: false, logger: false, validateFormats: false });
	const valid = ajv.validate(plain(own) as Record<string, unknown>, object);
	return valid ? [] : [...new Set((ajv.errors ?? []).map((e) => `${e.instancePath.replace(/\/\d+/g, "/*")} ${e.message}`))];
}

/** WordPress writes some words that draft 4 does not know ("mixed", "date-time" as a type); those say nothing here. */
function plain(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(plain);
	if (typeof value !== "object" || value === null) return value;
	const kept = Object.entries(value).filter(([name, part]) => {
		if (name === "type" && typeof part === "string")
			return ["string", "integer", "number", "boolean", "array", "object", "null"].includes(part);
		if (name === "required") return Array.isArray(part);
		return name !== "$schema" && name !== "default" && name !== "context";
	});
	return Object.fromEntries(kept.map(([name, part]) => [name, plain(part)]));
}

const KEY = Buffer.from("ck_00000000000000000000000000000000example1:cs_00000000000000000000000000000000example1").toString("base64");

async function send(stage: Stage, method: string, path: string, body?: unknown): Promise<unknown> {
	const headers = { authorization: `Basic ${KEY}`, "content-type": "application/json" };
	const reply = await stage.send({ method, path: `/wp-json/wc/v3${path}`, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
	return JSON.parse(reply.text);
}
const get = (stage: Stage, path: string) => send(stage, "GET", path);

async function anOrder(stage: Stage): Promise<number> {
	const lines = [
		{ product_id: 24, quantity: 2 },
		{ product_id: 27, variation_id: 28, quantity: 1 },
	];
	return ((await send(stage, "POST", "/orders", { status: "processing", line_items: lines })) as { id: number }).id;
}
