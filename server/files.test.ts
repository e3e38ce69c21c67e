import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFileHandler } from "./files.ts";

let folder: string;
let server: Server;
let origin: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "lockstep-files-"));
	await mkdir(join(folder, "public/assets"), { recursive: true });
	await writeFile(join(folder, "secret.txt"), "not for you");
	await writeFile(join(folder, "public/assets/app-abc.js"), "let a = 1;");
	await writeFile(join(folder, "public/assets/app-abc.js.gz"), gzipSync("let a = 1;"));
	await writeFile(join(folder, "public/note.txt"), "hello");
	const serve = createFileHandler(join(folder, "public"));
	server = createServer((request, response) => {
		if (!serve(request, response)) response.writeHead(404).end("next");
	}).listen(0, "127.0.0.1");
	await new Promise((resolve) => server.once("listening", resolve));
	origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
	server.closeAllConnections();
	server.close();
	await rm(folder, { recursive: true });
});

describe("the browser's files", () => {
	test("a hashed file is kept for a year, a named one for a day", async () => {
		const hashed = await fetch(`${origin}/assets/app-abc.js`);
		expect([hashed.status, await hashed.text()]).toEqual([200, "let a = 1;"]);
		expect(hashed.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
		expect((await fetch(`${origin}/note.txt?v=1`)).headers.get("cache-control")).toBe("public, max-age=86400");
	});

	test("the compressed copy goes to those who accept it, and only to them", async () => {
		const packed = await fetch(`${origin}/assets/app-abc.js`, { headers: { "accept-encoding": "gzip" } });
		expect(packed.headers.get("content-encoding")).toBe("gzip");
		expect(await packed.text()).toBe("let a = 1;");
		const plain = await fetch(`${origin}/assets/app-abc.js`, { headers: { "accept-encoding": "identity" } });
		expect(plain.headers.get("content-encoding")).toBeNull();
		expect(plain.headers.get("vary")).toBe("accept-encoding");
	});

	test("no path leads out of the folder", async () => {
		for (const path of [
			"/../secret.txt",
			"/assets/../../secret.txt",
			"/..%2fsecret.txt",
			"/assets/%2e%2e/%2e%2e/secret.txt",
			"//secret.txt",
		]) {
			// Over a bare socket, because fetch would tidy the path up first.
			const answer = await rawGet(path);
			expect(answer).toContain("404 Not Found");
			expect(answer).not.toContain("not for you");
		}
	});

	test("a file is read, never posted to; HEAD has its size and no body", async () => {
		expect((await fetch(`${origin}/note.txt`, { method: "POST", body: "x" })).status).toBe(405);
		const head = await fetch(`${origin}/note.txt`, { method: "HEAD" });
		expect([head.headers.get("content-length"), await head.text()]).toEqual(["5", ""]);
	});
});

function rawGet(path: string): Promise<string> {
	return new Promise((resolve, reject) => {
		const socket = connect(Number(new URL(origin).port), "127.0.0.1", () =>
			socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
		);
		let text = "";
		socket.setEncoding("utf8").on("data", (chunk) => {
			text += chunk;
		});
		socket.on("end", () => resolve(text));
		socket.on("error", reject);
	});
}
