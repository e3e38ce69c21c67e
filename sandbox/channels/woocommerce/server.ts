import type { IncomingMessage, ServerResponse } from "node:http";
import { identify, permitted } from "./auth.ts";
import { Crash, magicFault } from "./magic.ts";
import { checkParams, invalidParams } from "./params.ts";
import { type Answer, failure, forbidden, noRoute, pickFields, type Query, type RestCall, type Route, violation } from "./rest.ts";
import { phpJson, type Shop } from "./shop.ts";
import type { Key } from "./state.ts";

/** What a store suffers from until it is told otherwise: a crashing plugin, a chatty one, or an update. */
export type Ailment = "crash" | "notice" | "maintenance";

/** WordPress takes no more than `post_max_size` of PHP: 8 MB. */
const BODY_MAX_BYTES = 8_388_608;
/** A request that never gets its answer is dropped after so long (a proxy would do it). */
const SILENCE_MS = 120_000;

type RestServer = {
	handle(request: IncomingMessage, response: ServerResponse, url: URL, body: string): Promise<void>;
	ail(ailment: Ailment | null): void;
};

export function createRestServer(shop: Shop, routes: readonly Route[]): RestServer {
	const { clock, books, faults, random } = shop.world;
	const dice = random.fork(`round trips of ${shop.host}`);
	let ailment: Ailment | null = null;
	let inFlight = 0;
	let recent: number[] = [];

	/** Host limits: counted, answered with 429 where the host has a limit, and written into the books. */
	const overLimit = (): boolean => {
		const limit = shop.settings.rateLimit;
		if (!limit) return false;
		recent = recent.filter((at) => at > clock.now() - limit.perMs);
		recent.push(clock.now());
		if (recent.length <= limit.requests) return false;
		violation(shop, "429 earned", `more than ${limit.requests} requests in ${limit.perMs} ms`);
		return true;
	};

	return {
		ail(next) {
			ailment = next;
		},
		async handle(request, response, url, text) {
			const startedAt = clock.now();
			const query: Query = [...url.searchParams];
			const method = methodOf(request, query);
			const path = restPath(url);
			const route = routes.find((r) => r.path.test(path) && matches(r, method));
			const operation = `${method} ${route?.name ?? "unknown"}`;
			const clientApi = path.startsWith("/wc/v3");
			const secure = request.headers["x-sandbox-scheme"] !== "http";
			const [low, high] = shop.settings.roundTripMs;
			const roundTripMs = high > 0 ? dice.between(low, high) : 0;
			const wantsJson = /json/.test(request.headers.accept ?? "");
			const finish = (answer: Answer | { raw: string; status: number; headers: Record<string, string> }, key: Key | null) => {
				if (clientApi) books.called({ channel: shop.channel, operation, status: answer.status, tookMs: clock.now() - startedAt });
				send(shop, response, method, answer, key);
			};

			if (clientApi) {
				if (!secure) violation(shop, "plain http", operation);
				if (++inFlight > shop.settings.maxConcurrency) violation(shop, "concurrency", `${inFlight} requests in flight at ${operation}`);
			}
			try {
				if (roundTripMs > 0) await clock.sleep(roundTripMs * 0.6);
				if (clientApi && overLimit()) return finish(tooMany(wantsJson), null);
				const fault = clientApi ? (magicFault(shop, named(route, path, text)) ?? faults.request(shop.channel, operation)) : null;
				const work = () => respond(shop, routes, { request, url, query, method, path, text, secure });
				switch (fault?.kind) {
					case "status":
						return finish(faulty(fault.status, wantsJson, fault.retryAfterSeconds), null);
					case "html":
						return finish(page(200, "<title>Just a moment...</title><p>Checking your browser before accessing the site.</p>"), null);
					case "timeout":
						if (fault.effect === "before") await work();
						books.called({ channel: shop.channel, operation, status: 0, tookMs: clock.now() - startedAt });
						return silence(shop, response);
					case "lands-late":
						clock.after(fault.delayMs, () => void work());
						books.called({ channel: shop.channel, operation, status: 0, tookMs: clock.now() - startedAt });
						response.destroy();
						return;
					case "slow":
						await clock.sleep(fault.delayMs);
				}
				if (ailment === "maintenance") return finish(maintenance(wantsJson), null);
				if (ailment === "crash") return finish(crash(wantsJson), null);
				const { answer, key } = await work();
				if (roundTripMs > 0) await clock.sleep(roundTripMs * 0.4);
				finish(ailment === "notice" ? { ...answer, prefix: NOTICE } : answer, key);
			} catch (error) {
				if (!(error instanceof Crash)) throw error;
				finish(crash(wantsJson), null);
			} finally {
				if (clientApi) inFlight--;
			}
		},
	};
}

