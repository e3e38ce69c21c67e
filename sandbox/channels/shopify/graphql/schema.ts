import { readFileSync } from "node:fs";
import {
	buildSchema,
	defaultFieldResolver,
	GraphQLError,
	type GraphQLField,
	type GraphQLObjectType,
	type GraphQLSchema,
	getNamedType,
	isObjectType,
} from "graphql";
import { gid, graphTime } from "../model.ts";
import { appResolvers } from "./app-resolvers.ts";
import { catalogResolvers } from "./catalog-resolvers.ts";
import type { Context } from "./context.ts";
import { flowResolver } from "./flow-resolver.ts";
import { inventoryMutations } from "./inventory-mutations.ts";
import { orderResolvers } from "./order-resolvers.ts";
import type { Resolver, Resolvers } from "./resolvers.ts";

/** What one must be allowed to see a type at all; one of the scopes is enough. */
const READ_SCOPES: Record<string, readonly string[]> = {
	Product: ["read_products"],
	ProductVariant: ["read_products"],
	InventoryItem: ["read_inventory", "read_products"],
	InventoryLevel: ["read_inventory"],
	Location: ["read_locations", "read_inventory"],
	Order: ["read_orders"],
	Refund: ["read_orders"],
	Customer: ["read_customers"],
};
const WRITE_SCOPES: readonly [RegExp, string][] = [
	[/^inventory/, "write_inventory"],
	[/^order/, "write_orders"],
];
/** Personal data of level 2. Selecting it without approval is refused field by field. */
const PROTECTED: Record<string, readonly string[]> = {
	Order: ["email", "phone", "billingAddress", "shippingAddress", "customer"],
	Customer: ["displayName", "firstName", "lastName", "email", "phone"],
	MailingAddress: ["name", "address1", "address2", "city", "zip", "phone"],
};
const PROTECTED_DOCS = "https://shopify.dev/docs/apps/launch/protected-customer-data";

function buildExecutable(): GraphQLSchema {
	const built = buildSchema(readFileSync(new URL("../schema.graphql", import.meta.url), "utf8"));
	const resolvers = merge(catalogResolvers, orderResolvers, appResolvers, inventoryMutations, flowResolver);
	for (const [typeName, fields] of Object.entries(resolvers)) {
		const type = built.getType(typeName) as GraphQLObjectType | undefined;
		for (const name of Object.keys(fields))
			if (!type?.getFields()[name]) throw new Error(`There is a resolver for ${typeName}.${name}, which the schema does not have.`);
	}
	for (const type of Object.values(built.getTypeMap())) {
		if (!isObjectType(type) || type.name.startsWith("__")) continue;
		for (const field of Object.values(type.getFields())) field.resolve = guarded(type, field, resolvers[type.name]?.[field.name] ?? plain);
	}
	for (const name of ["Node", "LegacyInteroperability"]) {
		const type = built.getType(name);
		if (type && "resolveType" in type) type.resolveType = (value: { kind: string }) => value.kind;
	}
	return built;
}

function merge(...parts: readonly Resolvers[]): Resolvers {
	const all: Resolvers = {};
	for (const part of parts) for (const [type, fields] of Object.entries(part)) all[type] = { ...all[type], ...fields };
	return all;
}

/** Ids are numbers inside and gids outside, times milliseconds inside and text outside. */
const plain: Resolver = (source, args, context, info) => {
	if (info.fieldName === "id" && typeof source.id === "number") return gid(source.kind, source.id);
	if (info.fieldName === "legacyResourceId") return String(source.id);
	const value = defaultFieldResolver(source, args, context, info) as unknown;
	return typeof value === "number" && getNamedType(info.returnType).name === "DateTime" ? graphTime(value) : value;
};

function guarded(type: GraphQLObjectType, field: GraphQLField<unknown, Context>, resolve: Resolver): Resolver {
	const target = typeOf(field);
	const scopes =
		type.name === "Mutation"
			? WRITE_SCOPES.flatMap(([pattern, scope]) => (pattern.test(field.name) ? [scope] : []))
			: (READ_SCOPES[target] ?? []);
	const personal = PROTECTED[type.name]?.includes(field.name) ?? false;
	const guardedByData = personal || target === "Order";
	if (scopes.length === 0 && !guardedByData) return resolve;
	return (source, args, context, info) => {
		if (personal && context.protectedData !== "level2") {
			context.violated("protected customer data requested", `${type.name}.${field.name}`);
			throw denied(
				target === "Customer"
					? `This app is not approved to access the Customer object.`
					: `This app is not approved to use the ${field.name} field.`,
			);
		}
		if (scopes.length > 0 && !scopes.some((scope) => mayUse(context, scope))) throw scopeDenied(field.name, scopes);
		if (target === "Order" && context.protectedData === "none") {
			context.violated("protected customer data requested", "Order");
			throw denied("This app is not approved to access the Order object.");
		}
		return resolve(source, args, context, info);
	};
}

/** The thing behind a connection or a list. */
function typeOf(field: GraphQLField<unknown, Context>): string {
	return getNamedType(field.type).name.replace(/Connection$/, "");
}

function mayUse({ access }: Context, scope: string): boolean {
	// write_* implies read_*.
	return access.scopes.includes(scope) || access.scopes.includes(scope.replace(/^read_/, "write_"));
}

function scopeDenied(field: string, scopes: readonly string[]): GraphQLError {
	const requiredAccess = `${scopes.map((scope) => `\`${scope}\` access scope`).join(" or ")}.`;
	return new GraphQLError(`Access denied for ${field} field. Required access: ${requiredAccess}`, {
		extensions: { code: "ACCESS_DENIED", documentation: "https://shopify.dev/api/usage/access-scopes", requiredAccess },
	});
}

const denied = (sentence: string) =>
	new GraphQLError(`${sentence} See ${PROTECTED_DOCS} for more details.`, {
		extensions: { code: "ACCESS_DENIED", documentation: PROTECTED_DOCS },
	});

/** The executable schema: the published types of schema.graphql, with a resolver where plain data is not enough. */
export const schema: GraphQLSchema = buildExecutable();
