import {
	type DocumentNode,
	execute,
	type FragmentDefinitionNode,
	GraphQLError,
	Kind,
	type OperationDefinitionNode,
	parse,
	TypeInfo,
	visit,
	visitWithTypeInfo,
} from "graphql";
import type { Context } from "./context.ts";
import { actualCost, type Costing, fieldsOf, QUERY_COST_MAX, requestedCost } from "./cost.ts";
import { documentRefusals, type Refusal, variableRefusals } from "./refusals.ts";
import { schema } from "./schema.ts";

/** One GraphQL request, as the real endpoint answers it: always HTTP 200, its troubles inside. */
export type Body = { query?: unknown; variables?: unknown; operationName?: unknown };
export type Answer = { data?: unknown; errors?: unknown[]; extensions?: Record<string, unknown> };

/** The app's points on this shop: a leaky bucket. */
export type Bucket = { maximum: number; restoreRate: number; level(): number; take(cost: number): void };

export function createBucket({ now, maximum, restoreRate }: { now: () => number; maximum: number; restoreRate: number }): Bucket {
	let filled = maximum;
	let at = now();
	const level = () => {
		filled = Math.min(maximum, filled + ((now() - at) / 1000) * restoreRate);
		at = now();
		return filled;
	};
	const take = (cost: number) => {
		filled = Math.max(0, level() - cost);
	};
	return { maximum, restoreRate, level, take };
}

export type Prepared = { refused: Answer } | { costing: Costing; document: DocumentNode; operation: string; requested: number };

/** Everything before execution: parsing, validation, cost. `operation` is the first root field: what the books call it. */
export function prepare(body: Body, violated: Context["violated"]): Prepared {
	if (typeof body.query !== "string") return refuse([{ message: "Parameter Missing or Invalid", extensions: { code: "BAD_REQUEST" } }]);
	let document: DocumentNode;
	try {
		document = parse(body.query);
	} catch (error) {
		if (!(error instanceof GraphQLError)) throw error;
		return refuse([{ message: `syntax error: ${error.message}`, locations: [...(error.locations ?? [])] }]);
	}
	const refusals = documentRefusals(schema, document);
	if (refusals.length > 0) {
		violated("invalid query", refusals.map((refusal) => refusal.message).join("; "));
		return refuse(refusals);
	}
	const operations = document.definitions.filter((d): d is OperationDefinitionNode => d.kind === Kind.OPERATION_DEFINITION);
	const operation = typeof body.operationName === "string" ? operations.find((o) => o.name?.value === body.operationName) : operations[0];
	if (!operation) return refuse([{ message: "An operation name is required" }]);
	const variables = (body.variables ?? {}) as Record<string, unknown>;
	const wrong = variableRefusals(schema, operation, variables);
	if (wrong.length > 0) {
		violated("invalid variables", wrong.map((refusal) => refusal.message).join("; "));
		return refuse(wrong);
	}
	const fragments = Object.fromEntries(
		document.definitions.filter((d): d is FragmentDefinitionNode => d.kind === Kind.FRAGMENT_DEFINITION).map((d) => [d.name.value, d]),
	);
	const costing: Costing = { schema, operation, fragments, variables };
	noteDeprecated(document, violated);
	return {
		costing,
		document,
		operation: fieldsOf(costing, operation.selectionSet)[0]?.name.value ?? "unknown",
		requested: requestedCost(costing),
	};
}

const refuse = (errors: Refusal[]): Prepared => ({ refused: { errors } });

/** Runs a prepared request against the bucket. */
export async function run(prepared: Exclude<Prepared, { refused: Answer }>, context: Context, bucket: Bucket): Promise<Answer> {
	const { requested, costing, document } = prepared;
	if (requested > QUERY_COST_MAX) {
		context.violated("query over the maximum cost", `${prepared.operation}: ${requested}`);
		const message = `Query cost is ${requested}, which exceeds the single query max cost limit (${QUERY_COST_MAX}).`;
		return {
			errors: [
				{
					message,
					extensions: {
						code: "MAX_COST_EXCEEDED",
						cost: requested,
						maxCost: QUERY_COST_MAX,
						documentation: "https://shopify.dev/api/usage/rate-limits",
					},
				},
			],
		};
	}
	if (bucket.level() < requested) {
		context.violated("throttled", `${prepared.operation}: ${requested} points asked, ${Math.floor(bucket.level())} left`);
		return throttled(requested, bucket);
	}
	bucket.take(requested);
	const result = await execute({
		schema,
		document,
		contextValue: context,
		variableValues: costing.variables,
		...(costing.operation.name && { operationName: costing.operation.name.value }),
	});
	const actual = actualCost(costing, result.data);
	bucket.take(actual - requested);
	const errors = result.errors?.map((error) => error.toJSON());
	return { ...(errors && { errors }), data: result.data, extensions: { cost: costExtension(requested, actual, bucket) } };
}

export function throttled(requested: number, bucket: Bucket): Answer {
	return {
		errors: [{ message: "Throttled", extensions: { code: "THROTTLED", documentation: "https://shopify.dev/api/usage/rate-limits" } }],
		extensions: { cost: costExtension(requested, null, bucket) },
	};
}

const costExtension = (requested: number, actual: number | null, bucket: Bucket) => ({
	requestedQueryCost: requested,
	actualQueryCost: actual,
	throttleStatus: { maximumAvailable: bucket.maximum, currentlyAvailable: Math.floor(bucket.level()), restoreRate: bucket.restoreRate },
});

/** Deprecated fields and arguments work and are noted: they disappear with a later version. */
function noteDeprecated(document: DocumentNode, violated: Context["violated"]): void {
	const types = new TypeInfo(schema);
	visit(
		document,
		visitWithTypeInfo(types, {
			Field() {
				const field = types.getFieldDef();
				if (field?.deprecationReason) violated("deprecated field", `${types.getParentType()?.name}.${field.name}`);
			},
			Argument() {
				const argument = types.getArgument();
				if (argument?.deprecationReason) violated("deprecated argument", argument.name);
			},
		}),
	);
}
