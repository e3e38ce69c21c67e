import { Readable } from "node:stream";
import type { SQSClientConfig } from "@aws-sdk/client-sqs";
import { request as exchange } from "undici";

/**
 * The SDK's way to the network: through undici's global dispatcher like every other request of this app, instead of the SDK's own
 * node:https. So connections are pooled in one place and the sandbox can lead them (it answers no node:https), with limits of ours.
 */
export function createTransport(): NonNullable<SQSClientConfig["requestHandler"]> {
	return {
		metadata: { handlerProtocol: "h1.1" },
		async handle(request: SdkRequest, { abortSignal }: { abortSignal?: unknown } = {}) {
			const signal = abortSignal instanceof AbortSignal ? abortSignal : undefined;
			let begun = false;
			try {
				const { "content-length": _, ...headers } = request.headers;
				const answer = await exchange(addressOf(request), {
					method: request.method as "POST",
					headers,
					body: request.body ?? null,
					headersTimeout: HEADERS_MS,
					bodyTimeout: BODY_MS,
					...(signal ? { signal } : {}),
				});
				begun = true;
				const body = await readBounded(answer.body);
				const plain = Object.entries(answer.headers).flatMap(([name, value]) =>
					value === undefined ? [] : [[name, String(value)] as const],
				);
				return { response: { statusCode: answer.statusCode, headers: Object.fromEntries(plain), body: Readable.from([body]) } };
			} catch (error) {
				const cause = error instanceof Error ? error : new Error(String(error));
				const code = "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
				throw new TransportError(`no answer from ${request.hostname} (${code ?? cause.message})`, {
					cause,
					begun: begun || code === "UND_ERR_HEADERS_TIMEOUT",
				});
			}
		},
		updateHttpClientConfig() {},
		httpHandlerConfigs: () => ({}),
		destroy() {},
	} as NonNullable<SQSClientConfig["requestHandler"]>;
}

/** The network's fault, not SQS' word. `begun`: it may have been carried out. */
export class TransportError extends Error {
	override readonly name = "TransportError";
	readonly begun: boolean;
	constructor(message: string, { cause, begun }: { cause: Error; begun: boolean }) {
		super(message, { cause });
		this.begun = begun;
	}
}

/** A long poll is silent for 20 s. */
const HEADERS_MS = 30_000;
const BODY_MS = 15_000;
/** Ten messages of SQS' largest (1 MiB), escaped as JSON text; notifications have some thousand bytes. */
const BYTES_MAX = 24 * 1024 * 1024;

type SdkRequest = {
	protocol: string;
	hostname: string;
	port?: number;
	path: string;
	method: string;
	headers: Record<string, string>;
	query?: Record<string, string | readonly string[] | null>;
	body?: string | Uint8Array | null;
};

function addressOf({ protocol, hostname, port, path, query }: SdkRequest): URL {
	const url = new URL(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`);
	for (const [name, value] of Object.entries(query ?? {})) {
		for (const one of Array.isArray(value) ? value : [value ?? ""]) url.searchParams.append(name, one);
	}
	return url;
}

async function readBounded(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of body) {
		bytes += chunk.length;
		// Leaving the loop destroys the stream and with it the connection.
		if (bytes > BYTES_MAX) throw new Error(`the answer is larger than ${BYTES_MAX} bytes`);
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}
