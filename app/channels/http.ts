import { type Dispatcher, request as exchange, getGlobalDispatcher } from "undici";
import type { AccountAccess, CallReport } from "./channel.ts";
import { ChannelTimeoutError, ChannelUnavailableError, RateLimitedError } from "./errors.ts";
import { guardedDispatcher, onTheWay, UnsafeHostError } from "./public-hosts.ts";
import { joinHeaders, parseJson, type ReadJson, readRetryAfter, readText, TooLargeError } from "./read-answer.ts";

export { merchantUrlProblem } from "./public-hosts.ts";

/**
 * The one way out of the house: every channel's requests pass here. Budget first, then one exchange with explicit limits, then
 * the report, whatever the end. Throws only ChannelErrors: unavailable (surely not carried out), timeout (nobody knows).
 * Redirects are never followed: an answer elsewhere is not the channel's. What a status or a body means is the adapter's to say.
 */
export async function send(account: Pick<AccountAccess, "beforeCall" | "onCall">, request: ChannelRequest): Promise<ChannelAnswer> {
	await account.beforeCall?.(request.cost ?? 1, request.bucket);
	const startedAt = performance.now();
	const took = () => Math.round(performance.now() - startedAt);
	const report = (rest: Omit<CallReport, "operation" | "tookMs">) =>
		account.onCall?.({ operation: request.operation, bucket: request.bucket, tookMs: took(), ...rest });
	const reached: Reached = { begun: false, status: null };
	try {
		const answer = await withinLimits(request, reached, took);
		report({
			httpStatus: answer.status,
			requestId: answer.requestId,
			retryAfterMs: answer.retryAfterMs,
			...request.describe?.(answer),
		});
		return answer;
	} catch (error) {
		report({ httpStatus: reached.status });
		throw networkError(error, request, reached);
	}
}

export type ChannelRequest = {
	/** Names the call in reports, attempts and errors: "orders.list". */
	operation: string;
	method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
	url: URL;
	/** merchant: somebody typed the host, so its addresses are checked (public-hosts.ts). known: it is written in our code. */
	host: "merchant" | "known";
	headers?: Readonly<Record<string, string>>;
	/** Sent as JSON. */
	body?: unknown;
	/** Sent as it is, instead of `body`; its content type is among the headers. */
	text?: string;
	/** Carried out twice or by surprise it would matter. Default: every method but GET. */
	changesThings?: boolean;
	/** In the channel's units; default 1. */
	cost?: number;
	/** One of `limits.operations`, where the channel counts them apart. */
	bucket?: string;
	limits?: Partial<CallLimits>;
	/** Ends the wait for an answer early: the request then fails like one that got none. */
	signal?: AbortSignal;
	/** Never to be seen in an error or a log: keys, tokens. */
	secrets?: readonly string[];
	/** What the channel's own headers or body add to the report (its budget). */
	describe?: (answer: ChannelAnswer) => Partial<Pick<CallReport, "budget" | "retryAfterMs" | "requestId">>;
};

export type ChannelAnswer = {
	status: number;
	/** Names in lower case; repeated headers joined by ", ". */
	headers: Readonly<Record<string, string>>;
	text: string;
	json: ReadJson;
	requestId: string | undefined;
	retryAfterMs: number | undefined;
	tookMs: number;
};

export type CallLimits = {
	/** Name, TCP and TLS together. */
	connectMs: number;
	/** From the last byte sent to the first of the answer. */
	headersMs: number;
	/** Silence in the middle of an answer. */
	bodyMs: number;
	/** All of it. Under a worker's lease, so that a slow channel never outlives the claim on its listings. */
	totalMs: number;
	/** Of the answer. */
	bytesMax: number;
};
export const CALL_LIMITS: CallLimits = {
	connectMs: 10_000,
	headersMs: 30_000,
	bodyMs: 15_000,
	totalMs: 45_000,
	bytesMax: 16 * 1024 * 1024,
};

/** Stable, so that a store's firewall can be told to let it in. */
const USER_AGENT = "Lockstep/1 (stock sync)";
const REQUEST_ID_HEADERS = ["x-request-id", "x-amzn-requestid", "x-ebay-c-request-id", "wm_qos.correlation_id", "cf-ray"];
const MESSAGE_CHARS_MAX = 500;

