import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createLogger } from "#telemetry";

const capture = () => {
	const stream = new PassThrough();
	const lines: string[] = [];
	stream.on("data", (chunk: Buffer) => lines.push(...chunk.toString().trim().split("\n")));
	return { log: createLogger({ level: "debug", name: "test", destination: stream }), lines };
};

test("R30 a line is JSON with its event, its level in words and the ids it was given", () => {
	const { log, lines } = capture();
	log.child({ shopId: 1, correlationId: "c-1" }).info({ units: 3 }, "batch.applied");
	const line = JSON.parse(lines[0] ?? "");
	expect(line).toMatchObject({ level: "info", event: "batch.applied", shopId: 1, correlationId: "c-1", units: 3, service: "test" });
	expect(Date.parse(line.time)).toBeGreaterThan(Date.now() - 5_000);
});

test("R30 no secret and no buyer's data gets into a line, wherever in the fields it stands", () => {
	const { log, lines } = capture();
	const secret = "do-not-show-me";
	log.info({ accessToken: secret, connection: { credentials: { consumerKey: secret } } }, "x.done");
	log.info({ request: { options: { headers: { authorization: secret, "x-shopify-access-token": secret } } } }, "x.done");
	log.info({ order: { id: 1, email: secret, billing: { first_name: secret }, customer: { phone: secret } } }, "x.done");
	log.child({ session: { refreshToken: secret } }).warn("x.done");
	expect(lines).toHaveLength(4);
	expect(lines.join()).not.toContain(secret);
});

test("R30 an error is logged with its causes, without what libraries attach to it and without secrets in its words", () => {
	const { log, lines } = capture();
	const cause = new Error("GET https://shop.example/wp-json?consumer_key=ck_0123456789abcdef&consumer_secret=cs_0123456789abcdef failed");
	const error = Object.assign(new Error("postgres://lockstep:hunter2@db/lockstep said no to jane@example.com, Bearer abc.def", { cause }), {
		code: "ECONNREFUSED",
		config: { token: "attached-by-a-library" },
	});
	log.error({ err: error }, "job.failed");
	const line = JSON.parse(lines[0] ?? "");
	expect(line.err.code).toBe("ECONNREFUSED");
	expect(line.err.cause.message).toContain("https://shop.example/wp-json");
	for (const hidden of ["hunter2", "jane@", "abc.def", "ck_01", "cs_01", "attached-by-a-library"]) expect(lines[0]).not.toContain(hidden);
});
