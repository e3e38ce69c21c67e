import type { IncomingMessage } from "node:http";
import type { Args } from "./params.ts";
import type { Shop } from "./shop.ts";
import type { Key } from "./state.ts";

/** One request inside the REST API, after transport and keys. */
export type RestCall = {
	method: string;
	/** Below `/wp-json`, without a slash at the end: `/wc/v3/products/24`. */
	path: string;
	query: Query;
	/** The parameters of the address, checked and converted, defaults filled in. */
	args: Record<string, unknown>;
	/** The body's parameters; checked and converted if the route has them. */
	body: Record<string, unknown>;
	/** The body as it came, for batches, which check nothing. */
	rawBody: Record<string, unknown>;
	ids: number[];
	headers: IncomingMessage["headers"];
};

export type Query = [name: string, value: string][];
export type Answer = {
	status: number;
	body?: unknown;
	headers?: Record<string, string> /** Whole text before the JSON. */;
	prefix?: string;
};

type Permission = "list" | "view" | "create" | "edit" | "delete" | "batch" | "public";

export type Route = {
	methods: readonly string[];
	path: RegExp;
	/** Short and stable, for books and faults: `products/{id}`. */
	name: string;
	/** The `Allow` header of the resource. */
	allow: string;
	permission: Permission;
	args?: Args;
	bodyArgs?: Args;
	run(shop: Shop, call: RestCall): Answer | Promise<Answer>;
};

export const READS = ["GET", "HEAD"] as const;
/** PATCH and POST to an id act as PUT (recorded: errors-html-and-routes). */
export const WRITES = ["PUT", "PATCH", "POST"] as const;
export const ALLOW_LIST = "GET, POST";
export const ALLOW_ITEM = "GET, POST, PUT, PATCH, DELETE";

export const failure = (status: number, code: string, message: string, data: Record<string, unknown> = {}): Answer => ({
	status,
	body: { code, message, data: { status, ...data } },
});

export const noRoute = () => failure(404, "rest_no_route", "No route was found matching the URL and request method.");

/** What somebody without rights hears: 401 without a key, 403 with the key of a mere customer. */
export function forbidden(permission: Permission, key: Key | null): Answer {
	const [code, message] = DENIED[permission];
	return failure(key ? 403 : 401, code, message);
}

const DENIED: Record<Permission, [string, string]> = {
	list: ["woocommerce_rest_cannot_view", "Sorry, you cannot list resources."],
	view: ["woocommerce_rest_cannot_view", "Sorry, you cannot view this resource."],
	create: ["woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources."],
	edit: ["woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource."],
	delete: ["woocommerce_rest_cannot_delete", "Sorry, you are not allowed to delete this resource."],
	batch: ["woocommerce_rest_cannot_batch", "Sorry, you are not allowed to batch manipulate this resource."],
	public: ["rest_forbidden", "Sorry, you are not allowed to do that."],
};

/** `?_fields=id,database.version`: top-level names, or one level down by a dot. Links of a single object come in any case. */
export function pickFields(body: unknown, fields: string | undefined): unknown {
	if (!fields) return body;
	const wanted = fields.split(/[\s,]+/).filter((name) => name !== "");
	const pick = (object: unknown, keepLinks: boolean): unknown => {
		if (typeof object !== "object" || object === null) return object;
		const picked: Record<string, unknown> = {};
		for (const [key, value] of Object.entries(object)) {
			if (wanted.includes(key) || (keepLinks && key === "_links")) picked[key] = value;
			const inner = wanted.filter((name) => name.startsWith(`${key}.`)).map((name) => name.slice(key.length + 1));
			if (inner.length > 0 && typeof value === "object" && value !== null && !wanted.includes(key)) {
				picked[key] = Object.fromEntries(Object.entries(value).filter(([name]) => inner.includes(name)));
			}
		}
		return picked;
	};
	return Array.isArray(body) ? body.map((item) => pick(item, false)) : pick(body, true);
}