/** How far a request got: not begun = no byte of it left us. */
type Reached = { begun: boolean; status: number | null };

async function withinLimits(request: ChannelRequest, reached: Reached, took: () => number): Promise<ChannelAnswer> {
	const limits = { ...CALL_LIMITS, ...request.limits };
	const stop = new AbortController();
	const timers: NodeJS.Timeout[] = [];
	let abandon = () => {};
	// A request that waits for its connection does not hear the abort signal (undici passes it on once it begins), so giving up
	// is decided here; the signal then keeps it from being sent after all.
	const givenUp = new Promise<never>((_, reject) => {
		const giveUp = (message: string) => {
			const error = new GaveUpError(message);
			stop.abort(error);
			reject(error);
		};
		abandon = () => giveUp("the caller no longer waits");
		if (request.signal?.aborted) abandon();
		else request.signal?.addEventListener("abort", abandon);
		timers.push(
			setTimeout(() => !reached.begun && giveUp(`no connection within ${limits.connectMs} ms`), limits.connectMs),
			setTimeout(() => giveUp(`no complete answer within ${limits.totalMs} ms`), limits.totalMs),
		);
	});
	try {
		return await Promise.race([oneExchange(request, limits, stop.signal, reached, took), givenUp]);
	} finally {
		for (const timer of timers) clearTimeout(timer);
		request.signal?.removeEventListener("abort", abandon);
	}
}

/** Without a code: its sentence is the best there is to say. */
class GaveUpError extends Error {}

async function oneExchange(request: ChannelRequest, limits: CallLimits, signal: AbortSignal, reached: Reached, took: () => number) {
	const body = request.text ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
	const options = {
		dispatcher: dispatcherFor(request.host, reached),
		method: request.method,
		headers: {
			accept: "application/json",
			// Answers are read as they are: no decompression, so no bomb and no broken gzip from a plugin.
			"accept-encoding": "identity",
			"user-agent": USER_AGENT,
			...(body === undefined ? {} : { "content-type": "application/json" }),
			...request.headers,
		},
		...(body === undefined ? {} : { body }),
		headersTimeout: limits.headersMs,
		bodyTimeout: limits.bodyMs,
		signal,
		// HTTP/1.1: stores behind one address would otherwise share (and wait for) one connection, see public-hosts.ts.
		allowH2: false,
	};
	const response = await exchange(request.url, options);
	reached.status = response.statusCode;
	const headers = joinHeaders(response.headers);
	const text = await readText(response.body, headers, limits.bytesMax);
	return {
		status: response.statusCode,
		headers,
		text,
		json: parseJson(text, headers),
		requestId: REQUEST_ID_HEADERS.map((name) => headers[name])
			.find((value) => value !== undefined)
			?.slice(0, 200),
		retryAfterMs: readRetryAfter(headers["retry-after"], headers.date),
		tookMs: took(),
	};
}

/**
 * A file that a channel has prepared, chunk by chunk as it comes: nothing of it is kept here, so its size does not matter.
 * Throws ChannelErrors as `send` does.
 */
export async function* download(
	file: Pick<ChannelRequest, "operation" | "url" | "host"> & { onHeaders?: (headers: Readonly<Record<string, string>>) => void },
): AsyncGenerator<Uint8Array> {
	const request: ChannelRequest = { ...file, method: "GET" };
	const reached: Reached = { begun: false, status: null };
	try {
		const options = {
			dispatcher: dispatcherFor(request.host, reached),
			headers: { "accept-encoding": "identity", "user-agent": USER_AGENT },
			headersTimeout: CALL_LIMITS.headersMs,
			bodyTimeout: CALL_LIMITS.bodyMs,
			allowH2: false,
		};
		const { statusCode, headers, body } = await exchange(request.url, options);
		reached.status = statusCode;
		file.onHeaders?.(joinHeaders(headers));
		if (statusCode === 200) yield* body as AsyncIterable<Uint8Array>;
		else await body.dump();
	} catch (error) {
		throw networkError(error, request, reached);
	}
	if (reached.status !== 200) {
		throw new ChannelUnavailableError(`${describeCall(request)}: the file is not there (${reached.status})`, {
			httpStatus: reached.status ?? undefined,
		});
	}
}

