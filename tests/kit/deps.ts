import { randomBytes } from "node:crypto";
import { pino } from "pino";
import type { Deps } from "#connections";

/** What the stages are given: this database, a key of its own, a log that says nothing, and wakes that reach nobody else. */
export const quietDeps = (pool: Deps["pool"], wake: Deps["wake"] = async () => {}): Deps => ({
	pool,
	keyRing: [{ id: "k1", key: randomBytes(32) }],
	env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
	log: pino({ level: process.env.TEST_LOG ?? "silent" }),
	wake,
});
