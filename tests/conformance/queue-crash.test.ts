import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createQueue, startWorkers } from "#jobs";
import { createLogger } from "#telemetry";
import { type Child, startChild } from "../kit/child.ts";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";
import { freshRedis, redisIsInstalled } from "../kit/redis.ts";

/** The lock of a killed worker's job runs out after 15 s and is looked for every 5 s (app/jobs/worker.ts). */
const RECOVERED_MS = 30_000;

const log = createLogger({ level: "silent", name: "test" });
let db: TestDatabase;
let redisUrl = "";

beforeAll(async () => {
	db = await freshDatabase();
	if (redisIsInstalled) redisUrl = await freshRedis();
});
afterAll(() => db.drop());

const backends = redisIsInstalled ? (["postgres", "redis"] as const) : (["postgres"] as const);

test.concurrent.each(backends)(
	"R08 a worker is killed in the middle of a job, on %s: another runs it again, and the wake that came meanwhile; a rescue does not wait for that",
	{ timeout: 2 * RECOVERED_MS },
	async (kind) => {
		const options = { databaseUrl: db.url, redisUrl: kind === "redis" ? redisUrl : undefined, log };
		const queue = createQueue(options);
		const killed: Child = await startChild(`${import.meta.dirname}/stuck-worker-process.ts`, [options.databaseUrl, options.redisUrl ?? ""]);
		await queue.wake("apply.drain", { shopId: 1 });
		// It has taken the job: nothing waits any more, one is active.
		while ((await queue.counts()).apply.active !== 1) await sleep(20);
		await queue.wake("apply.drain", { shopId: 1 });
		await killed.kill();

		const runs: number[] = [];
		const startedAt = Date.now();
		const workers = startWorkers(
			{
				"apply.drain": async () => {
					runs.push(Date.now() - startedAt);
					return undefined;
				},
			},
			{ queue },
		);
		await queue.rescue("apply.drain", { shopId: 1 });
		while (runs.length === 0) await sleep(20);
		expect(runs[0]).toBeLessThan(5_000);
		while (runs.length < 3 && Date.now() - startedAt < RECOVERED_MS) await sleep(50);
		expect(runs).toHaveLength(3);
		await workers.close();
		await queue.close();
	},
);