type Arrived = { request: IncomingMessage; url: URL; query: Query; method: string; path: string; text: string; secure: boolean };

/** Keys, route, parameters, rights, and the work: in WordPress' order. */
async function respond(shop: Shop, routes: readonly Route[], arrived: Arrived): Promise<{ answer: Answer; key: Key | null }> {
	const { request, url, query, method, path, text, secure } = arrived;
	const caller = identify(shop, request, { url, query, secure });
	if ("refused" in caller) return { answer: caller.refused, key: null };
	const { key } = caller;
	const refused = permitted(key, method);
	if (refused) return { answer: refused, key };

	if (method === "OPTIONS") return { answer: describe(routes, path, query.find(([name]) => name === "_fields")?.[1]), key };
	const route = routes.find((r) => r.path.test(path) && matches(r, method));
	if (!route) return { answer: noRoute(), key };
	const allow = (answer: Answer): Answer => ({ ...answer, headers: { ...(route.allow ? { Allow: route.allow } : {}), ...answer.headers } });

	const body = readBody(request, text);
	if (!body) {
		const syntax = { json_error_code: 4, json_error_message: "Syntax error" };
		return { answer: allow(failure(400, "rest_invalid_json", "Invalid JSON body passed.", syntax)), key };
	}
	const args = checkParams(route.args ?? {}, parameters(query));
	const given = checkParams(route.bodyArgs ?? {}, body);
	const problems = { ...(args.ok ? {} : args.problems), ...(given.ok ? {} : given.problems) };
	if (!args.ok || !given.ok) return { answer: allow({ status: 400, body: invalidParams(problems) }), key };
	if (route.permission !== "public" && !key?.shopRights) return { answer: forbidden(route.permission, key), key };

	const call: RestCall = {
		method,
		path,
		query,
		args: args.values,
		body: given.values,
		rawBody: body,
		ids: (route.path.exec(path) ?? []).slice(1).map(Number),
		headers: request.headers,
	};
	const answer = allow(await route.run(shop, call));
	const fields = query.find(([name]) => name === "_fields")?.[1];
	return { answer: answer.status < 400 ? { ...answer, body: pickFields(answer.body, fields) } : answer, key };
}

const methodOf = (request: IncomingMessage, query: Query) => {
	const method = request.method ?? "GET";
	const instead =
		method === "POST" ? (query.find(([name]) => name === "_method")?.[1] ?? request.headers["x-http-method-override"]) : undefined;
	return String(instead ?? method).toUpperCase();
};

const restPath = (url: URL) => (url.searchParams.get("rest_route") ?? url.pathname.replace(/^\/wp-json/, "")).replace(/(.)\/+$/, "$1");
const matches = (route: Route, method: string) => route.methods.includes(method);

/** PHP's reading of an address: `include[]=1&include[0]=1` are lists. */
function parameters(query: Query): Record<string, unknown> {
	const read: Record<string, unknown> = {};
	for (const [name, value] of query) {
		const list = /^(.+?)\[\d*\]$/.exec(name)?.[1];
		if (list) read[list] = [...((read[list] as string[] | undefined) ?? []), value];
		else read[name] = value;
	}
	return read;
}

/** JSON, a form, or nothing: a body of another content type is not looked at (recorded: stock-set-single). Null: broken JSON. */
function readBody(request: IncomingMessage, text: string): Record<string, unknown> | null {
	const type = request.headers["content-type"] ?? "";
	if (text === "") return {};
	if (/^application\/([\w.]+\+)?json/i.test(type)) {
		try {
			const parsed: unknown = JSON.parse(text);
			return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
		} catch {
			return null;
		}
	}
	return /^application\/x-www-form-urlencoded/i.test(type) ? parameters([...new URLSearchParams(text)]) : {};
}

function describe(routes: readonly Route[], path: string, fields: string | undefined): Answer {
	const found = routes.filter((route) => route.path.test(path));
	if (found.length === 0) return noRoute();
	const shown = found.map((route) => ({ methods: route.methods.filter((m) => m !== "HEAD"), args: { ...route.args, ...route.bodyArgs } }));
	const methods = [...new Set(shown.flatMap((endpoint) => endpoint.methods))];
	const namespace = path.split("/").slice(1, 3).join("/");
	return { status: 200, body: pickFields({ namespace, methods, endpoints: shown }, fields), headers: { Allow: found[0]?.allow ?? "" } };
}

