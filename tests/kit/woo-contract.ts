import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { SentRequest } from "./replay.ts";

/** What a real WooCommerce 11.0.1 said, recorded; it lies beside the repository on machines that have it. */
const FOLDER = new URL("../../../shared/contracts/woocommerce/", import.meta.url);
export const hasContract = existsSync(FOLDER);
if (!hasContract) console.warn(`Not run: the recorded WooCommerce contract is not at ${FOLDER.pathname}`);

export type Step = {
	note: string | null;
	at: string;
	request: {
		method: string;
		scheme: string;
		path: string;
		query: Record<string, string | number>;
		headers: Record<string, string>;
		body: unknown;
	};
	response: { status: number; headers: Record<string, string>; body: unknown };
};
export type Delivery = { request: { headers: Record<string, string>; raw_body: string }; secret: string };

export const readContract = <T>(path: string): T => JSON.parse(readFileSync(new URL(path, FOLDER), "utf8")) as T;
export const recording = (name: string): Step[] => readContract<{ steps: Step[] }>(`recorded-11.0.1/${name}.json`).steps;
export const recordings = (prefix: string): string[] =>
	readdirSync(new URL("recorded-11.0.1/", FOLDER))
		.filter((name) => name.startsWith(prefix) && name.endsWith(".json"))
		.map((name) => name.slice(0, -5));

/** Every delivery in the folder, wherever its file keeps it. */
export function recordedDeliveries(): { file: string; delivery: Delivery }[] {
	const found: { file: string; delivery: Delivery }[] = [];
	const walk = (file: string, value: unknown): void => {
		if (typeof value !== "object" || value === null) return;
		const { request, secret } = value as Partial<Delivery>;
		if (typeof secret === "string" && typeof request?.raw_body === "string") found.push({ file, delivery: value as Delivery });
		else for (const inner of Object.values(value)) walk(file, inner);
	};
	for (const name of readdirSync(new URL("recorded-11.0.1/webhooks/", FOLDER))) {
		walk(name, readContract(`recorded-11.0.1/webhooks/${name}`));
	}
	return found;
}

type Argument = {
	type?: string | string[];
	enum?: unknown[];
	items?: { type?: string; enum?: unknown[] };
	minimum?: number;
	maximum?: number;
};
type Routes = Record<string, { endpoints: { methods: string[]; args: Record<string, Argument> | [] }[] }>;
let routes: Routes | undefined;

/** What the store's own index (`GET /wp-json/wc/v3`) finds wrong with a request. WordPress' own parameters are not in it. */
export function schemaProblems({ method, url, body }: SentRequest): string[] {
	if (url.pathname === "/wp-json/") return [];
	routes ??= readContract<{ routes: Routes }>("schema/index.json").routes;
	const path = url.pathname.replace("/wp-json", "");
	const match = Object.entries(routes).find(([route]) => new RegExp(`^${route.replaceAll("(?P<", "(?<")}$`).test(path));
	const endpoint = match?.[1].endpoints.find((candidate) => candidate.methods.includes(method));
	const name = `${method} ${path}`;
	if (!endpoint) return [`${name}: the store has no such route`];
	const args = Array.isArray(endpoint.args) ? {} : endpoint.args;
	const problems: string[] = [];
	for (const [key, value] of url.searchParams) {
		if (["_fields", "_", "consumer_key", "consumer_secret"].includes(key)) continue;
		problems.push(...valueProblems(`${name} ?${key}`, args[key], fromQuery(args[key], value)));
	}
	const objects = path.endsWith("/batch") ? ((body as { update?: object[] } | undefined)?.update ?? []) : body ? [body as object] : [];
	for (const object of objects) {
		for (const [key, value] of Object.entries(object)) {
			// In a batch the id names the entry; the index describes the entry's other fields.
			if (key === "id" && path.endsWith("/batch")) problems.push(...valueProblems(`${name} {id}`, { type: "integer" }, value));
			else problems.push(...valueProblems(`${name} {${key}}`, args[key], value));
		}
	}
	return problems;
}

function fromQuery(argument: Argument | undefined, value: string): unknown {
	if (argument?.type === "integer") return Number(value);
	if (argument?.type === "boolean") return value === "true" ? true : value === "false" ? false : value;
	if (argument?.type === "array") return value.split(",").map((part) => (argument.items?.type === "integer" ? Number(part) : part));
	return value;
}

function valueProblems(where: string, argument: Argument | undefined, value: unknown): string[] {
	if (!argument) return [`${where}: unknown`];
	const types = [argument.type ?? []].flat();
	const fits = types.some((type) =>
		type === "integer"
			? Number.isInteger(value)
			: type === "array"
				? Array.isArray(value)
				: typeof value === (type === "number" ? "number" : type),
	);
	if (types.length > 0 && !fits) return [`${where}: ${JSON.stringify(value)} is not ${types.join(" or ")}`];
	if (argument.enum && !argument.enum.includes(value)) return [`${where}: ${JSON.stringify(value)} is not one of its values`];
	if (typeof value === "number" && (value < (argument.minimum ?? -Infinity) || value > (argument.maximum ?? Infinity)))
		return [`${where}: ${value} is out of bounds`];
	const { items } = argument;
	return Array.isArray(value) && items ? value.flatMap((item) => valueProblems(where, items, item)) : [];
}
