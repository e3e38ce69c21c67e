import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestFault } from "../../faults.ts";
import type { Handler, World } from "../../world.ts";
import { BULK_HOST } from "./bulk.ts";
import { type Answer, type Body, prepare, run, throttled } from "./graphql/execute.ts";
import type { ShopHost } from "./shop.ts";

/** The HTTP side of a shop: `/admin/oauth/access_token` and `/admin/api/{version}/graphql.json`, with the world's faults before both. */
export type HttpOptions = {
	/** A request's way there and back, sandbox milliseconds. */
	latencyMs: readonly [number, number];
};

const BODY_MAX_BYTES = 4 * 1024 * 1024;
/** A silent request is dropped after this, so that nothing hangs for ever. Longer than any client waits. */
const SILENT_MS = 120_000;

/** Stable versions are supported for a year; an older one falls forward to the oldest supported. */
const SUPPORTED = ["2026-01", "2026-04", "2026-07", "2026-10"];
const UNSTABLE = ["2027-01", "unstable"];
/** The version whose rules everything newer follows here. */
const NON_EXPIRING =
	"[API] Non-expiring access tokens are no longer accepted for the Admin API. Start using expiring offline tokens: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens#expiring-vs-non-expiring-offline-tokens";

export function createHandler({
	world,
	hostOf,
	options,
}: {
	world: World;
	hostOf: (domain: string) => ShopHost | undefined;
	options: HttpOptions;
}): Handler {
	const random = world.random.fork("shopify http");
	const travel = () => {
		const [low, high] = options.latencyMs;
		return high > 0 ? world.clock.sleep(random.between(low, high) / 2) : Promise.resolve();
	};

	return async (request, response, url) => {
		const host = hostOf(url.hostname);
		if (!host)
			return void response.writeHead(404, { "content-type": "text/html" }).end("<h1>Sorry, this shop is currently unavailable.</h1>");
		const started = world.clock.now();
		const raw = await readBody(request);
		if (raw === null) return void json(response, 413, { errors: "Request body too large" });
		await travel();
		const tell = (operation: string, status: number) => host.called(operation, status, Math.round(world.clock.now() - started));
		const graphql = /^\/admin\/api\/([\w-]+)\/graphql\.json$/.exec(url.pathname);
		if (request.method === "POST" && url.pathname === "/admin/oauth/access_token")
			await tokens(host, { request, response, raw, travel, tell });
		else if (request.method === "POST" && graphql?.[1]) await api(host, { request, response, raw, travel, tell, asked: graphql[1] });
		else {
			tell(`${request.method} ${url.pathname}`, 404);
			json(response, 404, { errors: "Not Found" });
		}
	};

	type Exchange = {
		request: IncomingMessage;
		response: ServerResponse;
		raw: string;
		travel: () => Promise<void>;
		tell: (operation: string, status: number) => void;
	};

	async function tokens(host: ShopHost, { request, response, raw, travel: back, tell }: Exchange): Promise<void> {
		const fault = world.faults.request(host.channel, "access_token");
		if (await struck(fault, response, tell, "access_token", async () => void host.auth.answer(host.state.domain, fields(request, raw))))
			return;
		const answer = host.auth.answer(host.state.domain, fields(request, raw));
		await back();
		tell("access_token", answer.status);
		json(response, answer.status, answer.body);
	}

	async function api(host: ShopHost, { request, response, raw, travel: back, tell, asked }: Exchange & { asked: string }): Promise<void> {
		const version = versionFor(asked, host.violated);
		if (version === null) return finish(404, { errors: "Not Found" }, "unknown version");
		if (host.closed() !== null)
			return finish(host.closed() ?? 423, { errors: host.closed() === 402 ? "Unavailable Shop" : "This shop is locked" }, "closed shop");
		const access = host.auth.check(host.state.domain, String(request.headers["x-shopify-access-token"] ?? ""));
		if (!access)
			return finish(401, { errors: "[API] Invalid API key or access token (unrecognized login or wrong password)" }, "dead token");
		if (access.expiresAt === null) return finish(403, { errors: NON_EXPIRING }, "non-expiring token");
		const body = parseBody(raw);
		if (body === null) return finish(400, { errors: { query: "Required parameter missing or invalid" } }, "no JSON");
		const prepared = prepare(body, host.violated);
		if ("refused" in prepared) return finish(200, prepared.refused, "invalid query");
		const { operation } = prepared;
		const fault = world.faults.request(host.channel, operation);
		const magic = fault === null ? host.magic(body.variables) : "normal";
		const context = host.context(access, version);
		if (fault?.kind === "status" && fault.status === 429 && fault.retryAfterSeconds === undefined)
			return finish(200, throttled(prepared.requested, host.bucket), operation);
		if (fault?.kind === "lands-late") context.landsAfter = world.clock.sleep(fault.delayMs);
		if (await struck(fault, response, tell, operation, async () => void (await run(prepared, context, host.bucket)))) return;
		if (magic === "throttled") return finish(200, throttled(prepared.requested, host.bucket), operation);
		if (magic === "server error") return finish(500, { errors: "Internal Server Error" }, operation);
		if (magic === "fails inside") context.fate = "fails inside";
		const answer = await run(prepared, context, host.bucket);
		if (magic === "silent") return silence(response, tell, operation);
		await back();
		return finish(200, answer, operation);

		function finish(status: number, answered: Answer | Record<string, unknown>, name: string): void {
			tell(name, status);
			json(response, status, answered, { "x-shopify-api-version": version ?? asked });
		}
	}

	/** Does what a fault orders; false: go on (perhaps later). */
	async function struck(
		fault: RequestFault | null,
		response: ServerResponse,
		tell: Exchange["tell"],
		operation: string,
		carryOut: () => Promise<void>,
	): Promise<boolean> {
		switch (fault?.kind) {
			case undefined:
				return false;
			case "slow":
				await world.clock.sleep(fault.delayMs);
				return false;
			case "status":
				tell(operation, fault.status);
				json(
					response,
					fault.status,
					{ errors: fault.status === 429 ? "Exceeded rate limit" : "Internal Server Error" },
					fault.retryAfterSeconds === undefined ? {} : { "retry-after": String(fault.retryAfterSeconds) },
				);
				return true;
			case "html":
				tell(operation, 502);
				response.writeHead(502, { "content-type": "text/html" }).end("<html><body><h1>502 Bad Gateway</h1></body></html>");
				return true;
			case "timeout":
				if (fault.effect === "before") await carryOut();
				silence(response, tell, operation);
				return true;
			case "lands-late":
				tell(operation, 0);
				response.destroy();
				await carryOut();
				return true;
		}
	}

	function silence(response: ServerResponse, tell: Exchange["tell"], operation: string): void {
		tell(operation, 0);
		const cancel = world.clock.after(SILENT_MS, () => response.destroy());
		response.once("close", cancel);
	}
}

