import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CONSENT_PATH } from "#app/connections/guests/consent.ts";
import type { Env } from "#app/env.server.ts";
import { channels } from "#channels";
import { createSessionStorage, type Deps, onShopAuthenticated } from "#connections";
import { createFlowEndpoints } from "#flow";
import { createBodyReader, createIngest, type Ingest, type IngestOptions, type ReceiveOutcome } from "#ingest";
import { createConsentCallback } from "./consent-callback.ts";
import { createGrantCallback } from "./grant-callback.ts";
import { createHealthEndpoints } from "./health.ts";
import { openRuntime, runProcess } from "./runtime.ts";

/** Above the idle timeout of common load balancers (AWS 60 s): a connection is closed by them, not by us while they send on it. */
const KEEP_ALIVE_MS = 65_000;
/** A caller that sends no complete head in this time says nothing. */
const HEADERS_TIMEOUT_MS = 15_000;
/** The largest upload of the app's own pages over a slow line. Webhooks have their own, shorter one (read-body.ts). */
const REQUEST_TIMEOUT_MS = 60_000;
/** Requests in hand at a shutdown: longer than a late commit (3 s), shorter than what orchestrators wait (10 s). */
const SHUTDOWN_MS = 8_000;
/** Shopify and a person's browser both come again by themselves. */
const RETRY_AFTER_SECONDS = "5";

export type Endpoint = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
export type WebOptions = {
	port: number;
	host: string;
	/** Spooled deliveries lie here while the database is away. */
	dataDir: string;
	/** By exact path, ahead of the app's pages: health, the channels' own callbacks. */
	endpoints?: Readonly<Record<string, Endpoint>>;
	/** The embedded app. Asked for at the first request for a page, and again while it fails: a process that only receives needs no build. */
	pages?: () => Promise<Endpoint>;
	/** Other bounds than the usual ones. */
	ingest?: Omit<IngestOptions, "dataDir">;
};
export type Web = { port: number; close(): Promise<void> };

/**
 * One HTTP server for everything: the channels' webhooks first (a delivery must be durable within the sender's patience,
 * whatever the pages do), then the endpoints that machines ask, then the embedded app.
 */
export async function startWeb(deps: Deps, options: WebOptions): Promise<Web> {
	const ingest = createIngest(deps, { ...options.ingest, dataDir: options.dataDir });
	const receiver = createReceiver(ingest);
	const pages = createPages(options.pages);
	const inHand = new Set<ServerResponse>();
	let closing = false;

	const server = createServer((request, response) => {
		inHand.add(response);
		response.once("close", () => inHand.delete(response));
		// At a shutdown every answer is the last of its connection.
		if (closing) response.shouldKeepAlive = false;
		const path = pathOf(request);
		const answered = path.startsWith("/webhooks/")
			? receiver(path, request, response)
			: (options.endpoints?.[path] ?? pages)(request, response);
		Promise.resolve(answered).catch((error: unknown) => {
			deps.log.error({ err: error, path }, "request.failed");
			if (response.headersSent) response.destroy();
			else answer(response, 500, "Lockstep could not answer. Please try again in a moment.\n");
		});
	});
	server.keepAliveTimeout = KEEP_ALIVE_MS;
	server.headersTimeout = HEADERS_TIMEOUT_MS;
	server.requestTimeout = REQUEST_TIMEOUT_MS;
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(options.port, options.host, resolve);
	});

	const close = async () => {
		closing = true;
		const closed = new Promise<void>((resolve) => server.close(() => resolve()));
		for (const response of inHand) if (!response.headersSent) response.shouldKeepAlive = false;
		const late = setTimeout(() => server.closeAllConnections(), SHUTDOWN_MS);
		await closed;
		clearTimeout(late);
		await ingest.close();
	};
	let closed: Promise<void> | undefined;
	return { port: (server.address() as AddressInfo).port, close: () => (closed ??= close()) };
}

