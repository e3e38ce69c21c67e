import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export type Desk = { url: string; close(): Promise<void> };

/** A counter on 127.0.0.1 where test files, each in its own process, ask the run's main process for something shared. */
export async function openDesk(serve: (ask: string) => Promise<string>, close: () => Promise<void>): Promise<Desk> {
	const server = createServer((request, response) => {
		serve(decodeURIComponent((request.url ?? "/").slice(1))).then(
			(answer) => response.end(answer),
			(error: unknown) => response.writeHead(500).end(error instanceof Error ? (error.stack ?? error.message) : String(error)),
		);
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		async close() {
			server.closeAllConnections();
			server.close();
			await close();
		},
	};
}

export async function askDesk(desk: string, what: string): Promise<string> {
	const response = await fetch(`${desk}/${encodeURIComponent(what)}`);
	const answer = await response.text();
	if (!response.ok) throw new Error(answer);
	return answer;
}
