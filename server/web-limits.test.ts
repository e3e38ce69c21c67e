import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../tests/kit/database.ts";
import { openReceiver, order, type Receiver, wooUpdate } from "../tests/kit/receiver.ts";
import { type Answer, APP_SECRET, send, sign } from "../tests/kit/senders.ts";
import { startWeb } from "./web.ts";

let db: TestDatabase;
let app: Receiver;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db?.drop());
beforeEach(async () => {
	app = await openReceiver(db);
});
afterEach(() => app.close());

test("a body over the limit is 413, by its word or by its weight, and is not read to the end", async () => {
	const huge = Buffer.alloc(5 * 1024 * 1024 + 1, "x");
	const announced = { ...order(7), body: huge };
	expect((await send(app.web.port, announced)).status).toBe(413);
	const chunked = await raw(app.web.port, [
		`POST /webhooks/shopify HTTP/1.1\r\nhost: x\r\nx-shopify-hmac-sha256: ${sign(APP_SECRET, huge)}\r\ntransfer-encoding: chunked\r\n\r\n`,
		...Array.from({ length: 90 }, () => `10000\r\n${"x".repeat(65_536)}\r\n`),
	]);
	expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
	await app.nothingIsLeft();
});

test("an upload that is broken off, and one that says less than it promised, leave nothing and keep nobody waiting", async () => {
	const head = (length: number) =>
		`POST /webhooks/shopify HTTP/1.1\r\nhost: x\r\nx-shopify-hmac-sha256: ${sign(APP_SECRET, Buffer.from("{}"))}\r\ncontent-length: ${length}\r\n\r\n`;
	await raw(app.web.port, [head(100), "{}"], { hangUp: true });
	// More than it said: the rest is taken for another request, which it is not.
	expect(await raw(app.web.port, [head(2), `{}{"id":7}\r\n\r\n`])).toMatch(/^HTTP\/1\.1 \d+ /);
	expect((await send(app.web.port, order(8))).status).toBe(200);
	expect((await app.events()).map((event) => event.event?.orderId)).toEqual(["8"]);
});

test("a hundred callers who drip their bodies do not keep a delivery waiting", async () => {
	const drips = Array.from({ length: 100 }, () => {
		const socket = connect(app.web.port, "127.0.0.1");
		socket.on("error", () => {});
		socket.write(`POST /webhooks/shopify HTTP/1.1\r\nhost: x\r\nx-shopify-hmac-sha256: abc\r\ncontent-length: 1000\r\n\r\n{`);
		return socket;
	});
	await new Promise((resolve) => setTimeout(resolve, 100));
	const before = performance.now();
	expect((await send(app.web.port, order(7))).status).toBe(200);
	expect(performance.now() - before).toBeLessThan(5_000);
	for (const socket of drips) socket.destroy();
});

test("closing answers what is in hand, commits it, and takes nothing more", async () => {
	// A connection that was not accepted yet when the server closed is refused: its sender comes again.
	const inHand = Promise.allSettled(Array.from({ length: 40 }, (_, i) => send(app.web.port, order(i + 1))));
	await new Promise((resolve) => setTimeout(resolve, 5));
	await app.web.close();
	const answered: Answer[] = (await inHand).flatMap((sent) => (sent.status === "fulfilled" ? [sent.value] : []));
	expect(answered.every((answer) => answer.status === 200)).toBe(true);
	expect((await app.events()).length).toBeGreaterThanOrEqual(answered.length);
	await expect(send(app.web.port, order(99))).rejects.toThrow(/ECONNREFUSED|socket hang up|ECONNRESET/);
});

test("endpoints of machines come before the app's pages, and pages that are not built say so", async () => {
	const other = await startWeb(
		app.deps(),
		app.options({
			endpoints: { "/healthz": (_, response) => void response.writeHead(200).end("well") },
			pages: () => Promise.reject(new Error("The embedded app is not built yet: run `npm run build`")),
		}),
	);
	const get = (path: string) => send(other.port, { path, headers: {}, body: Buffer.alloc(0) }, { method: "GET" });
	expect(await get("/healthz?x=1")).toMatchObject({ status: 200, body: "well" });
	expect(await get("/app")).toMatchObject({ status: 503, body: "The embedded app is not built yet: run `npm run build`\n" });
	await other.close();
});

test("R02 a queue that is full is 503 to Shopify, and the disk to WooCommerce, from where it comes into the inbox by itself", async () => {
	await app.web.close();
	const full = await startWeb(app.deps(), app.options({ ingest: { groupCommit: { queueRowsMax: 0 } } }));
	const refused = await send(full.port, order(7));
	expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
	expect((await send(full.port, wooUpdate(8))).status).toBe(200);
	expect((await send(full.port, wooUpdate(8))).status).toBe(200);
	expect(app.lines.map((line) => line.outcome)).toEqual(["not-durable", "spooled", "spooled"]);
	await expect.poll(async () => (await app.events()).map((event) => event.event.orderId), { timeout: 5_000 }).toEqual(["8"]);
	await expect.poll(() => readdir(join(app.dataDir, "spool"))).toEqual([]);
	const [event] = await app.events();
	expect(event.received_at.getTime()).toBeLessThan(Date.now() - 300);
	await expect
		.poll(() => app.wakes)
		.toEqual([
			{ name: "apply.drain", payload: { shopId: app.shop.shopId } },
			{ name: "connections.poll-orders", payload: { shopId: app.shop.shopId, connectionId: app.shop.woo } },
		]);
	await full.close();
});

/** A caller who speaks raw bytes. Resolves with everything that was answered when the connection ends, or after a while. */
function raw(port: number, parts: string[], { hangUp = false } = {}): Promise<string> {
	return new Promise((resolve) => {
		let answer = "";
		const socket = connect(port, "127.0.0.1");
		const done = () => {
			clearTimeout(timer);
			socket.destroy();
			resolve(answer);
		};
		const timer = setTimeout(done, 2_000);
		socket.on("data", (chunk) => {
			answer += chunk.toString();
			if (answer.includes("\r\n\r\n")) done();
		});
		socket.on("error", done);
		socket.on("close", done);
		socket.on("connect", () => {
			for (const part of parts) socket.write(part);
			if (hangUp) setTimeout(done, 50);
		});
	});
}
