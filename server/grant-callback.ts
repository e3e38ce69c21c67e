import { receiveGrant } from "#app/connections/guests/index.ts";
import type { Deps } from "#connections";
import { createBodyReader } from "#ingest";
import type { Endpoint } from "./web.ts";

/** Five short fields (woocommerce.md section 1). */
const GRANT_BYTES_MAX = 16_384;

/**
 * A store's answer to the one-click connection: it posts the keys here, unsigned, and takes anything but 200 for a failure that
 * it shows the merchant. Whether the keys are wanted is for the nonce in it to say; sent twice, the second is refused.
 */
export function createGrantCallback(deps: Deps): Endpoint {
	const readBody = createBodyReader();
	return async (request, response) => {
		const end = (status: number) => void response.writeHead(status, { "content-length": 0, connection: "close" }).end();
		if (request.method !== "POST") return end(405);
		const read = await readBody(request, GRANT_BYTES_MAX);
		if (read.outcome === "aborted") return void response.destroy();
		if (read.outcome !== "read") return end(read.outcome === "too-large" ? 413 : 503);
		const granted = await receiveGrant(deps, parseJson(read.body));
		if (granted.outcome === "refused") deps.log.warn({ reason: granted.reason }, "grant.refused");
		return end(granted.outcome === "kept" ? 200 : 403);
	};
}

function parseJson(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString("utf8"));
	} catch {
		return null;
	}
}
