import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { freePort } from "../../server/embedded/postgres.ts";
import { type Desk, openDesk } from "./desk.ts";

const START_TIMEOUT_MS = 10_000;
/** One Redis has 16 databases by default; a run with more test files on Redis needs more. */
const DATABASES = 256;

/** Answers the URL of an empty database of a redis-server of this run. */
export async function startRedisDesk(): Promise<Desk> {
	let server: Promise<{ url: string; stop: () => Promise<void> }> | undefined;
	let count = 0;
	return openDesk(
		async () => {
			server ??= startRedis();
			const { url } = await server;
			return `${url}/${count++ % DATABASES}`;
		},
		async () => (await server?.catch(() => undefined))?.stop(),
	);
}

async function startRedis(): Promise<{ url: string; stop: () => Promise<void> }> {
	const directory = await mkdtemp(path.join(tmpdir(), "lockstep-redis-"));
	const port = await freePort();
	const settings = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--databases", String(DATABASES)];
	const child = spawn("redis-server", settings, { stdio: "ignore" });
	const exited = once(child, "exit").catch(() => undefined);
	try {
		await once(child, "spawn");
		await untilAnswers(port);
	} catch (error) {
		child.kill();
		await rm(directory, { recursive: true, force: true });
		throw error;
	}
	return {
		url: `redis://127.0.0.1:${port}`,
		async stop() {
			child.kill();
			await exited;
			await rm(directory, { recursive: true, force: true });
		},
	};
}

async function untilAnswers(port: number): Promise<void> {
	const client = new Redis(port, "127.0.0.1", { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
	client.on("error", () => {});
	const deadline = Date.now() + START_TIMEOUT_MS;
	for (;;) {
		try {
			await client.connect();
			await client.ping();
			return;
		} catch (error) {
			if (Date.now() > deadline) throw error;
			await sleep(50);
		} finally {
			client.disconnect();
		}
	}
}
