import type { Pool } from "pg";
import type { Logger } from "pino";
import type { KeyRing } from "#app/crypto.server.ts";
import type { Env } from "#app/env.server.ts";
import type { Wake } from "#jobs";

/** What the stages are given instead of reaching for the environment: one value, made once per process (and per test). */
export type Deps = {
	pool: Pool;
	keyRing: KeyRing;
	env: Pick<Env, "shopifyApiKey" | "shopifyApiSecrets"> & Partial<Pick<Env, "appSettings">>;
	log: Logger;
	/** Wakes a job after a commit; losing a wake loses nothing, the sweeper finds what waits. */
	wake: Wake;
};
