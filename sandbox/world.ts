import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Books, createBooks } from "./books.ts";
import { type Clock, createClock } from "./clock.ts";
import { createFaults, type Faults } from "./faults.ts";
import { createRandom, type Random } from "./random.ts";

/**
 * The outside world on one machine: one HTTP port on 127.0.0.1, behind it one stand-in per external host. The app's own
 * requests carry the real host names and are led here by `sandbox/preload.ts`; the stand-ins' webhooks find the app through
 * `callOut`, which knows the app's public origin and refuses every other host: nothing ever leaves the machine.
 */
export type World = {
	clock: Clock;
	random: Random;
	books: Books;
	faults: Faults;
	/** Serve `host` (exact, or `*.suffix`) by `handler`. The first match wins; requests without a match get 421. */
	serve(host: string, handler: Handler): void;
	/** Requests whose Host is the sandbox's own address (a person's browser): the admin gateway. */
	serveBrowser(handler: Handler): void;
	/** Lets a public origin (`https://app.lockstep.example`) be reached at a local one (`http://127.0.0.1:4000`). */
	route(publicOrigin: string, localOrigin: string): void;
	/** One HTTP/1.1 POST from a channel to the outside (a webhook). A silent endpoint rejects after `timeoutMs`. */
	callOut(url: string, call: OutCall): Promise<{ status: number; body: string }>;
	/** What the preload needs: `host=url` pairs, comma-separated. */
	upstreams(): string;
	origin(): string;
	listen(port?: number): Promise<string>;
	close(): Promise<void>;
};

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>;
export type OutCall = { method?: string; headers: Record<string, string>; body: string | Buffer; timeoutMs: number };

export function createWorld({ seed = 1, speed = 1 }: { seed?: number; speed?: number } = {}): World {
	const clock = createClock({ speed });
	const random = createRandom(seed);
	const served: { host: string; handler: Handler }[] = [];
	const routes = new Map<string, string>();
	let browser: Handler | undefined;
	let server: Server | undefined;
	let origin = "";

	const find = (host: string) =>
		served.find((s) => s.host === host || (s.host.startsWith("*.") && host.endsWith(s.host.slice(1))))?.handler;

	const answer = async (request: IncomingMessage, response: ServerResponse) => {
		// Browsers find `shop.example.localhost` on this machine without asking anybody: a person's way to a played host.
		const host = (request.headers.host ?? "").toLowerCase().replace(/\.localhost(:\d+)?$/, "");
		const handler = find(host.replace(/:\d+$/, "")) ?? (/^(127\.0\.0\.1|localhost)(:|$)/.test(host) ? browser : undefined);
		if (!handler) {
			response.writeHead(421, { "content-type": "text/plain" }).end(`The sandbox has no host ${host}\n`);
			return;
		}
		await handler(request, response, new URL(request.url ?? "/", `https://${host}`));
	};

	return {
		clock,
		random,
		books: createBooks(clock),
		faults: createFaults(random.fork("faults")),
		serve: (host, handler) => void served.push({ host: host.toLowerCase(), handler }),
		serveBrowser: (handler) => {
			browser = handler;
		},
		route: (publicOrigin, localOrigin) => void routes.set(new URL(publicOrigin).origin, new URL(localOrigin).origin),
		callOut(url, { method = "POST", headers, body, timeoutMs }) {
			const target = new URL(url);
			const local = routes.get(target.origin);
			if (!local) return Promise.reject(new Error(`The sandbox knows no way to ${target.origin}`));
			const bytes = Buffer.from(body);
			return new Promise((resolve, reject) => {
				const out = httpRequest(
					new URL(target.pathname + target.search, local),
					{ method, headers: { ...headers, host: target.host, "content-length": String(bytes.length) }, timeout: timeoutMs },
					(reply) => {
						let text = "";
						reply.setEncoding("utf8");
						reply.on("data", (chunk) => {
							if (text.length < 65_536) text += chunk;
						});
						reply.on("end", () => resolve({ status: reply.statusCode ?? 0, body: text }));
						reply.on("error", reject);
					},
				);
				out.on("timeout", () => out.destroy(new Error(`no answer within ${timeoutMs} ms`)));
				out.on("error", reject);
				out.end(bytes);
			});
		},
		upstreams: () => served.map((s) => `${s.host}=${origin}`).join(","),
		origin: () => origin,
		listen(port = 0) {
			const listening = createServer((request, response) => {
				answer(request, response).catch((error: unknown) => {
					if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
					response.end(`sandbox failure: ${error instanceof Error ? error.stack : String(error)}\n`);
				});
			});
			server = listening;
			return new Promise((resolve, reject) => {
				listening.once("error", reject);
				listening.listen(port, "127.0.0.1", () => {
					origin = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
					resolve(origin);
				});
			});
		},
		async close() {
			clock.stop();
			server?.closeAllConnections();
			await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
		},
	};
}
