import { GraphQLError, type GraphQLResolveInfo, getDirectiveValues, getNamedType } from "graphql";
import type { Context } from "./context.ts";
import {
	type ActivateArgs,
	activateInventory,
	adjustQuantities,
	deactivateInventory,
	moveQuantities,
	setOnHandQuantities,
	setQuantities,
} from "./inventory-writes.ts";
import type { Resolver, Resolvers } from "./resolvers.ts";

/** Inventory mutations with the rules around them: required arguments, list sizes, `@idempotent`. */

/** From this version on `@idempotent` and `changeFromQuantity` are mandatory. */
const STRICT_SINCE = "2026-04";
/** General limit of input lists. */
const INPUT_LIST_MAX = 250;

type Input =
	| Parameters<typeof adjustQuantities>[1]
	| Parameters<typeof setQuantities>[1]
	| Parameters<typeof setOnHandQuantities>[1]
	| Parameters<typeof moveQuantities>[1];
type Played = { userErrors: readonly unknown[] };

export const inventoryMutations: Resolvers = {
	Mutation: {
		inventoryAdjustQuantities: listed("changes", "InventoryChangeInput", (context, input) =>
			adjustQuantities(context, input as Parameters<typeof adjustQuantities>[1]),
		),
		inventorySetQuantities: listed("quantities", "InventoryQuantityInput", (context, input) =>
			setQuantities(context, input as Parameters<typeof setQuantities>[1]),
		),
		inventorySetOnHandQuantities: listed("setQuantities", "InventorySetQuantityInput", (context, input) =>
			setOnHandQuantities(context, input as Parameters<typeof setOnHandQuantities>[1]),
		),
		inventoryMoveQuantities: listed("changes", "InventoryMoveQuantityTerminalInput", (context, input) =>
			moveQuantities(context, input as Parameters<typeof moveQuantities>[1]),
		),
		inventoryActivate: (_, args: ActivateArgs, context, info) => once(context, info, args, () => activateInventory(context, args)),
		inventoryDeactivate: (_, args: { inventoryLevelId: string }, context) => deactivateInventory(context, args),
	},
};

function listed(listName: string, entryType: string, play: (context: Context, input: Input) => Played): Resolver {
	return (_, args: { input: Input }, context, info) => {
		const entries = (args.input as unknown as Record<string, Record<string, unknown>[]>)[listName] ?? [];
		if (entries.length > INPUT_LIST_MAX) {
			context.violated("more than 250 changes in one call", `${info.fieldName}: ${entries.length}`);
			throw new GraphQLError(`The input array size of ${entries.length} is greater than the maximum allowed of ${INPUT_LIST_MAX}.`, {
				extensions: { code: "MAX_INPUT_SIZE_EXCEEDED" },
				nodes: info.fieldNodes,
			});
		}
		if (context.version >= STRICT_SINCE) requireCompare(entries, entryType, info);
		return once(context, info, args, () => play(context, args.input));
	};
}

/** Recorded: the check is on the presence of the argument; null is an answer. It comes before the one for `@idempotent`. */
function requireCompare(entries: readonly Record<string, unknown>[], entryType: string, info: GraphQLResolveInfo): void {
	const sides = entries.flatMap((entry) => ("from" in entry ? [entry.from, entry.to] : [entry]) as Record<string, unknown>[]);
	if (sides.every((side) => "changeFromQuantity" in side)) return;
	const variable = info.operation.variableDefinitions?.[0];
	throw new GraphQLError(`${entryType} must include the following argument: changeFromQuantity.`, {
		nodes: [...info.fieldNodes, ...(variable ? [variable] : [])],
		extensions: { code: "INVALID_FIELD_ARGUMENTS" },
	});
}

/** Carries a mutation out once per key. */
function once<T extends Played>(context: Context, info: GraphQLResolveInfo, args: unknown, play: () => T): unknown {
	const directive = info.schema.getDirective("idempotent");
	const node = info.fieldNodes[0];
	const given = directive && node ? getDirectiveValues(directive, node, info.variableValues) : undefined;
	if (!given) {
		if (context.version < STRICT_SINCE) return play();
		throw new GraphQLError("The @idempotent directive is required for this mutation but was not provided.", {
			extensions: { code: "BAD_REQUEST" },
		});
	}
	const key = String(given.key);
	// Message not recorded.
	if (key.trim() === "") throw new GraphQLError("The idempotency key must not be blank.", { extensions: { code: "BAD_REQUEST" } });
	const claim = context.idempotency.claim(key, info.fieldName, JSON.stringify(args));
	const refuse = (code: string, message: string) => ({ ...emptyPayload(info), userErrors: [{ field: null, message, code }] });
	switch (claim.outcome) {
		case "replay":
			return claim.result;
		// The next three messages are not recorded; their codes are in the schema.
		case "mismatch":
			return refuse("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "The same idempotency key was used with different parameters.");
		case "concurrent":
			return refuse("IDEMPOTENCY_CONCURRENT_REQUEST", "Another request with the same idempotency key is in progress.");
		case "previous attempt failed":
			return refuse("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "The previous attempt with this idempotency key failed.");
		case "new": {
			if (context.fate === "fails inside") {
				context.idempotency.fail(key);
				throw new GraphQLError("Internal error. Looks like something went wrong on our end.", {
					extensions: { code: "INTERNAL_SERVER_ERROR" },
				});
			}
			const finish = () => {
				const result = play();
				context.idempotency.finish(key, result);
				return result;
			};
			return context.landsAfter ? context.landsAfter.then(finish) : finish();
		}
	}
}

function emptyPayload(info: GraphQLResolveInfo): Record<string, null> {
	const type = getNamedType(info.returnType);
	return "getFields" in type ? Object.fromEntries(Object.keys(type.getFields()).map((name) => [name, null])) : {};
}
