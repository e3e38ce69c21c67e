import { PassThrough } from "node:stream";
import { createReadableStreamFromReadable, type EntryContext } from "@remix-run/node";
import { RemixServer } from "@remix-run/react";
import { renderToPipeableStream } from "react-dom/server";
import { shopify } from "#app/shopify.server.ts";

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
				// React reports it to the nearest error boundary; handleError (below) has logged loaders' errors already.
				finalStatus = 500;
			},
		});
		const timer = setTimeout(() => abort(new Error(`The page was not rendered within ${RENDER_LIMIT_MS} ms`)), RENDER_LIMIT_MS);
	});
}
