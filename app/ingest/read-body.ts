import type { IncomingMessage } from "node:http";

/**
 * One delivery. A product of 2048 variants with our included fields is about 1 MB, an order of a plugin-laden store some
 * 100 KB; WooCommerce does not send again what we refuse, so there is room above both.
 */
export const BODY_BYTES_MAX = 5 * 1024 * 1024;
/** All bodies being read in this process: callers we cannot know yet must not be able to fill its memory. */
export const BODIES_BYTES_MAX = 128 * 1024 * 1024;
/** Both senders write a body in one go; a caller who drips it holds a connection and nothing else. */
const BODY_TIMEOUT_MS = 10_000;

export type Body =
	| { outcome: "read"; body: Buffer }
	| { outcome: "too-large" }
	/** The caller went away or did not finish in time: nobody is there to be answered. */
	| { outcome: "aborted" }
	/** Too many bodies are being read. */
	| { outcome: "busy" };

export type BodyReader = (request: IncomingMessage, bytesMax: number) => Promise<Body>;

/** Content-Length is believed only as far as refusing goes: what arrives is counted. */
export function createBodyReader({ allBytesMax = BODIES_BYTES_MAX, timeoutMs = BODY_TIMEOUT_MS } = {}): BodyReader {
	let held = 0;
	return (request, bytesMax) => {
		if (Number(request.headers["content-length"] ?? 0) > bytesMax) return Promise.resolve({ outcome: "too-large" });
		return new Promise((resolve) => {
			const chunks: Buffer[] = [];
			let bytes = 0;
			let done = false;
			const finish = (outcome: Body) => {
				if (done) return;
				done = true;
				clearTimeout(timer);
				held -= bytes;
				resolve(outcome);
			};
			const timer = setTimeout(() => {
				finish({ outcome: "aborted" });
				request.destroy();
			}, timeoutMs);
			request.on("data", (chunk: Buffer) => {
				if (done) return;
				bytes += chunk.length;
				held += chunk.length;
				chunks.push(chunk);
				if (bytes > bytesMax) finish({ outcome: "too-large" });
				else if (held > allBytesMax) finish({ outcome: "busy" });
			});
			request.on("end", () => finish({ outcome: "read", body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) }));
			request.on("error", () => finish({ outcome: "aborted" }));
			request.on("close", () => finish({ outcome: "aborted" }));
		});
	};
}
