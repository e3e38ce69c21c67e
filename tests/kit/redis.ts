import { spawnSync } from "node:child_process";
import { inject } from "vitest";
import { askDesk } from "./desk.ts";

/** Tests on Redis run wherever redis-server is installed, and fail there if it does not work. `npm test` says when it is not. */
export const redisIsInstalled = spawnSync("redis-server", ["--version"]).status === 0;

/** The URL of an empty database of a real Redis. */
export const freshRedis = (): Promise<string> => askDesk(inject("redisDesk"), "create");
