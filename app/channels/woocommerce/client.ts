import type { AccountAccess } from "../channel.ts";
import { CredentialsRejectedError, UnexpectedShapeError } from "../errors.ts";
import { type CallLimits, type ChannelAnswer, type ChannelRequest, expectJson, send } from "../http.ts";
import { apiUrl } from "./account.ts";
import { errorOf } from "./faults.ts";

/**
 * Signing in and sending one request to one store. Keys go as HTTP Basic; some servers strip that header before PHP sees it,
 * and then the documented way is the query (`credentials.auth = "query"`, found out by check(); addresses are never logged).
 */
export function createClient(access: AccountAccess): WooClient {
	const { consumerKey = "", consumerSecret = "", auth = "header" } = access.credentials;
	const basic = Buffer.from(`${consumerKey}:${consumerSecret}`).toString("base64");

	const requestFor = (call: Call): ChannelRequest => {
		const url = apiUrl(access.account, call.public ? call.path : `${API}${call.path}`);
		const query: Query = { ...call.query, ...(call.method === "GET" ? { _: cacheBuster() } : {}) };
		if (!call.public && auth === "query") Object.assign(query, { consumer_key: consumerKey, consumer_secret: consumerSecret });
		for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
		return {
			operation: call.operation,
			method: call.method,
			url,
			host: "merchant",
			headers: {
				"cache-control": "no-cache",
				...(call.public || auth === "query" ? {} : { authorization: `Basic ${basic}` }),
			},
			...(call.body === undefined ? {} : { body: call.body }),
			limits: call.method === "GET" ? READ_LIMITS : WRITE_LIMITS,
			secrets: [consumerKey, consumerSecret, basic, ...(call.secrets ?? [])],
		};
	};

	const exchange = async (call: Call): Promise<Exchange> => {
		if (!call.public && (consumerKey === "" || consumerSecret === "")) throw new CredentialsRejectedError("The store's API key is not set");
		const request = requestFor(call);
		const answer = await send(access, request);
		const error = errorOf(request, answer);
		if (error) throw error;
		return { request, answer, value: expectJson(request, answer) };
	};

	return {
		exchange,
		get: async (operation, path, query = {}) => (await exchange({ operation, method: "GET", path, query })).value,
		post: async (operation, path, body, secrets) =>
			(await exchange({ operation, method: "POST", path, body, ...(secrets ? { secrets } : {}) })).value,
		async remove(operation, path) {
			const request = requestFor({ operation, method: "DELETE", path, query: { force: true } });
			const answer = await send(access, request);
			if (answer.status === 404 || answer.status === 410) return;
			const error = errorOf(request, answer);
			if (error) throw error;
		},
		async *pages(operation, path, query) {
			yield* allPages((page) => exchange({ operation, method: "GET", path, query: { ...query, per_page: PAGE_SIZE, page } }));
		},
	};
}

export type WooClient = {
	exchange(call: Call): Promise<Exchange>;
	get(operation: string, path: string, query?: Query): Promise<unknown>;
	post(operation: string, path: string, body: unknown, secrets?: readonly string[]): Promise<unknown>;
	/** Deletes for good; what is gone already is fine. */
	remove(operation: string, path: string): Promise<void>;
	/** A list by page number. Only for orders that do not change under the reader (`orderby=id`); see allPages. */
	pages(operation: string, path: string, query: Query): AsyncIterable<Page>;
};

export type Call = {
	operation: string;
	method: ChannelRequest["method"];
	path: string;
	query?: Query;
	body?: unknown;
	/** WordPress' own index: no key, and not below wc/v3. */
	public?: boolean;
	secrets?: readonly string[];
};
export type Query = Readonly<Record<string, string | number | boolean>>;
export type Exchange = { request: ChannelRequest; answer: ChannelAnswer; value: unknown };
export type Page = { items: unknown[]; answer: ChannelAnswer };

/** v3 since WooCommerce 3.5; v4 is under construction. */
export const API = "/wc/v3";
/** The most that the store gives (`per_page` 1..100, 400 beyond; measured on 11.0.1). */
export const PAGE_SIZE = 100;
/** Slow hosts think for seconds about a page of 100 orders; a batch of 100 writes took 1.8 s on a fast one. */
const READ_LIMITS: Partial<CallLimits> = { headersMs: 30_000, totalMs: 45_000 };
const WRITE_LIMITS: Partial<CallLimits> = { headersMs: 45_000, totalMs: 60_000 };
/** A list that grows while it is read ends too. 100 million rows. */
const PAGES_MAX = 1_000_000;

/**
 * Page after page. Rows that vanish meanwhile pull later ones onto pages that were read already: then the total has shrunk, and
 * the page is read again, so that nothing is skipped. What comes twice is left out.
 */
async function* allPages(fetchPage: (page: number) => Promise<Exchange>): AsyncGenerator<Page> {
	const seen = new Set<unknown>();
	let total = Number.POSITIVE_INFINITY;
	for (let page = 1; page <= PAGES_MAX; page++) {
		const { answer, value } = await fetchPage(page);
		const items = listIn(value);
		const totalNow = Number(answer.headers["x-wp-total"] ?? total);
		const fresh = items.filter((item) => !seen.has(idOf(item)));
		for (const item of fresh) seen.add(idOf(item));
		yield { items: fresh, answer };
		if (page > 1 && totalNow < total) page = Math.max(0, page - 1 - Math.ceil((total - totalNow) / PAGE_SIZE));
		else if (items.length < PAGE_SIZE) return;
		total = totalNow;
	}
}

export function listIn(value: unknown): unknown[] {
	if (Array.isArray(value)) return value;
	throw new UnexpectedShapeError("The store answers something else where a list belongs");
}

export const idOf = (item: unknown): unknown => (typeof item === "object" && item !== null && "id" in item ? item.id : undefined);

/**
 * The store's clock, from the answer's Date header (whole seconds, set when the answer begins). `asked`: not later than the
 * moment the store began to work on it; `answered`: the moment it was done, cut to the second. Reads and polls count from the
 * first, writes from the second: the doubt between lies on the side where one more look is taken.
 */
export function clockOf(answer: ChannelAnswer): { asked: string; answered: string } {
	const at = Date.parse(answer.headers.date ?? "");
	if (Number.isNaN(at)) throw new UnexpectedShapeError("The store's answers do not tell the time (no Date header)");
	return { asked: new Date(at - answer.tookMs).toISOString(), answered: new Date(at).toISOString() };
}

/** Full-page caches keep even /wp-json; WordPress ignores parameters that it does not know (measured on 11.0.1). */
const cacheBuster = (): string => Math.random().toString(36).slice(2, 10);