/** `/webhooks/<channel>` where the sender names its account, `/webhooks/<channel>/<token>` where each connection has an address. */
function createReceiver(ingest: Ingest) {
	const known = new Map(channels().map((channel) => [channel.id, channel]));
	const readBody = createBodyReader();
	return async (path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
		const [, , id = "", rest, ...more] = path.split("/");
		const channel = known.get(id);
		const ofApp = channel?.webhooks.signature?.secret === "app";
		if (!channel || more.length > 0 || (ofApp ? rest !== undefined && rest !== "compliance" : !rest)) return answer(response, 404);
		if (request.method !== "POST") return answer(response, 405, "Only POST.\n", { allow: "POST" });
		const outcome = await ingest.receive({
			channel,
			token: ofApp ? null : (rest ?? null),
			path,
			// Only set-cookie, which no sender sends, is a list (node:http, message.headers).
			headers: request.headers as Record<string, string>,
			readBody: (bytesMax) => readBody(request, bytesMax),
		});
		answerDelivery(response, outcome);
	};
}

/** What a sender is told; 503 means "send it again". An upload that was broken off has nobody left to be told. */
const STATUS: Readonly<Record<Exclude<ReceiveOutcome["outcome"], "aborted">, number>> = {
	accepted: 200,
	duplicate: 200,
	spooled: 200,
	ignored: 200,
	"bad-signature": 401,
	"unknown-connection": 404,
	"too-large": 413,
	"not-durable": 503,
};

function answerDelivery(response: ServerResponse, { outcome }: ReceiveOutcome): void {
	if (outcome === "aborted") {
		response.destroy();
		return;
	}
	const headers: Record<string, string> = {};
	if (outcome === "not-durable") headers["retry-after"] = RETRY_AFTER_SECONDS;
	// What a refused caller still has to say is not waited for.
	if (!response.req.complete) headers.connection = "close";
	answer(response, STATUS[outcome], "", headers);
}

function createPages(load: WebOptions["pages"]): Endpoint {
	let loading: Promise<Endpoint> | undefined;
	return async (request, response) => {
		if (!load) return answer(response, 404);
		try {
			loading ??= load();
			return (await loading)(request, response);
		} catch (error) {
			loading = undefined;
			const sentence = error instanceof Error ? error.message : String(error);
			return answer(response, 503, `${sentence}\n`, { "retry-after": RETRY_AFTER_SECONDS });
		}
	};
}

function answer(response: ServerResponse, status: number, text = "", headers: Record<string, string> = {}): void {
	response
		.writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": Buffer.byteLength(text), ...headers })
		.end(text);
}

function pathOf(request: IncomingMessage): string {
	const url = request.url ?? "/";
	const query = url.indexOf("?");
	return query < 0 ? url : url.slice(0, query);
}

/** What a process that serves merchants and channels is given: by `npm run web` alone, by `npm start` beside the workers. */
export function webOptionsOf(env: Env, deps: Deps): WebOptions {
	return {
		port: env.port,
		host: env.host,
		dataDir: env.dataDir,
		endpoints: {
			"/connect/woocommerce/callback": createGrantCallback(deps),
			[CONSENT_PATH]: createConsentCallback(deps),
			...createFlowEndpoints(deps),
		},
		async pages() {
			const [{ createRemixHandler }, { openShopify }] = await Promise.all([import("./remix.ts"), import("#app/shopify.server.ts")]);
			// Throws while the app is not built; the pages' code runs later, when Shopify's library is open.
			const handler = createRemixHandler({ publicOrigin: env.appUrl });
			openShopify({
				apiKey: env.shopifyApiKey,
				apiSecrets: env.shopifyApiSecrets,
				appUrl: env.appUrl,
				appBridgeUrl: env.appBridgeUrl,
				sessionStorage: createSessionStorage(deps),
				onShopAuthenticated: (shop) => onShopAuthenticated(deps, shop),
			});
			return handler;
		},
	};
}

/** `npm run web`: receiving and the pages alone, as many processes as wanted, on a database server (DATABASE_URL). */
if (import.meta.main) {
	await runProcess(async () => {
		const runtime = await openRuntime({ name: "web", mayEmbed: false });
		const { env, log, pool, deps } = runtime;
		const options = webOptionsOf(env, deps);
		const web = await startWeb(deps, { ...options, endpoints: { ...options.endpoints, ...createHealthEndpoints({ pool }) } });
		log.info({ host: env.host, port: web.port }, "process.started");
		return { log, closers: [web.close, runtime.close] };
	});
}
