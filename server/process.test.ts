import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freshDatabase } from "../tests/kit/database.ts";
import { runningEmbeddedPostgres } from "./embedded/postgres.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const START_TIMEOUT_MS = 40_000;

let dataDir: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
	dataDir = await mkdtemp(path.join(tmpdir(), "lockstep-process-"));
});
afterEach(async () => {
	for (const child of children.splice(0)) {
		if (child.exitCode !== null || child.signalCode !== null) continue;
		child.kill("SIGKILL");
		await once(child, "exit");
	}
	await sleep(300); // A killed owner's database server sees to its own end.
	await rm(dataDir, { recursive: true, force: true, maxRetries: 20 });
});

type Process = { child: ChildProcess; output: () => string; exited: Promise<number | null> };

const start = (file: string, env: Record<string, string> = {}): Process => {
	const child = spawn(process.execPath, [file], {
		cwd: ROOT,
		env: {
			PATH: process.env.PATH,
			NODE_ENV: "test",
			PORT: "0",
			HEALTH_PORT: "0",
			SHOPIFY_API_KEY: "key",
			SHOPIFY_API_SECRET: "secret",
			SHOPIFY_APP_URL: "https://lockstep.example",
			LOCKSTEP_KEYS: `t:${Buffer.alloc(32, 3).toString("base64")}`,
			LOCKSTEP_DATA_DIR: dataDir,
			...env,
		},
		stdio: ["ignore", "pipe", "pipe"],
	});
	children.push(child);
	let text = "";
	for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += chunk.toString()));
	return { child, output: () => text, exited: once(child, "exit").then(([code]) => code as number | null) };
};
const portOf = async ({ output, child }: Process): Promise<number> => {
	const deadline = Date.now() + START_TIMEOUT_MS;
	for (;;) {
		const port = /"(?:port|healthPort)":(\d+)/.exec(output())?.[1];
		if (port) return Number(port);
		if (Date.now() > deadline || child.exitCode !== null) throw new Error(`It did not start:\n${output()}`);
		await sleep(50);
	}
};
const get = async (port: number, url: string) => {
	const response = await fetch(`http://127.0.0.1:${port}${url}`);
	return { status: response.status, body: await response.json() };
};
const query = async (text: string): Promise<unknown[]> => {
	const url = await runningEmbeddedPostgres(path.join(dataDir, "postgres"));
	const client = new pg.Client({ connectionString: url ?? "" });
	await client.connect();
	try {
		return (await client.query(text)).rows;
	} finally {
		await client.end();
	}
};

test("R38 R08 one process brings everything along, is ready, keeps what was committed over kill -9, and ends in order", async () => {
	const first = start("server/all.ts");
	const port = await portOf(first);
	expect(await get(port, "/healthz")).toEqual({ status: 200, body: { alive: true } });
	const ready = await get(port, "/readyz");
	expect(ready).toEqual({
		status: 200,
		body: {
			ready: true,
			checks: [
				{ name: "database", ok: true },
				{ name: "workers", ok: true },
			],
		},
	});
	await query("INSERT INTO shop (domain) VALUES ('kept.myshopify.com')");
	first.child.kill("SIGKILL");
	await first.exited;

	const second = start("server/all.ts");
	await portOf(second);
	expect(await query("SELECT domain FROM shop")).toEqual([{ domain: "kept.myshopify.com" }]);
	// As a terminal and a supervisor do: the same wish, twice.
	second.child.kill("SIGINT");
	second.child.kill("SIGTERM");
	expect(await second.exited).toBe(0);
	expect(second.output()).toContain('"event":"process.stopped"');
	expect(await runningEmbeddedPostgres(path.join(dataDir, "postgres"))).toBeNull();
});

test("a worker of its own answers for its health on a port of its own and ends in order", async () => {
	const db = await freshDatabase();
	const worker = start("server/worker.ts", { DATABASE_URL: db.url });
	const port = await portOf(worker);
	expect((await get(port, "/readyz")).body).toMatchObject({ ready: true });
	worker.child.kill("SIGTERM");
	expect(await worker.exited).toBe(0);
	await db.drop();
});

test("a process of its own without DATABASE_URL, and one with an empty database, say what is to be done and end", async () => {
	const alone = start("server/worker.ts");
	expect(await alone.exited).toBe(1);
	expect(alone.output()).toContain("DATABASE_URL is missing");

	const db = await freshDatabase();
	await db.pool.query("DROP SCHEMA public CASCADE");
	await db.pool.query("CREATE SCHEMA public");
	const early = start("server/worker.ts", { DATABASE_URL: db.url });
	expect(await early.exited).toBe(1);
	expect(early.output()).toContain("Run: npm run migrate");
	await db.drop();
});

test("R30 a wrong configuration is named whole, in sentences, without a stack", async () => {
	const wrong = start("server/all.ts", { PORT: "http", LOCKSTEP_KEYS: "short" });
	expect(await wrong.exited).toBe(1);
	expect(wrong.output()).toContain("- PORT must be a whole number.");
	expect(wrong.output()).toContain("- LOCKSTEP_KEYS must be id:key pairs");
	expect(wrong.output()).not.toContain("    at ");
});