/** Paging as WordPress does it: totals in headers, `Link` to the neighbours with the request's own parameters. */
export function paged<T>(shop: Shop, call: RestCall, items: readonly T[], view: (item: T) => unknown, query: Query = call.query): Answer {
	const perPage = Number(call.args.per_page ?? 10);
	const page = Number(call.args.page ?? 1);
	const offset = call.args.offset === undefined ? (page - 1) * perPage : Number(call.args.offset);
	const pages = Math.ceil(items.length / perPage);
	const headers: Record<string, string> = { "X-WP-Total": String(items.length), "X-WP-TotalPages": String(pages) };
	const links: string[] = [];
	if (page > 1) links.push(`<${pageUrl(shop, call, query, Math.min(page - 1, pages))}>; rel="prev"`);
	if (page < pages) links.push(`<${pageUrl(shop, call, query, page + 1)}>; rel="next"`);
	if (links.length > 0) headers.Link = links.join(", ");
	return { status: 200, body: items.slice(offset, offset + perPage).map(view), headers };
}

function pageUrl(shop: Shop, call: RestCall, query: Query, page: number): string {
	const shown = new Map<string, string>();
	for (const [name, value] of query) shown.set(name, phpValue(call, name, value));
	shown.set("page", String(page));
	const text = [...shown].map(([name, value]) => (value === "" ? phpEncode(name) : `${phpEncode(name)}=${phpEncode(value)}`)).join("&");
	return `${shop.url}/wp-json${call.path}?${text}`;
}

const phpValue = (call: RestCall, name: string, value: string) =>
	typeof call.args[name] === "boolean" ? (call.args[name] ? "1" : "") : value.replaceAll("+", " ");
/** `urlencode`: a space becomes a plus. */
const phpEncode = (text: string) => encodeURIComponent(text).replaceAll("%20", "+");

/** Orders by `orderby` and `order`, ties by id in the same direction. */
export function sorted<T extends { id: number }>(items: T[], by: (item: T) => number | string, order: unknown): T[] {
	const sign = order === "asc" ? 1 : -1;
	return items.sort((a, b) => {
		const [x, y] = [by(a), by(b)];
		return (x < y ? -1 : x > y ? 1 : a.id - b.id) * sign;
	});
}

/** The bounds `after`, `before`, `modified_after`, `modified_before`: exclusive, to the second. */
export function withinDates<T extends { createdAt: number; modifiedAt: number | null }>(shop: Shop, call: RestCall, items: T[]): T[] {
	const gmt = call.args.dates_are_gmt === true;
	const bound = (name: string) => {
		const text = call.args[name];
		if (typeof text !== "string" || text === "") return null;
		const read = shop.time.bound(text, gmt);
		if (read?.shifted) violation(shop, "date with a zone next to dates_are_gmt", `${name}=${text}`);
		return read?.seconds ?? null;
	};
	const [after, before] = [bound("after"), bound("before")];
	const [modifiedAfter, modifiedBefore] = [bound("modified_after"), bound("modified_before")];
	return items.filter(
		(item) =>
			(after === null || item.createdAt > after) &&
			(before === null || item.createdAt < before) &&
			(modifiedAfter === null || (item.modifiedAt ?? 0) > modifiedAfter) &&
			(modifiedBefore === null || (item.modifiedAt ?? 0) < modifiedBefore),
	);
}

export const violation = (shop: Shop, rule: string, detail: string) => shop.world.books.violated({ channel: shop.channel, rule, detail });

const ORDERING = ["asc", "desc"];
export const listArgs = (orderby: readonly string[], orderDefault = "date"): Args => ({
	context: { type: "string", enum: ["view", "edit"] },
	page: { type: "integer", minimum: 1, default: 1 },
	per_page: { type: "integer", minimum: 1, maximum: 100, default: 10 },
	search: { type: "string" },
	after: { type: "string", format: "date-time" },
	before: { type: "string", format: "date-time" },
	modified_after: { type: "string", format: "date-time" },
	modified_before: { type: "string", format: "date-time" },
	dates_are_gmt: { type: "boolean", default: false },
	exclude: { type: "array", items: { type: "integer" } },
	include: { type: "array", items: { type: "integer" } },
	offset: { type: "integer" },
	order: { type: "string", enum: ORDERING, default: "desc" },
	orderby: { type: "string", enum: orderby, default: orderDefault },
});
