import { spawn } from "node:child_process";
import dns from "node:dns";
import { lookup } from "node:dns/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fetch as undiciFetch, request as undiciRequest } from "undici";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { installUpstreams, type Upstreams } from "./preload.ts";

let server: Server;
let origin: string;
let upstreams: Upstreams | undefined;
const seen: { host: string | undefined; url: string | undefined; body: string }[] = [];

beforeAll(async () => {
	server = createServer(async (request, response) => {
		seen.push({ host: request.headers.host, url: request.url, body: await read(request) });
		response.setHeader("content-type", "application/json").end(JSON.stringify({ host: request.headers.host }));
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
	await upstreams?.restore();
	upstreams = undefined;
	seen.length = 0;
});
afterAll(() => void server.close());

const install = () => {
	upstreams = installUpstreams(`store.example=${origin},*.myshopify.com=${origin}`);
};

test.each([
	["Node's fetch", fetch],
	["undici's fetch", undiciFetch as unknown as typeof fetch],
])("%s reaches a mapped host over plain http, with its host name, body and path", async (_, call) => {
	install();
	const response = await call("https://store.example/wp-json/x?a=1", { method: "POST", body: "hello", headers: { "x-a": "1" } });
	expect(await response.json()).toEqual({ host: "store.example" });
	await (await call("https://one.myshopify.com/admin")).text();
	expect(seen).toEqual([
		{ host: "store.example", url: "/wp-json/x?a=1", body: "hello" },
		{ host: "one.myshopify.com", url: "/admin", body: "" },
	]);
});

test("a request to a checked address is led by its Host header", async () => {
	install();
	const { body } = await undiciRequest("https://9.9.9.9/orders", { headers: { host: "store.example" } });
	expect(await body.json()).toEqual({ host: "store.example" });
});

test("another host is refused and nothing is sent; this machine is reached as it is", async () => {
	install();
	await expect(fetch("https://example.org/")).rejects.toMatchObject({ cause: { message: expect.stringContaining("not sent") } });
	await expect(undiciRequest("https://93.184.215.14/")).rejects.toThrow("not sent");
	await expect(undiciRequest("https://myshopify.com/")).rejects.toThrow("not sent");
	expect(await (await fetch(`${origin}/here`)).json()).toEqual({ host: new URL(origin).host });
	expect(seen.map(({ url }) => url)).toEqual(["/here"]);
});

test("a mapped name has a public address, any other name none, and one-word names stay the system's", async () => {
	install();
	expect(await lookup("one.myshopify.com", { all: true })).toEqual([{ address: "9.9.9.9", family: 4 }]);
	const viaCallback = await new Promise((resolve) => dns.lookup("store.example", (_, address) => resolve(address)));
	expect(viaCallback).toBe("9.9.9.9");
	await expect(lookup("example.org")).rejects.toMatchObject({ code: "ENOTFOUND" });
	expect((await lookup("localhost")).address).toMatch(/^(127\.|::1)/);
	await upstreams?.restore();
	upstreams = undefined;
	expect(dns.lookup.toString()).not.toContain("routeOf");
});

test("as a preload it reads SANDBOX_UPSTREAMS", async () => {
	const script = `fetch("https://a.myshopify.com/x").then((r) => r.json()).then((j) => console.log(j.host), (e) => console.log(e.cause?.code))`;
	const child = spawn(process.execPath, ["--import", `${import.meta.dirname}/preload.ts`, "-e", script], {
		env: { ...process.env, SANDBOX_UPSTREAMS: `*.myshopify.com=${origin}` },
		stdio: ["ignore", "pipe", "inherit"],
	});
	let out = "";
	for await (const chunk of child.stdout) out += chunk;
	expect(out.trim()).toBe("a.myshopify.com");
	expect(seen).toHaveLength(1);
});

test("a map that is not one is refused with a sentence", () => {
	expect(() => installUpstreams("store.example")).toThrow('"store.example=" is not a host=url pair');
});

async function read(request: IncomingMessage): Promise<string> {
	let text = "";
	for await (const chunk of request) text += chunk;
	return text;
}
