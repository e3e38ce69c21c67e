import type pg from "pg";
import { pino } from "pino";
import type { ApplyDeps } from "#apply";

/** The parts of apply that know a channel, for tests that have none. */
export const applyDeps = (pool: pg.Pool, onApplied?: ApplyDeps["onApplied"]): ApplyDeps => ({
	pool,
	log: pino({ level: process.env["TEST_LOG"] ?? "silent" }),
	traits: (channel) => ({ clockResolutionMs: 1000, quantityMeaning: channel === "shopify" ? "delta" : "selfDecrementing" }),
	...(onApplied ? { onApplied } : {}),
});