/** The products that a request names: by its address, or as entries of a batch. */
function named(route: Route | undefined, path: string, text: string) {
	if (!route?.name.startsWith("products/")) return { alone: undefined, batched: [] };
	const ids = (route.path.exec(path) ?? []).slice(1).map(Number);
	if (!route.name.endsWith("/batch")) return { alone: ids.at(-1), batched: [] };
	return { alone: undefined, batched: [...text.matchAll(/"id"\s*:\s*(\d+)/g)].map((match) => Number(match[1])) };
}

type Raw = { raw: string; status: number; headers: Record<string, string> };
const page = (status: number, inner: string, headers: Record<string, string> = {}): Raw => ({
	status,
	raw: `<!DOCTYPE html>\n<html lang="en-US">\n<head>\n\t<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />\n</head>\n<body>${inner}</body>\n</html>\n`,
	headers: { "Content-Type": "text/html; charset=UTF-8", "Cache-Control": NO_CACHE, ...headers },
});

const CRITICAL =
	'<p>There has been a critical error on this website.</p><p><a href="https://wordpress.org/documentation/article/faq-troubleshooting/">Learn more about troubleshooting WordPress.</a></p>';
const NOTICE =
	"<br />\n<b>Deprecated</b>:  Creation of dynamic property Example_Plugin::$x is deprecated in <b>wp-content/plugins/example/example.php</b> on line <b>12</b><br />\n";
const NO_CACHE = "no-cache, must-revalidate, max-age=0, no-store, private";
const JSON_TYPE = "application/json; charset=UTF-8";

/** WordPress dies in JSON for those who ask for JSON, else in HTML (recorded: errors-html-and-routes). */
function die(status: number, code: string, message: string, wantsJson: boolean, headers: Record<string, string> = {}): Raw {
	if (!wantsJson) return page(status, message, headers);
	const body = { code, message, data: { status }, additional_errors: [] };
	return { status, raw: phpJson(body), headers: { "Content-Type": JSON_TYPE, "Cache-Control": NO_CACHE, ...headers } };
}

const crash = (json: boolean) => die(500, "internal_server_error", CRITICAL, json);
const maintenance = (json: boolean, retryAfter = 600) =>
	die(503, "wp_die", "Briefly unavailable for scheduled maintenance. Check back in a minute.", json, { "Retry-After": String(retryAfter) });
/** A host's or a security plugin's own answer. */
const tooMany = (json: boolean, retryAfter?: number): Raw =>
	die(429, "too_many_requests", "Too many requests.", json, retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) });

function faulty(status: number, json: boolean, retryAfter?: number): Raw {
	if (status === 429) return tooMany(json, retryAfter);
	if (status === 500) return crash(json);
	if (status === 503) return maintenance(json, retryAfter);
	return page(status, `<center><h1>${status} Bad Gateway</h1></center><hr><center>nginx</center>`);
}

/** No answer at all, until the caller gives up. */
async function silence(shop: Shop, response: ServerResponse) {
	const gone = new Promise<void>((resolve) => response.once("close", resolve));
	const cancel = shop.world.clock.after(SILENCE_MS, () => response.destroy());
	await gone;
	cancel();
}

function send(shop: Shop, response: ServerResponse, method: string, answer: Answer | Raw, key: Key | null) {
	if (response.destroyed) return;
	const date = { Date: new Date(shop.world.clock.now()).toUTCString() };
	if ("raw" in answer) {
		response.writeHead(answer.status, { ...date, ...answer.headers }).end(method === "HEAD" ? "" : answer.raw);
		return;
	}
	const headers: Record<string, string> = {
		...date,
		"Content-Type": JSON_TYPE,
		"X-Robots-Tag": "noindex",
		Link: `<${shop.url}/wp-json/>; rel="https://api.w.org/"`,
		...(key ? { "Cache-Control": NO_CACHE } : method === "GET" ? { Vary: "Origin" } : {}),
		...answer.headers,
	};
	if (headers.Allow === "") delete headers.Allow;
	response.writeHead(answer.status, headers).end(method === "HEAD" ? "" : `${answer.prefix ?? ""}${phpJson(answer.body ?? null)}`);
}

/** Reads a request's body, up to what PHP takes. */
export function readText(request: IncomingMessage): Promise<string> {
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = [];
		let size = 0;
		request.on("data", (chunk: Buffer) => {
			size += chunk.length;
			if (size <= BODY_MAX_BYTES) chunks.push(chunk);
		});
		request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
		request.on("error", reject);
	});
}
