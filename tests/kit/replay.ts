import { leadOutside, serve } from "./outside.ts";

type RecordedStep = { at: string; response: { status: number; headers: Record<string, string>; body: unknown } };
export type SentRequest = { method: string; url: URL; headers: Record<string, unknown>; body: unknown };
export type CannedAnswer = { status?: number; headers?: Record<string, string>; body: unknown };

/** A store that answers what it is given, and keeps what it was asked. `Date` is the recording's moment, as a real server's. */
export async function createReplay(host = "store.example") {
	const requests: SentRequest[] = [];
	let answering: (request: SentRequest) => CannedAnswer = () => ({ status: 599, body: "nothing to answer with" });
	let date = "2026-11-21T04:50:00Z";
	const local = await serve((request, response) => {
		const parts: Buffer[] = [];
		request.on("data", (part) => parts.push(part));
		request.on("end", () => {
			const text = Buffer.concat(parts).toString("utf8");
			const sent = {
				method: request.method ?? "",
				url: new URL(request.url ?? "/", `https://${host}`),
				headers: request.headers,
				body: text === "" ? undefined : JSON.parse(text),
			};
			requests.push(sent);
			const { status = 200, headers = {}, body } = answering(sent);
			response.sendDate = false;
			response.writeHead(status, { "content-type": "application/json; charset=UTF-8", date: new Date(date).toUTCString(), ...headers });
			response.end(typeof body === "string" ? body : JSON.stringify(body));
		});
	});
	const outside = leadOutside({ [host]: local.origin });
	return {
		requests,
		current: () => answering,
		answer(next: typeof answering) {
			answering = next;
		},
		/** One recorded answer to whatever is asked. */
		answerStep(step: RecordedStep) {
			date = step.at;
			const { status, headers, body } = step.response;
			const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => /^(x-wp-|retry-after|content-type)/i.test(name)));
			answering = () => ({ status, headers: kept, body });
		},
		setDate(at: string) {
			date = at;
		},
		async close() {
			await outside.restore();
			await local.close();
		},
	};
}
