import { Readable } from "node:stream";
import type { SQSClientConfig } from "@aws-sdk/client-sqs";
import { type CallLimits, type ChannelRequest, send } from "../http.ts";

/**
 * The SDK's way to the network: the one way out of the house, instead of the SDK's own node:https. So limits and errors are ours,
 * connections are pooled in one place, and the sandbox can lead them. Throws what `send` throws.
 */
export function createTransport(operation: string): NonNullable<SQSClientConfig["requestHandler"]> {
	return {
		metadata: { handlerProtocol: "h1.1" },
		async handle(request: SdkRequest, { abortSignal }: { abortSignal?: unknown } = {}) {
			const answer = await send({}, toRequest(operation, request, abortSignal));
			return { response: { statusCode: answer.status, headers: { ...answer.headers }, body: Readable.from([Buffer.from(answer.text)]) } };
		},
		updateHttpClientConfig() {},
		httpHandlerConfigs: () => ({}),
		destroy() {},
	} as NonNullable<SQSClientConfig["requestHandler"]>;
}

/**
 * A long poll is silent for 20 s. Ten messages of SQS' largest (1 MiB), escaped as JSON text; notifications have some thousand
 * bytes.
 */
const LIMITS: Partial<CallLimits> = { headersMs: 30_000, bodyMs: 15_000, totalMs: 45_000, bytesMax: 24 * 1024 * 1024 };

type SdkRequest = {
	protocol: string;
	hostname: string;
	port?: number;
	path: string;
	headers: Record<string, string>;
	body?: string | Uint8Array;
};

/** SQS speaks JSON by POST to one path, without a query; everything is signed by then. */
function toRequest(operation: string, { protocol, hostname, port, path, headers, body = "" }: SdkRequest, signal: unknown): ChannelRequest {
	const { "content-length": _, ...rest } = headers;
	return {
		operation,
		method: "POST",
		url: new URL(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`),
		// From the operator's setting, which names a host of SQS (queue.ts).
		host: "known",
		headers: rest,
		text: typeof body === "string" ? body : new TextDecoder().decode(body),
		// A message that is received or deleted twice is still one message.
		changesThings: false,
		limits: LIMITS,
		...(signal instanceof AbortSignal ? { signal } : {}),
	};
}
