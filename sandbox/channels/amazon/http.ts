import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestFault } from "../../faults.ts";
import { draw, type Realm } from "./realm.ts";

/** Before API Gateway stops reading a request (10 MB, AWS' own limit). */
const BODY_MAX_BYTES = 10_485_760;
/** A request that never gets its answer is dropped after so long (a gateway's own limit is 29 s). */
const SILENCE_MS = 60_000;

export type Reply = { status: number; headers?: Record<string, string>; body: string | Buffer };

/** One request of a kind that faults may meet: carries it out, or not, and writes it into the books. */
export type Exchange = {
	channel: string;
	operation: string;
	work(): Promise<Reply> | Reply;
	/** What a fault with this status looks like here. */
	failed(fault: Extract<RequestFault, { kind: "status" }>): Reply;
	/** Asked before the plan of faults, for SKUs that misbehave by themselves. */
	fault?: RequestFault | null;
};

export async function exchange(
	realm: Realm,
	response: ServerResponse,
	{ channel, operation, work, failed, ...rest }: Exchange,
): Promise<void> {
	const { clock, books, faults } = realm.world;
	const startedAt = clock.now();
	const roundTripMs = draw(realm, realm.settings.roundTripMs);
	const called = (status: number) => books.called({ channel, operation, status, tookMs: clock.now() - startedAt });
	const finish = (reply: Reply) => {
		called(reply.status);
		send(realm, response, reply);
	};
	if (roundTripMs > 0) await clock.sleep(roundTripMs / 2);
	const fault = rest.fault ?? faults.request(channel, operation);
	switch (fault?.kind) {
		case "status":
			return finish(failed(fault));
		case "html":
			return finish({ status: 200, headers: { "content-type": "text/html" }, body: GATEWAY_PAGE });
		case "timeout":
			if (fault.effect === "before") await work();
			called(0);
			return silence(realm, response);
		case "lands-late":
			clock.after(fault.delayMs, () => void work());
			called(0);
			response.destroy();
			return;
		case "slow":
			await clock.sleep(fault.delayMs);
	}
	const reply = await work();
	if (roundTripMs > 0) await clock.sleep(roundTripMs / 2);
	finish(reply);
}

export function send(realm: Realm, response: ServerResponse, { status, headers = {}, body }: Reply) {
	if (response.destroyed) return;
	const bytes = Buffer.from(body);
	response
		.writeHead(status, {
			date: new Date(realm.world.clock.now()).toUTCString(),
			"content-length": String(bytes.length),
			...(bytes.length > 0 ? { "content-type": "application/json" } : {}),
			...headers,
		})
		.end(bytes);
}

/** The request's body; null when it is longer than any gateway reads. */
export function readBody(request: IncomingMessage): Promise<Buffer | null> {
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = [];
		let size = 0;
		request.on("data", (chunk: Buffer) => {
			size += chunk.length;
			if (size <= BODY_MAX_BYTES) chunks.push(chunk);
		});
		request.on("end", () => resolve(size > BODY_MAX_BYTES ? null : Buffer.concat(chunks)));
		request.on("error", reject);
	});
}

async function silence(realm: Realm, response: ServerResponse) {
	const gone = new Promise<void>((resolve) => response.once("close", resolve));
	const cancel = realm.world.clock.after(SILENCE_MS, () => response.destroy());
	await gone;
	cancel();
}

export const headerOf = (request: IncomingMessage, name: string) => String(request.headers[name] ?? "");

const GATEWAY_PAGE = "<html><head><title>Sorry</title></head><body><h1>Service Unavailable</h1></body></html>";