/** The process's dispatcher as it is now (the sandbox sets another one), with the guard before it and a look at what begins. */
function dispatcherFor(host: ChannelRequest["host"], reached: Reached): Dispatcher {
	const base = getGlobalDispatcher();
	let way = base;
	if (host === "merchant") {
		way = guarded.get(base) ?? guardedDispatcher(base);
		guarded.set(base, way);
	}
	return way.compose(
		(dispatch) => (options, handler) =>
			dispatch(
				options,
				onTheWay(handler, {
					onRequestStart(controller, context) {
						reached.begun = true;
						handler.onRequestStart?.(controller, context);
					},
				}),
			),
	);
}
const guarded = new WeakMap<Dispatcher, Dispatcher>();

function networkError(error: unknown, request: ChannelRequest, reached: Reached): Error {
	const cause = error instanceof Error ? error : new Error(String(error));
	const code = "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
	const where = describeCall(request);
	const detail = { cause, code, httpStatus: reached.status ?? undefined };
	const text = (said: string) => mask(`${where}: ${said}`, request.secrets);
	if (cause instanceof UnsafeHostError) return new ChannelUnavailableError(text(cause.message), detail);
	if (cause instanceof TooLargeError) {
		return new ChannelUnavailableError(text(cause.message), { ...detail, outcomeUnknown: changesThings(request) });
	}
	if (!reached.begun) return new ChannelUnavailableError(text(`not reached (${code ?? cause.message})`), detail);
	return new ChannelTimeoutError(text(`no answer (${code ?? cause.message})`), detail);
}

export const changesThings = (request: Pick<ChannelRequest, "method" | "changesThings">): boolean =>
	request.changesThings ?? request.method !== "GET";

/** Method, host and path: never the query, which may carry keys. */
export const describeCall = (request: Pick<ChannelRequest, "method" | "url" | "operation">): string =>
	`${request.operation} (${request.method} ${request.url.host}${request.url.pathname})`;

/** Takes secrets out of a text, as they are and as they stand in addresses and Basic headers, and bounds it. */
export function mask(text: string, secrets: readonly string[] = []): string {
	let masked = text;
	for (const secret of secrets) {
		if (secret.length < SECRET_CHARS_MIN) continue;
		for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")])
			masked = masked.replaceAll(form, "***");
	}
	return masked.length > MESSAGE_CHARS_MAX ? `${masked.slice(0, MESSAGE_CHARS_MAX)}…` : masked;
}
/** Shorter ones are no secrets, and masking them would eat words. */
const SECRET_CHARS_MIN = 6;

/**
 * The error behind an answer that every channel means alike; null: the adapter's own table decides. Whether a write may have
 * been carried out: surely not where the answer says that nobody worked on it (429, 503, and those of Cloudflare's that mean
 * "origin not reached"); after any other 5xx nobody knows.
 */
export function faultOf(request: ChannelRequest, answer: ChannelAnswer): RateLimitedError | ChannelUnavailableError | null {
	const { status, requestId, retryAfterMs } = answer;
	const detail = { httpStatus: status, requestId, retryAfterMs };
	const text = (said: string) => mask(`${describeCall(request)}: ${said}`, request.secrets);
	if (status === 429) return new RateLimitedError(text("too many requests"), detail);
	if (status >= 300 && status < 400) return new ChannelUnavailableError(text(`it redirects (${status}), which is never followed`), detail);
	if (status >= 500 || status === 408 || status === 425) {
		const outcomeUnknown = changesThings(request) && !NOT_CARRIED_OUT.has(status);
		return new ChannelUnavailableError(text(`the server answers ${status}`), { ...detail, outcomeUnknown });
	}
	return null;
}
const NOT_CARRIED_OUT = new Set([408, 425, 503, 521, 522, 523, 525, 526, 530]);

/** The parsed body, or the error that says why there is none. A write whose answer cannot be read may well have happened. */
export function expectJson(request: ChannelRequest, answer: ChannelAnswer): unknown {
	if (answer.json.ok) return answer.json.value;
	throw new ChannelUnavailableError(mask(`${describeCall(request)}: ${answer.json.problem}`, request.secrets), {
		httpStatus: answer.status,
		requestId: answer.requestId,
		retryAfterMs: answer.retryAfterMs,
		outcomeUnknown: changesThings(request) && answer.status < 300,
	});
}
