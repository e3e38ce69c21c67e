import { setTimeout as sleep } from "node:timers/promises";
import { RateLimitedError } from "../errors.ts";

/**
 * Some operations are allowed once in minutes, longer than anybody waits for one call. For work of several steps that would have
 * to begin anew, waiting is cheaper: each step comes again when its bucket allows it, until the work as a whole has waited long
 * enough.
 */
export function patience(waitMaxMs: number): <T>(step: () => Promise<T>) => Promise<T> {
	let leftMs = waitMaxMs;
	return async (step) => {
		for (;;) {
			try {
				return await step();
			} catch (error) {
				if (!(error instanceof RateLimitedError)) throw error;
				const pauseMs = Math.max(PAUSE_MIN_MS, error.retryAfterMs ?? PAUSE_MS);
				if (pauseMs > leftMs) throw error;
				leftMs -= pauseMs;
				await sleep(pauseMs);
			}
		}
	};
}
/** A channel that says "now" and means it never must not be asked without end. */
const PAUSE_MIN_MS = 20;
/** One over the slowest documented rate, 0.0056/s. */
const PAUSE_MS = 179_000;
