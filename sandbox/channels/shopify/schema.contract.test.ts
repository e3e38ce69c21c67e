import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import {
	astFromValue,
	buildSchema,
	type GraphQLArgument,
	type GraphQLInputField,
	type GraphQLSchema,
	isEnumType,
	isInputObjectType,
	isInterfaceType,
	isObjectType,
	isScalarType,
	isUnionType,
	print,
	validateSchema,
} from "graphql";
import { describe, expect, it } from "vitest";

/** The stand-in's schema must be a strict part of the published one: nothing invented, nothing milder. */
const PUBLISHED = new URL("../../../../shared/contracts/shopify/admin-2026-07.schema.graphql.gz", import.meta.url);
const own = buildSchema(readFileSync(new URL("./schema.graphql", import.meta.url), "utf8"));

describe("the stand-in's schema", () => {
	it("is valid by itself", () => {
		expect(validateSchema(own)).toEqual([]);
	});

	if (existsSync(PUBLISHED)) {
		it("is a part of the published 2026-07 schema: types, fields, arguments, defaults and nullability are the same", () => {
			const published = buildSchema(gunzipSync(readFileSync(PUBLISHED)).toString("utf8"));
			const { differences, compared } = compareSchemas(own, published);
			expect(differences).toEqual([]);
			expect(compared).toBeGreaterThan(700);
		}, 60_000);

		it("notices a field that is milder or unknown", () => {
			const published = buildSchema("type QueryRoot { a(x: Int!): String b: Int! } schema { query: QueryRoot }");
			const milder = buildSchema("type QueryRoot { a(x: Int): String b: Int c: Int } schema { query: QueryRoot }");
			expect(compareSchemas(milder, published).differences).toEqual([
				"QueryRoot.a(x): Int instead of Int!",
				"QueryRoot.b: Int instead of Int!",
				"QueryRoot.c is not published",
			]);
		});
	} else {
		it("was not compared: ../shared/contracts is not there", () =>
			console.log("Shopify's published schema was not compared: ../shared/contracts is not there"));
	}
});

function compareSchemas(mine: GraphQLSchema, theirs: GraphQLSchema): { differences: string[]; compared: number } {
	const differences: string[] = [];
	let compared = 0;
	const same = (what: string, ours: unknown, published: unknown) => {
		compared++;
		if (String(ours) !== String(published)) differences.push(`${what}: ${ours} instead of ${published}`);
	};
	const defaultOf = (input: GraphQLArgument | GraphQLInputField) => {
		const node = input.defaultValue === undefined ? null : astFromValue(input.defaultValue, input.type);
		return node ? print(node) : "none";
	};
	for (const [name, type] of Object.entries(mine.getTypeMap())) {
		if (name.startsWith("__")) continue;
		const other = theirs.getType(name);
		if (!other) {
			differences.push(`${name} is not published`);
			continue;
		}
		same(`${name} (kind)`, type.astNode?.kind ?? "built in", other.astNode?.kind ?? "built in");
		if (isScalarType(type)) continue;
		if (isEnumType(type) && isEnumType(other)) {
			const known = new Set(other.getValues().map((value) => value.name));
			for (const value of type.getValues()) if (!known.has(value.name)) differences.push(`${name}.${value.name} is not published`);
		} else if (isUnionType(type) && isUnionType(other)) {
			same(
				`${name} (members)`,
				type.getTypes().map((t) => t.name),
				other.getTypes().map((t) => t.name),
			);
		} else if (isInputObjectType(type) && isInputObjectType(other)) {
			same(`${name} (fields)`, Object.keys(type.getFields()), Object.keys(other.getFields()));
			for (const field of Object.values(type.getFields())) {
				const counterpart = other.getFields()[field.name];
				same(`${name}.${field.name}`, field.type, counterpart?.type);
				if (counterpart) same(`${name}.${field.name} (default)`, defaultOf(field), defaultOf(counterpart));
			}
		} else if ((isObjectType(type) || isInterfaceType(type)) && (isObjectType(other) || isInterfaceType(other))) {
			const interfaces = new Set(other.getInterfaces().map((i) => i.name));
			for (const i of type.getInterfaces())
				if (!interfaces.has(i.name)) differences.push(`${name} implements ${i.name}, which is not published`);
			for (const field of Object.values(type.getFields())) {
				const counterpart = other.getFields()[field.name];
				if (!counterpart) {
					differences.push(`${name}.${field.name} is not published`);
					continue;
				}
				for (const argument of field.args) {
					const twin = counterpart.args.find((a) => a.name === argument.name);
					same(`${name}.${field.name}(${argument.name})`, argument.type, twin?.type);
					if (twin) same(`${name}.${field.name}(${argument.name}) (default)`, defaultOf(argument), defaultOf(twin));
				}
				same(
					`${name}.${field.name} (arguments)`,
					field.args.map((a) => a.name),
					counterpart.args.map((a) => a.name),
				);
				same(`${name}.${field.name}`, field.type, counterpart.type);
				same(`${name}.${field.name} (deprecated)`, field.deprecationReason !== undefined, counterpart.deprecationReason !== undefined);
			}
		}
	}
	return { differences, compared };
}
