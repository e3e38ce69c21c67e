import path from "node:path";
import pg from "pg";
import { closeDatabase, openDatabase, type Pool } from "#app/db.server.ts";
import { type Env, EnvironmentError, env as loadedEnv } from "#app/env.server.ts";
import type { Deps } from "#connections";
import { closeQueue, type JobQueue, openQueue } from "#jobs";
import { createLogger, type Logger } from "#telemetry";
import { startEmbeddedPostgres } from "./embedded/postgres.ts";
import { migrate, pendingMigrations } from "./migrate.ts";

const LEFTOVER_MS = 2_000;
const ONE_WISH_MS = 2_000;

/** Everything a process of the app stands on, opened in order; what is opened first is closed last. */
export type Runtime = {
	env: Env;
	log: Logger;
	pool: Pool;
	queue: JobQueue;
	deps: Deps;
	close(): Promise<void>;
};

/**
 * Without DATABASE_URL the process that runs everything brings its own database and its schema up to date. With it the schema
 * is `npm run migrate`'s business, once for all processes, and a process that finds an older one does not start.
 */
export async function openRuntime({ name, mayEmbed }: { name: string; mayEmbed: boolean }): Promise<Runtime> {
	const env = loadedEnv();
	const log = createLogger({ level: env.logLevel, name });
	const database = await openServer(env, log, mayEmbed);
	try {
		const pool = openDatabase({ url: database.url, max: env.databasePoolMax, name: `lockstep ${name}` });
		const queue = openQueue({ databaseUrl: database.url, redisUrl: env.redisUrl, log });
		const deps: Deps = { pool, keyRing: env.keys, env, log, wake: queue.wake };
		const close = async () => {
			await closeQueue();
			await closeDatabase();
			await database.stop();
		};
		return { env, log, pool, queue, deps, close };
	} catch (error) {
		await database.stop();
		throw error;
	}
}

async function openServer(env: Env, log: Logger, mayEmbed: boolean): Promise<{ url: string; stop(): Promise<void> }> {
	if (env.databaseUrl) {
		await refuseOldSchema(env.databaseUrl);
		return { url: env.databaseUrl, stop: async () => {} };
	}
	if (!mayEmbed) {
		throw new EnvironmentError([
			"DATABASE_URL is missing: a process of its own needs a database server. `npm start` runs everything in one.",
		]);
	}
	const server = await startEmbeddedPostgres({ directory: path.join(env.dataDir, "postgres") });
	try {
		const applied = await migrate(server.url);
		log.info({ directory: server.directory, migrations: applied.length }, "database.started");
	} catch (error) {
		await server.stop();
		throw error;
	}
	return server;
}

async function refuseOldSchema(url: string): Promise<void> {
	const client = new pg.Client({ connectionString: url });
	try {
		await client.connect();
	} catch (cause) {
		throw new Error(`The database of DATABASE_URL cannot be reached: ${(cause as Error).message}`, { cause });
	}
	try {
		const missing = await pendingMigrations(client);
		if (missing.length > 0) throw new Error(`The database lacks the migrations ${missing.join(", ")}. Run: npm run migrate`);
	} finally {
		await client.end();
	}
}

/**
 * Runs `start` and then until SIGTERM or SIGINT: what it returned is closed in order, work in hand finishes, and the process
 * ends by itself. A later second signal ends it at once; whatever that leaves, the next start finds.
 */
export async function runProcess(start: () => Promise<{ log: Logger; closers: (() => Promise<void>)[] }>): Promise<void> {
	let running: Awaited<ReturnType<typeof start>>;
	try {
		running = await start();
	} catch (error) {
		// Before there is a place for logs: a sentence for whoever started it.
		process.stderr.write(`${error instanceof EnvironmentError ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
		process.exit(1);
	}
	const { log, closers } = running;
	let stoppingSince = 0;
	const stop = async (reason: string, code: number) => {
		// Ctrl-C reaches us from the terminal and again from whoever started us: that is one wish, not impatience.
		if (stoppingSince > 0 && Date.now() - stoppingSince < ONE_WISH_MS) return;
		if (stoppingSince > 0) process.exit(1);
		stoppingSince = Date.now();
		log.info({ reason }, "process.stopping");
		for (const close of closers) {
			await close().catch((error: unknown) => log.error({ err: error }, "process.close_failed"));
		}
		log.info({ reason }, "process.stopped");
		process.exitCode = code;
		// Anything that still holds the process (a library's idle socket) is not worth waiting for.
		setTimeout(() => process.exit(code), LEFTOVER_MS).unref();
	};
	process.on("SIGTERM", () => void stop("SIGTERM", 0));
	process.on("SIGINT", () => void stop("SIGINT", 0));
	// A state nobody foresaw: the process ends in order and its supervisor starts a fresh one. The tables hold all the work.
	process.on("uncaughtException", (error) => {
		log.fatal({ err: error }, "process.failed");
		void stop("uncaught exception", 1);
	});
	process.on("unhandledRejection", (error) => {
		log.fatal({ err: error }, "process.failed");
		void stop("unhandled rejection", 1);
	});
}