/** Bulk results, on the host that Shopify stores them on. */
export function createFileHandler({
	world,
	files,
}: {
	world: World;
	files: Map<string, { lines: readonly string[]; until: number }>;
}): Handler {
	return async (_request, response, url) => {
		const file = files.get(url.pathname.split("/").slice(2).join("/"));
		if (!file || file.until < world.clock.now())
			return void response.writeHead(403, { "content-type": "application/xml" }).end("<Error><Code>ExpiredToken</Code></Error>");
		response.writeHead(200, { "content-type": "application/jsonl", "content-disposition": `attachment; filename="${BULK_HOST}.jsonl"` });
		for (const line of file.lines) if (!response.write(`${line}\n`)) await new Promise((resolve) => response.once("drain", resolve));
		response.end();
	};
}

function versionFor(asked: string, violated: (rule: string, detail: string) => void): string | null {
	if (SUPPORTED.includes(asked) || UNSTABLE.includes(asked)) return asked;
	const oldest = SUPPORTED[0] as string;
	if (!/^\d{4}-(01|04|07|10)$/.test(asked) || asked > oldest) return null;
	violated("unsupported API version", `${asked} falls forward to ${oldest}`);
	return oldest;
}

function parseBody(raw: string): Body | null {
	try {
		const parsed = JSON.parse(raw) as unknown;
		return parsed !== null && typeof parsed === "object" ? (parsed as Body) : null;
	} catch {
		return null;
	}
}

/** The token endpoint takes JSON and forms. */
function fields(request: IncomingMessage, raw: string): Record<string, string> {
	if (request.headers["content-type"]?.includes("application/x-www-form-urlencoded")) return Object.fromEntries(new URLSearchParams(raw));
	return Object.fromEntries(Object.entries(parseBody(raw) ?? {}).map(([key, value]) => [key, String(value)]));
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
	if (response.destroyed) return;
	response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers }).end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string | null> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of request as AsyncIterable<Buffer>) {
		size += chunk.length;
		if (size > BODY_MAX_BYTES) return null;
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString("utf8");
}
