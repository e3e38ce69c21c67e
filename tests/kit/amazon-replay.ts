import { expect } from "vitest";
import { hasAmazonModels, requestProblems } from "./amazon-models.ts";
import { leadOutside, serve } from "./outside.ts";

export type AmazonRequest = { method: string; url: URL; headers: Record<string, string>; text: string; body: unknown };
export type AmazonAnswer = { status?: number; headers?: Record<string, string>; body?: unknown };
type Answering = (request: AmazonRequest) => AmazonAnswer | Promise<AmazonAnswer>;

const HOSTS = [
	"sellingpartnerapi-na.amazon.com",
	"sellingpartnerapi-eu.amazon.com",
	"sellingpartnerapi-fe.amazon.com",
	"api.amazon.com",
	"sqs.us-east-1.amazonaws.com",
	"reports.example",
];

/** Amazon's hosts, answering what they are given and keeping what they were asked. Buffers go out as they are. */
export async function createAmazonReplay() {
	const requests: AmazonRequest[] = [];
	const all: AmazonRequest[] = [];
	let answering: Answering = () => ({ status: 599, body: "nothing to answer with" });
	let date = "2026-11-21T10:00:00Z";
	let underWay = 0;
	let mostUnderWay = 0;
	const local = await serve((request, response) => {
		const parts: Buffer[] = [];
		mostUnderWay = Math.max(mostUnderWay, ++underWay);
		request.on("data", (part) => parts.push(part));
		request.on("end", async () => {
			const text = Buffer.concat(parts).toString("utf8");
			const headers = request.headers as Record<string, string>;
			const isJson = /json/.test(headers["content-type"] ?? "");
			const sent = {
				method: request.method ?? "",
				url: new URL(request.url ?? "/", `https://${headers.host}`),
				headers,
				text,
				body: text === "" ? undefined : isJson ? JSON.parse(text) : text,
			};
			requests.push(sent);
			all.push(sent);
			const { status = 200, headers: own = {}, body } = await answering(sent);
			underWay--;
			response.sendDate = false;
			response.writeHead(status, {
				"content-type": "application/json",
				date: new Date(date).toUTCString(),
				"x-amzn-requestid": `req-${requests.length}`,
				...own,
			});
			response.end(body === undefined ? "" : typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
		});
	});
	const outside = leadOutside(Object.fromEntries(HOSTS.map((host) => [host, local.origin])));
	return {
		requests,
		current: () => answering,
		/** Most requests at one time since the last `answer`. */
		mostUnderWay: () => mostUnderWay,
		answer(next: Answering) {
			answering = next;
			mostUnderWay = 0;
		},
		setDate(at: string) {
			date = at;
		},
		/** Nothing was asked of the Selling Partner API, also by tests before, in a way that the published models do not know. */
		async close() {
			await outside.restore();
			await local.close();
			const asked = all.filter(({ url }) => url.host.startsWith("sellingpartnerapi"));
			if (hasAmazonModels) expect(asked.flatMap(requestProblems)).toEqual([]);
		},
	};
}
