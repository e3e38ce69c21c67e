import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";

export type ProxyOptions = {
	/** The address that the app believes it has (`https://lockstep.example`). */
	publicOrigin: string;
	/** Where it really listens; asked for each request, since a killed web process comes back elsewhere. */
	localOrigin: () => string;
	/** The admin's own address, under which the browser sees the app. */
	browserOrigin: () => string;
	/** What frames the real app, and is played here by the admin: `https://admin.shopify.com`. */
	adminOrigin: string;
	appBridgePath: string;
	/** Where this admin shows the app: what `https://admin.shopify.com/store/…/apps/…` is here. */
	appPagePath: string;
};

const HOP_BY_HOP = new Set(["connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade", "host"]);

/**
 * Brings the app to the browser under the admin's own address: there is no DNS, no certificate and no second port in the
 * sandbox. Three response headers name the app's or Shopify's real addresses and are rewritten; everything else passes as it
 * is. What frames the app is not loosened: only the admin's own names are exchanged for ours, so an app that forbids framing,
 * or forgets its shop, stays out of the frame here as it does there.
 */
export function proxyApp(request: IncomingMessage, response: ServerResponse, options: ProxyOptions): void {
	const publicHost = new URL(options.publicOrigin).host;
	const browserOrigin = options.browserOrigin();
	const headers: OutgoingHttpHeaders = { host: publicHost, "x-forwarded-proto": "https" };
	for (const [name, value] of Object.entries(request.headers)) {
		if (HOP_BY_HOP.has(name) || value === undefined) continue;
		headers[name] =
			typeof value === "string" && (name === "origin" || name === "referer") ? value.replace(browserOrigin, options.publicOrigin) : value;
	}
	const upstream = httpRequest(new URL(request.url ?? "/", options.localOrigin()), { method: request.method, headers }, (answer) => {
		for (const [name, value] of Object.entries(answer.headers)) {
			if (HOP_BY_HOP.has(name) || value === undefined) continue;
			response.setHeader(name, typeof value === "string" ? rewrite(name, value, options) : value);
		}
		response.writeHead(answer.statusCode ?? 502, answer.statusMessage);
		answer.pipe(response);
		answer.on("error", () => response.destroy());
	});
	upstream.on("error", () => {
		if (response.headersSent) response.destroy();
		else response.writeHead(502, { "content-type": "text/html; charset=utf-8" }).end(NOT_RUNNING);
	});
	response.on("close", () => upstream.destroy());
	request.pipe(upstream);
}

function rewrite(
	name: string,
	value: string,
	{ publicOrigin, browserOrigin, adminOrigin, appBridgePath, appPagePath }: ProxyOptions,
): string {
	const here = browserOrigin();
	switch (name) {
		case "content-security-policy":
			return value.replace(/frame-ancestors [^;]*/, (rule) => rule.replace(adminOrigin, here));
		case "link":
			return value.replace("https://cdn.shopify.com/shopifycloud/app-bridge.js", `${here}${appBridgePath}`);
		case "location":
			return value
				.replace(publicOrigin, here)
				.replace(/^https:\/\/admin\.shopify\.com\/store\/[^/?#]+\/apps\/[^/?#]+/, `${here}${appPagePath}`);
		default:
			return value;
	}
}

const NOT_RUNNING = `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>The app is not running</title>
<body style="font:15px/1.5 sans-serif;color:#616161;text-align:center;padding-top:20vh">
<p><b>The app is not running.</b></p><p>This page asks again every two seconds.</p></body>`;
