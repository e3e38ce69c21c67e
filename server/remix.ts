import { existsSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createReadableStreamFromReadable, createRequestHandler, type ServerBuild, writeReadableStreamToWritable } from "@remix-run/node";
import { createFileHandler } from "./files.ts";

const BUILD_DIRECTORY = fileURLToPath(new URL("../build/", import.meta.url));

/**
 * The embedded app as a node:http request handler: files of the browser's build first, then Remix. Every request is taken as
 * sent to `publicOrigin`, so neither a proxy in between nor a forged Host header changes what the app believes its own address
 * to be. Throws when the app was not built. The pages use the process's database and Shopify library: openDatabase() and
 * openShopify() come first.
 */
export function createRemixHandler({
	publicOrigin,
}: {
	publicOrigin: string;
}): (request: IncomingMessage, response: ServerResponse) => void {
	const serverBuild = `${BUILD_DIRECTORY}server/index.js`;
	if (!existsSync(serverBuild)) throw new Error("The embedded app is not built yet: run `npm run build`");
	const origin = new URL(publicOrigin);
	const serveFile = createFileHandler(`${BUILD_DIRECTORY}client`);
	// Loading starts at once, so that the first merchant does not wait for it; a failure is everyone's answer from then on.
	const loading = (import(pathToFileURL(serverBuild).href) as Promise<ServerBuild>).then((build) =>
		createRequestHandler(build, "production"),
	);
	loading.catch(() => {});

	return (request, response) => {
		if (serveFile(request, response)) return;
		loading
			.then(async (handle) => sendResponse(response, await handle(toWebRequest(request, response, origin)), request.method === "HEAD"))
			.catch((error: unknown) => fail(response, error));
	};
}

function toWebRequest(request: IncomingMessage, response: ServerResponse, origin: URL): Request {
	const headers = new Headers();
	for (const [name, value] of Object.entries(request.headers)) {
		if (value === undefined || name.startsWith("x-forwarded-")) continue;
		for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
	}
	// Remix compares a form's Origin with this.
	headers.set("host", origin.host);
	const caller = new AbortController();
	response.once("close", () => {
		if (!response.writableFinished) caller.abort();
	});
	const method = request.method ?? "GET";
	const url = new URL(`${origin.origin}${toPath(request.url)}`);
	if (method === "GET" || method === "HEAD") return new Request(url, { method, headers, signal: caller.signal });
	return new Request(url, { method, headers, signal: caller.signal, body: createReadableStreamFromReadable(request), duplex: "half" });
}

/** Absolute-form targets (`GET http://else/`) and `//else` would otherwise choose another origin. */
function toPath(target = "/"): string {
	return `/${target.replace(/^https?:\/\/[^/]*/i, "").replace(/^\/+/, "")}`;
}

async function sendResponse(response: ServerResponse, answer: Response, headOnly: boolean): Promise<void> {
	response.statusCode = answer.status;
	if (answer.statusText) response.statusMessage = answer.statusText;
	for (const [name, value] of answer.headers) {
		if (name === "set-cookie") response.appendHeader(name, value);
		else response.setHeader(name, value);
	}
	if (answer.body && !headOnly) await writeReadableStreamToWritable(answer.body, response);
	else response.end();
}

function fail(response: ServerResponse, error: unknown): void {
	if (response.destroyed) return;
	if (response.headersSent) {
		// Half a page cannot be taken back; breaking the connection says that it is not whole.
		response.destroy(error instanceof Error ? error : undefined);
		return;
	}
	response
		.writeHead(500, { "content-type": "text/plain; charset=utf-8" })
		.end("Lockstep could not answer. Please try again in a moment.\n");
}
