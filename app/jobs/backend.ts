import { createPostgresBackend, createRedisBackend, type Processor, Queue, Worker, type WorkerOptions } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";
import type { Logger } from "#telemetry";
import { type QueueName, queues } from "./catalog.ts";

/** Where the queue lives: Redis where REDIS_URL is set, otherwise the app's own PostgreSQL (schema `bullmq`). */
export type BackendOptions = { databaseUrl: string; redisUrl?: string | undefined; log: Logger };

export type Backend = {
	queue(name: QueueName): Queue;
	worker(name: QueueName, processor: Processor, options: Omit<WorkerOptions, "connection">): Worker;
	/** After the queues and workers are closed. */
	disconnect(): Promise<void>;
};

/** A worker process holds one listening connection per queue for good; the rest are for adding, fetching and finishing jobs. */
export const QUEUE_POOL_MAX = Object.keys(queues).length + 5;
const CONNECT_TIMEOUT_MS = 3_000;
const PREFIX = "lockstep";

export function openBackend(options: BackendOptions): Backend {
	return options.redisUrl ? openRedis(options.redisUrl, options.log) : openPostgres(options.databaseUrl, options.log);
}

/** One pool for every queue and worker of the process. Its connections look into the queue's own schema. */
function openPostgres(databaseUrl: string, log: Logger): Backend {
	const pool = new pg.Pool({
		connectionString: databaseUrl,
		options: "-c search_path=bullmq",
		application_name: "lockstep queue",
		max: QUEUE_POOL_MAX,
		keepAlive: true,
		connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
	});
	pool.setMaxListeners(0); // Each queue and worker listens to the one pool.
	pool.on("error", (error) => log.warn({ err: error }, "queue.connection_lost"));
	return {
		queue: (name) => new Queue(name, { connection: pool as never }, createPostgresBackend as never),
		worker: (name, processor, rest) => new Worker(name, processor, { ...rest, connection: pool as never }, createPostgresBackend as never),
		disconnect: () => pool.end(),
	};
}

function openRedis(url: string, log: Logger): Backend {
	// null: a worker's blocking fetch waits for Redis to come back. Those who add give up by themselves (queue.ts).
	const connection = new Redis(url, { maxRetriesPerRequest: null });
	connection.on("error", (error) => log.warn({ err: error }, "queue.connection_lost"));
	return {
		queue: (name) => new Queue(name, { connection, prefix: PREFIX }, createRedisBackend),
		worker: (name, processor, rest) => new Worker(name, processor, { ...rest, connection, prefix: PREFIX }, createRedisBackend),
		disconnect: async () => connection.disconnect(),
	};
}
