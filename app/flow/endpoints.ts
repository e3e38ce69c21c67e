import type { IncomingMessage, ServerResponse } from "node:http";
import { isConnectionError } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { createBodyReader, isSignedBy } from "#ingest";
import { doRuns } from "./do-runs.ts";
import { noteUse, usageSchema } from "./note-use.ts";
import { type Run, takeRun } from "./take-run.ts";
import { ACTIONS, type ActionHandle, USAGE_PATH } from "./vocabulary.ts";

type Endpoint = (request: IncomingMessage, response: ServerResponse) => Promise<void>;
type Said = { status: number; sentence?: string; again?: true };

/** A step's fields are a few texts. */
const BODY_BYTES_MAX = 64 * 1024;
/** Flow waits ten seconds for an action and five for a lifecycle callback; what is not done by then is done in the background. */
const PATIENCE_MS = 4_000;
const RETRY_AFTER_SECONDS = "10";
const HEADER = "x-shopify-hmac-sha256";

/**
 * What Shopify Flow calls, by path: the actions, and which triggers a shop uses. Signed with the app's secret over the raw body;
 * without that 401, and nothing is read, written or told. 202 and 5xx make Flow send the same run again (with growing pauses, for
 * 36 hours); any other 4xx ends the step, and the merchant reads the body. (shopify.dev, apps/build/flow/actions/endpoints)
 */
export function createFlowEndpoints(deps: Deps, { patienceMs = PATIENCE_MS } = {}): Record<string, Endpoint> {
	const readBody = createBodyReader();

	const signed =
		(handle: (body: unknown) => Promise<Said>): Endpoint =>
		async (request, response) => {
			if (request.method !== "POST") return answer(response, { status: 405, sentence: "Only POST." });
			const signature = request.headers[HEADER];
			if (typeof signature !== "string") return answer(response, { status: 401 });
			const read = await readBody(request, BODY_BYTES_MAX);
			if (read.outcome === "aborted") return void response.destroy();
			if (read.outcome === "too-large") return answer(response, { status: 413 });
			if (read.outcome === "busy") return answer(response, { status: 503, again: true });
			const scheme = { algorithm: "sha256", encoding: "base64" } as const;
			if (!isSignedBy(deps.env.shopifyApiSecrets, { body: read.body, signature, scheme })) return answer(response, { status: 401 });
			try {
				answer(response, await handle(parse(read.body)));
			} catch (error) {
				if (!isConnectionError(error)) throw error;
				deps.log.warn({ err: error }, "flow.not_durable");
				answer(response, { status: 503, again: true });
			}
		};

	const act = (handle: ActionHandle) =>
		signed(async (body) => {
			const taken = await takeRun(deps.pool, handle, body);
			if (taken.outcome === "refused") return { status: 400, sentence: taken.sentence };
			if (taken.outcome === "unknown-shop") return { status: 404, sentence: "Lockstep is not installed in this shop." };
			if (taken.run.outcome !== null) return saidOf(taken.run);
			// It is kept: if this process dies now, the sweep finds it.
			const done = doRuns(deps, taken.shopId);
			done.catch((error: unknown) => deps.log.warn({ err: error, shopId: taken.shopId }, "flow.run_postponed"));
			await Promise.race([done.catch(() => {}), pause(patienceMs)]);
			const after = await takeRun(deps.pool, handle, body);
			return after.outcome === "taken" ? saidOf(after.run) : { status: 202 };
		});

	const use = signed(async (body) => {
		const usage = usageSchema.safeParse(body);
		if (!usage.success) return { status: 400 };
		const noted = await noteUse(deps.pool, usage.data);
		deps.log.info({ definition: usage.data.flow_trigger_definition_id, inUse: usage.data.has_enabled_flow, ...noted }, "flow.use_told");
		// Flow then tells the merchant to switch the workflow on later: the app must be opened once before it can send anything. But
		// that a shop which is gone uses nothing any more is no news.
		if (noted.outcome === "unknown-shop") return { status: usage.data.has_enabled_flow ? 404 : 200 };
		return { status: 200 };
	});

	const endpoints: Record<string, Endpoint> = { [USAGE_PATH]: use };
	for (const [handle, { path }] of Object.entries(ACTIONS)) endpoints[path] = act(handle as ActionHandle);
	return endpoints;
}

function saidOf({ outcome, message }: Run): Said {
	if (outcome === null) return { status: 202 };
	if (outcome === "done") return { status: 200 };
	return { status: 422, sentence: message ?? "Lockstep could not do this." };
}

/** What is signed and yet no JSON fits no schema. */
function parse(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString("utf8"));
	} catch {
		return undefined;
	}
}

function answer(response: ServerResponse, { status, sentence, again }: Said): void {
	const text = JSON.stringify(sentence === undefined ? {} : { message: sentence });
	const headers: Record<string, string | number> = {
		"content-type": "application/json; charset=utf-8",
		"content-length": Buffer.byteLength(text),
	};
	if (again) headers["retry-after"] = RETRY_AFTER_SECONDS;
	if (status === 405) headers.allow = "POST";
	// What a refused caller still has to say is not waited for.
	if (!response.req.complete) headers.connection = "close";
	response.writeHead(status, headers).end(text);
}

const pause = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms).unref());
