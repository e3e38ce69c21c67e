import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { Agent, type Dispatcher, request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { guardedDispatcher, isPublicAddress, merchantUrlProblem } from "./public-hosts.ts";

describe("what counts as a public address", () => {
	test.each([
		["8.8.8.8", true],
		["1.1.1.1", true],
		["2606:4700:4700::1111", true],
		["127.0.0.1", false],
		["0.0.0.0", false],
		["10.1.2.3", false],
		["172.16.0.1", false],
		["172.32.0.1", true],
		["192.168.1.1", false],
		["169.254.169.254", false],
		["100.64.0.1", false],
		["100.100.100.200", false],
		["198.18.0.1", false],
		["192.0.2.1", false],
		["203.0.113.7", false],
		["224.0.0.1", false],
		["255.255.255.255", false],
		["240.0.0.1", false],
		["168.63.129.16", false],
		["::1", false],
		["::", false],
		["::ffff:8.8.8.8", false],
		["::ffff:127.0.0.1", false],
		["::127.0.0.1", false],
		["64:ff9b::7f00:1", false],
		["64:ff9b::808:808", false],
		["64:ff9b:1::a00:1", false],
		["2002:7f00:1::", false],
		["2001::1", false],
		["fe80::1", false],
		["fc00::1", false],
		["fd00:ec2::254", false],
		["fec0::1", false],
		["ff02::1", false],
		["2001:db8::1", false],
		["4000::1", false],
		["not an address", false],
	])("%s: %s", (address, isPublic) => {
		expect(isPublicAddress(address)).toBe(isPublic);
	});
});

describe("what a merchant may type", () => {
	test.each([
		["https://store.example", null],
		["https://store.example/shop", null],
		["https://store.example:8443", null],
		["https://xn--mnchen-3ya.example", null],
		["http://store.example", /https/],
		["ftp://store.example", /https/],
		["https://user:pass@store.example", /user name/],
		["https://store.example:22", /Port 22/],
		["https://store.example:6379", /Port 6379/],
		["https://127.0.0.1", /number address/],
		["https://2130706433", /number address/],
		["https://0x7f.1", /number address/],
		["https://0177.0.0.1", /number address/],
		["https://[::1]", /number address/],
		["https://[::ffff:10.0.0.1]", /number address/],
		["https://8.8.8.8", /number address/],
		["https://localhost", /public internet/],
		["https://redis", /public internet/],
		["https://db.internal", /public internet/],
		["https://printer.local", /public internet/],
		["https://app.localhost.", /public internet/],
	])("%s: %s", (typed, problem) => {
		const said = merchantUrlProblem(new URL(typed));
		if (problem === null) expect(said).toBeNull();
		else expect(said).toMatch(problem);
	});
});

describe("the guard", () => {
	/** A base that records where a request would go, and answers nothing. */
	const recorder = () => {
		const dispatched: { origin: string; servername: string; host: string }[] = [];
		const base = new Agent().compose(() => (options, handler) => {
			const { servername } = options as { servername?: string };
			const headers = options.headers as Record<string, string>;
			dispatched.push({ origin: String(options.origin), servername: servername ?? "", host: headers.host ?? "" });
			handler.onResponseError?.(null as unknown as Dispatcher.DispatchController, new Error("recorded"));
			return true;
		});
		return { base, dispatched };
	};
	const ask = (dispatcher: Dispatcher, url = "https://shop.test.example/x") => request(url, { dispatcher, headers: { accept: "*/*" } });

	test("a name with one inner address among public ones is refused, and nothing is sent", async () => {
		for (const addresses of [["10.0.0.5"], ["8.8.8.8", "127.0.0.1"], ["2606:4700::1", "::ffff:10.0.0.1"], ["64:ff9b::a00:1"], []]) {
			const { base, dispatched } = recorder();
			const guarded = guardedDispatcher(base, { lookup: async () => addresses });
			await expect(ask(guarded)).rejects.toThrow("shop.test.example does not point to a public internet address");
			expect(dispatched).toEqual([]);
		}
	});

	test("addresses that may not be asked at all are refused before any look-up", async () => {
		const { base, dispatched } = recorder();
		let lookups = 0;
		const guarded = guardedDispatcher(base, {
			lookup: async () => {
				lookups++;
				return ["8.8.8.8"];
			},
		});
		for (const url of ["http://shop.test.example/", "https://127.0.0.1/", "https://[::1]/", "https://shop.test.example:25/"]) {
			await expect(ask(guarded, url)).rejects.toMatchObject({ code: "unsafe-host" });
		}
		expect(lookups).toBe(0);
		expect(dispatched).toEqual([]);
	});

	test("the request goes to the checked address; host header and TLS name stay the store's", async () => {
		const { base, dispatched } = recorder();
		const guarded = guardedDispatcher(base, { lookup: async () => ["93.184.216.34"] });
		await expect(ask(guarded, "https://shop.test.example:8443/x")).rejects.toThrow("recorded");
		expect(dispatched).toEqual([{ origin: "https://93.184.216.34:8443", servername: "shop.test.example", host: "shop.test.example:8443" }]);
	});

	test("a name that changes its answer between check and connect gains nothing: it is asked once, and the checked address is used", async () => {
		const { base, dispatched } = recorder();
		const answers = [["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]];
		let lookups = 0;
		const guarded = guardedDispatcher(base, { lookup: async () => answers[lookups++] ?? [] });
		await expect(ask(guarded)).rejects.toThrow("recorded");
		expect(lookups).toBe(1);
		expect(dispatched.map((d) => d.origin)).toEqual(["https://93.184.216.34"]);
		// The next request uses what was checked while it is fresh, and never the unchecked answer.
		await expect(ask(guarded)).rejects.toThrow("recorded");
		expect(lookups).toBe(1);
		expect(dispatched.map((d) => d.origin)).toEqual(["https://93.184.216.34", "https://93.184.216.34"]);
	});

	test("an address that does not answer is followed by the next checked one, three at most", async () => {
		const { base, dispatched } = recorder();
		const guarded = guardedDispatcher(base, { lookup: async () => ["93.184.216.34", "2606:4700::1", "1.1.1.1", "8.8.8.8"] });
		await expect(ask(guarded)).rejects.toThrow("recorded");
		expect(dispatched.map((d) => d.origin)).toEqual(["https://93.184.216.34", "https://[2606:4700::1]", "https://1.1.1.1"]);
	});

	describe("over real TLS", () => {
		const pem = readFileSync(new URL("../../tests/kit/self-signed.pem", import.meta.url), "utf8");
		let server: Server;
		let agent: Agent;
		let port: number;
		const seen: { servername: unknown; host: string | undefined }[] = [];
		beforeAll(async () => {
			server = createServer({ key: pem, cert: pem }, (request, response) => {
				seen.push({ servername: (request.socket as unknown as { servername?: unknown }).servername, host: request.headers.host });
				response.end("hello");
			});
			await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
			port = (server.address() as AddressInfo).port;
			agent = new Agent({ connect: { ca: pem } });
		});
		afterAll(async () => {
			await agent.close();
			await new Promise((resolve) => server.close(resolve));
		});
		/** The port is a free one: the guard's own rule about ports is passed by before it, so it is put in behind the guard. */
		const behind = (lookup: string[], isPublic = () => true) =>
			guardedDispatcher(
				agent.compose((dispatch) => (options, handler) => dispatch({ ...options, origin: `${String(options.origin)}:${port}` }, handler)),
				{ lookup: async () => lookup, isPublic },
			);

		test("the certificate is checked against the store's name, not the address", async () => {
			const answer = await request("https://shop.test.example/", { dispatcher: behind(["127.0.0.1"]) });
			expect(await answer.body.text()).toBe("hello");
			expect(seen.at(-1)).toEqual({ servername: "shop.test.example", host: "shop.test.example" });
		});

		test("a certificate for other names is refused", async () => {
			await expect(request("https://wrong.test.example/", { dispatcher: behind(["127.0.0.1"]) })).rejects.toMatchObject({
				code: "ERR_TLS_CERT_ALTNAME_INVALID",
			});
		});

		test("two stores behind one address do not get each other's connection", async () => {
			const dispatcher = behind(["127.0.0.1"]);
			const names = ["shop.test.example", "other.test.example"];
			for (const name of [...names, ...names]) {
				const answer = await request(`https://${name}/`, { dispatcher });
				await answer.body.text();
				expect(seen.at(-1)).toEqual({ servername: name, host: name });
			}
		});
	});
});
