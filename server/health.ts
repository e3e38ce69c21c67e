import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Pool } from "#app/db.server.ts";
import type { Workers } from "#jobs";

/** An orchestrator asks every few seconds and waits about as long. */
const DATABASE_TIMEOUT_MS = 2_000;

export type HealthReport = {
	/** Should requests be sent here? */
	ready: boolean;
	checks: { name: string; ok: boolean; detail?: string }[];
};

export type HealthSources = { pool: Pool; workers?: Workers | undefined };

/**
 * A process that receives stays ready while its database is away: it tells senders who repeat to come again, and writes to disk
 * what the others send. Taken out of the load balancer it would lose exactly those. A process with workers is not ready when
 * they hang. The database is reported either way.
 */
export async function readHealth({ pool, workers }: HealthSources): Promise<HealthReport> {
	const database = await checkDatabase(pool);
	const working = workers?.health();
	return {
		ready: working?.ok ?? true,
		checks: [
			{ name: "database", ...database },
			...(working ? [{ name: "workers", ok: working.ok, ...(working.ok ? {} : { detail: working.problems.join("; ") }) }] : []),
		],
	};
}

type Endpoint = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** For startWeb: /healthz says that the process lives (and nothing else, or a restart would follow every trouble outside). */
export function createHealthEndpoints(sources: HealthSources): Record<"/healthz" | "/readyz", Endpoint> {
	return {
		"/healthz": async (_, response) => answer(response, 200, { alive: true }),
		"/readyz": async (_, response) => {
			const report = await readHealth(sources);
			answer(response, report.ready ? 200 : 503, report);
		},
	};
}

/** For a worker process, which otherwise listens nowhere. */
export async function startHealthServer(sources: HealthSources, { port, host }: { port: number; host: string }) {
	const endpoints: Record<string, Endpoint> = createHealthEndpoints(sources);
	const server = createServer((request, response) => {
		const endpoint = endpoints[request.url ?? ""];
		if (!endpoint) return void response.writeHead(404).end();
		endpoint(request, response).catch(() => response.destroy());
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, host, resolve);
	});
	return {
		port: (server.address() as AddressInfo).port,
		async close() {
			server.closeAllConnections();
			await new Promise<void>((resolve) => server.close(() => resolve()));
		},
	};
}

async function checkDatabase(pool: Pool): Promise<{ ok: boolean; detail?: string }> {
	try {
		await pool.query({ text: "SELECT 1", query_timeout: DATABASE_TIMEOUT_MS } as never);
		return { ok: true };
	} catch {
		// Why is in the log, not for whoever can reach this address.
		return { ok: false, detail: "the database does not answer" };
	}
}

function answer(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" }).end(`${JSON.stringify(body)}\n`);
}
