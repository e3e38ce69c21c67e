import {
	type FieldNode,
	type FragmentDefinitionNode,
	type GraphQLCompositeType,
	type GraphQLSchema,
	getNamedType,
	getNullableType,
	isAbstractType,
	isCompositeType,
	isListType,
	isObjectType,
	Kind,
	type OperationDefinitionNode,
	type SelectionSetNode,
} from "graphql";

/**
 * The calculated query cost. What the recordings of a live store show: scalars cost nothing, an object 1, a mutation 10 with
 * the objects of its payload's first level included, value objects (money, weights, options) nothing, a count 10, a
 * connection 2 plus its nodes. How nodes are scaled by the page size is not published; the recorded figures (first: 1 and 3
 * count once, first: 5 three times, first: 50 about eight times) fit a square root, which is what we use.
 */
const CONNECTION_COST = 2;
const MUTATION_COST = 10;
const COUNT_COST = 10;
export const QUERY_COST_MAX = 1000;

const FREE = new Set([
	"PageInfo",
	"MoneyBag",
	"MoneyV2",
	"Weight",
	"InventoryItemMeasurement",
	"SelectedOption",
	"EditableProperty",
	"WebhookSubscriptionEndpoint",
	"ApiVersion",
]);

export type Costing = {
	schema: GraphQLSchema;
	operation: OperationDefinitionNode;
	fragments: Record<string, FragmentDefinitionNode>;
	variables: Record<string, unknown>;
};

/** Before execution: every page is taken to be full. */
export function requestedCost(costing: Costing): number {
	return costOf(costing, null);
}

/** After execution: what came back. */
export function actualCost(costing: Costing, data: unknown): number {
	return costOf(costing, { data });
}

function costOf(costing: Costing, answer: { data: unknown } | null): number {
	const { schema, operation } = costing;
	const root = operation.operation === "mutation" ? schema.getMutationType() : schema.getQueryType();
	if (!root) return 0;
	if (operation.operation !== "mutation") return Math.max(1, selection(costing, operation.selectionSet, root, answer));
	let sum = 0;
	for (const field of fieldsOf(costing, operation.selectionSet)) {
		const type = getNamedType(root.getFields()[field.name.value]?.type);
		const payload = answer && answerTo(answer.data, field);
		sum += MUTATION_COST;
		if (!field.selectionSet || !isObjectType(type)) continue;
		for (const inner of fieldsOf(costing, field.selectionSet)) {
			const definition = type.getFields()[inner.name.value];
			const innerType = definition && getNamedType(definition.type);
			const value = payload ? { data: answerTo(payload, inner) } : null;
			if (inner.selectionSet && isCompositeType(innerType) && !/UserError$/.test(innerType.name))
				sum += selection(costing, inner.selectionSet, innerType, answer && (value ?? { data: null }));
		}
	}
	return sum;
}

function selection(costing: Costing, set: SelectionSetNode, type: GraphQLCompositeType, answer: { data: unknown } | null): number {
	if (answer && (answer.data === null || answer.data === undefined)) return 0;
	const sample = answer && Array.isArray(answer.data) ? { data: answer.data[0] } : answer;
	if (sample && (sample.data === null || sample.data === undefined)) return 0;
	let sum = 0;
	for (const field of fieldsOf(costing, set)) {
		const owner =
			isObjectType(type) || !isAbstractType(type)
				? type
				: (costing.schema.getPossibleTypes(type).find((t) => field.name.value in t.getFields()) ?? type);
		const definition = "getFields" in owner ? owner.getFields()[field.name.value] : undefined;
		const fieldType = definition && getNamedType(definition.type);
		if (!definition || !field.selectionSet || !isCompositeType(fieldType)) continue;
		const value = sample && { data: answerTo(sample.data, field) };
		if (value && (value.data === null || value.data === undefined)) continue;
		if (fieldType.name.endsWith("Connection")) sum += connection(costing, field, fieldType, value);
		else if (fieldType.name === "Count") sum += COUNT_COST;
		else if (!FREE.has(fieldType.name)) sum += 1 + selection(costing, field.selectionSet, fieldType, value);
		else if (isListType(getNullableType(definition.type)) || fieldType.name === "PageInfo") continue;
	}
	return sum;
}

function connection(costing: Costing, field: FieldNode, type: GraphQLCompositeType, value: { data: unknown } | null): number {
	const size = value ? lengthOf(value.data) : pageSize(costing, field);
	if (value && size === 0) return 0;
	let perNode = 0;
	for (const inner of fieldsOf(costing, field.selectionSet as SelectionSetNode)) {
		const innerType = "getFields" in type ? getNamedType(type.getFields()[inner.name.value]?.type) : undefined;
		if (!inner.selectionSet || !isCompositeType(innerType)) continue;
		const nested = value && { data: answerTo(value.data, inner) };
		if (inner.name.value === "nodes") perNode += 1 + selection(costing, inner.selectionSet, innerType, nested);
		if (inner.name.value === "edges") perNode += selection(costing, inner.selectionSet, innerType, nested);
	}
	return CONNECTION_COST + perNode * scale(size);
}

const scale = (size: number) => (size <= 3 ? 1 : Math.ceil(Math.sqrt(size)));

function pageSize({ variables }: Costing, field: FieldNode): number {
	for (const argument of field.arguments ?? []) {
		if (argument.name.value !== "first" && argument.name.value !== "last") continue;
		if (argument.value.kind === Kind.INT) return Number(argument.value.value);
		if (argument.value.kind === Kind.VARIABLE) return Number(variables[argument.value.name.value] ?? 1);
	}
	return 1;
}

function lengthOf(data: unknown): number {
	const { nodes, edges } = (data ?? {}) as { nodes?: unknown[]; edges?: unknown[] };
	return (nodes ?? edges ?? []).length;
}

const answerTo = (data: unknown, field: FieldNode) =>
	(data as Record<string, unknown> | null | undefined)?.[field.alias?.value ?? field.name.value];

/** The fields of a selection, fragments opened. */
export function fieldsOf({ fragments }: Pick<Costing, "fragments">, set: SelectionSetNode): FieldNode[] {
	return set.selections.flatMap((entry): FieldNode[] => {
		if (entry.kind === Kind.FIELD) return [entry];
		const inner = entry.kind === Kind.INLINE_FRAGMENT ? entry.selectionSet : fragments[entry.name.value]?.selectionSet;
		return inner ? fieldsOf({ fragments }, inner) : [];
	});
}
