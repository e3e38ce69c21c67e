import {
	type ASTVisitor,
	type DocumentNode,
	GraphQLError,
	type GraphQLInputType,
	type GraphQLSchema,
	getNamedType,
	isEnumType,
	isInputObjectType,
	isInputType,
	isListType,
	isNonNullType,
	isRequiredArgument,
	isScalarType,
	Kind,
	type OperationDefinitionNode,
	specifiedRules,
	typeFromAST,
	type ValidationContext,
	validate,
	valueFromAST,
	valueFromASTUntyped,
} from "graphql";

/**
 * How the real server (graphql-ruby) refuses a request before it runs it: other words, codes and paths than graphql-js has.
 * Recorded forms: a missing required argument, a null where none is allowed, an unknown field of an input.
 */
export type Refusal = {
	message: string;
	locations?: { line: number; column: number }[];
	path?: string[];
	extensions?: Record<string, unknown>;
};

/** Problems of the document itself. */
export function documentRefusals(schema: GraphQLSchema, document: DocumentNode): Refusal[] {
	const found: Refusal[] = [];
	const replaced = new Set([
		"FieldsOnCorrectTypeRule",
		"ProvidedRequiredArgumentsRule",
		"ValuesOfCorrectTypeRule",
		"KnownArgumentNamesRule",
	]);
	const rules = specifiedRules.filter((rule) => !replaced.has(rule.name));
	validate(schema, document, [(context) => rubyRules(context, found)]);
	const others = validate(schema, document, rules).map(
		(error): Refusal => ({
			message: error.message,
			locations: [...(error.locations ?? [])],
			extensions: { code: "GRAPHQL_VALIDATION_FAILED" },
		}),
	);
	return [...found, ...others];
}

function rubyRules(context: ValidationContext, found: Refusal[]): ASTVisitor {
	const path: string[] = [];
	const at = (node: { loc?: { startToken: { line: number; column: number } } | undefined }) =>
		node.loc ? [{ line: node.loc.startToken.line, column: node.loc.startToken.column }] : [];
	return {
		OperationDefinition: {
			enter: (node) => void path.push([node.operation, node.name?.value].filter(Boolean).join(" ")),
			leave: () => void path.pop(),
		},
		FragmentDefinition: { enter: (node) => void path.push(`fragment ${node.name.value}`), leave: () => void path.pop() },
		Field: {
			enter(node) {
				const name = node.name.value;
				path.push(node.alias?.value ?? name);
				const parent = context.getParentType();
				const field = context.getFieldDef();
				if (parent && !field) {
					found.push({
						message: `Field '${name}' doesn't exist on type '${parent.name}'`,
						locations: at(node),
						path: [...path],
						extensions: { code: "undefinedField", typeName: parent.name, fieldName: name },
					});
					return false;
				}
				const given = new Set((node.arguments ?? []).map((argument) => argument.name.value));
				const missing = (field?.args ?? [])
					.filter((argument) => isRequiredArgument(argument) && !given.has(argument.name))
					.map((argument) => argument.name);
				if (missing.length > 0) {
					const names = missing.join(", ");
					found.push({
						message: `Field '${name}' is missing required arguments: ${names}`,
						locations: at(node),
						path: [...path],
						extensions: { code: "missingRequiredArguments", className: "Field", name, arguments: names },
					});
				}
				for (const argument of node.arguments ?? []) {
					const definition = field?.args.find((a) => a.name === argument.name.value);
					if (!definition) {
						found.push({
							message: `Field '${name}' doesn't accept argument '${argument.name.value}'`,
							locations: at(argument),
							path: [...path, argument.name.value],
							extensions: { code: "argumentNotAccepted", name, typeName: "Field", argumentName: argument.name.value },
						});
					} else if (!hasVariable(argument.value) && valueFromAST(argument.value, definition.type) === undefined) {
						found.push({
							message: `Argument '${argument.name.value}' on Field '${name}' has an invalid value (${literal(argument.value)}). Expected type '${definition.type}'.`,
							locations: at(node),
							path: [...path, argument.name.value],
							extensions: { code: "argumentLiteralsIncompatible", typeName: "Field", argumentName: argument.name.value },
						});
					}
				}
				return undefined;
			},
			leave: () => void path.pop(),
		},
	};
}

