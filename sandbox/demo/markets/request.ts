import { request as httpRequest } from "node:http";

export type OutRequest = { method?: string; headers?: Record<string, string>; body?: unknown };

/** One request to a host of the sandbox, as a program without Lockstep would make it. */
export function send(origin: string, host: string, path: string, options: OutRequest = {}): Promise<{ status: number; text: string }> {
	return new Promise((resolve, reject) => {
		const body = options.body === undefined ? "" : typeof options.body === "string" ? options.body : JSON.stringify(options.body);
		const type: Record<string, string> = body ? { "content-type": "application/json" } : {};
		const out = httpRequest(
			new URL(path, origin),
			{ method: options.method ?? "GET", headers: { accept: "application/json", ...type, ...options.headers, host } },
			(reply) => {
				let text = "";
				reply.setEncoding("utf8");
				reply.on("data", (chunk) => {
					text += chunk;
				});
				reply.on("end", () => resolve({ status: reply.statusCode ?? 0, text }));
			},
		);
		out.on("error", reject);
		out.end(body);
	});
}

export const sendJson = async (origin: string, host: string, path: string, options: OutRequest = {}) =>
	JSON.parse((await send(origin, host, path, options)).text);
