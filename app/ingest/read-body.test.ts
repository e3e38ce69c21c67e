import { createServer, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type Body, createBodyReader } from "./read-body.ts";

let server: Server;
afterEach(() => {
	server.closeAllConnections();
	server.close();
});

/** A server that reads one body per request with the reader, and what it read. */
async function reading(options: Parameters<typeof createBodyReader>[0], bytesMax: number) {
	const read: Body[] = [];
	const readBody = createBodyReader(options);
	server = createServer(async (incoming, response) => {
		const body = await readBody(incoming, bytesMax);
		read.push(body);
		response.end(body.outcome);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	const post = (body: Buffer) =>
		new Promise<string>((resolve, reject) => {
			const out = request({ host: "127.0.0.1", port, method: "POST" }, (reply) => {
				let text = "";
				reply.on("data", (chunk) => {
					text += chunk;
				});
				reply.on("end", () => resolve(text));
			});
			out.on("error", reject);
			out.end(body);
		});
	return { read, port, post };
}

test("a body comes as the bytes that were sent, in however many pieces", async () => {
	const { read, post } = await reading({}, 1_000_000);
	const body = Buffer.alloc(600_000, "äß\0");
	await post(body);
	expect(read).toEqual([{ outcome: "read", body }]);
	await post(Buffer.alloc(0));
	expect(read[1]).toEqual({ outcome: "read", body: Buffer.alloc(0) });
});

test("exactly the limit is read, one byte more is too large", async () => {
	const { post } = await reading({}, 1_000);
	expect(await post(Buffer.alloc(1_000))).toBe("read");
	expect(await post(Buffer.alloc(1_001))).toBe("too-large");
});

test("who drips a body is cut off after the time for one, and holds nothing", async () => {
	const { read, port } = await reading({ timeoutMs: 100 }, 1_000);
	const socket = connect(port, "127.0.0.1");
	const closed = new Promise((resolve) => socket.on("close", resolve));
	socket.on("error", () => {});
	socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
	await closed;
	expect(read).toEqual([{ outcome: "aborted" }]);
});

test("all bodies together are bounded: over it a caller is told to come again, and afterwards there is room again", async () => {
	const { port, post } = await reading({ allBytesMax: 1_000 }, 900);
	const holders = [0, 1].map(() => connect(port, "127.0.0.1"));
	for (const socket of holders) socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n${"x".repeat(450)}`);
	await expect.poll(() => post(Buffer.alloc(200))).toBe("busy");
	for (const socket of holders) socket.destroy();
	await expect.poll(() => post(Buffer.alloc(200))).toBe("read");
});
