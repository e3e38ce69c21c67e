import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFlowEndpoints } from "#flow";
import { startWeb, type Web } from "../../server/web.ts";
import { runRiver } from "./river.ts";
import { APP_ORIGIN, openRiverWorld } from "./river-world.ts";
import { CLIENT_SECRET } from "./shopify-identity.ts";

/** A shop and a store that sell the same, the app's own web server with what Flow calls, and Flow itself played by the sandbox. */
export async function openFlowWorld(name: string) {
	const w = await openRiverWorld({ name, skus: ["CUP", "MUG", "PAN"], opening: 2, storeQueueMs: 1, seed: 11 });
	const { pool } = w.kit.database;
	const dataDir = await mkdtemp(join(tmpdir(), "lockstep-flow-"));
	/** Flow reaches the one that was started last. */
	const serve = async (options: Parameters<typeof createFlowEndpoints>[1] = {}): Promise<Web> => {
		const started = await startWeb(w.kit.deps, {
			port: 0,
			host: "127.0.0.1",
			dataDir,
			endpoints: createFlowEndpoints(w.kit.deps, options),
		});
		w.kit.world.route(APP_ORIGIN, `http://127.0.0.1:${started.port}`);
		return started;
	};
	const web = await serve();
	const deps = () => ({ ...w.kit.deps, publicUrl: APP_ORIGIN, rescue: async () => {} });
	return {
		w,
		deps,
		river: () => runRiver(deps(), { polls: false }),
		rows: async <Row extends object>(sql: string, values: unknown[] = [w.shopId]) =>
			(await pool.query<Row & Record<string, unknown>>(sql, values)).rows as Row[],
		/** Straight to the app's own port, signed by whom one likes. */
		ask: (path: string, message: unknown, { secret = CLIENT_SECRET, method = "POST" }: { secret?: string | null; method?: string } = {}) =>
			new Promise<{ status: number; body: string }>((resolve, reject) => {
				const body = typeof message === "string" ? message : JSON.stringify(message);
				const headers = secret === null ? {} : { "x-shopify-hmac-sha256": createHmac("sha256", secret).update(body).digest("base64") };
				const request = httpRequest(`http://127.0.0.1:${web.port}${path}`, { method, headers }, (response) => {
					let text = "";
					response.setEncoding("utf8").on("data", (chunk) => {
						text += chunk;
					});
					response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
				});
				request.on("error", reject).end(body);
			}),
		/** Nothing is told or asked yet, and there is budget. */
		begin: () => pool.query("DELETE FROM flow_event; DELETE FROM flow_use; DELETE FROM flow_spell; DELETE FROM rate_budget"),
		/** A server of the same app that answers with these instead, until it is given back. */
		async instead(options: Parameters<typeof createFlowEndpoints>[1]) {
			const second = await serve(options);
			return async () => {
				await second.close();
				w.kit.world.route(APP_ORIGIN, `http://127.0.0.1:${web.port}`);
			};
		},
		async close() {
			await web.close();
			await w.close();
			await rm(dataDir, { recursive: true, force: true });
		},
	};
}
export type FlowWorld = Awaited<ReturnType<typeof openFlowWorld>>;
