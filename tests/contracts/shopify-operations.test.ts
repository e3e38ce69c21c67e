import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { buildSchema, type GraphQLEnumType, type GraphQLSchema, NoDeprecatedCustomRule, parse, validate } from "graphql";
import { describe, expect, test } from "vitest";

const schemaFile = fileURLToPath(new URL("../../../shared/contracts/shopify/admin-2026-07.schema.graphql.gz", import.meta.url));
const operationsFolder = new URL("../../app/channels/shopify/operations/", import.meta.url);

const present = existsSync(schemaFile);
if (!present) process.stderr.write(`Not run: the published schema is not at ${schemaFile}\n`);

describe.runIf(present)("R32 what we send to Shopify", async () => {
	const schema: GraphQLSchema = present
		? buildSchema(gunzipSync(readFileSync(schemaFile)).toString(), { assumeValidSDL: true })
		: (undefined as never);
	const documents = await allOperations();

	test("there are operations in every file", () => {
		expect(documents.length).toBeGreaterThanOrEqual(14);
	});

	test.each(documents)("$name is valid against the Admin schema 2026-07", ({ document }) => {
		expect(validate(schema, parse(document)).map((error) => error.message)).toEqual([]);
	});

	test.each(documents)("R04 $name asks for nothing of the customer", ({ document }) => {
		expect(document).not.toMatch(
			/\b(customer|email|phone|firstName|lastName|displayName|billingAddress|shippingAddress|displayAddress|note|clientIp|customAttributes)\b/,
		);
	});

	test.each(documents)("$name uses nothing that is deprecated", ({ document }) => {
		expect(deprecatedFields(schema, document)).toEqual([]);
	});

	test.each([
		["InventoryAdjustQuantitiesUserErrorCode", "app/channels/shopify/errors.ts"],
		["RefundLineItemRestockType", "app/channels/shopify/orders.ts"],
		["BulkOperationStatus", "app/channels/shopify/catalogue-export.ts"],
		["BulkOperationErrorCode", "app/channels/shopify/catalogue-export.ts"],
		["ProductVariantInventoryPolicy", "app/channels/shopify/items.ts"],
	])("every value of %s is named in %s", (name, file) => {
		const type = schema.getType(name) as GraphQLEnumType;
		const source = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
		for (const { name: value } of type.getValues()) expect(source).toContain(`"${value}"`);
	});
});

async function allOperations(): Promise<{ name: string; document: string }[]> {
	const found: { name: string; document: string }[] = [];
	for (const file of await readdir(operationsFolder)) {
		const exported: Record<string, unknown> = await import(new URL(file, operationsFolder).href);
		for (const [name, value] of Object.entries(exported)) {
			if (typeof value === "string" && /^(query|mutation|\{)/.test(value)) found.push({ name, document: value });
		}
	}
	return found;
}

function deprecatedFields(schema: GraphQLSchema, document: string): string[] {
	return validate(schema, parse(document), [NoDeprecatedCustomRule]).map((error) => error.message);
}
