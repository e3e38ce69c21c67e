import { getEventListeners } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { Agent, buildConnector, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { leadOutside, serve } from "../../tests/kit/outside.ts";
import type { CallReport } from "./channel.ts";
import { ChannelTimeoutError, ChannelUnavailableError, RateLimitedError } from "./errors.ts";
import { type ChannelRequest, expectJson, faultOf, mask, send } from "./http.ts";
import { RETRY_AFTER_MAX_MS, readRetryAfter } from "./read-answer.ts";

type Answering = (request: IncomingMessage, response: ServerResponse) => void;
let answering: Answering = (_, response) => void response.end("{}");
let outside: ReturnType<typeof leadOutside>;
let local: Awaited<ReturnType<typeof serve>>;
let reports: CallReport[] = [];
const account = { onCall: (report: CallReport) => void reports.push(report) };

beforeEach(async () => {
	reports = [];
	local = await serve((request, response) => answering(request, response));
	outside = leadOutside({ "shop.example": local.origin, "dead.example": "http://127.0.0.1:1" });
});
afterEach(async () => {
	await outside.restore();
	await local.close();
});

const call = (over: Partial<ChannelRequest> = {}): ChannelRequest => ({
	operation: "orders.list",
	method: "GET",
	url: new URL("https://shop.example/orders?consumer_secret=cs_verysecret"),
	host: "merchant",
	secrets: ["cs_verysecret"],
	...over,
});
const answer = (status: number, headers: Record<string, string>, body: string | Buffer): void => {
	answering = (_, response) => void response.writeHead(status, headers).end(body);
};
const failure = async (request: ChannelRequest): Promise<Error> => {
	const result = await send(account, request).then(
		(value) => value,
		(error: Error) => error,
	);
	if (result instanceof Error) return result;
	throw new Error(`It was answered ${result.status}`);
};

describe("one exchange", () => {
	test("the budget is asked before, the report comes after, with status, time and request id", async () => {
		const order: string[] = [];
		answering = (_, response) => {
			order.push("answered");
			response.writeHead(200, { "content-type": "application/json", "x-request-id": "abc-1" }).end('{"a":1}');
		};
		const result = await send(
			{
				beforeCall: async (cost) => void order.push(`budget ${cost}`),
				onCall: (report) => {
					order.push("reported");
					reports.push(report);
				},
			},
			call({ cost: 3 }),
		);
		expect(order).toEqual(["budget 3", "answered", "reported"]);
		expect(result.json).toEqual({ ok: true, value: { a: 1 } });
		expect(reports).toEqual([
			{ operation: "orders.list", httpStatus: 200, requestId: "abc-1", retryAfterMs: undefined, tookMs: expect.any(Number) },
		]);
	});

	test("it names itself, asks for plain JSON and sends JSON", async () => {
		let seen: IncomingMessage["headers"] = {};
		let body = "";
		answering = (request, response) => {
			seen = request.headers;
			request.on("data", (chunk) => {
				body += chunk;
			});
			request.on("end", () => response.end("{}"));
		};
		await send(account, call({ method: "POST", body: { update: [] } }));
		expect(seen).toMatchObject({
			host: "shop.example",
			accept: "application/json",
			"accept-encoding": "identity",
			"content-type": "application/json",
			"user-agent": expect.stringMatching(/^Lockstep\//),
		});
		expect(body).toBe('{"update":[]}');
	});

	test("a channel's own account of its budget joins the report", async () => {
		answer(200, { "x-left": "38" }, "{}");
		await send(
			account,
			call({ describe: (found) => ({ budget: { remaining: Number(found.headers["x-left"]), capacity: 40, refillPerSecond: 2 } }) }),
		);
		expect(reports[0]?.budget).toEqual({ remaining: 38, capacity: 40, refillPerSecond: 2 });
	});

	test("a redirect is an answer, and nobody goes there", async () => {
		let requests = 0;
		answering = (_, response) => {
			requests++;
			response.writeHead(302, { location: "https://shop.example/elsewhere" }).end();
		};
		const request = call();
		const result = await send(account, request);
		expect(result.status).toBe(302);
		expect(requests).toBe(1);
		expect(faultOf(request, result)?.message).toContain("redirects");
	});
});

describe("answers that are no data", () => {
	test.each([
		["<!DOCTYPE html><html><body>Hello Jane Doe</body></html>", "a web page"],
		["<br />\n<b>Deprecated</b>: x on line 12<br />\n[{}]", "notices before the data"],
		['[{"id":1},{"id":2', "breaks off after 17 characters"],
		["", "is empty"],
		["OK", "is not JSON"],
	])("%j is told in words, without a piece of it", async (body, words) => {
		answer(200, { "content-type": "application/json" }, body);
		const request = call({ method: "POST" });
		const result = await send(account, request);
		let error: unknown;
		try {
			expectJson(request, result);
		} catch (thrown) {
			error = thrown;
		}
		expect(error).toBeInstanceOf(ChannelUnavailableError);
		expect((error as ChannelUnavailableError).message).toContain(words);
		expect((error as ChannelUnavailableError).message).not.toContain("Jane");
		// The store said 200: the write may well have happened.
		expect((error as ChannelUnavailableError).outcomeUnknown).toBe(true);
	});

	test("a byte order mark before the JSON does no harm", async () => {
		answer(200, {}, "\uFEFF[1]");
		expect((await send(account, call())).json).toEqual({ ok: true, value: [1] });
	});

	test("a compressed answer nobody asked for is not unpacked", async () => {
		answer(200, { "content-encoding": "gzip" }, gzipSync("[1]"));
		expect((await send(account, call())).json).toEqual({ ok: false, problem: expect.stringContaining("compressed") });
	});

	test("too large by its own word, or by its bytes: cut off", async () => {
		answer(200, {}, "x".repeat(5000));
		expect(await failure(call({ limits: { bytesMax: 1000 } }))).toMatchObject({ errorClass: "unavailable", outcomeUnknown: false });
		let sent = 0;
		answering = (_, response) => {
			response.on("error", () => {});
			const more = () => {
				sent += 65_536;
				if (!response.destroyed && sent < 200 * 65_536) response.write("y".repeat(65_536), () => setImmediate(more));
				else response.end();
			};
			more();
		};
		const error = await failure(call({ method: "POST", limits: { bytesMax: 100_000 } }));
		expect(error.message).toContain("larger than 100000 bytes");
		expect(error).toMatchObject({ outcomeUnknown: true, httpStatus: 200 });
		expect(sent).toBeLessThan(200 * 65_536);
		expect(reports.map((report) => report.httpStatus)).toEqual([200, 200]);
	});
});

describe("when nothing comes back", () => {
	test("a refused connection: surely not carried out", async () => {
		const error = await failure(call({ method: "POST", url: new URL("https://dead.example/x") }));
		expect(error).toBeInstanceOf(ChannelUnavailableError);
		expect(error).toMatchObject({ outcomeUnknown: false, code: "ECONNREFUSED" });
		expect(reports).toEqual([{ operation: "orders.list", httpStatus: null, tookMs: expect.any(Number) }]);
	});

	test("a name that nobody has: surely not carried out", async () => {
		const error = await failure(call({ method: "POST", url: new URL("https://nowhere.example/x") }));
		expect(error).toMatchObject({ errorClass: "unavailable", outcomeUnknown: false, code: "ENOTFOUND" });
	});

	test("an inner address: refused, not sent", async () => {
		const error = await failure(call({ url: new URL("https://127.0.0.1/latest/meta-data") }));
		expect(error).toMatchObject({ errorClass: "unavailable", outcomeUnknown: false, code: "unsafe-host" });
	});

	test("silence after the request: nobody knows", async () => {
		answering = () => {};
		const error = await failure(call({ method: "POST", limits: { headersMs: 300 } }));
		expect(error).toBeInstanceOf(ChannelTimeoutError);
		expect(error).toMatchObject({ outcomeUnknown: true, connectionWide: true, code: "UND_ERR_HEADERS_TIMEOUT" });
	});

	test("an answer that stops in the middle: nobody knows", async () => {
		answering = (_, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			response.write('{"update":[');
		};
		const error = await failure(call({ method: "POST", limits: { bodyMs: 300 } }));
		expect(error).toMatchObject({ errorClass: "timeout", httpStatus: 200 });
	});

	test("an answer that trickles for ever ends at the total", async () => {
		answering = (_, response) => {
			const drip = setInterval(() => response.write(" "), 50);
			response.on("close", () => clearInterval(drip));
		};
		const startedAt = Date.now();
		const error = await failure(call({ limits: { totalMs: 400 } }));
		expect(error).toMatchObject({ errorClass: "timeout" });
		expect(error.message).toContain("400 ms");
		expect(Date.now() - startedAt).toBeLessThan(2000);
	});

	test("a caller that no longer waits is let go at once, before the request and in the middle of it, and its signal is left alone", async () => {
		const stop = new AbortController();
		const listening = () => getEventListeners(stop.signal, "abort").length;
		let received = 0;
		answering = () => {
			received++;
			stop.abort();
		};
		expect(await failure(call({ signal: stop.signal }))).toMatchObject({ errorClass: "timeout" });
		expect(listening()).toBe(0);
		expect(await failure(call({ signal: stop.signal }))).toMatchObject({ errorClass: "unavailable", outcomeUnknown: false });
		expect(received).toBe(1);
		answer(200, {}, "{}");
		const idle = new AbortController();
		await send(account, call({ signal: idle.signal }));
		expect(getEventListeners(idle.signal, "abort")).toHaveLength(0);
	});

	test("PATCH and a form go out as they are, from their own bucket", async () => {
		let sent = "";
		answering = (request, response) => {
			request.on("data", (part) => (sent += part));
			request.on("end", () => response.end(JSON.stringify({ method: request.method, type: request.headers["content-type"] })));
		};
		const paid: unknown[] = [];
		const form = { text: "grant_type=x&code=%2F", headers: { "content-type": "application/x-www-form-urlencoded" } };
		const result = await send(
			{ ...account, beforeCall: async (cost, operation) => void paid.push([cost, operation]) },
			call({ method: "PATCH", bucket: "orders", ...form }),
		);
		expect(result.json).toEqual({ ok: true, value: { method: "PATCH", type: "application/x-www-form-urlencoded" } });
		expect(sent).toBe("grant_type=x&code=%2F");
		expect(paid).toEqual([[1, "orders"]]);
		expect(reports[0]).toMatchObject({ bucket: "orders" });
	});

	test("a connection that breaks after the request was sent: nobody knows", async () => {
		answering = (request) => void request.socket.destroy();
		expect(await failure(call({ method: "POST" }))).toMatchObject({ errorClass: "timeout", outcomeUnknown: true });
	});

	test("no connection in time: given up, and never sent afterwards", async () => {
		let received = 0;
		answering = (_, response) => {
			received++;
			response.end("{}");
		};
		const connect = buildConnector({});
		const slow = new Agent({ connect: (options, done) => void setTimeout(() => connect(options, done), 600) });
		const before = getGlobalDispatcher();
		setGlobalDispatcher(slow);
		const error = await failure(call({ method: "POST", host: "known", url: new URL(local.origin), limits: { connectMs: 200 } }));
		expect(error).toMatchObject({ errorClass: "unavailable", outcomeUnknown: false });
		expect(error.message).toContain("no connection within 200 ms");
		await new Promise((resolve) => setTimeout(resolve, 800));
		expect(received).toBe(0);
		setGlobalDispatcher(before);
		await slow.close();
	});
});

describe("what a status means everywhere", () => {
	test.each([
		[429, RateLimitedError, undefined],
		[503, ChannelUnavailableError, false],
		[521, ChannelUnavailableError, false],
		[500, ChannelUnavailableError, true],
		[502, ChannelUnavailableError, true],
		[504, ChannelUnavailableError, true],
		[524, ChannelUnavailableError, true],
	] as const)("%i on a write", async (status, kind, outcomeUnknown) => {
		answer(status, { "retry-after": "7" }, "<html>");
		const request = call({ method: "POST" });
		const error = faultOf(request, await send(account, request));
		expect(error).toBeInstanceOf(kind);
		expect(error).toMatchObject({ retryAfterMs: 7000, httpStatus: status });
		if (outcomeUnknown !== undefined) expect(error?.outcomeUnknown).toBe(outcomeUnknown);
		expect(reports.at(-1)).toMatchObject({ httpStatus: status, retryAfterMs: 7000 });
	});

	test("a read that fails leaves nothing unknown", async () => {
		answer(500, {}, "{}");
		const request = call();
		expect(faultOf(request, await send(account, request))?.outcomeUnknown).toBe(false);
	});

	test("2xx and 4xx are the adapter's", async () => {
		for (const status of [200, 201, 400, 401, 404, 409]) {
			answer(status, {}, "{}");
			expect(faultOf(call(), await send(account, call()))).toBeNull();
		}
	});
});

describe("Retry-After", () => {
	const now = "Sat, 21 Nov 2026 04:37:32 GMT";
	test.each([
		["0", 0],
		["120", 120_000],
		["1.5", 1500],
		["Sat, 21 Nov 2026 04:38:32 GMT", 60_000],
		["Sat, 21 Nov 2026 04:00:00 GMT", 0],
		["86400", RETRY_AFTER_MAX_MS],
		["99999999999999999999", RETRY_AFTER_MAX_MS],
		["Sat, 21 Nov 2099 04:37:32 GMT", RETRY_AFTER_MAX_MS],
		["-5", undefined],
		["soon", undefined],
		["", undefined],
		["NaN", undefined],
	])("%j is %j ms", (value, wanted) => {
		expect(readRetryAfter(value, now)).toBe(wanted);
	});
	test("without a word there is no wait", () => expect(readRetryAfter(undefined, now)).toBeUndefined());
	test("a channel without a clock is measured by ours", () => {
		const soon = readRetryAfter(new Date(Date.now() + 30_000).toUTCString());
		expect(soon).toBeGreaterThan(27_000);
		expect(soon).toBeLessThanOrEqual(30_000);
	});
});

describe("secrets", () => {
	test("R30 they are taken out as they are, in addresses and in Basic headers", () => {
		const secret = "cs_very/secret+1";
		const basic = Buffer.from(secret).toString("base64");
		expect(mask(`a ${secret} b ${encodeURIComponent(secret)} c ${basic} d`, [secret])).toBe("a *** b *** c *** d");
	});
	test("R30 no error of any kind shows one, nor an address' query", async () => {
		answering = (request) => void request.socket.destroy();
		const errors = [await failure(call()), await failure(call({ url: new URL("https://127.0.0.1/?consumer_secret=cs_verysecret") }))];
		answer(500, {}, "cs_verysecret");
		const request = call();
		errors.push(faultOf(request, await send(account, request)) as Error);
		for (const error of errors) {
			expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${(error.cause as Error | undefined)?.message}`).not.toContain(
				"verysecret",
			);
		}
		expect(JSON.stringify(reports)).not.toContain("verysecret");
	});
	test("a message is bounded", () => expect(mask("x".repeat(5000)).length).toBeLessThan(600));
});
