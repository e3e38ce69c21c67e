import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { installUpstreams, type Upstreams } from "../../sandbox/preload.ts";

/** Leads the named hosts to local servers, as the sandbox does for a whole process. Any other host is refused. */
export const leadOutside = (hosts: Readonly<Record<string, string>>): Upstreams => installUpstreams({ ...hosts });

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
