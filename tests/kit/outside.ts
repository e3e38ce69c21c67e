import dns from "node:dns";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, buildConnector, type Dispatcher, getGlobalDispatcher, setGlobalDispatcher } from "undici";

/**
 * Leads the named hosts to local servers, as the sandbox's preload does for a whole process: their names get a public address,
 * and requests to it go to the local origin as plain http with their Host header. Any other host is refused.
 */
export function leadOutside(
	hosts: Readonly<Record<string, string>>,
	{ connectDelayMs = 0 }: { connectDelayMs?: number } = {},
): { restore(): Promise<void> } {
	const before = getGlobalDispatcher();
	const lookup = dns.lookup;
	const connector = buildConnector({});
	const agent = new Agent(
		connectDelayMs > 0 ? { connect: (options, done) => void setTimeout(() => connector(options, done), connectDelayMs) } : {},
	);
	const led = agent.compose((dispatch) => (options, handler) => {
		const host = hostOf(options) ?? new URL(String(options.origin)).host;
		const local = hosts[host];
		if (!local) throw new Error(`The test leads nowhere for ${host}`);
		return dispatch({ ...options, origin: local, headers: { ...(options.headers as Record<string, string>), host } }, handler);
	});
	setGlobalDispatcher(led);
	dns.lookup = ((hostname: string, _options: unknown, done: (error: Error | null, found?: unknown) => void) => {
		if (hosts[hostname] ?? Object.keys(hosts).some((host) => host.startsWith(`${hostname}:`))) {
			queueMicrotask(() => done(null, [{ address: PUBLIC_ADDRESS, family: 4 }]));
		} else queueMicrotask(() => done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND" })));
	}) as typeof dns.lookup;
	return {
		async restore() {
			dns.lookup = lookup;
			setGlobalDispatcher(before);
			await agent.close();
		},
	};
}

/** A public address that belongs to nobody's store: nothing is ever sent there. */
const PUBLIC_ADDRESS = "9.9.9.9";

function hostOf(options: Dispatcher.DispatchOptions): string | undefined {
	const headers = options.headers;
	return headers && typeof headers === "object" && !Array.isArray(headers) && "host" in headers ? String(headers.host) : undefined;
}

/** A local server on a free port. */
export async function serve(listener: RequestListener): Promise<{ origin: string; server: Server; close(): Promise<void> }> {
	const server = createServer(listener);
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		server,
		close: () =>
			new Promise((resolve) => {
				server.closeAllConnections();
				server.close(() => resolve());
			}),
	};
}
