import type { ServerResponse } from "node:http";
import { receiveConsent } from "#app/connections/guests/consent.ts";
import { isConnectionError } from "#app/db.server.ts";
import type { Deps } from "#connections";
import type { Endpoint } from "./web.ts";

/**
 * Where a channel's consent page sends the merchant's browser back to, for every channel: what it brings is kept, and the browser
 * goes on into the shop's admin, where the app finishes it with whoever is signed in there. Loaded twice it leads on twice.
 */
export function createConsentCallback(deps: Deps): Endpoint {
	return async (request, response) => {
		if (request.method !== "GET") return say(response, 405, "Only GET.");
		const query = new URL(request.url ?? "/", "http://ours.invalid").searchParams;
		try {
			const received = await receiveConsent(deps, query);
			if (received.outcome === "kept")
				return void response.writeHead(303, { ...PRIVATE, location: received.url, "content-length": 0 }).end();
			deps.log.warn({ reason: received.reason }, "consent.refused");
			return say(response, 403, "This link is not valid any more. Open Lockstep in your Shopify admin and connect the channel again.");
		} catch (error) {
			if (!isConnectionError(error)) throw error;
			deps.log.warn({ err: error }, "consent.not_kept");
			return say(response, 503, "Lockstep could not take this just now. Please reload this page in a moment.");
		}
	};
}

/** The address holds the answer: no cache keeps it, and no page that follows is told of it. */
const PRIVATE = { "cache-control": "no-store", "referrer-policy": "no-referrer" };

function say(response: ServerResponse, status: number, sentence: string): void {
	const page = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Lockstep</title>
<body style="font:16px/1.5 system-ui,sans-serif;color:#303030;max-width:30rem;margin:20vh auto;padding:0 1rem"><p>${sentence}</p></body></html>\n`;
	response
		.writeHead(status, {
			...PRIVATE,
			"content-type": "text/html; charset=utf-8",
			"content-length": Buffer.byteLength(page),
			"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
			"x-content-type-options": "nosniff",
		})
		.end(page);
}