const literal = (node: Parameters<typeof valueFromASTUntyped>[0]) => {
	const value: unknown = valueFromASTUntyped(node);
	return typeof value === "string" ? (node.kind === Kind.ENUM ? value : JSON.stringify(value)) : JSON.stringify(value);
};

function hasVariable(node: Parameters<typeof valueFromASTUntyped>[0]): boolean {
	if (node.kind === Kind.VARIABLE) return true;
	if (node.kind === Kind.LIST) return node.values.some(hasVariable);
	return node.kind === Kind.OBJECT && node.fields.some((field) => hasVariable(field.value));
}

type Problem = { path: (string | number)[]; explanation: string };

/** Problems of the variables, as INVALID_VARIABLE. */
export function variableRefusals(schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Record<string, unknown>): Refusal[] {
	return (operation.variableDefinitions ?? []).flatMap((definition): Refusal[] => {
		const type = typeFromAST(schema, definition.type as Parameters<typeof typeFromAST>[1]);
		if (!type || !isInputType(type)) return [];
		const name = definition.variable.name.value;
		const value = variables[name];
		if (value === undefined && definition.defaultValue) return [];
		const problems = problemsOf(value, type, []);
		if (problems.length === 0) return [];
		const why = problems
			.map(({ path, explanation }) => (path.length > 0 ? `${path.join(".")} (${explanation})` : ""))
			.filter(Boolean)
			.join(", ");
		const token = definition.loc?.startToken;
		return [
			{
				message: `Variable $${name} of type ${type} was provided invalid value${why ? ` for ${why}` : ""}`,
				...(token && { locations: [{ line: token.line, column: token.column }] }),
				extensions: { code: "INVALID_VARIABLE", value: value ?? null, problems },
			},
		];
	});
}

function problemsOf(value: unknown, type: GraphQLInputType, path: (string | number)[]): Problem[] {
	if (isNonNullType(type))
		return value === null || value === undefined
			? [{ path, explanation: "Expected value to not be null" }]
			: problemsOf(value, type.ofType, path);
	if (value === null || value === undefined) return [];
	if (isListType(type))
		return (Array.isArray(value) ? value : [value]).flatMap((entry, index) => problemsOf(entry, type.ofType, [...path, index]));
	if (isInputObjectType(type)) {
		if (typeof value !== "object" || Array.isArray(value))
			return [{ path, explanation: `Expected ${JSON.stringify(value)} to be a key-value object.` }];
		const fields = type.getFields();
		const unknown = Object.keys(value)
			.filter((key) => !(key in fields))
			.map((key): Problem => ({ path: [...path, key], explanation: `Field is not defined on ${type.name}` }));
		if (unknown.length > 0) return unknown;
		return Object.values(fields).flatMap((field) => {
			const inner = (value as Record<string, unknown>)[field.name];
			return inner === undefined && field.defaultValue !== undefined ? [] : problemsOf(inner, field.type, [...path, field.name]);
		});
	}
	const named = getNamedType(type);
	if (isEnumType(named)) {
		const names = named.getValues().map((entry) => entry.name);
		return names.includes(String(value)) ? [] : [{ path, explanation: `Expected "${value}" to be one of: ${names.join(", ")}` }];
	}
	if (!isScalarType(named)) return [];
	if (named.name === "ID" && !/^gid:\/\/shopify\/\w+\/[\w-]+(\?.*)?$/.test(String(value)))
		return [{ path, explanation: `Invalid global id '${value}'` }];
	try {
		named.parseValue(value);
		return [];
	} catch (error) {
		if (!(error instanceof GraphQLError)) throw error;
		return [{ path, explanation: `Could not coerce value ${JSON.stringify(value)} to ${named.name}` }];
	}
}
