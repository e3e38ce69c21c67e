import { existsSync, readFileSync } from "node:fs";
import { Ajv } from "ajv";
import AjvDraft4 from "ajv-draft-04";

/**
 * Amazon's published models (Swagger 2.0) and notification schemas (JSON Schema draft 7), as checks: what the stand-in says must
 * keep them, and must say nothing that they do not know. Tests alone look here; without ../shared they check less and say so.
 */
const DIRECTORY = new URL("../../../../../shared/contracts/amazon/", import.meta.url);
export const CONTRACTS_PRESENT = existsSync(DIRECTORY);

const MODELS = ["sellers", "orders_2026-01-01", "listingsItems_2021-08-01", "notifications", "reports_2021-06-30", "fbaInventory"];

const NOTIFICATIONS: Record<string, string> = {
	ORDER_CHANGE: "OrderChangeNotification.json",
	LISTINGS_ITEM_MFN_QUANTITY_CHANGE: "ListingsItemMfnQuantityChange.json",
	LISTINGS_ITEM_ISSUES_CHANGE: "ListingsItemIssuesChangeNotification_2023-12-13.json",
	FBA_INVENTORY_AVAILABILITY_CHANGES: "FBAInventoryAvailabilityChangeNotification.json",
	REPORT_PROCESSING_FINISHED: "ReportProcessingFinishedNotification.json",
};

/** Where the stand-in knowingly answers what its model does not name; each is explained in README. */
const KNOWN_STRAYINGS = ["patchListingsItem 404"];

type Schema = Record<string, unknown>;
type Operation = {
	id: string;
	method: string;
	path: string;
	pattern: RegExp;
	plan: { rate: number; burst: number } | null;
	responses: Record<string, { schema?: Schema; headers?: Schema }>;
	definitions: Schema;
};
type Heard = { method: string; path: string; status: number; body: unknown; headers: Record<string, unknown> };

const read = (name: string): Schema => JSON.parse(readFileSync(new URL(name, DIRECTORY), "utf8"));

let loaded: Operation[] | null = null;
export function operations(): Operation[] {
	loaded ??= MODELS.flatMap((name) => {
		const { paths, definitions } = read(`models/${name}.json`) as { paths: Record<string, Record<string, Schema>>; definitions: Schema };
		return Object.entries(paths).flatMap(([path, methods]) =>
			Object.entries(methods).flatMap(([method, operation]) => {
				if (typeof operation.operationId !== "string") return [];
				const [rate, burst] = /\| ([\d.]+) \| (\d+) \|/.exec(String(operation.description))?.slice(1).map(Number) ?? [];
				return {
					id: operation.operationId,
					method: method.toUpperCase(),
					path,
					pattern: new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`),
					plan: rate !== undefined && burst !== undefined ? { rate, burst } : null,
					responses: operation.responses as Operation["responses"],
					definitions,
				};
			}),
		);
	});
	return loaded;
}

export const operationOf = (method: string, path: string) =>
	operations().find((o) => o.method === method && o.pattern.test(path.split("?")[0] ?? ""));

/** What of an answer is not as published; an answer to no published operation is not looked at. */
export function strayings({ method, path, status, body, headers }: Heard): string[] {
	const operation = operationOf(method, path);
	if (!operation || KNOWN_STRAYINGS.includes(`${operation.id} ${status}`)) return [];
	const response = operation.responses[String(status)];
	if (!response) return [`${operation.id} answers ${status}, which is not published`];
	const declared = Object.keys(response.headers ?? {}).map((name) => name.toLowerCase());
	const wrongHeaders = ["x-amzn-ratelimit-limit", "x-amzn-requestid"].flatMap((name) => {
		const given = headers[name] !== undefined;
		if (given && !declared.includes(name)) return [`${operation.id} ${status}: ${name} is not published`];
		return !given && declared.includes(name) && (status < 400 || name === "x-amzn-requestid")
			? [`${operation.id} ${status}: no ${name}`]
			: [];
	});
	const wrongBody = response.schema ? bodyStrayings(operation, status, response.schema, body) : [];
	return [...wrongHeaders, ...wrongBody.map((what) => `${operation.id} ${status}: ${what}`)];
}

const checks = new Map<string, (body: unknown) => string[]>();

function bodyStrayings(operation: Operation, status: number, schema: Schema, body: unknown): string[] {
	const key = `${operation.id} ${status}`;
	const definitions = Object.fromEntries(
		Object.entries(operation.definitions).map(([name, part]) => [name, walk(part, isPartOfSeveral(operation.definitions, name))]),
	);
	const known = checks.get(key) ?? check(new AjvDraft4(OPTIONS), { definitions, allOf: [closed(schema)] });
	checks.set(key, known);
	return known(body);
}

/** What of a notification is not as published. */
export function notificationStrayings(body: Schema): string[] {
	const type = String(body.NotificationType ?? body.notificationType);
	const file = NOTIFICATIONS[type];
	if (!file) return [`the notification ${type} is not published`];
	const known = checks.get(type) ?? check(new Ajv(OPTIONS), closed(read(`notifications/${file}`)));
	checks.set(type, known);
	return known(body).map((what) => `${type}: ${what}`);
}

const OPTIONS = { allErrors: true, strict: false, logger: false } as const;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

function check(ajv: Ajv, schema: Schema): (body: unknown) => string[] {
	ajv.addFormat("date-time", DATE_TIME);
	for (const name of ["int32", "int64", "double", "date"]) ajv.addFormat(name, true);
	const validate = ajv.compile(schema);
	return (body) => (validate(body) ? [] : (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`));
}

/** Some definitions are used only to put a larger one together: those know not all of its fields. */
const isPartOfSeveral = (definitions: Schema, name: string) =>
	Object.values(definitions).some((part) => JSON.stringify((part as Schema).allOf ?? []).includes(`"#/definitions/${name}"`));

/** The schema, but without room for what it does not name. A schema that is put together of several is left open. */
function closed(value: unknown): Schema {
	return walk(value, false) as Schema;
}

function walk(value: unknown, partOfSeveral: boolean): unknown {
	if (Array.isArray(value)) return value.map((one) => walk(one, partOfSeveral));
	if (typeof value !== "object" || value === null) return value;
	const open = value as Schema;
	const kept = Object.entries(open).filter(([name]) => !["example", "examples", "x-docgen-enum-table-extension", "$id"].includes(name));
	const inner = Object.fromEntries(kept.map(([name, part]) => [name, walk(part, name === "allOf")]));
	const isObject = open.type === "object" && typeof open.properties === "object" && open.additionalProperties === undefined;
	return isObject && !partOfSeveral && !("allOf" in open) ? { ...inner, additionalProperties: false } : inner;
}
