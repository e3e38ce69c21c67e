import type { TestProject } from "vitest/node";
import { startDatabaseDesk } from "./database-desk.ts";
import { startRedisDesk } from "./redis-desk.ts";

declare module "vitest" {
	interface ProvidedContext {
		databaseDesk: string;
		redisDesk: string;
	}
}

/**
 * Runs once per test run, in the main process. PostgreSQL and Redis start at the first test that asks for them, so tests of
 * pure functions wait for nothing; at the end both stop.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
	const [databases, redis] = await Promise.all([startDatabaseDesk(), startRedisDesk()]);
	project.provide("databaseDesk", databases.url);
	project.provide("redisDesk", redis.url);
	return async () => {
		await Promise.all([databases.close(), redis.close()]);
	};
}
