import { PassThrough } from "node:stream";
import { type ActionFunctionArgs, createReadableStreamFromReadable, type EntryContext, type LoaderFunctionArgs } from "@remix-run/node";
import { isRouteErrorResponse, RemixServer } from "@remix-run/react";
import { renderToPipeableStream } from "react-dom/server";
import { env } from "#app/env.server.ts";
import { shopify } from "#app/shopify.server.ts";
import { createLogger } from "#telemetry";

/** A page that is not rendered by then is given up; our loaders answer in milliseconds. */
const RENDER_LIMIT_MS = 5_000;

export default function handleRequest(request: Request, status: number, headers: Headers, context: EntryContext): Promise<Response> {
	shopify().setDocumentHeaders(request, headers);
	headers.set("content-type", "text/html; charset=utf-8");
	return new Promise((resolve, reject) => {
		let finalStatus = status;
		const { pipe, abort } = renderToPipeableStream(<RemixServer context={context} url={request.url} />, {
			onShellReady() {
				const body = new PassThrough();
				resolve(new Response(createReadableStreamFromReadable(body), { headers, status: finalStatus }));
				pipe(body);
				clearTimeout(timer);
			},
			onShellError: reject,
			onError() {
				// The nearest error boundary shows it; handleError (below) has logged what a loader threw.
				finalStatus = 500;
			},
		});
		const timer = setTimeout(() => abort(new Error(`The page was not rendered within ${RENDER_LIMIT_MS} ms`)), RENDER_LIMIT_MS);
	});
}

const log = createLogger({ level: env().logLevel, name: "pages" });

/** What loaders, actions and rendering throw. Addresses that do not exist and visitors who went away are no failures of ours. */
export function handleError(error: unknown, { request }: LoaderFunctionArgs | ActionFunctionArgs): void {
	if (request.signal.aborted || (isRouteErrorResponse(error) && error.status < 500)) return;
	log.error({ err: error, path: new URL(request.url).pathname }, "page.failed");
}
