import { existsSync, readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";

/** Amazon's published models and notification schemas; they lie beside the repository on machines that have them. */
const FOLDER = new URL("../../../shared/contracts/amazon/", import.meta.url);
export const hasAmazonModels = existsSync(FOLDER);
if (!hasAmazonModels) console.warn(`Not run: Amazon's published models are not at ${FOLDER.pathname}`);

const MODELS = ["orders_2026-01-01", "listingsItems_2021-08-01", "reports_2021-06-30", "notifications", "sellers"] as const;
export type ModelName = (typeof MODELS)[number];

type Parameter = {
	name: string;
	in: "query" | "path" | "body" | "header";
	required?: boolean;
	type?: string;
	enum?: unknown[];
	items?: { type?: string; enum?: unknown[] };
	minItems?: number;
	maxItems?: number;
	minimum?: number;
	maximum?: number;
	format?: string;
	schema?: object;
};
type Example = { request?: unknown; response?: unknown };
type Response = {
	schema?: object;
	examples?: { "application/json"?: unknown };
	"x-amzn-api-sandbox"?: { static?: Example[] };
};
export type AmazonOperation = {
	model: ModelName;
	operationId: string;
	method: string;
	path: string;
	description: string;
	parameters: Parameter[];
	responses: Record<string, Response>;
};

export const readModel = <T>(path: string): T => JSON.parse(readFileSync(new URL(path, FOLDER), "utf8")) as T;

let loaded: { ajv: Ajv; operations: AmazonOperation[] } | undefined;
function models() {
	if (loaded) return loaded;
	const ajv = new Ajv({
		strict: false,
		allErrors: true,
		formats: { "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/ },
	});
	const operations: AmazonOperation[] = [];
	for (const model of MODELS) {
		const document = readModel<{ paths: Record<string, Record<string, unknown>> }>(`models/${model}.json`);
		ajv.addSchema(document, model);
		for (const [path, methods] of Object.entries(document.paths)) {
			const shared = (methods.parameters as Parameter[] | undefined) ?? [];
			for (const [method, operation] of Object.entries(methods)) {
				if (!["get", "post", "put", "patch", "delete"].includes(method)) continue;
				const { parameters = [], ...rest } = operation as Omit<AmazonOperation, "model" | "method" | "path">;
				operations.push({ ...rest, model, method: method.toUpperCase(), path, parameters: [...shared, ...parameters] });
			}
		}
	}
	loaded = { ajv, operations };
	return loaded;
}

export function amazonOperation(operationId: string): AmazonOperation {
	const found = models().operations.find((operation) => operation.operationId === operationId);
	if (!found) throw new Error(`Amazon's models have no operation ${operationId}`);
	return found;
}

/** `#/definitions/X` inside a model, made findable from outside of it. */
function schemaOf(model: ModelName, schema: object): ValidateFunction {
	const ref = "$ref" in schema && typeof schema.$ref === "string" ? schema.$ref : null;
	const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', `"${model}#/`)) as object;
	return models().ajv.compile(ref === null ? absolute : { $ref: `${model}${ref}` });
}

const problemsOf = (validate: ValidateFunction, value: unknown, where: string): string[] =>
	validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${where}${instancePath} ${message}`);

/** What the model finds wrong with an answer. */
export function answerProblems(operationId: string, status: number, body: unknown): string[] {
	const operation = amazonOperation(operationId);
	const { schema } = operation.responses[status] ?? {};
	if (!schema) return [`${operationId}: the model has no answer ${status}`];
	return problemsOf(schemaOf(operation.model, schema), body, `${operationId} ${status}`);
}

/** Every documented answer of an operation: the example beside the schema, and those of Amazon's static sandbox. */
export function samplesOf(operationId: string, status: number): unknown[] {
	const response = amazonOperation(operationId).responses[status];
	const samples = (response?.["x-amzn-api-sandbox"]?.static ?? []).map(({ response: body }) => body);
	const example = response?.examples?.["application/json"];
	return [...(example === undefined ? [] : [example]), ...samples].filter((body) => body !== undefined);
}

/** What the models find wrong with a request: path, every parameter, body. */
export function requestProblems({ method, url, body }: { method: string; url: URL; body: unknown }): string[] {
	const matching = models().operations.filter(
		(operation) => operation.method === method && new RegExp(`^${operation.path.replace(/\{[^}]+\}/g, "[^/]+")}$`).test(url.pathname),
	);
	const [operation] = matching;
	if (!operation) return [`${method} ${url.pathname}: Amazon has no such operation`];
	const problems: string[] = [];
	const known = new Map(operation.parameters.filter((one) => one.in === "query").map((one) => [one.name, one]));
	for (const [name, value] of url.searchParams) {
		const parameter = known.get(name);
		problems.push(
			...(parameter ? valueProblems(parameter, value) : ["it has no such parameter"]).map(
				(why) => `${operation.operationId} ?${name}: ${why}`,
			),
		);
	}
	for (const parameter of known.values()) {
		if (parameter.required && !url.searchParams.has(parameter.name))
			problems.push(`${operation.operationId} ?${parameter.name}: it is missing`);
	}
	const bodySchema = operation.parameters.find((one) => one.in === "body")?.schema;
	if (bodySchema) problems.push(...problemsOf(schemaOf(operation.model, bodySchema), body, operation.operationId));
	else if (body !== undefined) problems.push(`${operation.operationId}: it takes no body`);
	return problems;
}

function valueProblems(parameter: Parameter, value: string): string[] {
	if (parameter.type === "integer") {
		const number = Number(value);
		const fits = Number.isInteger(number) && number >= (parameter.minimum ?? -Infinity) && number <= (parameter.maximum ?? Infinity);
		return fits ? [] : [`${value} is not a number that it takes`];
	}
	if (parameter.format === "date-time" && Number.isNaN(Date.parse(value))) return [`${value} is no moment in time`];
	const values = parameter.type === "array" ? value.split(",") : [value];
	const allowed = parameter.items?.enum ?? parameter.enum;
	const problems = allowed ? values.filter((one) => !allowed.includes(one)).map((one) => `${one} is none of its values`) : [];
	if (values.length > (parameter.maxItems ?? Infinity)) problems.push(`${values.length} values are too many`);
	return problems;
}

/** What a notification's schema finds wrong. */
export function notificationProblems(file: string, body: unknown): string[] {
	const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
	return problemsOf(ajv.compile(withoutIds(readModel<object>(`notifications/${file}.json`))), body, file);
}

/** Some of these files carry `$id`s that are no addresses. */
const withoutIds = (schema: object): object =>
	JSON.parse(
		JSON.stringify(schema, (key, value) => ((key === "$id" || key === "$schema") && typeof value === "string" ? undefined : value)),
	);

/** An answer for a test, refused where the models say that Amazon cannot give it. */
export function amazonAnswer<T>(operationId: string, body: T, status = 200): { status: number; body: T } {
	const problems = hasAmazonModels ? answerProblems(operationId, status, body) : [];
	if (problems.length > 0) throw new Error(`Amazon would not answer so: ${problems.join("; ")}`);
	return { status, body };
}
